//! A Shopify shop: orders in the documented shape, signed as Shopify signs.

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_client::Request;
use serde_json::{Value, json};
use sha2::Sha256;

/// Shop domain and webhook secret.
#[derive(Debug, Clone)]
pub struct Shop {
    pub domain: String,
    pub secret: String,
}

/// A signed webhook, ready to be posted.
#[derive(Debug, Clone)]
pub struct SignedWebhook {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl SignedWebhook {
    /// As the shop posts it.
    pub fn to(self, url: &str) -> Request {
        Request {
            method: "POST".to_owned(),
            url: url.to_owned(),
            headers: self.headers,
            body: self.body,
            ..Request::default()
        }
    }
}

/// An order under construction.
#[derive(Debug, Clone)]
pub struct ShopOrder(pub Value);

impl ShopOrder {
    /// `number` is the order number; lines are SKU and quantity at 19.99 USD.
    pub fn new(number: u64, lines: &[(&str, u64)]) -> Self {
        // Above 2^53, as Shopify's are: nothing may pass through a float.
        let id = 9_007_199_254_740_993_u64 + number;
        let money =
            |amount: &str| json!({"shop_money": {"amount": amount, "currency_code": "USD"}});
        let lines: Vec<Value> = lines
            .iter()
            .zip(1_u64..)
            .map(|((sku, quantity), at)| {
                json!({
                    "id": id * 10 + at, "sku": sku, "title": format!("Article {sku}"), "variant_title": null,
                    "quantity": quantity, "current_quantity": quantity, "fulfillable_quantity": quantity,
                    "fulfillment_service": "manual", "fulfillment_status": null, "gift_card": false,
                    "requires_shipping": true, "price": "19.99", "price_set": money("19.99"),
                })
            })
            .collect();
        let address = json!({
            "first_name": "Ada", "last_name": "Example", "name": "Ada Example", "company": null,
            "address1": "12 Sample Street", "address2": "Unit 3", "city": "Louisville", "zip": "40202",
            "province": "Kentucky", "province_code": "KY", "country": "United States", "country_code": "US",
            "phone": "+1 502 555 0100",
        });
        Self(json!({
            "id": id, "admin_graphql_api_id": format!("gid://shopify/Order/{id}"), "name": format!("#{number}"),
            "number": number, "order_number": number, "email": "ada@customer.example", "currency": "USD",
            "created_at": "2026-11-23T09:00:00Z", "updated_at": "2026-11-23T09:00:00Z", "cancelled_at": null,
            "financial_status": "paid", "fulfillment_status": null, "test": false, "tags": "",
            "total_price": "199.90", "total_price_set": money("199.90"), "shipping_address": address,
            "shipping_lines": [{"title": "Standard", "code": "STD", "price": "5.00"}],
            "line_items": lines, "refunds": [], "fulfillments": [],
        }))
    }

    /// Sets a top-level field.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0[field] = value.into();
        self
    }

    pub fn with_address(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0["shipping_address"][field] = value.into();
        self
    }

    /// Later by so many seconds than the order was placed.
    pub fn at(self, second: u32) -> Self {
        self.with(
            "updated_at",
            format!("2026-11-23T09:{:02}:{:02}Z", second / 60, second % 60),
        )
    }

    pub fn cancelled(self, second: u32) -> Self {
        let updated = self.at(second);
        let at = updated.0["updated_at"].clone();
        updated
            .with("cancelled_at", at)
            .with("cancel_reason", "customer")
    }

    pub fn id(&self) -> u64 {
        self.0["id"].as_u64().unwrap_or_default()
    }

    pub fn line_id(&self, at: usize) -> u64 {
        self.0["line_items"][at]["id"].as_u64().unwrap_or_default()
    }

    /// The body of `refunds/create` for units of one line.
    pub fn refund(&self, refund: u64, line: usize, quantity: u64) -> Value {
        json!({
            "id": refund, "order_id": self.id(), "created_at": "2026-11-23T09:30:00Z", "note": null,
            "refund_line_items": [{
                "id": refund * 10, "quantity": quantity, "line_item_id": self.line_id(line), "restock_type": "cancel",
                "subtotal_set": {"shop_money": {"amount": "19.99", "currency_code": "USD"}},
                "total_tax_set": {"shop_money": {"amount": "0.00", "currency_code": "USD"}},
            }],
            "transactions": [{"id": refund * 100, "kind": "refund", "status": "success", "amount": "19.99", "currency": "USD"}],
        })
    }
}

impl Shop {
    pub fn sign(&self, topic: &str, body: &Value) -> SignedWebhook {
        let body = body.to_string().into_bytes();
        let signature = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())
            .map(|mac| mac.chain_update(&body).finalize().into_bytes().to_vec())
            .unwrap_or_default();
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        SignedWebhook {
            headers: vec![
                header("content-type", "application/json"),
                header("x-shopify-topic", topic),
                header("x-shopify-shop-domain", &self.domain),
                header("x-shopify-api-version", "2026-10"),
                header(
                    "x-shopify-hmac-sha256",
                    &base64::engine::general_purpose::STANDARD.encode(signature),
                ),
            ],
            body,
        }
    }
}
