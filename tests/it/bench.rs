//! `cartwright bench`: against a running server, whose own counters it reads, and on servers of its own.

use crate::support::{Server, cartwright, until};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a bench and returns what it wrote to stdout.
#[track_caller]
fn ran(command: &mut Command) -> String {
    let output = command.output().expect("the binary runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).expect("what it prints is text")
}

#[track_caller]
fn number(figures: &Value, pointer: &str) -> u64 {
    let found = figures.pointer(pointer).and_then(Value::as_u64);
    found.unwrap_or_else(|| panic!("there is no number at {pointer}: {figures}"))
}

#[track_caller]
fn json(file: &Path) -> Value {
    let text = std::fs::read(file).expect("the figures were written");
    serde_json::from_slice(&text).expect("the figures are JSON")
}

/// Runs a bench that is refused and returns why.
#[track_caller]
fn refused(arguments: &[&str]) -> String {
    let output = cartwright().arg("bench").args(arguments).output();
    let output = output.expect("the binary runs");
    assert!(!output.status.success(), "{arguments:?} are taken");
    String::from_utf8(output.stderr).expect("what it says is text")
}

/// Checks what every work says of itself.
#[track_caller]
fn check_work(figures: &Value, work: &str) {
    assert_eq!(
        (&figures["work"], number(figures, "/errors")),
        (&Value::from(work), 0)
    );
    assert!(0 < number(figures, "/server/operations"), "{figures}");
    let (p50, p99) = (
        number(figures, "/server/p50_us"),
        number(figures, "/server/p99_us"),
    );
    assert!(0 < p50 && p50 <= p99, "{figures}");
    assert!(0 < number(figures, "/resident_bytes"), "{figures}");
    let written = number(figures, "/journal_bytes_per_operation");
    let synced = number(figures, "/fsyncs_per_second");
    assert_eq!(
        (0 < written, 0 < synced),
        (work != "w3", work != "w3"),
        "all but a read is written: {figures}"
    );
}

/// Measures W2 with two connections, checks what it says of itself and returns it.
#[track_caller]
fn w2_on_a_running_server(arguments: &[&str]) -> Value {
    let server = Server::fresh();
    let mut command = cartwright();
    command
        .args([
            "bench",
            "--work",
            "w2",
            "--connections",
            "2",
            "--no-limits",
            "--json",
        ])
        .args(arguments)
        .args(["--url", server.url(), "--token", server.token()]);
    let figures = serde_json::from_str(&ran(&mut command)).expect("one JSON object");
    check_work(&figures, "w2");
    figures
}

#[test]
fn a_work_is_measured_on_a_running_server() {
    let figures = w2_on_a_running_server(&["--seconds", "0.2"]);
    assert!(figures["rate"].is_null(), "no rate was asked for: {figures}");
}

#[test]
fn a_work_is_measured_at_the_rate_that_is_asked_for() {
    let figures = w2_on_a_running_server(&["--seconds", "1", "--rate", "20"]);
    assert_eq!(number(&figures, "/rate"), 20);
    // A slow machine makes fewer; none makes more than were to be sent.
    assert!(number(&figures, "/server/operations") <= 20, "{figures}");
}

#[test]
fn what_would_not_be_heeded_is_refused() {
    for all in [["--all"].as_slice(), &["--growth"], &["--from", "figures.json"]] {
        let why = refused(&[all, &["--rate", "50"]].concat());
        let is_refused = why.contains("cannot be used with") && why.contains("'--rate <N>'");
        assert!(is_refused, "{all:?}: {why}");
    }
    let why = refused(&["--work", "w2", "--rounds", "9"]);
    assert!(why.contains("cannot be used with"), "{why}");
}

#[test]
fn what_cannot_be_written_or_read_is_told_before_the_work() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    // Nobody listens there, and that is not what it comes to.
    let nobody = ["--url", "http://127.0.0.1:1", "--token", "eyJ"];
    let work = [["--work", "w2", "--seconds", "60"].as_slice(), &nobody].concat();
    let missing = path("missing");
    let why = refused(&[&work, ["--data-dir", &missing].as_slice()].concat());
    assert!(why.contains("cannot measure in"), "{why}");
    let figures = path("figures.json");
    let why = refused(&["--from", &figures, "--json", &figures]);
    assert!(why.contains("cannot read"), "{why}");
    let why = refused(&["--all", "--json", &figures, "--page", &path("page.svg")]);
    assert!(why.contains("would be written over"), "{why}");
    let why = refused(&["--all", "--json", &figures, "--page", &path("missing/page.md")]);
    assert!(why.contains("cannot write"), "{why}");
    let why = refused(&[&work, ["--json", &figures].as_slice()].concat());
    assert!(why.contains("no server answers"), "{why}");
    let left = std::fs::read_dir(folder.path()).expect("it is there").count();
    assert_eq!(left, 0, "files that nothing was written to are gone");
}

#[tokio::test]
async fn who_ends_a_bench_ends_its_servers_and_removes_what_they_wrote() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut bench = cartwright()
        .args(["bench", "--growth", "--seconds", "60", "--data-dir"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let files = || std::fs::read_dir(folder.path()).expect("it is there").count();
    until("it has two servers", async || (2 <= files()).then_some(())).await;
    let sent = Command::new("kill")
        .args(["-TERM", &bench.id().to_string()])
        .status();
    assert!(sent.is_ok_and(|status| status.success()), "SIGTERM can be sent");
    let ended = until("it has ended", async || {
        bench.try_wait().expect("it can be waited for")
    })
    .await;
    assert!(!ended.success());
    assert_eq!(files(), 0, "its servers' directories are gone");
}

#[test]
fn every_work_is_measured_with_nothing_but_the_binary() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (file, page) = (
        folder.path().join("figures.json"),
        folder.path().join("performance.md"),
    );
    let table = ran(cartwright()
        .args([
            "bench",
            "--all",
            "--connections",
            "4",
            "--seconds",
            "0.2",
            "--rounds",
            "2",
            "--carts",
            "1000",
        ])
        .arg("--data-dir")
        .arg(folder.path())
        .arg("--json")
        .arg(&file)
        .arg("--page")
        .arg(&page));
    assert!(table.contains("operations/s"), "{table}");
    let small = "This is a small run, with 1,000 carts";
    assert!(table.contains(small), "{table}");

    let report = json(&file);
    assert_eq!(report["rounds"].as_array().map(Vec::len), Some(2));
    let round = &report["rounds"][0];
    let works = round["figures"].as_array().expect("works are a list");
    let names = ["w1", "w2", "w3", "w4", "w5", "w8", "w9"];
    assert_eq!(works.len(), names.len());
    for (figures, work) in works.iter().zip(names) {
        check_work(figures, work);
        let is_purchase = ["w4", "w8"].contains(&work);
        assert_eq!(figures["bare"].is_null(), is_purchase, "{figures}");
        assert_eq!(figures["disk"].is_null(), work == "w3", "{figures}");
    }
    let woken = number(&works[6], "/wakes_permille");
    assert!(
        500 < woken,
        "each operation of W9 finds its cart asleep, {woken} in 1000 did"
    );
    assert_eq!(number(&works[1], "/wakes_permille"), 0, "no cart of W2 sleeps");
    let half = &round["half_load"];
    assert!(0 < number(half, "/server/operations") && 0 < number(half, "/bare/operations"));
    let waits = &round["waits"];
    let (answered, in_all) = (
        number(waits, "/until_answered_thousandths"),
        number(waits, "/in_all_thousandths"),
    );
    assert!(
        7_000 <= answered && answered <= in_all,
        "a purchase is seven changes at least: {waits}"
    );
    let in_turn = round["in_turn"].as_array().expect("works in turn are a list");
    let pairs = [("w5", "w2"), ("w8", "w4"), ("w9", "w2")];
    assert_eq!(in_turn.len(), pairs.len());
    for (both, (work, over)) in in_turn.iter().zip(pairs) {
        assert_eq!((&both["work"], &both["over"]), (&work.into(), &over.into()));
        assert!(0 < number(both, "/operations_per_second"), "{both}");
        assert!(0 < number(both, "/over_operations_per_second"), "{both}");
        assert_eq!(both["wakes_permille"].is_null(), work != "w9", "{both}");
        assert_eq!(both["mails_permille"].is_null(), work != "w8", "{both}");
        assert!(0 < number(both, "/over_commits_permille"), "{both}");
    }
    assert!(0 < number(round, "/kept_bytes"), "mails are kept: {round}");
    let snapshots = &round["snapshots"];
    assert!(
        number(snapshots, "/snapshot_bytes") < number(snapshots, "/written_bytes"),
        "{snapshots}"
    );

    let text = std::fs::read_to_string(&page).expect("the page was written");
    assert!(text.starts_with("<!-- Generated by"), "{text}");
    assert!(text.contains(small), "{text}");
    let command =
        "cartwright bench --all --seconds 0.200 --rounds 2 --carts 1000 --connections 4 --data-dir DIR";
    assert!(text.contains(command), "{text}");
    let warnings = report["warnings"].as_array().expect("warnings are a list");
    assert!(!warnings.is_empty(), "{report}");
    let goals = report["goals"].as_array().expect("goals are a list");
    for goal in goals {
        assert!(
            text.contains(goal["goal"].as_str().expect("a goal has a name")),
            "{goal}"
        );
    }
    let plot = std::fs::read_to_string(page.with_extension("svg")).expect("the plot was written");
    assert!(plot.starts_with("<svg") && plot.trim_end().ends_with("</svg>"));

    // The page is made again from the figures, without a server.
    let again = folder.path().join("again.md");
    ran(cartwright()
        .args(["bench", "--from"])
        .arg(&file)
        .arg("--page")
        .arg(&again));
    let again = std::fs::read_to_string(&again).expect("the page was written again");
    assert_eq!(again.replace("again.svg", "performance.svg"), text);
}

#[test]
fn growth_is_measured_on_a_small_scale() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("figures.json");
    ran(cartwright()
        .args([
            "bench",
            "--growth",
            "--connections",
            "4",
            "--seconds",
            "0.2",
            "--rounds",
            "1",
            "--carts",
            "200",
        ])
        .arg("--data-dir")
        .arg(folder.path())
        .arg("--json")
        .arg(&file));
    let growth = &json(&file)["growth"];
    assert!(0 < number(growth, "/store_bytes"), "{growth}");
    for (size, carts) in [100, 200].into_iter().enumerate() {
        assert_eq!(number(growth, &format!("/sizes/{size}/carts")), carts);
        assert!(0 < number(growth, &format!("/sizes/{size}/server/operations")));
        assert!(0 < number(growth, &format!("/sizes/{size}/small/operations")));
    }
    assert_eq!(number(growth, "/residents/ceiling"), 20);
    assert!(0 < number(growth, "/residents/most"), "{growth}");
    assert!(0 < number(growth, "/recovery/ready_us"), "{growth}");
    let touched = number(growth, "/cold/read/count") + number(growth, "/cold/add/count");
    assert_eq!(touched, 200 - 4, "each session wakes with one cart of its own");
    assert_eq!(
        (
            number(growth, "/long_carts/0/short/lines"),
            number(growth, "/long_carts/0/long/lines")
        ),
        (5, 40)
    );
    let operations = growth["largest"]["operations"]
        .as_array()
        .expect("operations are a list");
    for operation in operations {
        assert!(operation["error"].is_null(), "{operation}");
    }
    assert!(operations.iter().any(|operation| operation["name"] == "buy it"));
    assert!(20 <= number(growth, "/idle/resident"), "{growth}");
    assert!(0 < number(growth, "/idle/state_bytes_per_cart"), "{growth}");
    assert_eq!(number(growth, "/import/variants"), 20);
}
