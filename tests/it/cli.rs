//! The command line: results, refusals that say what to do, and exit codes.

use crate::binary::{Run, file, run, run_in};
use crate::fake_shop::{FakeShop, Mood, Order, TOKEN};
use crate::support::Server;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a client against a shop.
fn client(shop: &FakeShop, arguments: &[&str]) -> Run {
    let url = shop.url();
    let remote = ["--url", url.as_str(), "--token", TOKEN];
    run(&[arguments, &remote].concat())
}

fn check_refused(arguments: &[&str], cure: &str) {
    let Run { code, stdout, stderr } = run(arguments);
    assert_ne!(code, Some(0), "{arguments:?} must fail; it said {stdout}");
    assert!(
        stderr.contains(cure),
        "{arguments:?} does not say {cure:?} but\n{stderr}"
    );
}

fn fixture(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/online-retail");
    folder.join(name).display().to_string()
}

#[test]
fn errors_name_their_cure() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let rows = file(&directory, "rows.csv", "sku\nA\n");
    check_refused(&["import", &rows], "cartwright token --data DIR");
    check_refused(
        &["import", &rows, "--token", "t", "--url", "http://127.0.0.1:1"],
        "start one with `cartwright serve`",
    );
    check_refused(
        &["import", &rows, "--token", "t", "--url", "https://127.0.0.1:1"],
        "no server answers at https://127.0.0.1:1; start one",
    );
    let server = Server::fresh();
    let encrypted = server.url().replace("http:", "https:");
    check_refused(
        &["import", &rows, "--token", "t", "--url", &encrypted],
        &format!("no proxy stands before is at {}", server.url()),
    );
    check_refused(
        &["import", &rows, "--token", "t", "--url", "localhost"],
        "--url http://127.0.0.1:8080",
    );
    check_refused(&["import", "/nonexistent.csv"], "cannot read /nonexistent.csv");
    check_refused(&["import", &rows, "--map", "sku="], "for example sku=Column");
    check_refused(&["import", &rows, "--map", "sku=Code"], "its columns are sku");
    check_refused(&["replay", &rows], "no column \"InvoiceNo\"; its columns are sku");
    check_refused(
        &["replay", &rows, "--stock", &rows, "--concurrency", "2"],
        "leave --concurrency out",
    );
    check_refused(
        &["bench", "--work", "w7"],
        "[possible values: w1, w2, w3, w4, w5, w8, w9]",
    );
    check_refused(
        &["token", "--data", "/nonexistent"],
        "a server that was started once with --data DIR",
    );
    check_refused(
        &["config", "check", "--config", "none.toml"],
        "cartwright config default > none.toml",
    );
    check_refused(
        &["config", "check", "--listen", "here"],
        "write for example \"127.0.0.1:8080\"",
    );
}

#[test]
fn why_a_file_cannot_be_used_is_said_once() {
    for (name, what) in [
        ("lock", "cannot use /"),
        ("sandbox/ledger.jsonl", "cannot use the sandbox's ledger /"),
    ] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        // A directory stands where the file should.
        std::fs::create_dir_all(directory.path().join(name)).expect("the directory is writable");
        let data = directory.path().display().to_string();
        let Run { code, stderr, .. } = run(&["serve", "--data", &data, "--listen", "127.0.0.1:0"]);
        assert_eq!(code, Some(1), "{stderr}");
        let told = stderr.lines().find(|line| line.contains(what));
        let causes = told.map(|line| line.matches("(os error").count());
        assert_eq!(causes, Some(1), "{name}: {stderr}");
    }
}

#[test]
fn an_import_reports_refused_rows_and_a_second_run_changes_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let text = "Code;Name\n".replace(';', ",") + "A,Alpha\n,Nameless\nREFUSED,x\nA,Again\nBANK CHARGES,\n";
    let rows = file(&directory, "rows.csv", &text);
    let shop = FakeShop::open(Mood::Good);
    let arguments = ["import", rows.as_str(), "--map", "sku=Code,title=Name"];
    let first = client(&shop, &arguments);
    assert_eq!(first.code, Some(1), "{}", first.stderr);
    let mut lines: Vec<&str> = first.stdout.lines().collect();
    lines.sort_unstable();
    let expected = [
        "created 2, updated 0, unchanged 0, refused 3",
        "refused\tline 3\t\tit has no SKU; every row needs one",
        "refused\tline 4\tREFUSED\tsku.bad: the SKU is not to our taste",
        "refused\tline 5\tA\tit is about the same as line 2; keep one of the two, or each run would change it twice",
    ];
    assert_eq!(lines, expected);
    let second = client(&shop, &arguments);
    assert!(
        second
            .stdout
            .ends_with("created 0, updated 0, unchanged 2, refused 3\n"),
        "{}",
        second.stdout
    );
}

#[test]
fn a_report_that_cannot_be_written_stops_a_replay_before_its_first_sale() {
    let shop = FakeShop::open(Mood::Good);
    let rows = fixture("transactions.csv");
    let played = client(&shop, &["replay", &rows, "--report", "/nonexistent/report.tsv"]);
    assert_eq!(played.code, Some(1));
    assert!(
        played
            .stderr
            .contains("cannot write the report /nonexistent/report.tsv"),
        "{}",
        played.stderr
    );
    assert!(shop.with(|shop| shop.orders.is_empty()), "nothing was sold");
}

#[test]
fn a_dry_run_sends_nothing() {
    let shop = FakeShop::open(Mood::Good);
    let catalog = fixture("catalog.csv");
    let dry = client(
        &shop,
        &["import", &catalog, "--preset", "online-retail", "--dry-run"],
    );
    assert_eq!(
        (dry.code, dry.stdout.as_str()),
        (
            Some(0),
            "879 rows could be sent, 0 are refused; nothing was sent\n"
        )
    );
    assert_eq!(shop.with(|shop| shop.imports), 0);
}

#[test]
fn the_preset_imports_prices_and_leaves_what_has_none_not_for_sale() {
    let shop = FakeShop::open(Mood::Busy);
    let catalog = fixture("catalog.csv");
    let imported = client(&shop, &["import", &catalog, "--preset", "online-retail"]);
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    assert_eq!(
        imported.stdout,
        "created 879, updated 0, unchanged 0, refused 0\n"
    );
    shop.with(|shop| {
        let price = |sku: &str| shop.variants[sku].price.clone();
        assert_eq!(
            price("85123a"),
            Some(serde_json::json!({"unit_price": "6.63", "currency": "GBP"}))
        );
        assert_eq!(price("D"), None);
        assert_eq!(shop.imports, 2);
    });
}

#[test]
fn a_file_that_ends_too_soon_is_named_and_what_was_sent_is_told() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let rows: String = (0..60_000_u32).map(|n| format!("{n:x}\n")).collect();
    let whole = zstd::encode_all(format!("sku\n{rows}").as_bytes(), 1).expect("it is compressed");
    let path = directory.path().join("rows.csv.zst");
    std::fs::write(&path, &whole[..whole.len() / 2]).expect("the directory is writable");
    let path = path.display().to_string();
    let shop = FakeShop::open(Mood::Good);
    let Run { code, stdout, stderr } = client(&shop, &["import", &path]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains(&format!("cannot read {path} after line ")),
        "{stderr}"
    );
    let sent = shop.with(|shop| shop.variants.len());
    assert!(0 < sent, "what came before was sent");
    assert_eq!(
        stdout,
        format!("created {sent}, updated 0, unchanged 0, refused 0\n")
    );
}

#[test]
fn a_replay_places_every_sale_and_compares_its_total() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let report = directory.path().join("report.tsv").display().to_string();
    let shop = FakeShop::open(Mood::Good);
    let rows = fixture("transactions.csv");
    let played = client(
        &shop,
        &["replay", &rows, "--concurrency", "8", "--report", &report],
    );
    assert_eq!(played.code, Some(0), "{}{}", played.stdout, played.stderr);
    for line in [
        "not played: what is no sale (cancellation ",
        "orders      166",
        "matched     166",
        "mismatched  0",
        "refused     0",
    ] {
        assert!(
            played.stdout.contains(line),
            "{line:?} is not in\n{}",
            played.stdout
        );
    }
    assert!(
        played
            .stdout
            .contains("added 879 codes that the catalog did not have"),
        "{}",
        played.stdout
    );
    let report = std::fs::read_to_string(report).expect("the report was written");
    assert_eq!(report.lines().count(), 166);
    shop.with(|shop| {
        assert_eq!(
            (shop.zones.len(), shop.methods.len(), shop.adjustments.len()),
            (1, 1, 0)
        );
        let tenth = shop
            .orders
            .iter()
            .find(|order| order.lines.iter().any(|line| line.0 == "PADS"));
        assert!(tenth.is_some_and(|order: &Order| order.country == "GB" && order.email.contains('@')));
    });
}

#[test]
fn a_file_without_a_sale_is_not_played() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let rows = directory.path().join("rows.csv");
    let text = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n\
                C1,A,T,-1,2011-01-01 10:00:00,1.00,,France\n";
    std::fs::write(&rows, text).expect("the directory is writable");
    let shop = FakeShop::open(Mood::Good);
    let played = client(&shop, &["replay", &rows.display().to_string()]);
    assert_eq!(played.code, Some(1), "{}", played.stdout);
    assert!(played.stderr.contains("it holds no sale"), "{}", played.stderr);
    shop.with(|shop| assert!(shop.methods.is_empty() && shop.adjustments.is_empty()));
}

#[test]
fn a_total_that_differs_is_a_mismatch_and_fails() {
    let shop = FakeShop::open(Mood::Dear);
    let played = client(&shop, &["replay", &fixture("transactions.csv"), "--limit", "2"]);
    assert_eq!(played.code, Some(1), "{}", played.stderr);
    assert!(played.stdout.contains("mismatched  2"), "{}", played.stdout);
    assert_eq!(shop.with(|shop| shop.orders.len()), 2);
}

#[test]
fn a_payment_that_is_settled_later_is_waited_for() {
    let shop = FakeShop::open(Mood::Slow);
    let played = client(&shop, &["replay", &fixture("transactions.csv"), "--limit", "2"]);
    assert_eq!(played.code, Some(0), "{}{}", played.stdout, played.stderr);
    assert!(played.stdout.contains("matched     2"), "{}", played.stdout);
}

#[test]
fn with_stock_every_row_moves_it_and_the_closing_figures_are_compared() {
    let shop = FakeShop::open(Mood::Good);
    let arguments = [
        "replay",
        &fixture("transactions.csv"),
        "--stock",
        &fixture("stock.csv"),
    ];
    // A second time everything starts from the same opening stock, whatever the first orders hold.
    for _ in 0..2 {
        let played = client(&shop, &arguments);
        assert_eq!(played.code, Some(0), "{}{}", played.stdout, played.stderr);
        assert!(
            played
                .stdout
                .contains("closing stock: 879 codes compared, 0 differ"),
            "{}",
            played.stdout
        );
    }
    shop.with(|shop| {
        assert_eq!((shop.zones.len(), shop.methods.len()), (1, 1));
        let bad_debt = serde_json::json!({"delta": -1, "reason": "adjustment", "reference": "A563185"});
        assert!(shop.adjustments.contains(&bad_debt), "{:?}", shop.adjustments);
    });
}

#[test]
fn with_one_unit_less_the_named_invoice_is_the_first_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let stock = std::fs::read_to_string(fixture("stock.csv")).expect("the fixture is there");
    let row = "23166,74215,74215,";
    let (before, after) = stock
        .split_once(row)
        .expect("the code of the largest line is there");
    let invoice = after
        .lines()
        .next()
        .and_then(|rest| rest.split(',').nth(1))
        .unwrap_or_default();
    let less = file(
        &directory,
        "stock.csv",
        &format!("{before}23166,74214,74215,{after}"),
    );
    let shop = FakeShop::open(Mood::Good);
    let played = client(&shop, &["replay", &fixture("transactions.csv"), "--stock", &less]);
    assert_eq!(played.code, Some(1), "{}", played.stderr);
    assert!(
        played
            .stdout
            .contains(&format!("first refused: invoice {invoice}\n")),
        "{}",
        played.stdout
    );
    assert!(
        played.stdout.contains("stock.short: only a few left"),
        "{}",
        played.stdout
    );
}

#[test]
fn a_token_of_another_store_stops_a_replay() {
    let shop = FakeShop::open(Mood::Good);
    let url = shop.url();
    let played = run(&[
        "replay",
        &fixture("transactions.csv"),
        "--url",
        &url,
        "--token",
        "other",
    ]);
    assert_eq!(played.code, Some(1));
    assert!(
        played
            .stderr
            .contains("`cartwright token --data DIR` issues another"),
        "{}",
        played.stderr
    );
}

#[test]
fn an_unknown_country_is_named_before_anything_is_played() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let heading = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
    let rows = file(
        &directory,
        "rows.csv",
        &format!("{heading}\n1,A,T,1,2011-10-01 10:00:00,1.00,,Atlantis\n"),
    );
    let map = file(&directory, "map.json", r#"{"Atlantis": "XA"}"#);
    check_refused(
        &["replay", &rows],
        "the country \"Atlantis\" is not known; give --country-map FILE",
    );
    let shop = FakeShop::open(Mood::Good);
    let played = client(&shop, &["replay", &rows, "--country-map", &map]);
    assert_eq!(played.code, Some(0), "{}{}", played.stdout, played.stderr);
    assert_eq!(shop.with(|shop| shop.orders[0].country.clone()), "XA");
}

#[test]
fn a_bench_measures_the_server_and_the_bare_handler_in_the_same_run() {
    let shop = FakeShop::open(Mood::Good);
    let arguments = [
        "bench",
        "--work",
        "w1",
        "--connections",
        "2",
        "--seconds",
        "1",
        "--json",
    ];
    let measured = client(&shop, &arguments);
    assert_eq!(measured.code, Some(0), "{}", measured.stderr);
    let figures: serde_json::Value = serde_json::from_str(&measured.stdout).expect("one JSON object");
    assert_eq!(figures["work"], "w1");
    assert_eq!(
        (&figures["connections"], &figures["errors"]),
        (&2.into(), &0.into())
    );
    for side in ["server", "bare"] {
        assert!(
            figures[side]["operations_per_second"]
                .as_u64()
                .is_some_and(|rate| 0 < rate),
            "{figures}"
        );
    }
    assert!(figures["share_of_bare_permille"].is_u64(), "{figures}");
    assert_eq!(figures["request_bytes"], 18);
}

#[test]
fn disk_check_says_what_the_disk_allows_and_leaves_nothing_behind() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let checked = run_in(
        directory.path(),
        &["disk-check", "--writes", "3", "--write-bytes", "1000"],
    );
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    assert!(
        checked
            .stdout
            .starts_with("3 writes of 1024 bytes, each with fdatasync"),
        "{}",
        checked.stdout
    );
    assert!(
        checked.stdout.contains("overwriting zeros, as the journal does"),
        "{}",
        checked.stdout
    );
    let left = std::fs::read_dir(directory.path())
        .expect("the directory is there")
        .count();
    assert_eq!(left, 0);
}

#[test]
fn an_interrupted_replay_reports_what_was_played() {
    for signal in ["-INT", "-TERM"] {
        check_interrupted(signal);
    }
}

/// Checks that a replay that is sent this signal reports its part.
fn check_interrupted(signal: &str) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let report = directory.path().join("report.tsv").display().to_string();
    let shop = FakeShop::open(Mood::Slow);
    let (url, rows) = (shop.url(), fixture("transactions.csv"));
    let arguments = [
        "replay", &rows, "--report", &report, "--url", &url, "--token", TOKEN,
    ];
    let replay = Command::new(env!("CARGO_BIN_EXE_cartwright"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let deadline = Instant::now() + PATIENCE;
    while shop.with(|shop| shop.orders.len()) < 2 {
        assert!(Instant::now() < deadline, "nothing was ordered in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    let interrupted = Command::new("kill")
        .args([signal, &replay.id().to_string()])
        .status();
    assert!(interrupted.is_ok_and(|status| status.success()));
    let ended = replay.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("it was interrupted"));
    assert!(String::from_utf8_lossy(&ended.stdout).contains("mismatched  0"));
    let text = std::fs::read_to_string(report).expect("the report was written");
    assert!(
        text.lines()
            .next()
            .is_some_and(|line| line.ends_with("\tmatched")),
        "{text}"
    );
}
