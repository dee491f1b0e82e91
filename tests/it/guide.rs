//! The guide, followed to the letter: every request in it is sent to a demo shop of its own, in its order, as the page
//! writes it, and comes to what the page says.

use crate::support::{Answer, Client, Directory, Server, address, pence, until};
use crate::trade::client;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::path::Path;

/// A page, being followed.
struct Guide {
    demo: Server,
    /// Who has the cookie.
    jar: Client,
    /// What is left to be sent: each the words of a command.
    requests: VecDeque<Vec<String>>,
    /// What the page has the reader fill in, and with what.
    filled_in: Vec<(&'static str, String)>,
}

impl Guide {
    /// Opens a page, with the demo shop running.
    fn open(page: &str) -> Self {
        let demo = Server::start_as("demo", &Directory::new(), &[], &[]);
        let filled_in = vec![("$SHOP", String::new()), ("$TOKEN", demo.token().to_owned())];
        Self {
            jar: demo.guest(),
            demo,
            requests: requests_of(page),
            filled_in,
        }
    }

    fn fill_in(&mut self, blank: &'static str, with: &Value) {
        let with = with.as_str().map_or_else(|| with.to_string(), str::to_owned);
        self.filled_in.retain(|(filled, _)| *filled != blank);
        self.filled_in.push((blank, with));
    }

    /// Sends the next request.
    async fn send(&mut self) -> Answer {
        let words = self.requests.pop_front().expect("the page has another request");
        let words = words.into_iter().map(|word| {
            let fill = |word: String, (blank, with): &(&str, String)| word.replace(blank, with);
            self.filled_in.iter().fold(word, fill)
        });
        let mut words: VecDeque<_> = words.collect();
        let (mut method, mut path, mut body, mut headers) = (Method::GET, None, None, Vec::new());
        let mut client = self.demo.guest();
        while let Some(word) = words.pop_front() {
            let mut next = || words.pop_front().expect("an option has its value");
            match word.as_str() {
                "curl" | "-s" => {}
                "-X" => method = next().parse().expect("a method"),
                "-H" => headers.push(next()),
                "-d" => body = Some(next()),
                "-b" | "-c" => {
                    assert_eq!(next(), "jar");
                    if word == "-c" {
                        self.jar = self.demo.guest();
                    }
                    client = self.jar.clone();
                }
                _ if word.starts_with('/') && path.is_none() => path = Some(word),
                _ => panic!("the guide says {word} to curl"),
            }
        }
        let mut call = client.call(method, &path.expect("an address"));
        for header in &headers {
            let (name, value) = header.split_once(": ").expect("a header");
            call = call.header(name, value);
        }
        match body {
            Some(body) => call.bytes(body).send().await,
            None => call.send().await,
        }
    }

    /// Sends the next request, and returns the body of an answer with this status.
    async fn next(&mut self, status: u16) -> Value {
        self.send().await.expect(status)
    }

    /// Kills the demo, and starts it again.
    fn after_a_kill(self) -> Self {
        let demo = Server::start_as("demo", &self.demo.kill(), &[], &[]);
        let jar = self.jar.at(demo.url());
        Self { demo, jar, ..self }
    }

    /// Says that the page is at its end.
    #[track_caller]
    fn close(self) {
        assert_eq!(self.requests, Vec::<Vec<String>>::new(), "are left to be sent");
    }

    /// Fills the cart of whoever has the cookie, ready to be completed.
    async fn fill_cart(&self) -> Value {
        self.jar.post("/session", json!({})).ok(201).await;
        let line = json!({ "sku": "85123A", "quantity": 2 });
        self.jar.post("/carts/current/lines", line).ok(200).await;
        let methods = self.demo.staff().get("/admin/shipping/methods").ok(200).await;
        let details = json!({
            "email": "ada@example.com", "shipping_address": address("GB"),
            "shipping_method_id": methods["items"][0]["id"],
        });
        self.jar.patch("/carts/current", details).ok(200).await
    }
}

/// Returns the requests of a page: the commands of its shell blocks that are for curl.
fn requests_of(page: &str) -> VecDeque<Vec<String>> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/book/guide");
    let text = std::fs::read_to_string(guide.join(page).with_extension("md")).expect("the page reads");
    let mut requests = VecDeque::new();
    for block in text.split("```sh\n").skip(1) {
        let mut command = String::new();
        for line in block.split("```").next().unwrap_or_default().lines() {
            let (line, goes_on) = match line.strip_suffix('\\') {
                Some(line) => (line, true),
                None => (line, false),
            };
            command = command + line + "\n";
            if let Some(mut words) = shlex::split(&command).filter(|_| !goes_on) {
                words.retain(|word| word != "&");
                if words.first().is_some_and(|first| first == "curl") {
                    requests.push_back(words);
                }
                command.clear();
            }
        }
        assert_eq!(command, "", "a command of {page} has no end");
    }
    requests
}

#[tokio::test]
async fn a_first_purchase() {
    let mut guide = Guide::open("first-purchase");
    let products = guide.next(200).await;
    assert_eq!(products["items"].as_array().map(Vec::len), Some(3));
    assert_eq!(guide.next(200).await["items"][0]["price"], pence(295));
    guide.next(201).await;
    let cart = guide.next(200).await;
    assert_eq!(cart["version"], 2);
    guide.fill_in("$LINE", &cart["lines"][0]["id"]);
    assert_eq!(guide.next(200).await["totals"]["total"], pence(885));
    guide.next(200).await;
    let options = guide.next(200).await;
    guide.fill_in("$METHOD", &options["items"][0]["id"]);
    // 8.85 and 3.95 of shipping contain 1.47 and 0.66.
    let totals = guide.next(200).await["totals"].clone();
    assert_eq!(
        (&totals["total"], &totals["tax_included"]),
        (&pence(1_280), &pence(213))
    );
    let checkout = guide.next(200).await;
    assert_eq!(
        (&checkout["state"], &checkout["order"]["total"]),
        (&json!("completed"), &pence(1_280))
    );
    guide.fill_in("$NUMBER", &checkout["order"]["number"]);
    let order = guide.next(200).await;
    assert_eq!(order["number"], 1);
    let mut guide = guide.after_a_kill();
    assert_eq!(guide.next(200).await, order);
    guide.close();
}

#[tokio::test]
async fn gift_cards() {
    let mut guide = Guide::open("gift-cards");
    let card = guide.next(201).await;
    let printed = "7K3M-QW9X-2HTP-ZC4D";
    assert_eq!(card["code"].as_str().map(str::len), Some(printed.len()));
    guide.fill_in(printed, &card["code"]);
    guide.next(201).await;
    assert_eq!(guide.next(200).await["totals"]["total"], pence(1_770));
    let cart = guide.next(200).await;
    assert_eq!(
        (
            &cart["payments"][0]["amount"],
            &cart["totals"]["total"],
            &cart["amount_due"]
        ),
        (&pence(1_000), &pence(1_770), &pence(770))
    );
    let customer = guide.next(201).await;
    guide.fill_in("$CUSTOMER", &customer["id"]);
    assert_eq!(guide.next(200).await["balance"], pence(300));
    assert_eq!(guide.next(200).await["enabled"], true);
    assert_eq!(guide.next(200).await["customer_id"], customer["id"]);
    assert_eq!(guide.next(200).await["amount_due"], pence(470));
    guide.close();
}

#[tokio::test]
async fn customers() {
    let mut guide = Guide::open("customers");
    assert_eq!(guide.next(201).await["groups"], json!(["trade"]));
    guide.close();
}

#[tokio::test]
async fn currencies() {
    let mut guide = Guide::open("currencies");
    let settings = guide.next(200).await;
    assert_eq!(
        (&settings["currency"], &settings["currencies"]),
        (&json!("GBP"), &json!(["EUR", "JPY"]))
    );
    let found = guide.next(200).await;
    guide.fill_in("var_…", &found["items"][0]["id"]);
    guide.next(200).await;
    guide.next(201).await;
    let cart = guide.next(200).await;
    assert_eq!(
        cart["totals"]["total"],
        json!({ "amount": 590, "currency": "EUR" })
    );
    guide.close();
}

#[tokio::test]
async fn stock_and_orders() {
    let mut guide = Guide::open("stock-and-orders");
    let product = guide.next(201).await;
    assert_eq!(product["variants"].as_array().map(Vec::len), Some(2));
    guide.fill_in("$VARIANT", &product["variants"][0]["id"]);
    assert_eq!(guide.next(200).await["available"], 18);
    let stock = guide.next(200).await;
    assert_eq!((&stock["on_hand"], &stock["available"]), (&json!(32), &json!(30)));
    assert_eq!(guide.next(200).await, stock);
    let cart = guide.next(200).await;
    assert_eq!(cart["lines"][0]["options"]["engraving"], "Ada");
    guide.fill_in("$CART", &cart["id"]);
    let cart = guide.next(200).await;
    assert_eq!(cart["lines"][1]["overridden"], true);
    assert_eq!(cart["totals"]["subtotal"], pence(2 * 850 + 700));

    let methods = guide.demo.staff().get("/admin/shipping/methods").ok(200).await;
    let details = json!({
        "email": "ada@example.com", "shipping_address": address("GB"),
        "shipping_method_id": methods["items"][0]["id"],
    });
    guide.jar.patch("/carts/current", details).ok(200).await;
    let pay = json!({ "payment": { "token": "tok_approve" } });
    let complete = guide.jar.post("/carts/current/complete", pay).key("pay");
    let bought = complete.ok(200).await["order"].clone();
    let listed = guide.next(200).await["items"][0].clone();
    assert_eq!(listed["id"], bought["id"]);
    guide.fill_in("$ORDER", &listed["id"]);
    assert_eq!(guide.next(200).await["status"], "canceled");
    let history = guide.next(200).await;
    let newest = &history["items"][0]["events"][0];
    assert_eq!(newest["name"], "order.payment_refunded", "{history}");
    guide.close();
}

#[tokio::test]
async fn payments_that_go_wrong() {
    let mut guide = Guide::open("payments-sandbox");
    guide.fill_cart().await;
    guide.send().await.expect_refused(402, "payment.declined");
    assert_eq!(guide.next(200).await["state"], "completed");
    guide.jar = guide.demo.guest();
    guide.fill_cart().await;
    let last = guide.requests.clone();
    let patience = std::time::Duration::from_secs(2);
    let unanswered = tokio::time::timeout(patience, guide.send()).await;
    assert!(unanswered.is_err(), "the provider is late");
    let mut guide = guide.after_a_kill();
    let completed = until("the request is answered with its order", async || {
        guide.requests.clone_from(&last);
        let answer = guide.send().await;
        (answer.status == 200).then_some(answer.json)
    });
    assert_eq!(completed.await["order"]["number"], 2);
    guide.close();
}

#[tokio::test]
async fn price_lists() {
    let mut guide = Guide::open("price-lists");
    let list = guide.next(201).await;
    guide.fill_in("plist_…", &list["id"]);
    let found = guide.next(200).await;
    guide.fill_in("var_…", &found["items"][0]["id"]);
    guide.next(200).await;
    guide.jar.post("/carts", json!({})).ok(201).await;
    let line = json!({ "sku": "85123A", "quantity": 9 });
    let cart = guide.jar.post("/carts/current/lines", line).ok(200).await;
    assert_eq!(cart["totals"]["total"], pence(9 * 295));
    let line = format!(
        "/carts/current/lines/{}",
        cart["lines"][0]["id"].as_str().expect("an id")
    );
    for (quantity, price) in [(10, 230), (100, 199)] {
        let cart = guide
            .jar
            .patch(&line, json!({ "quantity": quantity }))
            .ok(200)
            .await;
        assert_eq!(cart["totals"]["total"], pence(quantity * price));
    }
    guide.close();
}

#[tokio::test]
async fn promotions() {
    let mut guide = Guide::open("promotions");
    guide.next(201).await;
    guide.next(201).await;
    assert_eq!(guide.next(200).await["totals"]["discounts"], pence(177));
    guide.next(201).await;
    let single = json!({
        "name": "By letter", "requires_code": true, "enabled": true,
        "actions": [{ "type": "order", "percentage": "0.3" }],
    });
    let single = guide.demo.staff().post("/admin/promotions", single).ok(201).await;
    guide.fill_in("$PROMOTION", &single["id"]);
    guide.next(201).await;
    guide.next(200).await;
    let codes = guide.next(200).await;
    assert_eq!(codes["items"].as_array().map(Vec::len), Some(100));
    guide.next(201).await;
    assert_eq!(guide.next(200).await["totals"]["discounts"], pence(576));
    assert_eq!(guide.next(200).await["totals"]["discounts"], pence(177));
    let explained = guide.next(200).await;
    assert_eq!(explained["promotions"][0]["steps"][0]["given"], pence(177));
    let effects = guide.next(200).await["effects"].clone();
    assert_eq!(effects[0]["currency"], "GBP");
    let verdicts = guide.next(200).await;
    let verdicts: Vec<_> = verdicts["verdicts"]
        .as_array()
        .expect("verdicts")
        .iter()
        .map(|verdict| verdict["error"].clone())
        .collect();
    assert_eq!(
        json!(verdicts),
        json!([null, "coupon.limit_reached", "coupon.not_started"])
    );
    guide.close();
}

#[tokio::test]
async fn shipping() {
    let mut guide = Guide::open("shipping");
    for name in ["Parcel", "Ground", "Express"] {
        assert_eq!(guide.next(201).await["name"], name);
    }
    let price_of = |rates: &Value, at: usize| rates["items"][at]["price"].clone();
    let rates = guide.next(200).await;
    assert_eq!(
        (price_of(&rates, 0), price_of(&rates, 1)),
        (pence(390), pence(890))
    );
    guide.close();
}

#[tokio::test]
async fn addresses() {
    let mut guide = Guide::open("addresses");
    guide.fill_cart().await;
    let refused = guide.send().await.expect_refused(422, "request.invalid_fields");
    let codes = [0, 1].map(|at: usize| refused["errors"][at]["code"].clone());
    assert_eq!(codes, ["address.unknown_region", "address.invalid_postal_code"]);
    guide.close();
}

#[tokio::test]
async fn tax() {
    let mut guide = Guide::open("tax");
    assert_eq!(guide.next(200).await["prices"], "exclude_tax");
    let cart = guide.fill_cart().await;
    // 5.90 and 3.95 of shipping: 1.18 and 0.79.
    assert_eq!(
        (&cart["totals"]["tax"], &cart["totals"]["tax_source"]),
        (&pence(197), &json!("table"))
    );
    guide.next(201).await;
    let zones = guide.next(200).await["items"].clone();
    let of_britain = |zone: &&Value| zone["countries"] == json!(["GB"]);
    let zone = zones.as_array().and_then(|zones| zones.iter().find(of_britain));
    guide.fill_in("txz_…", &zone.expect("the demo shop has it")["id"]);
    guide.next(200).await;
    let cart = guide.next(200).await;
    assert_eq!(cart["priced_at"], "2011-01-03T12:00:00.000Z");
    assert_eq!(cart["lines"][0]["tax"]["rate"], "0.175");
    let customer = guide.next(201).await;
    guide.fill_in("cus_…", &customer["id"]);
    let cart = guide.next(200).await;
    assert_eq!(
        (&cart["customer_id"], &cart["totals"]["tax_relief"]),
        (&customer["id"], &Value::Null)
    );
    assert_eq!(guide.next(200).await["home_country"], "DE");
    let relief = json!({ "reason": "reverse_charge", "vat_number": "FR40303265045" });
    assert_eq!(guide.next(200).await["totals"]["tax_relief"], relief);
    assert_eq!(guide.next(200).await["totals"]["tax_relief"], Value::Null);
    guide.next(200).await;
    let cart = guide.jar.get("/carts/current").ok(200).await;
    assert_eq!(cart["totals"]["tax_source"], "calculator");
    guide.close();
}

#[tokio::test]
async fn replay() {
    let mut guide = Guide::open("replay");
    guide.fill_in("$CARTWRIGHT_TOKEN", &json!(guide.demo.token()));
    assert_eq!(guide.next(200).await["prices"], "exclude_tax");
    guide.close();
}

/// Returns what stands in a page's blocks of text.
fn texts_of(page: &str) -> Vec<String> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/book/guide");
    let text = std::fs::read_to_string(guide.join(page).with_extension("md")).expect("the page reads");
    let blocks = text.split("```text\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

/// Writes a file as the block of a page has it that begins with a column, and returns its path.
fn file_of(demo: &Server, page: &str, column: &str) -> String {
    let texts = texts_of(page).into_iter();
    let mut found = texts.filter(|text| text.starts_with(&format!("{column},")));
    let file = demo.directory().folder().join(format!("{page}-{column}.csv"));
    std::fs::write(&file, found.next().expect("the page has such a file")).expect("the folder is writable");
    file.display().to_string()
}

#[tokio::test]
async fn files_of_the_guide_are_loaded_as_they_are_written_and_a_second_time_for_nothing() {
    let demo = Server::start_as("demo", &Directory::new(), &[], &[]);
    let letter = json!({
        "name": "Spring letter", "requires_code": true, "actions": [{ "type": "order", "percentage": "0.1" }],
    });
    demo.staff().post("/admin/promotions", letter).ok(201).await;
    for (page, column, flag) in [
        ("catalog-import", "sku", None),
        ("price-lists", "list", Some("--price-lists")),
        ("tax", "place", Some("--rates")),
        ("customers", "external_id", Some("--customers")),
        ("promotions", "name", Some("--promotions")),
        ("promotions", "code", Some("--codes")),
        ("gift-cards", "code", Some("--gift-cards")),
        ("gift-cards", "customer", Some("--store-credit")),
    ] {
        let file = file_of(&demo, page, column);
        let text = std::fs::read_to_string(&file).expect("the file was written");
        let rows = text.lines().count() - 1;
        let import = ["import", &file].into_iter().chain(flag).collect::<Vec<_>>();
        for end in [
            format!("created {rows}, updated 0, unchanged 0, refused 0"),
            format!("created 0, updated 0, unchanged {rows}, refused 0"),
        ] {
            client(&demo, &import).await.check(0, &[&end]);
        }
    }
    let cup = demo.staff().get("/admin/variants?sku=CUP-1").ok(200).await;
    let product = cup["items"][0]["product_id"]
        .as_str()
        .expect("it is there")
        .to_owned();
    let product = demo
        .staff()
        .get(&format!("/admin/products/{product}"))
        .ok(200)
        .await;
    assert_eq!(product["categories"], json!(["cups", "sale"]));
}

#[tokio::test]
async fn attempts_of_the_guide_are_judged_as_it_says() {
    let demo = Server::start_as("demo", &Directory::new(), &[], &[]);
    let staff = demo.staff();
    let off = json!([{ "type": "order", "percentage": "0.1" }]);
    for promotion in [
        json!({
            "name": "The first hundred", "code": "FIRST-100", "usage_limit_per_customer": 1, "actions": off,
            "enabled": true,
        }),
        json!({
            "name": "Summer", "code": "SUMMER-25", "conditions": { "starts_at": "2020-06-01" }, "actions": off,
            "enabled": true,
        }),
    ] {
        staff.post("/admin/promotions", promotion).ok(201).await;
    }
    let file = file_of(&demo, "coupon-replay", "id");
    let report = demo.directory().folder().join("verdicts.tsv");
    let report_file = report.display().to_string();
    let said = texts_of("coupon-replay").swap_remove(1);
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(said.len(), 6);
    // A second run is answered as the first one was, and counts nothing.
    for _ in 0..2 {
        client(&demo, &["judge", &file, "--report", &report_file])
            .await
            .check(0, &said);
    }
    let report = std::fs::read_to_string(report).expect("the report was written");
    let verdicts = "till-1\tok\ntill-2\tcoupon.limit_reached\ntill-3\tcoupon.not_started\n";
    assert_eq!(report, verdicts);
}

#[test]
fn every_page_with_requests_is_followed() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/book/guide");
    let source = include_str!("guide.rs");
    for page in std::fs::read_dir(guide).expect("the guide is there") {
        let page = page.expect("it lists").path();
        let name = page.file_stem().and_then(|name| name.to_str()).expect("a name");
        let is_followed = source.contains(&format!("Guide::open(\"{name}\")"));
        assert!(
            is_followed || requests_of(name).is_empty(),
            "nobody follows {name}"
        );
    }
}
