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

fn by() -> ReservedBy {
    ReservedBy {
        order: "acme/1".to_owned(),
        at: 7,
    }
}

fn writes(changes: &[ReservationChange], rows: Option<&Rows>) -> Result<Vec<Write>, NotYet> {
    super::writes(changes, rows, &by())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn taking_and_sending_need_no_look() {
    let taken = writes(&[change(1, Change::Reserve(2))], None).unwrap();
    assert_eq!(taken.len(), 2, "stock and reservation");
    let sent = writes(&[change(1, Change::Sent(at(5)))], None).unwrap();
    assert_eq!(sent, [], "the state has it");
    let two = [change(1, Change::Reserve(2)), change(2, Change::Reserve(3))];
    assert_eq!(writes(&two, None).unwrap().len(), 3, "one stock row");
}

#[test]
fn what_depends_on_the_rows_is_looked_at_first() {
    for changes in [
        vec![change(1, Change::GiveBack(1))],
        vec![change(1, Change::SoldOut)],
        vec![change(1, Change::Reserve(1)), change(1, Change::Reserve(1))],
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

/// The row names the order that knows when it was sent, and when it was reserved: what was sent before
/// that was another reservation.
#[test]
fn a_reservation_ends_by_when_its_purchase_order_was_sent_since() {
    let taken = writes(&[change(1, Change::Reserve(2))], None).unwrap();
    let Action::Update(changes) = &taken[1].action else {
        panic!("{taken:?}")
    };
    let mut item = taken[1].key.item();
    for (name, value) in &changes.set {
        item.insert((*name).to_owned(), value.clone());
    }
    item.insert("quantity".to_owned(), number(changes.add["quantity"]));
    for (sent, known) in [(6, None), (7, Some(7)), (9, Some(9))] {
        let mut held = Held::read(&item).unwrap();
        assert_eq!(
            (held.order.as_deref(), held.sent_at),
            (Some("acme/1"), None)
        );
        held.sent(sent);
        assert_eq!(held.sent_at, known);
    }
    // A row that an older version stamped keeps its stamp.
    item.insert("sent_at".to_owned(), number(3));
    let mut stamped = Held::read(&item).unwrap();
    stamped.sent(9);
    assert_eq!(stamped.sent_at, Some(3));
    // What is reserved again is a reservation that was not sent.
    let again = change(1, Change::ReserveAgain(1));
    let stock = stock_key(&again.supplier, &again.supplier_sku);
    let on_hand = [
        ("stock", number(9)),
        ("available", number(7)),
        ("as_of", number(1)),
    ];
    let rows = Rows::from([
        (stock.clone(), stock.with(on_hand)),
        (taken[1].key.clone(), item),
    ]);
    let written = writes(&[again], Some(&rows)).unwrap();
    let Action::Put(put) = &written[1].action else {
        panic!("{written:?}")
    };
    let held = Held::read(put).unwrap();
    assert_eq!((held.quantity, held.sent_at), (3, None));
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
