//! What was put aside and can be handled now, as after an upgrade that reads what the last version
//! could not.

use crate::place::{Place, SECRET};
use crate::{DONE, NO, NOT_FOUND, USAGE};
use domain::cases::CaseKind;
use domain::digest::Digest;
use domain::ids::OrderId;
use domain::messages::{Message, RouteOrder};
use doubles::shop::{Shop, ShopOrder};
use embedded::{Embedded, SystemClock};
use ports::{Area, Clock as _, Files as _, Incident, IncidentStore as _};

const WHY: [&str; 4] = ["--who", "ada", "--why", "the new version reads it"];

fn redrive(key: &str) -> Vec<&str> {
    [&["redrive", key][..], &WHY].concat()
}

fn opened(place: &Place) -> Embedded {
    Embedded::open(&place.folder.path().join("data")).unwrap()
}

/// Kept under a key of that folder, with its incident.
async fn put_aside(store: &Embedded, kind: CaseKind, folder: &str, body: &[u8]) -> String {
    let digest = Digest::of(body);
    let key = format!("quarantine/{folder}/{digest}");
    store.put_new(Area::Evidence, &key, body).await.unwrap();
    let incident = Incident {
        kind,
        cause: digest.to_string(),
        detail: format!("it is {key}"),
        opened_at: SystemClock.now(),
    };
    assert!(store.open_incident(&incident).await.unwrap());
    key
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_is_taken_in_as_if_it_had_just_come() {
    let mut place = Place::new().await;
    place.serve().await;
    let order = ShopOrder::new(1001, &[("MUG", 1)]);
    let signed = |secret: &str| {
        let shop = Shop {
            domain: "acme.myshopify.com".to_owned(),
            secret: secret.to_owned(),
        };
        shop.sign("orders/create", &order.0)
    };
    let webhook = signed(SECRET);
    let store = opened(&place);
    let kind = CaseKind::QuarantinedPayload;
    let key = put_aside(&store, kind, "acme", &webhook.body).await;
    place.says(USAGE, &["redrive", &key]);
    place.says(NOT_FOUND, &redrive("quarantine/acme/nothing"));
    let without_headers = place.says(NO, &redrive(&key));
    assert!(without_headers.contains("kept with its headers"));

    let headers = |headers: &[(String, String)]| {
        let lines = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"));
        lines.collect::<Vec<_>>().concat().into_bytes()
    };
    // Nobody can put in what the channel did not sign.
    let forged = put_aside(&store, kind, "acme", b"{}").await;
    let theirs = headers(&signed("another secret").headers);
    let below = format!("{forged}/headers");
    store
        .put_new(Area::Evidence, &below, &theirs)
        .await
        .unwrap();
    let refused = place.says(NO, &redrive(&forged));
    assert!(
        refused.contains("signed with none of the secrets"),
        "{refused}"
    );

    let below = format!("{key}/headers");
    let ours = headers(&webhook.headers);
    store.put_new(Area::Evidence, &below, &ours).await.unwrap();
    let said = place.says(DONE, &redrive(&key));
    assert!(said.contains(": taken in\nits incident is closed by ada: the new version reads it\n"));
    place.until(&["order", "1001"], "sent by attempt 1").await;
    // Once more changes nothing: what it tells is known.
    let said = place.says(DONE, &redrive(&key));
    assert!(!said.contains("closed"), "{said}");
    assert_eq!(place.northwind.taken().values().sum::<usize>(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_goes_back_into_its_queue() {
    let place = Place::new().await;
    std::fs::create_dir_all(place.folder.path().join("data")).unwrap();
    let store = opened(&place);
    let letter = Message::from(RouteOrder {
        order: OrderId::parse("acme/1").unwrap(),
    });
    let body = serde_json::to_vec(&letter).unwrap();
    let key = put_aside(&store, CaseKind::DeadLetter, "routing", &body).await;
    let said = place.says(DONE, &redrive(&key));
    let expected = "acme/1: put back into the queue routing\nits incident is closed by ada: the new version reads it\n";
    assert_eq!(said, expected);
    assert!(!place.says(DONE, &["cases"]).contains("dead-letter"));
    // What is no message of ours stays where it is.
    let key = put_aside(&store, CaseKind::DeadLetter, "routing", b"no message").await;
    place.says(NO, &redrive(&key));
    assert!(place.says(DONE, &["cases"]).contains("dead-letter"));
}
