use super::*;
use crate::testing::{World, handover, sent_to};
use domain::ids::ChannelCode;
use ports::{Outcome, Supplier};
use serde_json::{Value, json};

fn supplier(
    world: &World,
    specific: serde_json::Value,
) -> Result<Box<dyn Supplier>, SettingsError> {
    world.open("csv", specific)
}

#[tokio::test]
async fn a_file_appears_once_under_the_number() {
    let world = World::default();
    let supplier = supplier(&world, json!({"folder": "acme/in", "delimiter": ";"})).unwrap();
    let artifact = supplier
        .orders()
        .prepare(&handover(), &Progress::default())
        .unwrap();
    assert_eq!(
        artifact.bytes,
        supplier
            .orders()
            .prepare(&handover(), &Progress::default())
            .unwrap()
            .bytes
    );
    assert!(
        supplier.orders().sender().lookup().is_none(),
        "its file tells"
    );
    let number = handover().number;
    for _ in 0..2 {
        let heard = sent_to(supplier.as_ref(), &artifact).await;
        assert!(matches!(heard.outcome, Outcome::Accepted(_)));
    }
    let key = format!("acme/in/{number}.csv");
    assert_eq!(world.file(&key), Some(artifact.bytes));
    assert_eq!(
        supplier
            .orders()
            .sender()
            .via(&SendSubject::from(&number), 0)
            .file,
        Some(key)
    );
}

#[tokio::test]
async fn an_outbox_that_fails_is_in_doubt() {
    let world = World::failing();
    let supplier = supplier(&world, json!({})).unwrap();
    let artifact = supplier
        .orders()
        .prepare(&handover(), &Progress::default())
        .unwrap();
    let heard = sent_to(supplier.as_ref(), &artifact).await;
    assert!(matches!(heard.outcome, Outcome::InDoubt { .. }));
}

#[test]
fn bad_settings_are_named() {
    let world = World::default();
    let path = |specific| supplier(&world, specific).err().unwrap().path;
    assert_eq!(path(json!({"folder": "../evidence"})), "folder");
    assert_eq!(path(json!({"folder": "/tmp"})), "folder");
    assert_eq!(path(json!({"delimiter": "ü"})), "delimiter");
    for unknown in [json!({"quotess": "never"}), json!({"batch": {"uplod": 1}})] {
        let error = supplier(&world, unknown).err().unwrap();
        assert!(
            error.message == "unknown key" && error.unknown.is_some(),
            "{error}"
        );
    }
    let batch =
        |upload: &str, within: Value| json!({"batch": {"upload": upload, "upload_within": within}});
    for specific in [
        batch("person", Value::Null),
        batch("person", json!("soon")),
        batch("person", json!("-2h")),
        batch("fetched", json!("2h")),
    ] {
        assert_eq!(path(specific), "batch.upload_within");
    }
}

#[test]
fn a_field_without_a_column_is_found_before_the_first_order() {
    let world = World::default();
    let columns = json!(["supplier_sku", "quantity", "name", "company", "address1", "city",
        "province", "zip", "country", {"header": "Street", "value": "{{ ship_to.street }}"}]);
    let error = supplier(&world, json!({"columns": columns})).err().unwrap();
    assert!(error.message.contains("ship_to.street"), "{error}");
    let columns = json!([
        "supplier_sku",
        "quantity",
        "name",
        "address1",
        "city",
        "province",
        "zip",
        "country"
    ]);
    let error = supplier(&world, json!({"columns": columns})).err().unwrap();
    assert_eq!(
        error.to_string(),
        "columns: an example order loses company in the table, address2 in the table, phone in the \
         table; expected every address field, article and quantity; an address field that is left \
         out on purpose is named in omits"
    );
    let omits = json!(["company", "address2", "phone"]);
    let supplier = supplier(&world, json!({"columns": columns, "omits": omits})).unwrap();
    let artifact = supplier
        .orders()
        .prepare(&handover(), &Progress::default())
        .unwrap();
    assert_eq!(artifact.omits, ["company", "address2", "phone"]);
}

fn artifacts(supplier: &dyn Supplier, counters: &[u32]) -> Vec<(PurchaseOrderNumber, Artifact)> {
    let code = ChannelCode::parse("S").unwrap();
    counters
        .iter()
        .map(|counter| {
            let mut handover = handover();
            handover.number = PurchaseOrderNumber::new(&code, "1001", *counter);
            let artifact = supplier
                .orders()
                .prepare(&handover, &Progress::default())
                .unwrap();
            (handover.number, artifact)
        })
        .collect()
}

fn batched(table: Value) -> Value {
    let mut specific = table;
    specific["batch"] = json!({"upload": "person", "upload_within": "2h"});
    specific
}

#[test]
fn a_batch_is_one_file_that_says_what_is_in_it() {
    for table in [
        json!({}),
        json!({"header": false, "encoding": "utf-16le", "rows": "unit"}),
        json!({"encoding": "utf-8-bom", "delimiter": ";", "quotes": "always"}),
    ] {
        let world = World::default();
        let supplier = supplier(&world, batched(table.clone())).unwrap();
        let batches = supplier.batches().unwrap();
        assert_eq!(batches.upload_within(), Some(Duration::from_hours(2)));
        let artifacts = artifacts(&*supplier, &[2, 1, 3]);
        let file = batches.assemble(&artifacts).unwrap();
        let numbers: BTreeSet<_> = artifacts.iter().map(|(number, _)| number.clone()).collect();
        assert_eq!(batches.contents(&file).unwrap(), numbers);
        let mut turned = artifacts.clone();
        turned.reverse();
        assert_eq!(batches.assemble(&turned).unwrap(), file);
        if table == json!({}) {
            insta::assert_snapshot!(String::from_utf8(file.clone()).unwrap().replace('\r', ""));
        }
        assert_eq!(batches.key("2026-12-01T1500Z"), "acme/2026-12-01T1500Z.csv");
    }
}

/// Whatever the settings say by then, it is finished in the folder and dialect that it was begun in.
#[test]
fn a_batch_is_finished_as_it_was_begun() {
    let world = World::default();
    let begun = supplier(&world, batched(json!({"folder": "old", "delimiter": ";"}))).unwrap();
    let changed = batched(json!({"folder": "new", "delimiter": ",", "header": false}));
    let changed = supplier(&world, changed).unwrap();
    let terms = begun.batches().unwrap().terms();
    let finishing = changed.batches().unwrap().under(&terms).unwrap();
    let batches = finishing.batches().unwrap();
    assert_eq!(batches.key("a"), "old/a.csv");
    assert_eq!(batches.terms(), terms);
    let file = batches.assemble(&artifacts(&*finishing, &[1, 2])).unwrap();
    let as_begun = begun.batches().unwrap();
    assert_eq!(
        as_begun.assemble(&artifacts(&*begun, &[1, 2])).unwrap(),
        file
    );
    assert!(changed.batches().unwrap().under(b"<html>").is_err());
    let outside = br#"{"folder": "../evidence", "table": {}}"#;
    assert!(changed.batches().unwrap().under(outside).is_err());
}

#[test]
fn a_file_that_the_supplier_fetches_waits_for_nobody() {
    let specific = json!({"batch": {"upload": "fetched"}});
    let supplier = supplier(&World::default(), specific).unwrap();
    assert_eq!(supplier.batches().unwrap().upload_within(), None);
}

#[tokio::test]
async fn in_a_batch_nothing_goes_alone() {
    let world = World::default();
    let supplier = supplier(&world, batched(json!({}))).unwrap();
    let artifact = supplier
        .orders()
        .prepare(&handover(), &Progress::default())
        .unwrap();
    let heard = sent_to(supplier.as_ref(), &artifact).await;
    assert!(matches!(heard.outcome, Outcome::NotSent { .. }));
    assert!(supplier.orders().sender().lookup().is_none() && supplier.cancels().is_none());
    assert!(world.file("acme/S-1001-1-K.csv").is_none());
    let alone = World::default().open("csv", json!({})).unwrap();
    assert!(alone.batches().is_none() && alone.cancels().is_none());
}

#[test]
fn a_batch_that_cannot_be_read_back_is_refused() {
    let world = World::default();
    let columns = json!([
        "order",
        "supplier_sku",
        "quantity",
        "name",
        "company",
        "address1",
        "address2",
        "city",
        "province",
        "zip",
        "country",
        "phone"
    ]);
    let error = supplier(&world, batched(json!({"columns": columns})))
        .err()
        .unwrap();
    assert_eq!(error.path, "columns");
    assert!(error.message.contains("number"), "{error}");

    let supplier = supplier(&world, batched(json!({}))).unwrap();
    let batches = supplier.batches().unwrap();
    let mut twice = artifacts(&*supplier, &[1, 2]);
    twice[1].0 = twice[0].0.clone();
    assert!(batches.assemble(&twice).is_err());
    // Rendered before the settings changed.
    let mut old = artifacts(&*supplier, &[1, 2]);
    old[1].1.bytes = b"po,sku\r\nS-1001-2-I,LS-1\r\n".to_vec();
    let error = batches.assemble(&old).unwrap_err().to_string();
    assert!(error.starts_with(old[1].0.as_str()), "{error}");
    assert!(batches.contents(b"<html>").is_err());
}

#[tokio::test(start_paused = true)]
async fn an_outbox_that_hangs_is_in_doubt_within_the_timeout() {
    let world = World::hanging();
    let supplier = supplier(&world, json!({})).unwrap();
    let artifact = supplier
        .orders()
        .prepare(&handover(), &Progress::default())
        .unwrap();
    let started = tokio::time::Instant::now();
    let heard = sent_to(supplier.as_ref(), &artifact).await;
    assert!(matches!(heard.outcome, Outcome::InDoubt { .. }));
    assert!(started.elapsed() <= supplier.orders().sender().timeout() + Duration::from_millis(1));
}

/// A supplier whose portal cannot hold a name gets it in the letters it has, where the merchant says so.
#[test]
fn a_polish_name_for_an_old_portal() {
    let world = World::default();
    let mut polish = handover();
    let mut address = polish.ship_to.reveal().clone();
    address.name = "Łukasz Żółć".to_owned();
    polish.ship_to = domain::personal::Personal::new(address.clone());
    let old = json!({"encoding": "windows-1252"});
    let refused = supplier(&world, old).unwrap();
    let refused = refused.orders().prepare(&polish, &Progress::default());
    let refused = refused.err().unwrap().to_string();
    assert!(
        refused.contains("'Ł'") && refused.contains("transliterate"),
        "{refused}"
    );
    let spelling = json!({"encoding": "windows-1252", "transliterate": true});
    let supplier = supplier(&world, spelling).unwrap();
    let artifact = supplier
        .orders()
        .prepare(&polish, &Progress::default())
        .unwrap();
    let decoded = supplier.orders().decode(&artifact).unwrap();
    let lines: Vec<_> = polish
        .lines
        .iter()
        .map(|line| (line.supplier_sku.as_str(), line.quantity))
        .collect();
    assert!(
        decoded
            .missing(&address, &lines, &artifact.omits)
            .is_empty()
    );
    let (text, _, _) = encoding_rs::WINDOWS_1252.decode(&artifact.bytes);
    assert!(text.contains("Lukasz Zólc"), "{text}");
    // An article's name stays what it is, or the table is refused.
    polish.lines[0].supplier_sku = "Ł-1".to_owned();
    assert!(
        supplier
            .orders()
            .prepare(&polish, &Progress::default())
            .is_err()
    );
}
