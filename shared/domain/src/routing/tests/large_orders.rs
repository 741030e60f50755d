//! What one commit does not hold follows in the next.

use super::*;
use crate::commit::Commit;
use crate::messages::QueueName;
use crate::order::events::Recorded;
use crate::settings::Split;
use crate::sweep::wake;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|place| format!("S{place:03}")).collect()
}

/// Lines of one unit each, sold by suppliers in turn; the stock of all is tracked.
fn large(lines: usize, suppliers: &[&str]) -> World {
    let names = names(lines);
    let given: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), 1, "9.99 USD"))
        .collect();
    let mut world = World::new(&given).rules(|rules| rules.split = Split::Allow);
    for supplier in suppliers {
        world = world.supplier(supplier, 10, Terms::default());
    }
    for (place, name) in names.iter().enumerate() {
        let supplier = suppliers[place % suppliers.len()];
        world = world.offer(name, supplier, "1.00 USD").stock(5);
    }
    world
}

/// Plans and commits until nothing more follows; what each commit made.
fn commits(world: &mut World) -> Vec<Commit> {
    let mut made = Vec::new();
    loop {
        assert!(made.len() < 20, "it does not end");
        let events = world.order.decide(world.plan().command, world.now).unwrap();
        if events.is_empty() {
            return made;
        }
        let (commit, after) = Commit::new(&world.order, events, world.now).unwrap();
        world.order = after;
        made.push(commit);
        let again = wake(&world.order, world.now);
        if !again
            .iter()
            .any(|message| message.queue() == QueueName::Routing)
        {
            return made;
        }
    }
}

/// Rows that a store writes: the state and the trace, numbers, stock and reservations.
fn rows(commit: &Commit) -> usize {
    let changes = &commit.reservations;
    let stock: BTreeSet<_> = changes
        .iter()
        .map(|change| (&change.supplier, &change.supplier_sku))
        .collect();
    let held: BTreeSet<_> = changes
        .iter()
        .map(|change| {
            (
                &change.supplier,
                &change.supplier_sku,
                &change.purchase_order,
            )
        })
        .collect();
    2 + commit.references.len() + commit.index.batches.len() + stock.len() + held.len()
}

fn lines_planned(order: &Order) -> usize {
    let planned = order.purchase_orders.iter().filter(|own| own.is_live());
    planned.map(|own| own.lines.len()).sum()
}

#[test]
fn a_usual_order_is_one_commit() {
    let mut world = large(30, &["north", "south"]);
    assert_eq!(commits(&mut world).len(), 1);
    assert_eq!(lines_planned(&world.order), 30);
}

#[test]
fn a_large_order_is_committed_purchase_order_by_purchase_order() {
    let mut world = large(120, &["north", "south", "west"]);
    let made = commits(&mut world);
    assert_eq!(made.len(), 3);
    for commit in &made {
        assert!(rows(commit) <= 100, "{}", rows(commit));
    }
    assert_eq!(lines_planned(&world.order), 120);
    assert_eq!(world.order.purchase_orders.len(), 3);
    assert_eq!(world.order.routing.as_ref().unwrap().waits, []);
}

#[test]
fn what_is_left_is_due_at_once() {
    let mut world = large(120, &["north", "south", "west"]);
    let events = world.order.decide(world.plan().command, world.now).unwrap();
    let at = world.now;
    let recorded = events.into_iter().map(|event| Recorded { at, event });
    for event in recorded {
        world.order = world.order.apply(&event).unwrap();
    }
    assert_eq!(lines_planned(&world.order), 40);
    assert_eq!(world.order.due(), Some(world.now));
}

#[test]
fn of_one_large_purchase_order_some_articles_are_not_reserved() {
    let mut world = large(70, &["north"]);
    let trace = world.plan().trace;
    let note = "25 lines of north are sent without a reservation: more than 45 articles";
    assert_eq!(trace.notes, [note]);
    let made = commits(&mut world);
    assert_eq!(made.len(), 1);
    assert!(rows(&made[0]) <= 100);
    assert_eq!(made[0].reservations.len(), 45);
    assert_eq!(lines_planned(&world.order), 70);
}

/// An edit voids what is planned, and everything is planned anew.
#[test]
fn a_large_order_that_is_edited_is_voided_and_planned_in_parts() {
    let mut world = large(120, &["north", "south", "west"]);
    commits(&mut world);
    world.order.payload = Some((2, Digest::of(b"another edit")));
    let made = commits(&mut world);
    for commit in &made {
        assert!(rows(commit) <= 100, "{}", rows(commit));
    }
    assert_eq!(lines_planned(&world.order), 120);
    let voided = world
        .order
        .purchase_orders
        .iter()
        .filter(|own| !own.is_live());
    assert_eq!(voided.count(), 3);
}
