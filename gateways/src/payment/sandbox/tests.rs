//! How the sandbox misbehaves on demand, and what its ledger survives.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use super::ledger::Record;
use super::*;
use crate::payment::Deadlined;
use cartwright_domain::money::Currency;
use serde_json::json;
use std::{fs, path::PathBuf, sync::Arc};

const DEADLINE: Duration = Duration::from_secs(5);

struct House {
    home: tempfile::TempDir,
    sandbox: Arc<Sandbox>,
}

impl House {
    fn new(config: Config) -> Self {
        let home = tempfile::tempdir().unwrap();
        let sandbox = Arc::new(Sandbox::open(&home.path().join("ledger.jsonl"), config).unwrap());
        Self { home, sandbox }
    }

    fn path(&self) -> PathBuf {
        self.home.path().join("ledger.jsonl")
    }

    fn deadlined(&self) -> Deadlined {
        let sandbox: Arc<Sandbox> = Arc::clone(&self.sandbox);
        Deadlined::new(sandbox, DEADLINE)
    }

    /// Returns how often and for how much each checkout was authorized.
    fn charges(&self) -> Vec<(String, i64)> {
        let ledger = Ledger::read(&self.path()).unwrap();
        ledger
            .payments
            .iter()
            .map(|payment| (payment.checkout.clone(), payment.authorized.amount))
            .collect()
    }
}

#[tokio::test]
async fn a_ledger_that_cannot_be_written_is_told() {
    let house = House::new(Config::default());
    assert_eq!(house.deadlined().fault(), None);
    let writer = Writer::open(&house.path()).unwrap().refusing(&house.path());
    let sandbox = Sandbox {
        desk: Desk::new(writer),
        config: Config::default(),
        silent: Mutex::default(),
        notifications: broadcast::Sender::new(NOTIFICATIONS_MAX),
    };
    let asked = sandbox.authorize(&key("authorize"), request("tok_approve")).await;
    assert!(matches!(asked, Err(Error::Unknown)), "{asked:?}");
    let fault = sandbox.fault().unwrap();
    assert!(fault.contains("cannot be written"), "{fault}");
}

fn key(step: &str) -> OperationKey {
    OperationKey::new("chk_1", step).unwrap()
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::of("EUR").unwrap())
}

fn request(token: &str) -> AuthorizeRequest {
    AuthorizeRequest {
        amount: eur(1_234),
        token: Token::new(token),
        checkout: "chk_1".to_owned(),
        description: "order".to_owned(),
    }
}

fn charged_once() -> Vec<(String, i64)> {
    vec![("chk_1".to_owned(), 1_234)]
}

#[tokio::test]
async fn tokens_are_approved_or_declined_by_their_name() {
    async fn check(config: Config, token: &str, expected: Result<(), &str>) {
        let house = House::new(config);
        let answer = house.sandbox.authorize(&key("a"), request(token)).await;
        let answer = answer.map(|_| ()).map_err(|error| match error {
            Error::Declined(why) => why.code,
            other => other.to_string(),
        });
        assert_eq!(answer, expected.map_err(str::to_owned), "{token}");
    }
    let declines = Config {
        otherwise: Behavior::Decline,
        ..Config::default()
    };
    let all_decline = Config {
        behavior: Some(Behavior::Decline),
        ..Config::default()
    };
    let all_approve = Config {
        behavior: Some(Behavior::Approve),
        ..Config::default()
    };
    check(Config::default(), "tok_approve", Ok(())).await;
    check(Config::default(), "tok_visa", Ok(())).await;
    check(Config::default(), "tok_decline", Err("card_declined")).await;
    check(Config::default(), "visa", Err("unknown_token")).await;
    check(Config::default(), "", Err("unknown_token")).await;
    check(declines.clone(), "tok_visa", Err("card_declined")).await;
    check(declines, "tok_approve", Ok(())).await;
    check(all_decline, "tok_approve", Err("card_declined")).await;
    check(all_approve, "tok_decline", Ok(())).await;
}

#[tokio::test(start_paused = true)]
async fn a_hanging_authorization_is_unknown_and_charges_nothing() {
    let house = House::new(Config::default());
    let provider = house.deadlined();
    assert_eq!(
        provider.authorize(&key("a"), request("tok_hang")).await,
        Err(Error::Unknown)
    );
    assert_eq!(provider.outcome(&key("a")).await, Ok(None));
    assert_eq!(house.charges(), []);
}

#[tokio::test(start_paused = true)]
async fn a_late_authorization_is_unknown_then_pending_then_approved() {
    let house = House::new(Config::default());
    let provider = house.deadlined();
    assert_eq!(
        provider.authorize(&key("a"), request("tok_late")).await,
        Err(Error::Unknown)
    );
    assert_eq!(provider.outcome(&key("a")).await, Ok(Some(Outcome::Pending)));
    assert_eq!(house.charges(), charged_once());

    // A repeat waits for the same answer, not for a new one.
    let asked = Instant::now();
    let approved = provider.authorize(&key("a"), request("tok_late")).await.unwrap();
    assert_eq!(asked.elapsed(), house.sandbox.config.late_after - DEADLINE);
    assert_eq!(
        provider.outcome(&key("a")).await,
        Ok(Some(Outcome::Approved(approved.clone())))
    );
    assert_eq!(
        provider.authorize(&key("a"), request("tok_late")).await,
        Ok(approved)
    );
    assert_eq!(house.charges(), charged_once());
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_charged() {
    let house = House::new(Config::default());
    assert_eq!(
        house.sandbox.authorize(&key("a"), request("tok_lost")).await,
        Err(Error::Unknown)
    );
    assert_eq!(house.charges(), charged_once());
    let Some(Outcome::Approved(approved)) = house.sandbox.outcome(&key("a")).await.unwrap() else {
        panic!("the sandbox does not know what it charged");
    };
    assert_eq!(
        house.sandbox.authorize(&key("a"), request("tok_lost")).await,
        Ok(approved)
    );
    assert_eq!(house.charges(), charged_once());
}

#[tokio::test]
async fn an_answer_given_twice_is_one_charge() {
    let house = House::new(Config::default());
    let mut notifications = house.sandbox.notifications();
    let approved = house
        .sandbox
        .authorize(&key("a"), request("tok_twice"))
        .await
        .unwrap();
    let notification = notifications.recv().await.unwrap();
    let expected = Outcome::Approved(approved);
    assert_eq!(
        notification,
        Notification {
            key: key("a"),
            checkout: "chk_1".to_owned(),
            outcome: expected
        }
    );
    assert_eq!(house.charges(), charged_once());
    house
        .sandbox
        .authorize(&key("b"), request("tok_approve"))
        .await
        .unwrap();
    assert!(notifications.try_recv().is_err());
}

#[tokio::test]
async fn what_was_answered_is_known_after_a_restart() {
    let house = House::new(Config::default());
    let held = house
        .sandbox
        .authorize(&key("a"), request("tok_approve"))
        .await
        .unwrap();
    house
        .sandbox
        .capture(&key("c"), &held.reference, eur(1_000))
        .await
        .unwrap();
    house
        .sandbox
        .refund(&key("r"), &held.reference, eur(1))
        .await
        .unwrap();
    let declined = house.sandbox.authorize(&key("d"), request("tok_decline")).await;

    let again = Sandbox::open(&house.path(), Config::default()).unwrap();
    assert_eq!(
        again.authorize(&key("a"), request("tok_approve")).await,
        Ok(held.clone())
    );
    assert_eq!(again.authorize(&key("d"), request("tok_decline")).await, declined);
    assert_eq!(
        again
            .capture(&key("c"), &held.reference, eur(1_000))
            .await
            .unwrap()
            .amount,
        eur(1_000)
    );
    let ledger = Ledger::read(&house.path()).unwrap();
    let payment = Payment {
        payment: held.reference,
        checkout: "chk_1".to_owned(),
        authorized: eur(1_234),
        captured: eur(1_000),
        refunded: eur(1),
        voided: false,
    };
    assert_eq!(ledger.payments, [payment]);
    let operations: Vec<_> = ledger
        .entries
        .iter()
        .map(|entry| (entry.key.as_str(), entry.operation))
        .collect();
    let expected = [
        ("chk_1/a", Operation::Authorize),
        ("chk_1/c", Operation::Capture),
        ("chk_1/r", Operation::Refund),
        ("chk_1/d", Operation::Authorize),
    ];
    assert_eq!(operations, expected);
}

async fn three_lines() -> (House, Vec<u8>) {
    let house = House::new(Config::default());
    for step in ["a", "b", "c"] {
        house
            .sandbox
            .authorize(&key(step), request("tok_approve"))
            .await
            .unwrap();
    }
    let bytes = lines_of(&house.path());
    (house, bytes)
}

/// Returns a ledger without the spaces behind its lines.
fn lines_of(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap();
    while bytes.pop_if(|byte| *byte == b' ').is_some() {}
    bytes
}

#[tokio::test]
async fn a_group_that_reached_the_disk_in_parts_is_a_torn_tail() {
    const SECTOR: usize = 64;
    let (house, _) = three_lines().await;
    let path = house.path();
    let entries = Ledger::read(&path).unwrap().entries;
    let group: Vec<_> = entries.iter().map(Record::from).collect();
    let start = lines_of(&path).len();
    let mut writer = Writer::open(&path).unwrap();
    writer.append(&group).unwrap();
    assert_eq!(Ledger::read(&path).unwrap().entries.len(), 6);

    let whole = fs::read(&path).unwrap();
    let end = lines_of(&path).len();
    let check = |lost: &dyn Fn(usize) -> bool| {
        let mut torn = whole.clone();
        for at in (start..end).step_by(SECTOR).filter(|at| lost(*at)) {
            torn[at..end.min(at + SECTOR)].fill(b' ');
        }
        fs::write(&path, &torn).unwrap();
        assert_eq!(Ledger::read(&path).unwrap().entries, entries);
        Writer::open(&path).unwrap();
        assert_eq!(lines_of(&path), whole[..start]);
    };
    for sector in (start..end).step_by(SECTOR) {
        check(&|at| at == sector);
        check(&|at| at != sector);
        check(&|at| at <= sector);
        check(&|at| sector <= at);
    }
}

/// Returns groups of so many operations each, under keys of their own.
fn groups(sizes: &[usize]) -> Vec<Vec<Record>> {
    let mut keys = (0..).map(|number| OperationKey::new(format!("chk_{number}"), "a").unwrap());
    let entry = |key| Entry {
        key,
        ..declined_entry()
    };
    let group = |size: &usize| {
        keys.by_ref()
            .take(*size)
            .map(|key| Record::from(&entry(key)))
            .collect()
    };
    sizes.iter().map(group).collect()
}

#[test]
fn a_ledger_goes_on_over_its_spaces_and_any_reader_of_json_reads_it() {
    // From a part of a block to several blocks.
    let sizes: Vec<usize> = (0..150)
        .map(|number| if number % 7 == 0 { 1 + number } else { 1 })
        .collect();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ledger.jsonl");
    let mut at = 0;
    for group in groups(&sizes) {
        Writer::open(&path).unwrap().append(&group).unwrap();
        let (lines, all) = (lines_of(&path).len(), fs::read(&path).unwrap().len());
        assert!(at < lines && lines <= all, "{lines} of {all} bytes");
        at = lines;
    }
    let bytes = fs::read(&path).unwrap();
    let values = serde_json::Deserializer::from_slice(&bytes).into_iter::<serde_json::Value>();
    let operations: Vec<usize> = values
        .map(|line| line.unwrap()["ops"].as_array().unwrap().len())
        .collect();
    assert_eq!(operations, sizes);
    assert_eq!(
        Ledger::read(&path).unwrap().entries.len(),
        sizes.iter().sum::<usize>()
    );

    for is_direct in [true, false] {
        let other = home.path().join(format!("ledger-{is_direct}.jsonl"));
        let writer = Writer::open(&other).unwrap();
        let mut writer = if is_direct {
            writer
        } else {
            writer.through_the_cache()
        };
        for group in groups(&sizes) {
            writer.append(&group).unwrap();
        }
        assert!(
            lines_of(&other) == lines_of(&path),
            "one that stays open wrote others"
        );
    }
}

#[tokio::test]
async fn a_ledger_cut_anywhere_in_its_last_line_opens_without_it() {
    let (house, bytes) = three_lines().await;
    let path = house.path();
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(lines.len(), 3);
    let sound = lines[0].len() + lines[1].len();
    for cut in sound..bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let ledger = Ledger::read(&path).unwrap();
        assert_eq!(
            (ledger.entries.len(), ledger.torn_bytes),
            (2, (cut - sound) as u64),
            "cut at {cut}"
        );
        assert_eq!(fs::read(&path).unwrap().len(), cut, "reading must change nothing");

        let again = Sandbox::open(&path, Config::default()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes[..sound], "cut at {cut}");
        assert_eq!(again.outcome(&key("c")).await, Ok(None));
        again.authorize(&key("c"), request("tok_approve")).await.unwrap();
        assert_eq!(Ledger::read(&path).unwrap().entries.len(), 3);
    }
}

#[tokio::test]
async fn a_flipped_byte_is_a_torn_tail_in_the_last_line_and_damage_before_it() {
    let (house, bytes) = three_lines().await;
    let path = house.path();
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let (second, third) = (lines[0].len(), lines[0].len() + lines[1].len());
    for at in second..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        fs::write(&path, &flipped).unwrap();
        match Ledger::read(&path) {
            Ok(ledger) => {
                assert!(third - 1 <= at, "a flip at {at} in the second line went unseen");
                // The end of the second line parts it from the third: without it both are one bad line at the end.
                let entries = if at < third { 1 } else { 2 };
                assert_eq!(ledger.entries.len(), entries, "flip at {at}");
            }
            Err(LedgerError::Damaged { line, .. }) => {
                assert!(
                    at < third - 1 && line == 2,
                    "a flip at {at} is damage in line {line}"
                );
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn an_empty_or_missing_ledger_has_no_entries() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("below").join("ledger.jsonl");
    let empty = Ledger {
        entries: Vec::new(),
        payments: Vec::new(),
        torn_bytes: 0,
    };
    assert_eq!(Ledger::read(&path).unwrap(), empty);
    Sandbox::open(&path, Config::default()).unwrap();
    assert_eq!(Ledger::read(&path).unwrap(), empty);
}

#[test]
fn a_whole_line_of_a_later_release_is_no_torn_tail() {
    let house = House::new(Config::default());
    let operation = serde_json::to_value(Record::from(&declined_entry())).unwrap();
    let known = line("ops", &json!([operation]).to_string());
    for (field, value) in [("fee", json!(3)), ("operation", json!("capture_in_part"))] {
        let mut later = operation.clone();
        later[field] = value;
        let bytes = known.clone() + &line("ops", &json!([later]).to_string());
        fs::write(house.path(), &bytes).unwrap();
        let refused = Sandbox::open(&house.path(), Config::default()).err();
        assert!(
            matches!(refused, Some(LedgerError::Damaged { line: 2, .. })),
            "{field}: {refused:?}"
        );
        assert_eq!(fs::read_to_string(house.path()).unwrap(), bytes, "nothing is cut");
    }
}

/// Returns a line of a ledger with a checksum that is right.
fn line(name: &str, value: &str) -> String {
    let checksum = crc32c::crc32c(value.as_bytes());
    format!("{{\"crc\":\"{checksum:08x}\",\"{name}\":{value}}}\n")
}

fn declined_entry() -> Entry {
    Entry {
        at: cartwright_domain::Timestamp::from_millis(1_700_000_000_000),
        key: key("d"),
        operation: Operation::Authorize,
        payment: Reference::new("sbx_1"),
        checkout: "chk_1".to_owned(),
        amount: eur(1_234),
        declined: Some(decline("card_declined", "the card was declined")),
    }
}

#[test]
fn stored_lines_are_the_golden_ones() {
    let house = House::new(Config::default());
    let operation = concat!(
        r#"{"at":1700000000000,"key":"chk_1/d","operation":"authorize","payment":"sbx_1","#,
        r#""reference":"chk_1","amount":1234,"currency":"EUR","#,
        r#""declined":{"code":"card_declined","message":"the card was declined"}}"#,
    );
    let (earlier, today) = (line("op", operation), line("ops", &format!("[{operation}]")));
    for golden in [&earlier, &today] {
        fs::write(house.path(), golden).unwrap();
        assert_eq!(Ledger::read(&house.path()).unwrap().entries, [declined_entry()]);
    }
    let mut written = Vec::new();
    ledger::encode(&[Record::from(&declined_entry())], &mut written).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), today);
    // A ledger of an earlier build goes on in today's form.
    fs::write(house.path(), &earlier).unwrap();
    let mut writer = Writer::open(&house.path()).unwrap();
    writer.append(&[Record::from(&declined_entry())]).unwrap();
    assert_eq!(lines_of(&house.path()), (earlier + &today).into_bytes());
}
