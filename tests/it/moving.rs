//! A shop that moves here: its customers, gift cards and store credit, from files, and what a kill in the middle leaves.

use crate::support::{Client, Server, cartwright, pence, until};
use crate::trade::client;
use serde_json::{Value, json};
use std::process::Stdio;

/// How many cards are under way when the server is killed: several calls.
const CARDS: usize = 2_500;

fn written(server: &Server, name: &str, text: &str) -> String {
    let file = server.directory().folder().join(name);
    std::fs::write(&file, text).expect("the folder is writable");
    file.display().to_string()
}

/// Imports a file twice, and checks what is said of the refused rows and at the end of each run.
async fn import_twice(server: &Server, file: &str, flag: &str, ends: [&str; 2], refused: &[&str]) {
    for end in ends {
        let run = client(server, &["import", file, flag]).await;
        run.check(i32::from(!refused.is_empty()), &[end]);
        let mut said = run.lines_of("refused\t");
        said.sort_unstable();
        assert_eq!(said.len(), refused.len(), "{said:#?}");
        for (said, start) in said.iter().zip(refused) {
            assert!(said.starts_with(start), "{said:?} does not start with {start:?}");
        }
    }
}

async fn customer(server: &Server, external_id: &str) -> Value {
    let found = server
        .staff()
        .get(&format!("/admin/customers?external_id={external_id}"))
        .ok(200)
        .await;
    found["items"][0].clone()
}

#[tokio::test]
async fn customers_are_found_by_external_id_or_address_and_a_second_run_changes_nothing() {
    let server = Server::fresh();
    let known = json!({ "email": "Bob@example.com", "groups": ["old"] });
    server.staff().post("/admin/customers", known).ok(201).await;
    let file = written(
        &server,
        "customers.csv",
        "external_id,email,groups,tax_exempt,vat_number\n\
         A-1,ada@example.com,trade; vip,yes,\n\
         B-2,bob@example.com,,,FR40303265045\n\
         ,cyd@example.com,vip,no,\n\
         D-4,nowhere,Very Important,,12\n\
         ,,vip,,\n\
         E-5,,,maybe,\n",
    );
    let refused = [
        "refused\tline 5\tD-4\trequest.invalid_fields: ",
        "refused\tline 6\t\tit has neither external_id nor email",
        "refused\tline 7\t\ttax_exempt: \"maybe\" is neither yes nor no",
    ];
    let ends = [
        "created 2, updated 1, unchanged 0, refused 3",
        "created 0, updated 0, unchanged 3, refused 3",
    ];
    import_twice(&server, &file, "--customers", ends, &refused).await;
    let other = written(&server, "other.csv", "external_id,email\nC-3,ADA@example.com\n");
    let refused = ["refused\tline 2\tC-3\tcustomer_email.taken: "];
    let ends = ["created 0, updated 0, unchanged 0, refused 1"; 2];
    import_twice(&server, &other, "--customers", ends, &refused).await;
    let ada = customer(&server, "A-1").await;
    assert_eq!(
        (&ada["groups"], &ada["tax_exempt"]),
        (&json!(["trade", "vip"]), &json!(true))
    );
    // Known by his address alone, he gets the other name and keeps what the row does not say.
    let bob = customer(&server, "B-2").await;
    assert_eq!(
        (&bob["groups"], &bob["vat_number"]),
        (&json!(["old"]), &json!("FR40303265045"))
    );
    let many: Vec<Value> = (0..501)
        .map(|row| json!({ "row": row, "customer": {} }))
        .collect();
    let too_many = json!({ "rows": many });
    let staff = server.staff();
    let refused = staff.post("/admin/customers/import", too_many);
    refused.refused(413, "customer.too_many_rows").await;
}

#[tokio::test]
async fn gift_cards_and_store_credit_come_in_once_and_no_report_shows_a_code() {
    let server = Server::fresh();
    let staff = server.staff();
    let ada = json!({ "external_id": "A-1", "email": "ada@example.com" });
    let ada = staff.post("/admin/customers", ada).ok(201).await;
    let file = written(
        &server,
        "cards.csv",
        "code,balance,currency,expires_at,customer,email,note\n\
         OLDC-0000-0001,12.50,GBP,2099-12-31,A-1,,from the old shop\n\
         OLDC-0000-0002,20,GBP,,ada@example.com,eve@example.com,\n\
         oldc 0000 0001,12.5,GBP,,,,\n\
         OLDC-0000-0001,13,GBP,,,,\n\
         OLDC-SHORT?,5,GBP,,,,\n\
         OLDC-0000-0003,5,GBP,2001-01-01,,,\n\
         OLDC-0000-0004,5,GBP,,nobody,,\n\
         OLDC-0000-0005,0,GBP,,,,\n\
         OLDC-0000-0006,five,GBP,,,,\n",
    );
    let refused = [
        "refused\tline 10\t\tbalance: ",
        "refused\tline 5\t…0001\tgift_card.issued_otherwise: the gift card …0001 was issued with 12.50 GBP; ",
        "refused\tline 6\t\tgift_card.invalid_code: ",
        "refused\tline 7\t…0003\trequest.invalid_fields: ",
        "refused\tline 8\t…0004\tcustomer.not_found: ",
        "refused\tline 9\t…0005\trequest.invalid_fields: ",
    ];
    let ends = [
        "created 2, updated 0, unchanged 1, refused 6",
        "created 0, updated 0, unchanged 3, refused 6",
    ];
    import_twice(&server, &file, "--gift-cards", ends, &refused).await;
    let run = client(&server, &["import", &file, "--gift-cards"]).await;
    let said = run.lines_of("").join("\n").to_uppercase();
    assert!(!said.contains("OLDC"), "{said}");
    assert!(!server.directory().log().to_uppercase().contains("OLDC"));

    // Spent or not, it does not come in again.
    let found = staff.get("/admin/gift-cards?code=OLDC00000001").ok(200).await;
    let card = found["items"][0].clone();
    assert_eq!(
        (&card["balance"], &card["customer_id"], &card["note"]),
        (&pence(1_250), &ada["id"], &json!("from the old shop"))
    );
    assert_eq!(card.get("code"), None);
    let path = format!("/admin/gift-cards/{}", card["id"].as_str().unwrap_or_default());
    let spent = json!({ "amount": pence(-250), "reason": "paid out" });
    staff.post(&format!("{path}/adjustments"), spent).ok(200).await;
    client(&server, &["import", &file, "--gift-cards"])
        .await
        .check(1, &[ends[1]]);
    assert_eq!(staff.get(&path).ok(200).await["balance"], pence(1_000));
    let row = json!({ "row": 1, "gift_card": { "amount": pence(100) } });
    let drawn = staff.post("/admin/gift-cards/import", json!({ "rows": [row] }));
    assert_eq!(
        drawn.ok(200).await["results"][0]["error"],
        "gift_card.code_missing"
    );

    let file = written(
        &server,
        "credit.csv",
        "customer,amount,currency,reason\n\
         A-1,3.50,GBP,moved\n\
         ada@example.com,4,EUR,moved\n\
         ada@example.com,1.00,GBP,goodwill\n\
         nobody,1.00,GBP,moved\n\
         A-1,,GBP,moved\n",
    );
    let refused = [
        "refused\tline 4\tada@example.com\tstore_credit.already_booked: ",
        "refused\tline 5\tnobody\tcustomer.not_found: ",
        "refused\tline 6\t\tit has no amount",
    ];
    let ends = [
        "created 2, updated 0, unchanged 0, refused 3",
        "created 0, updated 0, unchanged 2, refused 3",
    ];
    import_twice(&server, &file, "--store-credit", ends, &refused).await;
    let path = format!(
        "/admin/customers/{}/store-credit",
        ada["id"].as_str().unwrap_or_default()
    );
    let credit = server.shop().list(&path).await;
    let mut balances: Vec<String> = credit.iter().map(|held| held["balance"].to_string()).collect();
    balances.sort_unstable();
    let euros = json!({ "amount": 400, "currency": "EUR" });
    let mut expected = [pence(350).to_string(), euros.to_string()];
    expected.sort_unstable();
    assert_eq!(balances, expected);
}

#[tokio::test]
async fn a_kill_in_the_middle_leaves_no_card_out_and_none_twice() {
    let mut server = Server::fresh();
    let mut text = "code,balance,currency\n".to_owned();
    for number in 0..CARDS {
        text.push_str(&format!(
            "PRINTED{number:06},{}.{:02},GBP\n",
            1 + number,
            number % 100
        ));
    }
    let file = written(&server, "cards.csv", &text);
    let amounts: i64 = (0..CARDS as i64)
        .map(|number| 100 * (1 + number) + number % 100)
        .sum();
    for kill in 1..=2 {
        let mut import = cartwright();
        import
            .args(["import", &file, "--gift-cards"])
            .args(["--url", server.url(), "--token", server.token()])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let newest = async |staff: &Client| {
            let page = staff.get("/admin/gift-cards?limit=1").ok(200).await;
            page["items"][0]["id"].as_str().map(str::to_owned)
        };
        let staff = server.staff();
        let before = newest(&staff).await;
        let mut running = import.spawn().expect("the binary runs");
        until("some more cards are there", async || {
            (newest(&staff).await != before).then_some(())
        })
        .await;
        server = server.kill_and_restart();
        let ended = running.wait().expect("the import can be waited for");
        assert!(
            !ended.success(),
            "kill {kill} came too late to be one in the middle"
        );
    }
    let there = server.shop().list("/admin/gift-cards").await.len();
    assert!(0 < there && there < CARDS, "{there}");
    let end = format!(
        "created {}, updated 0, unchanged {there}, refused 0",
        CARDS - there
    );
    client(&server, &["import", &file, "--gift-cards"])
        .await
        .check(0, &[&end]);
    let cards = server.shop().list("/admin/gift-cards").await;
    assert_eq!(cards.len(), CARDS);
    let is_issued_once = |card: &Value| card["ledger"].as_array().is_some_and(|ledger| ledger.len() == 1);
    assert!(cards.iter().all(is_issued_once));
    let held: i64 = cards
        .iter()
        .filter_map(|card| card["balance"]["amount"].as_i64())
        .sum();
    assert_eq!(held, amounts);
}

#[tokio::test]
async fn two_imports_of_one_file_at_once_make_everything_once() {
    let server = Server::fresh();
    let numbers = 0..300;
    let cards: String = numbers
        .clone()
        .map(|number| format!("PRINTED{number:06},5,GBP\n"))
        .collect();
    let cards = written(&server, "cards.csv", &format!("code,balance,currency\n{cards}"));
    let customers: String = numbers
        .map(|number| format!("C-{number},c{number}@example.com\n"))
        .collect();
    let customers = written(
        &server,
        "customers.csv",
        &format!("external_id,email\n{customers}"),
    );
    for (file, flag, path) in [
        (cards, "--gift-cards", "/admin/gift-cards"),
        (customers, "--customers", "/admin/customers"),
    ] {
        let import = ["import", file.as_str(), flag];
        let (one, other) = tokio::join!(client(&server, &import), client(&server, &import));
        for run in [one, other] {
            assert_eq!(run.lines_of("refused\t"), Vec::<&str>::new(), "{flag}");
            run.check(0, &["created "]);
        }
        assert_eq!(server.shop().list(path).await.len(), 300, "{flag}");
    }
}
