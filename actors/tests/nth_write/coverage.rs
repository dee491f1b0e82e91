//! Holds the table against the engine's source: a new use case that may write needs its line.

use crate::cases::all;
use std::collections::BTreeSet;
use std::path::Path;

/// Use cases that are told of a request and only read.
const READ_ONLY: &[&str] = &[
    "carts",
    "checkout",
    "explain_cart",
    "order",
    "order_by_number",
    "session",
    "shipping_options",
    "what_if",
];

#[test]
fn every_use_case_that_is_told_of_a_request_has_its_writes_failed() {
    let mut found = BTreeSet::new();
    use_cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let mut covered: BTreeSet<String> = all().map(|case| case.use_case.to_owned()).collect();
    covered.extend(READ_ONLY.iter().map(|name| (*name).to_owned()));
    assert_eq!(found, covered, "left: in the source; right: in the table");
}

/// Collects the public methods of the engine that take a request: without one nothing can be asked of an entity.
fn use_cases(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            use_cases(&path, found);
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for method in source.split("pub async fn ").skip(1) {
            let signature = method.split('{').next().unwrap_or_default();
            if signature.contains("request: &Request") {
                let name = signature.split(['(', '<']).next().unwrap_or_default();
                found.insert(name.to_owned());
            }
        }
    }
}
