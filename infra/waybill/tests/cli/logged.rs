//! Nothing secret or personal in a log: a shop's day with marked personal data and marked secrets, on
//! every path that fails or is refused, with `serve` and each command logging all that they can.

use crate::place::{CHANNELS, Ended, Place, SECRET};
use crate::{DONE, NO};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doubles::exchange::{Double, Received};
use doubles::server::serve;
use doubles::shop::{Shop, ShopOrder};
use doubles::supplier::{Behaviour, Reply};
use http_client::Response;
use serde_json::json;

/// Of customers, each in another field.
const PERSONAL: [&str; 12] = [
    "Zirkonia",
    "Quellfeld",
    "Nebelgasse 93",
    "Hinterhaus 4q",
    "Wolkenruh",
    "Kranich und Sohn",
    "+1 502 555 0177",
    "zirkonia@quellfeld.example",
    "Nicht klingeln bitte",
    "Gravur fuer Alma",
    "Mondscheinweg 8",
    "Sternwarte Ost",
];
const TOKEN: &str = "northwind-token-5f2a91";
const PASSWORD: &str = "eastgate-password-81c7";
const SECRETS: [&str; 3] = [SECRET, TOKEN, PASSWORD];

/// What of a text may not be in a log and is, in one of the forms in which programs write texts.
fn leaks(log: &str) -> Vec<&'static str> {
    let log = log.to_lowercase();
    let forms = |mark: &str| {
        let bytes = mark.as_bytes();
        // The middle of what Base64 makes of it, wherever in a longer text it stands.
        let within = (0..3).map(|before| {
            let text = [&b"  "[..before.min(2)], bytes].concat();
            let text = STANDARD.encode(text);
            text[4..text.len() - 4].to_lowercase()
        });
        let plain = mark.to_lowercase();
        let encoded = plain
            .replace(' ', "%20")
            .replace('+', "%2b")
            .replace('@', "%40");
        let form = plain
            .replace('+', "%2b")
            .replace(' ', "+")
            .replace('@', "%40");
        let numbers = format!("{bytes:?}");
        let mut forms = vec![
            encoded,
            form,
            numbers.trim_matches(['[', ']']).to_owned(),
            plain,
        ];
        forms.extend(within);
        forms
    };
    let marks = PERSONAL.into_iter().chain(SECRETS);
    marks
        .filter(|mark| forms(mark).iter().any(|form| log.contains(form)))
        .collect()
}

#[test]
fn a_leak_is_found_in_every_form() {
    for log in [
        "sent to Zirkonia",
        "ZIRKONIA",
        "[90, 105, 114, 107, 111, 110, 105, 97]",
        "q=Nebelgasse+93",
        "q=Nebelgasse%2093",
        &STANDARD.encode(format!("acme:{PASSWORD}")),
        &STANDARD.encode(format!("x:{PASSWORD} and more")),
    ] {
        assert_eq!(leaks(log).len(), 1, "{log}");
    }
    assert_eq!(leaks("a purchase order SH-1001-1-Q was sent"), [""; 0]);
}

/// A supplier that refuses, and says everything that it was told.
#[derive(Clone)]
struct Echo;

impl Double for Echo {
    fn reply(&self, request: &Received) -> Reply {
        let headers = request.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        Reply::Answer(Response {
            status: 400,
            headers: vec![(
                "x-echo".to_owned(),
                request.header("authorization").to_owned(),
            )],
            body: json!({"error": headers, "order": request.json()})
                .to_string()
                .into_bytes(),
        })
    }
}

/// As Zirkonia orders.
fn order(number: u64, sku: &str) -> ShopOrder {
    let order = ShopOrder::new(number, &[(sku, 1)]);
    let mut order = [
        ("first_name", "Zirkonia"),
        ("last_name", "Quellfeld"),
        ("name", "Zirkonia Quellfeld"),
        ("company", "Kranich und Sohn"),
        ("address1", "Nebelgasse 93"),
        ("address2", "Hinterhaus 4q"),
        ("city", "Wolkenruh"),
        ("phone", "+1 502 555 0177"),
    ]
    .into_iter()
    .fold(order, |order, (field, value)| {
        order.with_address(field, value)
    })
    .with("email", "zirkonia@quellfeld.example")
    .with("note", "Nicht klingeln bitte");
    order.0["line_items"][0]["properties"] = json!([{"name": "Text", "value": "Gravur fuer Alma"}]);
    order
}

/// Both suppliers with an identity, and what they are told.
async fn configure(place: &mut Place) {
    let echo = serve(Echo, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let auth = |lines: &str| format!("[supplier.http.auth]\n{lines}\n[supplier.http.create]");
    let create = "[supplier.http.create]";
    let (northwind, rest) = place.suppliers.split_once("id = \"eastgate\"").unwrap();
    let (_, after) = rest.split_once("url = \"http://").unwrap();
    let (unreachable, _) = after.split_once('/').unwrap();
    let bearer = auth("kind = \"bearer\"\nsecret = \"NORTHWIND_TOKEN\"");
    let basic =
        auth("kind = \"basic\"\nuser = \"EASTGATE_USER\"\npassword = \"EASTGATE_PASSWORD\"");
    let northwind = northwind.replacen(create, &bearer, 1);
    let rest = rest.replacen(create, &basic, 1);
    let rest = rest.replace(unreachable, &echo.to_string());
    place.suppliers = format!("{northwind}id = \"eastgate\"{rest}");
    for (field, and) in [
        (
            "{{ line.quantity }}",
            ", \"made\": {{ line.properties | described }}",
        ),
        ("{{ ship_to }}", ", \"note\": {{ note }}"),
    ] {
        let both = [field, and].concat();
        place.suppliers = place.suppliers.replace(field, &both);
    }
    place.write("suppliers.toml", &place.suppliers);
    let forward = "shop = \"acme.myshopify.com\"\nnote = \"forward\"\n";
    let channels = CHANNELS.replace("shop = \"acme.myshopify.com\"\n", forward);
    place.write("channels.toml", &channels);
    place.set("NORTHWIND_TOKEN", TOKEN);
    place.set("EASTGATE_USER", "acme");
    place.set("EASTGATE_PASSWORD", PASSWORD);
    place.set("RUST_LOG", "trace");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_secret_or_personal_is_logged() {
    let mut place = Place::new().await;
    configure(&mut place).await;
    place.serve().await;

    // Sent by each method; then every other answer of a supplier.
    place.order(&order(1001, "MUG")).await;
    place.until(&["order", "1001"], ": sent\n").await;
    place.order(&order(1002, "TOWEL")).await;
    place.until(&["order", "1002"], ": in the outbox\n").await;
    place.order(&order(1003, "KETTLE")).await;
    let refused = place.until(&["order", "1003"], "rejected").await;
    assert!(!refused.contains("Quellfeld"), "{refused}");
    for (number, behaviour) in (1010..).zip([
        Behaviour::SoftError,
        Behaviour::TakeSilently,
        Behaviour::Reject,
        Behaviour::BadAddress,
        Behaviour::ErrorPage,
        Behaviour::NullNumber,
        Behaviour::TooManyNow,
    ]) {
        place.northwind.script([behaviour]);
        place.order(&order(number, "MUG")).await;
        place
            .until(&["order", &number.to_string()], "attempt 1")
            .await;
    }
    // What a shop says later, and what nobody can read or believe.
    let moved = order(1001, "MUG").at(60);
    let moved = moved.with_address("address1", "Mondscheinweg 8");
    assert_eq!(place.post("orders/updated", &moved.0, SECRET).await, 200);
    place.until(&["order", "1001"], "edited-after-send").await;
    let cancelled = order(1002, "TOWEL").cancelled(60);
    assert_eq!(
        place.post("orders/cancelled", &cancelled.0, SECRET).await,
        200
    );
    let mut unreadable = order(1004, "MUG").0;
    unreadable["line_items"] = "Gravur fuer Alma".into();
    assert_eq!(place.post("orders/create", &unreadable, SECRET).await, 200);
    for _ in 0..6 {
        assert_eq!(
            place
                .post("orders/create", &order(1005, "MUG").0, TOKEN)
                .await,
            401
        );
    }
    let shop = Shop {
        domain: "zirkonia@quellfeld.example".to_owned(),
        secret: SECRET.to_owned(),
    };
    let elsewhere = shop.sign("orders/create", &order(1005, "MUG").0);
    assert_eq!(place.send(elsewhere.headers, elsewhere.body).await, 401);
    // Nobody ships there, so that it is held and a person corrects it.
    let held = order(1006, "MUG").with_address("country_code", "XQ");
    place.order(&held).await;
    place.until(&["order", "1006"], ": held\n").await;

    // A secret where its name belongs, and other mistakes.
    let wrong = CHANNELS.replace("WAYBILL_TEST_SECRET", SECRET);
    place.write("channels.toml", &wrong);
    place.until(&["cases"], "refused-configuration").await;
    let checked = place.run(&["check"]);
    assert_eq!(checked.code, NO);
    let mut seen = checked.out + &checked.err;

    let why = ["--who", "ada", "--why", "she called"];
    let with = |words: &[&'static str]| [words, &why].concat();
    let keys = place.says(DONE, &["evidence", "quarantine/"]);
    let key = keys.lines().next().unwrap();
    for words in [
        &["orders"][..],
        &["cases"],
        &["report"],
        &["batches"],
        &["order", "1001"],
        &["evidence", key],
        &with(&["edit-address", "1006", "--set", "address2=Sternwarte Ost"]),
        &with(&["release", "1006"]),
        &with(&["hold", "1010"]),
        &with(&["cancel", "1001"]),
        &with(&["retry", "northwind"]),
    ] {
        // What a command answers is for the person who asked.
        let Ended { out, err, .. } = place.run(words);
        assert!(!(out.is_empty() && err.is_empty()), "{words:?}");
        seen += &err;
    }
    assert_eq!(place.terminate(), DONE);
    seen += &place.run(&["serve"]).err;
    let log = std::fs::read_to_string(place.log_file()).unwrap();

    // It went through all of it.
    let taken = place.northwind.bodies("SH-1001-1-Q");
    assert!(leaks(&taken[0].to_string()).len() >= 5, "{taken:?}");
    let evidence = place.says(DONE, &["evidence", "answer/SH-1003"]);
    let answer = evidence.lines().next().unwrap();
    let answer = place.says(DONE, &["evidence", answer]);
    assert!(leaks(&answer).contains(&"Quellfeld"), "{answer}");
    assert!(log.contains(" TRACE ") || log.contains(" DEBUG "), "{log}");
    for event in [
        "listening",
        "incident opened kind=quarantined-payload",
        "incident opened kind=bad-signatures",
        "configuration refused",
        "requests refused",
        "stopped",
    ] {
        assert!(log.contains(event), "{event}: {log}");
    }
    for (what, text) in [("serve", &log), ("a command", &seen)] {
        let lines = text.lines().filter(|line| !leaks(line).is_empty());
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines, [""; 0], "{what} logs {:?}", leaks(text));
    }
}
