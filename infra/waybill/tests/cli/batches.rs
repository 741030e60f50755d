//! Files of a cut-off: listed, opened, marked, and a case where nobody did.

use crate::place::Place;
use crate::{DONE, NO, NOT_FOUND, USAGE};
use domain::batch::{Batch, BatchName};
use domain::ids::SupplierId;
use domain::purchase_order_number::PurchaseOrderNumber;
use embedded::Embedded;
use jiff::Timestamp;
use ports::{Area, BatchStore as _, Files as _};

const FILE: &[u8] = b"number,sku\nSH-1001-1-Q,HB-77\n";

/// As forwarding leaves a batch whose file was written.
/// What the evidence of a batch's file begins with.
const HEAD: &[u8] = b"{\"key\":\"quay/a.csv\",\"purchase_orders\":[\"SH-1001-1-Q\"]}\n";

async fn put(
    store: &Embedded,
    supplier: &str,
    cut_off: &str,
    upload_by: Option<&str>,
) -> BatchName {
    let supplier = SupplierId::parse(supplier).unwrap();
    let time = |text: &str| -> Timestamp { text.parse().unwrap() };
    let name = BatchName::new(&supplier, time(cut_off));
    let evidence = format!("batch/{name}");
    store
        .put_new(Area::Evidence, &evidence, &[HEAD, FILE].concat())
        .await
        .unwrap();
    let published = format!("{supplier}/{name}.csv");
    store.put_new(Area::Outbox, &published, FILE).await.unwrap();
    let number = PurchaseOrderNumber::parse("SH-1001-1-Q").unwrap();
    let batch = Batch {
        name: name.clone(),
        supplier,
        cut_off: time(cut_off),
        purchase_orders: [number].into(),
        upload_by: upload_by.map(time),
        uploaded: None,
    };
    store.put_batch(&batch).await.unwrap();
    name
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_a_case_until_somebody_marks_it() {
    let place = Place::new().await;
    place.says(NOT_FOUND, &["batches"]);
    let data = place.folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let store = Embedded::open(&data).unwrap();
    assert_eq!(place.says(DONE, &["batches"]), "0 batches\n");
    let overdue = put(
        &store,
        "harbour",
        "2026-11-20T14:00:00Z",
        Some("2026-11-20T16:00:00Z"),
    );
    let overdue = overdue.await.to_string();
    let due = put(
        &store,
        "harbour",
        "2026-11-21T14:00:00Z",
        Some("2099-11-21T16:00:00Z"),
    );
    due.await;
    let fetched = put(&store, "lakeside", "2026-11-20T12:00:00Z", None).await;
    drop(store);

    assert_says!(place, "batches", place.says(DONE, &["batches"]));
    assert_says!(
        place,
        "batches_json",
        place.says(DONE, &["batches", "--json"])
    );
    assert_says!(place, "batch_case", place.says(DONE, &["cases"]));
    assert_says!(
        place,
        "batch_case_json",
        place.says(DONE, &["cases", "--json"])
    );

    let opened = place.run(&["batches", "open", &overdue]);
    assert_eq!(opened.code, DONE);
    assert_eq!(opened.out.as_bytes(), FILE);
    let lies = format!("outbox/harbour/{overdue}.csv (1 purchase order)\n");
    assert!(opened.err.ends_with(&lies), "{}", opened.err);
    std::fs::remove_file(data.join(format!("outbox/harbour/{overdue}.csv"))).unwrap();
    let opened = place.run(&["batches", "open", &overdue]);
    assert_eq!(opened.out.as_bytes(), FILE);
    assert!(opened.err.starts_with("no more in the outbox"));
    place.says(NOT_FOUND, &["batches", "open", "harbour-20200101T000000Z"]);

    let mark = |name| ["batches", "uploaded", name, "--who", "ada"];
    assert_says!(place, "uploaded", place.says(DONE, &mark(&overdue)));
    assert_says!(place, "uploaded_again", place.says(DONE, &mark(&overdue)));
    assert_eq!(
        place.says(DONE, &["cases"]),
        "Nothing needs your attention\n"
    );
    let fetched = place.says(NO, &mark(fetched.as_str()));
    assert_eq!(
        fetched,
        "refused: lakeside fetches lakeside-20261120T120000Z itself\n"
    );
    place.says(NOT_FOUND, &mark("harbour"));
    place.says(USAGE, &["batches", "uploaded"]);
    place.says(USAGE, &["batches", "send", &overdue]);
}
