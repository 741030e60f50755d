use super::*;
use crate::commit::Commit;
use crate::digest::Digest;
use crate::ids::{LineId, OrderId, Sku, SupplierSku};
use crate::order::answer::{By, CancelAnswer, Rejection, RejectionReason};
use crate::order::events::Event;
use crate::order::purchase_order::PurchaseOrderLine;
use crate::order::state::RoutingState;
use crate::order::topics::person::{Decision, PersonDecision};
use crate::order::topics::routing::{PlannedPurchaseOrder, Routed, RoutingDecision};
use crate::order::topics::sending::SendChange;
use crate::order::topics::supplier::SupplierReport;
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::sending::machine::SendEvent;
use crate::sending::subject::SendSubject;
use crate::spending::Spending;
use jiff::Timestamp;

fn now() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn number() -> PurchaseOrderNumber {
    let code = crate::ids::ChannelCode::parse("SH").unwrap();
    PurchaseOrderNumber::new(&code, "1001", 1)
}

fn line(own: &str) -> LineId {
    LineId::parse(own).unwrap()
}

/// Three units of line 1 for 10.00 USD together, which no unit divides, one of line 2 for 4.00, and
/// a fee of 1.00.
fn planned() -> (Order, Vec<SpendingChange>) {
    let own_line = |id: &str, quantity| PurchaseOrderLine {
        line: line(id),
        sku: Sku::parse("MUG").unwrap(),
        supplier_sku: SupplierSku::parse("NW-1").unwrap(),
        quantity,
        cost: None,
        reserved: false,
    };
    let purchase_order = PlannedPurchaseOrder {
        number: number(),
        supplier: SupplierId::parse("north").unwrap(),
        lines: vec![own_line("1", 3), own_line("2", 1)],
        service: None,
        method: None,
        due: None,
        released_at: None,
        cut_off: None,
        spending: Some(Spending {
            day: "2026-11-23".parse().unwrap(),
            currency: Currency::parse("USD").unwrap(),
            items: vec![1000, 400],
            fee: 100,
            limit: Some(2000),
            queued_from: None,
        }),
    };
    let routed = Event::Routing(RoutingDecision::Routed(Routed {
        trace: 1,
        payload: 1,
        address: None,
        edit: Digest::of(b"edit"),
        purchase_orders: vec![purchase_order],
        state: RoutingState {
            configuration: Digest::of(b"configuration"),
            holds: Vec::new(),
            waits: Vec::new(),
            not_ours: Vec::new(),
        },
    }));
    let order = Order::new(OrderId::parse("acme/1").unwrap());
    let (commit, order) = Commit::new(&order, vec![routed], now()).unwrap();
    (order, commit.spending)
}

/// What the events change, one commit each, as they are told.
fn changed(events: Vec<Event>) -> Vec<i64> {
    let (mut order, first) = planned();
    let mut rows = vec![first[0].by];
    for event in events {
        let (commit, after) = Commit::new(&order, vec![event], now()).unwrap();
        assert!(commit.spending.len() <= 1);
        rows.push(commit.spending.first().map_or(0, |change| {
            assert_eq!((change.limit, change.day), (None, first[0].day));
            change.by
        }));
        order = after;
    }
    let left: i64 = rows.iter().sum();
    assert_eq!(left, spent(&order.purchase_orders[0]));
    assert!(left >= 0);
    rows
}

fn of(event: SendEvent) -> Event {
    Event::Send(SendChange {
        subject: SendSubject::PurchaseOrder(number()),
        event,
    })
}

fn started(attempt: u32) -> Event {
    of(SendEvent::SendStarted {
        attempt,
        artifact: Digest::of(b"artifact"),
        resolve_at: now(),
        cut_off: None,
        via: crate::sending::via::Via::new("mail", "smtp mail.example:25"),
    })
}

fn sent() -> Event {
    of(SendEvent::Sent {
        attempt: 1,
        references: Vec::new(),
        by: By::Answer,
    })
}

fn why() -> Rejection {
    Rejection {
        reason: RejectionReason::Unknown,
        detail: "HTTP 422".to_owned(),
        evidence: None,
    }
}

fn rejected(route_again: bool) -> Event {
    of(SendEvent::SendRejected {
        attempt: 1,
        why: why(),
        route_again,
    })
}

fn voided() -> Event {
    of(SendEvent::PurchaseOrderVoided {
        why: "cancelled".to_owned(),
    })
}

fn refused(id: &str, units: u32, route_again: bool) -> Event {
    Event::Supplier(SupplierReport::LinesRejected {
        purchase_order: number(),
        lines: [(line(id), units)].into(),
        why: why(),
        route_again,
        by: By::Answer,
    })
}

fn taken_back(request: u32, lines: &[(&str, u32)], answer: CancelAnswer) -> [Event; 2] {
    let lines: BTreeMap<_, _> = lines.iter().map(|(id, units)| (line(id), *units)).collect();
    [
        Event::Routing(RoutingDecision::CancelPlanned {
            purchase_order: number(),
            whole: false,
            lines,
            why: "refunded".to_owned(),
        }),
        Event::Supplier(SupplierReport::CancelAnswered {
            purchase_order: number(),
            request,
            answer,
            by: By::Answer,
        }),
    ]
}

#[test]
fn what_is_planned_counts_with_its_limit() {
    let (_, changes) = planned();
    assert_eq!(changes.len(), 1);
    assert_eq!((changes[0].by, changes[0].limit), (1500, Some(2000)));
}

#[test]
fn what_is_not_shipped_is_given_back_once() {
    let [wanted, refused_cancel] = taken_back(1, &[("1", 3)], CancelAnswer::Refused);
    let [wanted_some, accepted_some] = taken_back(1, &[("1", 2)], CancelAnswer::Accepted);
    let [wanted_rest, accepted_rest] = taken_back(2, &[("1", 1), ("2", 1)], CancelAnswer::Accepted);
    let in_doubt = of(SendEvent::SendInDoubt {
        attempt: 1,
        why: "silence".to_owned(),
        evidence: None,
        look_at: None,
    });
    let deferred = of(SendEvent::SendDeferred {
        attempt: 1,
        retry_at: Some("2026-11-25T10:00:00Z".parse().unwrap()),
        why: "closed".to_owned(),
        by: By::Batch,
    });
    let cases: Vec<(&str, Vec<(Event, i64)>)> = vec![
        ("voided", vec![(voided(), -1500)]),
        ("rejected", vec![(started(1), 0), (rejected(true), -1500)]),
        (
            "rejected, and a person frees the units later",
            vec![
                (started(1), 0),
                (rejected(false), -1500),
                (of(SendEvent::RejectionFreed), 0),
            ],
        ),
        (
            "put off, to another day too, then sent",
            vec![(started(1), 0), (deferred, 0), (started(2), 0), (sent(), 0)],
        ),
        (
            "in doubt, and then known to be refused",
            vec![
                (started(1), 0),
                (in_doubt.clone(), 0),
                (rejected(true), -1500),
            ],
        ),
        (
            "in doubt, and then known to be sent",
            vec![(started(1), 0), (in_doubt, 0), (sent(), 0)],
        ),
        (
            "lines refused, and freed by a person",
            vec![
                (started(1), 0),
                (sent(), 0),
                (refused("2", 1, false), -400),
                (
                    Event::Person(PersonDecision {
                        by: "ada".to_owned(),
                        why: "the rest is enough".to_owned(),
                        decision: Decision::RejectedLinesReleased {
                            purchase_order: number(),
                        },
                    }),
                    0,
                ),
            ],
        ),
        (
            "units refused one after the other: the fee goes with the last",
            vec![
                (started(1), 0),
                (sent(), 0),
                (refused("1", 1, true), -334),
                (refused("1", 1, true), -333),
                (refused("2", 1, true), -400),
                (refused("1", 1, true), -433),
            ],
        ),
        (
            "a cancel that is refused",
            vec![
                (started(1), 0),
                (sent(), 0),
                (wanted, 0),
                (refused_cancel, 0),
            ],
        ),
        (
            "cancels that are accepted",
            vec![
                (started(1), 0),
                (sent(), 0),
                (wanted_some, 0),
                (accepted_some, -667),
                (wanted_rest, 0),
                (accepted_rest, -833),
            ],
        ),
        (
            "voided, and sent after all",
            vec![(started(1), 0), (rejected(true), -1500), (sent(), 1500)],
        ),
    ];
    for (what, told) in cases {
        let (events, mut expected): (Vec<_>, Vec<_>) = told.into_iter().unzip();
        expected.insert(0, 1500);
        assert_eq!(changed(events), expected, "{what}");
    }
}

#[test]
fn the_report_compares_rows_with_purchase_orders() {
    let (order, changes) = planned();
    let row = |minor| Spent {
        supplier: changes[0].supplier.clone(),
        day: changes[0].day,
        money: Money {
            minor,
            currency: changes[0].currency,
        },
    };
    assert_eq!(broken([&order], &[row(1500)]), Vec::<String>::new());
    assert_eq!(
        broken([&order], &[row(1499)]),
        ["north on 2026-11-23: 14.99 USD counted, and its purchase orders come to 15.00 USD"]
    );
    assert_eq!(broken([&order], &[]).len(), 1);
    assert_eq!(broken([], &[row(1500)]).len(), 1);
    assert_eq!(broken([], &[row(0)]), Vec::<String>::new());
}

#[test]
fn histories_keep_it_in_this_form() {
    let event = serde_json::to_value(&planned().0.purchase_orders[0].spending).unwrap();
    let spending: Spending = serde_json::from_value(event.clone()).unwrap();
    assert_eq!(spending.total().to_string(), "15.00 USD");
    assert_eq!(
        event.to_string(),
        r#"{"currency":"USD","day":"2026-11-23","fee":100,"items":[1000,400],"limit":2000}"#
    );
}
