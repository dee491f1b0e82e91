//! From a letter to what comes back: admission, the step's receipts, delivery, the wait.

use crate::runtime::ask::StepKey;
use crate::runtime::core::Inner;
use crate::runtime::directory::Needs;
use crate::runtime::envelope::{Envelope, Failure, LookedUp, RETRY_AFTER, Returned, Work};
use crate::runtime::head::{Fate, Head};
use crate::runtime::kind::KindShared;
use cartwright_domain::{Entity, EntityId, EntityKey};
use cartwright_storage::{Fault, Receipt, ReceiptFound, ReceiptKey};
use futures::future::{BoxFuture, FutureExt};
use std::sync::Arc;
use tokio::sync::oneshot;

/// The ways from whoever asks an entity to what handles it, as pointers.
///
/// A generic function is compiled anew in each crate that calls it, and the use cases are compiled where they are
/// awaited: a purchase would run through one copy of all this for what its handlers ask, and through another for what its
/// saga asks. Through a pointer it goes to the one that was compiled where the kind is registered.
pub(super) struct Ways<E: Entity> {
    /// [`KindShared::exchange`].
    pub(super) exchange: Exchange<E>,
    /// [`Head::take`].
    pub(super) take: fn(&mut Head<E>, Work<E>) -> Fate,
}

type Exchange<E> = for<'a> fn(
    &'a Arc<KindShared<E>>,
    Box<dyn Envelope<E>>,
    oneshot::Receiver<Returned>,
    bool,
    bool,
) -> BoxFuture<'a, Result<Exchanged, Failure>>;

impl<E: Entity> Ways<E> {
    pub(super) fn new() -> Self {
        Self {
            exchange: KindShared::exchange,
            take: Head::take,
        }
    }
}

/// What came of a letter.
pub(super) enum Exchanged {
    Returned(Returned),
    /// The step was done before, as this receipt says.
    Earlier(Box<Receipt>),
}

/// What a look-up of a step's receipts found.
enum Earlier {
    Done(Box<Receipt>),
    Absent(LookedUp),
}

impl<E: Entity> KindShared<E> {
    /// Delivers a letter, and waits for what comes back. In a box, because it would else be part of every future that asks,
    /// and be there once for each command.
    fn exchange(
        self: &Arc<Self>,
        mut envelope: Box<dyn Envelope<E>>,
        answer: oneshot::Receiver<Returned>,
        creates: bool,
        is_first: bool,
    ) -> BoxFuture<'_, Result<Exchanged, Failure>> {
        async move {
            let runtime = &self.runtime;
            let ask = envelope.ask();
            let (key, deadline, is_fresh) = (envelope.key(), ask.deadline, ask.is_fresh);
            let _admission = runtime.admit(ask.lane)?;
            let step = ask.step;
            let first = step.filter(|_| is_first);
            let known = first.and_then(|step| runtime.births.first_try(step, key));
            let needs = match creates {
                true if is_fresh && (step.is_none() || known.is_some()) => Needs::Nothing,
                true => Needs::Anything,
                false => Needs::Existing,
            };
            envelope.note(match (step, known) {
                (None, _) => LookedUp::default(),
                (Some(_), Some(as_of)) => LookedUp {
                    as_of,
                    forbids: false,
                },
                (Some(step), None) => match runtime.look_up(key, step).await.map_err(Failure::Fault)? {
                    Earlier::Done(receipt) => return Ok(Exchanged::Earlier(receipt)),
                    Earlier::Absent(looked_up) => looked_up,
                },
            });
            let id = E::Id::from_uuid(key.id);
            self.deliver(id, Work::Command(envelope), needs, deadline).await?;
            match runtime.deadlines.keep(deadline, answer).await {
                None => Err(Failure::Expired),
                Some(Err(_)) => Err(Failure::Retry(RETRY_AFTER)),
                Some(Ok(returned)) => Ok(Exchanged::Returned(returned)),
            }
        }
        .boxed()
    }
}

impl Inner {
    /// Looks for the receipt of a step, and of the one it forbids.
    async fn look_up(&self, participant: EntityKey, step: StepKey) -> Result<Earlier, Fault> {
        let store = &self.store;
        let now = self.clock.now();
        let key = |name| ReceiptKey::step(step.saga, name, participant);
        let as_of = match store.receipt(key(step.step), now).await? {
            ReceiptFound::Present(receipt) => return Ok(Earlier::Done(receipt)),
            ReceiptFound::AbsentAsOf(as_of) => as_of,
        };
        let Some(forbids) = step.forbids else {
            return Ok(Earlier::Absent(LookedUp {
                as_of,
                forbids: false,
            }));
        };
        Ok(Earlier::Absent(match store.receipt(key(forbids), now).await? {
            ReceiptFound::Present(_) => LookedUp {
                as_of,
                forbids: false,
            },
            ReceiptFound::AbsentAsOf(also) => LookedUp {
                as_of: as_of.min(also),
                forbids: true,
            },
        }))
    }
}
