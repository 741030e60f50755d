//! Stories through the whole system: each ends in a timeline that a person can read, and all
//! invariants hold; then each is replayed with a fault at every effect.

mod answers;
mod changed;
mod clocks;
mod crowd;
mod golden;
mod gone;
mod growth;
mod mails;
mod news;
mod overdue;
mod restored;
mod settings;
mod spend_limit;
mod unreadable;

use tests::faults::{FAULTS, Fault, Faults, Mutant};
use tests::sample::{Dice, Sample, is_exhaustive};
use tests::stories::{Story, all};
use tests::world::{Race, World};

#[tokio::test]
async fn stories() {
    for story in all() {
        let mut world = World::new(Faults::default()).await;
        story.run(&mut world).await;
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
        story.run(&mut calm).await;
        let mut world = World::new(Faults::default()).await;
        world.faults.conflict();
        story.run(&mut world).await;
        let told = world.story().await;
        assert_eq!(world.broken().await, Vec::<String>::new(), "{told}");
        assert_eq!(told, calm.story().await, "{}", story.name);
    }
}

/// The k-th effect does not happen, or happens and everything in memory is lost, or its answer is
/// lost, or it fails: for every story and every k.
#[tokio::test]
async fn crash_everywhere() {
    let (sample, mut replays) = (Sample::of_this_run(), 0);
    for story in all() {
        for (effect, fault) in faults(&story, Mutant::None, sample).await {
            let mut world = World::new(Faults::at(effect, fault)).await;
            story.run(&mut world).await;
            let broken = world.broken().await;
            assert!(
                broken.is_empty(),
                "{}, effect {effect}, {fault:?}: {}\n{}",
                story.name,
                broken.join("; "),
                world.story().await
            );
            replays += 1;
        }
    }
    println!("{replays} replays with a fault");
}

/// Two workers on one message, at every message of every story: the first up to each of its
/// effects, the second to its end, then the first on.
#[tokio::test]
async fn two_workers_one_preemption() {
    let (sample, mut replays) = (Sample::of_this_run(), 0);
    for story in all() {
        for race in one_preemption(&story, Mutant::None, sample).await {
            race_holds(&story, race).await;
            replays += 1;
        }
    }
    println!("{replays} races");
}

/// The second worker stands still in the middle, too: the first goes on to its end, then the second.
#[tokio::test]
async fn two_workers_two_preemptions() {
    let (sample, mut replays) = (Sample::of_this_run(), 0);
    for story in all() {
        for race in two_preemptions(&story, sample).await {
            race_holds(&story, race).await;
            replays += 1;
        }
    }
    println!("{replays} races");
}

async fn race_holds(story: &Story, race: Race) {
    let mut world = World::new(Faults::default()).await;
    world.race = Some(race);
    story.run(&mut world).await;
    let broken = world.broken().await;
    assert!(
        broken.is_empty(),
        "{}, {race:?}: {}\n{}",
        story.name,
        broken.join("; "),
        world.story().await
    );
}

/// Where redelivery alone repairs a crash, a queue that forgets a message before its work is done
/// does not: without the sweep, which repairs both, the two are told apart.
#[tokio::test]
async fn a_queue_that_acknowledges_first_is_caught() {
    for (name, sample) in mutant_samples() {
        let mut caught = 0;
        for story in all() {
            for effect in crashes_without_sweep(&story, sample).await {
                let repaired = async |mutant| {
                    let faults = Faults::at(effect, Fault::CrashBefore).mutated(mutant);
                    let mut world = World::new(faults).await;
                    world.sweeps = false;
                    story.run(&mut world).await;
                    world.broken().await.is_empty()
                };
                if repaired(Mutant::None).await && !repaired(Mutant::AcknowledgesFirst).await {
                    caught += 1;
                }
            }
        }
        println!("{name}: caught at {caught} effects");
        assert!(caught > 0, "{name}");
    }
}

/// Two workers stop each other twice, the process dies, and it dies again while what the first
/// death left is being repaired.
#[tokio::test]
async fn two_crashes_and_two_preemptions() {
    let stories = all();
    for seed in Sample::of_this_run().choose("two crashes", "any story", (0..500).collect()) {
        let mut dice = Dice::new(seed);
        let story = &stories[dice.below(stories.len())];
        let mut world = World::new(Faults::default()).await;
        story.run(&mut world).await;
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
        story.run(&mut world).await;
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

/// Mutants that stories, races and faults find. A sample chooses the races and faults, as it does for
/// the suites that they are from. `AcknowledgesFirst` has a suite of its own above; the others are found
/// by tests that leave nothing out.
const FOUND_BY_REPLAYS: [Mutant; 7] = [
    Mutant::StoreIgnoresVersion,
    Mutant::ClaimExpires,
    Mutant::SendsTwice,
    Mutant::NoSweep,
    Mutant::HastyLookUp,
    Mutant::BelievesAnySuccess,
    Mutant::BelievesAnyRefusal,
];

/// A World that is wrong in one way is found out by the same stories and faults; a mutant that
/// nothing finds would mean that the tests prove nothing about it.
#[tokio::test]
async fn mutants_are_caught() {
    let mut missed = Vec::new();
    for (name, sample) in mutant_samples() {
        for mutant in FOUND_BY_REPLAYS {
            match Box::pin(catch(mutant, sample)).await {
                Some(by) => println!("{name}: {mutant:?} is caught by {by}"),
                None => missed.push(format!("{name}: {mutant:?} was not caught")),
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// The samples that have to find each mutant: that of this run, or those of twenty seeds.
fn mutant_samples() -> Vec<(String, Sample)> {
    if is_exhaustive() {
        let of_seed = |seed| (format!("seed {seed}"), Sample::of_seed(seed));
        return (0..20).map(of_seed).collect();
    }
    vec![("this run".to_owned(), Sample::of_this_run())]
}

/// The first replay of the suites above that shows the mutant.
async fn catch(mutant: Mutant, sample: Sample) -> Option<String> {
    for story in all() {
        let mut world = World::new(Faults::with(mutant)).await;
        story.run(&mut world).await;
        if !world.broken().await.is_empty() {
            return Some(story.name.to_owned());
        }
        for race in one_preemption(&story, mutant, sample).await {
            let mut world = World::new(Faults::with(mutant)).await;
            world.race = Some(race);
            story.run(&mut world).await;
            if !world.broken().await.is_empty() {
                return Some(format!("{}, {race:?}", story.name));
            }
        }
        for (effect, fault) in faults(&story, mutant, sample).await {
            let mut world = World::new(Faults::at(effect, fault).mutated(mutant)).await;
            story.run(&mut world).await;
            if !world.broken().await.is_empty() {
                return Some(format!("{}, effect {effect}, {fault:?}", story.name));
            }
        }
    }
    None
}

/// A story that was run once without a fault, to count what can go wrong in it.
async fn calm(story: &Story, mutant: Mutant) -> World {
    let mut world = World::new(Faults::with(mutant)).await;
    story.run(&mut world).await;
    world
}

/// The effects of a story that go wrong in a sample, each with its kind of fault.
async fn faults(story: &Story, mutant: Mutant, sample: Sample) -> Vec<(usize, Fault)> {
    let effects = calm(story, mutant).await.faults.effects();
    let mut chosen = Vec::new();
    for fault in FAULTS {
        let stratum = format!("{}, {fault:?}", story.name);
        let effects = sample.choose("faults", &stratum, (0..effects).collect());
        chosen.extend(effects.into_iter().map(|effect| (effect, fault)));
    }
    chosen
}

/// The effects of a story at which a sample crashes it while nothing but redelivery repairs.
async fn crashes_without_sweep(story: &Story, sample: Sample) -> Vec<usize> {
    let effects = calm(story, Mutant::None).await.faults.effects();
    sample.choose("without sweep", story.name, (0..effects).collect())
}

/// A handler has at most this many effects before it enqueues or acknowledges.
const EFFECTS_OF_A_MESSAGE: usize = 8;

/// The races of a sample in which the first worker alone stands still.
async fn one_preemption(story: &Story, mutant: Mutant, sample: Sample) -> Vec<Race> {
    let deliveries = calm(story, mutant).await.delivered();
    let mut chosen = Vec::new();
    for first_until in 0..EFFECTS_OF_A_MESSAGE {
        let races = (0..deliveries).map(|delivery| Race {
            delivery,
            first_until,
            second_until: None,
        });
        let stratum = format!("{}, {first_until}", story.name);
        chosen.extend(sample.choose("one preemption", &stratum, races.collect()));
    }
    chosen
}

/// The races of a sample in which the second worker stands still, too.
async fn two_preemptions(story: &Story, sample: Sample) -> Vec<Race> {
    let deliveries = calm(story, Mutant::None).await.delivered();
    let mut chosen = Vec::new();
    for first_until in 0..EFFECTS_OF_A_MESSAGE {
        let seconds = (0..EFFECTS_OF_A_MESSAGE).filter(|second| (first_until + second) % 2 == 0);
        let races = (0..deliveries).flat_map(|delivery| {
            seconds.clone().map(move |second| Race {
                delivery,
                first_until,
                second_until: Some(second),
            })
        });
        let stratum = format!("{}, {first_until}", story.name);
        chosen.extend(sample.choose("two preemptions", &stratum, races.collect()));
    }
    chosen
}
