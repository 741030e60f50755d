//! Which changes need a look at the rows, and what is written without one. What they mean is told
//! by the suite that all stores share.

use super::super::item::Action;
use super::*;
use jiff::Timestamp;

fn change(counter: u32, change: Change) -> ReservationChange {
    let code = domain::ids::ChannelCode::parse("SH1").unwrap();
    ReservationChange {
        supplier: SupplierId::parse("northwind").unwrap(),
        supplier_sku: SupplierSku::parse("NW#1").unwrap(),
        purchase_order: PurchaseOrderNumber::new(&code, "1001", counter),
        change,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn taking_and_sending_need_no_look() {
    let taken = writes(&[change(1, Change::Reserve(2))], None).unwrap();
    assert_eq!(taken.len(), 2, "stock and reservation");
    let sent = writes(&[change(1, Change::Sent(at(5)))], None).unwrap();
    assert_eq!(sent.len(), 1, "the stamp alone");
    let two = [change(1, Change::Reserve(2)), change(2, Change::Reserve(3))];
    assert_eq!(writes(&two, None).unwrap().len(), 3, "one stock row");
}

#[test]
fn what_depends_on_the_rows_is_looked_at_first() {
    for changes in [
        vec![change(1, Change::GiveBack(1))],
        vec![change(1, Change::SoldOut)],
        vec![
            change(1, Change::Reserve(1)),
            change(1, Change::Sent(at(5))),
        ],
    ] {
        assert_eq!(writes(&changes, None), Err(NotYet::Look), "{changes:?}");
    }
}

#[test]
fn nothing_is_written_where_nothing_changes() {
    let rows = Rows::new();
    for gone in [Change::GiveBack(1), Change::SoldOut, Change::Sent(at(5))] {
        assert_eq!(writes(&[change(1, gone)], Some(&rows)).unwrap(), []);
    }
}

#[test]
fn the_last_unit_given_back_ends_the_reservation() {
    let given = change(1, Change::GiveBack(2));
    let stock = stock_key(&given.supplier, &given.supplier_sku);
    let own = reservation_key(&given.supplier, &given.supplier_sku, &given.purchase_order);
    let quantity = [("quantity", number(2))];
    let on_hand = [
        ("stock", number(9)),
        ("available", number(7)),
        ("as_of", number(1)),
    ];
    let rows = Rows::from([
        (stock.clone(), stock.with(on_hand)),
        (own.clone(), own.with(quantity)),
    ]);
    let written = writes(&[given], Some(&rows)).unwrap();
    let actions: Vec<_> = written.iter().map(|write| &write.action).collect();
    let Action::Update(changes) = actions[0] else {
        panic!("{actions:?}")
    };
    assert_eq!(changes.add["available"], 2);
    assert_eq!(actions[1], &Action::Delete);
}

#[test]
fn the_parts_of_a_key_are_read_back() {
    let given = change(1, Change::SoldOut);
    let partition = partition(&given.supplier, &given.supplier_sku);
    assert_eq!(partition, "stock#northwind#NW#1");
    assert_eq!(
        parts(&partition),
        Some((given.supplier, given.supplier_sku))
    );
    assert_eq!(parts("sku#MUG"), None);
}
