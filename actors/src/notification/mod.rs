//! Mails that follow from facts: the confirmation of an order.

use crate::engine::Kinds;
use crate::once::Shown;
use crate::runtime::{Subscriber, Unhandled};
use cartwright_domain::id::OrderId;
use cartwright_domain::order::{Order, Status};
use cartwright_domain::{EntityId, Kind};
use cartwright_gateways::mail::{Error, Mail, Mailer, MessageId};
use cartwright_storage::{Fact, Fault, Store, Wanted};
use futures::future::BoxFuture;
use std::fmt::Write;
use std::sync::Arc;

/// The name under which what sends confirmations is counted.
pub const CONFIRMATIONS: &str = "order-confirmations";
/// The fact that a confirmation follows from.
const ORDER_PLACED: &str = "order.order_placed";
/// The right-hand side of our message ids.
const MESSAGE_ID_DOMAIN: &str = "cartwright.invalid";

/// Sends one confirmation for each order, behind a durable cursor.
pub(crate) struct Confirmations {
    kinds: Kinds,
    store: Arc<dyn Store>,
    mailer: Arc<dyn Mailer>,
}

impl Confirmations {
    pub(crate) fn new(kinds: Kinds, store: Arc<dyn Store>, mailer: Arc<dyn Mailer>) -> Self {
        Self { kinds, store, mailer }
    }

    async fn confirm(&self, fact: &Fact) -> Result<(), Unhandled> {
        let id = OrderId::from_uuid(fact.entity.id);
        let order = self
            .placed(id)
            .await?
            .ok_or_else(|| format!("there is no order {id}"))?;
        let Some(mail) = confirmation(&order.state)? else {
            return Ok(());
        };
        match self.mailer.send(mail).await {
            Ok(()) => Ok(()),
            Err(error @ Error::Refused { .. }) => Err(Unhandled::Permanent(error.to_string())),
            Err(error @ Error::Failed(_)) => Err(Unhandled::Waits(error.to_string())),
        }
    }

    /// Reads an order. A fact is told as soon as it is durable, which is a moment before the order is published.
    async fn placed(&self, id: OrderId) -> Result<Option<Shown<Order>>, Fault> {
        if let Some(order) = self.kinds.orders.read(id).await? {
            return Ok(Some(order));
        }
        self.store.barrier().await;
        self.kinds.orders.read(id).await
    }
}

impl Subscriber for Confirmations {
    fn name(&self) -> &'static str {
        CONFIRMATIONS
    }

    fn wants(&self) -> Wanted {
        Wanted::Only(&[(Kind::Order, ORDER_PLACED)])
    }

    fn on<'a>(&'a self, fact: &'a Fact) -> BoxFuture<'a, Result<(), Unhandled>> {
        Box::pin(self.confirm(fact))
    }

    fn settle(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move { self.mailer.settle().await.map_err(|error| error.to_string()) })
    }
}

/// Writes the confirmation of an order; none for an order without an e-mail address.
///
/// The message id comes from the order's id, so that a fact that is delivered twice is one mail, and mails of two shops are
/// two.
fn confirmation(order: &Order) -> Result<Option<Mail>, String> {
    let frozen = order.quote();
    let Some(email) = &frozen.email else {
        return Ok(None);
    };
    let number = order.number().ok_or("a placed order has a number")?;
    let id = format!("order-{number}.{}@{MESSAGE_ID_DOMAIN}", order.id());
    let message_id = MessageId::parse(id).map_err(|invalid| invalid.to_string())?;
    let subject = format!("Your order {number}");
    Ok(Some(Mail {
        message_id,
        to: email.mailed(),
        subject,
        text: text_of(order, number),
    }))
}

fn text_of(order: &Order, number: u64) -> String {
    let (frozen, quote) = (order.quote(), &order.quote().quote);
    let mut text = format!("Thank you. Your order {number} is placed.\n\n");
    if order.status() == Status::Canceled {
        text.push_str("It has been canceled since; what you paid is given back.\n\n");
    }
    // Writing to a text does not fail.
    for (line, quoted) in frozen.lines.iter().zip(&quote.lines) {
        let _ = writeln!(
            text,
            "{} x {} ({}): {}",
            quoted.quantity, line.title, line.sku, quoted.amount
        );
        for (option, chosen) in &line.options {
            let _ = writeln!(text, "    {option}: {chosen}");
        }
    }
    let _ = writeln!(text, "\nSubtotal: {}", quote.subtotal);
    if !quote.discounts.is_zero() {
        let _ = writeln!(text, "Discounts: -{}", quote.discounts);
    }
    let is_sent = quote.shipping_line.is_some();
    if is_sent {
        let _ = writeln!(text, "Shipping: {}", quote.shipping);
    }
    if let Some(tax) = quote.tax.filter(|tax| !tax.is_zero()) {
        let _ = writeln!(text, "Tax: {tax}");
    }
    if !quote.tax_included.is_zero() {
        let _ = writeln!(text, "Tax included: {}", quote.tax_included);
    }
    let _ = writeln!(text, "Total: {}", quote.total);
    for tender in &frozen.tenders {
        let _ = match &tender.last_characters {
            Some(last) => writeln!(
                text,
                "Paid with the gift card ending in {last}: {}",
                tender.amount
            ),
            None => writeln!(text, "Paid with store credit: {}", tender.amount),
        };
    }
    if !frozen.tenders.is_empty() && !frozen.due().is_zero() {
        let _ = writeln!(text, "Paid otherwise: {}", frozen.due());
    }
    if let Some(address) = frozen.shipping_address.as_ref().filter(|_| is_sent) {
        let _ = writeln!(text, "\nShips to:");
        let lines = [
            address.name.as_deref(),
            address.company.as_deref(),
            Some(&address.line1),
            address.line2.as_deref(),
            Some(&address.city),
            address.region.as_deref(),
        ];
        for line in lines.into_iter().flatten().filter(|line| !line.is_empty()) {
            let _ = writeln!(text, "{line}");
        }
        let _ = writeln!(
            text,
            "{} {}",
            address.postal_code.as_deref().unwrap_or_default(),
            address.country
        );
    }
    text
}
