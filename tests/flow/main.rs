//! Stories through the whole system: each ends in a timeline that a person can read, and all
//! invariants hold; then each is told again with a fault at every effect.

mod answers;
mod changed;
mod clocks;
mod crowd;
mod gone;
mod mails;
mod news;
mod overdue;
mod restored;
mod settings;
mod spend_limit;
mod unreadable;

use tests::faults::{FAULTS, Fault, Faults, Mutant};
use tests::sample::Sample;
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

/// Transactions that conflict are no news to anybody: every story ends as it does without. The local
/// AWS never has one, so they are injected here.
#[tokio::test]
async fn every_other_commit_meets_a_conflict() {
    for story in all() {
        let mut calm = World::new(Faults::default()).await;
        story.tell(&mut calm).await;
        let mut world = World::new(Faults::default()).await;
        world.faults.conflict();
        story.tell(&mut world).await;
        let told = world.story().await;
        assert_eq!(world.broken().await, Vec::<String>::new(), "{told}");
        assert_eq!(told, calm.story().await, "{}", story.name);
    }
}

/// The k-th effect does not happen, or happens and everything in memory is lost, or its answer is
/// lost, or it fails: for every story and every k.
#[tokio::test]
async fn crash_everywhere() {
    let (mut sample, mut told) = (Sample::new(), 0);
    for story in all() {
        let mut world = World::new(Faults::default()).await;
        story.tell(&mut world).await;
        let effects = world.faults.effects();
        for effect in 0..effects {
            for fault in FAULTS {
                if !sample.takes() {
                    continue;
                }
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
        Mutant::BelievesAnySuccess,
        Mutant::BelievesAnyRefusal,
    ] {
        assert!(Box::pin(caught(mutant)).await, "{mutant:?} was not caught");
    }
}

/// Two workers on one message, at every message of every story: the first up to each of its
/// effects, the second to its end, then the first on.
#[tokio::test]
async fn two_workers_one_preemption() {
    let (mut sample, mut raced) = (Sample::new(), 0);
    for story in all() {
        for race in races(&story, |_| vec![None]).await {
            if !sample.takes() {
                continue;
            }
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
    let (mut sample, mut raced) = (Sample::new(), 0);
    for story in all() {
        for race in races(&story, |first| {
            (0..8)
                .filter(|second| (first + second) % 2 == 0)
                .map(Some)
                .collect()
        })
        .await
        {
            if !sample.takes() {
                continue;
            }
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

/// Where redelivery alone repairs a crash, a queue that forgets a message before its work is done
/// does not: without the sweep, which repairs both, the two are told apart.
#[tokio::test]
async fn a_queue_that_acknowledges_first_is_caught() {
    let (mut sample, mut caught) = (Sample::new(), 0);
    for story in all() {
        let mut world = World::new(Faults::default()).await;
        story.tell(&mut world).await;
        for effect in 0..world.faults.effects() {
            if !sample.takes() {
                continue;
            }
            let repaired = async |mutant| {
                let faults = Faults::at(effect, Fault::CrashBefore).mutated(mutant);
                let mut world = World::new(faults).await;
                world.sweeps = false;
                story.tell(&mut world).await;
                world.broken().await.is_empty()
            };
            if repaired(Mutant::None).await && !repaired(Mutant::AcknowledgesFirst).await {
                caught += 1;
            }
        }
    }
    println!("caught at {caught} effects");
    assert!(caught > 0);
}

/// Two workers stop each other twice, the process dies, and it dies again while what the first
/// death left is being repaired.
#[tokio::test]
async fn two_crashes_and_two_preemptions() {
    let stories = all();
    for seed in 0..500 {
        let mut dice = Dice(seed);
        let story = &stories[dice.below(stories.len())];
        let mut world = World::new(Faults::default()).await;
        story.tell(&mut world).await;
        let effects = world.faults.effects();
        let first = dice.below(effects);
        let second = first + 1 + dice.below(6);
        let mut fault = || FAULTS[dice.below(FAULTS.len())];
        let faults = Faults::at_each([(first, fault()), (second, fault())]);
        let race = Race {
            delivery: dice.below(world.delivered().max(1)),
            first_until: dice.below(EFFECTS_OF_A_MESSAGE),
            second_until: Some(dice.below(EFFECTS_OF_A_MESSAGE)),
        };
        let mut world = World::new(faults).await;
        world.race = Some(race);
        story.tell(&mut world).await;
        let broken = world.broken().await;
        assert!(
            broken.is_empty(),
            "seed {seed}, {}, effects {first} and {second}, {race:?}: {}\n{}",
            story.name,
            broken.join("; "),
            world.story().await
        );
    }
}

/// Numbers that a seed repeats (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap_or(0)
    }
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
