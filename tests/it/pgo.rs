//! The profile that releases are built by: every compiler that is allowed can read it, and gets it where it should.

use crate::tidy::root;
use std::fs;
use std::process::Command;

/// What an indexed profile of LLVM begins with, followed by the version of the format in seven bytes of eight.
const MAGIC: &[u8] = b"\xfflprofi\x81";

/// The version that LLVM 19 writes, which later ones read: the oldest compiler in the manifest has LLVM 20.
const VERSION_MAX: u8 = 12;

/// Returns what the compiler is called with when cargo calls it with `arguments`.
fn called_with(arguments: &[&str], counts: Option<&str>) -> String {
    let mut stand_in = Command::new(root().join("pgo/rustc"));
    stand_in.arg("echo").args(arguments);
    match counts {
        Some(directory) => stand_in.env("CARTWRIGHT_PGO_COUNTS", directory),
        None => stand_in.env_remove("CARTWRIGHT_PGO_COUNTS"),
    };
    let output = stand_in.output().expect("pgo/rustc can be run");
    String::from_utf8(output.stdout).expect("echo writes text")
}

#[test]
fn every_compiler_that_is_allowed_can_read_the_profile() {
    let profile = fs::read(root().join("pgo/cartwright.profdata")).expect("there is a profile");
    assert_eq!(profile.get(..MAGIC.len()), Some(MAGIC));
    let version = profile.get(MAGIC.len()..MAGIC.len() + 7).expect("a version");
    assert!(
        version[0] <= VERSION_MAX && version[1..].iter().all(|byte| *byte == 0),
        "made with too new an llvm-profdata, see pgo/train: {version:?}"
    );
}

#[test]
fn the_profile_is_for_what_is_optimized_for_speed() {
    let fast = [
        "--crate-name",
        "cartwright",
        "-C",
        "opt-level=3",
        "-C",
        "lto=thin",
    ];
    let profile = root().join("pgo/cartwright.profdata");
    let used = format!("-Cprofile-use={}", profile.display());
    assert!(called_with(&fast, None).contains(&used));
    assert_eq!(
        called_with(&["--crate-name", "cartwright"], None),
        "--crate-name cartwright\n"
    );
    let build_script = called_with(&["--crate-name", "build_script_build", "-C", "opt-level=0"], None);
    assert!(!build_script.contains("profile"), "{build_script}");
}

#[test]
fn a_build_for_training_counts_and_uses_no_profile() {
    let training = called_with(&["-C", "opt-level=3"], Some("counts here"));
    assert_eq!(training, "-C opt-level=3 -Cprofile-generate=counts here\n");
}
