//! An example hand-over that fills every field. Settings are tried with it when they are read, so
//! that a template that loses something is found before the first order is.

use domain::address::Address;
use domain::ids::ChannelCode;
use domain::order::answer::Progress;
use domain::order::news::Property;
use domain::personal::Personal;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::settings::Merchant;
use jiff::Timestamp;
use ports::supplier::HandoverLine;
use ports::{CancelRequest, Endpoint, Handover, PrepareError};

/// Plain letters only: every encoding can hold them.
pub(crate) fn handover() -> Handover {
    let line = |sku: &str, quantity| HandoverLine {
        sku: format!("OUR-{sku}"),
        supplier_sku: format!("SUP-{sku}"),
        title: format!("Article {sku}"),
        quantity,
        cost: Some("12.50".to_owned()),
        currency: Some("USD".to_owned()),
        properties: vec![property("Engraving", "For Ada")],
    };
    Handover {
        number: number(),
        cancel: None,
        order_name: "#1001".to_owned(),
        merchant: Merchant {
            name: "Example Shop".to_owned(),
            mail: "orders@shop.example".to_owned(),
            returns_address: "Example Shop\nReturns Road 7\n40507 Lexington".to_owned(),
            phone: "+1 502 555 0199".to_owned(),
            website: "https://shop.example".to_owned(),
        },
        supplier: "Example Supplier".to_owned(),
        planned_at: Timestamp::UNIX_EPOCH,
        placed_at: Timestamp::UNIX_EPOCH,
        shipping_method: "Standard".to_owned(),
        service: Some("GROUND".to_owned()),
        ship_to: Personal::new(Address {
            name: "Ada Example".to_owned(),
            company: "Engines Ltd".to_owned(),
            address1: "Main Street 11".to_owned(),
            address2: "Suite Twelve".to_owned(),
            city: "Lexington".to_owned(),
            province: "Kentucky".to_owned(),
            province_code: "KY".to_owned(),
            zip: "40507".to_owned(),
            country_code: "US".to_owned(),
            country: "United States".to_owned(),
            phone: "+1 502 555 0100".to_owned(),
        }),
        lines: vec![line("ONE", 3), line("TWO", 17)],
        note: Personal::new("Please ring twice".to_owned()),
        attributes: vec![property("Delivery day", "Friday")],
    }
}

fn property(name: &str, value: &str) -> Property {
    Property {
        name: name.to_owned(),
        value: Personal::new(value.to_owned()),
    }
}

/// The same, to be taken back in part.
pub(crate) fn cancel() -> Handover {
    let mut handover = handover();
    handover.cancel = Some(CancelRequest {
        id: "X1".to_owned(),
        whole: false,
        why: "the customer no longer wants it".to_owned(),
        references: vec!["A-4711".to_owned()],
        lines: vec![HandoverLine {
            quantity: 5,
            ..handover.lines.remove(1)
        }],
    });
    handover
}

/// What the supplier's artifact of the example lacks.
pub(crate) fn missing(
    orders: &dyn Endpoint,
    handover: &Handover,
) -> Result<Vec<String>, PrepareError> {
    let artifact = orders.prepare(handover, &Progress::default())?;
    let decoded = orders.decode(&artifact)?;
    Ok(decoded.lacks_essentials(handover, &artifact.omits))
}

fn number() -> PurchaseOrderNumber {
    let code = ChannelCode::parse("EX");
    #[expect(clippy::expect_used, reason = "EX is a channel code")]
    PurchaseOrderNumber::new(&code.expect("a channel code"), "1001", 1)
}
