//! A supplier that does not answer, with a long queue, beside one that takes what it gets.

use crate::place::Place;
use doubles::shop::ShopOrder;
use doubles::supplier::Behaviour;
use std::time::Duration;

/// More than were ever worked on at once.
const SLOW: u64 = 60;
const QUICK: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_supplier_keeps_no_other_waiting() {
    let mut place = Place::new().await;
    let patient = place.suppliers.replace("timeout = 2", "timeout = 60");
    place.write("suppliers.toml", &patient);
    place
        .northwind
        .script((0..SLOW).map(|_| Behaviour::TakeSilently));
    place.serve().await;
    for number in 1000..1000 + SLOW {
        place.order(&ShopOrder::new(number, &[("MUG", 1)])).await;
    }
    for number in 2000..2000 + QUICK as u64 {
        place.order(&ShopOrder::new(number, &[("TOWEL", 1)])).await;
    }
    let mails = place.folder.path().join("data/outbox/mail");
    let mut sent = 0;
    for _ in 0..400 {
        sent = std::fs::read_dir(&mails).map_or(0, Iterator::count);
        if sent == QUICK {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(sent, QUICK, "held up by the slow supplier");
    // None of its answers came in the meantime: no slot of it was given to others.
    assert_eq!(place.northwind.taken().len(), 4, "its concurrency");
}
