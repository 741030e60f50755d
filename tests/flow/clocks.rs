//! A wall clock that is set while something is on its way: no wait of a supplier's grows by it, and no
//! absence is proved by it.

use domain::sending::machine::SendState;
use doubles::shop::ShopOrder;
use doubles::supplier::Behaviour;
use jiff::SignedDuration;
use tests::faults::{Faults, Mutant};
use tests::sample::Sample;
use tests::stories::{all, suppliers_file};
use tests::world::World;

const HOUR: i64 = 3600;

/// Forward by an hour or a month, back by an hour or a day, between any two effects of every story:
/// what waited for the wall clock goes when it is there again.
#[tokio::test]
async fn a_clock_is_set_between_any_two_effects() {
    let (sample, mut replays) = (Sample::of_this_run(), 0);
    for story in all() {
        let mut world = World::new(Faults::default()).await;
        story.run(&mut world).await;
        // Where a person speaks, or a supplier lies, at a time by the story, another time is another
        // story.
        if story.name.starts_with("taken_after_it_was_rejected") {
            continue;
        }
        for seconds in [HOUR, 30 * 24 * HOUR, -HOUR, -24 * HOUR] {
            let stratum = format!("{}, {seconds} s", story.name);
            let effects = (0..world.faults.effects()).collect();
            for effect in sample.choose("clocks", &stratum, effects) {
                let by = SignedDuration::from_secs(seconds);
                let mut world = World::new(Faults::clock_set_at(effect, by)).await;
                story.run(&mut world).await;
                if by.is_negative() {
                    world.pass(by.abs()).await;
                    world.settle().await;
                }
                let broken = world.broken().await;
                assert!(
                    broken.is_empty(),
                    "{}, effect {effect}, {seconds} s: {}\n{}",
                    story.name,
                    broken.join("; "),
                    world.story().await
                );
                replays += 1;
            }
        }
    }
    assert!(
        replays > 300,
        "only {replays} replays with a clock that is set"
    );
}

/// The supplier took the order, and its look-up does not know it yet, when somebody sets the clock.
async fn in_doubt(by: SignedDuration, mutant: Mutant) -> World {
    let mut world = World::new(Faults::with(mutant)).await;
    world.supplier.script([Behaviour::TakeHidden]);
    let order = ShopOrder::new(1001, &[("MUG", 2)]);
    world.topic("orders/create", &order.0).await;
    world.pump().await;
    world.pass(SignedDuration::from_secs(61)).await;
    assert_eq!(world.supplier.look_ups(), 1, "{}", world.story().await);
    world.clock.set(by);
    world
}

/// How often the suppliers have it in the end.
async fn received(world: &mut World) -> usize {
    world.supplier.show();
    world.settle().await;
    world.received().values().sum()
}

#[tokio::test]
async fn a_step_forward_proves_no_absence() {
    for (mutant, expected) in [(Mutant::None, 1), (Mutant::BelievesTheWallClock, 2)] {
        let mut world = in_doubt(SignedDuration::from_hours(1), mutant).await;
        world.pass(SignedDuration::from_secs(1)).await;
        assert_eq!(world.supplier.look_ups(), 2, "{}", world.story().await);
        let received = received(&mut world).await;
        assert_eq!(received, expected, "{mutant:?}\n{}", world.story().await);
    }
}

/// Another process cannot know how much time passed: it begins to count anew.
#[tokio::test]
async fn a_restart_begins_to_count_anew() {
    let mut world = in_doubt(SignedDuration::ZERO, Mutant::None).await;
    world.clock.restart();
    world.pass(SignedDuration::from_mins(10)).await;
    assert!(world.supplier.look_ups() >= 2, "{}", world.story().await);
    assert_eq!(received(&mut world).await, 1, "{}", world.story().await);
}

/// The supplier's own clock tells, whatever became of ours.
#[tokio::test]
async fn dates_of_the_supplier_prove_an_absence() {
    for (second, proves) in [
        ("Mon, 23 Nov 2026 10:05:00 GMT", true),
        ("Mon, 23 Nov 2026 10:00:40 GMT", false),
        ("Mon, 23 Nov 2026 09:00:00 GMT", false),
    ] {
        let mut world = World::new(Faults::default()).await;
        // Nothing was taken, and nobody knows.
        world.supplier.script([Behaviour::ErrorPage]);
        world.supplier.set_date("Mon, 23 Nov 2026 10:00:30 GMT");
        let order = ShopOrder::new(1001, &[("MUG", 2)]);
        world.topic("orders/create", &order.0).await;
        world.pump().await;
        world.pass(SignedDuration::from_secs(61)).await;
        assert_eq!(world.supplier.look_ups(), 1, "{}", world.story().await);
        world.supplier.set_date(second);
        world.clock.restart();
        world.clock.set(SignedDuration::from_hours(-1));
        world.pass(SignedDuration::from_mins(65)).await;
        let (order, _) = world.orders().await.remove(0);
        let state = &order.purchase_orders[0].sending.state;
        let is_sent = matches!(state, SendState::Sent { .. });
        assert_eq!(is_sent, proves, "{second}\n{}", world.story().await);
    }
}

/// A supplier's own limit is counted by the steady clock.
#[tokio::test]
async fn a_clock_set_back_keeps_no_supplier_waiting() {
    let mut world = World::new(Faults::default()).await;
    let rate = "[supplier.http.rate]\nper_minute = 60\nburst = 1\n\n[supplier.http.lookup]";
    let suppliers = suppliers_file().replacen("[supplier.http.lookup]", rate, 1);
    world.configure("suppliers.toml", &suppliers).await;
    for number in 1001..1004 {
        world.clock.set(SignedDuration::from_hours(-1));
        let order = ShopOrder::new(number, &[("MUG", 1)]);
        world.topic("orders/create", &order.0).await;
        world.pump().await;
        world.pass(SignedDuration::from_secs(5)).await;
    }
    let received: usize = world.received().values().sum();
    assert_eq!(received, 3, "{}", world.story().await);
}
