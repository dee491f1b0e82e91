//! What a case asks for, made as staff make it.

use crate::case::{Form, ListPrice, PriceList, Value};
use crate::engine::{currency, group, money, price};
use cartwright_domain::catalog::{self, CreatePriceList, PriceListDraft};
use cartwright_domain::id::{CheckoutId, CustomerId, PriceListId, StoredValueId};
use cartwright_domain::stored_value::{
    self, Adjust, GiftCardDraft, HoldValue, IssueGiftCard, OpenStoreCredit, StoredValue, Update,
};
use cartwright_domain::{Caller, Command, Context, Create, Effects, Entity, Existing, Seed, Timestamp};
use uuid::Uuid;

pub(crate) fn made<E: Entity, C: Create<E>>(id: E::Id, at: i64, command: C) -> E {
    let (caller, mut effects) = (Caller::default(), Effects::default());
    let now = Timestamp::from_millis(at);
    let mut cx = Context::new(now, &caller, Seed(Uuid::nil()), None, &mut effects);
    let made = command.create(id, &mut cx).map_err(|error| error.to_string());
    made.expect("what the case asks for can be made").0
}

fn run<E: Entity, C: Command<E>>(entity: &mut E, command: C) {
    let (caller, mut effects) = (Caller::default(), Effects::default());
    let mut cx = Context::new(
        Timestamp::default(),
        &caller,
        Seed(Uuid::nil()),
        None,
        &mut effects,
    );
    let ran = command.apply(entity, &mut cx).map_err(|error| error.to_string());
    ran.expect("what the case asks for can be done");
}

pub(crate) fn price_list(list: &PriceList) -> catalog::PriceList {
    let draft = PriceListDraft {
        name: Some(format!("List {}", list.number)),
        priority: Some(list.priority),
        groups: Some(
            list.groups
                .iter()
                .map(|number| group(*number).to_string())
                .collect(),
        ),
        valid_from: Some(list.from.map(Timestamp::from_millis)),
        valid_until: Some(list.until.map(Timestamp::from_millis)),
        enabled: Some(list.enabled),
    };
    let create = CreatePriceList {
        draft,
        existing: Existing::default(),
    };
    made(list_id(list.number), list.created_at, create)
}

pub(crate) fn list_price(row: &ListPrice) -> catalog::ListPrice {
    catalog::ListPrice {
        list: list_id(row.list),
        from_quantity: row.from_quantity,
        price: price(&row.price, currency(row.currency)),
    }
}

/// Returns a gift card or store credit with what happened to it: it was issued, adjusted, held, and disabled.
pub(crate) fn stored_value(at: u64, value: &Value) -> StoredValue {
    let balance = money(value.balance, value.currency);
    let (customer, mut made) = match value.form {
        Form::Card(expires_at) => {
            let draft = GiftCardDraft {
                amount: Some(money(value.balance + 1, value.currency)),
                code: Some(format!("GIFTCARD{at}")),
                expires_at: expires_at.map(Timestamp::from_millis),
                ..GiftCardDraft::default()
            };
            let issue = IssueGiftCard {
                draft,
                customer: None,
            };
            (None, made(value_id(at), 0, issue))
        }
        Form::Credit { is_own } => {
            let customer = customer_id(if is_own { 0 } else { 1 });
            let first = Adjust {
                amount: money(value.balance + 1, value.currency),
                reason: "a case".to_owned(),
            };
            let open = OpenStoreCredit { customer, first };
            (Some(customer), made(value_id(at), 0, open))
        }
    };
    let is_off_by = balance.minus(made.balance()).expect("amounts of one currency");
    if !is_off_by.is_zero() {
        let adjust = Adjust {
            amount: is_off_by,
            reason: "a case".to_owned(),
        };
        run(&mut made, adjust);
    }
    for (checkout, held) in [(0, value.held_by_own), (1, value.held_by_others)] {
        if 0 < held {
            let hold = HoldValue {
                checkout: checkout_id(checkout),
                amount: money(held, value.currency),
                customer,
            };
            run(&mut made, hold);
        }
    }
    let draft = stored_value::Draft {
        enabled: Some(value.enabled),
        ..stored_value::Draft::default()
    };
    run(&mut made, Update { draft });
    made
}

fn list_id(number: u8) -> PriceListId {
    PriceListId(Uuid::from_u64_pair(6, number.into()))
}

fn value_id(at: u64) -> StoredValueId {
    StoredValueId(Uuid::from_u64_pair(7, at))
}

pub(crate) fn customer_id(at: u64) -> CustomerId {
    CustomerId(Uuid::from_u64_pair(8, at))
}

pub(crate) fn checkout_id(at: u64) -> CheckoutId {
    CheckoutId(Uuid::from_u64_pair(9, at))
}
