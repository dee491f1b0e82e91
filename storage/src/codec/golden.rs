//! Golden files: the bytes of every stored type as they were first written, which must load for ever.
//!
//! For the tests of every crate that stores something. A file holds hexadecimal digits, 32 bytes a line. With
//! `GOLDEN=accept` in the environment a missing file is written; an existing one is never changed, because data
//! in that form may exist: raise the schema and add a file instead.

use std::fmt::Write;
use std::path::Path;

const BYTES_PER_LINE: usize = 32;

/// Compares what is written today with the golden file `name` in `directory`.
///
/// # Panics
/// When they differ, or when the file is missing and not to be accepted.
pub fn check(directory: impl AsRef<Path>, name: &str, bytes: &[u8]) {
    let path = directory.as_ref().join(format!("{name}.hex"));
    if !path.exists() && std::env::var_os("GOLDEN").is_some_and(|value| value == "accept") {
        std::fs::create_dir_all(directory.as_ref()).expect("the directory of golden files can be made");
        std::fs::write(&path, text(bytes)).expect("a golden file can be written");
    }
    let golden = read(directory, name);
    assert!(
        golden == bytes,
        "the stored form of {name} has changed: raise its schema, keep this file, add one for the new schema\n\
         golden:\n{}\nnow:\n{}",
        text(&golden),
        text(bytes)
    );
}

/// Reads the golden file `name` in `directory`, to show that it still loads.
///
/// # Panics
/// When the file is missing or is not hexadecimal.
pub fn read(directory: impl AsRef<Path>, name: &str) -> Vec<u8> {
    let path = directory.as_ref().join(format!("{name}.hex"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; a new stored type is accepted with GOLDEN=accept",
            path.display()
        )
    });
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("a golden file is text");
            u8::from_str_radix(pair, 16).expect("a golden file holds hexadecimal digits")
        })
        .collect()
}

fn text(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(BYTES_PER_LINE) {
        for byte in line {
            write!(text, "{byte:02x}").expect("a string takes any text");
        }
        text.push('\n');
    }
    text
}
