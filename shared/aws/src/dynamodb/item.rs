//! Items and their attributes, and writes as values: what a commit does to the tables is decided
//! before any of it is done.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use domain::ids::{SupplierId, SupplierSku};
use domain::purchase_order_number::PurchaseOrderNumber;
use ports::StoreError;
use std::collections::{BTreeMap, HashMap, HashSet};

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl Into<i64>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

pub(crate) fn bytes(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

pub(crate) fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(crate) fn number_of<N: std::str::FromStr>(item: &Item, name: &str) -> Option<N> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

pub(crate) fn bytes_of<'a>(item: &'a Item, name: &str) -> Option<&'a [u8]> {
    item.get(name)?.as_b().ok().map(AsRef::as_ref)
}

pub(crate) fn unreadable(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("{what} cannot be read"))
}

/// The number of the form in which items are stored, the JSON in their attributes included. Form 1 is
/// the baseline: whatever changes after it has another number and a migration.
pub(crate) const FORM: i64 = 1;

/// Refuses an item that a newer version wrote. Rows that are only counted up and down have no form.
pub(crate) fn known_form(item: &Item) -> Result<(), StoreError> {
    match number_of::<i64>(item, "form") {
        Some(found) if found > FORM => Err(StoreError::Corrupt(format!(
            "an item has form {found}, and this version of Waybill knows forms up to {FORM}: deploy \
             the version that wrote it, or a newer one"
        ))),
        Some(_) | None => Ok(()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    Orders,
    Stock,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) table: Table,
    pub(crate) partition: String,
    pub(crate) sort: String,
}

impl Key {
    pub(crate) fn orders(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self {
            table: Table::Orders,
            partition: partition.into(),
            sort: sort.into(),
        }
    }

    pub(crate) fn stock(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self {
            table: Table::Stock,
            partition: partition.into(),
            sort: sort.into(),
        }
    }

    pub(crate) fn item(&self) -> Item {
        HashMap::from([
            ("pk".to_owned(), text(&self.partition)),
            ("sk".to_owned(), text(&self.sort)),
        ])
    }

    /// A new item, in the form that this version writes.
    pub(crate) fn with<const N: usize>(&self, attributes: [(&str, AttributeValue); N]) -> Item {
        let mut item = self.item();
        item.insert("form".to_owned(), number(FORM));
        item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
        item
    }
}

/// What a failed condition of a write says of the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The order has another version, or its index is another than was known.
    State,
    Taken(PurchaseOrderNumber),
    ShortOf(SupplierSku),
    SpendLimit(SupplierId),
    /// It is another row than was read: look again.
    Changed,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Put(Item),
    Update(Changes),
    Delete,
}

/// Attributes by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Changes {
    pub(crate) set: BTreeMap<&'static str, AttributeValue>,
    pub(crate) remove: Vec<&'static str>,
    pub(crate) add: BTreeMap<&'static str, i64>,
}

impl Changes {
    /// Without a value the attribute goes.
    pub(crate) fn set_or_remove(&mut self, name: &'static str, value: Option<AttributeValue>) {
        match value {
            Some(value) => {
                self.set.insert(name, value);
            }
            None => self.remove.push(name),
        }
    }
}

/// An expression with `#name` for the attribute `name`, and the values that it names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    pub(crate) expression: String,
    pub(crate) values: Vec<(&'static str, AttributeValue)>,
}

impl Condition {
    pub(crate) fn new<const N: usize>(
        expression: impl Into<String>,
        values: [(&'static str, AttributeValue); N],
    ) -> Self {
        Self {
            expression: expression.into(),
            values: Vec::from(values),
        }
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        self.expression = format!("{} AND {}", self.expression, other.expression);
        self.values.extend(other.values);
        self
    }
}

/// One item's part of a commit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Write {
    pub(crate) key: Key,
    pub(crate) action: Action,
    pub(crate) condition: Option<(Condition, Meaning)>,
}

/// How a write is said to `DynamoDB`.
pub(crate) struct Said {
    pub(crate) update: Option<String>,
    pub(crate) condition: Option<String>,
    pub(crate) names: Option<HashMap<String, String>>,
    pub(crate) values: Option<HashMap<String, AttributeValue>>,
}

impl Write {
    pub(crate) fn put(key: Key, item: Item) -> Self {
        Self {
            key,
            action: Action::Put(item),
            condition: None,
        }
    }

    pub(crate) fn update(key: Key, changes: Changes) -> Self {
        Self {
            key,
            action: Action::Update(changes),
            condition: None,
        }
    }

    pub(crate) fn delete(key: Key) -> Self {
        Self {
            key,
            action: Action::Delete,
            condition: None,
        }
    }

    pub(crate) fn only_if(mut self, condition: Condition, meaning: Meaning) -> Self {
        self.condition = Some((condition, meaning));
        self
    }

    pub(crate) fn said(&self) -> Said {
        let mut values = HashMap::new();
        let update = if let Action::Update(changes) = &self.action {
            Some(update_expression(changes, &mut values))
        } else {
            None
        };
        let condition = self.condition.as_ref().map(|(condition, _)| {
            for (name, value) in &condition.values {
                values.insert((*name).to_owned(), value.clone());
            }
            condition.expression.clone()
        });
        let spoken = [update.as_deref(), condition.as_deref()];
        let names: HashMap<_, _> = spoken.into_iter().flatten().flat_map(names_in).collect();
        Said {
            names: Some(names).filter(|names| !names.is_empty()),
            values: Some(values).filter(|values| !values.is_empty()),
            update,
            condition,
        }
    }

    pub(crate) fn in_transaction(&self, table: &str) -> Result<TransactWriteItem, BuildError> {
        let said = self.said();
        let old = ReturnValuesOnConditionCheckFailure::AllOld;
        let item = TransactWriteItem::builder();
        Ok(match &self.action {
            Action::Put(put) => item.put(
                Put::builder()
                    .table_name(table)
                    .set_item(Some(put.clone()))
                    .set_condition_expression(said.condition)
                    .set_expression_attribute_names(said.names)
                    .set_expression_attribute_values(said.values)
                    .return_values_on_condition_check_failure(old)
                    .build()?,
            ),
            Action::Update(_) => item.update(
                Update::builder()
                    .table_name(table)
                    .set_key(Some(self.key.item()))
                    .set_update_expression(said.update)
                    .set_condition_expression(said.condition)
                    .set_expression_attribute_names(said.names)
                    .set_expression_attribute_values(said.values)
                    .return_values_on_condition_check_failure(old)
                    .build()?,
            ),
            Action::Delete => item.delete(
                Delete::builder()
                    .table_name(table)
                    .set_key(Some(self.key.item()))
                    .set_condition_expression(said.condition)
                    .set_expression_attribute_names(said.names)
                    .set_expression_attribute_values(said.values)
                    .return_values_on_condition_check_failure(old)
                    .build()?,
            ),
        }
        .build())
    }
}

pub(crate) type BuildError = aws_sdk_dynamodb::error::BuildError;

fn update_expression(changes: &Changes, values: &mut HashMap<String, AttributeValue>) -> String {
    let mut clauses = Vec::new();
    let set = changes.set.iter().map(|(name, value)| {
        values.insert(format!(":new_{name}"), value.clone());
        format!("#{name} = :new_{name}")
    });
    let set: Vec<_> = set.collect();
    let add = changes.add.iter().map(|(name, more)| {
        values.insert(format!(":more_{name}"), number(*more));
        format!("#{name} :more_{name}")
    });
    let add: Vec<_> = add.collect();
    let remove: Vec<_> = changes
        .remove
        .iter()
        .map(|name| format!("#{name}"))
        .collect();
    for (verb, parts) in [("SET", set), ("REMOVE", remove), ("ADD", add)] {
        if !parts.is_empty() {
            clauses.push(format!("{verb} {}", parts.join(", ")));
        }
    }
    clauses.join(" ")
}

/// Every `#name` of an expression, so that no name of ours is ever one of the reserved words.
pub(crate) fn names_in(expression: &str) -> HashMap<String, String> {
    let named = expression.split('#').skip(1).map(|rest| {
        let name = rest
            .split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
            .next();
        name.unwrap_or_default().to_owned()
    });
    let named: HashSet<String> = named.collect();
    named
        .into_iter()
        .map(|name| (format!("#{name}"), name))
        .collect()
}
