//! Who asks: the levels and roles of SEMANTICS section 8.

use crate::id::SessionId;
use serde::{Deserialize, Serialize};

/// What the names of staff begin with.
const STAFF: &str = "staff:";

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

    /// Returns who is named in histories and events: `staff:<subject>`, `session:<id>`, `engine:<part>` or `anonymous`.
    pub fn name(&self) -> String {
        // In pieces and not as formats: every change has one.
        match (&self.staff, &self.session, &self.engine) {
            (Some(staff), _, _) => [STAFF, &staff.subject].concat(),
            (None, Some(session), _) => ["session:", &session.to_string()].concat(),
            (None, None, Some(part)) => ["engine:", part].concat(),
            (None, None, None) => "anonymous".to_owned(),
        }
    }

    /// Tells whether a name, as `name` returns it or within a longer text, is that of a member of staff.
    pub fn names_staff(name: &str) -> bool {
        name.contains(STAFF)
    }

    /// Returns whose idempotency keys the caller's are: staff's, the session's or, with both, those of staff in this
    /// session. A caller with neither has none.
    pub fn key_scope(&self) -> Option<String> {
        match (&self.session, &self.staff) {
            // The session first: its id has no space, and whoever stands behind one is staff.
            (Some(session), Some(staff)) => Some(format!("session:{session} {STAFF}{}", staff.subject)),
            (Some(_), None) | (None, Some(_)) => Some(self.name()),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::EntityId;
    use uuid::Uuid;

    #[test]
    fn keys_are_scoped_to_staff_and_session_together() {
        let staff = Caller::of_staff("ada", Role::Admin);
        let sessions = [1, 2].map(|n| Caller::of_session(SessionId::from_uuid(Uuid::from_u128(n))));
        let both = sessions.clone().map(|of_session| Caller {
            session: of_session.session,
            ..staff.clone()
        });
        for (caller, name) in both.iter().zip(&sessions).map(|(both, one)| (both, one.name())) {
            assert_eq!(caller.name(), "staff:ada");
            assert_eq!(caller.key_scope(), Some(format!("{name} staff:ada")));
        }
        assert_eq!(staff.key_scope(), Some("staff:ada".to_owned()));
        assert_eq!(sessions[0].key_scope(), Some(sessions[0].name()));
        assert_eq!(Caller::engine("checkout").key_scope(), None);
        assert_eq!(Caller::default().key_scope(), None);
    }
}
