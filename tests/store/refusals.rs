//! Refusals in a row are replaced only where nobody else replaced them first.

use crate::facts;
use crate::given::{Stores, northwind, order};
use domain::ids::SupplierId;
use domain::trust::RefusalStreak;

facts![
    a_streak_is_replaced_by_whoever_knows_it,
    a_streak_is_forgotten_by_whoever_knows_it,
    a_streak_that_is_stored_already_is_no_conflict,
    streaks_of_two_suppliers_are_two,
    one_of_many_that_count_at_once_wins,
];

fn refused(orders: &[u32]) -> RefusalStreak {
    let streak = RefusalStreak::default();
    let add = |streak: RefusalStreak, own: &u32| streak.with(&order(*own), false).0;
    orders.iter().fold(streak, add)
}

async fn replace(
    stores: &Stores,
    known: Option<&RefusalStreak>,
    new: Option<&RefusalStreak>,
) -> bool {
    let supplier = northwind();
    let replaced = stores.one.refusals.replace_streak(&supplier, known, new);
    replaced.await.unwrap()
}

/// As the other process sees it.
async fn stored(stores: &Stores) -> Option<RefusalStreak> {
    stores.other.refusals.streak(&northwind()).await.unwrap()
}

async fn a_streak_is_replaced_by_whoever_knows_it(stores: Stores) {
    let (one, two, three) = (refused(&[1]), refused(&[1, 2]), refused(&[1, 2, 3]));
    assert_eq!(stored(&stores).await, None);
    assert!(
        !replace(&stores, Some(&one), Some(&two)).await,
        "nothing is stored"
    );
    assert!(replace(&stores, None, Some(&one)).await);
    assert_eq!(stored(&stores).await, Some(one.clone()));
    assert!(
        !replace(&stores, None, Some(&two)).await,
        "something is stored"
    );
    assert!(replace(&stores, Some(&one), Some(&two)).await);
    assert!(
        !replace(&stores, Some(&one), Some(&three)).await,
        "that was before"
    );
    assert_eq!(stored(&stores).await, Some(two.clone()));
    // With what it says besides its orders.
    assert!(replace(&stores, Some(&two), Some(&three)).await);
    assert_eq!(stored(&stores).await, Some(three));
}

async fn a_streak_is_forgotten_by_whoever_knows_it(stores: Stores) {
    let (one, two) = (refused(&[1]), refused(&[1, 2]));
    assert!(replace(&stores, None, Some(&two)).await);
    assert!(!replace(&stores, Some(&one), None).await, "it is another");
    assert!(!replace(&stores, None, None).await, "one is stored");
    assert_eq!(stored(&stores).await, Some(two.clone()));
    assert!(replace(&stores, Some(&two), None).await);
    assert_eq!(stored(&stores).await, None);
    assert!(replace(&stores, None, Some(&one)).await, "a new count");
}

/// As where the answer to the first request was lost.
async fn a_streak_that_is_stored_already_is_no_conflict(stores: Stores) {
    let (one, two) = (refused(&[1]), refused(&[1, 2]));
    for _ in 0..2 {
        assert!(replace(&stores, None, Some(&one)).await);
    }
    for _ in 0..2 {
        assert!(replace(&stores, Some(&one), Some(&two)).await);
    }
    for _ in 0..2 {
        assert!(replace(&stores, Some(&two), None).await);
    }
    assert!(replace(&stores, None, None).await);
    assert_eq!(stored(&stores).await, None);
}

async fn streaks_of_two_suppliers_are_two(stores: Stores) {
    let eastgate = SupplierId::parse("eastgate").unwrap();
    let (one, two) = (refused(&[1]), refused(&[2]));
    assert!(replace(&stores, None, Some(&one)).await);
    let refusals = &stores.one.refusals;
    let other = refusals.replace_streak(&eastgate, None, Some(&two)).await;
    assert!(other.unwrap());
    assert_eq!(stored(&stores).await, Some(one));
    assert_eq!(refusals.streak(&eastgate).await.unwrap(), Some(two));
}

async fn one_of_many_that_count_at_once_wins(stores: Stores) {
    let counting = (1..=8).map(|own| {
        let store = if own % 2 == 0 {
            stores.one.refusals.clone()
        } else {
            stores.other.refusals.clone()
        };
        tokio::spawn(async move {
            let new = refused(&[own]);
            let won = store.replace_streak(&northwind(), None, Some(&new)).await;
            won.unwrap().then_some(new)
        })
    });
    let counting: Vec<_> = counting.collect();
    let mut winners = Vec::new();
    for counted in counting {
        winners.extend(counted.await.unwrap());
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(stored(&stores).await, winners.pop());
}
