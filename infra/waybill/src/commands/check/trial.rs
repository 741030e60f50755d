//! An order whose texts need care wherever they go, told to a supplier and read again.

use domain::address::Address;
use domain::ids::ChannelCode;
use domain::order::answer::Progress;
use domain::personal::Personal;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::settings::{Settings, SupplierSettings};
use ports::supplier::HandoverLine;
use ports::{Endpoint, Handover};

/// Renders an order that has every field and reads it again, as forwarding does before a send.
pub(super) fn try_out(
    orders: &dyn Endpoint,
    settings: &Settings,
    known: &SupplierSettings,
) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let code = ChannelCode::parse("TRY").map_err(|error| text(&error))?;
    let ship_to = Address {
        name: "Ada \"the\" Example".to_owned(),
        company: "Example & Daughters".to_owned(),
        address1: "12 Sample Street".to_owned(),
        address2: "Unit 3".to_owned(),
        city: "Louisville".to_owned(),
        province: "Kentucky".to_owned(),
        province_code: "KY".to_owned(),
        zip: "40202".to_owned(),
        country: "United States".to_owned(),
        country_code: "US".to_owned(),
        phone: "+1 502 555 0100".to_owned(),
    };
    let line = |number: u32| HandoverLine {
        sku: format!("SKU-{number}"),
        supplier_sku: format!("THEIRS-{number}"),
        title: format!("Article \"{number}\" of a sample order"),
        quantity: 10 + number,
        cost: Some("4.00".to_owned()),
        currency: Some("USD".to_owned()),
        properties: Vec::new(),
    };
    let handover = Handover {
        number: PurchaseOrderNumber::new(&code, "1001", 1),
        cancel: None,
        order_name: "#1001".to_owned(),
        merchant: settings.merchant.clone(),
        supplier: known.name.clone(),
        planned_at: jiff::Timestamp::UNIX_EPOCH,
        placed_at: jiff::Timestamp::UNIX_EPOCH,
        shipping_method: "Standard".to_owned(),
        service: None,
        ship_to: Personal::new(ship_to.clone()),
        lines: vec![line(1), line(2)],
        note: Personal::default(),
        attributes: Vec::new(),
    };
    let artifact = orders
        .prepare(&handover, &Progress::default())
        .map_err(|error| text(&error))?;
    let decoded = orders.decode(&artifact).map_err(|error| text(&error))?;
    let lines: Vec<(&str, u32)> = handover
        .lines
        .iter()
        .map(|line| (line.supplier_sku.as_str(), line.quantity))
        .collect();
    let missing = decoded.missing(&ship_to, &lines, &artifact.omits);
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("it lacks {}", missing.join(", ")))
    }
}
