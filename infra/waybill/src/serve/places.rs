//! A limit on how many are inside at once, and who leaves first when one more comes: the oldest that
//! has not finished what it began. Pure: no clock, no socket.

use std::collections::BTreeMap;

/// The oldest of those that never proved themselves come first, then the oldest of the others.
type Turn = (bool, u64);

/// `T` is what its owner has to lose to learn that its place is gone.
pub(super) struct Places<T> {
    limit: usize,
    /// By id. Without a turn an occupant keeps its place until it leaves.
    occupants: BTreeMap<u64, (Option<Turn>, T)>,
    turns: BTreeMap<Turn, u64>,
    next: u64,
}

impl<T> Places<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            occupants: BTreeMap::new(),
            turns: BTreeMap::new(),
            next: 0,
        }
    }

    /// A place for one that has finished nothing yet, with its id and whoever lost a place for it.
    /// Where everybody inside has finished, there is none.
    pub(super) fn enter(&mut self, occupant: T) -> Result<(u64, Option<T>), T> {
        let mut displaced = None;
        if self.occupants.len() >= self.limit {
            let Some((_, oldest)) = self.turns.pop_first() else {
                return Err(occupant);
            };
            displaced = self.occupants.remove(&oldest).map(|(_, occupant)| occupant);
        }
        let id = self.next();
        let turn = (false, id);
        self.occupants.insert(id, (Some(turn), occupant));
        self.turns.insert(turn, id);
        Ok((id, displaced))
    }

    /// It keeps its place now. `false` where it has none any more.
    pub(super) fn finish(&mut self, id: u64) -> bool {
        let Some((turn, _)) = self.occupants.get_mut(&id) else {
            return false;
        };
        if let Some(turn) = turn.take() {
            self.turns.remove(&turn);
        }
        true
    }

    /// It begins something else, as the newest of those that are `proven`, or of those that are not.
    pub(super) fn begin_again(&mut self, id: u64, proven: bool) {
        if !self.finish(id) {
            return;
        }
        let turn = (proven, self.next());
        if let Some((known, _)) = self.occupants.get_mut(&id) {
            *known = Some(turn);
            self.turns.insert(turn, id);
        }
    }

    pub(super) fn leave(&mut self, id: u64) {
        self.finish(id);
        self.occupants.remove(&id);
    }

    fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_oldest_unfinished_one_leaves_for_the_new_one() {
        let mut places = Places::new(2);
        let (first, _) = places.enter("first").unwrap();
        let (second, _) = places.enter("second").unwrap();
        assert!(places.finish(first));
        let (third, displaced) = places.enter("third").unwrap();
        assert_eq!(displaced, Some("second"));
        assert!(!places.finish(second), "its place is gone");
        places.finish(third);
        assert_eq!(places.enter("fourth"), Err("fourth"));
        places.leave(second);
        assert_eq!(places.enter("fourth"), Err("fourth"));
        places.leave(first);
        assert_eq!(places.enter("fourth").map(|(_, gone)| gone), Ok(None));
    }

    #[test]
    fn a_proven_one_leaves_after_all_others() {
        let mut places = Places::new(3);
        let (shop, _) = places.enter("shop").unwrap();
        places.finish(shop);
        places.begin_again(shop, true);
        let (stranger, _) = places.enter("stranger").unwrap();
        places.finish(stranger);
        places.begin_again(stranger, false);
        places.enter("new").unwrap();
        let mut next = || places.enter("flood").unwrap().1;
        assert_eq!([next(), next()], [Some("stranger"), Some("new")]);
        let mut full = Places::new(1);
        let (only, _) = full.enter("shop").unwrap();
        full.finish(only);
        full.begin_again(only, true);
        assert_eq!(full.enter("new").unwrap().1, Some("shop"));
    }

    proptest! {
        #[test]
        fn never_more_are_inside_than_may_be(
            limit in 1_usize..5,
            steps in proptest::collection::vec((0_u8..4, 0_u64..20, any::<bool>()), 0..60),
        ) {
            let mut places = Places::new(limit);
            let mut inside = std::collections::BTreeSet::new();
            let mut finished = std::collections::BTreeSet::new();
            for (step, id, proven) in steps {
                match step {
                    0 => {
                        let entered = places.enter(places.next + 1);
                        prop_assert_eq!(entered.is_err(), finished.len() == limit);
                        let Ok((id, displaced)) = entered else { continue };
                        prop_assert!(inside.insert(id));
                        if let Some(displaced) = displaced {
                            prop_assert!(inside.remove(&displaced));
                            prop_assert!(!finished.contains(&displaced));
                        }
                    }
                    1 => if places.finish(id) { finished.insert(id); },
                    2 => {
                        places.begin_again(id, proven);
                        finished.remove(&id);
                    }
                    _ => {
                        places.leave(id);
                        inside.remove(&id);
                        finished.remove(&id);
                    }
                }
                prop_assert!(places.occupants.len() <= limit);
                prop_assert_eq!(places.occupants.keys().copied().collect::<Vec<_>>(),
                    inside.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(places.turns.len(), inside.len() - finished.len());
            }
        }
    }
}
