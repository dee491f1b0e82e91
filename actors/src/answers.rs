//! What somebody outside answered, asked once for a while, so that carts stay fast and their totals stand still.
//!
//! Of those who ask the same at once one asks, and all hear the answer. Whoever says nothing is not asked the same
//! again at once, and after saying nothing several times in a row nothing at all for a while, so that not every cart waits
//! for the deadline of somebody who is down: meanwhile holds what stands in for an answer.

use crate::kept::kept;
use crate::runtime::Clock;
use cartwright_domain::time::Timestamp;
use quick_cache::sync::Cache;
use quick_cache::{UnitWeighter, Weighter};
use std::convert::Infallible;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

/// How long an answer holds.
const KEPT_FOR: Duration = Duration::from_secs(15 * 60);
/// How long whoever did not answer is not asked the same again, unless it asks for longer.
const SILENT_FOR: Duration = Duration::from_secs(15);
/// After how many silences in a row nothing is asked for as long as the last of them.
const SILENCES_MAX: u32 = 3;

/// What was answered, and until when that holds.
#[derive(Clone, Debug)]
pub(crate) struct Answered<A> {
    /// None where there was no answer.
    pub(crate) answer: Option<A>,
    /// From when on it is asked anew.
    pub(crate) until: Timestamp,
}

/// Nothing was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Silence {
    /// To this question. Others may be answered.
    Here,
    /// Because nobody is there.
    Away,
    /// Because of too many questions: nothing is to be asked for so long.
    Wanted(Duration),
}

impl Silence {
    fn lasts(self) -> Duration {
        match self {
            Self::Here | Self::Away => SILENT_FOR,
            Self::Wanted(time) => time.clamp(SILENT_FOR, KEPT_FOR),
        }
    }
}

/// How whoever is asked is doing, whatever the question.
#[derive(Debug, Default)]
struct Health {
    /// How often in a row nobody was there.
    silences: AtomicU32,
    /// Until when nothing is asked, in milliseconds since 1970.
    silent_until: AtomicI64,
}

impl Health {
    /// Takes note of what a question came to.
    fn note(&self, silence: Option<Silence>, now: Timestamp) {
        let silences = match silence {
            None | Some(Silence::Here) => {
                self.silences.store(0, Ordering::Relaxed);
                return;
            }
            Some(Silence::Away) => self.silences.fetch_add(1, Ordering::Relaxed) + 1,
            Some(Silence::Wanted(_)) => SILENCES_MAX,
        };
        if let Some(silence) = silence
            && SILENCES_MAX <= silences
        {
            let until = now.after(silence.lasts()).millis();
            self.silent_until.fetch_max(until, Ordering::Relaxed);
        }
    }

    /// Tells whether nothing is asked, or nobody was there when something last was; not for ever, because perhaps nobody
    /// wants to know any more.
    fn is_down(&self, now: Timestamp) -> bool {
        let until = Timestamp::from_millis(self.silent_until.load(Ordering::Relaxed));
        let was_silent = SILENCES_MAX <= self.silences.load(Ordering::Relaxed);
        now < until || (was_silent && now < until.after(KEPT_FOR))
    }

    /// Returns until when nothing is asked, if that lies ahead.
    fn silent_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = Timestamp::from_millis(self.silent_until.load(Ordering::Relaxed));
        (now < until).then_some(until)
    }
}

/// How much is kept at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How many answers.
    pub(crate) answers_max: usize,
    /// What all of them may weigh.
    pub(crate) weight_max: u64,
}

/// Answers to questions, by what was asked. The least recently used go. Cheap to clone.
pub(crate) struct Answers<Q, A, W = UnitWeighter> {
    kept: Arc<Cache<Q, Answered<A>, W>>,
    health: Arc<Health>,
    clock: Clock,
}

impl<Q, A, W> Clone for Answers<Q, A, W> {
    fn clone(&self) -> Self {
        Self {
            kept: Arc::clone(&self.kept),
            health: Arc::clone(&self.health),
            clock: self.clock,
        }
    }
}

impl<Q, A, W> Answers<Q, A, W>
where
    Q: Clone + Eq + Hash,
    A: Clone,
    W: Weighter<Q, Answered<A>> + Clone,
{
    pub(crate) fn new(bounds: Bounds, weighter: W, clock: Clock) -> Self {
        Self {
            kept: Arc::new(kept(bounds.answers_max, bounds.weight_max, weighter)),
            health: Arc::default(),
            clock,
        }
    }

    /// Tells whether whoever is asked is left alone, or was silent again when it was last asked.
    pub(crate) fn is_down(&self) -> bool {
        self.health.is_down(self.clock.now())
    }

    /// Returns what was answered to a question, or asks it.
    pub(crate) async fn get(
        &self,
        question: &Q,
        ask: impl Future<Output = Result<A, Silence>>,
    ) -> Answered<A> {
        let now = self.clock.now();
        match self.kept.get(question) {
            Some(kept) if now < kept.until => return kept,
            // Somebody else may have asked anew since.
            Some(_) => drop(self.kept.remove_if(question, |kept| kept.until <= now)),
            None => {}
        }
        if let Some(until) = self.health.silent_until(now) {
            return Answered { answer: None, until };
        }
        let asked = async {
            let asked = ask.await;
            let now = self.clock.now();
            self.health.note(asked.as_ref().err().copied(), now);
            let (answer, holds_for) = match asked {
                Ok(answer) => (Some(answer), KEPT_FOR),
                Err(silence) => (None, silence.lasts()),
            };
            let until = now.after(holds_for);
            Ok::<_, Infallible>(Answered { answer, until })
        };
        let Ok(answered) = self.kept.get_or_insert_async(question, asked).await;
        answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::ClockCheck;
    use futures::future::join_all;
    use tokio::time::sleep;

    /// What a question weighs: as much as it says.
    #[derive(Clone)]
    struct Said;

    impl Weighter<u64, Answered<u32>> for Said {
        fn weight(&self, question: &u64, _: &Answered<u32>) -> u64 {
            *question
        }
    }

    const BOUNDS: Bounds = Bounds {
        answers_max: 100,
        weight_max: 8_000,
    };

    /// Somebody who answers how often they were asked, after a second.
    struct Somebody {
        answers: Answers<u64, u32, Said>,
        asked: AtomicU32,
    }

    impl Somebody {
        fn new() -> Self {
            let now = Timestamp::from_millis(1_700_000_000_000);
            let clock = Clock::start_at(now, now, ClockCheck::Strict).expect("the clock stands right");
            Self {
                answers: Answers::new(BOUNDS, Said, clock),
                asked: AtomicU32::new(0),
            }
        }

        /// Asks, and lets a question that is asked at all come to this.
        async fn get(&self, question: u64, answer: Result<(), Silence>) -> Option<u32> {
            let ask = async {
                sleep(Duration::from_secs(1)).await;
                let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
                answer.map(|()| asked)
            };
            self.answers.get(&question, ask).await.answer
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_for_a_quarter_of_an_hour_and_asked_anew_after_it() {
        let somebody = Somebody::new();
        assert_eq!(somebody.get(1, Ok(())).await, Some(1));
        sleep(KEPT_FOR - Duration::from_millis(1)).await;
        assert_eq!(somebody.get(1, Ok(())).await, Some(1));
        assert_eq!(somebody.get(2, Ok(())).await, Some(2), "another question");
        assert_eq!(somebody.get(1, Ok(())).await, Some(3));
        assert_eq!(somebody.get(1, Ok(())).await, Some(3));
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_hundred_who_ask_at_once_one_asks() {
        let somebody = Somebody::new();
        let all = async || join_all((0..100).map(|_| somebody.get(1, Ok(())))).await;
        assert_eq!(all().await, vec![Some(1); 100]);
        sleep(KEPT_FOR).await;
        assert_eq!(all().await, vec![Some(2); 100]);
        // Nobody waits for one who has gone.
        let somebody = Somebody::new();
        let gone = tokio::time::timeout(Duration::from_millis(500), somebody.get(1, Ok(())));
        let (gone, stayed) = tokio::join!(gone, somebody.get(1, Ok(())));
        assert_eq!((gone.ok(), stayed), (None, Some(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_left_alone_for_a_while() {
        let silence = |secs| Err(Silence::Wanted(Duration::from_secs(secs)));
        for (wanted, given) in [(0, SILENT_FOR), (60, Duration::from_secs(60)), (86_400, KEPT_FOR)] {
            let somebody = Somebody::new();
            assert_eq!(somebody.get(1, silence(wanted)).await, None);
            sleep(given - Duration::from_millis(1)).await;
            assert_eq!(somebody.get(1, Ok(())).await, None, "{wanted} s");
            sleep(Duration::from_millis(1)).await;
            assert_eq!(somebody.get(1, Ok(())).await, Some(2), "{wanted} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_away_several_times_in_a_row_is_asked_nothing_for_a_while() {
        let somebody = Somebody::new();
        let asked = || somebody.asked.load(Ordering::Relaxed);
        assert_eq!(somebody.get(1, Ok(())).await, Some(1));
        for question in [2, 3] {
            assert_eq!(somebody.get(question, Err(Silence::Away)).await, None);
        }
        // An answer, and be it none to this question, says that somebody is there.
        assert_eq!(somebody.get(4, Err(Silence::Here)).await, None);
        for question in 5..=7 {
            assert_eq!(somebody.get(question, Err(Silence::Away)).await, None);
        }
        assert_eq!(asked(), 7);
        assert!(somebody.answers.is_down());
        assert_eq!(somebody.get(8, Ok(())).await, None, "not asked");
        assert_eq!(somebody.get(1, Ok(())).await, Some(1), "what was answered holds");
        assert_eq!(asked(), 7);
        sleep(SILENT_FOR).await;
        assert!(somebody.answers.is_down(), "nobody has asked since");
        let later = somebody.answers.clock.now().after(KEPT_FOR);
        assert!(
            !somebody.answers.health.is_down(later),
            "nobody wants to know any more"
        );
        assert_eq!(somebody.get(8, Ok(())).await, Some(8));
        assert!(!somebody.answers.is_down());
        assert_eq!(somebody.get(9, Err(Silence::Away)).await, None);
        assert!(!somebody.answers.is_down());
        assert_eq!(
            somebody.get(10, Ok(())).await,
            Some(10),
            "once is not three times"
        );
        // Who wants to be left alone is, at once.
        let wanted = Err(Silence::Wanted(Duration::from_secs(60)));
        assert_eq!(somebody.get(11, wanted).await, None);
        assert!(somebody.answers.is_down());
        assert_eq!(somebody.get(12, Ok(())).await, None, "not asked");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_weighs_no_more_than_it_may() {
        let somebody = Somebody::new();
        for question in 1..=1_000 {
            assert!(somebody.get(question, Ok(())).await.is_some());
            assert!(somebody.answers.kept.weight() <= BOUNDS.weight_max);
        }
        assert!(0 < somebody.answers.kept.weight());
        // What outweighs everything is answered, and not kept.
        assert_eq!(somebody.get(9_000, Ok(())).await, Some(1_001));
        assert_eq!(somebody.get(9_000, Ok(())).await, Some(1_002));
    }
}
