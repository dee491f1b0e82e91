//! The journal and its checkpoints on a disk that loses, tears and reorders what was not synced.
//!
//! A play is some lives of a process on one disk, each of which ends in a kill or a power cut, also in the middle of
//! a start. All of it comes from one seed. `CARTWRIGHT_DISK_SEED` chooses the first seed and `CARTWRIGHT_DISK_SEEDS`
//! how many; a seed that fails is told with everything that happened on its disk.
#![expect(clippy::print_stdout, reason = "the figures of a long run are for people")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod play;

use super::{Ahead, CutTail, Fill, FrameBuffer, Journal, JournalOptions, Reach};
use crate::Position;
use crate::disk::model::{Crash, Lie, ModelDisk};
use crate::disk::write_all_at;
use play::{Figures, flip_every_byte, play};
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// How many seeds are played unless told otherwise.
const SEEDS: u64 = 2_000;
/// How many seeds a lie has until it must be found.
const SEEDS_FOR_A_LIE: u64 = 500;
/// The same for a lie that one seed in 200 finds: as many as are played without one. A change of the play, which makes
/// other plays of all seeds, loses it in one of 20,000 changes.
const SEEDS_FOR_A_RARE_LIE: u64 = SEEDS;

fn from_environment(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("seeds and their number are whole numbers"))
}

/// Plays a seed; an error is a promise that was not kept.
fn check(seed: u64, lie: Lie) -> Result<Figures, String> {
    catch_unwind(|| play(seed, lie, false).0).unwrap_or_else(|_| Err("it panicked".to_owned()))
}

#[test]
fn what_was_acknowledged_is_there_after_every_crash() {
    let first = from_environment("CARTWRIGHT_DISK_SEED");
    let seeds = from_environment("CARTWRIGHT_DISK_SEEDS").unwrap_or(if first.is_some() { 1 } else { SEEDS });
    let first = first.unwrap_or(0);
    let next = AtomicU64::new(first);
    let is_over = AtomicBool::new(false);
    let figures = Mutex::new(Figures::default());
    let broken = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let mut mine = Figures::default();
                while !is_over.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if first + seeds <= seed {
                        break;
                    }
                    match check(seed, Lie::None) {
                        Ok(played) => mine.add(&played),
                        Err(why) => {
                            is_over.store(true, Ordering::Relaxed);
                            *broken.lock().expect("nobody panics with it") = Some((seed, why));
                        }
                    }
                }
                figures.lock().expect("nobody panics with it").add(&mine);
            });
        }
    });
    if let Some((seed, why)) = broken.into_inner().expect("nobody panics with it") {
        let (_, history) = play(seed, Lie::None, true);
        panic!("seed {seed}: {why}\n{}", history.join("\n"));
    }
    let figures = figures.into_inner().expect("nobody panics with it");
    if SEEDS <= seeds {
        figures.check_that_all_happened();
    }
    println!("{seeds} seeds: {figures:?}");
}

#[test]
fn a_seed_plays_the_same_every_time() {
    for seed in 0..20 {
        assert_eq!(play(seed, Lie::None, true), play(seed, Lie::None, true));
    }
}

/// Opens a small journal and shows its entries' positions.
fn open(disk: &ModelDisk, mut each: impl FnMut(Position)) -> (Journal, Position, Option<CutTail>) {
    let options = JournalOptions {
        disk: Arc::new(disk.clone()),
        segment_bytes: 16 * 1024,
        fill: Fill::Zeros,
        ahead: Ahead::WhenNeeded,
    };
    let reach = Reach {
        from: Position(0),
        at_least: Position(0),
    };
    let opened = Journal::open(Path::new("/journal"), options, reach, |position, _| {
        each(position);
        Ok(())
    });
    let opened = opened.unwrap();
    (opened.journal, opened.position, opened.cut)
}

fn append(journal: &mut Journal, position: u64) {
    let mut buffer = FrameBuffer::new();
    let pushed = buffer.push(Position(position), Position(0), |out| {
        out.push(1);
        Ok::<_, ()>(())
    });
    pushed.unwrap();
    journal.append(&mut buffer, Position(position)).unwrap();
}

#[test]
fn a_torn_tail_whose_zeros_never_reached_the_disk_does_not_come_back() {
    let disk = ModelDisk::new(0, Lie::None, false);
    let (mut journal, ..) = open(&disk, |_| {});
    append(&mut journal, 1);
    // Of a group of three blocks the last is on the disk, and a start that zeroed it was told that its sync failed.
    let torn_at = journal.offset + 1_024;
    write_all_at(&*journal.file, &[7; 512], torn_at).unwrap();
    journal.file.sync_all().unwrap();
    write_all_at(&*journal.file, &[0; 512], torn_at).unwrap();
    disk.lose_unsynced();
    drop(journal);
    let (mut journal, position, cut) = open(&disk, |_| {});
    assert_eq!((position, cut), (Position(1), None));
    append(&mut journal, 2);
    drop(journal);
    disk.crash(Crash::Power);
    let (_, position, cut) = open(&disk, |_| {});
    assert_eq!((position, cut), (Position(2), None));
}

#[test]
fn a_group_is_shown_to_the_index_only_once_it_is_durable() {
    // The process was killed before the sync of its last group ended.
    let disk = ModelDisk::new(0, Lie::SyncData, false);
    let (mut journal, ..) = open(&disk, |_| {});
    append(&mut journal, 1);
    assert!(!disk.is_synced());
    drop(journal);
    let mut shown = Vec::new();
    open(&disk, |position| shown.push((position, disk.is_synced())));
    assert_eq!(shown, [(Position(1), true)]);
}

#[test]
fn a_flipped_byte_of_any_file_is_told_or_changes_nothing() {
    let figures = flip_every_byte().unwrap_or_else(|why| panic!("{why}"));
    // The last group is known to the index or a checkpoint in two cases of three.
    assert!(0 < figures.last_groups_spoiled && 0 < figures.damage_told_by_the_feed);
    println!("{figures:?}");
}

/// A disk that answers without doing breaks a promise, and the test says so: what the journal asks of the disk is
/// all needed.
fn check_found(lie: Lie, seeds: u64) {
    let found = (0..seeds).find_map(|seed| check(seed, lie).err().map(|why| (seed, why)));
    let (seed, why) = found.unwrap_or_else(|| panic!("{lie:?} was not found in {seeds} seeds"));
    println!("{lie:?} is found by seed {seed}: {why}");
}

#[test]
fn an_answer_without_a_sync_is_found() {
    check_found(Lie::SyncData, SEEDS_FOR_A_LIE);
}

#[test]
fn a_segment_or_checkpoint_without_a_sync_is_found() {
    check_found(Lie::SyncAll, SEEDS_FOR_A_LIE);
}

#[test]
fn a_name_without_a_sync_of_its_directory_is_found() {
    check_found(Lie::SyncDirectory, SEEDS_FOR_A_LIE);
}

#[test]
fn a_torn_tail_that_is_not_zeroed_is_found() {
    check_found(Lie::Zeros, SEEDS_FOR_A_RARE_LIE);
}

#[test]
fn a_last_group_that_is_not_written_again_is_found() {
    check_found(Lie::Unchanged, SEEDS_FOR_A_RARE_LIE);
}

#[test]
fn a_failed_sync_that_is_not_heeded_is_found() {
    check_found(Lie::Success, SEEDS_FOR_A_LIE);
}
