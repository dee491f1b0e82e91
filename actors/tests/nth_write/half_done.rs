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
        status: Some(ProductStatus::Archived),
        stock: Some(12),
        ..ImportRow::default()
    };
    let tuesday = ImportRow {
        title: Some("Floor lamp".to_owned()),
        categories: Some(vec!["sale".to_owned()]),
        status: Some(ProductStatus::Draft),
        stock: Some(5),
        ..monday.clone()
    };
    // What a row does not say stays.
    let prices = ImportRow {
        row: 1,
        sku: "LAMP".to_owned(),
        price: Price::of_money(pence(600)).ok(),
        ..ImportRow::default()
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
        let is_made = desk.engine.product_by_handle("lamp").await.unwrap().is_some();
        let imported = async |row: &ImportRow| {
            let rows = vec![row.clone()];
            desk.engine.import_catalog(&staff, rows).await.unwrap();
            let variant = desk.engine.variant_by_sku("LAMP").await.unwrap().unwrap();
            let variant = desk.engine.variant(Visibility::All, variant).await.unwrap();
            let product = variant.variant.state.product;
            let product = desk.engine.product(Visibility::All, product).await.unwrap();
            (product.product, variant.available)
        };
        let told = format!("at write {nth}");
        if is_made {
            let (product, available) = imported(&prices).await;
            assert_eq!(product.state.status, ProductStatus::Archived, "{told}");
            assert_eq!(
                (&*product.state.title, product.state.images.len(), available),
                ("Lamp", 1, Some(12)),
                "{told}"
            );
        }
        let (product, available) = imported(&tuesday).await;
        running.kill().await;
        assert_eq!(product.state.status, ProductStatus::Draft, "{told}");
        assert_eq!(
            (&*product.state.title, available),
            ("Floor lamp", Some(5)),
            "{told}"
        );
        let categories: Vec<_> = product
            .state
            .categories
            .iter()
            .map(|handle| handle.as_str())
            .collect();
        assert_eq!(categories, ["sale"], "{told}");
    }
    panic!("there is no end");
}
