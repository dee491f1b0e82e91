//! What the design says about the tree, checked against the tree.
//!
//! Each check returns the sentences that are not true, so that one run shows everything that is out of place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The crates of the workspace and what each may depend on: the picture in the architecture.
const EDGES: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("storage", &["domain"]),
    ("gateways", &["domain"]),
    ("actors", &["domain", "storage", "gateways"]),
    ("http", &["domain", "actors"]),
    (".", &["domain", "storage", "gateways", "actors", "http"]),
];

/// What the domain may use besides the standard library.
const DOMAIN_DEPENDENCIES: &[&str] = &["idna", "regex", "rust_decimal", "serde", "thiserror", "uuid"];

/// The rooms. A room has the same name in every crate.
const AREAS: &[&str] = &[
    "identity",
    "customer",
    "catalog",
    "inventory",
    "promotion",
    "stored_value",
    "tax",
    "shipping",
    "cart",
    "checkout",
    "payment",
    "order",
    "notification",
    "settings",
];

/// The tables of a manifest that name dependencies, and where the code stands that may use what each names.
const DEPENDENCIES: &[(&str, &[&str])] = &[
    ("dependencies", &["src"]),
    ("dev-dependencies", &["src", "tests", "benches"]),
    ("build-dependencies", &["build.rs"]),
];

/// The folders that are machinery and not areas, by crate.
const MACHINERY: &[(&str, &[&str])] = &[
    ("domain", &["address", "money"]),
    ("actors", &["runtime"]),
    // Who is behind it, and not what it is for: shipping and notification.
    ("gateways", &["carrier", "mail"]),
    ("http", &["dto", "extract", "layer"]),
];

/// A longer file has a second room in it.
const LINES_MAX: usize = 600;

/// Folders that are made by tools and not tracked.
const UNTRACKED: &[&str] = &[".git", "target", "cartwright-data"];

/// Names of files that hold nothing but tests; what they test stands in the name of the file or folder.
const TEST_FILES: &[&str] = &["tests.rs", "test.rs", "_test.rs"];

/// Shorter module documentation says nothing.
const MODULE_DOCS_MIN: usize = 12;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every file of the project below `folder`, in order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a folder that opens lists its entries").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if UNTRACKED.contains(&name) {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

pub(crate) fn rust_files() -> Vec<(String, String)> {
    let found: Vec<_> = files(root())
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| (relative(&path), text(&path)))
        .collect();
    assert!(!found.is_empty(), "there are no sources in {}", root().display());
    found
}

pub(crate) fn relative(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned()
}

pub(crate) fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

fn manifest(folder: &str) -> Table {
    let path = root().join(folder).join("Cargo.toml");
    text(&path)
        .parse()
        .unwrap_or_else(|error| panic!("{} does not parse: {error}", path.display()))
}

/// Returns the dependencies named in one of a manifest's tables, such as `dev-dependencies`.
fn dependencies(manifest: &Table, table: &str) -> BTreeMap<String, Value> {
    manifest
        .get(table)
        .and_then(Value::as_table)
        .map(|table| table.clone().into_iter().collect())
        .unwrap_or_default()
}

fn all_dependencies(manifest: &Table) -> BTreeMap<String, Value> {
    DEPENDENCIES
        .iter()
        .flat_map(|(table, _)| dependencies(manifest, table))
        .collect()
}

#[track_caller]
pub(crate) fn check(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

fn forbidden_edges(folder: &str, manifest: &Table, allowed: &[&str]) -> Vec<String> {
    all_dependencies(manifest)
        .keys()
        .filter_map(|name| name.strip_prefix("cartwright-"))
        .filter(|target| !allowed.contains(target))
        .map(|target| format!("{folder} depends on {target}, which is no edge of the picture"))
        .collect()
}

#[test]
fn crates_depend_on_each_other_only_as_drawn() {
    let members = manifest(".")["workspace"]["members"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let members: BTreeSet<_> = members.iter().filter_map(Value::as_str).collect();
    let drawn: BTreeSet<_> = EDGES.iter().map(|(folder, _)| *folder).collect();
    assert_eq!(members, drawn, "the workspace's members and the picture differ");
    let found: Vec<_> = EDGES
        .iter()
        .flat_map(|(folder, allowed)| forbidden_edges(folder, &manifest(folder), allowed))
        .collect();
    check(&found);
}

#[test]
fn an_edge_from_http_to_storage_would_be_seen() {
    let manifest: Table = "[dev-dependencies]\ncartwright-storage.workspace = true"
        .parse()
        .expect("the manifest is TOML");
    let found = forbidden_edges("http", &manifest, &["domain", "actors"]);
    assert_eq!(
        found,
        ["http depends on storage, which is no edge of the picture"]
    );
}

#[test]
fn domain_depends_on_nothing_that_does_anything() {
    let found: Vec<_> = dependencies(&manifest("domain"), "dependencies")
        .into_keys()
        .filter(|name| !DOMAIN_DEPENDENCIES.contains(&name.as_str()))
        .map(|name| format!("domain depends on {name}"))
        .collect();
    check(&found);
}

#[test]
fn plain_cargo_test_runs_every_crate() {
    let workspace = &manifest(".")["workspace"];
    assert_eq!(workspace["members"], workspace["default-members"]);
}

/// Returns the dependencies of the workspace's manifest that have no comment right above them.
fn without_reason(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    let mut reason = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[workspace.dependencies]";
        }
        let named = line
            .split_once(" = ")
            .map(|(name, _)| name)
            .filter(|_| inside && !line.starts_with('#'));
        if let Some(name) = named.filter(|name| !name.starts_with("cartwright-") && !reason) {
            found.push(format!(
                "{name} stands in the workspace's dependencies without a reason above it"
            ));
        }
        reason = line.starts_with("# ");
    }
    found
}

#[test]
fn every_dependency_has_its_reason() {
    check(&without_reason(&text(&root().join("Cargo.toml"))));
}

#[test]
fn a_dependency_without_reason_would_be_seen() {
    let manifest = "[workspace.dependencies]\n# The wire format.\nserde_json = \"1\"\nleft-pad = \"1\"\n";
    assert_eq!(without_reason(manifest).len(), 1);
}

/// Returns a crate's code in some places, without its comments.
fn code_in(rust_files: &[(String, String)], folder: &str, places: &[&str]) -> String {
    let places: Vec<_> = places
        .iter()
        .map(|place| root().join(folder).join(place))
        .collect();
    let texts = rust_files
        .iter()
        .filter(|(path, _)| places.iter().any(|place| root().join(path).starts_with(place)));
    let lines = texts.flat_map(|(_, text)| text.lines());
    let code: Vec<_> = lines
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect();
    code.join("\n")
}

/// Tells whether code names a crate: in a path that begins with it, or where it only has it linked, `use name as _;`.
fn names(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let is_linked = before.ends_with("use ") && (after.starts_with(';') || after.starts_with(" as "));
        // Behind one of these it is the end of a longer name, or a module that is called the same.
        let is_inner =
            before.ends_with(|character: char| character.is_alphanumeric() || "_:".contains(character));
        is_linked || (after.starts_with("::") && !is_inner)
    })
}

/// Returns the dependencies of a crate that its code does not name.
fn unnamed(folder: &str, manifest: &Table, rust_files: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for (table, places) in DEPENDENCIES {
        let code = code_in(rust_files, folder, places);
        for name in dependencies(manifest, table).keys() {
            if !names(&code, &name.replace('-', "_")) {
                let places = places.join(", ");
                found.push(format!(
                    "{folder}/Cargo.toml has {name} in its {table}, and nothing in {places} names it"
                ));
            }
        }
    }
    found
}

#[test]
fn every_dependency_is_listed_once_and_used() {
    let rust_files = rust_files();
    let listed: BTreeSet<_> = dependencies(
        manifest(".")["workspace"]
            .as_table()
            .expect("workspace is a table"),
        "dependencies",
    )
    .into_keys()
    .collect();
    let mut used = BTreeSet::new();
    let mut found = Vec::new();
    for (folder, _) in EDGES {
        let manifest = manifest(folder);
        found.extend(unnamed(folder, &manifest, &rust_files));
        for (name, value) in all_dependencies(&manifest) {
            if value.get("workspace").and_then(Value::as_bool) != Some(true) {
                found.push(format!("{folder}/Cargo.toml gives {name} a version of its own"));
            }
            used.insert(name);
        }
    }
    found.extend(
        listed
            .difference(&used)
            .map(|name| format!("{name} is listed, and no crate uses it")),
    );
    check(&found);
}

#[test]
fn a_dependency_that_no_code_names_would_be_seen() {
    let manifest: Table = "[dependencies]\nleft-pad.workspace = true\nright-pad.workspace = true\n\
        [dev-dependencies]\npad.workspace = true\nup-pad.workspace = true"
        .parse()
        .expect("the manifest is TOML");
    let files = [
        (
            "domain/src/lib.rs",
            "// right_pad::pad\nuse left_pad::pad;\nuse crate::right_pad::pad;",
        ),
        ("domain/tests/it.rs", "use right_pad::pad;\nuse up_pad as _;"),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(
        unnamed("domain", &manifest, &files),
        [
            "domain/Cargo.toml has right-pad in its dependencies, and nothing in src names it",
            "domain/Cargo.toml has pad in its dev-dependencies, and nothing in src, tests, benches names it",
        ]
    );
}

#[test]
fn areas_have_the_same_name_in_every_crate() {
    let mut found = Vec::new();
    for (folder, machinery) in MACHINERY {
        for entry in fs::read_dir(root().join(folder).join("src")).expect("every crate has a src") {
            let path = entry.expect("a folder that opens lists its entries").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if path.is_dir() && name != "tests" && !AREAS.contains(&name) && !machinery.contains(&name) {
                found.push(format!(
                    "{folder}/src/{name} is neither an area nor machinery of the picture"
                ));
            }
        }
    }
    check(&found);
}

#[test]
fn no_file_is_too_long() {
    let found: Vec<_> = rust_files()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| LINES_MAX < *lines)
        .map(|(path, lines)| format!("{path} has {lines} lines, the most is {LINES_MAX}"))
        .collect();
    check(&found);
}

#[test]
fn every_module_opens_with_what_it_is_for() {
    let found: Vec<_> = rust_files()
        .into_iter()
        .filter(|(path, _)| !TEST_FILES.iter().any(|end| path.ends_with(end)))
        .filter(|(_, text)| {
            let docs: usize = text
                .lines()
                .map_while(|line| line.strip_prefix("//!"))
                .map(|line| line.trim().len())
                .sum();
            docs < MODULE_DOCS_MIN
        })
        .map(|(path, _)| format!("{path} does not open with what it is for"))
        .collect();
    check(&found);
}

#[test]
fn no_file_names_a_place_of_one_machine() {
    // Spelled in halves, so that this file does not name them itself.
    let places = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/fa", "rm/"),
    ];
    let mut found = Vec::new();
    for path in files(root()) {
        for (number, line) in text(&path).lines().enumerate() {
            if places.iter().any(|place| line.contains(place)) {
                found.push(format!("{}:{}: {}", relative(&path), number + 1, line.trim()));
            }
        }
    }
    check(&found);
}

#[test]
fn code_is_spelled_the_american_way() {
    let british = [
        concat!("cance", "lled"),
        concat!("cance", "lling"),
        concat!("fulfil", "ment"),
        concat!("authori", "se"),
        concat!("authori", "sation"),
        concat!("catal", "ogue"),
    ];
    let mut found = Vec::new();
    for (path, text) in rust_files() {
        for (number, line) in text.lines().enumerate() {
            // Comments are prose, and file names of a data set are its own.
            let code = line.split("//").next().unwrap_or_default().to_lowercase();
            if british
                .iter()
                .any(|word| code.replace(concat!("catal", "ogue-visible"), "").contains(word))
            {
                found.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    check(&found);
}

#[test]
fn every_decision_that_is_cited_is_there() {
    let numbers: BTreeSet<String> = files(&root().join("docs/adr"))
        .iter()
        .filter_map(|path| path.file_name()?.to_str()?.get(..4).map(str::to_owned))
        .collect();
    let mut found = Vec::new();
    for path in files(root()) {
        for cited in text(&path).split("ADR ").skip(1).filter_map(|rest| rest.get(..4)) {
            if cited.bytes().all(|byte| byte.is_ascii_digit()) && !numbers.contains(cited) {
                found.push(format!(
                    "{} cites ADR {cited}, which is not there",
                    relative(&path)
                ));
            }
        }
    }
    check(&found);
}

#[test]
fn every_decision_is_listed_and_complete() {
    let list = text(&root().join("docs/adr/README.md"));
    let mut numbers = BTreeMap::new();
    let mut found = Vec::new();
    for path in files(&root().join("docs/adr")) {
        let name = relative(&path).replace("docs/adr/", "");
        if name == "README.md" {
            continue;
        }
        if !list.contains(&format!("({name})")) {
            found.push(format!("docs/adr/README.md does not list {name}"));
        }
        if let Some(other) = numbers.insert(name.chars().take(4).collect::<String>(), name.clone()) {
            found.push(format!("{name} and {other} have one number"));
        }
        let decision = text(&path);
        for heading in ["## Context", "## Choice", "## Consequences"] {
            if !decision.contains(heading) {
                found.push(format!("{name} has no heading \"{heading}\""));
            }
        }
    }
    check(&found);
    assert!(!numbers.is_empty(), "there are decisions");
}
