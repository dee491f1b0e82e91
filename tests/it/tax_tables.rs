//! Published rate tables through the import: VAT of the European Union with its history and its exceptions by postal
//! code, and sales taxes of the United States and Canada. Here is how each is turned into rows.

use crate::support::{Client, Server, address, pence};
use crate::trade::{client, shared};
use serde_json::{Value, json};
use std::fmt::Write;

/// The heading of the import.
const HEADING: &str = "place,zone,category,tax,name,rate,valid_from\n";

/// Returns a percentage as a decimal: 5.5 is 0.055.
fn of_percent(percent: &Value) -> String {
    let text = percent.to_string();
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let digits = format!("{whole:0>3}{decimals}");
    let (whole, decimals) = digits.split_at(digits.len() - decimals.len() - 2);
    format!("{whole}.{decimals}")
}

/// Turns a pattern of the table, such as `(35\d{3}|9[0-4]\d{2,})`, into places.
fn places(country: &str, pattern: &str) -> String {
    let mut places = Vec::new();
    for alternative in pattern.trim_matches(['(', ')']).split('|') {
        let (code, rest) = match alternative.split_once("\\d") {
            Some((code, _)) => (code, "*"),
            None => (alternative, ""),
        };
        match code.split_once('[') {
            None => places.push(format!("{country} {code}{rest}")),
            Some((before, class)) => {
                let (class, after) = class.split_once(']').expect("the class is closed");
                let bytes = class.as_bytes();
                let digits: Vec<u8> = match *bytes {
                    [from, b'-', to] => (from..=to).collect(),
                    _ => bytes.to_vec(),
                };
                let digits = digits.into_iter().map(char::from);
                places.extend(digits.map(|digit| format!("{country} {before}{digit}{after}{rest}")));
            }
        }
    }
    places.join("; ")
}

fn european(table: &Value) -> String {
    let mut rows = HEADING.to_owned();
    for (country, sets) in table["items"].as_object().expect("countries") {
        for set in sets.as_array().expect("dated sets") {
            let from = set["effective_from"]
                .as_str()
                .filter(|from| *from != "0000-01-01");
            let from = from.unwrap_or_default();
            for (category, percent) in set["rates"].as_object().expect("rates") {
                let rate = of_percent(percent);
                writeln!(rows, "{country},,{category},vat,VAT {percent}%,{rate},{from}")
                    .expect("a text takes it");
            }
            for exception in set["exceptions"].as_array().into_iter().flatten() {
                let (name, percent) = (
                    exception["name"].as_str().expect("a name"),
                    &exception["standard"],
                );
                let places = places(country, exception["postcode"].as_str().expect("a pattern"));
                let rate = of_percent(percent);
                writeln!(rows, "{places},{name},standard,vat,VAT {percent}%,{rate},{from}")
                    .expect("a text takes it");
            }
        }
    }
    rows
}

fn american(table: &Value) -> String {
    let mut rows = HEADING.to_owned();
    for (state, tax) in table["US"]["states"].as_object().expect("states") {
        let rate = &tax["rate"];
        writeln!(rows, "US-{state},,standard,state,Sales tax,{rate},").expect("a text takes it");
    }
    let federal = &table["CA"]["rate"];
    for (province, tax) in table["CA"]["states"].as_object().expect("provinces") {
        let (code, rate) = (tax["type"].as_str().expect("a type"), &tax["rate"]);
        let name = code.to_uppercase();
        writeln!(rows, "CA-{province},,standard,gst,GST,{federal},").expect("a text takes it");
        writeln!(rows, "CA-{province},,standard,{code},{name},{rate},").expect("a text takes it");
    }
    rows
}

async fn import(server: &Server, name: &str, rows: &str) {
    let file = server.directory().folder().join(name);
    std::fs::write(&file, rows).expect("the folder is writable");
    let file = file.display().to_string();
    let count = rows.lines().count() - 1;
    for summary in [
        format!("created {count}, updated 0, unchanged 0, refused 0"),
        format!("created 0, updated 0, unchanged {count}, refused 0"),
    ] {
        client(server, &["import", &file, "--rates"])
            .await
            .check(0, &[&summary]);
    }
}

/// A place and the tax on 100.00 there.
async fn check(keeper: &Client, at: &str, country: &str, region: &str, postal_code: &str, tax: i64) {
    let mut to = address(country);
    to["postal_code"] = json!(postal_code);
    if !region.is_empty() {
        to["region"] = json!(region);
    }
    let body = json!({ "shipping_address": to, "priced_at": at });
    let cart = keeper.patch("/carts/current", body).ok(200).await;
    let place = format!("{country} {region} {postal_code} at {at}");
    assert_eq!(
        cart["totals"]["tax"],
        pence(tax),
        "{place}: {}",
        cart["lines"][0]["tax"]
    );
}

#[tokio::test]
async fn published_rate_tables_are_imported_twice_and_hold_by_place_and_time() {
    let table = |name| {
        let file = shared(
            "published_rate_tables_are_imported_twice_and_hold_by_place_and_time",
            name,
        )?;
        let text = std::fs::read_to_string(file).expect("the file is there");
        Some(serde_json::from_str::<Value>(&text).expect("it is JSON"))
    };
    let (Some(europe), Some(america)) = (
        table("reference/eu-vat-rates.json"),
        table("reference/sales-tax-world-us-ca.json"),
    ) else {
        return;
    };
    let server = Server::fresh();
    let shop = server.shop();
    shop.staff
        .patch("/admin/settings", json!({ "prices": "exclude_tax" }))
        .ok(200)
        .await;
    import(&server, "europe.csv", &european(&europe)).await;
    import(&server, "america.csv", &american(&america)).await;

    let variant = shop.variant(10_000, None).await;
    let guest = shop.guest().await;
    shop.cart(&guest, &[(&variant, 1)]).await;
    let keeper = guest.with_token(server.token());
    // Germany went from 19% to 16% for half a year; Heligoland has no VAT.
    check(&keeper, "2020-06-30", "DE", "", "10115", 1_900).await;
    check(&keeper, "2020-07-01", "DE", "", "10115", 1_600).await;
    check(&keeper, "2021-01-01", "DE", "", "10115", 1_900).await;
    check(&keeper, "2021-01-01", "DE", "", "27498", 0).await;
    // Spain has 21%, the Canary Islands none; Portugal 23%, Madeira 22%; France 20%, Reunion 8.5%.
    check(&keeper, "2022-01-01", "ES", "", "28001", 2_100).await;
    check(&keeper, "2022-01-01", "ES", "", "35001", 0).await;
    check(&keeper, "2022-01-01", "PT", "", "9000-001", 2_200).await;
    check(&keeper, "2022-01-01", "FR", "", "97400", 850).await;
    // The state's rate; and Quebec's QST of 9.975% beside the federal GST of 5%: 14.975, half up 14.98.
    check(&keeper, "2022-01-01", "US", "TX", "73301", 625).await;
    check(&keeper, "2022-01-01", "US", "OR", "97201", 0).await;
    check(&keeper, "2022-01-01", "CA", "QC", "H2X 1Y4", 1_498).await;
    check(&keeper, "2022-01-01", "CA", "BC", "V5K 0A1", 1_200).await;
}

#[tokio::test]
async fn every_fault_of_a_rate_row_is_told_and_the_other_rows_are_taken() {
    let server = Server::fresh();
    let staff = server.staff();
    let row = |row: u64, place: &str, rate: &str, from: &str| json!({ "row": row, "place": place, "name": "VAT", "rate": rate, "valid_from": from });
    let rows = [
        row(1, "GB", "0.175", "2010-01-01"),
        row(2, "GB", "20%", "2011-01-04"),
        row(3, "UK; GB-1234; GB *", "0.2", ""),
        row(4, "GB", "0.2", "4.1.2011"),
        row(5, "GB", "0.2", "2011-01-04"),
        row(6, "FR", "5.5", ""),
    ];
    let told = staff
        .post("/admin/tax/import", json!({ "rows": rows }))
        .ok(200)
        .await;
    let results = told["results"].as_array().cloned().unwrap_or_default();
    let outcomes: Vec<&Value> = results.iter().map(|result| &result["outcome"]).collect();
    assert_eq!(
        outcomes,
        ["created", "refused", "refused", "refused", "created", "refused"],
        "{told}"
    );
    let message = results[5]["message"].as_str().unwrap_or_default();
    assert!(message.contains("20 per cent is 0.2"), "{message}");
    let message = results[2]["message"].as_str().unwrap_or_default();
    for fault in ["/countries/0", "/subdivisions/0", "/postal_codes/0"] {
        assert!(message.contains(fault), "{fault} is not in {message:?}");
    }
    let zones = staff.get("/admin/tax/zones").ok(200).await;
    let rates = zones["items"][0]["rates"].as_array().map(Vec::len);
    assert_eq!(
        (zones["items"].as_array().map(Vec::len), rates),
        (Some(1), Some(2)),
        "{zones}"
    );
    // A zone that nobody names is called by its places, as far as a name has room for them.
    let union = "AT; BE; BG; CY; CZ; DE; DK; EE; ES; FI; FR; GR; HR; HU; IE; IT; LT; LU; LV; MT; NL; PL; PT; RO; SE; SI; SK";
    let mut named = row(2, "NO", "0.25", "");
    named["zone"] = json!("N".repeat(101));
    let told = staff
        .post(
            "/admin/tax/import",
            json!({ "rows": [row(1, union, "0.2", ""), named] }),
        )
        .ok(200)
        .await;
    assert_eq!(told["results"][0]["outcome"], "created", "{told}");
    let message = told["results"][1]["message"].as_str().unwrap_or_default();
    assert!(message.contains("/zone: 101 characters long"), "{told}");
    let many: Vec<Value> = (0..501).map(|number| row(number, "GB", "0.2", "")).collect();
    staff
        .post("/admin/tax/import", json!({ "rows": many }))
        .refused(413, "tax.too_many_rows")
        .await;
}
