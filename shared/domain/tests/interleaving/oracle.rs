//! What holds after every commit, checked from the promises' words.

use crate::fixture::{chairs, more_mugs, mugs, order_id};
use crate::world::World;
use domain::cases::CaseKind;
use domain::invariants::broken;
use domain::order::purchase_order::CancelRequest;
use domain::order::{Order, PurchaseOrder};
use domain::sending::machine::SendState;
use domain::sending::subject::SendSubject;
use domain::sending::timing::RESEND_AFTER;
use std::collections::BTreeMap;

pub(crate) fn check(world: &World, before: &Order) {
    let order = &world.order;
    let folded = Order::fold(order_id(), &world.history).unwrap();
    assert_eq!(&folded, order, "the state is the fold of the history");
    assert!(
        !before.is_cancelled() || order.is_cancelled(),
        "a cancelled order comes back to life"
    );
    for line in [mugs(), chairs(), more_mugs()] {
        let places = order.places(&line);
        let sum = places.cancelled
            + places.not_ours
            + places.purchase_orders
            + places.held
            + places.waiting;
        assert_eq!(
            sum, places.ordered,
            "every unit is in one place: {places:?}"
        );
        let units = order.line_units(&line);
        assert_eq!(
            units.gone + units.fulfilled + units.open + units.unclear,
            units.ordered,
            "every unit is counted once: {units:?}"
        );
        assert!(
            order.needs_routing.is_some() || !order.is_planned_beyond_hold(&line),
            "units of {line} are planned that must wait: {units:?}"
        );
    }
    nothing_shipped_is_asked_for(world, before);
    promises(world);
    stock(world);
    assert_eq!(
        world.claims_without_an_end(),
        [],
        "claimed while it may be there"
    );
    for own in &order.purchase_orders {
        goes_on(world, own);
    }
    waits_for_something(order);
}

/// A supplier is asked to cancel units only while that leaves it those that are shipped.
fn nothing_shipped_is_asked_for(world: &World, before: &Order) {
    let after = &world.order;
    for line in [mugs(), chairs(), more_mugs()] {
        let asked = |order: &Order| -> u32 {
            let requests = order.live().flat_map(|own| &own.cancels);
            let open = requests.filter(|request| request.is_open());
            open.filter_map(|request| request.lines.get(&line)).sum()
        };
        // Of a draft nothing was shipped, whatever somebody else shipped.
        let drafts =
            |own: &PurchaseOrder| matches!(own.sending.state, SendState::BetweenSteps { .. });
        // What was voided and is there after all is a second one: the shipped units are another's.
        let was_voided = |own: &PurchaseOrder| {
            let known = before.purchase_order(&own.number);
            known.is_some_and(|own| matches!(own.sending.state, SendState::Voided { .. }))
        };
        let second = after.live().any(was_voided);
        if asked(after) <= asked(before) || second || after.live().any(drafts) {
            continue;
        }
        let shipped = after.line_units(&line).fulfilled - after.fulfilled_elsewhere(&line);
        let left = after.handed_over(&line).saturating_sub(asked(after));
        assert!(
            left >= shipped,
            "{shipped} units of {line} are shipped and only {left} are not asked back"
        );
    }
}

/// Those that `report` checks, too. Two acceptances are broken exactly where a supplier told two.
fn promises(world: &World) {
    let (twice, other): (Vec<_>, Vec<_>) = broken(&world.order, &world.history)
        .into_iter()
        .partition(|what| what.contains("accepted more than once"));
    assert_eq!(other, Vec::<String>::new());
    let told = world.order.purchase_orders.iter().filter(|own| {
        let id = SendSubject::from(&own.number);
        world.told_taken.get(&id).is_some_and(|told| told.len() > 1)
    });
    // What is being told right now is counted after this.
    assert!(twice.len() <= told.count() + 1, "{twice:?}");
}

fn stock(world: &World) {
    let mut expected = BTreeMap::new();
    for own in &world.order.purchase_orders {
        for line in own.lines.iter().filter(|line| line.reserved) {
            let left = own.remaining(line);
            let units = left - own.refused_and_held(&line.line).min(left);
            if own.holds_reservation() && units > 0 {
                *expected
                    .entry((own.number.clone(), line.supplier_sku.clone()))
                    .or_insert(0) += units;
            }
        }
    }
    assert_eq!(world.reserved, expected, "what is reserved is what is live");
    for known in &world.offers {
        let Some(stock) = &known.stock else { continue };
        let sku = &known.offer.supplier_sku;
        let ours: u32 = world
            .reserved
            .iter()
            .filter(|((_, reserved), _)| reserved == sku)
            .map(|(_, units)| units)
            .sum();
        let others = world.others.get(sku).copied().unwrap_or(0);
        assert_eq!(
            stock.available + i64::from(ours) + i64::from(others),
            i64::from(stock.stock),
            "stock of {sku} adds up"
        );
    }
}

/// What cannot go on by itself is a case, and everything else has a time at which it goes on.
fn goes_on(world: &World, own: &PurchaseOrder) {
    let (order, now) = (&world.order, world.now);
    let is_case = |kind: CaseKind| {
        let entries = order.cases(now);
        entries
            .iter()
            .any(|entry| entry.kind == kind && entry.purchase_order.as_ref() == Some(&own.number))
    };
    let wakes_by = |at: jiff::Timestamp| order.due().is_some_and(|due| due <= at);
    match &own.sending.state {
        SendState::Planned { due } | SendState::BetweenSteps { due } => {
            assert!(wakes_by(*due + RESEND_AFTER), "{} sleeps", own.number);
            let long = *due > now + jiff::SignedDuration::from_hours(24);
            assert!(!long, "{} waits until {due}", own.number);
        }
        SendState::SendStarted { resolve_at, .. } => {
            assert!(wakes_by(*resolve_at), "{} sleeps in its claim", own.number);
        }
        SendState::InDoubt { .. } => assert!(is_case(CaseKind::SendInDoubt), "{}", own.number),
        SendState::Rejected { freed: false, .. } => {
            assert!(is_case(CaseKind::SupplierRejected), "{}", own.number);
        }
        SendState::Rejected { .. } | SendState::Voided { .. } | SendState::Sent { .. } => {}
    }
    if own.sending.is_sent_twice() {
        assert!(is_case(CaseKind::SentTwice), "{}", own.number);
    }
    for (number, request) in own.numbered_cancels() {
        if !request.is_open() {
            continue;
        }
        let name = format!("{}/X{number}", own.number);
        if own.can_be_asked_back() {
            asks(order, now, &name, request);
        } else {
            assert!(
                matches!(
                    own.sending.state,
                    SendState::SendStarted { .. } | SendState::InDoubt { .. }
                ),
                "{name} is open and {} is {}",
                own.number,
                own.sending.state.name()
            );
        }
    }
}

fn asks(order: &Order, now: jiff::Timestamp, name: &str, request: &CancelRequest) {
    let cases = [CaseKind::CancelRequested, CaseKind::SendInDoubt];
    match &request.sending.state {
        SendState::Planned { .. }
        | SendState::BetweenSteps { .. }
        | SendState::SendStarted { .. } => {
            assert!(order.due().is_some(), "{name} sleeps");
        }
        SendState::InDoubt { .. } | SendState::Sent { .. } => {
            let entries = order.cases(now);
            let told = entries
                .iter()
                .any(|entry| cases.contains(&entry.kind) && entry.detail.contains(name));
            assert!(told, "{name} is no case: {entries:?}");
        }
        SendState::Rejected { .. } | SendState::Voided { .. } => {
            panic!("{name} is open and {}", request.sending.state.name());
        }
    }
}

fn waits_for_something(order: &Order) {
    for line in [mugs(), chairs(), more_mugs()] {
        let waiting = order.places(&line).waiting;
        let waits = order
            .routing
            .as_ref()
            .is_some_and(|routing| !routing.waits.is_empty());
        assert!(
            waiting == 0 || waits || order.unrouted_since().is_some(),
            "{waiting} units of {line} wait for nothing"
        );
    }
}

/// After everybody did what was due: nothing is under way, and what is left is a hold.
pub(crate) fn settled(world: &World) {
    let order = &world.order;
    for own in &order.purchase_orders {
        assert!(
            matches!(
                own.sending.state,
                SendState::Sent { .. } | SendState::Voided { .. } | SendState::Rejected { .. }
            ),
            "{} is {} for ever",
            own.number,
            own.sending.state.name()
        );
        assert!(!own.cancels.iter().any(CancelRequest::is_open), "{own:?}");
    }
    for line in [mugs(), chairs()] {
        let places = order.places(&line);
        // Units that a supplier would not give back are shipped, as a person agreed.
        let agreed: u32 = order.live().map(|own| own.asked_back(&line)).sum();
        assert_eq!(places.waiting, 0, "{places:?}");
        assert!(places.over_allocated <= agreed, "{places:?}");
    }
    for entry in order.cases(world.now) {
        assert!(
            matches!(
                entry.kind,
                CaseKind::SentTwice
                    | CaseKind::OutOfStock
                    | CaseKind::NoSupplier
                    | CaseKind::SplitNotAllowed
                    | CaseKind::SupplierRejected
            ),
            "nobody can close {entry:?}"
        );
    }
}
