//! Every use case that writes gift cards and store credit.

use crate::cases::{Case, NOTHING, Preparing, case, keyed, paying, told_of_order, told_of_rows};
use crate::setup;
use crate::shop::By;
use crate::support::house::pence;
use cartwright_actors::cart::View;
use cartwright_actors::stored_value::{GiftCardRow, StoreCreditRow};
use cartwright_domain::money::Currency;
use cartwright_domain::stored_value::{Adjust, Draft};

const CARDED: Preparing = |desk| Box::pin(setup::carded(desk));
const HELD: Preparing = |desk| Box::pin(setup::carded_cart(desk));
const CREDITED: Preparing = |desk| Box::pin(setup::credited(desk));
const APPLIED: Preparing = |desk| Box::pin(setup::applied(desk));

pub(crate) const VALUES: &[Case] = &[
    keyed("issue_gift_card", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let issued = desk
                .engine
                .issue_gift_card(request, setup::card("GIFT-0002"))
                .await?;
            Ok(issued.value.state.balance().to_string())
        })
    }),
    case("import_gift_cards", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let row = GiftCardRow {
                row: 1,
                draft: setup::card("GIFT-0002"),
                customer: None,
            };
            told_of_rows(desk.engine.import_gift_cards(request, vec![row]).await?)
        })
    }),
    case(
        "import_store_credit",
        By::Staff,
        |desk| Box::pin(setup::known(desk)),
        |desk, _, request| {
            Box::pin(async move {
                let row = StoreCreditRow {
                    row: 1,
                    customer: "A-1".to_owned(),
                    amount: pence(50),
                    reason: "moved".to_owned(),
                };
                told_of_rows(desk.engine.import_store_credit(request, vec![row]).await?)
            })
        },
    ),
    case("update_gift_card", By::Staff, CARDED, |desk, setup, request| {
        Box::pin(async move {
            let draft = Draft {
                enabled: Some(false),
                ..Draft::default()
            };
            let card = setup.gift_card.unwrap();
            let updated = desk.engine.update_gift_card(request, card, draft).await?;
            Ok(updated.value.state.is_enabled().to_string())
        })
    }),
    keyed("adjust_gift_card", By::Staff, CARDED, |desk, setup, request| {
        Box::pin(async move {
            let card = setup.gift_card.unwrap();
            let adjusted = desk.engine.adjust_gift_card(request, card, goodwill()).await?;
            Ok(adjusted.value.state.balance().to_string())
        })
    }),
    case(
        "update_store_credit",
        By::Staff,
        CREDITED,
        |desk, setup, request| {
            Box::pin(async move {
                let draft = Draft {
                    enabled: Some(false),
                    ..Draft::default()
                };
                let customer = setup.customer.unwrap();
                let updated = desk
                    .engine
                    .update_store_credit(request, customer, Currency::GBP, draft)
                    .await?;
                Ok(updated.value.state.is_enabled().to_string())
            })
        },
    ),
    keyed(
        "adjust_store_credit",
        By::Staff,
        |desk| Box::pin(setup::known(desk)),
        |desk, setup, request| {
            Box::pin(async move {
                let customer = setup.customer.unwrap();
                let adjusted = desk
                    .engine
                    .adjust_store_credit(request, customer, goodwill())
                    .await?;
                Ok(adjusted.value.state.balance().to_string())
            })
        },
    ),
    keyed("apply_gift_card", By::Shopper, HELD, |desk, setup, request| {
        Box::pin(async move {
            let applied = desk
                .engine
                .apply_gift_card(request, setup.cart(), "GIFT-0001", View::Full)
                .await?;
            Ok(format!("{:?}", applied.value.priced.coverage.due))
        })
    }),
    keyed(
        "apply_store_credit",
        By::Shopper,
        CREDITED,
        |desk, setup, request| {
            Box::pin(async move {
                let applied = desk
                    .engine
                    .apply_store_credit(request, setup.cart(), View::Full)
                    .await?;
                Ok(format!("{:?}", applied.value.priced.coverage.due))
            })
        },
    ),
    case(
        "remove_stored_value",
        By::Shopper,
        APPLIED,
        |desk, setup, request| {
            Box::pin(async move {
                let card = setup.gift_card.unwrap();
                let removed = desk
                    .engine
                    .remove_stored_value(request, setup.cart(), card, View::Full)
                    .await?;
                Ok(format!("{:?}", removed.value.priced.coverage.parts))
            })
        },
    ),
    keyed("complete_cart", By::Shopper, APPLIED, |desk, setup, request| {
        Box::pin(async move {
            let completed = desk.engine.complete_cart(request, setup.cart(), paying()).await?;
            told_of_order(&completed.value)
        })
    }),
];

fn goodwill() -> Adjust {
    Adjust {
        amount: pence(50),
        reason: "goodwill".to_owned(),
    }
}
