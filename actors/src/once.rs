//! A use case that is one command: done once under the request's idempotency key, answered from its receipt again.

use crate::engine::Engine;
use crate::request::{Done, Outcome, Refused, Request};
use crate::runtime::{Answer, AskError, Entities, Opened, Published, Ticket, TicketMode};
use cartwright_domain::id::SETTINGS_ID;
use cartwright_domain::{Command, Create, Entity, Problem, Refusal, identity, settings};
use cartwright_storage::Receipt;
use std::future::Future;
use std::sync::Arc;

/// What a use case shows of an entity: one committed state.
pub type Shown<E> = Arc<Published<E>>;

impl<X: Refusal> From<AskError<X>> for Refused {
    fn from(error: AskError<X>) -> Self {
        let replayed = matches!(error, AskError::Replayed(_));
        Self {
            problem: error.into(),
            replayed,
        }
    }
}

impl Engine {
    /// Runs a use case under the request's idempotency key: `fresh` the first time, `replay` from the receipt on.
    ///
    /// A refusal that comes from gathering facts, before any entity could keep it, is kept here.
    pub(crate) async fn once<T, F, R>(
        &self,
        request: &Request,
        fresh: impl FnOnce(Option<Ticket>) -> F,
        replay: impl FnOnce(Box<Receipt>) -> R,
    ) -> Outcome<T>
    where
        F: Future<Output = Outcome<T>> + Send,
        R: Future<Output = Result<T, Refused>> + Send,
    {
        match self.open(request, TicketMode::Answer).await? {
            Opened::Known(receipt) => Ok(Done {
                value: replay(receipt).await?,
                replayed: true,
            }),
            Opened::Fresh(ticket) => {
                let outcome = fresh(ticket.clone()).await;
                if let Err(refused) = &outcome {
                    self.keep_refusal(request, ticket, refused).await;
                }
                outcome
            }
        }
    }

    /// Runs one command on an entity.
    pub(crate) async fn run<E: Entity, C: Command<E>>(
        &self,
        entities: &Entities<E>,
        id: E::Id,
        command: C,
        request: &Request,
    ) -> Outcome<Shown<E>> {
        let fresh = |ticket| async move {
            let answer = entities.ask(id, command, request.ask().ticket(ticket)).await?;
            shown(answer)
        };
        self.once(request, fresh, |receipt| {
            replayed::<E, C::Reply>(entities, receipt)
        })
        .await
    }

    /// Creates one entity.
    pub(crate) async fn make<E: Entity, C: Create<E>>(
        &self,
        entities: &Entities<E>,
        id: E::Id,
        command: C,
        request: &Request,
    ) -> Outcome<Shown<E>> {
        let fresh = |ticket| async move {
            let answer = entities.create(id, command, request.ask().ticket(ticket)).await?;
            shown(answer)
        };
        self.once(request, fresh, |receipt| {
            replayed::<E, C::Reply>(entities, receipt)
        })
        .await
    }

    /// Keeps a final refusal under the caller's key, at the caller's session or, for staff, at the settings.
    ///
    /// Whether it could be kept does not change the answer; one that an entity has kept already stays as it is.
    pub(crate) async fn keep_refusal(&self, request: &Request, ticket: Option<Ticket>, refused: &Refused) {
        let Some(ticket) = ticket else { return };
        if refused.replayed || !refused.problem.class.is_final() {
            return;
        }
        let ask = request.ask().if_match(None).ticket(Some(ticket));
        let problem = refused.problem.clone();
        match request.caller.session {
            Some(session) => {
                let _ = self
                    .kinds()
                    .sessions
                    .ask(session, identity::KeepRefusal { problem }, ask)
                    .await;
            }
            None => {
                let _ = self
                    .kinds()
                    .settings
                    .ask(SETTINGS_ID, settings::KeepRefusal { problem }, ask)
                    .await;
            }
        }
    }
}

/// Answers from a receipt with the entity's current state.
pub(crate) async fn replayed<E: Entity, R: serde::de::DeserializeOwned>(
    entities: &Entities<E>,
    receipt: Box<Receipt>,
) -> Result<Shown<E>, Refused> {
    let answer: Answer<R, E> = entities.replay(&receipt).await?;
    answer.state.ok_or_else(|| gone::<E>())
}

/// Returns an answer's state as what the use case shows.
pub(crate) fn shown<R, E: Entity>(answer: Answer<R, E>) -> Outcome<Shown<E>> {
    let value = answer.state.ok_or_else(|| gone::<E>())?;
    Ok(Done {
        value,
        replayed: answer.replayed,
    })
}

/// Says that an entity is not there.
pub(crate) fn gone<E: Entity>() -> Refused {
    let code = format!("{}.not_found", E::KIND);
    Refused::from(Problem::new(
        cartwright_domain::Class::NotFound,
        &code,
        format!("there is no such {}", E::KIND.name().replace('_', " ")),
    ))
}
