//! What counts against suppliers' spend limits: a row for each supplier, day and currency, added to
//! in the transaction of the order that it is spent for.

use super::DynamoDb;
use super::bulk::{Pages, partition_of, sort_of};
use super::item::{
    Changes, Condition, Item, Key, Meaning, Table, Write, number, number_of, text, unreadable,
};
use domain::ids::SupplierId;
use domain::money::{Currency, Money};
use domain::spending::{SpendingChange, Spent};
use jiff::civil::Date;
use ports::StoreError;

const PREFIX: &str = "spend#";

/// By supplier, and within it by day.
fn key(supplier: &SupplierId, day: Date, currency: Currency) -> Key {
    Key::stock(partition(supplier), format!("{day}#{currency}"))
}

fn partition(supplier: &SupplierId) -> String {
    format!("{PREFIX}{supplier}")
}

/// Or the supplier whose limit has too little room even where nothing is spent yet.
pub(super) fn writes(changes: &[SpendingChange]) -> Result<Vec<Write>, SupplierId> {
    changes.iter().map(write).collect()
}

fn write(change: &SpendingChange) -> Result<Write, SupplierId> {
    let add = Changes {
        add: [("spent", change.by)].into(),
        ..Changes::default()
    };
    let write = Write::update(key(&change.supplier, change.day, change.currency), add);
    let Some(limit) = change.limit else {
        return Ok(write);
    };
    // The most that may be there already.
    let room = limit.saturating_sub(change.by);
    if room < 0 {
        return Err(change.supplier.clone());
    }
    let fits = Condition::new(
        "attribute_not_exists(#spent) OR #spent <= :room",
        [(":room", number(room))],
    );
    Ok(write.only_if(fits, Meaning::SpendLimit(change.supplier.clone())))
}

impl DynamoDb {
    /// On that day and later.
    pub(super) async fn spent_from(
        &self,
        suppliers: &[SupplierId],
        from: Date,
    ) -> Result<Vec<Spent>, StoreError> {
        let mut found = Vec::new();
        for supplier in suppliers {
            let since = vec![
                (":pk", text(partition(supplier))),
                (":from", text(from.to_string())),
            ];
            let pages = Pages::of(Table::Stock, "#pk = :pk AND #sk >= :from", since);
            for item in self.query(pages).await? {
                found.push(to_spent(&item)?);
            }
        }
        Ok(found)
    }

    pub(super) async fn all_spending(&self) -> Result<Vec<Spent>, StoreError> {
        let rows = Some(("begins_with(#pk, :sort)", PREFIX));
        let items = self.scan_all(Table::Stock, rows).await?;
        let mut found = items.iter().map(to_spent).collect::<Result<Vec<_>, _>>()?;
        found.sort_by(|one, other| (&one.supplier, one.day).cmp(&(&other.supplier, other.day)));
        Ok(found)
    }
}

fn to_spent(item: &Item) -> Result<Spent, StoreError> {
    let broken = || unreadable("a row of spending");
    let supplier = partition_of(item)?.strip_prefix(PREFIX).unwrap_or_default();
    let (day, currency) = sort_of(item)?.split_once('#').ok_or_else(broken)?;
    Ok(Spent {
        supplier: SupplierId::parse(supplier).map_err(|_| broken())?,
        day: day.parse().map_err(|_| broken())?,
        money: Money {
            minor: number_of(item, "spent").ok_or_else(broken)?,
            currency: Currency::parse(currency).map_err(|_| broken())?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(by: i64, limit: Option<i64>) -> SpendingChange {
        SpendingChange {
            supplier: SupplierId::parse("harbour").unwrap(),
            day: "2026-11-25".parse().unwrap(),
            currency: Currency::parse("EUR").unwrap(),
            by,
            limit,
        }
    }

    #[test]
    fn a_limit_is_a_condition_on_what_is_there_already() {
        let write = write(&change(300, Some(1000))).unwrap();
        assert_eq!(write.key, Key::stock("spend#harbour", "2026-11-25#EUR"));
        let said = write.said();
        assert_eq!(said.update.as_deref(), Some("ADD #spent :more_spent"));
        let values = said.values.unwrap();
        assert_eq!(values[":room"], number(700));
        assert_eq!(values[":more_spent"], number(300));
    }

    #[test]
    fn what_is_given_back_has_no_condition() {
        assert_eq!(write(&change(-300, None)).unwrap().said().condition, None);
    }

    #[test]
    fn more_than_the_whole_limit_is_not_even_asked() {
        assert_eq!(
            writes(&[change(1001, Some(1000))]),
            Err(SupplierId::parse("harbour").unwrap())
        );
    }
}
