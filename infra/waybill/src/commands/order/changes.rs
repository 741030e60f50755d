//! What an edit changed, old beside new. It shows personal data, and only on the terminal of the
//! person who asks: documents name the fields alone.

use crate::commands::address::FIELDS;
use domain::order::news::{Payload, Property};
use domain::personal::Personal;
use serde::{Serialize, Serializer};

#[derive(Debug)]
pub(super) struct Changed {
    pub(super) what: String,
    pub(super) old: Personal<String>,
    pub(super) new: Personal<String>,
}

/// The name of what changed, without what it was and is.
impl Serialize for Changed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.what)
    }
}

pub(super) fn changes(old: &Payload, new: &Payload) -> Vec<Changed> {
    let mut changed = Vec::new();
    let mut add = |what: String, old: &str, new: &str| {
        if old != new {
            changed.push(Changed {
                what,
                old: Personal::new(old.to_owned()),
                new: Personal::new(new.to_owned()),
            });
        }
    };
    for field in FIELDS {
        let (old, new) = (old.ship_to.reveal(), new.ship_to.reveal());
        add(field.name.to_owned(), (field.of)(old), (field.of)(new));
    }
    add(
        "shipping method".to_owned(),
        &old.shipping_method,
        &new.shipping_method,
    );
    add("note".to_owned(), old.note.reveal(), new.note.reveal());
    let attributes = |payload: &Payload| described(&payload.attributes);
    add("attributes".to_owned(), &attributes(old), &attributes(new));
    let units = |payload: &Payload, of: &domain::order::news::PayloadLine| {
        let same = payload.lines.iter().find(|line| line.id == of.id);
        same.map_or_else(
            || "not there".to_owned(),
            |line| {
                let properties = described(&line.properties);
                let with = if properties.is_empty() { "" } else { ", " };
                format!("{} x {}{with}{properties}", line.quantity, line.sku)
            },
        )
    };
    let added = new
        .lines
        .iter()
        .filter(|line| old.lines.iter().all(|known| known.id != line.id));
    for line in old.lines.iter().chain(added) {
        let what = format!("line {}", line.id);
        add(what, &units(old, line), &units(new, line));
    }
    changed
}

fn described(properties: &[Property]) -> String {
    let texts: Vec<_> = properties
        .iter()
        .map(|property| format!("{}: {}", property.name, property.value.reveal()))
        .collect();
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::address::Address;
    use domain::ids::LineId;
    use domain::order::news::PayloadLine;

    fn line(id: &str, quantity: u32) -> PayloadLine {
        PayloadLine {
            id: LineId::parse(id).unwrap(),
            sku: "MUG".to_owned(),
            title: "A mug".to_owned(),
            quantity,
            properties: Vec::new(),
        }
    }

    #[test]
    fn every_change_is_named_and_only_the_person_sees_what_it_was() {
        let old = Payload {
            ship_to: Personal::new(Address {
                city: "Louisville".to_owned(),
                ..Address::default()
            }),
            email: Personal::default(),
            order_name: "#1001".to_owned(),
            placed_at: jiff::Timestamp::UNIX_EPOCH,
            shipping_method: "Standard".to_owned(),
            lines: vec![line("1", 2), line("2", 1)],
            note: Personal::default(),
            attributes: Vec::new(),
        };
        let new = Payload {
            ship_to: Personal::new(Address {
                city: "Lexington".to_owned(),
                ..Address::default()
            }),
            shipping_method: "Express".to_owned(),
            lines: vec![
                PayloadLine {
                    properties: vec![Property {
                        name: "Engraving".to_owned(),
                        value: Personal::new("For Ada".to_owned()),
                    }],
                    ..line("1", 3)
                },
                line("3", 1),
            ],
            note: Personal::new("Ring twice".to_owned()),
            ..old.clone()
        };
        let changed = changes(&old, &new);
        let shown: Vec<_> = changed
            .iter()
            .map(|one| format!("{}: {} -> {}", one.what, one.old.reveal(), one.new.reveal()))
            .collect();
        assert_eq!(
            shown,
            [
                "city: Louisville -> Lexington",
                "shipping method: Standard -> Express",
                "note:  -> Ring twice",
                "line 1: 2 x MUG -> 3 x MUG, Engraving: For Ada",
                "line 2: 1 x MUG -> not there",
                "line 3: not there -> 1 x MUG",
            ]
        );
        let document = serde_json::to_string(&changed).unwrap();
        assert_eq!(
            document,
            r#"["city","shipping method","note","line 1","line 2","line 3"]"#
        );
        assert!(changes(&old, &old).is_empty());
    }
}
