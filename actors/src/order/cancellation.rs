//! The cancellation saga: the order first, then money and stock (section 6.4 of the semantics).

use crate::engine::Kinds;
use crate::inventory::stock_of;
use crate::request::Refused;
use crate::runtime::{
    Action, Ask, AskError, FinalAnswer, Next, Performed, Published, Saga, SagaStep, StepKey,
};
use cartwright_domain::cart::STORED_VALUES_MAX;
use cartwright_domain::id::StoredValueId;
use cartwright_domain::inventory::{Deallocate, StockItem};
use cartwright_domain::order::cancellation::{
    Cancellation, EndCancellation, NoteOrderCanceled, Progress, Step,
};
use cartwright_domain::order::{Cancel, Order, PromisedStock, RecordRefund, RecordVoid, RecordVoidFailure};
use cartwright_domain::payment::{Payment, PaymentState};
use cartwright_domain::promotion::{GiveBackUse, Use, UseCounter};
use cartwright_domain::stored_value::{GiveBack, StoredValue};
use cartwright_domain::{Entity, Problem, Timestamp, checkout};
use cartwright_gateways::payment::{self, Deadlined, Gateway, OperationKey, Reference};
use cartwright_storage::ReceiptKey;
use futures::future::{join_all, join3};
use std::sync::Arc;

/// The step that cancels the order.
const CANCEL_ORDER: &str = "cancel_order";
/// The step that notes that a payment is not voided.
const RECORD_VOID_FAILURE: &str = "record_void_failure";
/// The step that gives units back to the stock.
const DEALLOCATE_STOCK: &str = "deallocate_stock";
/// The step that gives back a use of a promotion.
const GIVE_BACK_USE: &str = "give_back_use";
/// The step that gives back what a gift card or store credit has paid.
const GIVE_BACK_VALUE: &str = "give_back_value";

/// What the steps of a cancellation need.
pub struct CancellationEnv {
    kinds: Kinds,
    payments: Arc<dyn Gateway>,
}

impl CancellationEnv {
    pub(crate) fn new(kinds: Kinds, payments: Arc<dyn Gateway>) -> Self {
        Self { kinds, payments }
    }

    /// Returns the ask of one step at one participant.
    fn step(&self, saga: &Arc<Published<Cancellation>>, step: &'static str) -> Ask {
        let key = StepKey {
            saga: Cancellation::key(saga.id),
            step,
            forbids: None,
        };
        Ask::step(&caller(saga), self.kinds.randomness.seed(), key)
    }
}

/// Returns what its steps are asked as: histories tell who wanted them.
fn caller(saga: &Published<Cancellation>) -> String {
    format!("cancellation for {}", saga.state.by)
}

impl SagaStep for Step {
    fn name(self) -> &'static str {
        Self::name(self)
    }
}

impl Saga for Cancellation {
    type Env = CancellationEnv;
    type Step = Step;
    type Record = Progress;

    fn next(&self, _now: Timestamp) -> Next<Step> {
        match self.step {
            Step::CancelOrder | Step::GiveBack => Next::Act(Action::Run(self.step)),
            Step::Ended => Next::Ended,
        }
    }

    fn is_past_pivot(&self) -> bool {
        self.step != Step::CancelOrder
    }

    async fn perform(
        env: Arc<CancellationEnv>,
        saga: Arc<Published<Self>>,
        action: Action<Step>,
    ) -> Performed<Progress> {
        let step = match action {
            Action::Run(step) | Action::Undo(step) => step,
        };
        let performed = match step {
            Step::CancelOrder => cancel_order(&env, &saga).await,
            Step::GiveBack => give_back(&env, &saga).await,
            Step::Ended => Err("the cancellation has ended".to_owned()),
        };
        performed.unwrap_or_else(Performed::again)
    }
}

type Stepped = Result<Performed<Progress>, String>;

async fn cancel_order(env: &CancellationEnv, saga: &Arc<Published<Cancellation>>) -> Stepped {
    let command = Cancel {
        by: saga.state.by.clone(),
        reason: saga.state.reason.clone(),
    };
    let ask = env.step(saga, CANCEL_ORDER).if_match(saga.state.order_revision);
    match env.kinds.orders.ask(saga.state.order, command, ask).await {
        Ok(_) => Ok(Performed::record(Progress::Canceled(NoteOrderCanceled))),
        Err(error) if error.is_transient() => Err(error.to_string()),
        Err(error) => Ok(over(saga, &[], &[], &[], Some(Problem::from(error).bounded()))),
    }
}

async fn give_back(env: &CancellationEnv, saga: &Arc<Published<Cancellation>>) -> Stepped {
    let order = delivered(env, saga).await?;
    let settings = env
        .kinds
        .current_settings()
        .await
        .map_err(|refused: Refused| refused.to_string())?;
    let provider = Deadlined::new(Arc::clone(&env.payments), settings.lifetimes.provider);
    let payments = order.state.payments();
    // One that cannot be asked keeps nobody else from getting back what is theirs.
    let money = async {
        let mut returned = Ok(());
        for (index, payment) in payments.iter().enumerate() {
            let one = match payment.stored_value() {
                Some(value) => return_value(env, saga, value, index, payment).await,
                None => return_payment(env, saga, &provider, index, payment).await,
            };
            returned = returned.and(one);
        }
        returned
    };
    let stock = order.state.stock();
    let units = join_all(stock.iter().map(|promised| deallocate(env, saga, promised)));
    let used = order.state.quote().uses.as_slice();
    let given_back = match settings.keep_used_on_cancel {
        true => &[],
        false => used,
    };
    let uses = join_all(given_back.iter().map(|used| give_back_use(env, saga, used)));
    // A provider that is silent keeps nobody from buying what is free again.
    let (money, units, uses): (Result<(), String>, _, _) = join3(money, units, uses).await;
    units.into_iter().chain(uses).fold(money, Result::and)?;
    // The setting may have been another at an earlier try.
    Ok(over(saga, stock, used, payments, None))
}

/// Returns the order once its checkout has finished: what that has not yet allocated or captured cannot be given back, and
/// the refusal would be kept as the step's answer.
async fn delivered(
    env: &CancellationEnv,
    saga: &Published<Cancellation>,
) -> Result<Arc<Published<Order>>, String> {
    let read = async || {
        let read = env.kinds.orders.read(saga.state.order).await;
        read.map_err(|fault| fault.to_string())?
            .ok_or_else(|| "the order is gone".to_owned())
    };
    let checkout = read().await?.state.quote().checkout;
    let checkout = env.kinds.checkouts.read(checkout).await;
    let is_delivered = match checkout.map_err(|fault| fault.to_string())? {
        None => true,
        Some(checkout) => match checkout.state.step {
            checkout::Step::CapturePayment | checkout::Step::Ended => true,
            checkout::Step::ReserveStock
            | checkout::Step::AwaitCompletion
            | checkout::Step::FreezeQuote
            | checkout::Step::AuthorizePayment
            | checkout::Step::SettlePayment
            | checkout::Step::WalkBack => false,
        },
    };
    match is_delivered {
        // As the checkout has left it.
        true => read().await,
        false => Err("the checkout is still at work on the order".to_owned()),
    }
}

/// Voids what is only authorized, refunds what is captured. One that turns out to be captured is refunded next time.
async fn return_payment(
    env: &CancellationEnv,
    saga: &Arc<Published<Cancellation>>,
    provider: &Deadlined,
    index: usize,
    payment: &Payment,
) -> Result<(), String> {
    let reference = Reference::new(payment.reference());
    let key = |step: &str| {
        OperationKey::new(saga.id, &format!("{step}-{index}")).map_err(|invalid| invalid.to_string())
    };
    let orders = &env.kinds.orders;
    match payment.state() {
        PaymentState::Authorized | PaymentState::CaptureFailed => {
            // Declined where it was captured meanwhile: the checkout that captured it sees the canceled order and refunds it.
            let voided = payment::void(provider, &key("void")?, &reference).await;
            if voided.map_err(|error| error.to_string())?.is_none() {
                let command = RecordVoidFailure {
                    reference: payment.reference().to_owned(),
                };
                let ask = env.step(saga, RECORD_VOID_FAILURE);
                let answer = orders.ask(saga.state.order, command, ask).await;
                if !answer.map_err(|error| error.to_string())?.replayed {
                    tracing::warn!(
                        alarm = true, order = %saga.state.order, payment = payment.reference(),
                        "the provider does not void the payment of a canceled order; look for it there"
                    );
                }
                return Ok(());
            }
            let command = RecordVoid {
                reference: payment.reference().to_owned(),
            };
            let ask = Ask::internal(&caller(saga), env.kinds.randomness.seed());
            let answer = orders.ask(saga.state.order, command, ask).await;
            answer.map(|_| ()).map_err(|error| error.to_string())
        }
        PaymentState::Captured | PaymentState::PartiallyRefunded => {
            let amount = payment.refundable();
            let refunded = payment::refund(provider, &key("refund")?, &reference, amount).await;
            refunded.map_err(|error| error.to_string())?;
            let command = RecordRefund {
                reference: payment.reference().to_owned(),
                amount,
            };
            let answer = orders
                .ask(saga.state.order, command, env.step(saga, refund_step(index)))
                .await;
            answer.map(|_| ()).map_err(|error| error.to_string())
        }
        PaymentState::Refunded | PaymentState::Voided => Ok(()),
    }
}

/// Gives back to a gift card or store credit what it has paid, whatever has become of it meanwhile.
async fn return_value(
    env: &CancellationEnv,
    saga: &Arc<Published<Cancellation>>,
    value: StoredValueId,
    index: usize,
    payment: &Payment,
) -> Result<(), String> {
    match payment.state() {
        PaymentState::Captured | PaymentState::PartiallyRefunded => {}
        PaymentState::Refunded | PaymentState::Voided => return Ok(()),
        PaymentState::Authorized | PaymentState::CaptureFailed => {
            return Err("the checkout has not used what it holds yet".to_owned());
        }
    }
    let (order, amount) = (saga.state.order, payment.refundable());
    let ask = env.step(saga, GIVE_BACK_VALUE);
    match env
        .kinds
        .stored_values
        .ask(value, GiveBack { order, amount }, ask)
        .await
    {
        Ok(_) | Err(AskError::NotFound { .. }) => {}
        Err(error) => return Err(error.to_string()),
    }
    let command = RecordRefund {
        reference: payment.reference().to_owned(),
        amount,
    };
    let ask = env.step(saga, refund_step(index));
    let answer = env.kinds.orders.ask(order, command, ask).await;
    answer.map(|_| ()).map_err(|error| error.to_string())
}

/// Returns the name of the step that notes the refund of one payment.
fn refund_step(index: usize) -> &'static str {
    /// As many as an order has payments: gift cards and store credit, and one at the provider.
    const NAMES: [&str; STORED_VALUES_MAX + 1] = [
        "record_refund_0",
        "record_refund_1",
        "record_refund_2",
        "record_refund_3",
        "record_refund_4",
        "record_refund_5",
    ];
    NAMES.get(index).copied().unwrap_or("record_refund")
}

async fn deallocate(
    env: &CancellationEnv,
    saga: &Arc<Published<Cancellation>>,
    promised: &PromisedStock,
) -> Result<(), String> {
    let command = Deallocate {
        order: saga.state.order,
        quantity: promised.quantity,
    };
    let item = stock_of(promised.variant);
    match env
        .kinds
        .stock_items
        .ask(item, command, env.step(saga, DEALLOCATE_STOCK))
        .await
    {
        Ok(_) | Err(AskError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

async fn give_back_use(
    env: &CancellationEnv,
    saga: &Arc<Published<Cancellation>>,
    used: &Use,
) -> Result<(), String> {
    let ask = env.step(saga, GIVE_BACK_USE);
    let back = GiveBackUse {
        promotion: used.promotion,
    };
    match env.kinds.use_counters.ask(used.counter, back, ask).await {
        Ok(_) | Err(AskError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn over(
    saga: &Arc<Published<Cancellation>>,
    stock: &[PromisedStock],
    uses: &[Use],
    payments: &[Payment],
    refusal: Option<Problem>,
) -> Performed<Progress> {
    let receipt = |participant, step| ReceiptKey::step(Cancellation::key(saga.id), step, participant);
    let order = Order::key(saga.state.order);
    let mut deletes = vec![receipt(order, CANCEL_ORDER), receipt(order, RECORD_VOID_FAILURE)];
    for (index, payment) in payments.iter().enumerate() {
        deletes.push(receipt(order, refund_step(index)));
        let value = payment.stored_value().map(StoredValue::key);
        deletes.extend(value.map(|value| receipt(value, GIVE_BACK_VALUE)));
    }
    for promised in stock {
        deletes.push(receipt(
            StockItem::key(stock_of(promised.variant)),
            DEALLOCATE_STOCK,
        ));
    }
    for used in uses {
        deletes.push(receipt(UseCounter::key(used.counter), GIVE_BACK_USE));
    }
    let answers = saga.state.answers.as_ref();
    let answers = answers.map(|answers| FinalAnswer::to(answers, refusal.clone()));
    Performed::Record {
        command: Progress::Over(EndCancellation { refusal }),
        deletes,
        answers,
        rests_on: Vec::new(),
        is_past_pivot: false,
    }
}
