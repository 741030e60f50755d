//! Orders while calls are throttled and cut, processes end where they are, and messages come twice.

use super::TURN;
use super::place::{Place, id};
use domain::messages::RouteOrder;
use domain::order::Order;
use domain::sending::machine::SendState;
use doubles::recorder::{Call, Fault};
use doubles::shop::ShopOrder;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use waybill::demo::Stage as _;

const ORDERS: u64 = 8;
/// A shop gives up an order much later.
const WEBHOOK_TRIES: u32 = 20;
/// Of sweeps, one every five seconds: a doubt is settled after a minute, and a claim of a process that
/// ended after the time of its send.
const SWEEPS: u32 = 60;

/// One call in six, in turn; never of a person, and never twice in a row under the same call.
fn fault(counted: &AtomicU64, call: &Call) -> Option<Fault> {
    if !call.who.starts_with("ASIA") || call.attempt > 1 {
        return None;
    }
    match counted.fetch_add(1, Ordering::SeqCst) % 18 {
        2 => Some(Fault::CutAfter),
        8 => Some(Fault::CutBefore),
        14 => Some(Fault::Throttled),
        _ => None,
    }
}

fn order(number: u64) -> ShopOrder {
    match number % 3 {
        0 => ShopOrder::new(number, &[("MUG", 1)]),
        1 => ShopOrder::new(number, &[("MUG", 1), ("LAMP", 1)]),
        _ => ShopOrder::new(number, &[("TOWEL", 2)]),
    }
}

/// As far as it can come here: a mail whose answer was lost is settled by the mail service's report,
/// which this one never sends.
fn is_settled(order: &Order) -> bool {
    let own = &order.purchase_orders;
    !own.is_empty()
        && order.needs_routing.is_none()
        && own.iter().all(|own| {
            let doubt = matches!(own.sending.state, SendState::InDoubt { .. });
            own.sending.is_sent() || (doubt && own.supplier.as_str() == "harbour")
        })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_whatever_fails() {
    let _turn = TURN.lock().await;
    let Some(place) = Place::set("disturbances").await else {
        return;
    };
    let deployment = &place.deployment;
    deployment.hide_messages_for(2).await.unwrap();
    let installation = place.installation();
    let recorder = &deployment.emulator.recorder;
    let counted = AtomicU64::new(0);
    recorder.disturb(move |call| fault(&counted, call));

    let mut killed = 0;
    let orders: Vec<ShopOrder> = (3001..3001 + ORDERS).map(order).collect();
    for order in &orders {
        let webhook = place.cast.shop.sign("orders/create", &order.0);
        let mut accepted = false;
        for _ in 0..WEBHOOK_TRIES {
            let answer = place.send(webhook.clone()).await;
            accepted = answer.is_ok_and(|answer| answer.status == 200);
            if accepted {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        assert!(accepted, "{} was never accepted", id(order));
        let stored = place.stored(order).await;
        assert!(stored.is_some(), "answered, and not stored");
        // Once more, as queues do.
        let again = RouteOrder { order: id(order) }.into();
        installation.queue.send(&again).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        killed += deployment.emulator.kill_functions().unwrap();
    }
    assert!(killed > 0, "no process was there to be killed");
    let faults = recorder.calls();
    let faults = faults.iter().filter(|call| call.fault.is_some()).count();
    assert!(faults > 10, "only {faults} calls were disturbed");

    let mut open = orders.clone();
    for _ in 0..SWEEPS {
        let mut still = Vec::new();
        for order in open {
            let known = place.stored(&order).await;
            if !known.is_some_and(|known| is_settled(&known)) {
                still.push(order);
            }
        }
        open = still;
        if open.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        // It, too, may fail on the way; the next one goes on.
        drop(deployment.sweep().await);
    }
    let open: Vec<_> = open.iter().map(id).collect();

    // What is not sent a person sees.
    let mut numbers = Vec::new();
    for order in &orders {
        let known = place.stored(order).await.unwrap();
        for own in &known.purchase_orders {
            numbers.push(own.number.to_string());
            let shown = known
                .cases(installation.clock.now())
                .iter()
                .any(|entry| entry.purchase_order.as_ref() == Some(&own.number));
            assert!(
                own.sending.is_sent() || shown,
                "{} is {} and no case; open: {open:?}",
                own.number,
                own.sending.state.name()
            );
        }
    }
    let mut taken: Vec<(String, usize)> = place.cast.northwind.taken().into_iter().collect();
    for ending in ["csv", "eml"] {
        let told = place.stage.told(ending).await.unwrap();
        taken.extend(told.iter().map(|name| {
            (
                name.clone(),
                told.iter().filter(|other| *other == name).count(),
            )
        }));
    }
    for (number, times) in &taken {
        assert_eq!(*times, 1, "{number}");
        assert!(numbers.contains(number), "nobody knows {number}");
    }
    place.every_promise_is_kept().await;
}
