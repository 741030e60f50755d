//! A seeded sample of the replays that are too many to run each time.
//!
//! A suite splits its replays into strata, such as one for each story and kind of fault. The sample takes
//! one of every ten consecutive replays of a stratum, and at least one. `WAYBILL_EXHAUSTIVE` takes all.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::Write as _;
use std::sync::OnceLock;

/// The sample has one of so many replays.
const ONE_OF: usize = 10;

/// Chooses the replays that a run of the tests makes.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// `None` takes every replay.
    seed: Option<u64>,
}

impl Sample {
    /// The sample of this run. Its seed is new in each process, or the one that `WAYBILL_SEED` names.
    /// The output of a failed test names the seed.
    pub fn of_this_run() -> Self {
        if is_exhaustive() {
            return Self { seed: None };
        }
        let seed = seed_of_this_run();
        println!("{}", how_to_repeat(seed));
        Self { seed: Some(seed) }
    }

    /// The sample of one seed, whatever the environment asks for.
    pub fn of_seed(seed: u64) -> Self {
        Self { seed: Some(seed) }
    }

    /// Chooses from the candidates of one stratum of a suite. The choice depends on nothing but the
    /// seed, the names and the number of candidates, so that a test that runs alone repeats it.
    pub fn choose<T>(self, suite: &str, stratum: &str, candidates: Vec<T>) -> Vec<T> {
        let Some(seed) = self.seed else {
            return candidates;
        };
        let mut dice = Dice::of(seed, &[suite, stratum]);
        let count = candidates.len();
        let blocks = count.div_ceil(ONE_OF);
        let mut chosen = (0..blocks).map(|block| {
            let (start, end) = (block * count / blocks, (block + 1) * count / blocks);
            start + dice.below(end - start)
        });
        let mut next = chosen.next();
        let mut taken = Vec::with_capacity(blocks);
        for (index, candidate) in candidates.into_iter().enumerate() {
            if next == Some(index) {
                taken.push(candidate);
                next = chosen.next();
            }
        }
        taken
    }
}

/// Whether this run makes every replay.
pub fn is_exhaustive() -> bool {
    std::env::var_os("WAYBILL_EXHAUSTIVE").is_some()
}

fn seed_of_this_run() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| {
        let seed = match std::env::var_os("WAYBILL_SEED") {
            Some(text) => {
                let number = text.to_str().and_then(|text| text.parse().ok());
                number.unwrap_or_else(|| panic!("WAYBILL_SEED is no number: {}", text.display()))
            }
            // Short enough to be typed.
            None => RandomState::new().build_hasher().finish() % 1_000_000,
        };
        // Not by a macro, whose text the test's runner shows only where a test failed.
        drop(writeln!(std::io::stderr(), "{}", how_to_repeat(seed)));
        seed
    })
}

fn how_to_repeat(seed: u64) -> String {
    format!(
        "a sample by seed {seed}: WAYBILL_SEED={seed} repeats it, WAYBILL_EXHAUSTIVE=1 runs all"
    )
}

/// Numbers that a seed repeats (splitmix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Independent dice for each list of names (FNV-1a).
    fn of(seed: u64, names: &[&str]) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325;
        for name in names {
            // No name has this byte, so that it ends one.
            for byte in name.bytes().chain([0xff]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        let mut of_seed = Self(seed);
        Self(hash ^ of_seed.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stratum_gives_one_of_every_ten_and_at_least_one() {
        for seed in 0..100 {
            for count in 0..95_usize {
                let chosen = Sample::of_seed(seed).choose("suite", "stratum", (0..count).collect());
                assert_eq!(chosen.len(), count.div_ceil(10), "{count}");
                assert!(chosen.is_sorted_by(|one, next| one < next), "{chosen:?}");
                let ends = [0].into_iter().chain(chosen).chain([count]);
                let ends: Vec<usize> = ends.collect();
                let gap = ends.windows(2).map(|pair| pair[1] - pair[0]).max();
                assert!(gap < Some(20), "{ends:?}");
            }
        }
    }

    #[test]
    fn a_seed_repeats_its_choice_and_every_candidate_has_its_turn() {
        let choose = |seed, stratum| {
            let candidates = (0..40).collect();
            Sample::of_seed(seed).choose("suite", stratum, candidates)
        };
        assert_eq!(choose(7, "one"), choose(7, "one"));
        assert_ne!(choose(7, "one"), choose(7, "another"));
        let seen: std::collections::BTreeSet<usize> =
            (0..200).flat_map(|seed| choose(seed, "one")).collect();
        assert_eq!(seen.len(), 40);
    }
}
