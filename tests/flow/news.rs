//! What a channel tells is a join: any permutation and repetition of its messages ends in the same
//! state where their times differ, and every unit is in exactly one place all the way. Messages of one
//! second are tried in the domain.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use domain::commit::Commit;
use domain::ids::OrderId;
use domain::invariants::broken;
use domain::order::Order;
use domain::order::events::Recorded;
use domain::order::news::ChannelEvent;
use doubles::shop::{Shop, ShopOrder};
use ports::WebhookRequest;
use proptest::prelude::*;
use tests::opening::REGISTRY;
use tests::world::configuration as files;

fn messages() -> Vec<ChannelEvent> {
    let settings = configuration::load(&files()).unwrap().settings;
    let channel = settings.channels.values().next().unwrap();
    let entry = REGISTRY.channel(&channel.kind).unwrap();
    let opening = tests::opening::channel(&channel.specific, &["secret"]);
    let channel = (entry.open)(opening).unwrap();
    let shop = Shop {
        domain: "acme.myshopify.com".to_owned(),
        secret: "secret".to_owned(),
    };
    let order = || ShopOrder::new(1001, &[("MUG", 2), ("CHAIR", 3)]);
    let webhooks = [
        (
            "orders/create",
            order().with("financial_status", "pending").0,
        ),
        ("orders/paid", order().at(60).0),
        ("orders/updated", order().at(90).with("tags", "vip").0),
        (
            "orders/updated",
            order().at(120).with_address("address1", "99 Other Road").0,
        ),
        // Back to what it was: an edit in between that comes late must not win.
        ("orders/updated", order().at(180).0),
        ("refunds/create", order().refund(7, 0, 1)),
        ("refunds/create", order().refund(8, 1, 2)),
        ("orders/cancelled", order().cancelled(240).0),
    ];
    let parsed = webhooks.iter().flat_map(|(topic, body)| {
        let signed = shop.sign(topic, body);
        let request = WebhookRequest::post(signed.headers, signed.body);
        let received = channel.webhook().unwrap().receive(&request);
        received.unwrap().events()
    });
    parsed.collect()
}

fn after(messages: &[&ChannelEvent]) -> Order {
    let id = OrderId::parse("acme/1").unwrap();
    let mut order = Order::new(id.clone());
    let mut history: Vec<Recorded> = Vec::new();
    let now = "2026-11-23T10:00:00Z".parse().unwrap();
    for message in messages {
        let (events, _) = order.merge(message);
        let (commit, next) = Commit::new(&order, events, now).unwrap();
        history.extend(commit.events);
        order = next;
        assert_eq!(broken(&order, &history), Vec::<String>::new());
    }
    assert_eq!(
        Order::fold(id, &history).unwrap(),
        order,
        "the state is the fold of the history"
    );
    order
}

proptest! {
    #[test]
    fn any_order_of_arrival_ends_in_the_same_state(
        shuffled in Just((0..8_usize).collect::<Vec<_>>()).prop_shuffle(),
        repeated in prop::collection::vec(0..8_usize, 0..6),
        upto in 1..=8_usize,
    ) {
        let messages = messages();
        // A prefix in its own order against the same messages shuffled and repeated.
        let straight: Vec<_> = messages.iter().take(upto).collect();
        let mut mixed: Vec<_> = shuffled.iter().filter(|at| **at < upto).map(|at| &messages[*at]).collect();
        mixed.extend(repeated.iter().filter(|at| **at < upto).map(|at| &messages[*at]));
        let (one, other) = (after(&straight), after(&mixed));
        prop_assert_eq!(&one.news, &other.news);
        for line in one.news.latest.iter().flat_map(|latest| &latest.content.lines) {
            prop_assert_eq!(one.places(&line.id), other.places(&line.id));
        }
    }
}
