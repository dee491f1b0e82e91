//! Work that gathers while earlier work is done, so that one sync or one turn serves all of it.
//!
//! Whoever adds to what nobody works at starts a worker, which takes everything that waits until nothing does.

use std::mem;
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

/// What became of work that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// Somebody is at work and takes it as well.
    BesideWork,
    /// Nobody is: the caller starts a worker, which calls [`Gathering::work`].
    Unworked,
}

/// As much waits as may; the work was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

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

    /// Adds work.
    ///
    /// # Errors
    /// [`Full`].
    pub(crate) fn add(&self, work: T) -> Result<Added, Full> {
        let mut queue = lock(&self.queue);
        if self.waiting_max <= queue.waiting.len() {
            return Err(Full);
        }
        queue.waiting.push(work);
        Ok(match mem::replace(&mut queue.is_worked, true) {
            true => Added::BesideWork,
            false => Added::Unworked,
        })
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

/// Somebody at work. One who panics leaves the rest to whoever is started next.
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
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn one_worker_does_all_that_gathers() {
        let gathering = Gathering::of_at_most(2);
        assert_eq!(gathering.add(1), Ok(Added::Unworked));
        assert_eq!(gathering.add(2), Ok(Added::BesideWork));
        assert_eq!(gathering.add(3), Err(Full));
        let mut done = Vec::new();
        gathering.work(|gathered| {
            if done.is_empty() {
                assert_eq!(gathering.add(4), Ok(Added::BesideWork));
            }
            done.push(gathered);
        });
        assert_eq!(done, [vec![1, 2], vec![4]]);
        assert_eq!(gathering.add(5), Ok(Added::Unworked));
    }

    #[test]
    fn a_worker_that_panics_leaves_the_rest_to_the_next() {
        let gathering = Gathering::of_at_most(8);
        assert_eq!(gathering.add(1), Ok(Added::Unworked));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            gathering.work(|_| {
                assert_eq!(gathering.add(2), Ok(Added::BesideWork));
                panic!("as a bug would");
            });
        }));
        assert!(panicked.is_err());
        assert_eq!(gathering.add(3), Ok(Added::Unworked));
        let mut done = Vec::new();
        gathering.work(|gathered| done.push(gathered));
        assert_eq!(done, [[2, 3]]);
    }
}
