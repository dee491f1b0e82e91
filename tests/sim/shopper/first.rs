//! A shopper's first adds: several at once, in a session without a cart that could take them. All go into one cart, and
//! that is the session's.

use super::{Act, Reply, Shopper, is_final};
use crate::basket::Basket;
use crate::dice::Dice;
use crate::shop::Goods;
use crate::shown::Sums;
use cartwright_actors::cart::CartRef;
use cartwright_actors::{Engine, Request};
use cartwright_domain::id::{CartId, SessionId, VariantId};
use futures::future::join_all;

/// Units that may have been added.
pub(super) type FirstAdds = Vec<(VariantId, u32)>;

pub(super) fn choose(dice: &mut Dice, goods: &Goods) -> Act {
    Act::AddFirst {
        variant: dice.one_of(&goods.variants).0,
        adds: *dice.one_of(&[1, 2, 2, 3, 5]),
        times: *dice.one_of(&[1, 1, 2, 3]),
    }
}

impl Shopper {
    pub(super) async fn add_first(
        &mut self,
        engine: &Engine,
        session: SessionId,
        variant: VariantId,
        adds: u32,
        times: u32,
    ) {
        let act = Act::AddFirst { variant, adds, times };
        let (name, number) = (self.name, self.keys);
        let each = (0..adds).map(|add| {
            let key = format!("{name}-{number}-{add}");
            let goods = &self.goods;
            // Whoever sends it again has the key in common with the first time, and not what the engine draws for it.
            let again: Vec<Request> = (0..times)
                .map(|_| self.requests.shopper(session, Some(&key)))
                .collect();
            async move {
                let calls = again
                    .iter()
                    .map(|request| super::call(engine, request, goods, act));
                join_all(calls).await
            }
        });
        let each = join_all(each).await;
        let (mut done, mut unanswered) = (0, 0);
        let mut cart: Option<CartId> = None;
        for answers in each {
            let answer = answers
                .into_iter()
                .reduce(|first, second| self.same(act, first, second));
            match answer.expect("each add is sent at least once") {
                Ok(Reply::Cart(view)) => {
                    let into = view.priced.cart.id;
                    assert_eq!(
                        *cart.get_or_insert(into),
                        into,
                        "shopper {name}: first adds went into two carts"
                    );
                    done += 1;
                }
                Ok(_) => panic!("a first add is answered with something else"),
                Err(problem) if is_final(&problem) => self.refused(act, &problem),
                Err(_) => unanswered += 1,
            }
        }
        self.trace.line(format_args!(
            "shopper {name}: {done} of {adds} first adds at once, {unanswered} without an answer"
        ));
        self.asked = None;
        let Some(cart) = cart else {
            self.no_answer(Act::AddFirst {
                variant,
                adds: unanswered,
                times,
            });
            return;
        };
        let mut basket = Basket::new(cart);
        let may_come = !self.first_adds.is_empty() || 0 < unanswered;
        if may_come {
            basket.seen.missed();
        }
        match engine
            .cart(&self.requests.shopper(session, None), CartRef::Current)
            .await
        {
            Ok(current) => {
                assert_eq!(
                    current.view.priced.cart.id, cart,
                    "shopper {name}: the session names another cart than took its first adds"
                );
                basket.seen.read(vec![Sums::of(&current.view)]);
            }
            Err(_) => basket.seen.missed(),
        }
        for (variant, adds) in self.first_adds.drain(..) {
            basket.added(variant, 0, adds);
        }
        basket.added(variant, done, unanswered);
        self.basket = Some(basket);
    }
}
