//! What a supplier can read off an artifact is what the customer ordered, whatever the texts are.

use super::handovers::{awkward_texts, filled, plain};
use super::ports::World;
use super::way::Way;
use super::{Fixture, SECRET};
use crate::contract::fixtures::property;
use ::ports::supplier::HandoverLine;
use ::ports::{Artifact, Endpoint, Handover, Supplier};
use domain::address::Address;
use domain::order::answer::Progress;
use domain::personal::Personal;
use mail_parser::{MessageParser, MimeHeaders as _};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;

/// Nobody reads a snapshot of more bytes, which then are those of a workbook.
const MOST_READ: usize = 10_000;

/// What its reader does not find, in words.
fn missing(supplier: &dyn Supplier, handover: &Handover, artifact: &Artifact) -> Vec<String> {
    let decoded = supplier
        .orders()
        .decode(artifact)
        .expect("what was prepared can be read");
    let lines = handover.lines.iter();
    let lines: Vec<_> = lines
        .map(|line| (line.supplier_sku.as_str(), line.quantity))
        .collect();
    decoded.missing(handover.ship_to.reveal(), &lines, &artifact.omits)
}

pub(super) fn snapshot(fixture: &Fixture) {
    let supplier = fixture.open(&World::elsewhere());
    let artifact = supplier
        .orders()
        .prepare(&plain(), &Progress::default())
        .unwrap();
    assert_eq!(
        artifact.omits,
        Vec::<String>::new(),
        "the fixture omits nothing"
    );
    assert_eq!(
        missing(supplier.as_ref(), &plain(), &artifact),
        Vec::<String>::new()
    );
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&fixture.snapshots);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let (method, name) = (fixture.entry.kind, &fixture.name);
    for place in &fixture.places {
        // In a batch nothing goes alone, so that nothing comes after the order.
        let artifact = if supplier.batches().is_some() {
            artifact.clone()
        } else {
            Way::to(fixture, place).prepare(supplier.as_ref())
        };
        let shown = legible(place.of(supplier.as_ref()), &artifact);
        settings.bind(|| {
            insta::assert_snapshot!(
                format!("{method}__{name}__{}", place.name),
                format!("{}\n\n{shown}", artifact.media_type)
            );
        });
    }
}

/// The bytes where a person can read them, else what its readers see.
fn legible(endpoint: &dyn Endpoint, artifact: &Artifact) -> String {
    let text = String::from_utf8_lossy(&artifact.bytes).replace('\r', "");
    let strange = |held: char| held.is_control() && !"\n\t".contains(held);
    if text.len() < MOST_READ && !text.contains(strange) {
        return text;
    }
    let parts = endpoint.decode(artifact).unwrap().parts.into_iter();
    let parts = parts.map(|part| {
        let records = part.records.iter().map(|record| record.join(" | "));
        let records: Vec<String> = records.collect();
        format!("{}:\n{}\n", part.name, records.join("\n"))
    });
    parts.collect::<Vec<_>>().join("\n")
}

pub(super) fn repeats(fixture: &Fixture) {
    let world = World::elsewhere();
    let (one, other) = (fixture.open(&world), fixture.open(&world));
    let awkward = awkward_texts().into_iter().map(|text| filled(&text));
    for handover in awkward.chain([plain()]) {
        let prepared = one.orders().prepare(&handover, &Progress::default());
        for again in [&one, &other] {
            assert!(
                prepared == again.orders().prepare(&handover, &Progress::default()),
                "{handover:?}"
            );
        }
    }
}

pub(super) fn no_secret(fixture: &Fixture) {
    let artifact = fixture
        .open(&World::elsewhere())
        .orders()
        .prepare(&plain(), &Progress::default())
        .unwrap();
    let text = String::from_utf8_lossy(&artifact.bytes).into_owned();
    assert!(!text.contains(SECRET), "{text}");
}

fn awkward_text(supplier: &dyn Supplier, text: &str, intact: &[String]) {
    let handover = filled(text);
    let artifact = match supplier.orders().prepare(&handover, &Progress::default()) {
        Ok(artifact) => artifact,
        // An order must not stand still for a quote; a control character is another matter.
        Err(error) => {
            assert!(text.contains(char::is_control), "{text:?}: {error}");
            return;
        }
    };
    let lacks = missing(supplier, &handover, &artifact);
    assert!(lacks.is_empty(), "{text:?}: {lacks:?}");
    assert_eq!(skeleton(supplier, &artifact), intact, "{text:?}");
}

pub(super) fn awkward(fixture: &Fixture) {
    let supplier = fixture.open(&World::elsewhere());
    let artifact = supplier
        .orders()
        .prepare(&plain(), &Progress::default())
        .unwrap();
    let intact = skeleton(supplier.as_ref(), &artifact);
    for text in awkward_texts() {
        awkward_text(supplier.as_ref(), &text, &intact);
    }
    // Whatever parts one piece of this artifact from the next, an address may hold it.
    let own = String::from_utf8_lossy(&artifact.bytes).into_owned();
    // Base64 parts nothing.
    let parts = |line: &&str| line.len() < 70 || line.contains([' ', '-', '<', '"', ',']);
    let lines: BTreeSet<&str> = own.lines().filter(parts).collect();
    for line in lines {
        awkward_text(supplier.as_ref(), &format!("x\r\n{line}\r\ny"), &intact);
    }
}

/// What no value may change: headers, receivers, parts, and the width of each record.
fn skeleton(supplier: &dyn Supplier, artifact: &Artifact) -> Vec<String> {
    let decoded = supplier.orders().decode(artifact).unwrap();
    let records = decoded.parts.iter().flat_map(|part| &part.records);
    let widths = records.map(Vec::len);
    let mut bones: Vec<String> = widths
        // A line of text is as long as its words.
        .filter(|width| *width != 1)
        .map(|width| format!("record of {width}"))
        .collect();
    match artifact.media_type.as_str() {
        "message/rfc822" => {
            let message = MessageParser::default().parse(&artifact.bytes).unwrap();
            for part in &message.parts {
                let names = part.headers.iter().map(|header| header.name().to_owned());
                bones.extend(names);
                bones.extend(part.attachment_name().map(str::to_owned));
            }
            bones.push(format!(
                "{:?} {:?} {:?}",
                message.to(),
                message.cc(),
                message.bcc()
            ));
            // Bytes that a mail server might act on by itself.
            let text = String::from_utf8_lossy(&artifact.bytes);
            assert!(!text.contains('\0'), "a mail holds a null byte");
            assert!(
                text.lines().all(|line| line.len() <= 998),
                "a line is too long"
            );
        }
        "application/json" => {
            let stored: Value = serde_json::from_slice(&artifact.bytes).unwrap();
            let request = &stored["request"];
            // A document of another kind is its records.
            if let Some(headers) = request["headers"].as_array() {
                bones.extend(headers.iter().map(|header| header[0].to_string()));
                bones.push(format!("{} {}", request["method"], request["url"]));
            }
        }
        _ => {}
    }
    bones
}

pub(super) fn long(fixture: &Fixture) {
    let supplier = fixture.open(&World::elsewhere());
    let mut handover = plain();
    handover.lines = (1..=200)
        .map(|at| HandoverLine {
            sku: format!("OUR-{at}"),
            supplier_sku: format!("LS-{at:03}"),
            title: format!("Lamp {at}, \"the long one\" with a name of some length"),
            quantity: at,
            cost: None,
            currency: None,
            properties: Vec::new(),
        })
        .collect();
    let artifact = supplier
        .orders()
        .prepare(&handover, &Progress::default())
        .unwrap();
    assert_eq!(
        missing(supplier.as_ref(), &handover, &artifact),
        Vec::<String>::new()
    );
}

pub(super) fn empty(fixture: &Fixture) {
    let supplier = fixture.open(&World::elsewhere());
    for blank in ["", " ", "\u{7}"] {
        let emptied = filled(blank);
        // Where a template may choose, it must not choose the blank one.
        let address = |country: &str, country_code: &str| {
            let mut handover = plain();
            handover.ship_to = Personal::new(Address {
                province: country.to_owned(),
                province_code: country_code.to_owned(),
                country: country.to_owned(),
                country_code: country_code.to_owned(),
                ..emptied.ship_to.reveal().clone()
            });
            handover
        };
        let mut without_lines = emptied.clone();
        without_lines.lines.clear();
        for handover in [
            address("Kentucky", blank),
            address(blank, "KY"),
            without_lines,
            emptied.clone(),
        ] {
            if let Ok(artifact) = supplier.orders().prepare(&handover, &Progress::default()) {
                assert_eq!(
                    missing(supplier.as_ref(), &handover, &artifact),
                    Vec::<String>::new()
                );
            }
        }
    }
}

fn any_handover() -> impl Strategy<Value = Handover> {
    let text = || {
        prop_oneof![
            any::<String>(),
            "[ -~]{0,30}",
            prop::sample::select(awkward_texts())
        ]
    };
    let line = (text(), "[!-~]{1,12}", text(), 0..=u32::MAX);
    (
        prop::array::uniform11(text()),
        prop::array::uniform4(text()),
        prop::collection::vec(line, 1..5),
    )
        .prop_map(|(address, others, lines)| {
            let mut handover = plain();
            let [
                name,
                company,
                address1,
                address2,
                city,
                province,
                province_code,
                zip,
                country_code,
                country,
                phone,
            ] = address;
            handover.ship_to = Personal::new(Address {
                name,
                company,
                address1,
                address2,
                city,
                province,
                province_code,
                zip,
                country_code,
                country,
                phone,
            });
            [
                handover.order_name,
                handover.merchant.name,
                handover.supplier,
                handover.shipping_method,
            ] = others;
            handover.lines = lines
                .into_iter()
                .map(|(sku, supplier_sku, title, quantity)| HandoverLine {
                    sku,
                    supplier_sku,
                    title,
                    quantity,
                    cost: None,
                    currency: None,
                    properties: Vec::new(),
                })
                .collect();
            handover
        })
}

pub(super) fn arbitrary(fixture: &Fixture) {
    let supplier = fixture.open(&World::elsewhere());
    property(256, &any_handover(), |handover| {
        if let Ok(artifact) = supplier.orders().prepare(&handover, &Progress::default()) {
            let lacks = missing(supplier.as_ref(), &handover, &artifact);
            prop_assert!(
                lacks.is_empty(),
                "{lacks:?} of {handover:?} {:?}",
                handover.ship_to.reveal()
            );
        }
        Ok(())
    });
    let artifact = supplier
        .orders()
        .prepare(&plain(), &Progress::default())
        .unwrap();
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(move |(at, byte)| {
            let mut bytes = artifact.bytes.clone();
            *at.get_mut(&mut bytes) = byte;
            bytes
        }),
    ];
    let like = supplier
        .orders()
        .prepare(&plain(), &Progress::default())
        .unwrap();
    property(256, &bytes, |bytes| {
        // Stored evidence may be damaged: an error, not a panic.
        let _ = supplier.orders().decode(&Artifact {
            bytes,
            ..like.clone()
        });
        Ok(())
    });
}
