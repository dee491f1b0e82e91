//! Putting load on a server: in a closed loop, or at a given pace.

use super::counters::{Actors, Counters};
use super::figures::Run;
use super::limits::cpu_ms_of_process;
use crate::output;
use anyhow::Context;
use futures::future::{FutureExt, try_join_all};
use std::cell::{Cell, RefCell};
use std::io;
use std::time::{Duration, Instant};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityOsValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use tokio::sync::mpsc;

/// Which part of the measured time is warmed up before.
const WARM_UP_DIVISOR: u32 = 5;

/// How long before its first tick a pacer starts, so that it is not late for it.
const HEAD_START: Duration = Duration::from_millis(20);

/// What is left of a wait when it is slept by the thread, because the runtime's timers are too coarse for that.
const COARSE: Duration = Duration::from_millis(2);

/// For how long a thread sleeps before it looks for answers.
const LOOK: Duration = Duration::from_micros(100);

/// How soon it is looked again whether anything was measured.
const PATIENCE: Duration = Duration::from_millis(10);

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Something that can be done again and again over one connection.
pub(super) trait Client {
    /// Does it once, and returns the body sizes of its main request.
    async fn once(&mut self) -> anyhow::Result<Bodies>;
}

/// The sizes of a request's and its answer's bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bodies {
    pub(super) request: usize,
    pub(super) response: usize,
}

/// Where a measurement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Measuring,
    Over,
}

/// Counters at one instant: the server's, and the CPU time of this process.
struct Reading {
    server: Actors,
    client_cpu_ms: u64,
    at: Instant,
}

async fn reading(counters: &mut impl Counters) -> anyhow::Result<Reading> {
    Ok(Reading {
        server: counters.read().await?,
        client_cpu_ms: cpu_ms_of_process(std::process::id())?,
        at: Instant::now(),
    })
}

fn count(run: &mut Run, before: &Reading, after: &Reading) {
    run.count(&before.server, &after.server, after.at - before.at);
    run.client_cpu_ms = after.client_cpu_ms.saturating_sub(before.client_cpu_ms);
}

/// When clients send requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Each its next one when the last is answered.
    Closed,
    /// So many a second, in turn, whether or not the last ones are answered.
    PerSecond(u64),
}

/// Lets the clients work at a pace for a warm-up and then the given time.
pub(super) async fn run<C: Client>(
    clients: &mut [C],
    pace: Pace,
    time: Duration,
    counters: &mut impl Counters,
) -> anyhow::Result<Run> {
    match pace {
        Pace::Closed => closed(clients, time, counters).await,
        Pace::PerSecond(rate) => paced(clients, rate, time, counters).await,
    }
}

/// Lets all clients work for a warm-up and then the given time: each sends its next request when the last is answered.
async fn closed<C: Client>(
    clients: &mut [C],
    time: Duration,
    counters: &mut impl Counters,
) -> anyhow::Result<Run> {
    let phase = Cell::new(Phase::WarmUp);
    let run = RefCell::new(Run::new());
    let work = async |client: &mut C| -> anyhow::Result<()> {
        while phase.get() != Phase::Over {
            let started_in = phase.get();
            let sent = Instant::now();
            let done = at_server(client.once().await)?;
            if phase.get() == Phase::Measuring {
                // One that began before is work of the measured time, too, but not all that it took is of it.
                let time = (started_in == Phase::Measuring).then(|| sent.elapsed());
                run.borrow_mut().add(time, done);
            }
        }
        Ok(())
    };
    let clock = async {
        tokio::time::sleep(time / WARM_UP_DIVISOR).await;
        let before = reading(counters).await?;
        phase.set(Phase::Measuring);
        tokio::time::sleep(time).await;
        // However slow it is, something is measured.
        while run.borrow().is_empty() {
            tokio::time::sleep(PATIENCE).await;
        }
        let after = reading(counters).await?;
        phase.set(Phase::Over);
        anyhow::Ok((before, after))
    };
    let (_, (before, after)) = futures::try_join!(try_join_all(clients.iter_mut().map(work)), clock)?;
    let mut run = run.into_inner();
    count(&mut run, &before, &after);
    Ok(run)
}

/// Passes on what an operation has come to, unless nobody listens any more: no later one would come to anything else.
fn at_server<T>(done: anyhow::Result<T>) -> anyhow::Result<anyhow::Result<T>> {
    let is_refused = |error: &anyhow::Error| {
        let mut causes = error
            .chain()
            .filter_map(|cause| cause.downcast_ref::<io::Error>());
        causes.any(|cause| cause.kind() == io::ErrorKind::ConnectionRefused)
    };
    match done {
        Err(error) if is_refused(&error) => {
            Err(error).context("the server has ended while it was measured: nothing is said of it")
        }
        other => Ok(other),
    }
}

/// Lets the clients send so many requests a second, in turn, whether or not the last ones are answered.
///
/// Latency is counted from when a request was to be sent: one that waits for its connection is late, and one that
/// is sent late because this process was late counts as late, too.
async fn paced<C: Client>(
    clients: &mut [C],
    per_second: u64,
    time: Duration,
    counters: &mut impl Counters,
) -> anyhow::Result<Run> {
    let begins = Instant::now() + HEAD_START;
    let measured_from = begins + time / WARM_UP_DIVISOR;
    let ends = measured_from + time;
    let run = RefCell::new(Run::new());
    let mut senders = Vec::with_capacity(clients.len());
    let mut working = Vec::with_capacity(clients.len());
    for client in clients {
        let (sender, mut ticks) = mpsc::unbounded_channel::<Instant>();
        senders.push(sender);
        let run = &run;
        working.push(async move {
            while let Some(due) = ticks.recv().await {
                let done = at_server(client.once().await)?;
                if measured_from <= due {
                    run.borrow_mut().add(Some(due.elapsed()), done);
                }
            }
            anyhow::Ok(())
        });
    }
    let standing_back = StandingBack::begin();
    let pacer = pace(senders, begins, ends, per_second.max(1)).map(anyhow::Ok);
    let before = async {
        tokio::time::sleep_until(measured_from.into()).await;
        reading(counters).await
    };
    let (_, before, ()) = futures::try_join!(try_join_all(working), before, pacer)?;
    drop(standing_back);
    // Until the last is answered, however long that is: what was done is told by the time that it took.
    let after = reading(counters).await?;
    let mut run = run.into_inner();
    count(&mut run, &before, &after);
    Ok(run)
}

/// Tells the clients, one after the other, when to send.
///
/// It is on their thread, and they are polled before it sleeps and not when an answer comes: whoever is woken by each
/// answer of a server on the same cores takes them from it twice for each request.
async fn pace(clients: Vec<mpsc::UnboundedSender<Instant>>, begins: Instant, ends: Instant, per_second: u64) {
    for (number, client) in (0_u64..).zip(clients.iter().cycle()) {
        let due = begins + due_after(number, per_second);
        if ends <= due {
            return;
        }
        loop {
            let wait = due.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                break;
            }
            if COARSE < wait {
                tokio::time::sleep(wait - COARSE).await;
            } else {
                tokio::task::yield_now().await;
                std::thread::sleep(due.saturating_duration_since(Instant::now()).min(LOOK));
            }
        }
        if client.send(due).is_err() {
            return;
        }
    }
}

/// While it is there, its thread is scheduled as one of a batch: it takes no core at the moment in which it is woken from
/// who is at work there, as a client on another machine does not. What it is late by is in its latencies.
struct StandingBack;

impl StandingBack {
    fn begin() -> Self {
        schedule(NormalThreadSchedulePolicy::Batch);
        Self
    }
}

impl Drop for StandingBack {
    fn drop(&mut self) {
        schedule(NormalThreadSchedulePolicy::Other);
    }
}

fn schedule(policy: NormalThreadSchedulePolicy) {
    let policy = ThreadSchedulePolicy::Normal(policy);
    // The call sets the niceness too: to none, as it is unless somebody has started the benchmark otherwise.
    let no_niceness = ThreadPriority::Os(ThreadPriorityOsValue::default());
    let scheduled = set_thread_priority_and_policy(thread_native_id(), no_niceness, policy);
    if let Err(error) = scheduled {
        output::note(format!("the client cannot be scheduled as {policy:?}: {error}"));
    }
}

/// Returns how long after the start the request of this number is due.
fn due_after(number: u64, per_second: u64) -> Duration {
    let (seconds, rest) = (number / per_second, number % per_second);
    Duration::from_secs(seconds) + Duration::from_nanos(rest * NANOS_PER_SECOND / per_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes its time, and notes nothing.
    struct Slow(Duration);

    impl Client for Slow {
        async fn once(&mut self) -> anyhow::Result<Bodies> {
            tokio::time::sleep(self.0).await;
            Ok(Bodies::default())
        }
    }

    struct Nothing;

    impl Counters for Nothing {
        async fn read(&mut self) -> anyhow::Result<Actors> {
            Ok(Actors::default())
        }
    }

    #[test]
    fn requests_are_due_evenly_and_never_drift() {
        let micros = |number| due_after(number, 3).as_micros();
        assert_eq!(
            [0, 1, 2, 3, 3_000_001].map(micros),
            [0, 333_333, 666_666, 1_000_000, 1_000_000_333_333]
        );
    }

    #[test]
    fn a_request_that_waits_for_a_slow_one_before_it_counts_from_when_it_was_due() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let run = runtime.expect("a runtime starts").block_on(async {
            // A hundred a second, each of which takes 50 ms, for 100 ms: the last begins when it is some 500 ms late.
            let mut clients = vec![Slow(Duration::from_millis(50))];
            paced(&mut clients, 100, Duration::from_millis(100), &mut Nothing).await
        });
        let run = run.expect("nothing fails");
        assert_eq!(run.operations(), 10, "every request that was due was sent");
        assert!(300_000 < run.side().max_us, "{:?}", run.side());
        assert!(Duration::from_millis(400) < run.took, "{:?}", run.took);
    }

    /// Fails with this, time and again.
    struct Failing(io::ErrorKind);

    impl Client for Failing {
        async fn once(&mut self) -> anyhow::Result<Bodies> {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Err(anyhow::Error::from(io::Error::from(self.0)).context("no server answers"))
        }
    }

    #[test]
    fn a_server_that_is_gone_ends_the_measurement_and_one_that_fails_does_not() {
        let check = |pace, kind| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let ran = runtime.expect("a runtime starts").block_on(async {
                run(
                    &mut [Failing(kind)],
                    pace,
                    Duration::from_millis(50),
                    &mut Nothing,
                )
                .await
            });
            ran.map(|run| (run.operations(), 0 < run.errors))
        };
        for pace in [Pace::Closed, Pace::PerSecond(100)] {
            let failed = check(pace, io::ErrorKind::ConnectionReset).expect("it is measured to its end");
            assert_eq!(failed, (0, true));
            let gone = check(pace, io::ErrorKind::ConnectionRefused).expect_err("nobody is there");
            assert!(gone.to_string().starts_with("the server has ended"), "{gone}");
        }
    }
}
