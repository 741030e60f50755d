//! Data restored from a copy: what was sent after the copy was made is not sent again, whenever the copy
//! was made, and what nobody can know is a case.

use domain::cases::CaseKind;
use domain::order::Order;
use domain::order::decide::Verdict;
use domain::sending::machine::SendState;
use doubles::shop::ShopOrder;
use jiff::SignedDuration;
use ports::{BatchStore as _, Clock as _, IncidentStore as _};
use std::path::PathBuf;
use tests::faults::{FAULTS, Fault, Faults, Mutant};
use tests::sample::Sample;
use tests::world::World;

/// One for each way to a supplier: over HTTP, a file, a mail, a mail over a service that reports, in
/// two steps, a batch.
const ARTICLES: [&str; 6] = ["MUG", "CHAIR", "CLOCK", "BELL", "SHIRT", "CRATE"];

fn order(number: u64, article: &str) -> ShopOrder {
    ShopOrder::new(number, &[(article, 1)])
}

async fn create(world: &mut World, order: &ShopOrder) {
    world.topic("orders/create", &order.0).await;
}

/// An order that is planned, and nothing of it sent, when the copy is made; it is sent afterwards.
async fn sent_since(article: &str, faults: Faults) -> (World, PathBuf) {
    let mut world = World::on_disk(faults).await;
    create(&mut world, &order(1001, article)).await;
    world.route_only().await;
    let copy = world.back_up().await;
    world.settle().await;
    assert_eq!(world.received().len(), 1, "{}", world.story().await);
    (world, copy)
}

async fn only_order(world: &World) -> Order {
    let mut orders = world.orders().await;
    assert_eq!(orders.len(), 1);
    orders.remove(0).0
}

async fn cases(world: &World) -> Vec<CaseKind> {
    let cases = only_order(world).await.cases(world.clock.now());
    cases.into_iter().map(|case| case.kind).collect()
}

async fn assert_holds(world: &World, times: usize) {
    let told = world.story().await;
    assert_eq!(world.broken().await, Vec::<String>::new(), "{told}");
    assert_eq!(world.received().values().sum::<usize>(), times, "{told}");
}

/// A look-up finds it, or its file lies where it was put.
#[tokio::test]
async fn what_was_sent_since_is_found() {
    for article in ["MUG", "CHAIR", "CLOCK", "SHIRT", "CRATE"] {
        let (mut world, copy) = sent_since(article, Faults::default()).await;
        world.restore(copy).await;
        world.settle().await;
        assert_holds(&world, 1).await;
        let order = only_order(&world).await;
        let told = world.story().await;
        assert!(order.purchase_orders[0].sending.is_sent(), "{told}");
        insta::assert_snapshot!(format!("restored_and_found_{article}"), told);
        // The copy does not know that somebody has to upload the file.
        let batches = world.store.batches(10).await.unwrap();
        let awaited = batches.iter().filter(|batch| batch.upload_by.is_some());
        assert_eq!(awaited.count(), usize::from(article == "CRATE"), "{told}");
    }
}

/// Nothing tells of a mail: it is a case of the supplier, which a person settles with all others there.
#[tokio::test]
async fn what_nothing_settles_is_settled_for_a_whole_supplier() {
    for (was_sent, verdict) in [
        (
            true,
            Verdict::Sent {
                reference: "list".to_owned(),
            },
        ),
        (false, Verdict::NotSent),
    ] {
        let mut world = World::on_disk(Faults::default()).await;
        for number in [1001, 1002] {
            create(&mut world, &order(number, "CLOCK")).await;
        }
        world.route_only().await;
        let copy = world.back_up().await;
        if was_sent {
            world.settle().await;
            // Somebody took the files of the mails away.
            world.take_files_away();
        }
        world.restore(copy).await;
        world.settle().await;
        let told = world.story().await;
        assert_eq!(world.received().len(), 0, "{told}");
        let mut causes = Vec::new();
        for (order, _) in world.orders().await {
            for case in order.cases(world.clock.now()) {
                assert_eq!(case.kind, CaseKind::SendInDoubt);
                causes.push(case.cause);
            }
        }
        assert_eq!(
            causes,
            ["harbour", "harbour"],
            "one case by its cause: {told}"
        );
        world.resolve_suspected("northwind", verdict.clone()).await;
        assert_eq!(world.story().await, told, "of another supplier");
        world.resolve_suspected("harbour", verdict).await;
        world.settle().await;
        assert_eq!(world.received().len(), if was_sent { 0 } else { 2 });
        for (order, _) in world.orders().await {
            assert!(order.purchase_orders[0].sending.is_sent());
        }
    }
}

/// That a file is not there proves nothing: its supplier may have fetched it.
#[tokio::test]
async fn a_file_that_is_not_there_proves_nothing() {
    for article in ["CHAIR", "CRATE"] {
        let (mut world, copy) = sent_since(article, Faults::default()).await;
        world.take_files_away();
        world.restore(copy).await;
        world.settle().await;
        world.pass(SignedDuration::from_hours(30)).await;
        assert_eq!(world.received().len(), 0, "{}", world.story().await);
        assert_eq!(cases(&world).await, [CaseKind::SendInDoubt]);
    }
}

#[tokio::test]
async fn what_was_not_sent_since_is_sent_once_a_look_up_proves_it() {
    for article in ["MUG", "SHIRT"] {
        let mut world = World::on_disk(Faults::default()).await;
        create(&mut world, &order(1001, article)).await;
        world.route_only().await;
        let copy = world.back_up().await;
        world.restore(copy).await;
        world.pump().await;
        assert_eq!(world.received().len(), 0, "looked up first");
        world.settle().await;
        assert_holds(&world, 1).await;
    }
}

/// The copy knows nothing of the order; the channel's message comes once more.
#[tokio::test]
async fn an_order_that_the_copy_does_not_know_is_not_sent_again() {
    for article in ARTICLES {
        let mut world = World::on_disk(Faults::default()).await;
        let copy = world.back_up().await;
        create(&mut world, &order(1001, article)).await;
        world.settle().await;
        assert_holds(&world, 1).await;
        world.restore(copy).await;
        create(&mut world, &order(1001, article)).await;
        world.settle().await;
        assert_holds(&world, 1).await;
    }
}

/// An order of after the restore is nobody's doubt.
#[tokio::test]
async fn a_new_order_is_sent_at_once() {
    let mut world = World::on_disk(Faults::default()).await;
    let copy = world.back_up().await;
    world.restore(copy).await;
    world.pass(SignedDuration::from_secs(1)).await;
    let mut order = order(1001, "MUG");
    order.0["created_at"] = world.clock.now().to_string().into();
    order.0["processed_at"] = order.0["created_at"].clone();
    order.0["updated_at"] = order.0["created_at"].clone();
    create(&mut world, &order).await;
    world.pump().await;
    assert_holds(&world, 1).await;
    assert_eq!(cases(&world).await, []);
}

/// Routing must not take for planned, and void, what a supplier has.
#[tokio::test]
async fn what_may_have_been_sent_is_not_planned_again_for_an_edit() {
    for cancelled in [false, true] {
        let (mut world, copy) = sent_since("MUG", Faults::default()).await;
        world.restore(copy).await;
        let mut edited = order(1001, "MUG");
        if cancelled {
            let edited = edited.cancelled(30);
            world.topic("orders/cancelled", &edited.0).await;
        } else {
            edited = edited.with_address("zip", "40203").at(40);
            world.topic("orders/updated", &edited.0).await;
        }
        world.route_only().await;
        world.settle().await;
        assert_holds(&world, 1).await;
        let (order, told) = (only_order(&world).await, world.story().await);
        assert_eq!(order.purchase_orders.len(), 1, "{told}");
        assert_ne!(cases(&world).await, [], "{told}");
    }
}

/// The file of a batch of before is not written again, which would take the place of the one that is
/// there.
#[tokio::test]
async fn a_batch_of_before_is_not_written_again() {
    let mut world = World::on_disk(Faults::default()).await;
    create(&mut world, &order(1001, "CRATE")).await;
    world.route_only().await;
    let copy = world.back_up().await;
    create(&mut world, &order(1002, "CRATE")).await;
    world.pump().await;
    world.pass(SignedDuration::from_mins(121)).await;
    assert_eq!(world.received().len(), 2);
    world.take_files_away();
    world.restore(copy).await;
    world.settle().await;
    world.resolve_suspected("quay", Verdict::NotSent).await;
    world.settle().await;
    assert_eq!(world.received().len(), 0, "{}", world.story().await);
    world.pass(SignedDuration::from_hours(24)).await;
    assert_eq!(world.received().len(), 1, "{}", world.story().await);
    let order = only_order(&world).await;
    assert!(order.purchase_orders[0].sending.is_sent());
}

/// The process dies at an effect, a copy is made of what it left, everything goes on to its end, and
/// the copy is put in the place of it. Returns the broken promises.
async fn copies_of_every_moment(article: &str, mutant: Mutant, sample: Sample) -> Vec<String> {
    let until_death = async |faults: Faults| {
        let mut world = World::on_disk(faults).await;
        create(&mut world, &order(1001, article)).await;
        world.pump_until_death().await;
        if article == "CRATE" {
            world.pass(SignedDuration::from_mins(121)).await;
        }
        world
    };
    let calm = until_death(Faults::with(mutant)).await;
    let effects = (0..calm.faults.effects()).collect();
    let mut broken = Vec::new();
    for effect in sample.choose("copies", article, effects) {
        let faults = Faults::at(effect, Fault::CrashBefore).mutated(mutant);
        let mut world = until_death(faults).await;
        assert!(world.faults.effects() > effect, "{article}, {effect}");
        let copy = world.back_up().await;
        world.settle().await;
        world.restore(copy).await;
        world.settle().await;
        let wrong = world.broken().await;
        let told = world.story().await;
        broken.extend(
            wrong
                .into_iter()
                .map(|why| format!("{article}, copied at effect {effect}: {why}\n{told}")),
        );
    }
    broken
}

#[tokio::test]
async fn a_copy_of_any_moment_doubles_nothing() {
    let sample = Sample::of_this_run();
    for article in ARTICLES {
        let broken = copies_of_every_moment(article, Mutant::None, sample).await;
        assert_eq!(broken, Vec::<String>::new(), "{}", broken.join("\n"));
    }
}

/// A fault at each effect of putting into doubt, looking up, and what follows.
#[tokio::test]
async fn crash_everywhere_after_a_restore() {
    let (sample, mut replays) = (Sample::of_this_run(), 0);
    for article in ARTICLES {
        let (mut world, copy) = sent_since(article, Faults::default()).await;
        let begun = world.faults.effects();
        world.restore(copy).await;
        world.settle().await;
        for fault in FAULTS {
            let stratum = format!("{article}, {fault:?}");
            let effects = (begun..world.faults.effects()).collect();
            for effect in sample.choose("restores", &stratum, effects) {
                let faults = Faults::at(effect, fault);
                let (mut world, copy) = sent_since(article, faults).await;
                world.restore(copy).await;
                world.settle().await;
                let broken = world.broken().await;
                let story = world.story().await;
                assert!(
                    broken.is_empty(),
                    "{article}, {effect}, {fault:?}: {broken:?}\n{story}"
                );
                assert_eq!(world.received().values().sum::<usize>(), 1, "{story}");
                replays += 1;
            }
        }
    }
    println!("{replays} restores with a fault");
}

/// Whoever takes a copy for current sends twice, by every way that can be sent twice.
#[tokio::test]
async fn a_copy_taken_for_current_is_caught() {
    for article in ["MUG", "BELL"] {
        let faults = Faults::with(Mutant::TakesACopyForCurrent);
        let (mut world, copy) = sent_since(article, faults).await;
        world.restore(copy).await;
        world.settle().await;
        let broken = world.broken().await;
        assert!(
            broken.iter().any(|why| why.contains("nothing doubled")),
            "{article}: {broken:?}"
        );
    }
    // In a file of the same name it lies once, and was fetched twice.
    let faults = Faults::with(Mutant::TakesACopyForCurrent);
    let (mut world, copy) = sent_since("CHAIR", faults).await;
    world.take_files_away();
    world.restore(copy).await;
    world.settle().await;
    assert_eq!(world.received().len(), 1);
}

#[tokio::test]
async fn every_open_purchase_order_is_put_into_doubt_at_once() {
    let mut world = World::on_disk(Faults::default()).await;
    for (number, article) in (1001..).zip(ARTICLES) {
        create(&mut world, &order(number, article)).await;
    }
    world.route_only().await;
    let copy = world.back_up().await;
    world.restore(copy).await;
    // Not by the messages that the copy holds alone.
    world.lose_messages().await;
    world.pass(SignedDuration::from_secs(5)).await;
    for (order, _) in world.orders().await {
        let own = &order.purchase_orders[0];
        assert!(
            !matches!(own.sending.state, SendState::Planned { .. }),
            "{}",
            own.number
        );
    }
}

/// As on AWS, where the functions run whatever table they find.
#[tokio::test]
async fn nothing_is_planned_or_sent_until_somebody_takes_note() {
    for planned_before in [false, true] {
        let mut world = World::new(Faults::default()).await;
        if planned_before {
            create(&mut world, &order(1001, "CHAIR")).await;
            world.route_only().await;
        }
        world.faults.set_unnoted(true);
        create(&mut world, &order(1002, "CHAIR")).await;
        world.settle().await;
        assert_eq!(world.received().len(), 0, "{}", world.story().await);
        let incidents = world.store.incidents().await.unwrap();
        let kinds: Vec<_> = incidents.iter().map(|incident| incident.kind).collect();
        assert_eq!(kinds, [CaseKind::DataRestored]);
        world.faults.set_unnoted(false);
        world.settle().await;
        assert_eq!(world.received().len(), 1 + usize::from(planned_before));
    }
}
