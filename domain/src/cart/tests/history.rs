//! Random histories against a model: what a cart holds after any sequence of changes.

use super::*;
use crate::cart::{ClearLines, RemoveLine, SetQuantity};
use proptest::prelude::*;

/// Units that can be had of each variant, and that a line may hold.
const AVAILABLE: i64 = 12;
const LIMITS: Limits = Limits {
    cart_lines_max: 4,
    line_units_max: 9,
};

#[derive(Clone, Copy, Debug)]
enum Action {
    Add {
        variant: u128,
        row: Option<u8>,
        quantity: u32,
    },
    Set {
        index: usize,
        quantity: u32,
    },
    Remove {
        index: usize,
    },
    Clear,
}

fn action() -> impl Strategy<Value = Action> {
    let add = (0..3_u128, prop::option::of(0..2_u8), 0..11_u32);
    prop_oneof![
        6 => add.prop_map(|(variant, row, quantity)| Action::Add { variant, row, quantity }),
        3 => (0..5_usize, 0..11_u32).prop_map(|(index, quantity)| Action::Set { index, quantity }),
        1 => (0..5_usize).prop_map(|index| Action::Remove { index }),
        1 => Just(Action::Clear),
    ]
}

/// A line of the model: variant, row, units.
type Held = (u128, Option<u8>, u32);

/// Returns what the cart holds after an action, or nothing when the action must be refused.
fn expected(held: &[Held], action: Action) -> Option<Vec<Held>> {
    let mut after = held.to_vec();
    let fits = |lines: &[Held], changed: usize| {
        let (variant, _, units) = lines[changed];
        let of_variant = lines.iter().filter(|line| line.0 == variant);
        units <= LIMITS.line_units_max && of_variant.map(|line| i64::from(line.2)).sum::<i64>() <= AVAILABLE
    };
    match action {
        Action::Add { quantity: 0, .. } => return None,
        Action::Add {
            variant,
            row,
            quantity,
        } => {
            let same = after.iter().position(|line| (line.0, line.1) == (variant, row));
            let index = same.unwrap_or(after.len());
            match same {
                Some(index) => after[index].2 += quantity,
                None if after.len() == 4 => return None,
                None => after.push((variant, row, quantity)),
            }
            return fits(&after, index).then_some(after);
        }
        Action::Set { index, .. } | Action::Remove { index } if held.len() <= index => return None,
        Action::Set { index, quantity: 0 } | Action::Remove { index } => {
            after.remove(index);
        }
        Action::Set { index, quantity } => {
            after[index].2 = quantity;
            if held[index].2 < quantity && !fits(&after, index) {
                return None;
            }
        }
        Action::Clear => after.clear(),
    }
    Some(after)
}

fn run(cart: &mut Bench<Cart>, action: Action) -> Result<(), super::super::Error> {
    let line = |cart: &Bench<Cart>, index: usize| {
        let absent = LineId(Uuid::from_u128(404));
        cart.entity.lines().get(index).map_or(absent, |line| line.id)
    };
    match action {
        Action::Add {
            variant,
            row,
            quantity,
        } => {
            let facts = stocked(variant, AVAILABLE);
            let command = match row {
                Some(row) => add_row(&facts, quantity, &row.to_string()),
                None => add(&facts, quantity),
            };
            cart.run(AddLine {
                limits: LIMITS,
                ..command
            })
            .map(|_| ())
        }
        Action::Set { index, quantity } => {
            let facts = cart.entity.lines().get(index).map(|line| VariantFacts {
                variant_id: line.variant,
                ..stocked(0, AVAILABLE)
            });
            let line = line(cart, index);
            cart.run(SetQuantity {
                line,
                quantity,
                facts,
                limits: LIMITS,
            })
        }
        Action::Remove { index } => cart.run(RemoveLine {
            line: line(cart, index),
        }),
        Action::Clear => cart.run(ClearLines),
    }
}

fn held(cart: &Bench<Cart>) -> Vec<Held> {
    let row = |line: &crate::cart::Line| line.custom_fields.get("row").and_then(|row| row.parse().ok());
    let lines = cart.entity.lines().iter();
    lines
        .map(|line| (line.variant.0.as_u128(), row(line), line.quantity))
        .collect()
}

proptest! {
    #[test]
    fn a_cart_holds_what_was_accepted_and_each_change_is_one_fact(actions in prop::collection::vec(action(), 1..40)) {
        let mut cart = open(1);
        for action in actions {
            let (before, events) = (cart.entity.clone(), cart.events.len());
            let expected = expected(&held(&cart), action);
            cart.now = cart.now.after(Duration::from_secs(1));
            let accepted = run(&mut cart, action);
            prop_assert_eq!(accepted.is_ok(), expected.is_some(), "{:?}: {:?}", action, accepted);
            prop_assert_eq!(held(&cart), expected.unwrap_or_else(|| held(&cart)));
            let facts = usize::from(cart.entity != before);
            prop_assert_eq!(cart.events.len() - events, facts, "one fact for a change, none without");
        }
    }
}
