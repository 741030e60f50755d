//! What a message of the channel adds to what is known.

use crate::digest::Digest;
use crate::ids::LineId;
use crate::order::events::Event;
use crate::order::news::{
    ChannelEvent, EarlierReport, Latest, News, OrderSnapshot, Payload, Payment, Refund,
};
use crate::order::topics::channel::{ChannelChange, SnapshotEvent};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What the message adds to what is known, as events, and the payload item that goes with them.
/// Empty for a message that adds nothing new.
pub(crate) fn merge(
    news: &News,
    payloads: u32,
    message: &ChannelEvent,
) -> (Vec<Event>, Option<(u32, Payload)>) {
    match message {
        ChannelEvent::Refund { refund, .. } => {
            let refund = merge_refund(news, refund).map(Event::from);
            (refund.into_iter().collect(), None)
        }
        ChannelEvent::Order(snapshot) => merge_snapshot(news, payloads, snapshot),
    }
}

fn merge_refund(news: &News, refund: &Refund) -> Option<ChannelChange> {
    let known = news.refunds.get(&refund.id);
    // The same id with other content is not documented to happen; the greater digest wins so that
    // the join stays one.
    let greater = known.is_none_or(|known| Digest::of_value(refund) > Digest::of_value(known));
    greater.then(|| ChannelChange::RefundRecorded(refund.clone()))
}

fn merge_snapshot(
    news: &News,
    payloads: u32,
    snapshot: &OrderSnapshot,
) -> (Vec<Event>, Option<(u32, Payload)>) {
    let latest = Latest {
        updated_at: snapshot.updated_at,
        emitted_at: snapshot.emitted_at,
        register: Digest::of_value(&(&snapshot.content, &snapshot.payload)),
        edit: snapshot.payload.edit_digest(),
        address: snapshot.payload.address_digest(),
        method: snapshot.payload.method_digest(),
        properties: snapshot.payload.property_digests(),
        content: snapshot.content.clone(),
    };
    let mut events: Vec<ChannelChange> = Vec::new();
    let mut payload = None;
    let newest = match &news.latest {
        None => true,
        Some(known) if latest.key() == known.key() => !news.taken.contains(&latest.register),
        Some(known) => latest.key() > known.key(),
    };
    if newest {
        let same_to_a_supplier = news
            .latest
            .as_ref()
            .is_some_and(|known| known.edit == latest.edit);
        if same_to_a_supplier {
            events.push(ChannelChange::OrderUpdated(latest));
        } else {
            let number = payloads + 1;
            payload = Some((number, snapshot.payload.clone()));
            let snapshot = SnapshotEvent {
                payload: number,
                latest,
            };
            events.push(if news.latest.is_none() {
                ChannelChange::OrderReceived(snapshot)
            } else {
                ChannelChange::OrderEdited(snapshot)
            });
        }
    } else if let Some(earlier) = earlier(news, &latest) {
        events.push(ChannelChange::EarlierReported(earlier));
    }
    if snapshot.paid && !news.paid {
        events.push(ChannelChange::PaymentReceived);
    }
    if let Some(cancelled_at) = snapshot.cancelled_at
        && news.cancelled_at.is_none_or(|known| cancelled_at < known)
    {
        events.push(ChannelChange::OrderCancelled { cancelled_at });
    }
    events.extend(
        snapshot
            .refunds
            .iter()
            .filter_map(|refund| merge_refund(news, refund)),
    );
    (events.into_iter().map(Event::from).collect(), payload)
}

/// What a message that is not the newest is the first to report; `None` where that is nothing.
fn earlier(news: &News, message: &Latest) -> Option<EarlierReport> {
    let at = message.updated_at;
    let lines = message.content.lines.iter().map(|line| &line.id);
    let first_seen: BTreeMap<LineId, Timestamp> = lines
        .filter(|line| news.first_seen.get(*line).is_none_or(|known| at < *known))
        .map(|line| (line.clone(), at))
        .collect();
    let refunded = message.content.payment == Payment::Refunded
        && news.refunded_at.is_none_or(|known| at < known);
    let earlier = EarlierReport {
        first_seen,
        refunded_at: refunded.then_some(at),
    };
    (!earlier.first_seen.is_empty() || refunded).then_some(earlier)
}
