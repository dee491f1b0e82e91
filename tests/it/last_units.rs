//! The last units of several goods, over HTTP: of those who want them at once somebody gets all of them.

use crate::support::{OpenShop, Purchase, Variant, unique};
use futures::future::join_all;

/// How often each race is run.
const ROUNDS: usize = 12;

/// Has buyers complete their carts at once, each with these quantities of the variants, and returns how many have an order.
async fn orders_of(open: &OpenShop, variants: &[Variant], wanted: &[&[u64]]) -> usize {
    let mut carts = Vec::new();
    for quantities in wanted {
        let guest = open.shop.guest().await;
        let lines: Vec<_> = variants.iter().zip(quantities.iter().copied()).collect();
        let cart = open.shop.ready_cart(&guest, &open.method, &lines).await;
        carts.push((guest, cart, unique("key")));
    }
    let completions = carts.iter().map(|(guest, cart, key)| async {
        let token = "tok_approve";
        let answer = open.shop.complete(guest, cart, &Purchase { key, token }).await;
        if answer.status != 200 {
            let code = answer.json["error"].as_str().unwrap_or_default();
            let fits = ["inventory.insufficient", "checkout.lines_unavailable"].contains(&code);
            assert!(fits, "{}: {}", answer.status, answer.text);
        }
        usize::from(answer.status == 200)
    });
    join_all(completions).await.into_iter().sum()
}

/// Returns fresh variants of which so many are left.
async fn left(open: &OpenShop, units: &[u64]) -> Vec<Variant> {
    let mut variants = Vec::new();
    for units in units {
        variants.push(open.shop.variant(500, Some(*units)).await);
    }
    variants
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_who_want_the_same_last_units_one_gets_them() {
    let open = OpenShop::fresh().await;
    for _ in 0..ROUNDS {
        let variants = left(&open, &[1, 1, 1]).await;
        let wanted: [&[u64]; 6] = [&[1, 1, 1]; 6];
        assert_eq!(orders_of(&open, &variants, &wanted).await, 1);
        for variant in &variants {
            assert_eq!(open.shop.units(variant).await, (1, 0, 1));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_gets_them_also_where_one_finds_plenty_of_what_another_needs_all_of() {
    let open = OpenShop::fresh().await;
    for round in 0..ROUNDS {
        let mut all = [4, 1, 4];
        all.rotate_left(round % 3);
        let variants = left(&open, &all).await;
        let some = [1; 3];
        // Each shuts every other out, wherever they meet.
        let wanted: [&[u64]; 4] = [&some, &all, &some, &all];
        assert_eq!(orders_of(&open, &variants, &wanted).await, 1, "{all:?}");
    }
}
