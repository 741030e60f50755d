//! What this process saw last of an order's state: a commit extends the history that was loaded a
//! moment ago, and need not read it again. What is forgotten is read; what is old is refused by the
//! conditions of the write.

use super::state::Seen;
use domain::ids::OrderId;
use jiff::Timestamp;
use ports::Provenance;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Orders, and as many SKUs.
const KEPT: usize = 512;

#[derive(Debug)]
pub(crate) struct Memory {
    orders: Mutex<Bounded<OrderId, Seen>>,
    /// Keys of the stock rows that a SKU's offers name.
    stock_of: Mutex<Bounded<String, Vec<String>>>,
    /// Stock rows that had less than we thought: looked at closely the next time.
    short: Mutex<BTreeSet<String>>,
    process: u64,
    commits: AtomicU64,
    /// Once it is known.
    provenance: OnceLock<Provenance>,
}

#[derive(Debug)]
struct Bounded<K, V> {
    known: HashMap<K, V>,
    oldest_first: VecDeque<K>,
}

impl<K: Clone + Eq + std::hash::Hash, V> Bounded<K, V> {
    fn new() -> Self {
        Self {
            known: HashMap::new(),
            oldest_first: VecDeque::new(),
        }
    }

    fn put(&mut self, key: &K, value: V) {
        if self.known.insert(key.clone(), value).is_some() {
            return;
        }
        self.oldest_first.push_back(key.clone());
        if self.oldest_first.len() > KEPT
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            orders: Mutex::new(Bounded::new()),
            stock_of: Mutex::new(Bounded::new()),
            short: Mutex::default(),
            process: RandomState::new().hash_one(0),
            commits: AtomicU64::new(0),
            provenance: OnceLock::new(),
        }
    }

    /// A name that no other write has, of this process or another: by it a write recognises itself
    /// when its first answer was lost.
    pub(crate) fn name_of_a_write(&self) -> String {
        let number = self.commits.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}-{number:x}", self.process)
    }

    pub(crate) fn provenance(&self) -> Option<Provenance> {
        self.provenance.get().cloned()
    }

    pub(crate) fn comes_from(&self, restored_at: Option<Timestamp>) -> Provenance {
        let known = || Provenance::Known { restored_at };
        self.provenance.get_or_init(known).clone()
    }

    pub(crate) fn order(&self, order: &OrderId) -> Option<Seen> {
        held(&self.orders).known.get(order).cloned()
    }

    /// What is older than what is known already is not kept.
    pub(crate) fn saw(&self, order: &OrderId, seen: Seen) {
        let mut orders = held(&self.orders);
        let newer = |known: &Seen| known.version > seen.version;
        if !orders.known.get(order).is_some_and(newer) {
            orders.put(order, seen);
        }
    }

    pub(crate) fn stock_of(&self, sku: &str) -> Vec<String> {
        held(&self.stock_of)
            .known
            .get(sku)
            .cloned()
            .unwrap_or_default()
    }

    pub(crate) fn saw_offers(&self, sku: &str, stock: Vec<String>) {
        held(&self.stock_of).put(&sku.to_owned(), stock);
    }

    pub(crate) fn ran_short(&self, stock: String) {
        let mut short = held(&self.short);
        if short.len() < KEPT {
            short.insert(stock);
        }
    }

    pub(crate) fn was_short(&self, stock: &str) -> bool {
        held(&self.short).remove(stock)
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(version: u64) -> Seen {
        Seen {
            version,
            ..Seen::default()
        }
    }

    #[test]
    fn the_oldest_is_forgotten_and_the_newest_version_kept() {
        let memory = Memory::new();
        let order = |own: usize| OrderId::parse(&format!("acme/{own}")).unwrap();
        for own in 0..=KEPT {
            memory.saw(&order(own), seen(2));
        }
        assert_eq!(memory.order(&order(0)), None);
        memory.saw(&order(1), seen(1));
        assert_eq!(memory.order(&order(1)).unwrap().version, 2);
        memory.saw(&order(1), seen(3));
        assert_eq!(memory.order(&order(1)).unwrap().version, 3);
    }

    #[test]
    fn no_two_writes_have_one_name() {
        let (one, other) = (Memory::new(), Memory::new());
        let names: BTreeSet<_> = [&one, &one, &other, &other]
            .map(Memory::name_of_a_write)
            .into_iter()
            .collect();
        assert_eq!(names.len(), 4);
        assert!(names.iter().all(|name| name.len() <= 33));
    }
}
