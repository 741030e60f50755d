//! What is Shopify's own; what every channel keeps is tried by `tests/contract`.

use super::*;
use domain::address::Country;
use domain::order::news::{
    FulfillmentStatus, Line, LocalDelivery, Note, OrderSnapshot, Payment, RefundedUnits,
};
use serde_json::json;
use std::path::Path;

const SECRET: &str = "of-the-test";

fn with_settings(specific: &Value, payload: &Value) -> OrderSnapshot {
    let mut all = json!({ "shop": "acme.myshopify.com" });
    all.as_object_mut()
        .unwrap()
        .extend(specific.as_object().unwrap().clone());
    let channel = opened(&all, vec![SecretString::from(SECRET)]).unwrap();
    let request = request("orders/updated", payload.to_string().as_bytes());
    match channel.parse(&request).unwrap().remove(0) {
        ChannelEvent::Order(order) => *order,
        ChannelEvent::Refund { .. } => panic!("a refund"),
    }
}

fn channel(secrets: &[&str]) -> Shopify {
    let secrets = secrets
        .iter()
        .map(|secret| SecretString::from(*secret))
        .collect();
    opened(&json!({ "shop": "Acme.myshopify.com" }), secrets).unwrap()
}

fn request(topic: &str, body: &[u8]) -> WebhookRequest {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())
        .unwrap()
        .chain_update(body);
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let headers = vec![
        (SIGNATURE.to_owned(), signature),
        (SHOP.to_owned(), "ACME.myshopify.com".to_owned()),
        (TOPIC.to_owned(), topic.to_owned()),
    ];
    WebhookRequest::post(headers, body.to_vec())
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
fn a_blank_secret_signs_nothing() {
    for secret in ["", " ", "\n"] {
        let mut request = request("orders/create", b"{}");
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
            .unwrap()
            .chain_update(b"{}");
        request.headers[0].1 = STANDARD.encode(mac.finalize().into_bytes());
        assert!(channel(&[secret]).verify(&request).is_err());
    }
}

#[test]
fn settings_name_the_wrong_key() {
    let path = |settings: Value| opened(&settings, Vec::new()).err().unwrap().path;
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
    assert_eq!(
        read.units.values().map(|units| units.total()).sum::<u32>(),
        2
    );
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
        (json!("PAID"), true),
        (Value::Null, false),
    ] {
        payload["financial_status"] = status.clone();
        let read = order(&payload);
        assert_eq!(read.paid, paid, "{status}");
        let refunded = read.content.payment == Payment::Refunded;
        assert_eq!(refunded, status == "refunded");
        let known = !matches!(read.content.payment, Payment::Unknown(_));
        let unknown = [json!("paid_in_full"), Value::Null];
        assert_eq!(known, !unknown.contains(&status), "{status}");
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
    let shipping = plain.shipping_method().unwrap();
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
    assert_eq!(order(&payload).content.shipping, []);
}

fn first_line(payload: &Value) -> Line {
    order(payload).content.lines.remove(0)
}

#[test]
fn quantities_of_a_line_are_read_and_an_absent_one_says_nothing() {
    let mut payload = fixture("orders.create.json");
    let id = payload["line_items"][0]["id"].clone();
    payload["line_items"][0]["quantity"] = json!(5);
    payload["line_items"][0]["current_quantity"] = json!(4);
    payload["line_items"][0]["fulfillable_quantity"] = json!(2);
    payload["fulfillments"] = json!([
        {"id": 1, "status": "success", "line_items": [{"id": id, "quantity": 1}]},
        {"id": 2, "status": "pending", "line_items": [{"id": id, "quantity": 1}]},
        {"id": 3, "status": "cancelled", "line_items": [{"id": id, "quantity": 3}]},
    ]);
    let read = first_line(&payload);
    assert_eq!(
        (
            read.quantity,
            read.current_quantity,
            read.fulfillable,
            read.fulfilled
        ),
        (5, 4, Some(2), 2)
    );
    payload["line_items"][0]["fulfillable_quantity"] = Value::Null;
    assert_eq!(first_line(&payload).fulfillable, None);
    payload["line_items"][0]
        .as_object_mut()
        .unwrap()
        .remove("fulfillable_quantity");
    assert_eq!(first_line(&payload).fulfillable, None);
}

#[test]
fn a_status_without_a_list_means_every_unit() {
    let mut payload = fixture("orders.create.json");
    let quantity = first_line(&payload).quantity;
    payload["line_items"][0]["fulfillment_status"] = json!("fulfilled");
    assert_eq!(first_line(&payload).fulfilled, quantity);
    payload["line_items"][0]["fulfillment_status"] = Value::Null;
    payload["fulfillment_status"] = json!("fulfilled");
    assert_eq!(first_line(&payload).fulfilled, quantity);
    // A list says it better.
    let other = payload["line_items"][1]["id"].clone();
    payload["fulfillments"] =
        json!([{"id": 1, "status": "success", "line_items": [{"id": other, "quantity": 1}]}]);
    assert_eq!(first_line(&payload).fulfilled, 0);
}

#[test]
fn holds_are_read_and_an_unknown_status_stays_one() {
    let mut payload = fixture("orders.create.json");
    for (status, read) in [
        (Value::Null, FulfillmentStatus::Open),
        (json!("partial"), FulfillmentStatus::Partial),
        (json!("on_hold"), FulfillmentStatus::OnHold),
        (json!("scheduled"), FulfillmentStatus::Scheduled),
        // As programs that pass orders on spell them.
        (json!("ON_HOLD"), FulfillmentStatus::OnHold),
        (json!("On hold"), FulfillmentStatus::OnHold),
        (json!("onHold"), FulfillmentStatus::OnHold),
        (json!("on-hold"), FulfillmentStatus::OnHold),
        (json!("SCHEDULED"), FulfillmentStatus::Scheduled),
        (json!("FULFILLED"), FulfillmentStatus::Fulfilled),
        (json!("UNFULFILLED"), FulfillmentStatus::Open),
        (
            json!("restocked"),
            FulfillmentStatus::Unknown("restocked".to_owned()),
        ),
    ] {
        payload["fulfillment_status"] = status.clone();
        payload["line_items"][0]["fulfillment_status"] = status;
        let order = order(&payload).content;
        assert_eq!((&order.status, &order.lines[0].status), (&read, &read));
    }
}

#[test]
fn refunds_are_read_by_what_became_of_the_goods() {
    let mut payload = fixture("refunds.create.json");
    let line = payload["refund_line_items"][0].clone();
    let of = |how: Value, quantity: u32| {
        let mut line = line.clone();
        line["restock_type"] = how;
        line["quantity"] = json!(quantity);
        line
    };
    payload["refund_line_items"] = json!([
        of(json!("cancel"), 1),
        of(json!("RETURN"), 2),
        of(json!("no_restock"), 4),
        of(json!("legacy_restock"), 8),
        of(json!("some_new_word"), 16),
        of(Value::Null, 32),
        of(json!("cancel"), 0),
    ]);
    match parse("refunds/create", &payload).unwrap().remove(0) {
        ChannelEvent::Refund { refund, .. } => {
            let units: Vec<_> = refund.units.into_values().collect();
            assert_eq!(
                units,
                [RefundedUnits {
                    cancelled: 1,
                    returned: 2,
                    unstated: 60
                }]
            );
            assert!(refund.created_at.is_some());
        }
        ChannelEvent::Order(_) => panic!("an order"),
    }
}

#[test]
fn the_message_says_when_it_was_emitted() {
    let body = fixture("orders.create.json").to_string();
    let mut request = request("orders/create", body.as_bytes());
    let emitted =
        |request: &WebhookRequest| match channel(&[SECRET]).parse(request).unwrap().remove(0) {
            ChannelEvent::Order(order) => order.emitted_at,
            ChannelEvent::Refund { .. } => panic!("a refund"),
        };
    assert_eq!(emitted(&request), None);
    let header = |value: &str| ("X-Shopify-Triggered-At".to_owned(), value.to_owned());
    request.headers.push(header("2026-11-20T09:30:00.125482Z"));
    let read = emitted(&request).unwrap();
    assert_eq!(read.to_string(), "2026-11-20T09:30:00.125482Z");
    request.headers.pop();
    request.headers.push(header("yesterday"));
    assert_eq!(emitted(&request), None);
}

#[test]
fn goods_that_the_merchant_hands_over_are_not_ours() {
    let mut payload = fixture("orders.create.json");
    for (line, local) in [
        (
            json!({"title": "Main Street", "code": "x", "delivery_category": "pickup"}),
            Some(LocalDelivery::Pickup),
        ),
        (
            json!({"title": "Main Street", "delivery_category": "PICK_UP"}),
            Some(LocalDelivery::Pickup),
        ),
        (
            json!({"title": "By bicycle", "delivery_category": "local"}),
            Some(LocalDelivery::Delivery),
        ),
        (
            json!({"title": "By bicycle", "source": "shopify-local-delivery"}),
            Some(LocalDelivery::Delivery),
        ),
        (
            json!({"title": "Local pickup", "code": "Local Pickup"}),
            Some(LocalDelivery::Pickup),
        ),
        // Shipped to a point of the carrier's.
        (
            json!({"title": "Point", "delivery_category": "pickup_point"}),
            None,
        ),
        (
            json!({"title": "Express", "code": "EXP", "delivery_category": Value::Null}),
            None,
        ),
        (
            json!({"title": "Express", "delivery_category": "shipping"}),
            None,
        ),
    ] {
        payload["shipping_lines"] = json!([line]);
        let read = order(&payload).content;
        assert_eq!(read.shipping[0].local, local, "{line}");
        let ours = read.lines[0].not_ours.is_none();
        assert_eq!(ours, local.is_none(), "{line}");
        let held = with_settings(&json!({"local": "hold"}), &payload).content;
        assert_eq!(held.lines[0].not_ours, None, "a person decides");
    }
    payload["shipping_lines"] = json!([
        {"title": "Main Street", "delivery_category": "pickup"},
        {"title": "Express", "code": "EXP"},
        {"title": "Express", "code": "EXP", "price": "0.00"},
        {"title": "Slow", "code": "S", "is_removed": true},
    ]);
    let read = order(&payload);
    assert_eq!(read.content.shipping.len(), 2);
    assert_eq!(read.content.lines[0].not_ours, None);
    assert_eq!(read.payload.shipping_method, "Main Street + Express");
}

#[test]
fn what_the_customer_wrote_is_read_and_what_programs_wrote_is_not() {
    let mut payload = fixture("orders.create.json");
    let plain = order(&payload);
    payload["line_items"][0]["properties"] = json!([
        {"name": "Engraving", "value": "For\nAda"},
        {"name": "_design", "value": "4711"},
        {"name": "Font", "value": "  "},
        {"name": "Lines", "value": 2},
        {"name": "Marks", "value": "\u{200b}"},
        {"name": "Colour", "value": Value::Null},
    ]);
    let read = order(&payload);
    let texts: Vec<_> = read.payload.lines[0]
        .properties
        .iter()
        .map(|property| (property.name.as_str(), property.value.reveal().as_str()))
        .collect();
    assert_eq!(texts, [("Engraving", "For Ada"), ("Lines", "2")]);
    assert!(read.content.lines[0].has_properties && !read.content.lines[1].has_properties);
    assert_ne!(read.payload.edit_digest(), plain.payload.edit_digest());
    assert!(!read.content.gift);

    payload["line_items"][0]["properties"] = json!({"Gift message": "Happy birthday"});
    let read = order(&payload);
    assert!(read.content.gift);
    assert_eq!(read.payload.lines[0].properties[0].name, "Gift message");
    payload["line_items"][0]["properties"] = json!([{"name": "gift", "value": "No"}]);
    assert!(!order(&payload).content.gift);
}

#[test]
fn a_note_goes_where_the_settings_send_it() {
    let mut payload = fixture("orders.create.json");
    payload["note"] = Value::Null;
    let plain = order(&payload);
    assert_eq!(plain.content.note, Note::Absent);
    payload["note"] = json!("leave it at the door");
    payload["note_attributes"] = json!([
        {"name": "Delivery day", "value": "Friday"},
        {"name": "utm_source", "value": "mail"},
    ]);
    let ignored = order(&payload);
    assert_eq!(ignored.content.note, Note::Ignored);
    assert_eq!(ignored.payload.edit_digest(), plain.payload.edit_digest());

    let forwarded = with_settings(
        &json!({"note": "forward", "note_attributes": ["delivery day"]}),
        &payload,
    );
    assert_eq!(forwarded.content.note, Note::Forwarded);
    assert_eq!(forwarded.payload.note.reveal(), "leave it at the door");
    let attributes = &forwarded.payload.attributes;
    assert_eq!(attributes.len(), 1);
    assert_eq!(attributes[0].value.reveal(), "Friday");
    assert_ne!(forwarded.payload.edit_digest(), plain.payload.edit_digest());

    let held = with_settings(&json!({"note": "hold"}), &payload);
    assert_eq!(held.content.note, Note::Held);
    assert_eq!(held.payload.note.reveal(), "");
}

#[test]
fn the_phone_of_the_order_or_the_customer_stands_in() {
    let mut payload = fixture("orders.create.json");
    let phone = |order: OrderSnapshot| order.payload.ship_to.reveal().phone.clone();
    payload["phone"] = json!("+1 503 555 0001");
    payload["customer"] = json!({"phone": "+1 503 555 0002"});
    assert_eq!(phone(order(&payload)), "+1 503 555 0134");
    payload["shipping_address"]["phone"] = json!("\u{202a} \u{202c}");
    assert_eq!(phone(order(&payload)), "+1 503 555 0001");
    payload["phone"] = Value::Null;
    assert_eq!(phone(order(&payload)), "+1 503 555 0002");
    let off = with_settings(&json!({"phone_fallback": false}), &payload);
    assert_eq!(phone(off), "");
    payload["shipping_address"] = Value::Null;
    let erased = order(&payload).payload;
    assert_eq!(
        *erased.ship_to.reveal(),
        domain::address::Address::default()
    );
}

#[test]
fn marks_are_dropped_and_accents_composed() {
    let mut payload = fixture("orders.create.json");
    payload["shipping_address"]["name"] = json!("Ame\u{301}lie \u{200e}Exa\u{ad}mple");
    payload["shipping_address"]["phone"] = json!("\u{202a}+1 937 555 0100\u{202c}");
    payload["shipping_address"]["company"] = json!("می\u{200c}خواهم");
    payload["line_items"][0]["sku"] = json!("\u{feff}MUG\u{200b}-1");
    let read = order(&payload);
    let address = read.payload.ship_to.reveal();
    assert_eq!(address.name, "Am\u{e9}lie Example");
    assert_eq!(address.phone, "+1 937 555 0100");
    assert_eq!(address.company, "می\u{200c}خواهم");
    assert_eq!(
        read.content.lines[0].sku.as_ref().unwrap().as_str(),
        "MUG-1"
    );
}

#[test]
fn a_long_sku_is_kept_short_and_two_lines_need_two_ids() {
    let mut payload = fixture("orders.create.json");
    let long = "X".repeat(255);
    payload["line_items"][0]["sku"] = json!(long);
    let sku = first_line(&payload).sku.unwrap();
    assert!(sku.is_shortened() && sku.as_str().starts_with(&long[..40]));
    assert!(sku.as_str().len() <= 200);
    payload["line_items"][0]["sku"] = json!(format!("{long}Y"));
    assert_ne!(first_line(&payload).sku.unwrap(), sku);

    payload["line_items"][1]["id"] = payload["line_items"][0]["id"].clone();
    let error = parse("orders/create", &payload).unwrap_err();
    assert!(error.0.starts_with("line_items[1].id: "), "{error}");
}

#[test]
fn payment_methods_and_terms_are_read() {
    let mut payload = fixture("orders.create.json");
    payload["payment_gateway_names"] = json!(["Cash on Delivery (COD)", ""]);
    payload["payment_terms"] = Value::Null;
    let read = order(&payload).content;
    assert!(read.gateways.contains("Cash on Delivery (COD)"));
    assert!(!read.net_terms);
    for (terms, net) in [("net", true), ("fixed", true), ("receipt", false)] {
        payload["payment_terms"] = json!({"payment_terms_type": terms, "due_in_days": 30});
        assert_eq!(order(&payload).content.net_terms, net, "{terms}");
    }
}
