//! What a use case has left half done, and another request of another kind comes upon.

use crate::shop::{By, Desk};
use crate::support::house::{House, pence};
use crate::{WRITES_MAX, quiet};
use cartwright_actors::catalog::{ImportRow, Visibility};
use cartwright_domain::catalog::ProductStatus;
use cartwright_domain::money::Price;
use std::time::Duration;

/// A file is broken off, and another one comes in its place.
#[tokio::test(start_paused = true)]
async fn what_an_import_has_made_by_half_is_as_the_next_one_says() {
    let monday = ImportRow {
        row: 1,
        sku: "LAMP".to_owned(),
        title: Some("Lamp".to_owned()),
        price: Price::of_money(pence(500)).ok(),
        image_url: Some("https://example.com/lamp.jpg".to_owned()),
        categories: Some(vec!["lamps".to_owned()]),
        stock: Some(12),
        ..ImportRow::default()
    };
    let tuesday = ImportRow {
        title: Some("Floor lamp".to_owned()),
        image_url: None,
        categories: None,
        status: Some(ProductStatus::Draft),
        stock: None,
        ..monday.clone()
    };
    for nth in 1..WRITES_MAX {
        let house = House::build().await;
        let running = house.start(Duration::ZERO, |_| {}).await;
        let desk = Desk::new(&running, &house);
        let staff = desk.request(By::Staff);
        quiet(&running).await;
        let before = running.faults.submitted();
        running.faults.fail_nth(nth);
        let broken_off = desk.engine.import_catalog(&staff, vec![monday.clone()]).await;
        quiet(&running).await;
        if running.faults.submitted() - before < nth {
            running.kill().await;
            assert!(3 < nth, "stock, product and variant are written: {broken_off:?}");
            return;
        }
        desk.engine
            .import_catalog(&staff, vec![tuesday.clone()])
            .await
            .unwrap();
        let variant = desk.engine.variant_by_sku("LAMP").await.unwrap().unwrap();
        let shown = desk.engine.variant(Visibility::All, variant).await.unwrap();
        let product = shown.variant.state.product;
        let product = desk.engine.product(Visibility::All, product).await.unwrap();
        let product = &product.product.state;
        running.kill().await;
        let told = format!("at write {nth}");
        assert_eq!(
            (&*product.title, product.status),
            ("Floor lamp", ProductStatus::Draft),
            "{told}"
        );
        assert_eq!((product.images.len(), product.categories.len()), (0, 0), "{told}");
        assert_eq!(shown.available, None, "{told}");
    }
    panic!("there is no end");
}
