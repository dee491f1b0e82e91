//! A real shop's catalog and invoices through the real server: import and replay.

use crate::support::{OpenShop, Server, cartwright};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Output;

/// The variable that names the folder of the data sets.
const SHARED: &str = "CARTWRIGHT_SHARED";
/// Where it is where nobody says so, from the repository.
const SHARED_DEFAULT: &str = "../shared";
/// How many invoices of the whole data set a test of a debug build plays.
const INVOICES: &str = "400";

/// What a client left.
pub(crate) struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    /// Returns the lines that begin with a word.
    pub(crate) fn lines_of(&self, word: &str) -> Vec<&str> {
        let lines = self.stdout.lines();
        lines.filter(|line| line.starts_with(word)).collect()
    }

    #[track_caller]
    pub(crate) fn check(&self, code: i32, lines: &[&str]) {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        for line in lines {
            assert!(
                self.stdout.lines().any(|said| said.starts_with(line)),
                "{line:?} is not in\n{}",
                self.stdout
            );
        }
    }
}

pub(crate) async fn client(server: &Server, arguments: &[&str]) -> Run {
    let mut command = cartwright();
    command
        .args(arguments)
        .args(["--url", server.url(), "--token", server.token()]);
    let run = tokio::task::spawn_blocking(move || command.output()).await;
    let Output {
        status,
        stdout,
        stderr,
    } = run.expect("it does not panic").expect("the binary runs");
    Run {
        code: status.code(),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

pub(crate) fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/online-retail");
    folder.join(name).display().to_string()
}

/// Returns a file of the data sets; where it is absent it says that the test is skipped, by name.
pub(crate) fn shared(test: &str, name: &str) -> Option<String> {
    let folder = std::env::var_os(SHARED).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join(SHARED_DEFAULT),
        PathBuf::from,
    );
    let file = folder.join("data").join(name);
    if file.is_file() {
        return Some(file.display().to_string());
    }
    let text = format!(
        "skipped: {test}: there is no {}; set {SHARED} to the folder of the data sets\n",
        file.display()
    );
    // Nobody can be told that stderr is gone.
    drop(std::io::stderr().write_all(text.as_bytes()));
    None
}

#[tokio::test]
async fn the_sample_catalog_is_imported_and_a_second_run_changes_nothing() {
    let server = Server::fresh();
    let catalog = fixture("catalog.csv");
    let import = ["import", catalog.as_str(), "--preset", "online-retail"];
    client(&server, &import)
        .await
        .check(0, &["created 879, updated 0, unchanged 0, refused 0"]);
    client(&server, &import)
        .await
        .check(0, &["created 0, updated 0, unchanged 879, refused 0"]);
    let find = async |sku: &str| {
        server
            .staff()
            .get(&format!("/admin/variants?sku={sku}"))
            .ok(200)
            .await["items"][0]
            .clone()
    };
    let (upper, lower) = (find("85123A").await, find("85123a").await);
    assert!(upper["id"].is_string() && lower["id"].is_string() && upper["id"] != lower["id"]);
    let discount = find("D").await;
    assert_eq!(
        (&discount["for_sale"], &discount["price"]),
        (&json!(false), &serde_json::Value::Null)
    );
    assert!(find("BANK%20CHARGES").await["id"].is_string());
}

#[tokio::test]
async fn the_sample_invoices_match_to_the_penny() {
    let server = Server::fresh();
    let (rows, report) = (
        fixture("transactions.csv"),
        server.directory().folder().join("report.tsv"),
    );
    let report_file = report.display().to_string();
    let replay = [
        "replay",
        rows.as_str(),
        "--concurrency",
        "8",
        "--report",
        report_file.as_str(),
    ];
    let played = client(&server, &replay).await;
    played.check(
        0,
        &[
            "orders      166",
            "matched     166",
            "mismatched  0",
            "refused     0",
        ],
    );
    let orders = server.shop().orders().await;
    assert_eq!(orders.len(), 166);
    let numbers: Vec<u64> = orders
        .iter()
        .filter_map(|order| order["number"].as_u64())
        .collect();
    assert_eq!(numbers, (1..=166).collect::<Vec<_>>());
    let report = std::fs::read_to_string(report).expect("the report was written");
    assert_eq!(report.lines().count(), 166);
}

#[tokio::test]
async fn a_shipping_method_with_bounds_or_of_several_prices_is_not_taken_for_a_free_one() {
    let server = Server::fresh();
    let free = json!({ "amount": 0, "currency": "GBP" });
    for bounds in [
        json!({ "price": free, "conditions": { "weight_grams": { "from": 1_000_000 } } }),
        json!({ "price": free, "conditions": { "only_categories": ["nothing"] } }),
        json!({ "price": free, "except": { "countries": ["GB"] } }),
        json!({ "tariffs": [{ "currency": "GBP", "flat": 0, "worth": { "from": 1_000_000 } }] }),
        json!({ "tariffs": [{ "currency": "GBP", "flat": 0, "handling_fee": 100 }] }),
        json!({ "tariffs": [{ "currency": "GBP", "percentage": { "rate": "0.1" } }] }),
    ] {
        let mut method = bounds;
        method["name"] = json!("Not for everything");
        method["countries"] = json!(["*"]);
        server
            .staff()
            .post("/admin/shipping/methods", method)
            .ok(201)
            .await;
    }
    let rows = fixture("transactions.csv");
    for _ in 0..2 {
        let played = client(&server, &["replay", &rows, "--limit", "3"]).await;
        played.check(0, &["matched     3", "refused     0"]);
        let methods = server.shop().list("/admin/shipping/methods").await;
        let made = methods.iter().filter(|method| method["name"] == "Free shipping");
        assert_eq!((methods.len(), made.count()), (7, 1));
    }
}

#[tokio::test]
async fn with_the_opening_stock_no_sample_invoice_is_refused_and_the_closing_stock_is_the_files() {
    let server = Server::fresh();
    let (rows, stock) = (fixture("transactions.csv"), fixture("stock.csv"));
    let played = client(&server, &["replay", &rows, "--stock", &stock]).await;
    played.check(
        0,
        &[
            "orders      166",
            "matched     166",
            "refused     0",
            "closing stock: 879 codes compared, 0 differ",
        ],
    );
}

#[tokio::test]
async fn with_one_unit_less_the_named_invoice_is_refused_first() {
    let open = OpenShop::fresh().await;
    let text = std::fs::read_to_string(fixture("stock.csv")).expect("the fixture is there");
    let row = "23166,74215,74215,";
    let (before, after) = text
        .split_once(row)
        .expect("the code of the largest line is there");
    let mut lowest = after.lines().next().unwrap_or_default().split(',');
    let invoice = lowest.nth(1).unwrap_or_default();
    let less = open.server.directory().folder().join("stock.csv");
    std::fs::write(&less, format!("{before}23166,74214,74215,{after}")).expect("the file can be written");
    let rows = fixture("transactions.csv");
    let played = client(
        &open.server,
        &["replay", &rows, "--stock", &less.display().to_string()],
    )
    .await;
    assert_eq!(played.code, Some(1), "{}{}", played.stdout, played.stderr);
    assert!(
        played
            .stdout
            .contains(&format!("first refused: invoice {invoice}\n")),
        "invoice {invoice} is not the first refused in\n{}",
        played.stdout
    );
}

#[tokio::test]
async fn the_whole_catalog_of_the_data_set_is_imported_twice() {
    let Some(catalog) = shared(
        "the_whole_catalog_of_the_data_set_is_imported_twice",
        "online-retail/catalogue-visible.csv.zst",
    ) else {
        return;
    };
    let server = Server::fresh();
    let import = ["import", catalog.as_str(), "--preset", "online-retail"];
    let first = client(&server, &import).await;
    first.check(0, &["created "]);
    let created: u64 = first
        .stdout
        .split([' ', ','])
        .nth(1)
        .and_then(|count| count.parse().ok())
        .unwrap_or_default();
    assert!(3_000 < created, "{}", first.stdout);
    let second = format!("created 0, updated 0, unchanged {created}, refused 0");
    client(&server, &import).await.check(0, &[&second]);
}

#[tokio::test]
async fn the_first_invoices_of_the_data_set_match() {
    let Some(rows) = shared(
        "the_first_invoices_of_the_data_set_match",
        "online-retail/transactions-2010-12_2011-09.csv.zst",
    ) else {
        return;
    };
    let server = Server::fresh();
    let played = client(
        &server,
        &["replay", &rows, "--concurrency", "16", "--limit", INVOICES],
    )
    .await;
    played.check(0, &["mismatched  0", "refused     0"]);
}
