//! The bytes of what other crates store, and what is refused.

use crate::support::{Toy, ToyEvent, ToyOfSchema1, at};
use cartwright_domain::Revision;
use cartwright_storage::codec::{self, Unstorable, golden};
use cartwright_storage::{Fault, codec::Snapshot};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

fn a_toy() -> Toy {
    Toy {
        name: "Mug, white".to_owned(),
        count: 300,
    }
}

fn a_snapshot() -> Vec<u8> {
    let timers = [
        ("expire".to_owned(), at(1_700_000_000_000)),
        ("look".to_owned(), at(-1)),
    ];
    codec::encode_snapshot(&a_toy(), Revision(70_000), &timers)
        .unwrap()
        .to_vec()
}

#[test]
fn a_snapshot_keeps_its_bytes_and_loads() {
    golden::check(GOLDEN, "toy-schema-2", &a_snapshot());
    let snapshot: Snapshot<Toy> = codec::decode_snapshot(&golden::read(GOLDEN, "toy-schema-2")).unwrap();
    assert_eq!(snapshot.state, a_toy());
    assert_eq!(snapshot.revision, Revision(70_000));
    assert_eq!(
        snapshot.timers,
        [
            ("expire".to_owned(), at(1_700_000_000_000)),
            ("look".to_owned(), at(-1))
        ]
    );
}

/// Makes a snapshot of a toy of schema 1 out of one of schema 2, as an old release wrote it.
fn of_schema(schema: u8, state: &ToyOfSchema1) -> Vec<u8> {
    let name = u8::try_from(state.name.len()).unwrap();
    let mut bytes = vec![
        1, 250, 0, schema, 0, 0, 0, 0, /* revision */ 4, /* timers */ 0, name,
    ];
    bytes.extend_from_slice(state.name.as_bytes());
    reseal(&mut bytes);
    bytes
}

fn reseal(bytes: &mut [u8]) {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..4]), &bytes[8..]);
    bytes[4..8].copy_from_slice(&crc.to_be_bytes());
}

#[test]
fn a_past_schema_is_upgraded() {
    let old = ToyOfSchema1 {
        name: "Mug".to_owned(),
    };
    golden::check(GOLDEN, "toy-schema-1", &of_schema(1, &old));
    let snapshot: Snapshot<Toy> = codec::decode_snapshot(&golden::read(GOLDEN, "toy-schema-1")).unwrap();
    assert_eq!(
        snapshot,
        Snapshot {
            state: Toy {
                name: "Mug".into(),
                count: 0
            },
            revision: Revision(4),
            timers: vec![]
        }
    );
    let unknown = codec::decode_snapshot::<Toy>(&of_schema(0, &old)).unwrap_err();
    assert!(unknown.to_string().contains("toy has no schema 0"), "{unknown}");
}

#[test]
fn a_newer_schema_or_format_is_refused_as_such() {
    for (at, known) in [(3, 2), (0, 1)] {
        let mut bytes = a_snapshot();
        bytes[at] += 1;
        reseal(&mut bytes);
        let fault = codec::decode_snapshot::<Toy>(&bytes).unwrap_err();
        assert!(
            matches!(fault, Fault::Newer { known: found, .. } if found == known),
            "{fault}"
        );
        assert!(fault.to_string().contains("written by a newer version"));
    }
}

#[test]
fn an_event_and_a_reply_keep_their_bytes_and_load() {
    let event = ToyEvent::Renamed {
        from: "Mug".to_owned(),
        to: "Cup".to_owned(),
    };
    golden::check(GOLDEN, "event-schema-1", &codec::encode_event(&event).unwrap());
    assert_eq!(
        codec::decode_event::<ToyEvent>(&golden::read(GOLDEN, "event-schema-1")),
        Ok(event)
    );
    let reply = (7_u64, "Mug".to_owned());
    golden::check(GOLDEN, "reply-schema-1", &codec::encode_reply(&reply).unwrap());
    assert_eq!(
        codec::decode_reply::<(u64, String)>(&golden::read(GOLDEN, "reply-schema-1")),
        Ok(reply)
    );
}

/// Tells whether bytes decode.
type Decodes = fn(&[u8]) -> bool;

#[test]
fn no_single_flipped_bit_decodes() {
    let event = codec::encode_event(&ToyEvent::Counted(7)).unwrap();
    let reply = codec::encode_reply(&7_u64).unwrap();
    let snapshot = a_snapshot();
    let decodes: [(&[u8], Decodes); 3] = [
        (&snapshot, |bytes| codec::decode_snapshot::<Toy>(bytes).is_ok()),
        (&event, |bytes| codec::decode_event::<ToyEvent>(bytes).is_ok()),
        (&reply, |bytes| codec::decode_reply::<u64>(bytes).is_ok()),
    ];
    for (bytes, decodes) in decodes {
        assert!(decodes(bytes));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!decodes(&flipped), "bit {bit} of {}", bytes.len() * 8);
        }
        for length in 0..bytes.len() {
            assert!(!decodes(&bytes[..length]), "cut to {length}");
        }
    }
}

#[test]
fn one_kind_never_reads_as_another() {
    assert!(matches!(
        codec::decode_event::<ToyEvent>(&a_snapshot()),
        Err(Fault::Damaged { .. })
    ));
    assert!(matches!(
        codec::decode_reply::<u64>(&a_snapshot()),
        Err(Fault::Damaged { .. })
    ));
}

#[test]
fn a_broken_invariant_and_left_over_bytes_are_damage() {
    let broken = Toy {
        name: "broken".to_owned(),
        count: 0,
    };
    let bytes = codec::encode_snapshot(&broken, Revision(1), &[]).unwrap();
    let fault = codec::decode_snapshot::<Toy>(&bytes).unwrap_err();
    assert!(fault.to_string().contains("the name is not broken"), "{fault}");
    let mut longer = a_snapshot();
    longer.push(0);
    reseal(&mut longer);
    assert!(
        codec::decode_snapshot::<Toy>(&longer)
            .unwrap_err()
            .to_string()
            .contains("1 bytes are left over")
    );
}

#[test]
fn a_snapshot_may_take_a_mebibyte_and_not_a_byte_more() {
    let of = |bytes: usize| {
        let empty = codec::encode_snapshot(
            &Toy {
                name: String::new(),
                count: 0,
            },
            Revision(0),
            &[],
        )
        .unwrap()
        .len();
        // The length of a name this long takes four bytes more than that of none.
        let toy = Toy {
            name: "x".repeat(bytes - empty - 4),
            count: 0,
        };
        codec::encode_snapshot(&toy, Revision(0), &[])
    };
    let largest = of(codec::SNAPSHOT_BYTES_MAX).unwrap();
    assert_eq!(largest.len(), codec::SNAPSHOT_BYTES_MAX);
    assert!(codec::decode_snapshot::<Toy>(&largest).is_ok());
    let too_large = of(codec::SNAPSHOT_BYTES_MAX + 1).unwrap_err();
    assert!(matches!(
        too_large,
        Unstorable::TooLarge {
            bytes: 1_048_577,
            max: 1_048_576,
            ..
        }
    ));
    let reply = "x".repeat(codec::REPLY_BYTES_MAX);
    assert!(matches!(
        codec::encode_reply(&reply),
        Err(Unstorable::TooLarge { max: 4_096, .. })
    ));
}

#[test]
fn many_small_integers_can_be_read_again() {
    let numbers = vec![1_u128; 4_000];
    assert_eq!(
        codec::decode_reply::<Vec<u128>>(&codec::encode_reply(&numbers).unwrap()),
        Ok(numbers)
    );
}
