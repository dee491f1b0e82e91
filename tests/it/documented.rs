//! What the code says to its users, checked against what the documentation says about it.

use crate::tidy::{check, files, relative, root, rust_files, text};
use cartwright::config::{ENV_NO_OPTIONS, ENV_PREFIX, EXAMPLE};
use cartwright_domain::{Kind, Unique};
use std::collections::BTreeSet;

/// Where every refusal has its entry.
const PROBLEMS: &str = "docs/book/reference/problems.md";

/// What looks like a code and is something else: a file, the domain of message ids, an event that is subscribed to or
/// shown.
const NO_CODES: &[&str] = &[
    "page.html",
    "regions.tsv",
    "cartwright.invalid",
    "order.order_placed",
    "cart.line_added",
    "promotion.deleted",
];

/// Variables of no test: those of the clients, which `--help` tells, and that of the build.
const ELSEWHERE: &[&str] = &["config", "url", "token", "pgo_counts"];

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// What a stable code looks like: `area.what_is_the_case`.
fn is_code(text: &str) -> bool {
    text.split_once('.')
        .is_some_and(|(area, what)| is_word(area) && is_word(what))
}

/// Returns what stands between the bracket that `text` begins with, or the first one in it, and its counterpart.
fn bracketed(text: &str, open: char, close: char) -> &str {
    let Some(start) = text.find(open) else { return "" };
    let mut depth = 0_usize;
    for (at, character) in text[start..].char_indices() {
        if character == open {
            depth += 1;
        } else if character == close {
            depth -= 1;
        }
        if depth == 0 {
            return &text[start..start + at];
        }
    }
    &text[start..]
}

/// Returns the string literals of a piece of source.
fn literals(source: &str) -> Vec<String> {
    let code: String = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| line.replace("\\\"", "").replace("'\"'", "") + "\n")
        .collect();
    code.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Returns the codes that stand behind a pointer, in `errors.add(pointer, code, message)` and `unreadable(…)`. They may be
/// a word alone.
fn field_codes(source: &str) -> Vec<String> {
    let calls = ["errors.add(", "unknown.add(", "unreadable("];
    let calls = calls.into_iter().flat_map(|call| source.match_indices(call));
    calls
        .filter_map(|(at, _)| {
            let given = bracketed(&source[at..], '(', ')');
            let (mut depth, mut is_text, mut commas) = (0_u8, false, Vec::new());
            for (at, character) in given.char_indices() {
                match character {
                    '"' => is_text = !is_text,
                    '(' | '[' | '{' if !is_text => depth += 1,
                    ')' | ']' | '}' if !is_text => depth -= 1,
                    ',' if !is_text && depth == 1 => commas.push(at),
                    _ => {}
                }
            }
            let (first, second) = (*commas.first()?, *commas.get(1)?);
            let code = given[first + 1..second].trim();
            let code = code.strip_prefix('"')?.strip_suffix('"')?;
            code.split('.').all(is_word).then(|| code.to_owned())
        })
        .collect()
}

/// Returns the codes a source file refuses with. In the domain, where events and commands are named the same way,
/// these are the literals of each `fn code` and of each constant, the first of each problem made, and those of fields.
fn codes(path: &str, source: &str) -> BTreeSet<String> {
    let source = source
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let mut found = Vec::new();
    if path.starts_with("http/") || path.starts_with("actors/") {
        found = literals(source);
    }
    for rest in source.split("fn code(").skip(1) {
        found.extend(literals(bracketed(rest, '{', '}')));
    }
    let mut named = field_codes(source);
    // Elsewhere constants name files, too.
    let constants = path.starts_with("domain/").then_some(": &str = ");
    let made = ["CODE: &", "Problem::new(", "Self::new(Class::"];
    for made in constants.into_iter().chain(made) {
        for rest in source.split(made).skip(1) {
            let statement = rest.split(';').next().unwrap_or_default();
            found.extend(
                literals(&format!("{statement}\n"))
                    .into_iter()
                    .find(|text| is_code(text)),
            );
        }
    }
    named.extend(found.into_iter().filter(|text| is_code(text)));
    let is_none = |text: &String| NO_CODES.contains(&text.as_str());
    named.into_iter().filter(|text| !is_none(text)).collect()
}

/// Tells whether a source file is shipped: neither a test nor a toy.
fn is_shipped(path: &str) -> bool {
    let shipped = path.contains("src/");
    shipped && !path.contains("test") && !path.contains("toy")
}

fn documented_codes() -> BTreeSet<String> {
    text(&root().join(PROBLEMS))
        .lines()
        .filter_map(|line| line.strip_prefix("### `"))
        .filter_map(|rest| rest.strip_suffix('`'))
        .filter(|code| code.split('.').all(is_word))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_refusal_has_its_entry() {
    let documented = documented_codes();
    let mut found = Vec::new();
    for (path, source) in rust_files() {
        if is_shipped(&path) {
            found.extend(
                codes(&path, &source)
                    .difference(&documented)
                    .map(|code| format!("{path} refuses with {code}, of which {PROBLEMS} says nothing")),
            );
        }
    }
    check(&found);
}

#[test]
fn every_entry_is_a_refusal() {
    let sources: Vec<_> = rust_files()
        .into_iter()
        .filter(|(path, _)| is_shipped(path))
        .collect();
    let found: Vec<_> = documented_codes()
        .into_iter()
        .filter(|code| {
            !sources
                .iter()
                .any(|(_, source)| source.contains(&format!("\"{code}\"")))
        })
        .map(|code| format!("{PROBLEMS} explains {code}, with which nothing refuses"))
        .collect();
    check(&found);
}

/// Returns the statuses that an entry names.
fn statuses(entry: &str) -> BTreeSet<&str> {
    let words = entry.split(|character: char| !character.is_ascii_alphanumeric());
    words
        .filter(|word| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit()))
        .collect()
}

/// Returns each status and code that the test of a source waits for: `refused(409, "cart.locked")`.
fn refusals(source: &str) -> Vec<(&str, &str)> {
    let awaited = source.split(".refused(").skip(1).filter_map(|rest| {
        let (status, rest) = rest.split_once(',')?;
        let code = rest.trim_start().strip_prefix('"')?.split('"').next()?;
        Some((status.trim(), code))
    });
    awaited.filter(|(_, code)| is_code(code)).collect()
}

#[test]
fn a_refusal_has_the_status_of_its_entry() {
    let problems = text(&root().join(PROBLEMS));
    let mut found = Vec::new();
    let mut looked_at = 0_usize;
    for (path, source) in rust_files() {
        for (status, code) in refusals(&source) {
            let title = format!("`{code}`\n");
            let entry = problems.split("\n### ").find(|entry| entry.starts_with(&title));
            // Codes made of a kind or a key share one.
            let Some(entry) = entry else { continue };
            looked_at += 1;
            if !statuses(entry).contains(status) {
                found.push(format!(
                    "{path} is refused {code} with {status}, and {PROBLEMS} says otherwise"
                ));
            }
        }
    }
    assert!(200 < looked_at, "{looked_at} refusals are awaited by tests");
    check(&found);
}

/// Kinds that no request asks for by their ids.
const INNER_KINDS: &[Kind] = &[
    Kind::Settings,
    Kind::UseCounter,
    Kind::FrozenQuote,
    Kind::Cancellation,
    Kind::Toy,
    Kind::ToySaga,
];
/// Keys that nobody chooses.
const INNER_KEYS: &[Unique] = &[
    Unique::OpenCheckout,
    Unique::OrderOfCheckout,
    Unique::OrderNumber,
    Unique::OpenCancellation,
    Unique::Toy,
];

#[test]
fn codes_that_are_made_of_a_kind_or_a_key_name_each() {
    let problems = text(&root().join(PROBLEMS));
    let entry = |title: &str| problems.split("\n### ").find(|entry| entry.starts_with(title));
    let gone = entry("`<kind>.not_found`").expect("it has an entry");
    let taken = entry("`<key>.taken`").expect("it has an entry");
    let kinds = Kind::ALL.iter().filter(|kind| !INNER_KINDS.contains(kind));
    let kinds = kinds.map(|kind| (kind.name(), format!("{kind}.not_found"), gone));
    let keys = Unique::ALL.iter().filter(|key| !INNER_KEYS.contains(key));
    let keys = keys.map(|key| (key.name(), format!("{key}.taken"), taken));
    let found: Vec<_> = kinds
        .chain(keys)
        .filter(|(name, code, all)| {
            let has_own = entry(&format!("`{code}`")).is_some();
            !has_own && !all.contains(&format!("`{name}`")) && !all.contains(&format!("`{code}`"))
        })
        .map(|(_, code, _)| format!("{PROBLEMS} does not name {code}"))
        .collect();
    check(&found);
}

#[test]
fn a_refusal_without_entry_would_be_seen() {
    let source = r#"
        fn code(&self) -> &'static str {
            match self { Self::Closed { .. } => "cart.closed", Self::Gone => { "cart.gone" } }
        }
        fn name() -> &'static str { "cart.line_added" }
        fn f() -> Problem { Problem::new(Class::NotFound, "session.not_found", "no session") }
        const NEVER: &str = "promotion.never_applies";
        fn g(errors: &mut FieldErrors) {
            errors.add(format!("/lines/{}", pair(1, 2)), "too_long", "so, it is");
            basket.add(2, 3);
        }
    "#;
    let expected = [
        "cart.closed",
        "cart.gone",
        "promotion.never_applies",
        "session.not_found",
        "too_long",
    ];
    assert_eq!(
        codes("domain/src/cart/error.rs", source),
        expected.map(str::to_owned).into()
    );
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut found = Vec::new();
    for path in files(root()) {
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let folder = path.parent().unwrap_or(root());
        for link in text(&path)
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = link.split('#').next().unwrap_or_default();
            let elsewhere = file.is_empty() || link.contains("://") || link.starts_with("mailto:");
            if !elsewhere && !folder.join(file).exists() {
                found.push(format!("{} links to {link}, which is not there", relative(&path)));
            }
        }
    }
    check(&found);
}

#[test]
fn every_variable_is_an_option_or_documented_and_tolerated() {
    let options: BTreeSet<String> = EXAMPLE
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(option, _)| option.to_owned())
        .collect();
    let contributing = text(&root().join("CONTRIBUTING.md"));
    let mut found = Vec::new();
    for path in files(root()) {
        let written = text(&path);
        for rest in written.split(ENV_PREFIX).skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_uppercase() && c != '_');
            let name = rest[..end.unwrap_or(rest.len())].to_lowercase();
            if options.contains(&name) || name.is_empty() {
                continue;
            }
            if !ENV_NO_OPTIONS.contains(&name.as_str()) {
                found.push(format!(
                    "{}: {name} is neither an option nor tolerated",
                    relative(&path)
                ));
            }
        }
    }
    for name in ENV_NO_OPTIONS {
        let variable = format!("{ENV_PREFIX}{}", name.to_uppercase());
        if !ELSEWHERE.contains(&name) && !contributing.contains(&format!("`{variable}`")) {
            found.push(format!("CONTRIBUTING.md does not explain {variable}"));
        }
    }
    check(&found);
}
