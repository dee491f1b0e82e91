//! Mail as `.eml` files in a directory, one file per message id.
//!
//! A file is written aside and renamed. It is safe once the folder is settled, with all others in one sync of the file
//! system: a sync for each costs more than everything else about an order's mail. A mail that is sent again, because
//! nobody knows what a crash left of it, is written again.

use super::{Error, Mail, Mailer};
use futures::future::BoxFuture;
use lettre::{
    FileTransport, Message, Transport,
    message::{Mailbox, MultiPart, SinglePart},
};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// The folder inside the mail directory where files lie until they are whole.
const SPOOL: &str = ".spool";

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
    /// Is every file on the disk?
    is_settled: AtomicBool,
}

impl Folder {
    /// Opens the directory, creating it where it is missing, and clears what an earlier process left half written.
    /// `from` is the sender of every mail: `The Shop <shop@example.com>`.
    ///
    /// # Errors
    /// [`Error::Refused`] when `from` is no address, [`Error::Failed`] when the directory cannot be used.
    pub fn open(directory: impl Into<PathBuf>, from: &str) -> Result<Self, Error> {
        let directory = directory.into();
        let from = mailbox(from)?;
        let spool = directory.join(SPOOL);
        fs::create_dir_all(&spool)?;
        for left in fs::read_dir(&spool)? {
            fs::remove_file(left?.path())?;
        }
        sync_directory(&directory)?;
        Ok(Self {
            shared: Arc::new(Shared {
                directory,
                spool,
                from,
                is_settled: AtomicBool::new(true),
            }),
        })
    }
}

impl Mailer for Folder {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), Error>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let written = tokio::task::spawn_blocking(move || shared.write(mail)).await;
            written.unwrap_or_else(|stopped| Err(Error::Failed(io::Error::other(stopped))))
        })
    }

    fn settle(&self) -> BoxFuture<'_, Result<(), Error>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let settled = tokio::task::spawn_blocking(move || shared.settle()).await;
            settled.unwrap_or_else(|stopped| Err(Error::Failed(io::Error::other(stopped))))
        })
    }
}

impl Shared {
    fn write(&self, mail: Mail) -> Result<(), Error> {
        let whole = self.directory.join(format!("{}.eml", mail.message_id));
        let message = self.compose(mail)?;
        let spooled = FileTransport::new(&self.spool)
            .send(&message)
            .map_err(io::Error::other)?;
        fs::rename(self.spool.join(format!("{spooled}.eml")), &whole)?;
        self.is_settled.store(false, Ordering::Release);
        Ok(())
    }

    fn settle(&self) -> Result<(), Error> {
        if self.is_settled.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let synced = File::open(&self.directory).and_then(|directory| Ok(rustix::fs::syncfs(directory)?));
        synced.map_err(|error| {
            self.is_settled.store(false, Ordering::Release);
            Error::from(error)
        })
    }

    fn compose(&self, mail: Mail) -> Result<Message, Error> {
        let builder = Message::builder()
            .message_id(Some(format!("<{}>", mail.message_id)))
            .from(self.from.clone())
            .to(mailbox(&mail.to)?)
            .subject(mail.subject);
        let message = match mail.html {
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(mail.text, html)),
            None => builder.singlepart(SinglePart::plain(mail.text)),
        };
        message.map_err(|error| Error::Refused {
            reason: error.to_string(),
        })
    }
}

fn mailbox(text: &str) -> Result<Mailbox, Error> {
    text.parse().map_err(|error| Error::Refused {
        reason: format!("{text} is no mail address: {error}"),
    })
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops where it fails")]
    use super::*;
    use crate::mail::{InvalidMessageId, MessageId};

    fn mail(id: &str, text: &str) -> Mail {
        Mail {
            message_id: MessageId::parse(id).unwrap(),
            to: "Ada <ada@example.com>".to_owned(),
            subject: "Order 17: thank you".to_owned(),
            text: text.to_owned(),
            html: None,
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
    async fn a_mail_with_html_has_both_bodies() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path(), "shop@example.com").unwrap();
        let html = Some("<p>rich</p>".to_owned());
        folder
            .send(Mail {
                html,
                ..mail("a@b", "plain")
            })
            .await
            .unwrap();
        let text = fs::read_to_string(home.path().join("a@b.eml")).unwrap();
        assert!(
            text.contains("multipart/alternative") && text.contains("plain") && text.contains("<p>rich</p>")
        );
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
