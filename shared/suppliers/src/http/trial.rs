//! Every request tried with an example order, before there is a real one.

use super::sequence::{Kind, OpenStep, Sequence};
use super::{checks, sequence};
use crate::{Opening, SettingsError, Tried, sample};
use ports::Handover;
use serde_json::{Map, Value, json};

pub(crate) fn tried(opening: Opening) -> Tried {
    let opened = checks::checked(&opening.settings.specific)
        .and_then(|settings| super::sequence(opening, &settings, false));
    let mut tried = Tried::default();
    if let Ok(sequence) = opened {
        try_steps(&sequence, &sample::handover(), &mut tried);
        if let Some(cancels) = &sequence.cancels {
            try_steps(cancels, &sample::cancel(), &mut tried);
        }
    }
    tried
}

fn try_steps(sequence: &Sequence, handover: &Handover, tried: &mut Tried) {
    let templates = &sequence.connection.templates;
    let test = sequence.connection.test;
    let mut extracted = Map::new();
    for step in &sequence.steps {
        let seen = sequence::Seen {
            handover,
            extracted: Value::Object(extracted.clone()),
            test,
        };
        let errors = step.request.tried(templates, &seen);
        if errors.is_empty() {
            tried.errors.extend(unfaithful(sequence, step, &seen));
        }
        tried.errors.extend(errors);
        if let Some(lookup) = &step.lookup {
            let seen = json!({
                "number": handover.number,
                "extracted": extracted,
                "cancel": handover.cancel.as_ref().map(|cancel| json!({ "id": cancel.id })),
                "test": test,
            });
            tried.errors.extend(lookup.request.tried(templates, &seen));
        } else if sequence.kind == Kind::Order {
            let table = if step.path == "create" {
                "[supplier.http.lookup]"
            } else {
                "[supplier.http.step.lookup]"
            };
            let message = "nothing tells whether a request without an answer arrived: each is a \
                           case, and a person has to ask the supplier";
            let expected = format!("{table}, where the supplier can be asked for an order");
            let warning = SettingsError::new(&step.path, message);
            tried.warnings.push(warning.expecting(expected));
        }
        let names = step.settings.extract.keys();
        extracted.extend(names.map(|name| (name.clone(), json!("X-1"))));
    }
}

/// What the step should say of the example and does not.
fn unfaithful(
    sequence: &Sequence,
    step: &OpenStep,
    seen: &sequence::Seen<'_>,
) -> Option<SettingsError> {
    if !step.carries_order {
        return None;
    }
    let path = format!("{}.body", step.path);
    let handover = seen.handover;
    let rendered = step.request.render(&sequence.connection.templates, seen);
    let decoded = rendered.and_then(|rendered| match rendered.format {
        Some(format) => format.decode(&rendered.body),
        None => Ok(ports::Decoded::default()),
    });
    let lines: Vec<(&str, u32)> = handover
        .lines
        .iter()
        .map(|line| (line.supplier_sku.as_str(), line.quantity))
        .collect();
    match decoded {
        Err(error) => Some(SettingsError::new(path, error.to_string())),
        Ok(decoded) => {
            let lacks = decoded.missing(handover.ship_to.reveal(), &lines, &step.settings.omits);
            (!lacks.is_empty()).then(|| SettingsError::losing(path, &lacks))
        }
    }
}
