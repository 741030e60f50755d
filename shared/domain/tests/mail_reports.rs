//! What the mail service reports, against what the send itself answered: in every order of arrival.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use domain::cases::CaseKind;
use domain::commit::{Change, Commit};
use domain::digest::Digest;
use domain::ids::{ChannelCode, LineId, OrderId, Sku, SupplierId, SupplierSku};
use domain::order::answer::{Rejection, RejectionReason};
use domain::order::decide::{Accepted, Command, MailReport, Outcome, Verdict};
use domain::order::purchase_order::CancelRequest;
use domain::order::{Order, PurchaseOrder, PurchaseOrderLine};
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::sending::Sending;
use domain::sending::machine::{Delivery, SendEvent, SendState};
use domain::sending::subject::SendSubject;
use domain::sending::via::Via;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

fn at() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn id() -> SendSubject {
    let code = ChannelCode::parse("SH").unwrap();
    SendSubject::from(&PurchaseOrderNumber::new(&code, "1001", 1))
}

fn started(attempt: u32) -> SendEvent {
    SendEvent::SendStarted {
        attempt,
        artifact: Digest::of(b"mail"),
        resolve_at: at(),
        cut_off: None,
        via: Via {
            reports_delivery: true,
            ..Via::new("mail", "ses eu-west-1")
        },
    }
}

/// One purchase order, claimed by its first attempt.
fn claimed() -> Order {
    let mut order = Order::new(OrderId::parse("acme/1").unwrap());
    let mut sending = Sending::planned(at());
    sending.apply(&started(1), at()).unwrap();
    order.purchase_orders.push(PurchaseOrder {
        number: id().purchase_order().clone(),
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
    Delayed,
    Returned,
    /// The same for another recipient.
    ReturnedToo,
    Delivered,
    Bounced,
}

fn command(news: News, id: &SendSubject, attempt: u32) -> Command {
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
        News::Delayed => report(MailReport::Delivery(Delivery::Delayed {
            why: "MailboxFull".to_owned(),
        })),
        News::Returned => report(MailReport::Delivery(Delivery::Returned {
            why: "Transient".to_owned(),
        })),
        News::ReturnedToo => report(MailReport::Delivery(Delivery::Returned {
            why: "Undetermined".to_owned(),
        })),
        News::Delivered => report(MailReport::Delivery(Delivery::Delivered)),
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
            let cases: Vec<_> = order.cases(at()).iter().map(|case| case.kind).collect();
            let expected: &[CaseKind] = if bounced {
                &[CaseKind::MailBounced]
            } else {
                &[]
            };
            assert_eq!(cases, expected, "{arrival:?}");
        }
    }
}

/// The reports are a join: however they are ordered and repeated, the state at the end, and what is a
/// case from when on, are the same.
#[test]
fn reports_of_the_delivery_end_the_same_in_every_order() {
    use News::{Accepted, Bounced, Delayed, Delivered, InDoubt, Returned, ReturnedToo, Sent};
    let minutes = SignedDuration::from_mins;
    let half_an_hour = Some(minutes(30));
    for (news, overdue) in [
        (vec![Accepted, Sent], half_an_hour),
        (vec![InDoubt, Sent, Sent], half_an_hour),
        (vec![Accepted, Sent, Delivered, Delivered], None),
        (vec![Delivered], None),
        (vec![InDoubt, Delivered], None),
        (vec![Accepted, Delayed, Delayed], Some(minutes(15 * 60))),
        (vec![Sent, Delayed, Delivered], None),
        (vec![Sent, Returned, ReturnedToo, Delayed], half_an_hour),
        (vec![Sent, Returned, Delivered, Delayed], None),
        (vec![Sent, Delayed, Bounced], None),
        (vec![Accepted, Sent, Delayed, Delivered, Bounced], None),
        (vec![InDoubt, Returned, Delivered, Bounced, Bounced], None),
    ] {
        let mut ends = Vec::new();
        for arrival in orders_of_arrival(&news) {
            let mut order = claimed();
            for news in &arrival {
                order = after(&order, command(*news, &id(), 1)).0;
            }
            let repeated = arrival.iter().all(|news| {
                let again = order.decide(command(*news, &id(), 1), at());
                again == Ok(Vec::new())
            });
            assert!(repeated, "{arrival:?}");
            let sending = &order.purchase_orders[0].sending;
            let bounced = news.contains(&Bounced);
            assert_eq!(sending.is_sent(), !bounced, "{arrival:?}");
            assert!(!sending.is_sent_twice(), "{arrival:?}");
            let shown = |at: Timestamp| {
                let cases = order.cases(at);
                cases
                    .iter()
                    .any(|case| case.kind == CaseKind::MailUnconfirmed)
            };
            let due = order.next_case_at(at());
            assert_eq!(due, overdue.map(|within| at() + within), "{arrival:?}");
            if let Some(within) = overdue {
                let moment = at() + within;
                assert!(!shown(moment - minutes(1)) && shown(moment), "{arrival:?}");
            }
            assert_eq!(
                shown(at() + minutes(60 * 24 * 30)),
                overdue.is_some(),
                "{arrival:?}"
            );
            // What bounced is not sent, whatever was reported of its delivery before.
            let state = (!bounced).then(|| sending.deliveries.clone());
            ends.push((sending.state.clone(), state));
        }
        assert!(ends.iter().all(|end| *end == ends[0]), "{news:?}: {ends:?}");
    }
}

/// A server of the merchant's own, or the outbox, reports nothing: its silence means nothing.
#[test]
fn silence_is_a_case_only_where_deliveries_are_reported() {
    let mut order = claimed();
    let sending = &mut order.purchase_orders[0].sending;
    sending.last.via = Some(Via::new("mail", "smtp mail.example:25"));
    let (order, _) = after(&order, command(News::Accepted, &id(), 1));
    assert_eq!(order.next_case_at(at()), None);
    assert_eq!(order.cases(at() + SignedDuration::from_hours(48)), []);
}

fn resolve(verdict: Verdict) -> Command {
    Command::Resolve {
        number: id().purchase_order().clone(),
        verdict,
        who: "Ada".to_owned(),
        why: "called them".to_owned(),
    }
}

/// A person asked the supplier, who has it. Whoever lets a hold through says nothing of mails.
#[test]
fn a_person_confirms_this_mail_and_no_later_one() {
    let (order, _) = after(&claimed(), command(News::Sent, &id(), 1));
    let late = at() + SignedDuration::from_mins(30);
    let sent = || {
        resolve(Verdict::Sent {
            reference: "4711".to_owned(),
        })
    };
    let early = order.decide(sent(), at());
    assert!(early.is_err(), "{early:?}");
    let release = Command::Release {
        method: None,
        who: "Ada".to_owned(),
        why: "looked at it".to_owned(),
    };
    assert!(order.decide(release, late).is_err(), "it holds nothing");
    let events = order.decide(sent(), late).unwrap();
    let told = format!("{events:?}");
    assert!(told.contains("their number 4711"), "{told}");
    let (_, mut order) = Commit::new(&order, events, late).unwrap();
    assert_eq!(order.cases(late), []);
    // Another mail to the same supplier is a case of its own.
    let mut another = claimed().purchase_orders.remove(0);
    let code = ChannelCode::parse("SH").unwrap();
    another.number = PurchaseOrderNumber::new(&code, "1001", 2);
    let second = SendSubject::from(&another.number);
    order.purchase_orders.push(another);
    let (order, _) = after(&order, command(News::Sent, &second, 1));
    let cases: Vec<_> = order.cases(late).iter().map(|case| case.kind).collect();
    assert_eq!(cases, [CaseKind::MailUnconfirmed]);
}

/// A person asked the supplier, who never got it: a release plans it again.
#[test]
fn what_never_arrived_is_planned_again() {
    let not_sent = || resolve(Verdict::NotSent);
    for (silent, within) in [
        (News::Sent, SignedDuration::from_mins(30)),
        (News::Delayed, SignedDuration::from_hours(15)),
        (News::Returned, SignedDuration::from_mins(30)),
    ] {
        let (order, _) = after(&claimed(), command(silent, &id(), 1));
        let late = at() + within;
        let early = order.decide(not_sent(), late - SignedDuration::from_secs(1));
        assert!(early.is_err(), "it may be delivered yet: {early:?}");
        let events = order.decide(not_sent(), late).unwrap();
        let (commit, order) = Commit::new(&order, events, late).unwrap();
        assert_eq!(commit.reservations.len(), 1);
        let cases: Vec<_> = order.cases(late).iter().map(|case| case.kind).collect();
        assert_eq!(cases, [CaseKind::MailBounced]);
    }
    let (order, _) = after(&claimed(), command(News::Delivered, &id(), 1));
    assert!(
        order
            .decide(not_sent(), at() + SignedDuration::from_hours(48))
            .is_err(),
        "the supplier has it"
    );
}

/// A request to cancel the whole of it, claimed by its first attempt.
fn asks_to_cancel(order: &mut Order) -> SendSubject {
    let own = &mut order.purchase_orders[0];
    let mut request = CancelRequest::new(own.everything(), true, "refunded".to_owned(), at());
    request.sending.apply(&started(1), at()).unwrap();
    own.cancels.push(request);
    own.subject(Some(1))
}

/// A request that nobody reports to have arrived is for a person, who calls.
#[test]
fn a_request_of_which_nothing_is_reported_is_for_a_person() {
    let (mut order, _) = after(&claimed(), command(News::Delivered, &id(), 1));
    let request = asks_to_cancel(&mut order);
    let (order, _) = after(&order, command(News::Sent, &request, 1));
    let late = at() + SignedDuration::from_mins(30);
    assert_eq!(order.next_case_at(at()), Some(late));
    let kinds = |order: &Order, at| {
        let cases = order.cases(at).into_iter();
        cases.map(|case| case.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&order, at()), [CaseKind::CancelRequested]);
    assert_eq!(kinds(&order, late), [CaseKind::CancelAfterSend]);
    let (order, _) = after(&order, command(News::Delivered, &request, 1));
    assert_eq!(kinds(&order, late), [CaseKind::CancelRequested]);
}

/// Mail to the supplier is paused for days: the history says it once, and the order stays due.
#[test]
fn a_pause_is_said_once() {
    let mut order = claimed();
    let sending = &mut order.purchase_orders[0].sending;
    *sending = Sending::planned(at());
    let pause = || Command::PauseMail {
        id: id(),
        via: Via::new("mail", "ses eu-west-1"),
    };
    let events = order.decide(pause(), at()).unwrap();
    assert_eq!(events.len(), 1);
    let (_, order) = Commit::new(&order, events, at()).unwrap();
    for minutes in [1, 15, 60 * 24] {
        let now = at() + SignedDuration::from_mins(minutes);
        assert_eq!(order.decide(pause(), now), Ok(Vec::new()));
        assert!(order.due().is_some_and(|due| due <= now));
    }
    let late = at() + SignedDuration::from_mins(11);
    let cases = order.cases(late);
    assert_eq!(cases[0].kind, CaseKind::SendDelayed);
    assert!(
        cases[0]
            .detail
            .ends_with(domain::sending::timing::MAIL_PAUSED)
    );
}

/// A person said that the first attempt was not there, and the second was accepted.
fn sent_by_the_second() -> Order {
    let (order, _) = after(&claimed(), command(News::InDoubt, &id(), 1));
    let (mut order, _) = after(
        &order,
        Command::Resolve {
            number: id().purchase_order().clone(),
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
    let cases: Vec<_> = order.cases(at()).iter().map(|case| case.kind).collect();
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
    let request = asks_to_cancel(&mut order);
    let (order, given_back) = after(&order, command(News::Bounced, &request, 1));
    assert_eq!(given_back, 0);
    let own = &order.purchase_orders[0];
    assert!(own.cancels[0].is_open());
    assert!(matches!(
        own.cancels[0].sending.state,
        SendState::Rejected { .. }
    ));
    let cases: Vec<_> = order.cases(at()).iter().map(|case| case.kind).collect();
    assert_eq!(cases, [CaseKind::CancelAfterSend]);
}
