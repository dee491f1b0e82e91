//! Staff tokens: JSON Web Tokens signed with this store's own key.
//!
//! The algorithm is EdDSA and is not read from the token. Whoever holds the key file can issue tokens; it lies in
//! the data directory, for the engine's user alone (ADR 0007).

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V2Der},
    signature::{Ed25519KeyPair, KeyPair},
};
use cartwright_domain::{
    Timestamp,
    caller::{Role, Staff},
    text,
};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode, errors::ErrorKind,
};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

/// How long a token is valid unless its issuer says otherwise, in days.
pub const TOKEN_DAYS_DEFAULT: u32 = 30;
/// The longest a token may be valid, in days.
pub const TOKEN_DAYS_MAX: u32 = 3_650;
/// The longest name of whoever has a token, in characters.
const NAME_MAX: usize = 100;

/// The directory of keys in the data directory.
const DIRECTORY: &str = "keys";
/// The key file in it.
const FILE: &str = "staff.ed25519";
/// Only the owner may look into the directory.
const DIRECTORY_MODE: u32 = 0o700;
/// Only the owner may read the key.
const FILE_MODE: u32 = 0o600;
/// What is neither the owner's nor a permission: the mode bits of everybody else.
const OTHERS: u32 = 0o077;
/// How many good tokens are remembered.
const CHECKED_MAX: usize = 1_024;
/// Who issues the tokens.
const ISSUER: &str = "cartwright";
/// Milliseconds in a second; tokens count seconds.
const MILLIS: i64 = 1_000;
/// Seconds in a day.
const DAY: i64 = 24 * 60 * 60;

/// The key that signs and checks staff tokens.
pub struct StaffKeys {
    signing: EncodingKey,
    checking: DecodingKey,
    /// Tokens whose signature was found good. Checking one again would cost more than most requests.
    checked: Cache<String, Arc<Claims>>,
}

/// Whether the key was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// This is the first start, or the key was taken away: it was made now.
    New,
    /// It was made at an earlier start.
    Existing,
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    role: String,
    /// When it was issued, in seconds since 1970.
    iat: i64,
    /// When it ends, in seconds since 1970.
    exp: i64,
    /// When it begins, in seconds since 1970. Tokens that are issued here begin at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file or its directory cannot be used.
    #[error("cannot use the staff key {path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is there and holds no key.
    #[error("the staff key {path} is not an Ed25519 key; restore it, or remove it to have a new one made, which ends every token", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner may read it.
    #[error("the staff key {path} may be read by others (mode {mode:o}); run: chmod 600 {path}", path = path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

/// Why a token was not issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The time is not one a token may have.
    #[error("a token is valid for 1 to {TOKEN_DAYS_MAX} days, not {days}")]
    Days {
        /// What was asked for.
        days: u32,
    },
    /// The name is not one that can stand in a history.
    #[error("the name of a token is one line of 1 to {NAME_MAX} characters without blanks at its ends")]
    Name,
    /// The key does not sign.
    #[error("the token cannot be signed")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// It was not signed by this store, or says what no token of ours says.
    #[error("the token is not one of this store's")]
    Invalid,
    /// Its time is over.
    #[error("the token has expired; issue another with cartwright token")]
    Expired,
    /// Its time has not begun.
    #[error("the token is not valid yet; issue another with cartwright token")]
    NotYet,
}

impl TokenRefused {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Invalid, Self::Expired, Self::NotYet];

    /// Returns the stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invalid => "auth.token_invalid",
            Self::Expired => "auth.token_expired",
            Self::NotYet => "auth.token_not_yet",
        }
    }
}

impl StaffKeys {
    /// Loads the key of a data directory, or makes one where there is none.
    ///
    /// # Errors
    /// See [`KeyError`]. A key that others may read is refused.
    pub fn load_or_create(data: &Path) -> Result<(Self, Created), KeyError> {
        let path = data.join(DIRECTORY).join(FILE);
        match Self::load(data) {
            Err(KeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            loaded => return Ok((loaded?, Created::Existing)),
        }
        let failed = |source| KeyError::Io {
            path: path.clone(),
            source,
        };
        create(data, &path).map_err(failed)?;
        Ok((Self::load(data)?, Created::New))
    }

    /// Loads the key of a data directory, which an earlier start made.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn load(data: &Path) -> Result<Self, KeyError> {
        let path = data.join(DIRECTORY).join(FILE);
        let failed = |source| KeyError::Io {
            path: path.clone(),
            source,
        };
        let mode = fs::metadata(&path).map_err(failed)?.permissions().mode();
        if mode & OTHERS != 0 {
            return Err(KeyError::Exposed {
                path,
                mode: mode & 0o777,
            });
        }
        let document = fs::read(&path).map_err(failed)?;
        let pair =
            Ed25519KeyPair::from_pkcs8(&document).map_err(|_| KeyError::Damaged { path: path.clone() })?;
        Ok(Self {
            signing: EncodingKey::from_ed_der(&document),
            checking: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            checked: Cache::new(CHECKED_MAX),
        })
    }

    /// Issues a token for a member of staff. Histories name them so, and idempotency keys of the same name are the same.
    ///
    /// # Errors
    /// See [`IssueError`].
    pub fn issue(&self, subject: &str, role: Role, days: u32, now: Timestamp) -> Result<String, IssueError> {
        if days == 0 || TOKEN_DAYS_MAX < days {
            return Err(IssueError::Days { days });
        }
        if !text::line(subject, NAME_MAX).is_ok_and(|line| line == subject) {
            return Err(IssueError::Name);
        }
        let iat = now.millis().div_euclid(MILLIS);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: subject.to_owned(),
            role: role_name(role).to_owned(),
            iat,
            exp: iat.saturating_add(i64::from(days) * DAY),
            nbf: None,
        };
        Ok(encode(&Header::new(Algorithm::EdDSA), &claims, &self.signing)?)
    }

    /// Returns the member of staff a token names. It counts until, not at, the second of its end.
    ///
    /// # Errors
    /// See [`TokenRefused`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Staff, TokenRefused> {
        let claims = match self.checked.get(token) {
            Some(claims) => claims,
            None => {
                let claims = Arc::new(self.check(token)?);
                self.checked.insert(token.to_owned(), Arc::clone(&claims));
                claims
            }
        };
        let now = now.millis().div_euclid(MILLIS);
        if claims.exp <= now {
            return Err(TokenRefused::Expired);
        }
        if claims.nbf.is_some_and(|begin| now < begin) {
            return Err(TokenRefused::NotYet);
        }
        let role = role_of(&claims.role).ok_or(TokenRefused::Invalid)?;
        Ok(Staff {
            subject: claims.sub.clone(),
            role,
        })
    }

    /// Checks a token's signature and form, not its time.
    fn check(&self, token: &str) -> Result<Claims, TokenRefused> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["iss", "sub", "exp"]);
        // The library would ask the wall clock.
        validation.validate_exp = false;
        let data = decode::<Claims>(token, &self.checking, &validation);
        let data = data.map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => TokenRefused::Expired,
            _ => TokenRefused::Invalid,
        })?;
        // It asks for more than is understood here (RFC 7515, section 4.1.11).
        if data.header.crit.is_some() {
            return Err(TokenRefused::Invalid);
        }
        Ok(data.claims)
    }
}

/// Makes a key: written aside, synced, and renamed, so that a crash leaves a whole one or none.
fn create(data: &Path, path: &Path) -> io::Result<()> {
    let directory = data.join(DIRECTORY);
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(&directory)?;
    fs::set_permissions(&directory, Permissions::from_mode(DIRECTORY_MODE))?;
    let pair = Ed25519KeyPair::generate().map_err(io::Error::other)?;
    // With its public half, which tells a damaged key from another one.
    let document: Pkcs8V2Der<'_> = pair.as_der().map_err(io::Error::other)?;
    let aside = directory.join(format!("{FILE}.new"));
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(&aside)?;
    file.write_all(document.as_ref())?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    File::open(&directory)?.sync_all()?;
    File::open(data)?.sync_all()
}

/// Returns a role's stable name in tokens.
const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
    }
}

fn role_of(name: &str) -> Option<Role> {
    [Role::Admin].into_iter().find(|role| role_name(*role) == name)
}
