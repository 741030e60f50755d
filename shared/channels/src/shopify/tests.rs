//! What is Shopify's own; what every channel keeps is tried by `tests/contract`.

use super::*;
use domain::address::Country;
use domain::ids::{ChannelCode, ChannelId};
use domain::order::news::OrderSnapshot;
use serde_json::json;
use std::path::Path;

const SECRET: &str = "of-the-test";

fn settings(specific: Value) -> ChannelSettings {
    ChannelSettings {
        id: ChannelId::parse("acme").unwrap(),
        kind: "shopify".to_owned(),
        code: ChannelCode::parse("SH").unwrap(),
        start_from: jiff::Timestamp::UNIX_EPOCH,
        secrets: vec!["SECRET".to_owned()],
        specific,
    }
}

fn channel(secrets: &[&str]) -> Box<dyn Channel> {
    let secrets = secrets
        .iter()
        .map(|secret| SecretString::from(*secret))
        .collect();
    open(&settings(json!({ "shop": "Acme.myshopify.com" })), secrets).unwrap()
}

fn request(topic: &str, body: &[u8]) -> WebhookRequest {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())
        .unwrap()
        .chain_update(body);
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    WebhookRequest {
        headers: vec![
            (SIGNATURE.to_owned(), signature),
            (SHOP.to_owned(), "ACME.myshopify.com".to_owned()),
            (TOPIC.to_owned(), topic.to_owned()),
        ],
        body: body.to_vec(),
    }
}

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/fixtures/channels/shopify")
        .join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn parse(topic: &str, payload: &Value) -> Result<Vec<ChannelEvent>, ParseError> {
    channel(&[SECRET]).parse(&request(topic, payload.to_string().as_bytes()))
}

fn order(payload: &Value) -> OrderSnapshot {
    match parse("orders/updated", payload).unwrap().remove(0) {
        ChannelEvent::Order(order) => *order,
        ChannelEvent::Refund { .. } => panic!("a refund"),
    }
}

#[test]
fn an_empty_secret_signs_nothing() {
    let mut request = request("orders/create", b"{}");
    let mac = Hmac::<Sha256>::new_from_slice(b"")
        .unwrap()
        .chain_update(b"{}");
    request.headers[0].1 = STANDARD.encode(mac.finalize().into_bytes());
    assert!(channel(&[""]).verify(&request).is_err());
}

#[test]
fn settings_name_the_wrong_key() {
    let path = |specific| open(&settings(specific), Vec::new()).err().unwrap().path;
    assert_eq!(path(json!({})), "shop");
    assert_eq!(
        path(json!({ "shop": "https://acme.myshopify.com" })),
        "shop"
    );
    assert_eq!(path(json!({ "shop": "a.example", "shops": 1 })), "shops");
    assert_eq!(
        path(json!({ "shop": "a.example", "fulfillment_services": ["manual", 1] })),
        "fulfillment_services[1]"
    );
}

#[test]
fn an_address_is_read() {
    let order = order(&fixture("orders.create.json"));
    let address = order.payload.ship_to.reveal();
    assert_eq!(address.name, "Mira Solberg");
    assert_eq!(address.company, "");
    assert_eq!(address.address2, "Apt 3");
    assert_eq!(address.province, "Oregon");
    assert_eq!(address.country_code, "US");
    assert_eq!(address.phone, "+1 503 555 0134");
    assert_eq!(order.payload.email.reveal(), "mira.solberg@mail.example");
}

#[test]
fn a_country_that_shopify_knows_is_known() {
    let mut payload = fixture("orders.create.json");
    for (code, known) in [("XK", true), ("ZZ", false), ("", false)] {
        payload["shipping_address"]["country_code"] = json!(code);
        let country = order(&payload).content.destination.country;
        let is_known = matches!(&country, Country::Known(read) if read == code);
        assert_eq!(is_known, known, "{country:?}");
    }
}

#[test]
fn a_refund_is_read_with_its_lines_currency() {
    let mut payload = fixture("refunds.create.json");
    let refund = |payload: &Value| match parse("refunds/create", payload).unwrap().remove(0) {
        ChannelEvent::Refund { order, refund } => (order.to_string(), refund),
        ChannelEvent::Order(_) => panic!("an order"),
    };
    let (order, read) = refund(&payload);
    assert_eq!(order, "6100000000001");
    assert_eq!(read.units.into_values().collect::<Vec<_>>(), [2]);
    assert_eq!(read.amount.unwrap().to_string(), "29.00 USD");

    payload["refund_line_items"] = json!([]);
    assert_eq!(refund(&payload).1.amount, None, "no currency");
    payload["transactions"] = json!([]);
    assert_eq!(refund(&payload).1.amount, None);
}

#[test]
fn large_ids_survive_and_floats_are_refused() {
    let mut payload = fixture("orders.large-ids.json");
    let read = order(&payload);
    assert_eq!(read.id.as_str(), "18446744073709551615");
    assert_eq!(read.content.lines[0].id.as_str(), "9007199254740993");
    assert_eq!(read.content.lines[1].id.as_str(), "9007199254740995");

    for float in [
        "9007199254740993.0",
        "9.007199254740993e15",
        "18446744073709551616",
    ] {
        payload["line_items"][2]["id"] = serde_json::from_str(float).unwrap();
        let error = parse("orders/create", &payload).unwrap_err();
        assert!(error.0.starts_with("line_items[2].id: "), "{error}");
        assert!(!error.0.contains(float));
    }
}

#[test]
fn only_known_statuses_are_paid() {
    let mut payload = fixture("orders.create.json");
    for (status, paid) in [
        (json!("paid"), true),
        (json!("partially_refunded"), true),
        (json!("refunded"), true),
        (json!("pending"), false),
        (json!("authorized"), false),
        (json!("partially_paid"), false),
        (json!("voided"), false),
        (json!("expired"), false),
        (json!("paid_in_full"), false),
        (json!("PAID"), false),
        (Value::Null, false),
    ] {
        payload["financial_status"] = status.clone();
        assert_eq!(order(&payload).paid, paid, "{status}");
        assert_eq!(order(&payload).fully_refunded, status == "refunded");
    }
}

#[test]
fn an_error_names_the_field_and_not_the_value() {
    for (pointer, value, path) in [
        ("/id", Value::Null, "id: missing"),
        ("/updated_at", Value::Null, "updated_at: missing"),
        (
            "/created_at",
            json!("2026-11-20T09:30:00"),
            "created_at: not a time",
        ),
        ("/currency", json!("usd"), "currency: not a currency"),
        (
            "/order_number",
            json!("#7"),
            "order_number: not a whole number",
        ),
        (
            "/line_items/0/quantity",
            json!(-1),
            "line_items[0].quantity: not a quantity",
        ),
        (
            "/line_items/0/quantity",
            json!(4_294_967_296_u64),
            "line_items[0].quantity: not a quantity",
        ),
        (
            "/line_items/0/price_set/shop_money/amount",
            json!("1.001"),
            "line_items[0].price_set.shop_money.amount: more",
        ),
        (
            "/line_items/1/price",
            json!(5.5),
            "line_items[1].price: not an amount in quotes",
        ),
        ("/line_items", json!({}), "line_items: not a list"),
        (
            "/shipping_address/city",
            json!(97201),
            "shipping_address.city: not a text",
        ),
    ] {
        let mut payload = fixture("orders.create.json");
        *payload.pointer_mut(pointer).unwrap() = value;
        let error = parse("orders/create", &payload).unwrap_err();
        assert!(error.0.starts_with(path), "{error}");
    }
    assert_eq!(
        channel(&[SECRET])
            .parse(&request("orders/create", b"{\"id\":"))
            .unwrap_err()
            .0,
        "not JSON at line 1 column 6"
    );
    assert_eq!(
        parse("orders/create", &json!([])).unwrap_err().0,
        "currency: missing"
    );
}

#[test]
fn control_characters_never_get_in() {
    let mut payload = fixture("orders.create.json");
    payload["shipping_address"]["address1"] = json!(" 14 Birch\r\nLane\u{0} ");
    assert_eq!(
        order(&payload).payload.ship_to.reveal().address1,
        "14 Birch  Lane"
    );
}

#[test]
fn other_topics_tell_nothing() {
    assert_eq!(parse("fulfillments/create", &json!({})).unwrap(), []);
    let mut request = request("", b"{}");
    request.headers.pop();
    assert!(channel(&[SECRET]).parse(&request).is_err(), "no topic");
}

/// Real payloads are not part of the repository; where they lie beside it, each must be readable.
#[test]
fn samples_from_the_shop_are_readable() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples/shopify");
    for topic in [
        "orders/create",
        "orders/paid",
        "orders/updated",
        "orders/cancelled",
        "refunds/create",
    ] {
        let Ok(bytes) = std::fs::read(folder.join(format!("{}.json", topic.replace('/', "."))))
        else {
            continue;
        };
        let sample: Value = serde_json::from_slice(&bytes).unwrap();
        let events = parse(topic, &sample["response"]).unwrap();
        assert_eq!(events.len(), 1, "{topic}");
    }
}

#[test]
fn shipping_discounts_and_contained_taxes_are_read() {
    let mut payload = fixture("orders.create.json");
    let plain = order(&payload).content;
    let shipping = plain.shipping.unwrap();
    assert_eq!(
        (shipping.title.as_str(), shipping.code.as_str()),
        ("Standard", "STD")
    );
    assert_eq!(
        (plain.lines[0].discount, plain.lines[0].included_tax),
        (None, None)
    );

    let amount = |text: &str| json!({"shop_money": {"amount": text, "currency_code": "USD"}});
    payload["line_items"][0]["discount_allocations"] = json!([
        {"amount": "1.50", "amount_set": amount("1.50")},
        {"amount": "0.25", "amount_set": amount("0.25")},
    ]);
    payload["line_items"][0]["tax_lines"] = json!([{"price": "3.20", "title": "VAT"}]);
    let lines = order(&payload).content.lines;
    assert_eq!(lines[0].discount.unwrap().to_string(), "1.75 USD");
    assert_eq!(lines[0].included_tax, None, "added to the price");
    payload["taxes_included"] = json!(true);
    let lines = order(&payload).content.lines;
    assert_eq!(lines[0].included_tax.unwrap().to_string(), "3.20 USD");

    payload["shipping_lines"] = json!([{"title": "Express", "code": null, "is_removed": true}]);
    assert_eq!(order(&payload).content.shipping, None);
}
