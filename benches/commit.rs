//! What the commit path costs: groups of snapshots through journal, sync and verdict.

use cartwright_domain::id::SETTINGS_ID;
use cartwright_domain::settings::Settings;
use cartwright_domain::{Entity, EntityKey, Revision, Timestamp};
use cartwright_storage::{
    Body, Commit, Done, Fence, KeyChange, Options, Position, ReceiptChange, SledStore, Store, TimerChange,
    codec,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use uuid::Uuid;

/// Makes one commit of the `n`th entity: a snapshot, nothing else.
fn commit(n: u64, revision: u64) -> Commit {
    let body = codec::encode_snapshot(&Settings::default(), Revision(revision), &[])
        .expect("settings can be stored");
    let key = EntityKey {
        id: Uuid::from_u64_pair(1, n),
        ..Settings::key(SETTINGS_ID)
    };
    Commit {
        entity: key,
        expected: Revision(revision - 1),
        revision: Revision(revision),
        previous: Position::default(),
        fence: Fence {
            start: 1,
            incarnation: 1,
        },
        at: Timestamp::default(),
        body: Body::Put(body),
        keys: KeyChange::default(),
        events: Vec::new(),
        timers: TimerChange::default(),
        receipts: ReceiptChange::default(),
        numbering: None,
        decision: None,
        rests_on: Vec::new(),
        done: Done(Box::new(|verdict| {
            verdict.expect("nobody else writes");
        })),
    }
}

fn commits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commit");
    group.sample_size(20);
    for together in [1_u64, 16, 256] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (store, _) =
            SledStore::open(directory.path(), &Options::default()).expect("an empty directory opens");
        let mut revision = 0;
        group.throughput(Throughput::Elements(together));
        group.bench_function(BenchmarkId::from_parameter(together), |bencher| {
            bencher.iter(|| {
                revision += 1;
                for n in 0..together {
                    store.submit(commit(n, revision));
                }
                futures::executor::block_on(store.barrier());
            });
        });
        futures::executor::block_on(store.close()).expect("the store closes");
    }
    group.finish();
}

criterion_group!(benches, commits);
criterion_main!(benches);
