//! Stories through the whole system: each ends in a timeline that a person can read, and all
//! invariants hold; then each is told again with a fault at every effect.

mod news;

use tests::faults::{FAULTS, Faults, Mutant};
use tests::stories::all;
use tests::world::World;

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
        Mutant::ClaimExpires,
        Mutant::SendsTwice,
        Mutant::NoSweep,
        Mutant::HastyLookUp,
    ] {
        assert!(caught(mutant).await, "{mutant:?} was not caught");
    }
}

async fn caught(mutant: Mutant) -> bool {
    for story in all() {
        let mut world = World::new(Faults::with(mutant)).await;
        story.tell(&mut world).await;
        if !world.broken().await.is_empty() {
            return true;
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
