//! Every use case that writes.

use crate::rules::RULES;
use crate::setup::{self, Setup};
use crate::shop::{By, Desk};
use crate::support::house::{details, pence};
use crate::values::VALUES;
use cartwright_actors::cart::{CartRef, CartView, DetailsDraft, LineDraft, VariantRef, View};
use cartwright_actors::catalog::{ImportRow, ListPriceRow};
use cartwright_actors::checkout::{CheckoutView, CompletionDraft};
use cartwright_actors::import::{ImportedRow, RowOutcome};
use cartwright_actors::{Refused, Request};
use cartwright_domain::cart::Patch;
use cartwright_domain::catalog::{
    CreateProduct, PriceChange, PriceListDraft, ProductStatus, UpdateProduct, UpdateVariant, VariantDraft,
};
use cartwright_domain::checkout::Step;
use cartwright_domain::id::VariantId;
use cartwright_domain::inventory::{AdjustStock, StockLevels};
use cartwright_domain::money::Price;
use cartwright_domain::order::Status;
use cartwright_domain::{Class, Problem, customer};
use futures::future::LocalBoxFuture;
use std::collections::BTreeSet;

/// Returns every case.
pub(crate) fn all() -> impl Iterator<Item = &'static Case> {
    SHOP.iter().chain(RULES).chain(VALUES)
}

/// What whoever deletes is told.
pub(crate) const GONE: &str = "gone";

pub(crate) type Preparing = for<'a> fn(&'a Desk) -> LocalBoxFuture<'a, Setup>;
type Acting = for<'a> fn(&'a Desk, &'a Setup, &'a Request) -> LocalBoxFuture<'a, Result<String, Refused>>;

/// A use case: what it is done to, how, and by whom.
pub(crate) struct Case {
    /// The engine's method.
    pub(crate) use_case: &'static str,
    pub(crate) by: By,
    /// Whether the edge takes an idempotency key for it. Without one a repeat comes to the same by itself.
    pub(crate) keyed: bool,
    /// What whoever repeats it is told when it is done already.
    pub(crate) gone: Option<&'static str>,
    pub(crate) prepare: Preparing,
    /// Does it, and returns what the caller was told.
    pub(crate) act: Acting,
}

pub(crate) const fn case(use_case: &'static str, by: By, prepare: Preparing, act: Acting) -> Case {
    Case {
        use_case,
        by,
        keyed: false,
        gone: None,
        prepare,
        act,
    }
}

pub(crate) const fn keyed(use_case: &'static str, by: By, prepare: Preparing, act: Acting) -> Case {
    Case {
        keyed: true,
        ..case(use_case, by, prepare, act)
    }
}

pub(crate) const fn deleted(
    use_case: &'static str,
    by: By,
    gone: &'static str,
    prepare: Preparing,
    act: Acting,
) -> Case {
    Case {
        gone: Some(gone),
        ..case(use_case, by, prepare, act)
    }
}

pub(crate) const NOTHING: Preparing = |_| Box::pin(async { Setup::default() });
const FILLED: Preparing = |desk| Box::pin(setup::filled(desk));
const READY: Preparing = |desk| Box::pin(setup::ready(desk));
const STARTED: Preparing = |desk| Box::pin(setup::started(desk));
pub(crate) const PROMOTED: Preparing = |desk| Box::pin(setup::promoted(desk));
pub(crate) const LIMITED: Preparing = |desk| Box::pin(setup::limited(desk));
const CODED: Preparing = |desk| Box::pin(setup::coded(desk));
const ORDERED: Preparing = |desk| Box::pin(setup::ordered(desk));

/// Every use case that writes; some more than once, from different beginnings.
const SHOP: &[Case] = &[
    case("open_session", By::Shopper, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let opened = desk.engine.open_session(request, None).await?.value;
            let found = desk.engine.session_of_cookie(&opened.cookie, request).await?;
            Ok(format!("opened {}", found.is_some()))
        })
    }),
    case(
        "session_of_cookie",
        By::Shopper,
        |desk| Box::pin(setup::visited(desk)),
        |desk, setup, request| {
            Box::pin(async move {
                let found = desk.engine.session_of_cookie(&setup.cookie, request).await?;
                Ok(format!("found {}", found.is_some()))
            })
        },
    ),
    deleted(
        "end_session",
        By::Shopper,
        "session.not_found",
        NOTHING,
        |desk, _, request| {
            Box::pin(async move {
                desk.engine.end_session(request).await?;
                Ok(GONE.to_owned())
            })
        },
    ),
    keyed("open_cart", By::Shopper, NOTHING, |desk, _, request| {
        Box::pin(async move { Ok(told(&desk.engine.open_cart(request, None).await?.value)) })
    }),
    keyed("open_cart", By::Shopper, FILLED, |desk, _, request| {
        Box::pin(async move { Ok(told(&desk.engine.open_cart(request, None).await?.value)) })
    }),
    case(
        "cart",
        By::Shopper,
        |desk| Box::pin(setup::abandoned(desk)),
        |desk, setup, request| {
            Box::pin(async move { Ok(told(&desk.engine.cart(request, setup.cart()).await?.view)) })
        },
    ),
    keyed("add_line", By::Shopper, NOTHING, |desk, _, request| {
        Box::pin(add(desk, CartRef::Current, request))
    }),
    keyed("add_line", By::Shopper, FILLED, |desk, setup, request| {
        Box::pin(add(desk, setup.cart(), request))
    }),
    case("set_quantity", By::Shopper, FILLED, |desk, setup, request| {
        Box::pin(async move {
            let (cart, line) = (setup.cart(), setup.line.unwrap());
            let set = desk
                .engine
                .set_quantity(request, cart, line, 5, View::Full)
                .await?;
            Ok(told(&set.value))
        })
    }),
    deleted(
        "remove_line",
        By::Shopper,
        "cart.line_not_found",
        FILLED,
        |desk, setup, request| {
            Box::pin(async move {
                let (cart, line) = (setup.cart(), setup.line.unwrap());
                desk.engine.remove_line(request, cart, line, View::Full).await?;
                Ok(GONE.to_owned())
            })
        },
    ),
    case("clear_lines", By::Shopper, FILLED, |desk, setup, request| {
        Box::pin(async move {
            let cleared = desk.engine.clear_lines(request, setup.cart(), View::Full).await?;
            Ok(told(&cleared.value))
        })
    }),
    case("update_details", By::Shopper, FILLED, |desk, setup, request| {
        Box::pin(async move {
            let draft = details(desk.goods.method);
            let updated = desk
                .engine
                .update_details(request, setup.cart(), draft, View::Full)
                .await?;
            Ok(told(&updated.value))
        })
    }),
    keyed("start_checkout", By::Shopper, READY, |desk, setup, request| {
        Box::pin(async move {
            let started = desk.engine.start_checkout(request, setup.cart()).await?;
            match started.value.checkout.state.step {
                Step::ReserveStock => Err(unsettled()),
                step => Ok(format!("a checkout at {step:?}")),
            }
        })
    }),
    keyed("complete_cart", By::Shopper, READY, |desk, setup, request| {
        Box::pin(async move {
            let completed = desk.engine.complete_cart(request, setup.cart(), paying()).await?;
            told_of_order(&completed.value)
        })
    }),
    keyed(
        "complete_checkout",
        By::Shopper,
        STARTED,
        |desk, setup, request| {
            Box::pin(async move {
                let checkout = setup.checkout.unwrap();
                let completed = desk.engine.complete_checkout(request, checkout, paying()).await?;
                told_of_order(&completed.value)
            })
        },
    ),
    keyed("complete_cart", By::Shopper, LIMITED, |desk, setup, request| {
        Box::pin(async move {
            let completed = desk.engine.complete_cart(request, setup.cart(), paying()).await?;
            told_of_order(&completed.value)
        })
    }),
    case("update_checkout", By::Shopper, STARTED, |desk, setup, request| {
        Box::pin(async move {
            let draft = DetailsDraft {
                email: Patch::Set("grace@example.com".to_owned()),
                ..DetailsDraft::default()
            };
            let updated = desk
                .engine
                .update_checkout(request, setup.checkout.unwrap(), draft)
                .await?;
            Ok(told(&updated.value))
        })
    }),
    keyed(
        "abandon_checkout",
        By::Shopper,
        STARTED,
        |desk, setup, request| {
            Box::pin(async move {
                let abandoned = desk
                    .engine
                    .abandon_checkout(request, setup.checkout.unwrap())
                    .await?;
                Ok(format!("{:?}", abandoned.value.checkout.state.ending))
            })
        },
    ),
    keyed("cancel_order", By::Staff, ORDERED, |desk, setup, request| {
        Box::pin(async move {
            let reason = "the shopper called".to_owned();
            let canceled = desk
                .engine
                .cancel_order(request, setup.order.unwrap(), reason)
                .await?;
            match canceled.value.state.status() {
                Status::Canceled => Ok("canceled".to_owned()),
                _ => Err(unsettled()),
            }
        })
    }),
    keyed("create_product", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let product = CreateProduct {
                title: "Jug".to_owned(),
                handle: None,
                description: String::new(),
                images: Vec::new(),
                categories: Vec::new(),
                status: ProductStatus::Active,
            };
            let variants = vec![variant("JUG-S"), variant("JUG-M"), variant("JUG-L")];
            let made = desk
                .engine
                .create_product(request, product, variants)
                .await?
                .value;
            let skus = made
                .variants
                .iter()
                .map(|held| held.variant.state.sku.to_string());
            let skus: BTreeSet<String> = skus.collect();
            Ok(format!("{}: {skus:?}", made.product.state.title))
        })
    }),
    case("update_product", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let product = desk.cup().await;
            let command = UpdateProduct {
                description: Some("Blue".to_owned()),
                ..UpdateProduct::default()
            };
            let updated = desk.engine.update_product(request, product, command).await?;
            Ok(updated.value.product.state.description.clone())
        })
    }),
    keyed("create_variant", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let product = desk.cup().await;
            let made = desk
                .engine
                .create_variant(request, product, variant("CUP-XL"))
                .await?;
            Ok(made.value.variant.state.sku.to_string())
        })
    }),
    case("update_variant", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let command = UpdateVariant {
                sku: Some("CUP-2".to_owned()),
                ..UpdateVariant::default()
            };
            let updated = desk
                .engine
                .update_variant(request, desk.goods.tracked[0], command)
                .await?;
            Ok(updated.value.variant.state.sku.to_string())
        })
    }),
    case("set_price", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let set = desk
                .engine
                .set_price(request, desk.goods.tracked[0], PriceChange::Set(price(777)))
                .await?;
            Ok(format!("{:?}", set.value.variant.state.prices))
        })
    }),
    case("import_catalog", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let row = |number, sku: &str| ImportRow {
                row: number,
                sku: sku.to_owned(),
                price: Some(price(500)),
                stock: Some(4),
                ..ImportRow::default()
            };
            // One that is there, and one that is not.
            let rows = vec![row(1, "CUP"), row(2, "BOWL")];
            told_of_rows(desk.engine.import_catalog(request, rows).await?)
        })
    }),
    case("import_price_lists", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let row = ListPriceRow {
                row: 1,
                list: PriceListDraft {
                    name: Some("Trade".to_owned()),
                    ..PriceListDraft::default()
                },
                sku: "CUP".to_owned(),
                from_quantity: 10,
                price: price(400),
            };
            told_of_rows(desk.engine.import_price_lists(request, vec![row]).await?)
        })
    }),
    case("set_stock", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let levels = StockLevels {
                tracked: Some(true),
                on_hand: Some(33),
                ..StockLevels::default()
            };
            let set = desk
                .engine
                .set_stock(request, desk.goods.untracked, levels)
                .await?;
            Ok(format!("{} on hand", set.value.state.on_hand()))
        })
    }),
    keyed("adjust_stock", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(adjust(desk, desk.goods.tracked[0], request))
    }),
    keyed("apply_codes", By::Shopper, PROMOTED, |desk, setup, request| {
        Box::pin(async move {
            let codes = vec!["ten".to_owned(), "other".to_owned()];
            let applied = desk.engine.apply_codes(request, setup.cart(), codes, View::Full);
            let view = applied.await?.value;
            Ok(format!("{} refused {:?}", told(&view), view.news.refused))
        })
    }),
    case("remove_code", By::Shopper, CODED, |desk, setup, request| {
        Box::pin(async move {
            let (cart, view) = (setup.cart(), View::Full);
            Ok(told(
                &desk.engine.remove_code(request, cart, "TEN", view).await?.value,
            ))
        })
    }),
];

fn told(view: &CartView) -> String {
    let cart = &view.priced.cart.state;
    format!("a cart of {} units to {:?}", cart.units(), cart.email())
}

pub(crate) fn told_of_rows(imported: Vec<ImportedRow>) -> Result<String, Refused> {
    for row in imported {
        if let RowOutcome::Refused(problem) = row.outcome {
            return Err(problem.into());
        }
    }
    Ok("imported".to_owned())
}

pub(crate) fn told_of_order(view: &CheckoutView) -> Result<String, Refused> {
    match &view.order {
        Some(order) => Ok(format!("order {:?}", order.state.number())),
        None if view.is_settled() => Ok(format!("no order: {:?}", view.problem)),
        None => Err(unsettled()),
    }
}

/// What the edge answers with 202: it is under way, ask again.
fn unsettled() -> Refused {
    Problem::new(Class::Timeout, "test.unsettled", "it is under way").into()
}

fn price(amount: i64) -> Price {
    Price::of_money(pence(amount)).unwrap()
}

fn variant(sku: &str) -> VariantDraft {
    VariantDraft {
        sku: sku.to_owned(),
        price: Some(PriceChange::Set(price(1_000))),
        ..VariantDraft::default()
    }
}

pub(crate) fn customer(external_id: &str) -> customer::Draft {
    customer::Draft {
        external_id: Some(Some(external_id.to_owned())),
        ..customer::Draft::default()
    }
}

/// Pays with a token that the sandbox approves.
pub(crate) fn paying() -> CompletionDraft {
    CompletionDraft {
        payment_token: Some("tok_approve".to_owned()),
        expected_total: None,
        expected_due: None,
    }
}

/// Adds two cups.
pub(crate) async fn add(desk: &Desk, cart: CartRef, request: &Request) -> Result<String, Refused> {
    let draft = LineDraft {
        variant: VariantRef::Id(desk.goods.tracked[0]),
        quantity: 2,
        options: Default::default(),
        custom_fields: Default::default(),
        unit_price: None,
    };
    let added = desk.engine.add_line(request, cart, draft, View::Full).await?;
    Ok(told(&added.value))
}

async fn adjust(desk: &Desk, variant: VariantId, request: &Request) -> Result<String, Refused> {
    let delivered = AdjustStock {
        delta: 5,
        reason: "delivery".to_owned(),
        reference: None,
    };
    let adjusted = desk.engine.adjust_stock(request, variant, delivered).await?;
    Ok(format!("{} on hand", adjusted.value.state.on_hand()))
}
