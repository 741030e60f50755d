//! Three kinds of bodies, with addresses that are awkward in each.

use crate::testing::{World, handover, sent_to};
use domain::fidelity;
use domain::order::answer::{Progress, Rejection};
use domain::personal::Personal;
use http_client::Response;
use ports::{Accepted, Handover, Outcome};
use serde_json::{Value, json};

const XML: &str = r#"<?xml version="1.0"?>
<order po="{{ number }}">
  <to><name>{{ ship_to.name }}</name><company>{{ ship_to.company }}</company>
    <street>{{ ship_to.address1 }}</street><street>{{ ship_to.address2 }}</street>
    <city>{{ ship_to.city }}</city><state>{{ ship_to.province_code }}</state>
    <zip>{{ ship_to.zip }}</zip><country>{{ ship_to.country_code }}</country>
    <phone>{{ ship_to.phone }}</phone></to>
  <lines>{% for line in lines %}<line sku="{{ line.supplier_sku }}"><qty>{{ line.quantity }}</qty></line>{% endfor %}</lines>
</order>"#;

const FORM: &str = r"
po={{ number }}
name={{ ship_to.name }}
company={{ ship_to.company }}
street={{ ship_to.address1 }}, {{ ship_to.address2 }}
city={{ ship_to.city }}
state={{ ship_to.province_code }}
zip={{ ship_to.zip }}
country={{ ship_to.country_code }}
phone={{ ship_to.phone }}
{% for line in lines %}
  items[{{ loop.index0 }}][sku]={{ line.supplier_sku }}
  items[{{ loop.index0 }}][qty]={{ line.quantity }}
{% endfor %}
";

fn specific(kind: &str, template: &str) -> Value {
    json!({"create": {
        "url": "https://api.acme.example/orders",
        "body": {kind: template},
        "success": "status == 200 and body.response['@ok'] == 'true'",
        "rejected": "body.response.error is given",
        "references": "body.response.order | as_list | map(attribute='no') | list",
        "reason": "body.response.error.code",
    }, "reasons": {"ADR": "incorrect-address"}})
}

fn awkward() -> Handover {
    let mut handover = handover();
    let mut address = handover.ship_to.reveal().clone();
    address.name = "Ada \"]]>\" O'Exämple <b>&amp;".to_owned();
    address.company = "A & B = C; 100% + more".to_owned();
    address.address1 = "Straße 5\nHinterhaus".to_owned();
    address.address2 = "..".to_owned();
    address.city = "東京 {{ number }}".to_owned();
    handover.ship_to = Personal::new(address);
    handover
}

fn missing(specific: &Value, handover: &Handover) -> Vec<String> {
    let supplier = World::default().open("http", specific.clone()).unwrap();
    let artifact = supplier
        .orders()
        .prepare(handover, &Progress::default())
        .unwrap();
    let again = World::default().open("http", specific.clone()).unwrap();
    let bytes = again
        .orders()
        .prepare(handover, &Progress::default())
        .unwrap()
        .bytes;
    assert_eq!(artifact.bytes, bytes);
    let decoded = supplier.orders().decode(&artifact).unwrap();
    let lines: Vec<(&str, u32)> = handover
        .lines
        .iter()
        .map(|line| (line.supplier_sku.as_str(), line.quantity))
        .collect();
    let address = handover.ship_to.reveal();
    fidelity::missing(address, &lines, &decoded.parts[0].records, &artifact.omits)
}

#[test]
fn awkward_addresses_arrive_whole_in_every_format() {
    for (kind, template) in [("xml", XML), ("form", FORM)] {
        for handover in [handover(), awkward()] {
            let lacks = missing(&specific(kind, template), &handover);
            assert!(lacks.is_empty(), "{kind} lacks {lacks:?}");
        }
    }
}

#[test]
fn a_template_that_loses_a_field_is_caught_unless_it_says_so() {
    for (kind, template, part) in [
        ("xml", XML, "<phone>{{ ship_to.phone }}</phone>"),
        ("form", FORM, "phone={{ ship_to.phone }}\n"),
        ("json", r#"{"to": {"name": {{ ship_to.name }}}}"#, ""),
    ] {
        let mut specific = specific(kind, &template.replace(part, ""));
        assert!(missing(&specific, &handover()).contains(&"phone".to_owned()));
        specific["create"]["omits"] = json!(["phone"]);
        assert!(!missing(&specific, &handover()).contains(&"phone".to_owned()));
    }
    // So is a line with the quantity of another.
    for (kind, template) in [("xml", XML), ("form", FORM)] {
        let wrong = template.replace("{{ line.quantity }}", "{{ lines[1].quantity }}");
        assert_eq!(missing(&specific(kind, &wrong), &handover()), ["2 of LS-1"]);
    }
}

#[test]
fn a_body_that_is_not_what_it_claims_is_never_sent() {
    let prepared = |kind: &str, template: &str, handover: &Handover| {
        let supplier = World::default()
            .open("http", specific(kind, template))
            .unwrap();
        supplier.orders().prepare(handover, &Progress::default())
    };
    let error = |kind: &str, template: &str| prepared(kind, template, &handover()).err().unwrap().0;
    assert!(error("xml", "<a>{{ number }}</b>").contains("create.body: the template gives no XML"));
    assert!(error("json", "{").contains("create.body: the template gives no JSON"));
    assert!(error("form", "{{ number }}").contains("write name=value"));
    let mut bell = handover();
    bell.order_name = "\u{7}".to_owned();
    assert!(prepared("xml", "<a>{{ order_name }}</a>", &bell).is_err());
}

#[tokio::test]
async fn an_xml_answer_is_a_tree() {
    let sent = async |body: &str| {
        let world = World::default();
        let supplier = world.open("http", specific("form", FORM)).unwrap();
        let artifact = supplier
            .orders()
            .prepare(&handover(), &Progress::default())
            .unwrap();
        world.answer(Ok(Response {
            status: 200,
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        }));
        let heard = sent_to(supplier.as_ref(), &artifact).await;
        let request = world.requests().remove(0);
        let media = (
            "Content-Type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        );
        assert!(request.headers.contains(&media));
        assert!(!request.body.contains(&b'\n'));
        heard
    };
    for (orders, expected) in [
        ("<order><no>A</no></order>", vec!["A"]),
        (
            "<order><no>A</no></order><order><no>B</no></order>",
            vec!["A", "B"],
        ),
    ] {
        let body = format!("<?xml version='1.0'?><response ok='true'>{orders}</response>");
        let heard = sent(&body).await;
        let Outcome::Accepted(Accepted { references, .. }) = heard.outcome else {
            panic!("{heard:?}")
        };
        assert_eq!(references, expected);
    }
    let heard = sent("<response ok='false'><error><code>ADR</code></error></response>").await;
    let Outcome::Rejected {
        why: Rejection { reason, detail, .. },
        ..
    } = heard.outcome
    else {
        panic!("{heard:?}")
    };
    assert_eq!(reason.name(), "incorrect-address");
    assert_eq!(detail, "HTTP 200: ADR");
    for broken in ["<response ok='true'>", "<html><br></html>", ""] {
        let heard = sent(broken).await;
        assert!(
            matches!(heard.outcome, Outcome::InDoubt { .. }),
            "{heard:?}"
        );
    }
}
