//! The binary, run once to its end.

use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// What a run of the binary left.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the binary in an empty directory, without any option from outside.
pub(crate) fn run(arguments: &[&str]) -> Run {
    run_in(
        tempfile::tempdir().expect("a temporary directory").path(),
        arguments,
    )
}

/// Runs the binary in a directory.
pub(crate) fn run_in(directory: &Path, arguments: &[&str]) -> Run {
    run_with(directory, arguments, &[])
}

/// Runs the binary in a directory, with options from outside.
pub(crate) fn run_with(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cartwright"));
    command.args(arguments).current_dir(directory);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARTWRIGHT_") {
            command.env_remove(name);
        }
    }
    command.envs(variables.iter().copied());
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the binary runs");
    Run {
        code: status.code(),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// Writes a file that lives as long as the directory.
pub(crate) fn file(directory: &TempDir, name: &str, text: &str) -> String {
    let path = directory.path().join(name);
    std::fs::write(&path, text).expect("the directory is writable");
    path.display().to_string()
}
