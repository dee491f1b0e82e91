//! One play: what the process does, what it was promised, and what it finds.

mod flips;
mod index;
mod spoil;

pub(super) use flips::flip_every_byte;

use crate::checkpoint::Checkpoint;
use crate::disk::dice::Dice;
use crate::disk::make_directories;
use crate::disk::model::{Crash, Lie, ModelDisk, Odds};
use crate::journal::{Ahead, Catalog, FrameBuffer, Journal, JournalOptions, Opened, Reach, Reading};
use crate::{Fault, Fill, OpenError, Position};
use index::{Index, Mark};
use std::path::Path;
use std::sync::Arc;

const DATA: &str = "/data";
const JOURNAL: &str = "/data/journal";
const SEGMENT_BYTES: u64 = 16 * 1024;
const LIVES_MAX: u64 = 8;
const DEEDS_MAX: u64 = 14;
const COMMITS_OF_A_GROUP_MAX: u64 = 4;
/// What entries begin with.
const COMMIT: u8 = b'C';
const START: u8 = b'S';
const CURSOR: u8 = b'M';

/// What a start is shown.
struct Shown {
    /// How far the index went before.
    after: u64,
    /// Positions and payloads.
    entries: Vec<Entry>,
}

/// Position and payload.
type Entry = (u64, Vec<u8>);

/// Why a life ends before its time.
enum End {
    /// The process was told of a failure, or is over.
    Stopped,
    /// A promise was broken.
    Broken(String),
}

macro_rules! figures {
    ($($name:ident),* $(,)?) => {
        /// How often what happened.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub(super) struct Figures { $(pub(super) $name: u64),* }

        impl Figures {
            pub(super) fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// A test in which something never happens says nothing of it.
            pub(super) fn check_that_all_happened(&self) {
                $(assert_ne!(self.$name, 0, "{} never happened", stringify!($name));)*
            }
        }
    };
}

figures!(
    lives,
    starts_cut_short,
    kills,
    power_cuts,
    commits,
    segments,
    checkpoints,
    failures,
    tails_cut,
    doubtful_kept,
    doubtful_dropped,
    indexes_lost,
    bytes_spoiled,
    damage_refused,
    damage_told_by_the_feed,
    damage_harmless,
    last_groups_spoiled,
);

/// What was promised to callers.
#[derive(Clone, Default)]
struct Truth {
    /// The payloads of acknowledged commits, in order.
    acknowledged: Vec<Vec<u8>>,
    /// The group whose append failed: it may be there or not, but wholly.
    doubtful: Vec<Vec<u8>>,
    /// Whether a frame was begun and not acknowledged since the last start that worked.
    is_in_doubt: bool,
    /// The highest acknowledged number of a start.
    start: u64,
    /// The position of the last acknowledged checkpoint.
    checkpointed: u64,
    /// Makes every payload another.
    serial: u64,
    /// Segment and offset of the last acknowledged frame.
    last_frame: (u64, u64),
}

struct Play {
    disk: ModelDisk,
    dice: Dice,
    options: JournalOptions,
    truth: Truth,
    index: Index,
    figures: Figures,
}

/// Plays a seed; gives back what happened on the disk, when that is recorded.
pub(super) fn play(seed: u64, lie: Lie, is_recorded: bool) -> (Result<Figures, String>, Vec<String>) {
    let mut play = Play::new(seed, lie, is_recorded);
    let played = play.run();
    (played.map(|()| play.figures), play.disk.history())
}

impl Play {
    fn new(seed: u64, lie: Lie, is_recorded: bool) -> Self {
        let mut dice = Dice::new(seed);
        let disk = ModelDisk::new(dice.next(), lie, is_recorded);
        let options = JournalOptions {
            disk: Arc::new(disk.clone()),
            segment_bytes: SEGMENT_BYTES,
            fill: if dice.one_in(4) {
                Fill::Allocate
            } else {
                Fill::Zeros
            },
            ahead: Ahead::WhenNeeded,
        };
        Self {
            disk,
            dice,
            options,
            truth: Truth::default(),
            index: Index::default(),
            figures: Figures::default(),
        }
    }

    fn run(&mut self) -> Result<(), String> {
        for _ in 0..=self.dice.below(LIVES_MAX) {
            // Many lives end in their start.
            let calls = match self.dice.below(4) {
                0 => u64::MAX,
                1 => 1 + self.dice.below(8),
                _ => 1 + self.dice.below(80),
            };
            let odds = self.odds();
            self.disk.start(odds, calls);
            self.options.segment_bytes = SEGMENT_BYTES + 512 * self.dice.below(9);
            match self.live() {
                Ok(()) | Err(End::Stopped) => {}
                Err(End::Broken(why)) => return Err(why),
            }
            self.crash();
        }
        // Whatever happened: a start in which nothing goes wrong shows everything.
        self.disk.start(Odds::default(), u64::MAX);
        let last = self.last_life();
        match last {
            Ok(()) => self.spoil(),
            Err(End::Stopped) => Err("it stopped although nothing went wrong".to_owned()),
            Err(End::Broken(why)) => Err(why),
        }
    }

    fn odds(&mut self) -> Odds {
        let mut one = |times: u64, odds: u64| {
            if self.dice.one_in(times) { odds } else { 0 }
        };
        Odds {
            sync: one(4, 12),
            full: one(6, 25),
            short: one(3, 6),
        }
    }

    fn live(&mut self) -> Result<(), End> {
        self.figures.lives += 1;
        let mut journal = match self.open() {
            Ok(journal) => journal,
            Err(end) => {
                self.figures.starts_cut_short += 1;
                return Err(end);
            }
        };
        for _ in 0..self.dice.below(DEEDS_MAX) {
            self.act(&mut journal)?;
        }
        Ok(())
    }

    fn last_life(&mut self) -> Result<(), End> {
        let mut journal = self.open()?;
        for _ in 0..self.dice.below(3) {
            self.append(&mut journal)?;
        }
        if self.dice.one_in(2) {
            self.index.write(Mark {
                position: self.truth.acknowledged.len() as u64,
                start: self.truth.start,
            });
            self.checkpoint()?;
        }
        if self.dice.one_in(4) {
            self.spoil_while_open(&journal)?;
        }
        Ok(())
    }

    fn act(&mut self, journal: &mut Journal) -> Result<(), End> {
        match self.dice.below(12) {
            0 => self.checkpoint(),
            1 => {
                // Its failure is told to whoever takes the segment.
                let _ = journal.spares.make_ahead(journal.segment.number + 1);
                Ok(())
            }
            2 => self.move_cursor(journal),
            3 => {
                let after = self.dice.below(self.truth.acknowledged.len() as u64 + 1);
                self.read(&journal.catalog(), after)
                    .map_err(|fault| End::Broken(fault.to_string()))
            }
            4 | 5 => {
                // The applier takes what was acknowledged.
                let held = self.index.mark().position;
                let behind = self.truth.acknowledged.len() as u64 - held;
                self.index.write(Mark {
                    position: held + self.dice.below(behind + 1),
                    start: self.truth.start,
                });
                Ok(())
            }
            _ => self.append(journal),
        }
    }

    /// Tells a failure that somebody was told of from one that came from nowhere.
    fn stopped(&self, why: impl std::fmt::Display) -> End {
        if self.disk.has_failed() {
            End::Stopped
        } else {
            End::Broken(format!("it stopped although nothing went wrong: {why}"))
        }
    }

    fn append(&mut self, journal: &mut Journal) -> Result<(), End> {
        let group: Vec<Vec<u8>> = (0..=self.dice.below(COMMITS_OF_A_GROUP_MAX))
            .map(|_| self.payload())
            .collect();
        let last = self.truth.acknowledged.len() as u64;
        let mut buffer = FrameBuffer::new();
        for (position, payload) in (last + 1..).zip(&group) {
            push(&mut buffer, position, payload);
        }
        self.truth.doubtful.clone_from(&group);
        self.write(journal, &mut buffer)?;
        self.truth.doubtful.clear();
        self.figures.commits += group.len() as u64;
        self.truth.acknowledged.extend(group);
        Ok(())
    }

    fn move_cursor(&mut self, journal: &mut Journal) -> Result<(), End> {
        let mut buffer = FrameBuffer::new();
        push(&mut buffer, self.truth.acknowledged.len() as u64, &[CURSOR]);
        self.write(journal, &mut buffer)
    }

    fn write(&mut self, journal: &mut Journal, buffer: &mut FrameBuffer) -> Result<(), End> {
        self.truth.is_in_doubt = true;
        let next = Position(self.truth.acknowledged.len() as u64 + 1);
        let segment = journal.segment.number;
        let written = journal
            .append(buffer, next)
            .map_err(|error| self.stopped(error))?;
        self.truth.is_in_doubt = false;
        self.truth.last_frame = (journal.segment.number, journal.offset - written);
        self.figures.segments += journal.segment.number - segment;
        Ok(())
    }

    /// A commit's payload: most are short, some take several blocks, some are mostly zeros.
    fn payload(&mut self) -> Vec<u8> {
        self.truth.serial += 1;
        let mut payload = vec![COMMIT];
        payload.extend_from_slice(&self.truth.serial.to_be_bytes());
        let length = if self.dice.one_in(4) { 1_500 } else { 150 };
        let fill = if self.dice.one_in(6) {
            0
        } else {
            u8::try_from(self.dice.below(256)).unwrap_or(1)
        };
        payload.resize(payload.len() + self.dice.index(length), fill);
        payload
    }

    /// Notes the mark, makes the index durable up to it and says so.
    fn checkpoint(&mut self) -> Result<(), End> {
        let noted = self.index.flush();
        // One of an index that was built anew may claim less; until it is acknowledged, either may be found.
        self.truth.checkpointed = self.truth.checkpointed.min(noted);
        let checkpoint = Checkpoint {
            position: Position(noted),
            rows: vec![noted; self.dice.index(9)],
        };
        checkpoint
            .write(&self.disk, Path::new(DATA))
            .map_err(|error| self.stopped(error))?;
        self.truth.checkpointed = noted;
        self.figures.checkpoints += 1;
        Ok(())
    }

    /// Ends a life.
    fn crash(&mut self) {
        if self.disk.has_failed() {
            self.figures.failures += 1;
        }
        if self.dice.one_in(3) {
            self.figures.kills += 1;
            self.disk.crash(Crash::Kill);
            return;
        }
        self.figures.power_cuts += 1;
        self.disk.crash(Crash::Power);
        self.index.cut_power(&mut self.dice);
        self.figures.indexes_lost += u64::from(self.index.is_empty());
        let position = self.index.mark().position;
        self.disk
            .note(|| format!("the index holds commits up to {position}"));
    }

    /// Reads the last checkpoint, which must claim neither too much nor too little.
    fn claimed(&self) -> Result<u64, End> {
        let claimed = match Checkpoint::read(&self.disk, Path::new(DATA)) {
            Ok(Ok(checkpoint)) => checkpoint.map_or(0, |checkpoint| checkpoint.position.0),
            unread => return Err(End::Broken(format!("the checkpoint cannot be read: {unread:?}"))),
        };
        if self.index.furthest < claimed {
            let flushed = self.index.furthest;
            return Err(End::Broken(format!(
                "the checkpoint claims {claimed}, but {flushed} was flushed"
            )));
        }
        if claimed < self.truth.checkpointed {
            let acknowledged = self.truth.checkpointed;
            return Err(End::Broken(format!(
                "the checkpoint claims {claimed}, {acknowledged} was acknowledged"
            )));
        }
        Ok(claimed)
    }

    /// Starts, as `recover` does, and checks everything that the start shows.
    fn open(&mut self) -> Result<Journal, End> {
        make_directories(&self.disk, Path::new(DATA)).map_err(|error| self.stopped(error))?;
        let claimed = self.claimed()?;
        if self.index.mark().position < claimed {
            // It is set aside and built anew.
            self.index.clear();
        }
        let (opened, shown) = self.read_journal(claimed);
        let Opened {
            mut journal,
            position,
            cut,
            ..
        } = match opened {
            Ok(opened) => opened,
            Err(OpenError::Io { path, source }) => {
                return Err(self.stopped(format!("{}: {source}", path.display())));
            }
            Err(refused) => return Err(End::Broken(format!("a sound journal is refused: {refused}"))),
        };
        self.settle_doubt(position.0)?;
        if let Some(cut) = cut {
            self.figures.tails_cut += 1;
            if !self.truth.is_in_doubt {
                return Err(End::Broken(format!(
                    "nothing was in doubt, but a tail was cut: {cut:?}"
                )));
            }
        }
        self.truth.is_in_doubt = false;
        let started = self.check_shown(&shown)?;
        self.read(&journal.catalog(), 0)
            .map_err(|fault| End::Broken(fault.to_string()))?;
        let number = 1 + started.max(self.index.mark().start);
        if number <= self.truth.start {
            return Err(End::Broken(format!("start number {number} is given again")));
        }
        let mut payload = vec![START];
        payload.extend_from_slice(&number.to_be_bytes());
        let mut buffer = FrameBuffer::new();
        push(&mut buffer, self.truth.acknowledged.len() as u64, &payload);
        self.write(&mut journal, &mut buffer)?;
        self.truth.start = number;
        if self.dice.one_in(2) {
            // The replay goes to the index at once; otherwise it follows behind.
            self.index.write(Mark {
                position: self.truth.acknowledged.len() as u64,
                start: number,
            });
        }
        Ok(journal)
    }

    /// Reads the journal; some of what is shown goes to the index at once, as when a replay is long.
    fn read_journal(&mut self, claimed: u64) -> (Result<Opened, OpenError>, Shown) {
        let mut entries = Vec::new();
        let Mark {
            position: mark,
            start,
        } = self.index.mark();
        let reach = Reach {
            from: Position(mark),
            at_least: Position(mark.max(claimed)),
        };
        let is_fed = self.dice.one_in(2);
        let Self {
            dice, index, options, ..
        } = self;
        let opened = Journal::open(Path::new(JOURNAL), options.clone(), reach, |position, payload| {
            entries.push((position.0, payload.to_vec()));
            if is_fed && mark < position.0 && dice.one_in(3) {
                index.write(Mark {
                    position: position.0,
                    start: start.max(highest_start(&entries)),
                });
            }
            Ok(())
        });
        (opened, Shown { after: mark, entries })
    }

    /// The group in doubt is there wholly or not at all, and from now on that is the truth.
    fn settle_doubt(&mut self, position: u64) -> Result<(), End> {
        let truth = &mut self.truth;
        let acknowledged = truth.acknowledged.len() as u64;
        let doubtful = truth.doubtful.len() as u64;
        if position == acknowledged {
            self.figures.doubtful_dropped += u64::from(0 < doubtful);
            truth.doubtful.clear();
        } else if position == acknowledged + doubtful {
            self.figures.doubtful_kept += 1;
            truth.acknowledged.append(&mut truth.doubtful);
        } else {
            return Err(End::Broken(format!(
                "the journal ends with {position}; {acknowledged} were acknowledged and {doubtful} in doubt"
            )));
        }
        Ok(())
    }

    /// Checks what a start was shown and returns the highest number of a start in it.
    fn check_shown(&self, Shown { after, entries }: &Shown) -> Result<u64, End> {
        let commits: Vec<_> = entries
            .iter()
            .filter(|(_, payload)| payload[0] == COMMIT)
            .collect();
        let last = self.truth.acknowledged.len() as u64;
        let first = commits.first().map_or(last + 1, |(position, _)| *position);
        if after + 1 < first {
            return Err(End::Broken(format!(
                "replay begins with {first}, but the index ends with {after}"
            )));
        }
        if !commits.iter().map(|(position, _)| *position).eq(first..=last) {
            return Err(End::Broken("replay has a gap".to_owned()));
        }
        for (position, payload) in commits {
            self.check_commit(*position, payload)?;
        }
        Ok(highest_start(entries))
    }

    fn check_commit(&self, position: u64, payload: &[u8]) -> Result<(), End> {
        let acknowledged = usize::try_from(position - 1)
            .ok()
            .and_then(|at| self.truth.acknowledged.get(at));
        if acknowledged.is_some_and(|acknowledged| acknowledged == payload) {
            Ok(())
        } else {
            Err(End::Broken(format!(
                "commit {position} is not what was acknowledged"
            )))
        }
    }

    /// Reads the feed to its end, and to where it was half way before, as whoever began to read before the rest was
    /// synced: every acknowledged commit once, in order.
    fn read(&self, catalog: &Catalog, after: u64) -> Result<(), Fault> {
        let last = self.truth.acknowledged.len() as u64;
        self.read_to(catalog, after, after + last.saturating_sub(after) / 2)?;
        self.read_to(catalog, after, last)
    }

    fn read_to(&self, catalog: &Catalog, after: u64, last: u64) -> Result<(), Fault> {
        let mut wrong = None;
        let mut before = after;
        catalog.read(Position(after), Position(last), |position, payload| {
            if payload[0] == COMMIT {
                if position.0 != before + 1 || self.check_commit(position.0, payload).is_err() {
                    wrong.get_or_insert(position.0);
                }
                before = position.0;
            }
            Ok(Reading::More)
        })?;
        match wrong {
            None if before == last => Ok(()),
            None => Err(Fault::Io(format!(
                "the feed ends with {before} instead of {last}"
            ))),
            Some(position) => Err(Fault::Io(format!("the feed shows a wrong commit at {position}"))),
        }
    }
}

/// The highest number of a start in what was shown.
fn highest_start(entries: &[Entry]) -> u64 {
    let starts = entries
        .iter()
        .filter_map(|(_, payload)| match payload.split_first() {
            Some((&START, number)) => number.try_into().ok().map(u64::from_be_bytes),
            _ => None,
        });
    starts.max().unwrap_or(0)
}

fn push(buffer: &mut FrameBuffer, position: u64, payload: &[u8]) {
    let pushed: Result<(), ()> = buffer.push(Position(position), Position::default(), |out| {
        out.extend_from_slice(payload);
        Ok(())
    });
    pushed.expect("nothing goes wrong in memory");
}
