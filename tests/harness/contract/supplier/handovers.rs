//! Hand-overs: a plain one, and the same with texts that break formats.

use domain::address::Address;
use domain::ids::ChannelCode;
use domain::personal::Personal;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::settings::Merchant;
use ports::supplier::HandoverLine;
use ports::{CancelRequest, Handover};

pub(super) fn number(counter: u32) -> PurchaseOrderNumber {
    PurchaseOrderNumber::new(&ChannelCode::parse("SH").unwrap(), "1001", counter)
}

pub(super) fn line(sku: &str, quantity: u32) -> HandoverLine {
    HandoverLine {
        sku: format!("OUR-{sku}"),
        supplier_sku: sku.to_owned(),
        title: format!("Lamp {sku}"),
        quantity,
        cost: Some("4.00".to_owned()),
        currency: Some("USD".to_owned()),
        properties: Vec::new(),
    }
}

/// A request to take the plain one back, or a part of one line.
pub(super) fn to_cancel(whole: bool, references: &[String]) -> Handover {
    let mut handover = plain();
    let lines = if whole {
        handover.lines.clone()
    } else {
        vec![line("LS-2", 5)]
    };
    handover.cancel = Some(CancelRequest {
        id: "X1".to_owned(),
        whole,
        why: "the customer no longer wants it".to_owned(),
        references: references.to_vec(),
        lines,
    });
    handover
}

/// What the plain one says about a person, where it is long enough not to be found by chance.
pub(super) fn personal() -> Vec<String> {
    let handover = plain();
    let address = handover.ship_to.reveal();
    let texts = [
        &address.name,
        &address.company,
        &address.address1,
        &address.address2,
        &address.city,
        &address.zip,
        &address.phone,
    ];
    texts.into_iter().cloned().collect()
}

pub(super) fn plain() -> Handover {
    Handover {
        number: number(1),
        cancel: None,
        order_name: "#1001".to_owned(),
        merchant: Merchant {
            name: "Example Shop".to_owned(),
            mail: "orders@shop.example".to_owned(),
            ..Merchant::default()
        },
        supplier: "Acme".to_owned(),
        planned_at: "2026-12-01T10:00:00Z".parse().unwrap(),
        placed_at: "2026-12-01T09:58:00Z".parse().unwrap(),
        shipping_method: "Standard".to_owned(),
        service: None,
        ship_to: Personal::new(Address {
            name: "Ada Example".to_owned(),
            company: "Engines & Co".to_owned(),
            address1: "1 Main St".to_owned(),
            address2: "Unit \"4\"".to_owned(),
            city: "Lexington".to_owned(),
            province: "Kentucky".to_owned(),
            province_code: "KY".to_owned(),
            zip: "40507".to_owned(),
            country_code: "US".to_owned(),
            country: "United States".to_owned(),
            phone: "+1 (502) 555-0100".to_owned(),
        }),
        lines: vec![line("LS-1", 2), line("LS-2", 13)],
        note: Personal::default(),
        attributes: Vec::new(),
    }
}

/// Every text of the plain hand-over is `text`; SKUs only where a SKU can be that text.
pub(super) fn filled(text: &str) -> Handover {
    let mut handover = plain();
    let own = || text.to_owned();
    handover.order_name = own();
    handover.merchant.name = own();
    handover.supplier = own();
    handover.shipping_method = own();
    handover.ship_to = Personal::new(Address {
        name: own(),
        company: own(),
        address1: own(),
        address2: own(),
        city: own(),
        province: own(),
        province_code: own(),
        zip: own(),
        country_code: own(),
        country: own(),
        phone: own(),
    });
    for line in &mut handover.lines {
        line.title = own();
        if domain::ids::SupplierSku::parse(text).is_ok() {
            line.supplier_sku = own();
            line.sku = own();
        }
    }
    handover
}

/// Texts that end, open or run something in one format or another.
pub(super) fn awkward_texts() -> Vec<String> {
    let texts = [
        "\"quoted\" and 'quoted'",
        "\"",
        "\"\"",
        "'",
        "a,b;c\td|e",
        "back\\slash\\",
        "\\\"",
        "\\u0022",
        "Zoë Ångström",
        "東京都千代田区",
        "شارع الملك",
        "👩‍🚀 e\u{301}",
        "\u{feff}mark",
        "line\u{2028}separator",
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "'=1+1",
        "=HYPERLINK(\"http://evil.example\",\"x\")",
        "-",
        "+",
        "=",
        "two\nlines",
        "two\r\nlines",
        "\r\nBcc: thief@evil.example",
        "x\r\n\r\nbody",
        "x\nBcc: thief@evil.example\n\nbody",
        "x\r\n.\r\nQUIT",
        ".",
        "..",
        "--",
        "--waybill",
        "tab\there",
        "nul\u{0}here",
        "bell\u{7}",
        "escape\u{1b}[31m",
        "{{ number }}",
        "{% for a in b %}",
        "{{",
        "<script>alert(1)</script>",
        "</table>&amp;&lt;",
        "<!--",
        "]]>",
        "=?utf-8?q?Bcc?=",
        "a@b.example, thief@evil.example",
        "%0d%0aBcc: x",
        "../../etc/passwd",
        "a?b=c&d#e",
        "null",
        "true",
        "0",
        "007",
        "1.23E+12",
        " leading",
        "trailing ",
        "two  spaces",
        "-- ",
    ];
    let long = [
        "x".repeat(2_000),
        "word ".repeat(400),
        "ü".repeat(900),
        "\"=,\n".repeat(200),
    ];
    texts.into_iter().map(str::to_owned).chain(long).collect()
}
