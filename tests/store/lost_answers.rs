//! An answer of AWS that gets lost is asked for again by the SDK: what was done is then recognised,
//! and not taken for somebody else's.

use crate::given::{at, changing, commit, order};
use crate::{Shared, on_aws};
use aws::dynamodb::DynamoDb;
use domain::batch::{Batch, BatchName, Uploaded};
use domain::cases::CaseKind;
use domain::commit::{Change, Commit};
use domain::ids::SupplierId;
use domain::trust::RefusalStreak;
use libtest_mimic::Trial;
use ports::{
    BatchStore as _, Closing, Incident, IncidentStore as _, OfferStore as _, OrderStore as _,
    RefusalStore as _,
};
use std::collections::BTreeSet;
use tests::emulator::{Cuts, Emulator, tables};

pub(crate) fn trials(emulator: &Shared) -> Vec<Trial> {
    vec![
        on_aws(
            "a_commit_whose_answer_was_lost_is_recognised",
            emulator.clone(),
            a_commit_whose_answer_was_lost_is_recognised,
        ),
        on_aws(
            "an_incident_or_batch_whose_answer_was_lost_is_recognised",
            emulator.clone(),
            an_incident_or_batch_whose_answer_was_lost_is_recognised,
        ),
        on_aws(
            "a_commit_that_is_never_answered_is_not_made_twice",
            emulator.clone(),
            a_commit_that_is_never_answered_is_not_made_twice,
        ),
        on_aws(
            "a_streak_whose_answer_was_lost_is_recognised",
            emulator.clone(),
            a_streak_whose_answer_was_lost_is_recognised,
        ),
    ]
}

/// Through connections that break.
async fn opened(emulator: &Emulator, name: &str) -> (DynamoDb, Cuts) {
    let cuts = Cuts::default();
    let (orders, stock) = tables(&emulator.clients(), name).await;
    let clients = emulator.clients_through(&cuts).await;
    (DynamoDb::new(clients.dynamodb(), orders, Some(stock)), cuts)
}

async fn a_commit_whose_answer_was_lost_is_recognised(emulator: &Emulator) {
    let (store, cuts) = opened(emulator, "lost-commit").await;
    let feed = [crate::given::row(Some(5), Some(10))];
    let digest = domain::digest::Digest::of(b"a");
    assert!(store.apply(&digest, &feed, at(10)).await.unwrap());
    let with_number = Commit {
        references: vec![crate::given::numbered(9)],
        ..commit(1, 3)
    };
    let commits = [
        ("the first", commit(1, 0)),
        ("an update", commit(1, 1)),
        ("a transaction", changing(1, 2, 1, Change::Reserve(2))),
        ("a number", with_number),
    ];
    for (version, (what, commit)) in (1..).zip(commits) {
        cuts.lose(1);
        let made = store.commit(commit.clone()).await;
        assert!(made.is_ok(), "{what}: {made:?}");
        assert!(!cuts.are_left(), "{what}: no answer was lost");
        let history = store.load(&order(1)).await.unwrap().unwrap();
        assert_eq!(history.events.len(), version, "{what}");
        let again = store.commit(commit).await;
        assert!(again.is_err(), "{what}: made twice");
    }
    assert_eq!(store.stock().await.unwrap()[0].2.available, 3);
}

async fn an_incident_or_batch_whose_answer_was_lost_is_recognised(emulator: &Emulator) {
    let (store, cuts) = opened(emulator, "lost-incident").await;
    let incident = Incident {
        kind: CaseKind::DeadLetter,
        cause: "one".to_owned(),
        detail: "the first".to_owned(),
        opened_at: at(1),
    };
    cuts.lose(1);
    assert!(store.open_incident(&incident).await.unwrap());
    assert!(!cuts.are_left());
    let closing = Closing {
        who: "ada".to_owned(),
        why: "read".to_owned(),
        at: at(2),
    };
    // Of the look-up, and of the transaction.
    cuts.lose(2);
    let closed = store.close_incident(incident.kind, "one", &closing).await;
    assert!(closed.unwrap());
    assert!(!cuts.are_left());
    assert_eq!(store.closed_incidents(9).await.unwrap().len(), 1);

    let supplier = SupplierId::parse("northwind").unwrap();
    let batch = Batch {
        name: BatchName::new(&supplier, at(3600)),
        supplier,
        cut_off: at(3600),
        purchase_orders: BTreeSet::new(),
        upload_by: None,
        uploaded: None,
    };
    store.put_batch(&batch).await.unwrap();
    let uploaded = Uploaded {
        at: at(4000),
        by: "ada".to_owned(),
    };
    cuts.lose(1);
    assert!(store.mark_uploaded(&batch.name, &uploaded).await.unwrap());
    assert!(!cuts.are_left());
}

async fn a_streak_whose_answer_was_lost_is_recognised(emulator: &Emulator) {
    let (store, cuts) = opened(emulator, "lost-streak").await;
    let supplier = SupplierId::parse("northwind").unwrap();
    let (one, _) = RefusalStreak::default().with(&order(1), false);
    let (two, _) = one.clone().with(&order(2), false);
    for (known, new) in [
        (None, Some(&one)),
        (Some(&one), Some(&two)),
        (Some(&two), None),
    ] {
        cuts.lose(1);
        assert!(store.replace_streak(&supplier, known, new).await.unwrap());
        assert!(!cuts.are_left(), "no answer was lost");
        assert_eq!(store.streak(&supplier).await.unwrap().as_ref(), new);
    }
}

/// The caller cannot know, looks, and finds it.
async fn a_commit_that_is_never_answered_is_not_made_twice(emulator: &Emulator) {
    let (store, cuts) = opened(emulator, "never-answered").await;
    for (version, commit) in [commit(1, 0), commit(1, 1)].into_iter().enumerate() {
        cuts.lose(1000);
        let made = store.commit(commit.clone()).await;
        assert!(
            matches!(made, Err(ports::CommitError::Unavailable(_))),
            "{made:?}"
        );
        cuts.lose(0);
        let again = store.commit(commit).await;
        assert!(matches!(again, Err(ports::CommitError::Stale)), "{again:?}");
        let history = store.load(&order(1)).await.unwrap().unwrap();
        assert_eq!(history.events.len(), version + 1);
    }
}
