//! The configuration of a process: its sources, its faults, and what it does to the logs.

use crate::binary::{file, run, run_in, run_with};
use crate::support::{Client, Directory, cartwright};
use cartwright::config::{ENV_NO_OPTIONS, ENV_PREFIX};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

#[test]
fn config_default_is_the_example_and_checks_out() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let printed = run(&["config", "default"]);
    let example = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cartwright.example.toml");
    assert_eq!(
        printed.stdout,
        std::fs::read_to_string(example).expect("the example is there")
    );
    file(&directory, "cartwright.toml", &printed.stdout);
    let checked = run_in(directory.path(), &["config", "check"]);
    assert_eq!(
        (checked.code, checked.stdout.as_str()),
        (Some(0), "the configuration is fine\n")
    );
}

#[test]
fn a_variable_of_a_text_is_taken_as_it_is_written() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let variables = [
        ("CARTWRIGHT_DATA", "007"),
        ("CARTWRIGHT_MAIL_DIRECTORY", "2024"),
        ("CARTWRIGHT_MAIL_FROM", "\"Shop, The\" <shop@example.com>"),
        ("CARTWRIGHT_CONNECTIONS_MAX", "12"),
        ("CARTWRIGHT_CORS_ORIGINS", "[\"https://a.example\"]"),
    ];
    let shown = run_with(directory.path(), &["config", "show"], &variables);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    for line in [
        "data = \"007\"  # environment variable CARTWRIGHT_DATA",
        "mail_directory = \"2024\"  # environment variable CARTWRIGHT_MAIL_DIRECTORY",
        "mail_from = '\"Shop, The\" <shop@example.com>'",
        "connections_max = 12",
        "cors_origins = [\"https://a.example\"]",
    ] {
        assert!(
            shown.stdout.contains(line),
            "{line:?} is not in\n{}",
            shown.stdout
        );
    }
}

#[test]
fn a_variable_of_the_tests_is_in_nobodys_way() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let check = |name: &str| run_with(directory.path(), &["config", "check"], &[(name, "7")]);
    for name in ENV_NO_OPTIONS.into_iter().filter(|name| *name != "config") {
        let checked = check(&format!("{ENV_PREFIX}{}", name.to_uppercase()));
        assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    }
    let unknown = check(&format!("{ENV_PREFIX}CRASH_SEEDS"));
    let said = unknown.stderr.contains("there is no option of this name");
    assert_eq!((unknown.code, said), (Some(1), true));
}

#[test]
fn what_ends_a_start_is_a_record_where_logs_are_for_machines() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    file(&directory, "taken", "a file, where a directory is to be");
    let serve = ["serve", "--data", "taken", "--listen", "127.0.0.1:0"];
    let json = run_in(
        directory.path(),
        &[&serve[..], &["--log-format", "json"]].concat(),
    );
    let records: Vec<serde_json::Value> = json
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect();
    let last = records.last().map(|record| record["level"].clone());
    assert_eq!((json.code, last), (Some(1), Some("ERROR".into())), "{records:?}");
    for plain in [
        &serve[..],
        &[&serve[..], &["--log-format", "json", "--log-level", "off"]].concat(),
    ] {
        let run = run_in(directory.path(), plain);
        let said = run.stderr.contains("error: cannot make the data directory");
        assert_eq!((run.code, said), (Some(1), true), "{}", run.stderr);
    }
}

#[test]
fn config_check_reports_every_fault_and_config_show_every_source() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    file(
        &directory,
        "cartwright.toml",
        "lissten = 1\nlog_format = \"xml\"\n",
    );
    let checked = run_in(directory.path(), &["config", "check", "--listen", "x"]);
    assert_eq!(checked.code, Some(1));
    for part in ["3 fault(s)", "lissten (", "log_format (", "listen (argument)"] {
        assert!(
            checked.stderr.contains(part),
            "{part:?} is not in\n{}",
            checked.stderr
        );
    }
    // One that is there and leads nowhere is no default.
    let named = directory.path().join("cartwright.toml");
    std::fs::remove_file(&named).expect("it is there");
    std::os::unix::fs::symlink("/nonexistent/cartwright.toml", &named).expect("a link");
    let checked = run_in(directory.path(), &["config", "check"]);
    assert_eq!(checked.code, Some(1), "{}", checked.stdout);
    assert!(
        checked.stderr.contains("a link to /nonexistent/cartwright.toml"),
        "{}",
        checked.stderr
    );
    std::fs::remove_file(&named).expect("it is there");
    file(&directory, "cartwright.toml", "log_format = \"json\"\n");
    let shown = run_in(directory.path(), &["config", "show", "--listen", "127.0.0.1:0"]);
    assert_eq!(shown.code, Some(0));
    for line in [
        "listen = \"127.0.0.1:0\"  # argument",
        "log_level = \"info\"  # default",
    ] {
        assert!(
            shown.stdout.contains(line),
            "{line:?} is not in\n{}",
            shown.stdout
        );
    }
    let json = shown
        .stdout
        .lines()
        .find(|line| line.starts_with("log_format"))
        .unwrap_or_default();
    assert!(json.ends_with("cartwright.toml"), "{json}");
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_no_request() {
    let directory = Directory::new();
    let mut server = cartwright()
        .arg("serve")
        .arg("--data")
        .arg(directory.data())
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // Whatever it logs from now on cannot be written.
    drop(server.stderr.take());
    let stdout = server.stdout.take().expect("its output is read");
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let url = lines.find_map(|line| Some(line.split_once("listens on ")?.1.to_owned()));
    let guest = Client::new(&url.expect("it says where it listens"));
    for _ in 0..3 {
        guest.post("/carts", json!({})).ok(201).await;
    }
    server.kill().expect("it is still there");
    server.wait().expect("it ends");
}
