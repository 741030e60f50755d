//! Suppliers that the demo's stories have none of: one that takes a file for each cut-off, one with
//! a spend limit, and one that takes one hand-over at a time and refuses units of what it takes.

use super::place::{Place, eventually, only};
use aws::dynamodb::DynamoDb;
use domain::batch::Batch;
use domain::ids::SupplierId;
use domain::messages::QueueName;
use domain::order::{Order, PurchaseOrder};
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::sending::machine::SendState;
use doubles::recorder::Need;
use doubles::server::serve_supplier;
use doubles::shop::ShopOrder;
use doubles::supplier::{Behaviour, SupplierDouble, http_tables};
use jiff::{SignedDuration, Timestamp, Zoned};
use ports::SupplierSlots as _;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use waybill::demo::Stage as _;

/// Longer than it takes to plan everything that goes with the batch; the others fill the time.
const CUT_OFF_AFTER: SignedDuration = SignedDuration::from_secs(150);

const OFFERS: &str = "CRATE,quay,QY-1,5.00,USD,20
BELL,cape,CP-1,9.00,USD,10
ROPE,ferry,FY-1,3.00,USD,10
TWINE,ferry,FY-2,2.00,USD,10
ROPE,lakeside,LS-ROPE,6.00,USD,
";

pub(crate) async fn exercise(place: &Place) {
    let ferry = SupplierDouble::default();
    let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let address = serve_supplier(ferry.clone(), anywhere).await.unwrap();
    let now = at_noon(place.installation().clock.now());
    let cut_off = whole_minute_after(&(&now + CUT_OFF_AFTER));
    let suppliers = [quay(&cut_off), cape(&now), ferry_at(address)].concat();
    append(place, "suppliers.toml", &suppliers).await;
    append(place, "offers.csv", OFFERS).await;
    // Those that start anew look for it at once.
    place.deployment.emulator.kill_functions().unwrap();

    let batched = [2001, 2002, 2003].map(|number| ShopOrder::new(number, &[("CRATE", 1)]));
    let numbers = planned_for(place, &batched, cut_off.timestamp()).await;
    assert!(place.installation().clock.now() < cut_off.timestamp());
    one_at_a_time(place, &ferry).await;
    limited(place).await;
    refused_in_part(place, &ferry).await;
    in_one_file(place, &batched, &numbers, cut_off.timestamp()).await;
    place.every_promise_is_kept().await;
}

/// In a zone where it is about noon, so that no day ends meanwhile.
fn at_noon(now: Timestamp) -> Zoned {
    let ahead = 12 - now.in_tz("UTC").unwrap().hour();
    // Its sign is the other way round.
    let sign = if ahead < 0 { '+' } else { '-' };
    now.in_tz(&format!("Etc/GMT{sign}{}", ahead.abs())).unwrap()
}

fn whole_minute_after(time: &Zoned) -> Zoned {
    let minute = time.with().second(0).subsec_nanosecond(0).build().unwrap();
    minute + SignedDuration::from_mins(1)
}

fn quay(cut_off: &Zoned) -> String {
    let calendar = calendar(cut_off);
    let cut_off = cut_off.strftime("%H:%M");
    format!(
        r#"
[[supplier]]
id = "quay"
name = "Quay Furniture"
method = "csv"
{calendar}cut_offs = ["{cut_off}"]
[supplier.csv]
[supplier.csv.batch]
upload = "fetched"
"#
    )
}

fn cape(now: &Zoned) -> String {
    let calendar = calendar(now);
    format!(
        r#"
[[supplier]]
id = "cape"
name = "Cape Instruments"
method = "csv"
spend_limit_per_day = "20.00 USD"
{calendar}[supplier.csv]
"#
    )
}

fn calendar(now: &Zoned) -> String {
    let zone = now.time_zone().iana_name().unwrap();
    format!("[supplier.calendar]\nzone = \"{zone}\"\ndays = [\"mon-sun\"]\n")
}

fn ferry_at(address: SocketAddr) -> String {
    let tables = http_tables(address);
    format!(
        r#"
[[supplier]]
id = "ferry"
name = "Ferry Chandlers"
method = "http"
concurrency = 1
[supplier.http]
timeout = 5
allow_private = true
reason = "body.code"
[supplier.http.reasons]
"sold-out" = "inventory-out-of-stock"
{tables}
[[supplier.http.create.lines]]
status = "rejected"
each = "body.refused | default([])"
sku = "it.sku"
quantity = "it.quantity"
reason = "it.code"
"#
    )
}

async fn append(place: &Place, name: &str, text: &str) {
    let known = std::fs::read_to_string(place.stage.config().join(name)).unwrap();
    let changed = place.stage.change(name, &(known + text)).await;
    changed.unwrap();
}

/// Each waits for the cut-off; the last is cancelled before.
async fn planned_for(
    place: &Place,
    orders: &[ShopOrder; 3],
    cut_off: Timestamp,
) -> [PurchaseOrderNumber; 3] {
    let mut numbers = Vec::new();
    for order in orders {
        place.post("orders/create", order).await;
        let planned = place
            .until(order, "planned for the cut-off", |order| {
                let own = &order.purchase_orders;
                own.iter().any(|own| own.cut_off == Some(cut_off))
            })
            .await;
        let own = only(&planned);
        assert_eq!(due(own), Some(cut_off));
        numbers.push(own.number.clone());
    }
    let [_, _, last] = orders;
    place
        .post("orders/cancelled", &last.clone().cancelled(60))
        .await;
    place
        .until(last, "voided", |order| {
            let own = only(order);
            matches!(own.sending.state, SendState::Voided { .. })
        })
        .await;
    numbers.try_into().unwrap()
}

fn due(own: &PurchaseOrder) -> Option<Timestamp> {
    if let SendState::Planned { due } = own.sending.state {
        Some(due)
    } else {
        None
    }
}

/// While another hands over to the supplier nothing is sent; it comes again until the other is done.
async fn one_at_a_time(place: &Place, ferry: &SupplierDouble) {
    let opened = &place.deployment.opened;
    let client = opened.account.clients.dynamodb();
    let slots = DynamoDb::new(client, &opened.outputs.orders_table, None);
    let supplier = SupplierId::parse("ferry").unwrap();
    let now = place.installation().clock.now();
    let until = now + SignedDuration::from_mins(10);
    let slot = slots.acquire(&supplier, 1, "another", now, until).await;
    let slot = slot.unwrap().unwrap();

    let order = ShopOrder::new(2031, &[("TWINE", 1)]);
    place.post("orders/create", &order).await;
    let deployment = &place.deployment;
    let forwarding = deployment.access_key("ForwardingFunction", "ForwardingRole");
    let forwarding = forwarding.unwrap();
    let queue = opened.outputs.queue_urls[&QueueName::Forwarding]
        .rsplit('/')
        .next();
    let queue = queue.unwrap();
    let recorder = &deployment.emulator.recorder;
    eventually("its message came again", async || {
        let calls = recorder.calls();
        let again = calls.iter().filter(|call| {
            let to_itself = |need: &Need| need.resource == queue;
            call.who == forwarding
                && call.action == "SendMessage"
                && call.needs.iter().any(to_itself)
        });
        (again.count() >= 2).then_some(())
    })
    .await;
    let waits = place.stored(&order).await.unwrap();
    let number = &only(&waits).number;
    assert_eq!(only(&waits).sending.attempts, 0);
    assert!(!ferry.taken().contains_key(number.as_str()));
    slots.free(&slot).await.unwrap();
    place
        .until(&order, "sent", |order| only(order).sending.is_sent())
        .await;
    assert_eq!(ferry.taken()[number.as_str()], 1);
}

/// What passes the limit of the day goes on the next, and an edit of it is planned anew.
async fn limited(place: &Place) {
    let [first, second] = [2011, 2012].map(|number| ShopOrder::new(number, &[("BELL", 2)]));
    place.post("orders/create", &first).await;
    let sent = place
        .until(&first, "sent within the limit", |order| {
            order
                .purchase_orders
                .iter()
                .any(|own| own.sending.is_sent())
        })
        .await;
    let today = only(&sent).spending.as_ref().unwrap().day;
    let tomorrow = today.tomorrow().unwrap();

    place.post("orders/create", &second).await;
    let planned = |order: &Order| {
        let last = order.purchase_orders.last();
        last.is_some_and(|own| due(own).is_some())
    };
    let queued = place.until(&second, "planned", planned).await;
    let before = only(&queued).clone();
    assert_eq!(before.spending.as_ref().unwrap().day, tomorrow);
    let edited = ShopOrder::new(2012, &[("BELL", 1)]).at(90);
    place.post("orders/updated", &edited).await;
    let queued = place
        .until(&second, "planned anew", |order| {
            order.purchase_orders.len() == 2 && planned(order)
        })
        .await;
    let [voided, own] = queued.purchase_orders.as_slice() else {
        panic!("{:?}", queued.purchase_orders);
    };
    assert!(matches!(voided.sending.state, SendState::Voided { .. }));
    assert_eq!(own.spending.as_ref().unwrap().day, tomorrow);
    assert!(due(own).unwrap() > place.installation().clock.now() + SignedDuration::from_hours(1));

    place.deployment.sweep().await.unwrap();
    place.until_quiet().await;
    assert_eq!(place.told("csv", &only(&sent).number).await, 1);
    for own in &queued.purchase_orders {
        assert_eq!(place.told("csv", &own.number).await, 0, "sent too early");
    }
    assert_eq!(place.cases(&second).await, []);
    let spent = place.installation().offers.spending().await.unwrap();
    let spent: Vec<_> = spent
        .iter()
        .filter(|spent| spent.supplier.as_str() == "cape")
        .map(|spent| (spent.day, spent.money.minor))
        .collect();
    assert_eq!(spent, [(today, 18_00), (tomorrow, 9_00)]);
}

/// The unit that it has no more of goes to another supplier.
async fn refused_in_part(place: &Place, ferry: &SupplierDouble) {
    ferry.script([Behaviour::Short]);
    let order = ShopOrder::new(2021, &[("ROPE", 2)]);
    place.post("orders/create", &order).await;
    let sent = place
        .until(&order, "sent to both", |order| {
            let own = &order.purchase_orders;
            own.len() == 2 && own.iter().all(|own| own.sending.is_sent())
        })
        .await;
    let [in_part, rest] = sent.purchase_orders.as_slice() else {
        panic!("{:?}", sent.purchase_orders);
    };
    assert_eq!(in_part.refused.len(), 1);
    assert_eq!(ferry.taken()[in_part.number.as_str()], 1);
    assert_eq!(rest.supplier.as_str(), "lakeside");
    assert_eq!(rest.lines[0].quantity, 1);
    assert_eq!(place.told("csv", &rest.number).await, 1);
}

/// Once the time has come: those that still hold, each once, in the one file that lies in `out/`.
async fn in_one_file(
    place: &Place,
    orders: &[ShopOrder; 3],
    numbers: &[PurchaseOrderNumber; 3],
    cut_off: Timestamp,
) {
    let left = cut_off.duration_since(place.installation().clock.now());
    if let Ok(left) = left.try_into() {
        tokio::time::sleep(left).await;
    }
    place.deployment.sweep().await.unwrap();
    let [first, second, _] = orders;
    for order in [first, second] {
        place
            .until(order, "sent with the batch", |order| {
                only(order).sending.is_sent()
            })
            .await;
    }
    place.until_quiet().await;

    let [own, other, voided] = numbers;
    let batches = &place.installation().batches;
    let batches: Vec<Batch> = eventually("the batch is listed", async || {
        Some(batches.batches(10).await.unwrap()).filter(|batches| !batches.is_empty())
    })
    .await;
    let [batch] = batches.as_slice() else {
        panic!("{batches:?}");
    };
    assert_eq!(batch.cut_off, cut_off);
    let expected = BTreeSet::from([own.clone(), other.clone()]);
    assert_eq!(batch.purchase_orders, expected);
    let files = place.stage.told("csv").await.unwrap();
    let of_quay: Vec<_> = files
        .iter()
        .filter(|name| name.starts_with("quay-"))
        .collect();
    assert_eq!(of_quay, [batch.name.as_str()]);

    let opened = &place.deployment.opened;
    let get = opened.account.clients.s3().get_object();
    let file = get
        .bucket(&opened.outputs.drops_bucket)
        .key(format!("out/quay/{}.csv", batch.name))
        .send()
        .await
        .unwrap();
    let file = file.body.collect().await.unwrap().into_bytes();
    let file = String::from_utf8(file.to_vec()).unwrap();
    for (number, rows) in [(own, 1), (other, 1), (voided, 0)] {
        let found = file.lines().filter(|row| row.contains(number.as_str()));
        assert_eq!(found.count(), rows, "{number} in\n{file}");
    }
}
