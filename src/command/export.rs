//! `cartwright export`: write what a running server holds to a file that `import` reads again, there or elsewhere.
//!
//! Rows are written as their pages come, so that a list may be of any length.

use super::signals::Signals;
use crate::cli::Export;
use crate::client::{Connection, Pages, Server, list_all};
use crate::output;
use crate::table::delimiter_of;
use anyhow::{Context, bail};
use serde::Deserialize;
use std::fs::{File, Permissions};
use std::io::{ErrorKind, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tempfile::NamedTempFile;

/// What an export of codes has in its columns.
const CODE_COLUMNS: [&str; 4] = ["code", "promotion", "used", "created"];

/// Who may do what with a file that is new, as far as the process may give it to them (`umask`).
const NEW_FILE_MODE: u32 = 0o666;

#[derive(Debug, Deserialize)]
struct Promotion {
    id: String,
    name: String,
    code: Option<String>,
}

#[derive(Debug, Deserialize)]
struct CouponCode {
    code: String,
    used: bool,
    created_at: String,
}

/// Runs the export.
///
/// # Errors
/// What stopped it, and what to do about it.
pub(crate) async fn run(arguments: Export) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::heed()?;
    let left = match file_of(&arguments) {
        Some(_) => "what was there is as it was",
        None => "what went to stdout is not all of it",
    };
    tokio::select! {
        written = export(arguments) => written,
        // Returning removes what was written so far.
        () = signals.stop() => bail!("it was interrupted: {left}"),
    }
}

/// Returns the file that is to be written; none where that is stdout.
fn file_of(arguments: &Export) -> Option<&Path> {
    let file = arguments.file.as_deref();
    file.filter(|file| *file != Path::new(output::STDOUT))
}

async fn export(arguments: Export) -> anyhow::Result<ExitCode> {
    let server = Server::new(&arguments.remote)?;
    let staff = server.staff()?.clone();
    let mut connection = Connection::open(&server).await?;
    let promotions: Vec<Promotion> = list_all(&mut connection, &staff, "/admin/promotions").await?;
    let named = Named {
        promotions: &promotions,
    };
    let meant = match &arguments.promotion {
        Some(text) => vec![named.find(text)?],
        None => promotions.iter().collect(),
    };

    let (mut whole, delimiter) = match file_of(&arguments) {
        Some(path) => {
            let delimiter = delimiter_of(path)?;
            let whole = Whole::of(path).with_context(|| format!("cannot write {}", path.display()))?;
            (Some(whole), delimiter)
        }
        None => (None, b','),
    };
    let place = if whole.is_some() { "the file" } else { "stdout" };
    let unwritten = || format!("{place} could not be written to its end");
    let file: Box<dyn Write + '_> = match &mut whole {
        Some(whole) => Box::new(whole.file()),
        None => Box::new(std::io::stdout()),
    };
    let mut table = csv::WriterBuilder::new().delimiter(delimiter).from_writer(file);
    let bar = output::progress_open("exporting");
    let written = async {
        table.write_record(CODE_COLUMNS)?;
        for promotion in meant {
            let name = named.of_promotion(promotion);
            let path = format!("/admin/promotions/{}/codes", promotion.id);
            let mut pages = Pages::of(&path);
            while let Some(codes) = pages.next::<CouponCode>(&mut connection, &staff).await? {
                for code in &codes {
                    let used = if code.used { "yes" } else { "no" };
                    table.write_record([&code.code, name, used, &code.created_at])?;
                }
                bar.inc(u64::try_from(codes.len())?);
            }
        }
        table.flush().map_err(csv::Error::from)?;
        anyhow::Ok(())
    };
    let written = written.await;
    drop(table);
    match (written, whole) {
        // A reader of stdout who has gone away has read enough.
        (Err(error), None) if is_reader_gone(&error) => return Ok(ExitCode::SUCCESS),
        (Err(error), _) if error.is::<csv::Error>() => return Err(error.context(unwritten())),
        (Err(error), _) => return Err(error),
        (Ok(()), Some(whole)) => whole.put().with_context(unwritten)?,
        (Ok(()), None) => {}
    }
    let codes = bar.position();
    bar.finish_and_clear();
    output::note(format!("exported {codes} codes"));
    Ok(ExitCode::SUCCESS)
}

/// Tells whether writing failed because whoever reads what is written has gone away. A server may go away, too.
fn is_reader_gone(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<csv::Error>().map(csv::Error::kind) {
        Some(csv::ErrorKind::Io(error)) => error.kind() == ErrorKind::BrokenPipe,
        _ => false,
    }
}

/// A file that gets what is to be in it once that is whole: an export that breaks off leaves the last one as it was.
enum Whole {
    /// It stands beside the place that it takes.
    Beside { written: NamedTempFile, place: PathBuf },
    /// It has no name and is copied: the place is no file, or the folder is nobody's to write in.
    Apart { written: File, place: File },
}

impl Whole {
    fn of(path: &Path) -> std::io::Result<Self> {
        let place = match File::options().write(true).open(path) {
            // What a link leads to is made, and not something in the place of the link.
            Err(error) if error.kind() == ErrorKind::NotFound && path.is_symlink() => File::create(path)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                let mut beside = tempfile::Builder::new();
                let beside = beside.permissions(Permissions::from_mode(NEW_FILE_MODE));
                return Ok(Self::Beside {
                    written: beside.tempfile_in(folder.unwrap_or(Path::new(".")))?,
                    place: path.to_owned(),
                });
            }
            opened => opened?,
        };
        let is = place.metadata()?;
        if is.is_file() {
            // What a link leads to is replaced, and not the link.
            let path = path.canonicalize()?;
            let beside = path.parent().map(NamedTempFile::new_in);
            if let Some(Ok(written)) = beside {
                written.as_file().set_permissions(is.permissions())?;
                return Ok(Self::Beside { written, place: path });
            }
        }
        let written = tempfile::tempfile()?;
        Ok(Self::Apart { written, place })
    }

    fn file(&mut self) -> &mut File {
        match self {
            Self::Beside { written, .. } => written.as_file_mut(),
            Self::Apart { written, .. } => written,
        }
    }

    fn put(self) -> std::io::Result<()> {
        match self {
            Self::Beside { written, place } => {
                written.as_file().sync_all()?;
                written.persist(place)?;
            }
            Self::Apart {
                mut written,
                mut place,
            } => {
                written.rewind()?;
                if place.metadata()?.is_file() {
                    place.set_len(0)?;
                }
                std::io::copy(&mut written, &mut place)?;
            }
        }
        Ok(())
    }
}

/// What promotions are called in a file: as an import of another store's promotions finds them.
struct Named<'a> {
    promotions: &'a [Promotion],
}

impl<'a> Named<'a> {
    /// Returns its own code, else its name, else, where others are called so, its id.
    fn of_promotion(&self, promotion: &'a Promotion) -> &'a str {
        let finds_it = |name: &&str| self.find(name).is_ok_and(|found| found.id == promotion.id);
        let name = Some(promotion.name.as_str()).filter(finds_it);
        promotion.code.as_deref().or(name).unwrap_or(&promotion.id)
    }

    fn find(&self, text: &str) -> anyhow::Result<&'a Promotion> {
        let is_meant = |promotion: &&Promotion| {
            let own = promotion.code.as_deref();
            promotion.id == text || own.is_some_and(|own| own.eq_ignore_ascii_case(text))
        };
        if let Some(found) = self.promotions.iter().find(is_meant) {
            return Ok(found);
        }
        let mut by_name = self.promotions.iter().filter(|promotion| promotion.name == text);
        match (by_name.next(), by_name.next()) {
            (Some(found), None) => Ok(found),
            (None, _) => bail!("no promotion has the id, the code or the name {text:?}"),
            (Some(_), Some(_)) => {
                bail!("several promotions are called {text:?}; give the id of the one you mean")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_once_it_is_whole_as_a_file_of_its_folder_would_be() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let [beside, link, missing, new] =
            ["beside", "link", "missing", "new"].map(|name| folder.path().join(name));
        std::fs::write(&beside, "as it was")?;
        std::os::unix::fs::symlink(&missing, &link)?;
        for (place, before) in [(&new, None), (&beside, Some("as it was")), (&link, Some(""))] {
            let broken_off =
                |place: &Path| -> std::io::Result<()> { Whole::of(place)?.file().write_all(b"half") };
            broken_off(place)?;
            assert_eq!(std::fs::read_to_string(place).ok().as_deref(), before);
            let mut whole = Whole::of(place)?;
            whole.file().write_all(b"whole")?;
            whole.put()?;
            assert_eq!(std::fs::read_to_string(place)?, "whole");
        }
        let mode = |path: &Path| std::fs::metadata(path).map(|file| file.permissions().mode());
        assert_eq!(mode(&new)?, mode(&beside)?);
        assert!(link.is_symlink());
        assert_eq!(
            std::fs::read_dir(folder.path())?.count(),
            4,
            "nothing else is left"
        );
        Ok(())
    }

    #[test]
    fn only_of_what_is_written_a_reader_is_gone() {
        struct Unread;

        impl Write for Unread {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(ErrorKind::BrokenPipe.into())
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }

        let mut table = csv::Writer::from_writer(Unread);
        let unread = table.write_record(CODE_COLUMNS).and_then(|()| Ok(table.flush()?));
        assert!(unread.is_err_and(|error| is_reader_gone(&error.into())));
        let lost = std::io::Error::from(ErrorKind::BrokenPipe);
        assert!(!is_reader_gone(
            &anyhow::Error::new(lost).context("the server went away")
        ));
        let full = csv::Error::from(std::io::Error::from(ErrorKind::StorageFull));
        assert!(!is_reader_gone(&full.into()));
    }

    #[test]
    fn a_promotion_is_called_what_finds_it_and_no_other() {
        let of = |id: &str, name: &str, code: Option<&str>| Promotion {
            id: id.to_owned(),
            name: name.to_owned(),
            code: code.map(str::to_owned),
        };
        let promotions = [
            of("promo_1", "Letter", None),
            of("promo_2", "Twice", None),
            of("promo_3", "Twice", Some("TEN")),
            of("promo_4", "Twice", None),
            of("promo_5", "Ten", None),
        ];
        let named = Named {
            promotions: &promotions,
        };
        let called: Vec<&str> = promotions
            .iter()
            .map(|promotion| named.of_promotion(promotion))
            .collect();
        assert_eq!(called, ["Letter", "promo_2", "TEN", "promo_4", "promo_5"]);
        for (text, id) in [
            ("Letter", Some("promo_1")),
            ("ten", Some("promo_3")),
            ("promo_2", Some("promo_2")),
            ("Twice", None),
            ("Nobody", None),
        ] {
            let found = named.find(text).ok().map(|promotion| promotion.id.as_str());
            assert_eq!(found, id, "{text}");
        }
    }
}
