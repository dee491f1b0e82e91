//! Makes a failing cart smaller for as long as it still fails, so that somebody can price it by hand.

use crate::case::{Action, Case, Charge, Conditions};

/// Returns the smallest cart that is found to fail.
pub(crate) fn smallest(mut case: Case, fails: impl Fn(&Case) -> bool) -> Case {
    while let Some(smaller) = steps(&case).into_iter().find(|step| *step != case && fails(step)) {
        case = smaller;
    }
    case
}

/// Returns every cart that is one step smaller.
fn steps(case: &Case) -> Vec<Case> {
    let mut steps = Vec::new();
    let mut step = |change: &dyn Fn(&mut Case)| {
        let mut smaller = case.clone();
        change(&mut smaller);
        steps.push(smaller);
    };
    for at in 0..case.store.promotions.len() {
        step(&|case| drop(case.store.promotions.remove(at)));
    }
    for at in 0..case.cart.lines.len() {
        step(&|case| drop(case.cart.lines.remove(at)));
    }
    for (at, promotion) in case.store.promotions.iter().enumerate() {
        for action in 0..promotion.actions.len() {
            if 1 < promotion.actions.len() {
                step(&|case| drop(case.store.promotions[at].actions.remove(action)));
            }
            step(&|case| plainer_action(&mut case.store.promotions[at].actions[action]));
        }
        step(&|case| case.store.promotions[at].conditions = Conditions::default());
        step(&|case| case.store.promotions[at].conditions.items = None);
        step(&|case| case.store.promotions[at].conditions.subtotal_from = None);
        step(&|case| case.store.promotions[at].code = None);
        step(&|case| case.store.promotions[at].exclusive = false);
        step(&|case| case.store.promotions[at].priority = 0);
    }
    for at in 0..case.store.lists.len() {
        step(&|case| drop(case.store.lists.remove(at)));
        step(&|case| case.store.lists[at].priority = 0);
    }
    for at in 0..case.cart.values.len() {
        step(&|case| {
            case.cart.values.remove(at);
        });
        step(&|case| case.cart.values[at].held_by_own = 0);
        step(&|case| case.cart.values[at].held_by_others = 0);
    }
    step(&|case| case.store.calculator = None);
    step(&|case| case.cart.used_up.clear());
    step(&|case| case.cart.method = None);
    for at in 0..case.store.methods.len() {
        step(&|case| case.store.methods[at].charge = Charge::Flat(1));
        step(&|case| case.store.methods[at].handling = 0);
    }
    step(&|case| case.cart.destination = Some(case.store.home));
    step(&|case| case.store.zones.clear());
    step(&|case| case.store.inclusive = false);
    step(&|case| case.store.strips = false);
    step(&|case| case.cart.exempt = false);
    step(&|case| case.cart.codes.clear());
    for at in 0..case.cart.lines.len() {
        step(&|case| case.cart.lines[at].minimum = None);
        step(&|case| case.cart.lines[at].list_prices.clear());
        step(&|case| case.cart.lines[at].price = "1".to_owned());
        step(&|case| case.cart.lines[at].quantity = 1);
        step(&|case| case.cart.lines[at].quantity = case.cart.lines[at].quantity.div_ceil(2));
    }
    steps
}

fn plainer_action(action: &mut Action) {
    match action {
        Action::Order(_) | Action::Shipping(_) => {}
        Action::Lines { items, .. } => *items = None,
        Action::Sets(sets) => {
            sets.buy_items = None;
            sets.get_items = None;
        }
    }
}
