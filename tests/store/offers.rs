//! The catalogue: offers, and the stock that it tells of.

use crate::facts;
use crate::given::{Stores, at, changing, offer, row};
use domain::catalogue::{CatalogueRow, Stock};
use domain::commit::Change;
use domain::ids::Sku;

facts![
    a_catalogue_is_applied_once,
    offers_come_in_the_order_of_the_catalogue,
    stock_is_known_where_it_is_tracked,
    a_catalogue_may_be_large,
    another_process_sees_another_catalogue,
];

fn mug() -> [Sku; 1] {
    [Sku::parse("MUG").unwrap()]
}

async fn a_catalogue_is_applied_once(stores: Stores) {
    let store = &stores.one;
    assert!(store.feed("a", 5, 10).await);
    let taking = changing(1, 0, 1, Change::Reserve(2));
    store.orders.commit(taking).await.unwrap();
    assert!(!store.feed("a", 5, 10).await);
    assert_eq!(store.available().await, 3);

    assert!(store.feed("b", 50, 9).await, "other offers, older stock");
    let offers = store.offers.offers(&mug()).await.unwrap();
    assert_eq!(offers.len(), 1);
    assert_eq!(offers[0].stock.as_ref().unwrap().stock, 5);

    assert!(store.feed("c", 1, 11).await);
    assert_eq!(store.available().await, -1, "reserved more than there is");
    assert!(store.apply("d", &[], 12).await);
    assert!(store.offers.offers(&mug()).await.unwrap().is_empty());
    assert_eq!(store.available().await, -1, "stock stays");
}

fn untracked(sku: &str, supplier: &str, supplier_sku: &str) -> CatalogueRow {
    CatalogueRow {
        offer: offer(sku, supplier, supplier_sku),
        stock: None,
        as_of: None,
    }
}

async fn offers_come_in_the_order_of_the_catalogue(stores: Stores) {
    let store = &stores.one;
    let rows = [
        untracked("CUP", "zebra", "Z-1"),
        untracked("MUG", "zebra", "Z-2"),
        untracked("CUP", "acorn", "A#1"),
    ];
    assert!(store.apply("a", &rows, 1).await);
    let asked = ["MUG", "NONE", "CUP"].map(|sku| Sku::parse(sku).unwrap());
    let offered = async || {
        let offers = store.offers.offers(&asked).await.unwrap();
        let told = offers.into_iter().map(|known| {
            assert_eq!(known.stock, None, "not tracked");
            known.offer.supplier_sku.to_string()
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(offered().await, ["Z-2", "Z-1", "A#1"]);
    let [first, second, third] = rows;
    assert!(store.apply("b", &[third, second, first], 1).await);
    assert_eq!(offered().await, ["Z-2", "A#1", "Z-1"]);
    assert!(store.offers.offers(&[]).await.unwrap().is_empty());
}

async fn stock_is_known_where_it_is_tracked(stores: Stores) {
    let store = &stores.one;
    let shared = CatalogueRow {
        offer: offer("CUP", "northwind", "NW-1"),
        stock: None,
        as_of: None,
    };
    let rows = [row(Some(7), None), shared, untracked("PEN", "acorn", "A-1")];
    assert!(store.apply("a", &rows, 33).await);
    let asked = ["CUP", "MUG", "PEN"].map(|sku| Sku::parse(sku).unwrap());
    let seven = Some(Stock {
        stock: 7,
        available: 7,
        as_of: at(33),
    });
    // The second time it may be remembered where to look.
    for _ in 0..2 {
        let offers = store.offers.offers(&asked).await.unwrap();
        let stock: Vec<_> = offers.into_iter().map(|offer| offer.stock).collect();
        assert_eq!(stock, [seven.clone(), seven.clone(), None]);
    }
}

async fn a_catalogue_may_be_large(stores: Stores) {
    let store = &stores.one;
    let rows = |count: u32, changed: u32| -> Vec<CatalogueRow> {
        let row = |index: u32| CatalogueRow {
            offer: offer(&format!("S{index}"), "acorn", &format!("A{index}")),
            stock: Some(if index < changed { 99 } else { index }),
            as_of: Some(at(if index < changed { 20 } else { 10 })),
        };
        (0..count).map(row).collect()
    };
    assert!(store.apply("a", &rows(230, 0), 10).await);
    assert!(store.apply("b", &rows(210, 30), 20).await);
    let skus: Vec<_> = (0..230)
        .map(|index| Sku::parse(format!("S{index}")).unwrap())
        .collect();
    let offers = store.offers.offers(&skus).await.unwrap();
    assert_eq!(offers.len(), 210, "of those that are gone none is left");
    for (index, known) in (0_u32..).zip(&offers) {
        let expected = if index < 30 { 99 } else { index };
        let stock = known.stock.as_ref().unwrap();
        assert_eq!(
            (stock.stock, stock.available),
            (expected, i64::from(expected))
        );
    }
    assert_eq!(store.offers.stock().await.unwrap().len(), 230);
}

/// What one process remembers of where stock is, the other may have changed.
async fn another_process_sees_another_catalogue(stores: Stores) {
    let (one, other) = (&stores.one, &stores.other);
    one.feed("a", 5, 10).await;
    assert_eq!(other.offers.offers(&mug()).await.unwrap().len(), 1);
    let moved = [CatalogueRow {
        offer: offer("MUG", "eastgate", "E-1"),
        stock: Some(3),
        as_of: None,
    }];
    assert!(one.apply("b", &moved, 20).await);
    let offers = other.offers.offers(&mug()).await.unwrap();
    assert_eq!(offers.len(), 1);
    assert_eq!(offers[0].offer.supplier.as_str(), "eastgate");
    assert_eq!(offers[0].stock.as_ref().unwrap().available, 3);
    assert!(!other.apply("b", &moved, 20).await);
}
