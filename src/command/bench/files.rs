//! The files that a bench writes, tried before the work, which may take long.

use crate::output;
use anyhow::{Context, ensure};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// What the plot's name ends in.
const PLOT: &str = "svg";

/// Returns where the plot beside a page is.
pub(super) fn plot_of(page: &Path) -> PathBuf {
    page.with_extension(PLOT)
}

/// A file that can be written. One that was made for this and stays empty goes away with it.
#[derive(Debug)]
pub(super) struct Tried {
    file: PathBuf,
    is_new: bool,
}

impl Tried {
    /// Opens a file, and makes it where it is not there.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn open(file: &Path) -> anyhow::Result<Self> {
        let made = File::options().create_new(true).append(true).open(file);
        let is_new = match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let opened = File::options().append(true).open(file);
                opened.with_context(|| cannot_write(file))?;
                false
            }
            made => {
                made.with_context(|| cannot_write(file))?;
                true
            }
        };
        Ok(Self {
            file: file.to_owned(),
            is_new,
        })
    }

    /// Opens the JSON's file, unless it is stdout, and those of the page.
    ///
    /// # Errors
    /// One of them cannot be written, or would be written over another.
    pub(super) fn all(json: Option<&Path>, page: Option<&Path>) -> anyhow::Result<Vec<Self>> {
        let json = json.filter(|file| *file != Path::new(output::STDOUT));
        let mut files: Vec<PathBuf> = json.into_iter().map(Path::to_owned).collect();
        for file in page.into_iter().flat_map(|page| [page.to_owned(), plot_of(page)]) {
            ensure!(
                !files.contains(&file),
                "{} would be written over: JSON, page and the page's plot, whose name ends in .{PLOT}, are three files",
                file.display()
            );
            files.push(file);
        }
        files.iter().map(|file| Self::open(file)).collect()
    }
}

impl Drop for Tried {
    fn drop(&mut self) {
        let is_empty = || self.file.metadata().is_ok_and(|about| about.len() == 0);
        if self.is_new && is_empty() {
            // An empty file is all that is left where it cannot be removed.
            drop(std::fs::remove_file(&self.file));
        }
    }
}

/// Says that a file cannot be written.
pub(super) fn cannot_write(file: &Path) -> String {
    format!("cannot write {}", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_made_for_nothing_goes_away_and_others_stay() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let [new, written, old] = ["new", "written", "old"].map(|name| folder.path().join(name));
        std::fs::write(&old, "").expect("it can be written");
        let tried = [&new, &written, &old].map(|file| Tried::open(file).expect("it can be written"));
        std::fs::write(&written, "figures").expect("it can be written");
        drop(tried);
        assert_eq!([new, written, old].map(|file| file.exists()), [false, true, true]);
    }

    #[test]
    fn no_file_is_written_over_another() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = |name: &str| folder.path().join(name);
        let check = |json: &str, page: &str| {
            Tried::all(Some(&file(json)), Some(&file(page))).map(|tried| tried.len())
        };
        assert_eq!(check("figures.json", "page.md").ok(), Some(3));
        for (json, page) in [
            ("figures.json", "page.svg"),
            ("page.svg", "page.md"),
            ("page.md", "page.md"),
        ] {
            let error = check(json, page).expect_err("two have one name").to_string();
            assert!(error.contains("would be written over"), "{error}");
        }
        let missing = Tried::all(None, Some(&file("missing/page.md")));
        assert!(missing.is_err_and(|error| error.to_string().starts_with("cannot write")));
        assert_eq!(
            std::fs::read_dir(folder.path()).map(Iterator::count).ok(),
            Some(0)
        );
    }
}
