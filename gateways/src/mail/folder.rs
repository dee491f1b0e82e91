//! Mail as `.eml` files in a directory, one file per message id.
//!
//! A file is written aside and renamed. It is safe once the folder is settled, with all others in one sync of the file
//! system: a sync for each costs more than everything else about an order's mail. Nor is a thread woken for each:
//! whoever hands a mail in goes on at once, and one worker writes what has gathered. A mail that is sent again,
//! because nobody knows what a crash or a full disk left of it, is written again.

use super::{Error, Mail, Mailer, MessageId};
use crate::gathering::{Gathering, Unworked, lock};
use futures::future::{self, BoxFuture};
use lettre::{
    Message,
    address::Envelope,
    message::{Mailbox, SinglePart},
};
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
use std::{
    fmt::Display,
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

/// The folder inside the mail directory where files lie until they are whole.
const SPOOL: &str = ".spool";
/// Of how many names the spool gets one until it is in its place; see [`make_apart`].
const APART: u8 = 16;
/// How many mails may wait to be written; more are turned away.
const WAITING_MAX: usize = 1_024;

/// A directory that takes mails over as `<message id>.eml`.
#[derive(Clone, Debug)]
pub struct Folder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    spool: PathBuf,
    from: Mailbox,
    waiting: Gathering<Composed>,
    /// Held by whoever writes or syncs.
    written: Mutex<Written>,
}

/// A mail in the form of its file.
#[derive(Debug)]
struct Composed {
    message_id: MessageId,
    bytes: Vec<u8>,
}

/// What was written since the folder was last settled.
#[derive(Debug, Default)]
struct Written {
    unsynced: bool,
    failed: Option<io::Error>,
}

/// Why a mail folder does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The sender is no address.
    #[error(transparent)]
    Sender(#[from] Error),
    /// The directory, or one above it, is none or may not be written to.
    #[error(
        "the mail directory {} cannot be used; make it a directory that may be written to, or name another as \
         mail_directory",
        directory.display()
    )]
    Unusable {
        /// The directory.
        directory: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Folder {
    /// Opens the directory, creating it where it is missing, and clears what an earlier process left half written.
    /// `from` is the sender of every mail: `The Shop <shop@example.com>`.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(directory: impl Into<PathBuf>, from: &str) -> Result<Self, OpenError> {
        let directory = directory.into();
        let from = mailbox(from)?;
        let spool = directory.join(SPOOL);
        if let Err(source) = make(&directory, &spool) {
            return Err(OpenError::Unusable { directory, source });
        }
        Ok(Self {
            shared: Arc::new(Shared {
                directory,
                spool,
                from,
                waiting: Gathering::of_at_most(WAITING_MAX),
                written: Mutex::default(),
            }),
        })
    }
}

impl Mailer for Folder {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(future::ready(self.hand_in(mail)))
    }

    fn settle(&self) -> BoxFuture<'_, Result<(), Error>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let settled = tokio::task::spawn_blocking(move || shared.settle()).await;
            Ok(settled.unwrap_or_else(|stopped| Err(io::Error::other(stopped)))?)
        })
    }
}

impl Folder {
    fn hand_in(&self, mail: Mail) -> Result<(), Error> {
        let composed = self.shared.compose(mail)?;
        let start = || {
            let shared = Arc::clone(&self.shared);
            tokio::task::spawn_blocking(move || shared.write_waiting(&mut lock(&shared.written)));
        };
        self.shared.waiting.add(composed, start).map_err(|why| {
            let why = match why {
                Unworked::Full => "too many mails are waiting",
                Unworked::Unstarted => "the system has no thread to write mails",
            };
            Error::Failed(io::Error::other(why))
        })
    }
}

impl Shared {
    /// Writes until nobody waits.
    fn write_waiting(&self, written: &mut Written) {
        self.waiting.work(|mails| {
            written.unsynced = true;
            if let Err(error) = self.make_spool() {
                written.failed.get_or_insert(error);
            }
            for mail in mails {
                if let Err(error) = self.write(&mail) {
                    written.failed.get_or_insert(error);
                }
            }
        });
    }

    /// Makes the folder that somebody may have cleared away, in a mail directory that is still there.
    fn make_spool(&self) -> io::Result<()> {
        match fs::create_dir(&self.spool) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    }

    fn write(&self, mail: &Composed) -> io::Result<()> {
        let name = format!("{}.eml", mail.message_id);
        let spooled = self.spool.join(&name);
        fs::write(&spooled, &mail.bytes)?;
        fs::rename(spooled, self.directory.join(name))
    }

    /// Fails also for mails that could not be written since the last time: they are to be sent again.
    fn settle(&self) -> io::Result<()> {
        let mut written = lock(&self.written);
        self.write_waiting(&mut written);
        if let Some(error) = written.failed.take() {
            return Err(error);
        }
        if written.unsynced {
            rustix::fs::syncfs(File::open(&self.directory)?)?;
            written.unsynced = false;
        }
        Ok(())
    }

    fn compose(&self, mail: Mail) -> Result<Composed, Error> {
        let to = mailbox(&mail.to)?;
        // It would otherwise be read back from the headers.
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![to.email.clone()]);
        let builder = Message::builder()
            .envelope(envelope.map_err(refused)?)
            .message_id(Some(format!("<{}>", mail.message_id)))
            .from(self.from.clone())
            .to(to)
            .subject(mail.subject);
        let message = builder.singlepart(SinglePart::plain(mail.text));
        Ok(Composed {
            bytes: message.map_err(refused)?.formatted(),
            message_id: mail.message_id,
        })
    }
}

fn refused(error: impl Display) -> Error {
    Error::Refused {
        reason: error.to_string(),
    }
}

/// Tells whether [`Folder::open`] takes a text as the sender.
///
/// # Errors
/// [`Error::Refused`] when it is no address.
pub fn check_sender(from: &str) -> Result<(), Error> {
    mailbox(from).map(drop)
}

fn mailbox(text: &str) -> Result<Mailbox, Error> {
    text.parse().map_err(|error| Error::Refused {
        reason: format!("{text} is no mail address: {error}"),
    })
}

/// Makes a mail directory with its spool, empty. What is not there is made for its owner alone: mails say who lives where.
fn make(directory: &Path, spool: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(spool)?;
    for left in fs::read_dir(spool)? {
        fs::remove_file(left?.path())?;
    }
    let opened = File::open(directory)?;
    make_apart(&opened, directory, spool);
    opened.sync_all()
}

/// Makes the spool anew, away from where other files were deleted just now.
///
/// The number of a file is one of those near its folder's, and ext4 without a journal passes the numbers of files that
/// were deleted in the last minutes one by one: where they are ten thousands, a mail takes ten times as long to be made.
/// A folder below one that is marked as the top of a tree (`chattr +T`) goes to a part of the disk with few folders; at
/// which part the search begins is told by its name. Other file systems refuse the mark or pass it over, and where
/// anything fails the spool stays where it is.
fn make_apart(opened: &File, directory: &Path, spool: &Path) {
    let aside = |nth: u8| directory.join(format!("{SPOOL}-{nth}"));
    for left in 0..APART {
        // Left by a kill between here and the renaming.
        let _ = fs::remove_dir(aside(left));
    }
    let aside = aside(uuid::Uuid::new_v4().as_bytes()[0] % APART);
    let marks = ioctl_getflags(opened).ok();
    if let Some(marks) = marks {
        let _ = ioctl_setflags(opened, marks | IFlags::TOPDIR);
    }
    let made = fs::create_dir(&aside);
    if let Some(marks) = marks {
        let _ = ioctl_setflags(opened, marks);
    }
    if made.is_ok() && fs::rename(&aside, spool).is_err() {
        let _ = fs::remove_dir(aside);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops where it fails")]
    use super::*;
    use crate::mail::{InvalidMessageId, MessageId};
    use cartwright_domain::Email;
    use std::time::Duration;
    use tokio::time::timeout;

    /// How long a condition may take before a test has failed.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn mail(id: &str, text: &str) -> Mail {
        Mail {
            message_id: MessageId::parse(id).unwrap(),
            to: "Ada <ada@example.com>".to_owned(),
            subject: "Order 17: thank you".to_owned(),
            text: text.to_owned(),
        }
    }

    fn files(directory: &Path) -> Vec<String> {
        let names = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name != SPOOL).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_mail_sent_twice_is_one_file() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path(), "Shop <shop@example.com>").unwrap();
        folder.send(mail("order.17@shop", "text")).await.unwrap();
        folder.settle().await.unwrap();
        // What a crash may have left of it.
        fs::write(home.path().join("order.17@shop.eml"), "Message-").unwrap();
        folder.send(mail("order.17@shop", "text")).await.unwrap();
        folder.settle().await.unwrap();
        assert_eq!(files(home.path()), ["order.17@shop.eml"]);
        let text = fs::read_to_string(home.path().join("order.17@shop.eml")).unwrap();
        for line in [
            "Message-ID: <order.17@shop>",
            "To: Ada <ada@example.com>",
            "From: Shop <shop@example.com>",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is missing in\n{text}"
            );
        }
    }

    #[tokio::test]
    async fn a_mail_to_no_address_is_refused_and_leaves_no_file() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path(), "shop@example.com").unwrap();
        let refused = folder
            .send(Mail {
                to: "nobody".to_owned(),
                ..mail("a@b", "plain")
            })
            .await;
        assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
        assert_eq!(files(home.path()), Vec::<String>::new());
    }

    /// A letter is allowed or not wherever it stands, so that every letter has been tried.
    #[test]
    fn every_address_that_is_accepted_can_be_mailed() {
        let long = "a".repeat(64);
        let labels = format!("{}.{}.{}", "b".repeat(63), "c".repeat(63), "d".repeat(61));
        let mut accepted = vec![format!("{long}@example.com"), format!("{long}@{labels}")];
        accepted.push("Ada.Lovelace+shop@xn--mller-kva.co.uk".to_owned());
        accepted.push("1@1.1.1.1".to_owned());
        for text in &accepted {
            assert!(Email::parse(text).is_ok(), "{text}");
        }
        for letter in '\0'..=char::MAX {
            for text in [
                format!("{letter}.a{letter}a@example.com"),
                format!("ada@{letter}.a{letter}a.example"),
            ] {
                accepted.extend(Email::parse(&text).is_ok().then_some(text));
            }
        }
        assert!(100_000 < accepted.len(), "{}", accepted.len());
        for text in accepted {
            let read = mailbox(&text);
            let as_given = read.as_ref().map(|read| read.email.as_ref());
            assert_eq!(as_given.ok(), Some(text.as_str()), "{read:?}");
        }
    }

    #[tokio::test]
    async fn mails_are_written_without_being_settled_and_none_is_left_when_they_are() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path(), "shop@example.com").unwrap();
        for number in 0..100 {
            folder
                .send(mail(&format!("order-{number}@shop"), "text"))
                .await
                .unwrap();
        }
        let written = async {
            while files(home.path()).len() < 100 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, written).await.expect("all are written");
        assert_eq!(files(&home.path().join(SPOOL)), Vec::<String>::new());
        folder.settle().await.unwrap();
        assert!(!lock(&folder.shared.written).unsynced);
    }

    #[tokio::test]
    async fn a_mail_that_cannot_be_written_fails_the_settling_and_comes_again() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path(), "shop@example.com").unwrap();
        let spool = home.path().join(SPOOL);
        fs::remove_dir(&spool).unwrap();
        fs::write(&spool, "in the way").unwrap();
        folder.send(mail("a@b", "text")).await.unwrap();
        let failed = folder.settle().await;
        assert!(matches!(failed, Err(Error::Failed(_))), "{failed:?}");
        // The folder itself is made again.
        fs::remove_file(&spool).unwrap();
        folder.send(mail("a@b", "text")).await.unwrap();
        folder.settle().await.unwrap();
        assert_eq!(files(home.path()), ["a@b.eml"]);
    }

    #[test]
    fn a_directory_that_is_none_is_named_with_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let mail = home.path().join("mail");
        fs::write(&mail, "in the way").unwrap();
        let error = Folder::open(&mail, "shop@example.com").unwrap_err();
        let told = format!(
            "the mail directory {} cannot be used; make it a directory that may be written to, or name another as \
             mail_directory",
            mail.display()
        );
        assert_eq!(error.to_string(), told);
        let cause = std::error::Error::source(&error).unwrap();
        assert_eq!(cause.to_string(), "Not a directory (os error 20)");
        assert!(cause.source().is_none());
    }

    #[test]
    fn opening_leaves_nothing_but_an_empty_spool() {
        let home = tempfile::tempdir().unwrap();
        for nth in 0..APART {
            fs::create_dir(home.path().join(format!("{SPOOL}-{nth}"))).unwrap();
        }
        for _ in 0..3 {
            Folder::open(home.path(), "Shop <shop@example.com>").unwrap();
            assert_eq!(files(home.path()), Vec::<String>::new());
            assert_eq!(files(&home.path().join(SPOOL)), Vec::<String>::new());
        }
    }

    #[test]
    fn opening_clears_what_was_left_half_written() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join(SPOOL)).unwrap();
        fs::write(home.path().join(SPOOL).join("half.eml"), "From: x").unwrap();
        Folder::open(home.path(), "shop@example.com").unwrap();
        assert_eq!(files(&home.path().join(SPOOL)), Vec::<String>::new());
    }

    #[test]
    fn a_message_id_cannot_leave_the_directory() {
        for text in [
            "", "order", "@shop", "a@", "../a@b", ".a@b", "a/b@c", "a b@c", "a@b@c", "a@b\n",
        ] {
            assert_eq!(MessageId::parse(text), Err(InvalidMessageId), "{text:?}");
        }
        let longest = format!("{}@b", "a".repeat(198));
        assert!(MessageId::parse(longest.clone()).is_ok());
        assert_eq!(MessageId::parse(format!("a{longest}")), Err(InvalidMessageId));
    }
}
