//! A use case that is one command: done once under the request's idempotency key, answered from its receipt again.

use crate::engine::{Engine, unreadable};
use crate::request::{Done, Outcome, Refused, Request};
use crate::runtime::{Answer, AskError, Entities, Opened, Published, Ticket, TicketMode};
use cartwright_domain::id::SETTINGS_ID;
use cartwright_domain::settings::Settings;
use cartwright_domain::{Command, Create, Entity, Problem, Refusal, Revision, identity, settings};
use cartwright_storage::{Fault, Receipt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::{Future, ready};
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
        // Bound first: what a `match` looks at is there until its last arm, and would be part of the future beside them.
        let opened = self.open(request, TicketMode::Answer).await?;
        match opened {
            Opened::Known(receipt) => Ok(Done {
                value: Box::pin(replay(receipt)).await?,
                replayed: true,
            }),
            Opened::Fresh(ticket) => {
                // In a box: a future is copied whole on its way down through the edge, and this one is large.
                let refused = match Box::pin(fresh(ticket.clone())).await {
                    Ok(done) => return Ok(done),
                    Err(refused) => refused,
                };
                let receipt = Box::pin(self.keep_refusal(request, ticket, refused)).await?;
                Ok(Done {
                    value: Box::pin(replay(receipt)).await?,
                    replayed: true,
                })
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
        self.run_on_facts(entities, id, ready(Ok(command)), request).await
    }

    /// Erases something that carts are priced by, and keeps when: what was shown before may have cost something else.
    pub(crate) async fn erase_rule<E: Entity, C: Command<E>>(
        &self,
        rules: &Entities<E>,
        id: E::Id,
        command: C,
        request: &Request,
    ) -> Outcome<()> {
        let erased = rules.removing(rules.ask(id, command, request.ask()));
        let answer = erased.await.map_err(unreadable)??;
        Ok(Done {
            value: (),
            replayed: answer.replayed,
        })
    }

    /// Runs one command that is made of facts on an entity. They are gathered the first time only, and what they refuse is
    /// kept under the request's key like any other refusal.
    pub(crate) async fn run_on_facts<E: Entity, C: Command<E>>(
        &self,
        entities: &Entities<E>,
        id: E::Id,
        command: impl Future<Output = Result<C, Refused>> + Send,
        request: &Request,
    ) -> Outcome<Shown<E>> {
        let fresh = |ticket| async move {
            let command = command.await?;
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
        self.make_on_facts(entities, id, ready(Ok(command)), request)
            .await
    }

    /// Creates one entity by a command that is made of facts. They are gathered the first time only: what was made under
    /// a key is answered again also where it could not be made any more.
    pub(crate) async fn make_on_facts<E: Entity, C: Create<E>>(
        &self,
        entities: &Entities<E>,
        id: E::Id,
        command: impl Future<Output = Result<C, Refused>> + Send,
        request: &Request,
    ) -> Outcome<Shown<E>> {
        let fresh = |ticket| async move {
            let command = command.await?;
            let answer = entities
                .create(id, command, request.ask().ticket(ticket).fresh())
                .await?;
            shown(answer)
        };
        self.once(request, fresh, |receipt| {
            replayed::<E, C::Reply>(entities, receipt)
        })
        .await
    }

    /// Does the work of a member of staff's request, which may be many commands, and keeps what it came to under their
    /// key, at the settings: asked again it is that, and nothing is done.
    ///
    /// Whoever did not come to its end does it again under the same key, so each step must bear that.
    pub(crate) async fn kept<R, F>(&self, request: &Request, work: impl FnOnce() -> F) -> Outcome<R>
    where
        R: Serialize + DeserializeOwned + Send + 'static,
        F: Future<Output = Result<R, Refused>> + Send,
    {
        self.kept_where(request, work, |_| true).await
    }

    /// As [`Engine::kept`], where what the work came to is worth to be kept: else it is done again when it is asked again.
    pub(crate) async fn kept_where<R, F>(
        &self,
        request: &Request,
        work: impl FnOnce() -> F,
        is_kept: impl FnOnce(&R) -> bool + Send,
    ) -> Outcome<R>
    where
        R: Serialize + DeserializeOwned + Send + 'static,
        F: Future<Output = Result<R, Refused>> + Send,
    {
        let settings = &self.kinds().settings;
        let work = work();
        let fresh = |ticket: Option<Ticket>| async move {
            let reply = work.await?;
            let Some(ticket) = ticket.filter(|_| is_kept(&reply)) else {
                return Ok(Done::fresh(reply));
            };
            let ask = request.ask().if_match(None).ticket(Some(ticket));
            let answer = settings
                .ask(SETTINGS_ID, settings::KeepReply { reply }, ask)
                .await?;
            Ok(Done {
                value: answer.reply,
                replayed: answer.replayed,
            })
        };
        let replay = |receipt: Box<Receipt>| async move {
            let answer: Answer<R, Settings> = settings.replay(&receipt).await?;
            Ok(answer.reply)
        };
        self.once(request, fresh, replay).await
    }

    /// Keeps a final refusal under the caller's key, at the session whose key it is or, for staff, at the settings, and
    /// returns it as the answer.
    ///
    /// It is told only once it is kept: an earlier try under the same key may still be under way, and what that comes
    /// to is then the answer.
    ///
    /// # Errors
    /// The refusal; or a technical one, when it is not known whether it was kept. Otherwise there is the receipt of an
    /// earlier try to answer from.
    pub(crate) async fn keep_refusal(
        &self,
        request: &Request,
        ticket: Option<Ticket>,
        refused: Refused,
    ) -> Result<Box<Receipt>, Refused> {
        let Some(ticket) = ticket else { return Err(refused) };
        if refused.replayed || !refused.problem.class.is_final() {
            return Err(refused);
        }
        let refused = Refused {
            problem: refused.problem.bounded(),
            ..refused
        };
        let ask = request.ask().if_match(None).ticket(Some(ticket));
        let problem = refused.problem.clone();
        let owner = request.idempotency.as_ref().map(|key| &key.caller);
        let kept = match owner.and_then(|owner| owner.session) {
            Some(session) => {
                let command = identity::KeepRefusal { problem };
                let kept = self.kinds().sessions.ask(session, command, ask).await;
                Keeping::of(kept, &refused.problem)
            }
            None => {
                let command = settings::KeepRefusal { problem };
                let kept = self.kinds().settings.ask(SETTINGS_ID, command, ask).await;
                Keeping::of(kept, &refused.problem)
            }
        };
        match kept {
            Keeping::Kept => Err(refused),
            Keeping::Failed(failed) => Err(failed),
            Keeping::Unclear => match self.open(request, TicketMode::Answer).await? {
                Opened::Known(receipt) => Ok(receipt),
                // There is nobody to keep it: a session that is gone.
                Opened::Fresh(_) => Err(refused),
            },
        }
    }
}

/// What came of keeping a refusal.
enum Keeping {
    /// It is kept, now or by whoever refused.
    Kept,
    /// That is not known.
    Failed(Refused),
    /// Something else may be kept under the key.
    Unclear,
}

impl Keeping {
    fn of<R, E: Entity<Error = X>, X: Refusal>(
        kept: Result<Answer<R, E>, AskError<X>>,
        problem: &Problem,
    ) -> Self {
        match kept {
            Err(AskError::Refused(_)) => Self::Kept,
            Err(AskError::Replayed(earlier)) if earlier == *problem => Self::Kept,
            Err(
                failed @ (AskError::Overloaded { .. }
                | AskError::Expired
                | AskError::Retry { .. }
                | AskError::Quarantined { .. }
                | AskError::Internal(_)
                // Who would keep it cannot be read now.
                | AskError::Fault(Fault::Busy | Fault::Io(_))),
            ) => Self::Failed(failed.into()),
            Ok(_)
            | Err(
                AskError::Replayed(_)
                | AskError::NotFound { .. }
                | AskError::AlreadyExists { .. }
                | AskError::Stale { .. }
                | AskError::KeyTaken { .. }
                | AskError::KeyReused
                | AskError::InProgress { .. }
                | AskError::StepForbidden { .. }
                | AskError::TooLarge(_)
                // The reply of what was done instead does not read as this one.
                | AskError::Fault(_),
            ) => Self::Unclear,
        }
    }
}

/// Answers from a receipt with the entity's current state.
pub(crate) async fn replayed<E: Entity, R: DeserializeOwned>(
    entities: &Entities<E>,
    receipt: Box<Receipt>,
) -> Result<Shown<E>, Refused> {
    let answer: Answer<R, E> = entities.replay(&receipt).await?;
    there(answer.state, true)
}

/// Returns an answer's state as what the use case shows.
pub(crate) fn shown<R, E: Entity>(answer: Answer<R, E>) -> Outcome<Shown<E>> {
    let replayed = answer.replayed;
    let value = there(answer.state, replayed)?;
    Ok(Done { value, replayed })
}

/// Refuses a request that expects a version of what is not there: that has none but 0.
pub(crate) fn require_no_version<E: Entity>(request: &Request) -> Result<(), Refused> {
    match request.if_match {
        None | Some(Revision(0)) => Ok(()),
        Some(_) => Err(AskError::<E::Error>::Stale {
            current: Revision::default(),
        }
        .into()),
    }
}

/// Returns the state of what was asked for, now or before under the same key, and says where it is not there any more.
pub(crate) fn there<E: Entity>(state: Option<Shown<E>>, replayed: bool) -> Result<Shown<E>, Refused> {
    state.ok_or_else(|| Refused {
        replayed,
        ..gone::<E>()
    })
}

/// Says that an entity is not there.
pub(crate) fn gone<E: Entity>() -> Refused {
    let code = format!("{}.not_found", E::KIND);
    Refused::from(Problem::new(
        cartwright_domain::Class::NotFound,
        &code,
        format!("there is no such {}", E::KIND.in_words()),
    ))
}
