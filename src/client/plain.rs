//! One kept-alive HTTP/1.1 connection without encryption, for one request at a time.
//!
//! It shares the cores with the server it measures, so that it does as little as can be: one write, one read into a
//! buffer that is used again, and of an answer's headers only those are kept that somebody looks at.

use super::Answer;
use anyhow::{Context, bail};
use bytes::{Buf, Bytes, BytesMut};
use cartwright_http::extract::IDEMPOTENT_REPLAYED;
use httparse::Status;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How much is read at once.
const READ_BYTES: usize = 16 * 1024;

/// The most headers of an answer.
const HEADERS_MAX: usize = 64;

/// The longest head of an answer.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The headers that are kept.
const KEPT: [HeaderName; 3] = [header::SET_COOKIE, header::RETRY_AFTER, IDEMPOTENT_REPLAYED];

/// See the module.
#[derive(Debug)]
pub(super) struct Plain {
    stream: TcpStream,
    sent: Vec<u8>,
    heard: BytesMut,
    /// False in the middle of an exchange, and after one that nothing can follow.
    is_free: bool,
}

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Known(usize),
    Chunked,
    UntilClosed,
}

/// What stands before a body.
#[derive(Debug)]
struct Head {
    bytes: usize,
    status: StatusCode,
    headers: HeaderMap,
    length: Length,
    /// Does the server keep the connection?
    is_kept: bool,
}

impl Plain {
    /// Takes a connection.
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            sent: Vec::new(),
            heard: BytesMut::with_capacity(READ_BYTES),
            is_free: true,
        }
    }

    /// Tells whether another request can be sent: the server has not closed it, and nothing is left of the last answer.
    pub(super) fn is_usable(&self) -> bool {
        let nothing_came = || {
            let read = self.stream.try_read(&mut [0]);
            read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        };
        self.is_free && self.heard.is_empty() && nothing_came()
    }

    /// Sends a request and reads its answer, also of a server that has answered before it took all of the request.
    pub(super) async fn exchange(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> anyhow::Result<Answer> {
        self.is_free = false;
        self.sent.clear();
        write(&mut self.sent);
        match self.stream.write_all(&self.sent).await {
            Ok(()) => self.answer().await,
            Err(lost) => self.answer().await.map_err(|_| lost.into()),
        }
    }

    async fn answer(&mut self) -> anyhow::Result<Answer> {
        let head = self.head().await?;
        let body = match head.length {
            Length::Known(bytes) => self.take(bytes).await?,
            Length::Chunked => self.chunks().await?,
            Length::UntilClosed => {
                while 0 < self.read().await? {}
                self.heard.split().freeze()
            }
        };
        self.is_free = head.is_kept;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.heard.reserve(READ_BYTES);
        self.stream.read_buf(&mut self.heard).await
    }

    /// Reads more, which must come.
    async fn read_more(&mut self) -> io::Result<()> {
        match self.read().await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Reads the head of the answer, past those that only say that it will come.
    async fn head(&mut self) -> anyhow::Result<Head> {
        loop {
            match read_head(&self.heard)? {
                Some(head) => {
                    self.heard.advance(head.bytes);
                    if !head.status.is_informational() {
                        return Ok(head);
                    }
                }
                None if HEAD_BYTES_MAX < self.heard.len() => bail!("the answer's head is too long"),
                None => self.read_more().await?,
            }
        }
    }

    async fn take(&mut self, bytes: usize) -> io::Result<Bytes> {
        while self.heard.len() < bytes {
            self.read_more().await?;
        }
        Ok(self.heard.split_to(bytes).freeze())
    }

    async fn chunks(&mut self) -> anyhow::Result<Bytes> {
        let mut body = BytesMut::new();
        loop {
            let size = httparse::parse_chunk_size(&self.heard);
            match size.ok().context("the answer's chunks cannot be told apart")? {
                Status::Partial => self.read_more().await?,
                Status::Complete((line, 0)) => {
                    self.heard.advance(line);
                    self.trailers().await?;
                    return Ok(body.freeze());
                }
                Status::Complete((line, size)) => {
                    self.heard.advance(line);
                    body.extend_from_slice(&self.take(usize::try_from(size)?).await?);
                    self.take(b"\r\n".len()).await?;
                }
            }
        }
    }

    async fn trailers(&mut self) -> anyhow::Result<()> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            match httparse::parse_headers(&self.heard, &mut headers)? {
                Status::Partial => self.read_more().await?,
                Status::Complete((bytes, _)) => {
                    self.heard.advance(bytes);
                    return Ok(());
                }
            }
        }
    }
}

/// Reads a head, if all of it has come.
fn read_head(heard: &[u8]) -> anyhow::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut answer = httparse::Response::new(&mut headers);
    let Status::Complete(bytes) = answer.parse(heard).context("this is no HTTP answer")? else {
        return Ok(None);
    };
    let status = StatusCode::from_u16(answer.code.unwrap_or_default())?;
    let has_no_body =
        status.is_informational() || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
    let mut head = Head {
        bytes,
        status,
        headers: HeaderMap::new(),
        length: if has_no_body {
            Length::Known(0)
        } else {
            Length::UntilClosed
        },
        is_kept: answer.version == Some(1),
    };
    for one in answer.headers.iter() {
        let is = |name: &HeaderName| one.name.eq_ignore_ascii_case(name.as_str());
        if is(&header::CONTENT_LENGTH) && head.length == Length::UntilClosed {
            head.length = Length::Known(std::str::from_utf8(one.value)?.trim().parse()?);
        } else if is(&header::TRANSFER_ENCODING) && !has_no_body {
            head.length = Length::Chunked;
        } else if is(&header::CONNECTION) && one.value.eq_ignore_ascii_case(b"close") {
            head.is_kept = false;
        } else if let Some(name) = KEPT.into_iter().find(is) {
            head.headers.append(name, HeaderValue::from_bytes(one.value)?);
        }
    }
    if head.length == Length::UntilClosed {
        head.is_kept = false;
    }
    Ok(Some(head))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// Answers with these bytes, in pieces of so many, and closes if told to; returns what the client made of it.
    async fn answered(answer: &'static [u8], piece: usize) -> (anyhow::Result<Answer>, bool) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let serve = async {
            let (mut stream, _) = listener.accept().await.expect("the client comes");
            let mut heard = [0; 64];
            let read = stream.read(&mut heard).await.expect("the request comes");
            assert_eq!(&heard[..read], b"the request");
            for piece in answer.chunks(piece) {
                stream.write_all(piece).await.expect("the answer goes");
                stream.flush().await.expect("the answer goes");
                tokio::task::yield_now().await;
            }
            stream
        };
        let ask = async {
            let stream = TcpStream::connect(address).await.expect("it listens");
            let mut plain = Plain::new(stream);
            let answer = plain.exchange(|out| out.extend_from_slice(b"the request"));
            // A body without length ends with the connection.
            let answer = tokio::time::timeout(std::time::Duration::from_secs(30), answer).await;
            (answer.expect("an answer comes"), plain.is_usable())
        };
        let (stream, asked) = tokio::join!(
            async {
                let stream = serve.await;
                if answer.windows(7).any(|window| window == b"closed!") {
                    drop(stream);
                    return None;
                }
                Some(stream)
            },
            ask
        );
        drop(stream);
        asked
    }

    #[track_caller]
    fn check(answer: &'static [u8], status: u16, body: &str, usable: bool) {
        check_in_pieces(answer, &[1, 7, answer.len()], status, body, usable);
    }

    #[track_caller]
    fn check_in_pieces(answer: &'static [u8], pieces: &[usize], status: u16, body: &str, usable: bool) {
        for piece in pieces.iter().copied() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let asked = runtime
                .expect("a runtime starts")
                .block_on(answered(answer, piece));
            let read = asked.0.unwrap_or_else(|error| panic!("{error:#}"));
            assert_eq!(
                (read.status.as_u16(), read.body.as_ref(), asked.1),
                (status, body.as_bytes(), usable),
                "in pieces of {piece}"
            );
        }
    }

    #[test]
    fn answers_of_every_length_are_read_whole() {
        check(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            200,
            "hello",
            true,
        );
        check(b"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true);
        check(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nt: v\r\n\r\n",
            200,
            "hello!",
            true,
        );
        check(
            b"HTTP/1.1 200 OK\r\n\r\nuntil closed!",
            200,
            "until closed!",
            false,
        );
        check(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno",
            404,
            "no",
            true,
        );
    }

    #[test]
    fn nothing_more_is_sent_over_a_connection_that_the_server_gives_up() {
        check(
            b"HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 2\r\n\r\nok",
            200,
            "ok",
            false,
        );
        check(
            b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
            200,
            "ok",
            false,
        );
        // What follows an answer must have come to be seen.
        let unasked = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more";
        check_in_pieces(unasked, &[unasked.len()], 200, "ok", false);
    }

    #[tokio::test]
    async fn a_server_that_takes_no_more_of_a_request_is_heard() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let serve = async {
            let (mut stream, _) = listener.accept().await.expect("the client comes");
            stream.read_exact(&mut [0; 64]).await.expect("the request comes");
            let answer =
                b"HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 4\r\n\r\nmuch";
            stream.write_all(answer).await.expect("the answer goes");
        };
        let ask = async {
            let mut plain = Plain::new(TcpStream::connect(address).await.expect("it listens"));
            // More than is under way between the two.
            plain.exchange(|out| out.resize(64 << 20, b' ')).await
        };
        let ((), asked) = tokio::join!(serve, ask);
        let answer = asked.expect("the answer is read");
        assert_eq!((answer.status.as_u16(), &*answer.body), (413, b"much".as_slice()));
    }

    #[test]
    fn cookies_and_waits_are_kept_of_the_headers() {
        let head = b"HTTP/1.1 503 Busy\r\nSet-Cookie: a=b; Path=/\r\nretry-after: 2\r\nx: y\r\ncontent-length: 0\r\n\r\n";
        let head = read_head(head).expect("it is HTTP").expect("it is whole");
        assert_eq!(head.headers.len(), 2);
        assert_eq!(head.headers["set-cookie"], "a=b; Path=/");
        assert_eq!(head.headers["retry-after"], "2");
        assert!(read_head(b"SSH-2.0-OpenSSH\r\n").is_err());
    }
}
