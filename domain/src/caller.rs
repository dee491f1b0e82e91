//! Who asks: the levels and roles of SEMANTICS section 8.

use crate::id::SessionId;
use serde::{Deserialize, Serialize};

/// Who a request comes from. Ownership comes from the session, permission from the staff token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The shopper's session, where the request carried one.
    pub session: Option<SessionId>,
    /// The staff member, where the request carried a valid token.
    pub staff: Option<Staff>,
    /// Set for the engine's own work: timers, sagas, subscribers.
    pub engine: Option<String>,
}

/// A member of staff, as their token names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staff {
    /// The token's subject.
    pub subject: String,
    /// What they may do.
    pub role: Role,
}

/// What a member of staff may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Everything.
    Admin,
}

impl Caller {
    /// Returns a caller that has nothing but a session.
    pub fn of_session(session: SessionId) -> Self {
        Self {
            session: Some(session),
            ..Self::default()
        }
    }

    /// Returns a caller that is a member of staff, without a session.
    pub fn of_staff(subject: impl Into<String>, role: Role) -> Self {
        Self {
            staff: Some(Staff {
                subject: subject.into(),
                role,
            }),
            ..Self::default()
        }
    }

    /// Returns the engine itself, acting as the named part.
    pub fn engine(part: impl Into<String>) -> Self {
        Self {
            engine: Some(part.into()),
            ..Self::default()
        }
    }

    /// Tells whether a staff token came with the request.
    pub fn is_staff(&self) -> bool {
        self.staff.is_some()
    }

    /// Returns who is named in histories, events and receipts: `staff:<subject>`, `session:<id>`, `engine:<part>`
    /// or `anonymous`.
    pub fn name(&self) -> String {
        // In pieces and not as formats: every change has one.
        match (&self.staff, &self.session, &self.engine) {
            (Some(staff), _, _) => ["staff:", &staff.subject].concat(),
            (None, Some(session), _) => ["session:", &session.to_string()].concat(),
            (None, None, Some(part)) => ["engine:", part].concat(),
            (None, None, None) => "anonymous".to_owned(),
        }
    }
}
