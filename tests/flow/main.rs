//! Stories through the whole system: each ends in a timeline that a person can read, and all
//! invariants hold; then each is told again with a fault at every effect.

mod news;

use tests::faults::{FAULTS, Faults, Mutant};
use tests::stories::all;
use tests::world::{Race, World};

#[tokio::test]
async fn stories() {
    for story in all() {
        let mut world = World::new(Faults::default()).await;
        story.tell(&mut world).await;
        assert_eq!(
            world.broken().await,
            Vec::<String>::new(),
            "{}:\n{}",
            story.name,
            world.story().await
        );
        insta::assert_snapshot!(story.name, world.story().await);
    }
}

/// The k-th effect does not happen, or happens and everything in memory is lost, or its answer is
/// lost, or it fails: for every story and every k.
#[tokio::test]
async fn crash_everywhere() {
    let mut told = 0;
    for story in all() {
        let mut world = World::new(Faults::default()).await;
        story.tell(&mut world).await;
        let effects = world.faults.effects();
        for effect in 0..effects {
            for fault in FAULTS {
                let mut world = World::new(Faults::at(effect, fault)).await;
                story.tell(&mut world).await;
                let broken = world.broken().await;
                assert!(
                    broken.is_empty(),
                    "{}, effect {effect}, {fault:?}: {}\n{}",
                    story.name,
                    broken.join("; "),
                    world.story().await
                );
                told += 1;
            }
        }
    }
    println!("{told} tellings with a fault");
}

/// A World that is wrong in one way is found out by the same stories and faults; a mutant that
/// nothing finds would mean that the tests prove nothing about it.
#[tokio::test]
async fn mutants_are_caught() {
    for mutant in [
        Mutant::StoreIgnoresVersion,
        Mutant::ClaimExpires,
        Mutant::SendsTwice,
        Mutant::NoSweep,
        Mutant::HastyLookUp,
    ] {
        assert!(caught(mutant).await, "{mutant:?} was not caught");
    }
}

/// Two workers on one message, at every message of every story: the first up to each of its
/// effects, the second to its end, then the first on.
#[tokio::test]
async fn two_workers_one_preemption() {
    let mut raced = 0;
    for story in all() {
        for race in races(&story, |_| vec![None]).await {
            let mut world = World::new(Faults::default()).await;
            world.race = Some(race);
            story.tell(&mut world).await;
            let broken = world.broken().await;
            assert!(
                broken.is_empty(),
                "{}, {race:?}: {}\n{}",
                story.name,
                broken.join("; "),
                world.story().await
            );
            raced += 1;
        }
    }
    println!("{raced} races");
}

/// The second worker stands still in the middle, too: the first goes on to its end, then the second.
#[tokio::test]
async fn two_workers_two_preemptions() {
    let mut raced = 0;
    for story in all() {
        for race in races(&story, |first| {
            (0..8)
                .filter(|second| (first + second) % 2 == 0)
                .map(Some)
                .collect()
        })
        .await
        {
            let mut world = World::new(Faults::default()).await;
            world.race = Some(race);
            story.tell(&mut world).await;
            let broken = world.broken().await;
            assert!(
                broken.is_empty(),
                "{}, {race:?}: {}\n{}",
                story.name,
                broken.join("; "),
                world.story().await
            );
            raced += 1;
        }
    }
    println!("{raced} races");
}

/// A handler has at most this many effects before it enqueues or acknowledges.
const EFFECTS_OF_A_MESSAGE: usize = 8;

async fn races(
    story: &tests::stories::Story,
    seconds: impl Fn(usize) -> Vec<Option<usize>>,
) -> Vec<Race> {
    let mut world = World::new(Faults::default()).await;
    story.tell(&mut world).await;
    let mut races = Vec::new();
    for delivery in 0..world.delivered() {
        for first_until in 0..EFFECTS_OF_A_MESSAGE {
            for second_until in seconds(first_until) {
                races.push(Race {
                    delivery,
                    first_until,
                    second_until,
                });
            }
        }
    }
    races
}

async fn caught(mutant: Mutant) -> bool {
    for story in all() {
        let mut world = World::new(Faults::with(mutant)).await;
        story.tell(&mut world).await;
        if !world.broken().await.is_empty() {
            return true;
        }
        for race in races(&story, |_| vec![None]).await {
            let mut world = World::new(Faults::with(mutant)).await;
            world.race = Some(race);
            story.tell(&mut world).await;
            if !world.broken().await.is_empty() {
                return true;
            }
        }
        for effect in 0..world.faults.effects() {
            for fault in FAULTS {
                let mut world = World::new(Faults::at(effect, fault).mutated(mutant)).await;
                story.tell(&mut world).await;
                if !world.broken().await.is_empty() {
                    return true;
                }
            }
        }
    }
    false
}
