//! The server's loop, over the loopback interface: a bound, an end, and a word about a busy port.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::server::{BindError, Ended, Options, Server};
use axum::{Router, routing::get};
use hyper_util::service::TowerToHyperService;
use std::{future, io::Write, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, oneshot},
    task::JoinHandle,
};

/// How long a condition may take before the test has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// More bytes than the buffers between two ends of a connection hold.
const LONG: usize = 64 << 20;

struct House {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Ended>,
    /// A request to `/gate` has come.
    entered: Arc<Notify>,
    /// Lets it out.
    open: Arc<Notify>,
}

async fn house(options: Options) -> House {
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), options)
        .await
        .unwrap();
    let address = server.address();
    let (stop, stopped) = oneshot::channel::<()>();
    let (entered, open) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, gate) = (Arc::clone(&entered), Arc::clone(&open));
    let pass = move || async move {
        inside.notify_one();
        gate.notified().await;
        "passed"
    };
    let hang = || future::pending::<()>();
    let router = Router::new()
        .route("/gate", get(pass))
        .route("/hang", get(hang))
        .route("/long", get(|| async { vec![0; LONG] }))
        .route("/", get(|| async { "hello" }));
    let told = async {
        let _ = stopped.await;
    };
    let ended = tokio::spawn(server.serve(TowerToHyperService::new(router), told, future::ready(())));
    House {
        address,
        stop,
        ended,
        entered,
        open,
    }
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

async fn send(stream: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
}

/// Reads until the text has come or the connection has ended.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        let mut bytes = [0; 1_024];
        let count = patient(stream.read(&mut bytes)).await.unwrap_or(0);
        if count == 0 {
            break;
        }
        read.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    read
}

async fn patient<T>(condition: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, condition)
        .await
        .expect("the condition holds before the test's patience ends")
}

#[tokio::test]
async fn a_busy_port_is_named() {
    let house = house(Options::default()).await;
    assert_ne!(house.address.port(), 0);
    let refused = Server::bind(house.address, Options::default()).await.unwrap_err();
    assert!(
        matches!(refused, BindError::Busy { address } if address == house.address),
        "{refused:?}"
    );
    assert!(
        refused
            .to_string()
            .starts_with(&format!("{} is in use", house.address)),
        "{refused}"
    );
}

#[tokio::test]
async fn a_stopped_server_lets_requests_end_and_takes_no_more() {
    let house = house(Options::default()).await;
    let mut stream = connect(house.address).await;
    send(&mut stream, "/gate").await;
    patient(house.entered.notified()).await;
    house.stop.send(()).unwrap();
    patient(async {
        while TcpStream::connect(house.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    house.open.notify_one();
    assert!(read_until(&mut stream, "passed").await.contains("200 OK"));
    assert_eq!(patient(house.ended).await.unwrap(), Ended::Drained);
}

#[tokio::test]
async fn what_was_sent_before_a_stop_is_answered() {
    for _ in 0..10 {
        let house = house(Options::default()).await;
        let mut kept = connect(house.address).await;
        send(&mut kept, "/").await;
        assert!(read_until(&mut kept, "hello").await.contains("200 OK"));
        // Without the server's having a turn.
        let mut new = std::net::TcpStream::connect(house.address).unwrap();
        new.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let kept = kept.into_std().unwrap();
        (&kept).write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        house.stop.send(()).unwrap();
        for stream in [kept, new] {
            stream.set_nonblocking(true).unwrap();
            let mut stream = TcpStream::from_std(stream).unwrap();
            assert!(read_until(&mut stream, "hello").await.contains("200 OK"));
        }
        assert_eq!(patient(house.ended).await.unwrap(), Ended::Drained);
    }
}

#[tokio::test]
async fn who_says_that_nothing_more_comes_is_answered() {
    let house = house(Options::default()).await;
    let mut stream = connect(house.address).await;
    send(&mut stream, "/gate").await;
    stream.shutdown().await.unwrap();
    patient(house.entered.notified()).await;
    house.open.notify_one();
    let read = read_until(&mut stream, "passed").await;
    assert!(read.contains("200 OK") && read.ends_with("passed"), "{read:?}");
    assert_eq!(
        patient(stream.read(&mut [0])).await.unwrap(),
        0,
        "nothing more comes"
    );
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut() {
    let house = house(Options {
        drain_timeout: Duration::ZERO,
        ..Options::default()
    })
    .await;
    let mut stream = connect(house.address).await;
    send(&mut stream, "/gate").await;
    patient(house.entered.notified()).await;
    house.stop.send(()).unwrap();
    assert_eq!(patient(house.ended).await.unwrap(), Ended::Cut { connections: 1 });
    assert_eq!(read_until(&mut stream, "passed").await, "");
}

#[tokio::test]
async fn a_caller_that_does_not_send_its_head_is_let_go() {
    let house = house(Options {
        head_timeout: Duration::from_millis(20),
        ..Options::default()
    })
    .await;
    let mut stream = connect(house.address).await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: sh").await.unwrap();
    let read = read_until(&mut stream, "hello").await;
    assert!(!read.contains("hello"), "{read}");
}

#[tokio::test]
async fn a_caller_that_was_answered_and_does_not_send_its_next_head_is_let_go() {
    let house = house(Options {
        head_timeout: Duration::from_secs(1),
        ..Options::default()
    })
    .await;
    let mut stream = connect(house.address).await;
    for _ in 0..3 {
        send(&mut stream, "/").await;
        assert!(read_until(&mut stream, "hello").await.contains("hello"));
    }
    stream.write_all(b"GET / HTTP/1.1\r\nHost: sh").await.unwrap();
    let read = read_until(&mut stream, "hello").await;
    assert!(!read.contains("hello"), "{read}");
}

#[tokio::test]
async fn a_caller_that_sends_and_never_reads_is_let_go() {
    let house = house(Options {
        connections_max: 1,
        write_timeout: Duration::from_millis(100),
        ..Options::default()
    })
    .await;
    let mut deaf = connect(house.address).await;
    send(&mut deaf, "/long").await;
    let mut next = connect(house.address).await;
    send(&mut next, "/").await;
    assert!(read_until(&mut next, "hello").await.contains("hello"));
}

#[tokio::test]
async fn a_connection_past_the_bound_waits_for_one_to_close() {
    let house = house(Options {
        connections_max: 1,
        ..Options::default()
    })
    .await;
    let mut first = connect(house.address).await;
    send(&mut first, "/").await;
    assert!(read_until(&mut first, "hello").await.contains("hello"));
    let mut second = connect(house.address).await;
    send(&mut second, "/").await;
    send(&mut first, "/").await;
    assert!(read_until(&mut first, "hello").await.contains("hello"));
    assert!(second.try_read(&mut [0; 1]).is_err());
    drop(first);
    assert!(read_until(&mut second, "hello").await.contains("hello"));
}
