//! Timers for deadlines, of which hardly any is ever reached.
//!
//! A timer of tokio takes a lock that all workers share when it is waited for, and once more when it is let go of. A
//! worker that is kept from its core with that lock in hand keeps the others from theirs. Setting a timer that waits
//! already to a later time takes no lock; so a timer that has not fired is kept, and the next deadline, which is nearly
//! always later, takes it over.

use crossbeam_queue::ArrayQueue;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

/// How many timers are kept. Each holds the task that it last waited for until it fires or is used again.
const KEPT_MAX: usize = 1_024;

/// Keeps deadlines on one runtime of tokio, cheapest where each is later than the one before. Clones keep the same timers.
#[derive(Clone, Debug)]
pub struct Deadlines {
    kept: Arc<ArrayQueue<Pin<Box<Sleep>>>>,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            kept: Arc::new(ArrayQueue::new(KEPT_MAX)),
        }
    }
}

impl Deadlines {
    /// Returns what is ready at the deadline.
    pub fn at(&self, deadline: Instant) -> Due {
        let timer = match self.kept.pop() {
            Some(mut timer) => {
                timer.as_mut().reset(deadline);
                timer
            }
            None => Box::pin(sleep_until(deadline)),
        };
        Due {
            timer: Some(timer),
            kept: Arc::clone(&self.kept),
        }
    }

    /// Returns what comes of `work`, or nothing at the deadline. Work that is done at once needs no timer.
    pub async fn keep<F: Future>(&self, deadline: Instant, work: F) -> Option<F::Output> {
        let mut work = pin!(work);
        let mut due = None;
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => {
                let due = due.get_or_insert_with(|| self.at(deadline));
                // Also where the work has used up what a task may do before others have their turn.
                pin!(unconstrained(due)).poll(cx).map(|()| None)
            }
        })
        .await
    }
}

/// Ready at a deadline.
#[derive(Debug)]
pub struct Due {
    /// Until it has fired.
    timer: Option<Pin<Box<Sleep>>>,
    kept: Arc<ArrayQueue<Pin<Box<Sleep>>>>,
}

impl Future for Due {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let fired = self
            .timer
            .as_mut()
            .is_none_or(|timer| timer.as_mut().poll(cx).is_ready());
        if fired {
            self.timer = None;
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            // One too many is let go of.
            let _ = self.kept.push(timer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::time::Duration;
    use tokio::task::yield_now;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn work_that_is_late_comes_to_nothing_at_its_deadline() {
        let deadlines = Deadlines::default();
        let began = Instant::now();
        assert_eq!(deadlines.keep(began + SECOND, pending::<()>()).await, None);
        assert_eq!(Instant::now() - began, SECOND);
        assert!(deadlines.kept.is_empty(), "a timer that has fired is let go of");
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_is_done_at_once_takes_no_timer() {
        let deadlines = Deadlines::default();
        let done = deadlines.keep(Instant::now() + SECOND, ready(7)).await;
        assert_eq!((done, deadlines.kept.len()), (Some(7), 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_is_used_again_and_keeps_the_later_deadline() {
        let deadlines = Deadlines::default();
        let began = Instant::now();
        for second in 1..5 {
            let done = deadlines.keep(began + second * SECOND, yield_now()).await;
            assert_eq!((done, deadlines.kept.len()), (Some(()), 1));
        }
        assert_eq!(deadlines.keep(began + 5 * SECOND, pending::<()>()).await, None);
        assert_eq!(Instant::now() - began, 5 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_that_waited_for_longer_keeps_an_earlier_deadline() {
        let deadlines = Deadlines::default();
        let began = Instant::now();
        deadlines.keep(began + 60 * SECOND, yield_now()).await;
        assert_eq!(deadlines.keep(began + SECOND, pending::<()>()).await, None);
        assert_eq!(Instant::now() - began, SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_that_fired_while_it_was_kept_is_set_anew() {
        let deadlines = Deadlines::default();
        deadlines.keep(Instant::now() + SECOND, yield_now()).await;
        tokio::time::sleep(2 * SECOND).await;
        let began = Instant::now();
        assert_eq!(deadlines.keep(began + SECOND, pending::<()>()).await, None);
        assert_eq!(Instant::now() - began, SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_never_gives_way_is_late_all_the_same() {
        let deadlines = Deadlines::default();
        let busy = async {
            loop {
                tokio::task::consume_budget().await;
                tokio::time::advance(SECOND / 10).await;
            }
        };
        let done: Option<()> = deadlines.keep(Instant::now() + SECOND, busy).await;
        assert_eq!(done, None);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_timers_are_kept_than_may_be() {
        let deadlines = Deadlines::default();
        let many: Vec<Due> = (0..=KEPT_MAX)
            .map(|_| deadlines.at(Instant::now() + SECOND))
            .collect();
        drop(many);
        assert_eq!(deadlines.kept.len(), KEPT_MAX);
    }
}
