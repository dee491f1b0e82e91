//! Staff keys and the tokens they sign.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::auth::{Created, IssueError, KeyError, StaffKeys, TOKEN_DAYS_MAX, TokenRefused};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    signature::Ed25519KeyPair,
};
use cartwright_domain::{
    Timestamp,
    caller::{Role, Staff},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// 1,700,000,000.5 s: half way through a second.
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_500);
const SECONDS: i64 = 1_700_000_000;
const DAY: i64 = 86_400;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn ada() -> Staff {
    Staff {
        subject: "ada".to_owned(),
        role: Role::Admin,
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_makes_a_key_that_only_its_owner_may_read() {
    let home = tempfile::tempdir().unwrap();
    let (first, created) = StaffKeys::load_or_create(home.path()).unwrap();
    assert_eq!(created, Created::New);
    assert_eq!(mode(&home.path().join("keys")), 0o700);
    assert_eq!(mode(&home.path().join("keys/staff.ed25519")), 0o600);

    let token = first.issue("ada", Role::Admin, 1, NOW).unwrap();
    let (again, created) = StaffKeys::load_or_create(home.path()).unwrap();
    assert_eq!(created, Created::Existing);
    assert_eq!(again.verify(&token, NOW), Ok(ada()));
    assert_eq!(
        StaffKeys::load(home.path()).unwrap().verify(&token, NOW),
        Ok(ada())
    );
    let files: Vec<_> = fs::read_dir(home.path().join("keys")).unwrap().collect();
    assert_eq!(files.len(), 1);
}

#[test]
fn a_key_left_half_made_is_made_again() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("keys")).unwrap();
    fs::write(home.path().join("keys/staff.ed25519.new"), "half").unwrap();
    assert_eq!(StaffKeys::load_or_create(home.path()).unwrap().1, Created::New);
    assert_eq!(mode(&home.path().join("keys")), 0o700);
}

#[test]
fn a_key_that_is_exposed_damaged_or_missing_is_refused() {
    let home = tempfile::tempdir().unwrap();
    assert!(matches!(StaffKeys::load(home.path()), Err(KeyError::Io { .. })));
    StaffKeys::load_or_create(home.path()).unwrap();
    let path = home.path().join("keys/staff.ed25519");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(
        StaffKeys::load_or_create(home.path()),
        Err(KeyError::Exposed { mode: 0o640, .. })
    ));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "no key").unwrap();
    assert!(matches!(
        StaffKeys::load_or_create(home.path()),
        Err(KeyError::Damaged { .. })
    ));
    assert_eq!(fs::read(&path).unwrap(), b"no key");
}

#[test]
fn a_key_with_any_byte_changed_is_refused_or_the_same() {
    let home = tempfile::tempdir().unwrap();
    let (keys, _) = StaffKeys::load_or_create(home.path()).unwrap();
    let token = keys.issue("ada", Role::Admin, 1, NOW).unwrap();
    let path = home.path().join("keys/staff.ed25519");
    let document = fs::read(&path).unwrap();
    for (at, bit) in (0..document.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut changed = document.clone();
        changed[at] ^= 1 << bit;
        fs::write(&path, &changed).unwrap();
        match StaffKeys::load(home.path()) {
            Err(KeyError::Damaged { .. }) => {}
            Err(other) => panic!("byte {at}, bit {bit}: {other}"),
            Ok(keys) => assert_eq!(keys.verify(&token, NOW), Ok(ada()), "byte {at}, bit {bit}"),
        }
    }
}

#[test]
fn a_key_without_its_public_half_is_read_as_earlier_versions_made_it() {
    let home = tempfile::tempdir().unwrap();
    let pair = Ed25519KeyPair::generate().unwrap();
    let document: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let path = home.path().join("keys/staff.ed25519");
    fs::create_dir(home.path().join("keys")).unwrap();
    fs::write(&path, document.as_ref()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let (keys, created) = StaffKeys::load_or_create(home.path()).unwrap();
    assert_eq!(created, Created::Existing);
    let token = keys.issue("ada", Role::Admin, 1, NOW).unwrap();
    assert_eq!(keys.verify(&token, NOW), Ok(ada()));
}

#[test]
fn a_token_counts_until_the_second_of_its_end() {
    let home = tempfile::tempdir().unwrap();
    let (keys, _) = StaffKeys::load_or_create(home.path()).unwrap();
    let token = keys.issue("ada", Role::Admin, 30, NOW).unwrap();
    let check = |now: Timestamp, expected: Result<Staff, TokenRefused>| {
        assert_eq!(keys.verify(&token, now), expected, "{now:?}");
    };
    check(NOW, Ok(ada()));
    check(at(SECONDS + 30 * DAY - 1), Ok(ada()));
    check(at(SECONDS + 30 * DAY), Err(TokenRefused::Expired));
    check(at(SECONDS + 31 * DAY), Err(TokenRefused::Expired));
}

#[test]
fn a_token_names_whoever_has_it_in_one_line() {
    let home = tempfile::tempdir().unwrap();
    let (keys, _) = StaffKeys::load_or_create(home.path()).unwrap();
    let longest = "x".repeat(100);
    for name in ["till-7", "Ada Lovelace", &longest] {
        assert!(keys.issue(name, Role::Admin, 1, NOW).is_ok(), "{name}");
    }
    for name in ["", " ", " till", "two\nlines", &format!("{longest}x")] {
        let issued = keys.issue(name, Role::Admin, 1, NOW);
        assert!(matches!(issued, Err(IssueError::Name)), "{name:?}");
    }
}

#[test]
fn a_token_is_valid_for_a_day_to_ten_years() {
    let home = tempfile::tempdir().unwrap();
    let (keys, _) = StaffKeys::load_or_create(home.path()).unwrap();
    assert!(keys.issue("ada", Role::Admin, 1, NOW).is_ok());
    assert!(keys.issue("ada", Role::Admin, TOKEN_DAYS_MAX, NOW).is_ok());
    for days in [0, TOKEN_DAYS_MAX + 1] {
        assert!(
            matches!(
                keys.issue("ada", Role::Admin, days, NOW),
                Err(IssueError::Days { .. })
            ),
            "{days}"
        );
    }
}

#[test]
fn a_token_that_this_store_did_not_sign_as_it_signs_is_refused() {
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (keys, _) = StaffKeys::load_or_create(home.path()).unwrap();
    let (others, _) = StaffKeys::load_or_create(other.path()).unwrap();
    let document = fs::read(home.path().join("keys/staff.ed25519")).unwrap();
    let own = EncodingKey::from_ed_der(&document);
    let claims =
        json!({"iss": "cartwright", "sub": "ada", "role": "admin", "iat": SECONDS, "exp": SECONDS + DAY});
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        encode(&Header::new(Algorithm::EdDSA), &claims, &own).unwrap()
    };
    let check = |token: &str, expected: Result<Staff, TokenRefused>| {
        assert_eq!(keys.verify(token, NOW), expected, "{token}");
    };
    check(&with("sub", json!("ada")), Ok(ada()));
    check(&with("iss", json!("somebody")), Err(TokenRefused::Invalid));
    check(&with("role", json!("owner")), Err(TokenRefused::Invalid));
    check(&with("exp", json!(null)), Err(TokenRefused::Invalid));
    check(&with("exp", json!("tomorrow")), Err(TokenRefused::Invalid));
    check(&with("nbf", json!(SECONDS)), Ok(ada()));
    check(&with("nbf", json!(SECONDS + 1)), Err(TokenRefused::NotYet));
    let critical = Header {
        crit: Some(vec!["b64".to_owned()]),
        ..Header::new(Algorithm::EdDSA)
    };
    check(
        &encode(&critical, &claims, &own).unwrap(),
        Err(TokenRefused::Invalid),
    );
    check(
        &others.issue("ada", Role::Admin, 1, NOW).unwrap(),
        Err(TokenRefused::Invalid),
    );

    // Signed with what everybody may know, by an algorithm the token itself names.
    let public = EncodingKey::from_secret(b"");
    check(
        &encode(&Header::new(Algorithm::HS256), &claims, &public).unwrap(),
        Err(TokenRefused::Invalid),
    );
    let valid = with("sub", json!("ada"));
    let (_, rest) = valid.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    check(&format!("{none}.{body}."), Err(TokenRefused::Invalid));
    check(&format!("{none}.{body}.{signature}"), Err(TokenRefused::Invalid));
    for token in ["", ".", "..", "a.b.c"] {
        check(token, Err(TokenRefused::Invalid));
    }
}
