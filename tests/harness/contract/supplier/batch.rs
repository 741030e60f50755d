//! All purchase orders of a cut-off in one file.

use super::Fixture;
use super::handovers::{number, plain};
use super::ports::World;
use ::ports::{Artifact, Attempt, Outcome, Supplier};
use domain::order::answer::Progress;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::sending::subject::SendSubject;
use std::collections::BTreeSet;

const NAME: &str = "2026-12-01T1500Z";

fn artifacts(supplier: &dyn Supplier) -> Vec<(PurchaseOrderNumber, Artifact)> {
    let counters = 1..=3;
    let artifacts = counters.map(|counter| {
        let mut handover = plain();
        handover.number = number(counter);
        let artifact = supplier.orders().prepare(&handover, &Progress::default());
        (handover.number, artifact.unwrap())
    });
    artifacts.collect()
}

/// The file is the only truth of what was sent: it says so itself, and repeats its bytes.
pub(super) fn assembled(fixture: &Fixture) {
    let supplier = fixture.open(&World::elsewhere());
    let batches = supplier.batches().unwrap();
    let artifacts = artifacts(supplier.as_ref());
    let file = batches.assemble(&artifacts).unwrap();
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let turned: Vec<_> = order.map(|at| artifacts[at].clone()).into();
        assert!(batches.assemble(&turned).unwrap() == file, "{order:?}");
    }
    let numbers = |artifacts: &[(PurchaseOrderNumber, Artifact)]| -> BTreeSet<_> {
        artifacts.iter().map(|(number, _)| number.clone()).collect()
    };
    assert_eq!(batches.contents(&file).unwrap(), numbers(&artifacts));
    let one = batches.assemble(&artifacts[..1]).unwrap();
    assert_eq!(batches.contents(&one).unwrap(), numbers(&artifacts[..1]));
    let mut twice = artifacts.clone();
    twice.push(artifacts[0].clone());
    assert!(batches.assemble(&twice).is_err(), "an order is in it twice");
    let mut swapped = artifacts;
    swapped[1].1 = swapped[0].1.clone();
    assert!(batches.assemble(&swapped).is_err(), "an order is missing");
}

/// What was prepared before the settings changed would stand in the wrong columns.
pub(super) fn other_settings(fixture: &Fixture) {
    let world = World::elsewhere();
    let (supplier, other) = (fixture.open(&world), fixture.open_otherwise(&world));
    let mut artifacts = artifacts(supplier.as_ref());
    let own = artifacts[1].0.clone();
    let mut handover = plain();
    handover.number = own.clone();
    artifacts[1].1 = other
        .orders()
        .prepare(&handover, &Progress::default())
        .unwrap();
    let error = supplier.batches().unwrap().assemble(&artifacts);
    let error = error.unwrap_err().to_string();
    assert!(error.contains(own.as_str()), "{error}");
}

/// Its key says which batch it is, and whoever comes with other settings finishes it as it was begun.
pub(super) fn begun(fixture: &Fixture) {
    let world = World::elsewhere();
    let (supplier, other) = (fixture.open(&world), fixture.open_otherwise(&world));
    let batches = supplier.batches().unwrap();
    assert!(batches.key(NAME).contains(NAME));
    let terms = batches.terms();
    assert_eq!(terms, fixture.open(&world).batches().unwrap().terms());
    let finishing = other.batches().unwrap().under(&terms).unwrap();
    let finished = finishing.batches().unwrap();
    assert_eq!(finished.key(NAME), batches.key(NAME));
    let file = batches.assemble(&artifacts(supplier.as_ref())).unwrap();
    let same = finished.assemble(&artifacts(finishing.as_ref())).unwrap();
    assert!(file == same, "another dialect");
    assert!(batches.under(b"no terms").is_err());
}

pub(super) fn alone(fixture: &Fixture) {
    let world = World::working();
    let supplier = fixture.open(&world);
    assert!(
        supplier.orders().sender().lookup().is_none(),
        "only the file tells"
    );
    let artifact = supplier
        .orders()
        .prepare(&plain(), &Progress::default())
        .unwrap();
    let attempt = Attempt {
        id: SendSubject::from(&number(1)),
        attempt: 1,
        doubted: false,
        progress: Progress::default(),
    };
    let outcome = world.run(supplier.orders().sender().send(&artifact, &attempt));
    assert!(
        matches!(outcome.outcome, Outcome::NotSent { .. }),
        "{outcome:?}"
    );
    assert!(world.published().is_empty());
}
