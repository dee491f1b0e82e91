//! Work that gathers while earlier work is done, so that one sync or one turn serves all of it.
//!
//! Whoever adds to what nobody works at starts a worker, which takes everything that waits until nothing does.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Work that waits, and whether somebody is at it.
#[derive(Debug)]
pub(crate) struct Gathering<T> {
    queue: Mutex<Queue<T>>,
    waiting_max: usize,
}

#[derive(Debug)]
struct Queue<T> {
    waiting: Vec<T>,
    is_worked: bool,
}

/// Why nobody is at work that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unworked {
    /// As much waits as may; it was not added.
    Full,
    /// No worker could be started: the system has no thread for one. Whoever is started next does it.
    Unstarted,
}

impl<T> Gathering<T> {
    /// Begins with no work, and takes so much.
    pub(crate) fn of_at_most(waiting_max: usize) -> Self {
        let queue = Queue {
            waiting: Vec::new(),
            is_worked: false,
        };
        Self {
            queue: Mutex::new(queue),
            waiting_max,
        }
    }

    /// Adds work and, where nobody is at any, starts a worker, which calls [`Gathering::work`].
    ///
    /// # Errors
    /// See [`Unworked`].
    pub(crate) fn add(&self, work: T, start: impl FnOnce()) -> Result<(), Unworked> {
        {
            let mut queue = lock(&self.queue);
            if self.waiting_max <= queue.waiting.len() {
                return Err(Unworked::Full);
            }
            queue.waiting.push(work);
            if mem::replace(&mut queue.is_worked, true) {
                return Ok(());
            }
        }
        let shift = Shift(self);
        // A thread that cannot be had is told by a panic.
        catch_unwind(AssertUnwindSafe(start)).map_err(|_| Unworked::Unstarted)?;
        mem::forget(shift);
        Ok(())
    }

    /// Does what waits, all that has gathered at a time, until nothing does.
    pub(crate) fn work(&self, mut each: impl FnMut(Vec<T>)) {
        let shift = Shift(self);
        loop {
            let gathered = {
                let mut queue = lock(&self.queue);
                queue.is_worked = !queue.waiting.is_empty();
                mem::take(&mut queue.waiting)
            };
            if gathered.is_empty() {
                // The queue says so already, and another may be at work by now.
                mem::forget(shift);
                return;
            }
            each(gathered);
        }
    }
}

/// Somebody at work, or about to be. One who panics leaves the rest to whoever is started next.
struct Shift<'a, T>(&'a Gathering<T>);

impl<T> Drop for Shift<'_, T> {
    fn drop(&mut self) {
        lock(&self.0.queue).is_worked = false;
    }
}

/// Locks; a panic of an earlier holder does not keep later callers out.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_nobody_is_at_work(gathering: &Gathering<i32>, work: i32) {
        let mut started = false;
        assert_eq!(gathering.add(work, || started = true), Ok(()));
        assert!(started);
    }

    fn check_somebody_is_at_work(gathering: &Gathering<i32>, work: i32) {
        assert_eq!(gathering.add(work, || panic!("somebody is")), Ok(()));
    }

    #[test]
    fn one_worker_does_all_that_gathers() {
        let gathering = Gathering::of_at_most(2);
        check_nobody_is_at_work(&gathering, 1);
        check_somebody_is_at_work(&gathering, 2);
        assert_eq!(gathering.add(3, || ()), Err(Unworked::Full));
        let mut done = Vec::new();
        gathering.work(|gathered| {
            if done.is_empty() {
                check_somebody_is_at_work(&gathering, 4);
            }
            done.push(gathered);
        });
        assert_eq!(done, [vec![1, 2], vec![4]]);
        check_nobody_is_at_work(&gathering, 5);
    }

    #[test]
    fn a_worker_that_panics_leaves_the_rest_to_the_next() {
        let gathering = Gathering::of_at_most(8);
        check_nobody_is_at_work(&gathering, 1);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            gathering.work(|_| {
                check_somebody_is_at_work(&gathering, 2);
                panic!("as a bug would");
            });
        }));
        assert!(panicked.is_err());
        check_nobody_is_at_work(&gathering, 3);
        let mut done = Vec::new();
        gathering.work(|gathered| done.push(gathered));
        assert_eq!(done, [[2, 3]]);
    }

    #[test]
    fn a_worker_that_cannot_be_started_leaves_its_work_to_the_next() {
        let gathering = Gathering::of_at_most(8);
        let no_thread = || panic!("there is no thread");
        assert_eq!(gathering.add(1, no_thread), Err(Unworked::Unstarted));
        check_nobody_is_at_work(&gathering, 2);
        let mut done = Vec::new();
        gathering.work(|gathered| done.push(gathered));
        assert_eq!(done, [[1, 2]]);
    }
}
