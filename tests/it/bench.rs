//! `cartwright bench` against the real server, whose own counters it reads.

use crate::support::{Server, cartwright};
use serde_json::Value;

/// Runs a bench of a second and returns its figures.
fn bench(server: &Server, work: &str) -> Value {
    let output = cartwright()
        .args([
            "bench",
            "--work",
            work,
            "--connections",
            "2",
            "--seconds",
            "1",
            "--no-limits",
            "--json",
        ])
        .args(["--url", server.url(), "--token", server.token()])
        .output()
        .expect("the binary runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{work}: {stderr}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn every_work_is_done_without_a_failure_and_counted_by_the_server_itself() {
    let server = Server::fresh();
    for work in ["w1", "w2", "w3", "w4", "w5", "w8"] {
        let figures = bench(&server, work);
        let number = |pointer: &str| {
            figures
                .pointer(pointer)
                .and_then(Value::as_u64)
                .unwrap_or_default()
        };
        assert_eq!((&figures["work"], number("/errors")), (&Value::from(work), 0));
        assert!(0 < number("/server/operations"), "{figures}");
        assert!(
            0 < number("/server/p50_us") && number("/server/p50_us") <= number("/server/p99_us"),
            "{figures}"
        );
        assert!(0 < number("/resident_bytes"), "{figures}");
        let writes = 0 < number("/journal_bytes_per_operation") && 0 < number("/fsyncs_per_second");
        assert_eq!(writes, work != "w3", "all but a read is written: {figures}");
    }
}
