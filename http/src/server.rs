//! The server: an address, a bounded number of connections, each with a bounded patience, and an end.

use axum::{http::Request, response::Response};
use cartwright_actors::runtime::{Deadlines, Due};
use hyper::{
    body::Incoming,
    rt::{Sleep, Timer},
    server::conn::http1,
    service::Service,
};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown};
use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// How long to wait after a failed accept, which mostly means that the process has no file handles left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often it is told that no further connections are taken.
const TOLD_EVERY: Duration = Duration::from_secs(60);
/// How many connections may wait to be taken; the kernel may have room for fewer (`net.core.somaxconn`).
const CONNECTING_MAX: u32 = 4_096;
/// How long whoever has connected before a stop may wait to be taken.
const LAST_CALL: Duration = Duration::from_millis(20);
/// How long a stop leaves connections open on which no request is under way: one may be on its way.
const LINGER: Duration = Duration::from_millis(100);
/// The most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// What bounds the server.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many connections may be open; further ones wait until one closes.
    pub connections_max: usize,
    /// How long a connection may take to send a request's head. Also how long it may be idle.
    pub head_timeout: Duration,
    /// How long a caller may take nothing more of its answers while some of them wait for it.
    pub write_timeout: Duration,
    /// How long requests may go on after the server was told to stop.
    pub drain_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            head_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(20),
        }
    }
}

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else listens there.
    #[error("{address} is in use: stop the other program, or listen elsewhere (port 0 takes a free one)")]
    Busy {
        /// The address.
        address: SocketAddr,
    },
    /// The system refuses.
    #[error("cannot listen on {address}")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    options: Options,
}

/// How the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every request has come to its end.
    Drained,
    /// Some had not at [`Options::drain_timeout`]; their connections were cut.
    Cut {
        /// How many.
        connections: usize,
    },
}

impl Server {
    /// Listens on an address; connections wait from now on. Port 0 takes a free one, see [`Server::address`].
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn bind(address: SocketAddr, options: Options) -> Result<Self, BindError> {
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::Busy { address },
            _ => BindError::Refused { address, source },
        };
        let listener = listen(address).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self {
            listener,
            address,
            options,
        })
    }

    /// Returns the address it listens on, with the port it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop`, then takes who has connected before and no more, lets requests end, those on their way
    /// among them and what goes on without anybody waiting, and cuts what is left. `ended` resolves when nothing goes on
    /// any more.
    pub async fn serve<S>(
        self,
        service: S,
        stop: impl Future<Output = ()>,
        ended: impl Future<Output = ()>,
    ) -> Ended
    where
        S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        let Self {
            listener, options, ..
        } = self;
        let graceful = GracefulShutdown::new();
        let permits = Arc::new(Semaphore::new(options.connections_max));
        let mut told = Told::default();
        let mut connections = JoinSet::new();
        let deadlines = Deadlines::default();
        let builder = connection_options(&options, &deadlines);
        let lingers = LINGER.min(options.drain_timeout);
        let mut stop = std::pin::pin!(async {
            stop.await;
            sleep(LAST_CALL.min(lingers)).await;
        });
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = accept(&listener, &permits, &mut told) => accepted,
                Some(_) = connections.join_next() => continue,
            };
            let Some((stream, permit)) = accepted else {
                continue;
            };
            let stream = Taken::new(stream, options.write_timeout, &deadlines);
            let connection = builder.serve_connection(TokioIo::new(stream), service.clone());
            let watched = graceful.watch(connection);
            connections.spawn(async move {
                // A connection that breaks is the caller's affair.
                let _ = watched.await;
                drop(permit);
            });
        }
        drop(listener);
        let all_end = async { while connections.join_next().await.is_some() {} };
        // Those that stay open wait for a next request.
        let _ = timeout(lingers, all_end).await;
        let drain = async {
            graceful.shutdown().await;
            ended.await;
        };
        let drained = timeout(options.drain_timeout, drain).await;
        while connections.try_join_next().is_some() {}
        let left = connections.len();
        connections.shutdown().await;
        if drained.is_ok() {
            Ended::Drained
        } else {
            Ended::Cut { connections: left }
        }
    }
}

/// Listens, with room for many who connect at once: a few are what a listener has room for that does not say, and whoever
/// finds none tries again a second later.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Connections of a process before this one may not be over yet.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(CONNECTING_MAX)
}

fn connection_options(options: &Options, deadlines: &Deadlines) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(HeadTimer(deadlines.clone()))
        .header_read_timeout(options.head_timeout)
        // Who says that nothing more comes waits for the answer all the same.
        .half_close(true)
        .max_buf_size(HEAD_BYTES_MAX);
    builder
}

/// Says until when a connection may take to send a request's head.
#[derive(Clone, Debug)]
struct HeadTimer(Deadlines);

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(HeadDue(self.0.at(deadline.into())))
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into()
    }
}

/// The end of that time.
#[derive(Debug)]
struct HeadDue(Due);

impl Future for HeadDue {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl Sleep for HeadDue {}

/// A stream whose other end must take what is written to it: a write that waits for so long fails. Whoever sends and
/// never reads would keep its connection for ever. One that need not wait takes no timer.
#[derive(Debug)]
struct Taken<S> {
    stream: S,
    timeout: Duration,
    deadlines: Deadlines,
    /// While a write waits: the end of its time.
    due: Option<Due>,
}

impl<S> Taken<S> {
    fn new(stream: S, timeout: Duration, deadlines: &Deadlines) -> Self {
        Self {
            stream,
            timeout,
            deadlines: deadlines.clone(),
            due: None,
        }
    }

    /// Returns what came of trying to write, or that its time is over.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, tried: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if tried.is_ready() {
            self.due = None;
            return tried;
        }
        let (deadlines, timeout) = (&self.deadlines, self.timeout);
        let due = self
            .due
            .get_or_insert_with(|| deadlines.at(Instant::now() + timeout));
        Pin::new(due)
            .poll(cx)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Taken<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Taken<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.in_time(cx, tried)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.in_time(cx, tried)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What is told now and then, and not at each connection.
#[derive(Default)]
struct Told {
    /// That there is no room for another.
    full: NowAndThen,
    /// That the system refused one.
    refused: NowAndThen,
}

/// When something was told last.
#[derive(Default)]
struct NowAndThen(Option<Instant>);

impl NowAndThen {
    /// Tells whether it is to be told again; if so, it counts as told.
    fn is_due(&mut self) -> bool {
        let is_due = self.0.is_none_or(|told| TOLD_EVERY <= told.elapsed());
        if is_due {
            self.0 = Some(Instant::now());
        }
        is_due
    }
}

/// Takes the next connection. Waits for a permit first, so that connections beyond the bound wait in the system's own
/// queue, and tells now and then that it does.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    told: &mut Told,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = match Arc::clone(permits).try_acquire_owned() {
        Ok(permit) => permit,
        Err(_) => {
            if told.full.is_due() {
                tracing::warn!(
                    "as many connections are open as may be: further ones wait until one closes; see connections_max"
                );
            }
            Arc::clone(permits).acquire_owned().await.ok()?
        }
    };
    match listener.accept().await {
        Ok((stream, _)) => {
            // Answers are small and whole; waiting to fill a packet only delays them.
            let _ = stream.set_nodelay(true);
            Some((stream, permit))
        }
        Err(error) => {
            if told.refused.is_due() {
                tracing::warn!(%error, "a connection could not be accepted");
            }
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::advance;

    const TIMEOUT: Duration = Duration::from_secs(30);
    const LESS: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn who_takes_answers_slowly_is_waited_for_and_who_takes_none_is_not() {
        let (near, mut far) = duplex(2);
        let mut near = Taken::new(near, TIMEOUT, &Deadlines::default());
        let began = Instant::now();
        let written = tokio::spawn(async move { near.write_all(b"123456").await });
        for _ in 0..2 {
            tokio::task::yield_now().await;
            advance(LESS).await;
            assert_eq!(far.read(&mut [0; 2]).await.ok(), Some(2));
        }
        assert!(matches!(written.await, Ok(Ok(()))), "two units are left, and fit");
        assert_eq!(Instant::now() - began, 2 * LESS);

        let (near, _far) = duplex(2);
        let mut near = Taken::new(near, TIMEOUT, &Deadlines::default());
        let began = Instant::now();
        let written = near.write_all(b"123456").await.map_err(|error| error.kind());
        assert_eq!(written, Err(io::ErrorKind::TimedOut));
        assert_eq!(Instant::now() - began, TIMEOUT);
    }
}
