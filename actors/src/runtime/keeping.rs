//! What a command leaves besides the state: receipts under the ask's keys, and its facts.

use crate::runtime::ask::Ask;
use crate::runtime::envelope::LookedUp;
use crate::runtime::receipts::TicketMode;
use crate::runtime::steps::Steps;
use cartwright_domain::{Caller, EntityKey, EventBody, Revision, Timestamp};
use cartwright_storage::codec::{self, Unstorable};
use cartwright_storage::{Outcome, Position, Receipt, ReceiptChange, ReceiptKey, ReceiptPut, Recorded};

/// An ask's outcome, which is kept under the ask's keys.
pub(super) struct Keeping<'a> {
    pub(super) ask: &'a Ask,
    pub(super) looked_up: LookedUp,
    pub(super) outcome: Outcome,
}

impl Keeping<'_> {
    /// Makes the receipts, and remembers those of steps.
    pub(super) fn receipts(self, entity: EntityKey, revision: Revision, steps: &mut Steps) -> ReceiptChange {
        let Self {
            ask,
            looked_up,
            outcome,
        } = self;
        let mut put = Vec::new();
        if let Some(ticket) = &ask.ticket {
            let outcome = match (ticket.mode, &outcome) {
                (TicketMode::Running, Outcome::Done(_)) => Outcome::Running,
                (TicketMode::Running | TicketMode::Answer, _) => outcome.clone(),
            };
            let receipt = Receipt {
                key: ticket.receipt_key(),
                fingerprint: ticket.fingerprint,
                entity,
                revision,
                outcome,
                expires_at: Some(ticket.expires_at),
            };
            put.push(ReceiptPut {
                receipt,
                replaces: ticket.replaces,
                absent_as_of: ticket.absent_as_of,
            });
        }
        if let Some(step) = ask.step {
            let forbidden = step
                .forbids
                .filter(|forbidden| looked_up.forbids && steps.outcome(step.saga, forbidden).is_none());
            let outcomes = std::iter::once((step.step, outcome))
                .chain(forbidden.map(|forbidden| (forbidden, Outcome::Forbidden)));
            for (name, outcome) in outcomes {
                let key = ReceiptKey::step(step.saga, name, entity);
                steps.remember(&key, &outcome);
                let fingerprint = [0; 32];
                let receipt = Receipt {
                    key,
                    fingerprint,
                    entity,
                    revision,
                    outcome,
                    expires_at: None,
                };
                put.push(ReceiptPut {
                    receipt,
                    replaces: None,
                    absent_as_of: looked_up.as_of,
                });
            }
        }
        let mut deleted = ask.deletes.clone();
        if let Some(answer) = &ask.answers {
            let key = answer.key.clone();
            match &answer.outcome {
                None => deleted.push(key),
                Some(outcome) => put.push(ReceiptPut {
                    receipt: Receipt {
                        key,
                        fingerprint: answer.fingerprint,
                        entity,
                        revision,
                        outcome: outcome.clone(),
                        expires_at: Some(answer.expires_at),
                    },
                    replaces: Some(entity),
                    absent_as_of: Position::default(),
                }),
            }
        }
        ReceiptChange { put, deleted }
    }
}

/// Writes facts as they go into the commit.
pub(super) fn record<V: EventBody>(
    events: &[V],
    by: &Caller,
    at: Timestamp,
) -> Result<Vec<Recorded>, Unstorable> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let by = by.name();
    let mut recorded = Vec::with_capacity(events.len());
    for event in events {
        let payload = codec::encode_event(event)?;
        recorded.push(Recorded {
            name: event.name().into(),
            at,
            by: by.clone(),
            payload,
        });
    }
    Ok(recorded)
}
