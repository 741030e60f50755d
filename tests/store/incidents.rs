//! Incidents open once for each cause, and keep who closed them.

use crate::facts;
use crate::given::{Stores, at};
use domain::cases::CaseKind;
use ports::{Closing, Incident};

facts![
    an_incident_opens_once,
    a_closed_incident_keeps_who_and_opens_again,
    the_oldest_open_and_the_last_closed_come_first,
];

fn incident(cause: &str, opened_at: i64) -> Incident {
    Incident {
        kind: CaseKind::SupplierRefusesUs,
        cause: cause.to_owned(),
        detail: format!("HTTP 401 of {cause}"),
        opened_at: at(opened_at),
    }
}

fn closing(second: i64) -> Closing {
    Closing {
        who: "ada".to_owned(),
        why: "new key".to_owned(),
        at: at(second),
    }
}

async fn an_incident_opens_once(stores: Stores) {
    let incidents = &stores.one.incidents;
    let first = incident("northwind", 5);
    assert!(incidents.open_incident(&first).await.unwrap());
    for again in [incident("northwind", 6), first.clone()] {
        assert!(!incidents.open_incident(&again).await.unwrap());
        assert!(!stores.other.incidents.open_incident(&again).await.unwrap());
    }
    let another_kind = Incident {
        kind: CaseKind::DeadLetter,
        ..incident("northwind", 7)
    };
    assert!(incidents.open_incident(&another_kind).await.unwrap());
    assert_eq!(incidents.incidents().await.unwrap(), [first, another_kind]);
}

async fn a_closed_incident_keeps_who_and_opens_again(stores: Stores) {
    let incidents = &stores.one.incidents;
    let first = incident("northwind", 5);
    let close = async |cause: &str| {
        let how = closing(6);
        let closed = incidents.close_incident(first.kind, cause, &how);
        closed.await.unwrap()
    };
    assert!(!close("northwind").await, "nothing is open");
    assert!(incidents.open_incident(&first).await.unwrap());
    assert!(!close("eastgate").await);
    assert!(close("northwind").await);
    assert!(!close("northwind").await, "closed already");
    assert_eq!(incidents.incidents().await.unwrap(), []);
    let again = incident("northwind", 7);
    assert!(incidents.open_incident(&again).await.unwrap());
    assert_eq!(incidents.incidents().await.unwrap(), [again]);
    let closed = incidents.closed_incidents(10).await.unwrap();
    assert_eq!(closed, [(first.clone(), closing(6))]);
}

async fn the_oldest_open_and_the_last_closed_come_first(stores: Stores) {
    let incidents = &stores.one.incidents;
    for (cause, opened_at) in [("b", 3), ("a", 2), ("c", 1)] {
        let incident = incident(cause, opened_at);
        assert!(incidents.open_incident(&incident).await.unwrap());
    }
    let expected = [incident("c", 1), incident("a", 2), incident("b", 3)];
    assert_eq!(incidents.incidents().await.unwrap(), expected);
    for (cause, at) in [("a", 20), ("c", 9), ("b", 100)] {
        let how = closing(at);
        let closed = incidents.close_incident(CaseKind::SupplierRefusesUs, cause, &how);
        assert!(closed.await.unwrap());
    }
    let closed = incidents.closed_incidents(2).await.unwrap();
    let expected = [
        (incident("b", 3), closing(100)),
        (incident("a", 2), closing(20)),
    ];
    assert_eq!(closed, expected);
}
