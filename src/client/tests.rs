use super::*;
use hyper::{Method, StatusCode};

fn remote(url: &str, token: Option<&str>) -> Remote {
    Remote {
        url: url.to_owned(),
        token: token.map(str::to_owned),
    }
}

fn check_address_refused(url: &str, part: &str) {
    let error = Server::new(&remote(url, None)).expect_err("the address is not usable");
    assert!(format!("{error:#}").contains(part), "{error:#}");
}

fn check_refusal(status: u16, body: &str, shown: &str) {
    let status = StatusCode::from_u16(status).expect("a status");
    let body = bytes::Bytes::copy_from_slice(body.as_bytes());
    assert_eq!(
        Refusal::read(&Method::POST, "/carts", status, &body).to_string(),
        shown
    );
}

#[test]
fn an_address_without_a_port_has_the_usual_one() {
    let server = Server::new(&remote("https://shop.example.com/store/", None)).expect("an address");
    assert_eq!(server.url(), "https://shop.example.com:443/store");
    let server = Server::new(&remote("http://127.0.0.1:8080", None)).expect("an address");
    assert_eq!(server.url(), "http://127.0.0.1:8080");
}

#[test]
fn an_unusable_address_says_what_would_be_right() {
    check_address_refused("127.0.0.1:8080", "--url http://127.0.0.1:8080");
    check_address_refused("ftp://host", "does not start with http:// or https://");
    check_address_refused("", "is no address");
}

#[test]
fn a_missing_staff_token_says_where_to_get_one() {
    for token in [None, Some(""), Some("  ")] {
        let server = Server::new(&remote("http://h", token)).expect("an address");
        let error = server.staff().expect_err("no token");
        assert!(
            error.to_string().contains("cartwright token --data DIR"),
            "{error}"
        );
    }
    let server = Server::new(&remote("http://h", Some("abc\n"))).expect("an address");
    assert_eq!(server.staff().expect("a token"), "Bearer abc");
}

#[test]
fn a_refusal_says_what_was_asked_and_what_to_do() {
    check_refusal(
        409,
        r#"{"error":"stock.short","message":"only 3 left","request_id":"r1"}"#,
        "POST /carts was answered with 409: stock.short: only 3 left [request r1]",
    );
    check_refusal(
        422,
        r#"{"error":"invalid","message":"bad","errors":[{"pointer":"/sku","code":"x","message":"is empty"}]}"#,
        "POST /carts was answered with 422: invalid: bad (/sku: is empty)",
    );
    check_refusal(
        422,
        r#"{"error":"request.invalid_fields","message":"/on_hand: at most 1000000000000 units are possible",
            "errors":[{"pointer":"/on_hand","code":"out_of_range","message":"at most 1000000000000 units are possible"}]}"#,
        "POST /carts was answered with 422: request.invalid_fields: /on_hand: at most 1000000000000 units are possible",
    );
    check_refusal(
        400,
        r#"{"error":"request.invalid_fields","message":"/sku: not a SKU; must be given",
            "errors":[{"pointer":"/sku","code":"x","message":"not a SKU"},{"pointer":"","code":"y","message":"must be given"}]}"#,
        "POST /carts was answered with 400: request.invalid_fields: /sku: not a SKU; must be given",
    );
    check_refusal(
        422,
        r#"{"error":"stock.refused","message":"the row is refused","errors":[{"pointer":"/sku","message":"not a SKU"}]}"#,
        "POST /carts was answered with 422: stock.refused: the row is refused (/sku: not a SKU)",
    );
    check_refusal(
        403,
        r#"{"error":"forbidden","message":"staff only"}"#,
        "POST /carts was answered with 403: forbidden: staff only; this needs a staff token: give --token or set \
         CARTWRIGHT_TOKEN",
    );
    check_refusal(
        502,
        "<html>\n",
        "POST /carts was answered with 502: 502 Bad Gateway: <html>",
    );
}

#[test]
fn only_what_a_wait_may_mend_is_asked_again() {
    let check = |status: u16, code: &str, may_pass: bool| {
        let status = StatusCode::from_u16(status).expect("a status");
        let body = format!(r#"{{"error":"{code}","message":"no"}}"#).into();
        let refusal = Refusal::read(&Method::POST, "/carts", status, &body);
        assert_eq!(refusal.may_pass(), may_pass, "{status} {code}");
    };
    check(429, "engine.entity_busy", true);
    check(503, "engine.overloaded", true);
    check(503, "engine.restarted", true);
    check(503, "", true);
    check(503, "engine.quarantined", false);
    check(500, "engine.internal", false);
    check(409, "stock.short", false);
    check_refusal(
        503,
        r#"{"error":"engine.quarantined","message":"cart:0192 is set aside because it keeps failing"}"#,
        "POST /carts was answered with 503: engine.quarantined: cart:0192 is set aside because it keeps failing; \
         restart the server; its log says why",
    );
}

#[test]
fn odd_characters_are_percent_encoded() {
    assert_eq!(
        percent_encoded("BANK CHARGES/£&a_1-.~"),
        "BANK%20CHARGES%2F%C2%A3%26a_1-.~"
    );
}
