//! What is there before a use case is disturbed.

use crate::cases::{add, customer, paying};
use crate::shop::{By, Desk, everything};
use crate::support::house::{details, pence, staff};
use cartwright_actors::cart::{CartRef, DetailsDraft, View};
use cartwright_domain::cart::Patch;
use cartwright_domain::catalog::PriceListDraft;
use cartwright_domain::id::{
    CartId, CheckoutId, CustomerId, LineId, OrderId, PriceListId, PromotionId, StoredValueId, TaxZoneId,
};
use cartwright_domain::promotion::{self, ActionDraft, ReductionDraft};
use cartwright_domain::settings;
use cartwright_domain::stored_value::{Adjust, GiftCardDraft};
use std::time::Duration;
use tokio::time::sleep;

/// Past the time after which a visit is noted, and short of a session's end.
const PAST_TOUCH: Duration = Duration::from_secs(2 * 24 * 60 * 60);
/// Past the time after which an idle cart counts as abandoned, see [`abandoned`].
const PAST_CART: Duration = Duration::from_secs(2 * 60 * 60);

/// What is there before the use case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    pub(crate) cart: Option<CartId>,
    pub(crate) line: Option<LineId>,
    pub(crate) checkout: Option<CheckoutId>,
    pub(crate) order: Option<OrderId>,
    pub(crate) zone: Option<TaxZoneId>,
    pub(crate) customer: Option<CustomerId>,
    pub(crate) promotion: Option<PromotionId>,
    pub(crate) price_list: Option<PriceListId>,
    pub(crate) gift_card: Option<StoredValueId>,
    pub(crate) cookie: String,
}

impl Setup {
    pub(crate) fn cart(&self) -> CartRef {
        CartRef::Id(self.cart.unwrap())
    }
}

/// A session that was not seen for so long that its next visit is noted.
pub(crate) async fn visited(desk: &Desk) -> Setup {
    let opened = desk.engine.open_session(&desk.request(By::Shopper), None).await;
    let cookie = opened.unwrap().value.cookie;
    sleep(PAST_TOUCH).await;
    Setup {
        cookie,
        ..Setup::default()
    }
}

/// A cart with one line, the session's current one.
pub(crate) async fn filled(desk: &Desk) -> Setup {
    let shopper = desk.request(By::Shopper);
    add(desk, CartRef::Current, &shopper).await.unwrap();
    let cart = desk.engine.cart(&shopper, CartRef::Current).await.unwrap();
    let cart = &cart.view.priced.cart.state;
    Setup {
        cart: Some(cart.id()),
        line: Some(cart.lines()[0].id),
        ..Setup::default()
    }
}

/// A cart to which its shopper did not come back for a while.
pub(crate) async fn abandoned(desk: &Desk) -> Setup {
    let impatient = settings::Draft {
        cart_seconds: Some(60 * 60),
        ..settings::Draft::default()
    };
    desk.engine.update_settings(&staff(), impatient).await.unwrap();
    let setup = filled(desk).await;
    sleep(PAST_CART).await;
    setup
}

/// A cart that can be completed.
pub(crate) async fn ready(desk: &Desk) -> Setup {
    let setup = filled(desk).await;
    let (shopper, draft) = (desk.request(By::Shopper), details(desk.goods.method));
    let updated = desk
        .engine
        .update_details(&shopper, setup.cart(), draft, View::Full);
    updated.await.unwrap();
    setup
}

/// A checkout that waits for its completion, for long enough that trouble does not end it.
pub(crate) async fn started(desk: &Desk) -> Setup {
    let setup = ready(desk).await;
    let shopper = desk.request(By::Shopper);
    let started = desk.engine.start_checkout(&shopper, setup.cart()).await.unwrap();
    Setup {
        checkout: Some(started.value.checkout.id),
        ..setup
    }
}

/// An order that was paid.
pub(crate) async fn ordered(desk: &Desk) -> Setup {
    let setup = ready(desk).await;
    let shopper = desk.request(By::Shopper);
    let completed = desk
        .engine
        .complete_cart(&shopper, setup.cart(), paying())
        .await
        .unwrap();
    Setup {
        order: completed.value.order.map(|order| order.id),
        ..setup
    }
}

/// A customer that can be changed and deleted.
pub(crate) async fn known(desk: &Desk) -> Setup {
    let made = desk.engine.create_customer(&staff(), customer("A-1")).await;
    Setup {
        customer: Some(made.unwrap().value.id),
        ..Setup::default()
    }
}

/// A tax zone that can be changed and deleted.
pub(crate) async fn zoned(desk: &Desk) -> Setup {
    let zones = desk.engine.tax_zones(everything()).await.unwrap();
    Setup {
        zone: zones.items.first().map(|zone| zone.id),
        ..Setup::default()
    }
}

/// A promotion of ten per cent, unlocked by a code.
pub(crate) fn tenth(code: &str) -> promotion::Draft {
    let tenth = ReductionDraft {
        percentage: Some("0.1".to_owned()),
        fixed: None,
    };
    promotion::Draft {
        name: Some("Ten".to_owned()),
        code: Some(Some(code.to_owned())),
        requires_code: Some(true),
        actions: Some(vec![ActionDraft::Order(tenth)]),
        enabled: Some(true),
        ..promotion::Draft::default()
    }
}

/// A price list of some priority.
pub(crate) fn list_of(priority: i32) -> PriceListDraft {
    PriceListDraft {
        name: Some("Trade".to_owned()),
        priority: Some(priority),
        groups: Some(vec!["trade".to_owned()]),
        ..PriceListDraft::default()
    }
}

/// A price list.
pub(crate) async fn listed(desk: &Desk) -> Setup {
    let made = desk.engine.create_price_list(&staff(), list_of(1)).await;
    Setup {
        price_list: Some(made.unwrap().value.id),
        ..Setup::default()
    }
}

/// A gift card of a hundred pence with a code of its own.
pub(crate) fn card(code: &str) -> GiftCardDraft {
    GiftCardDraft {
        amount: Some(pence(100)),
        code: Some(code.to_owned()),
        ..GiftCardDraft::default()
    }
}

/// A gift card.
pub(crate) async fn carded(desk: &Desk) -> Setup {
    let issued = desk.engine.issue_gift_card(&staff(), card("GIFT-0001")).await;
    Setup {
        gift_card: Some(issued.unwrap().value.id),
        ..Setup::default()
    }
}

/// A gift card, and a cart with one line.
pub(crate) async fn carded_cart(desk: &Desk) -> Setup {
    Setup {
        gift_card: carded(desk).await.gift_card,
        ..ready(desk).await
    }
}

/// The same, to be paid with the gift card as far as it goes.
pub(crate) async fn applied(desk: &Desk) -> Setup {
    let setup = carded_cart(desk).await;
    let shopper = desk.request(By::Shopper);
    let applied = desk
        .engine
        .apply_gift_card(&shopper, setup.cart(), "GIFT-0001", View::Full);
    applied.await.unwrap();
    setup
}

/// A cart with one line, for a customer with store credit.
pub(crate) async fn credited(desk: &Desk) -> Setup {
    let customer = known(desk).await.customer;
    let setup = Setup {
        customer,
        ..filled(desk).await
    };
    let customer = customer.unwrap();
    let credit = Adjust {
        amount: pence(100),
        reason: "goodwill".to_owned(),
    };
    desk.engine
        .adjust_store_credit(&staff(), customer, credit)
        .await
        .unwrap();
    let draft = DetailsDraft {
        customer_id: Patch::Set(customer),
        ..DetailsDraft::default()
    };
    desk.engine
        .update_details(&staff(), setup.cart(), draft, View::Full)
        .await
        .unwrap();
    setup
}

/// A cart with one line, and a promotion that a code unlocks for it.
pub(crate) async fn promoted(desk: &Desk) -> Setup {
    let made = desk
        .engine
        .create_promotion(&staff(), tenth("TEN"))
        .await
        .unwrap();
    Setup {
        promotion: Some(made.value.promotion.id),
        ..filled(desk).await
    }
}

/// A promotion with a code that is good for one order.
pub(crate) async fn with_one_code(desk: &Desk) -> Setup {
    let setup = promoted(desk).await;
    let codes = vec!["ten-0001".to_owned()];
    let (staff, promotion) = (staff(), setup.promotion.unwrap());
    desk.engine.add_codes(&staff, promotion, codes).await.unwrap();
    setup
}

/// A cart that can be completed, with the code of a promotion that can be used once.
pub(crate) async fn limited(desk: &Desk) -> Setup {
    let draft = promotion::Draft {
        usage_limit: Some(Some(1)),
        usage_limit_per_customer: Some(Some(1)),
        ..tenth("TEN")
    };
    desk.engine.create_promotion(&staff(), draft).await.unwrap();
    apply_ten(desk, ready(desk).await).await
}

/// A cart with one line and the code.
pub(crate) async fn coded(desk: &Desk) -> Setup {
    apply_ten(desk, promoted(desk).await).await
}

async fn apply_ten(desk: &Desk, setup: Setup) -> Setup {
    let (shopper, codes) = (desk.request(By::Shopper), vec!["TEN".to_owned()]);
    let applied = desk.engine.apply_codes(&shopper, setup.cart(), codes, View::Full);
    applied.await.unwrap();
    setup
}
