//! Freezing a quote.

use super::*;
use crate::cart::totals::{Buyer, Intent, Looked, Rules, Trace, quote};
use crate::cart::{FrozenQuote, Patch, UpdateDetails};
use crate::cart::{Quote, Unmet};
use crate::id::PromotionId;
use crate::promotion::Promotions;
use crate::settings::Settings;
use crate::tax::Zones;

fn frozen(address_known: bool) -> FrozenQuote {
    let mut cart = filled(1, &[(&variant(1), 2), (&variant(2), 1)]);
    if address_known {
        let shipping_address = Patch::Set(address("GB"));
        cart.run(UpdateDetails {
            shipping_address,
            ..UpdateDetails::default()
        })
        .expect("the cart is open");
    }
    let renamed = VariantFacts {
        title: "New title".into(),
        ..variant(1)
    };
    let facts = |id| Some(&renamed).filter(|facts| facts.variant_id == id);
    let (settings, zones) = (Settings::default(), Zones::default());
    let rules = Rules {
        settings: &settings,
        zones: &zones,
        methods: &[],
        promotions: &Promotions::default(),
    };
    let intent = Intent::of_cart(&cart.entity, cart.now, Buyer::default(), facts);
    let worksheet = quote(&intent, &rules, None).expect("the cart can be priced");
    let quote = Quote::clone(&worksheet.quote);
    FrozenQuote::of_cart(
        CHECKOUT,
        &cart.entity,
        quote,
        Vec::new(),
        facts,
        Timestamp::from_millis(7),
    )
}

#[test]
fn a_frozen_quote_keeps_the_names_of_now_or_those_when_added() {
    let held = frozen(true);
    let names: Vec<(&str, &str)> = held.lines.iter().map(|line| (&*line.sku, &*line.title)).collect();
    assert_eq!(names, [("SKU-1", "New title"), ("SKU-2", "Title 2")]);
    assert_eq!((held.checkout, held.quote.total.amount), (CHECKOUT, 765));
    assert!(held.billing_address.is_some(), "the bill goes where the goods go");
    assert_eq!(held.frozen_at, Timestamp::from_millis(7));

    let stored = serde_json::to_string(&held).expect("a frozen quote can be written");
    assert_eq!(serde_json::from_str::<FrozenQuote>(&stored).ok(), Some(held));
}

#[test]
fn an_estimate_or_a_missing_line_is_never_frozen() {
    let check = |frozen: FrozenQuote, sentence: &str| {
        assert_eq!(frozen.check().expect_err("the state cannot be").0, sentence);
    };
    assert_eq!(frozen(true).check(), Ok(()));
    let mut estimate = frozen(true);
    estimate.quote.estimated = true;
    check(estimate, "a frozen quote is not an estimate");
    let mut missing = frozen(true);
    missing.lines.pop();
    check(missing, "a frozen quote names every line it prices, in order");
    let mut dearer = frozen(true);
    dearer.quote.total.amount += 1;
    check(dearer, "the total is the sum of its parts");
}

#[test]
fn what_applied_is_kept_and_the_first_hundred_of_what_did_not() {
    let looked = |at: u128| Looked {
        promotion: PromotionId(Uuid::from_u128(at)),
        name: "A tenth".into(),
        code: None,
        unmet: (at % 2 == 1).then_some(Unmet::BelowQuantity),
        steps: Vec::new(),
    };
    let trace = Trace {
        looked: (0..300).map(looked).collect(),
    };
    let frozen = frozen(true).explained_by(trace);
    let (applied, others): (Vec<_>, Vec<_>) = frozen.looked.iter().partition(|looked| looked.unmet.is_none());
    assert_eq!((applied.len(), others.len()), (150, 100));
    assert_eq!(
        others.last().map(|looked| looked.promotion),
        Some(looked(199).promotion)
    );
}
