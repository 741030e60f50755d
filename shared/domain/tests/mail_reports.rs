//! What the mail service reports, against what the send itself answered: in every order of arrival.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use domain::commit::{Change, Commit};
use domain::digest::Digest;
use domain::ids::{ChannelCode, LineId, OrderId, Sku, SupplierId, SupplierSku};
use domain::order::answer::{Rejection, RejectionReason};
use domain::order::attention::CaseKind;
use domain::order::decide::{Accepted, Command, MailReport, Outcome, Verdict};
use domain::order::machine::{SendEvent, SendState, Sending};
use domain::order::purchase_order::CancelRequest;
use domain::order::{Order, PurchaseOrder, PurchaseOrderLine, SendId};
use domain::purchase_order_number::PurchaseOrderNumber;
use jiff::Timestamp;
use std::collections::BTreeMap;

fn at() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn id() -> SendId {
    let code = ChannelCode::parse("SH").unwrap();
    SendId::of(&PurchaseOrderNumber::new(&code, "1001", 1))
}

fn started(attempt: u32) -> SendEvent {
    SendEvent::SendStarted {
        attempt,
        artifact: Digest::of(b"mail"),
        settle_at: at(),
        cut_off: None,
        via: domain::order::via::Via::new("mail", "smtp mail.example:25"),
    }
}

/// One purchase order, claimed by its first attempt.
fn claimed() -> Order {
    let mut order = Order::new(OrderId::parse("acme/1").unwrap());
    let mut sending = Sending::planned(at());
    sending.apply(&started(1), at()).unwrap();
    order.purchase_orders.push(PurchaseOrder {
        number: id().number,
        supplier: SupplierId::parse("harbour").unwrap(),
        lines: vec![PurchaseOrderLine {
            line: LineId::parse("1").unwrap(),
            sku: Sku::parse("CLOCK").unwrap(),
            supplier_sku: SupplierSku::parse("HB-7").unwrap(),
            quantity: 2,
            cost: None,
            reserved: true,
        }],
        service: None,
        payload: 1,
        address: None,
        edit: Digest::of(b"edit"),
        shipping: order.shipping(&[]),
        method: None,
        planned_at: at(),
        cut_off: None,
        sending,
        cancels: Vec::new(),
        refused: Vec::new(),
        withdrawn: BTreeMap::new(),
        backordered: BTreeMap::new(),
        unclear: Vec::new(),
        spending: None,
        confirmed_at: 0,
    });
    order
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum News {
    Accepted,
    InDoubt,
    Sent,
    Bounced,
}

fn command(news: News, id: &SendId, attempt: u32) -> Command {
    let report = |report| Command::RecordMailReport {
        id: id.clone(),
        attempt,
        report,
    };
    let outcome = |outcome| Command::RecordOutcome {
        id: id.clone(),
        attempt,
        outcome,
    };
    match news {
        News::Accepted => outcome(Outcome::Accepted(Accepted::default())),
        News::InDoubt => outcome(Outcome::InDoubt {
            why: "the connection was cut".to_owned(),
            evidence: None,
            can_look_up: true,
        }),
        News::Sent => report(MailReport::Sent),
        News::Bounced => report(MailReport::Bounced(Rejection {
            reason: RejectionReason::InvalidContactInformation,
            detail: "its mailbox does not exist".to_owned(),
            evidence: None,
        })),
    }
}

/// The state after it, and the units that were given back.
fn after(order: &Order, command: Command) -> (Order, u32) {
    let events = order.decide(command, at()).unwrap();
    if events.is_empty() {
        return (order.clone(), 0);
    }
    let (commit, after) = Commit::new(order, events, at()).unwrap();
    let back = commit
        .reservations
        .iter()
        .map(|change| match change.change {
            Change::GiveBack(units) => units,
            Change::Reserve(_) | Change::ReserveAgain(_) | Change::SoldOut | Change::Sent(_) => 0,
        });
    (after, back.sum())
}

fn orders_of_arrival(news: &[News]) -> Vec<Vec<News>> {
    let [first, rest @ ..] = news else {
        return vec![Vec::new()];
    };
    let mut all = Vec::new();
    for mut arrival in orders_of_arrival(rest) {
        for place in 0..=arrival.len() {
            arrival.insert(place, *first);
            all.push(arrival.clone());
            arrival.remove(place);
        }
    }
    all.sort();
    all.dedup();
    all
}

#[test]
fn every_order_of_arrival_ends_the_same() {
    use News::{Accepted, Bounced, InDoubt, Sent};
    for (news, bounced) in [
        (vec![InDoubt, Sent, Sent], false),
        (vec![Accepted, Sent, Sent], false),
        (vec![Accepted, Sent, Sent, Bounced, Bounced], true),
        (vec![InDoubt, Sent, Bounced, Bounced], true),
        // Nobody recorded what the send answered.
        (vec![Sent, Bounced], true),
        (vec![Bounced], true),
    ] {
        for arrival in orders_of_arrival(&news) {
            let (mut order, mut given_back) = (claimed(), 0);
            for news in &arrival {
                let (next, back) = after(&order, command(*news, &id(), 1));
                order = next;
                given_back += back;
            }
            let sending = &order.purchase_orders[0].sending;
            assert!(!sending.is_sent_twice(), "{arrival:?}");
            assert_eq!(sending.has_bounced(), bounced, "{arrival:?}");
            assert_eq!(sending.is_sent(), !bounced, "{arrival:?}");
            assert_eq!(given_back, if bounced { 2 } else { 0 }, "{arrival:?}");
            let cases: Vec<_> = order.attention(at()).iter().map(|case| case.kind).collect();
            let expected: &[CaseKind] = if bounced {
                &[CaseKind::MailBounced]
            } else {
                &[]
            };
            assert_eq!(cases, expected, "{arrival:?}");
        }
    }
}

/// A person said that the first attempt was not there, and the second was accepted.
fn sent_by_the_second() -> Order {
    let (order, _) = after(&claimed(), command(News::InDoubt, &id(), 1));
    let (mut order, _) = after(
        &order,
        Command::Resolve {
            number: id().number,
            verdict: Verdict::NotSent,
            who: "Ada".to_owned(),
            why: "called them".to_owned(),
        },
    );
    let sending = &mut order.purchase_orders[0].sending;
    sending.apply(&started(2), at()).unwrap();
    after(&order, command(News::Accepted, &id(), 2)).0
}

#[test]
fn an_older_attempt_that_was_sent_after_all_is_grave_once() {
    let order = sent_by_the_second();
    assert_eq!(
        order.decide(command(News::Bounced, &id(), 1), at()),
        Ok(Vec::new())
    );
    let (order, _) = after(&order, command(News::Sent, &id(), 1));
    let cases: Vec<_> = order.attention(at()).iter().map(|case| case.kind).collect();
    assert_eq!(cases, [CaseKind::SentTwice]);
    for news in [News::Sent, News::Bounced] {
        for attempt in [1, 2] {
            let told = order.decide(command(news, &id(), attempt), at());
            assert_eq!(told, Ok(Vec::new()), "{news:?} of attempt {attempt}");
        }
    }
}

#[test]
fn what_nobody_sent_is_not_believed() {
    let order = sent_by_the_second();
    for attempt in [0, 3] {
        for news in [News::Sent, News::Bounced] {
            let told = order.decide(command(news, &id(), attempt), at());
            assert_eq!(told, Ok(Vec::new()), "{news:?} of attempt {attempt}");
        }
    }
}

/// The supplier never saw the request to take it back: a person calls, and the request stays open.
#[test]
fn a_request_that_bounced_is_for_a_person() {
    let (mut order, _) = after(&claimed(), command(News::Accepted, &id(), 1));
    let own = &mut order.purchase_orders[0];
    let mut request = CancelRequest::new(own.everything(), true, "refunded".to_owned(), at());
    request.sending.apply(&started(1), at()).unwrap();
    own.cancels.push(request);
    let request = SendId {
        cancel: Some(1),
        ..id()
    };
    let (order, given_back) = after(&order, command(News::Bounced, &request, 1));
    assert_eq!(given_back, 0);
    let own = &order.purchase_orders[0];
    assert!(own.cancels[0].is_open());
    assert!(matches!(
        own.cancels[0].sending.state,
        SendState::Rejected { .. }
    ));
    let cases: Vec<_> = order.attention(at()).iter().map(|case| case.kind).collect();
    assert_eq!(cases, [CaseKind::CancelAfterSend]);
}
