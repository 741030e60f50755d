//! Requests to take a purchase order back, or a part of it.

use super::handovers::{plain, to_cancel};
use super::ports::World;
use super::{Fixture, SECRET};
use ::ports::{Artifact, Endpoint};
use domain::address::Address;
use domain::order::answer::Progress;

/// Everything that a reader of it sees, and the bytes.
fn readable(cancels: &dyn Endpoint, artifact: &Artifact) -> Vec<String> {
    let mut texts = vec![String::from_utf8_lossy(&artifact.bytes).into_owned()];
    let decoded = cancels.decode(artifact).unwrap();
    for part in decoded.parts {
        texts.push(part.records.concat().join("\n"));
    }
    texts
}

pub(super) fn said(fixture: &Fixture) {
    let world = World::elsewhere();
    let (supplier, other) = (fixture.open(&world), fixture.open(&world));
    let (cancels, again) = (supplier.cancels().unwrap(), other.cancels().unwrap());
    let start = Progress::default();
    let references = ["A-1".to_owned()];
    let partial = cancels.prepare(&to_cancel(false, &references), &start);
    for whole in [true, false] {
        let handover = to_cancel(whole, &references);
        let artifact = match cancels.prepare(&handover, &start) {
            Ok(artifact) => artifact,
            // Who takes back whole orders only says so, and to whom to turn.
            Err(error) => {
                assert!(!whole, "{error}");
                assert!(error.to_string().contains("whole"), "{error}");
                continue;
            }
        };
        assert!(again.prepare(&handover, &start).unwrap() == artifact);
        let texts = readable(cancels, &artifact);
        assert!(texts.iter().all(|text| !text.contains(SECRET)));
        let number = handover.number.as_str();
        assert!(texts.iter().any(|text| text.contains(number)), "no number");
        if partial.is_err() {
            continue;
        }
        let request = handover.cancel.as_ref().unwrap();
        let lines: Vec<_> = request
            .lines
            .iter()
            .map(|line| (line.supplier_sku.as_str(), line.quantity))
            .collect();
        let decoded = cancels.decode(&artifact).unwrap();
        let lacks = decoded.missing(&Address::default(), &lines, &[]);
        assert_eq!(lacks, Vec::<String>::new());
    }
    if let Ok(partial) = partial {
        let whole = cancels.prepare(&to_cancel(true, &references), &start);
        assert!(
            whole.unwrap() != partial,
            "a part is asked for like the whole"
        );
    }
}

/// An order that is sent as a request to cancel, or the other way round, would be a disaster.
pub(super) fn apart(fixture: &Fixture) {
    let supplier = fixture.open(&World::elsewhere());
    let cancels = supplier.cancels().unwrap();
    let start = Progress::default();
    assert!(cancels.prepare(&plain(), &start).is_err());
    let request = to_cancel(true, &["A-1".to_owned()]);
    assert!(supplier.orders().prepare(&request, &start).is_err());
}
