//! Every request tried with an example order, before there is a real one.

use super::sequence::{Kind, OpenStep, Sequence};
use super::settings::Step;
use super::{checks, sequence};
use crate::sample;
use ports::Handover;
use registry::{Opening, SettingsError, Tried};
use serde_json::{Map, Value, json};

pub(crate) fn tried(opening: Opening) -> Tried {
    let opened = checks::checked(opening.settings)
        .and_then(|settings| super::sequence(opening, &settings, false));
    let mut tried = Tried::default();
    if let Ok(sequence) = opened {
        let connection = &sequence.connection;
        for (path, expression) in [
            ("reason", &connection.reason),
            ("unauthorized", &connection.unauthorized),
            ("retry_after", &connection.retry_after),
        ] {
            if expression.as_deref().is_some_and(asks_whether_defined) {
                tried.warnings.push(true_of_null(path));
            }
        }
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
        tried.warnings.extend(proves_nothing(sequence.kind, step));
        tried.warnings.extend(nulls_taken_for_values(step));
        let names = step.settings.extract.keys();
        extracted.extend(names.map(|name| (name.clone(), json!("X-1"))));
    }
}

/// A warning where any page with the right status would count as taken.
fn proves_nothing(kind: Kind, step: &OpenStep) -> Option<SettingsError> {
    if kind == Kind::Cancel || step.reads.taken {
        return None;
    }
    let path = format!("{}.success", step.path);
    let message = "neither it nor `reference` looks into the answer: an error page with HTTP 200 \
                   counts as an accepted order";
    let expected = "reference = \"body.id\", or success = \"status == 201 and body.id is given\"";
    Some(SettingsError::new(path, message).expecting(expected))
}

fn true_of_null(path: &str) -> SettingsError {
    let message = "`is defined` is true of null and of an empty text";
    SettingsError::new(path, message).expecting("`is given`, which is not")
}

/// Warnings for `is defined` in what judges the answers.
fn nulls_taken_for_values(step: &OpenStep) -> Vec<SettingsError> {
    let own = step.settings.expressions().into_iter();
    let own = own.map(|(name, expression)| (format!("{}.{name}", step.path), expression));
    let lookup = step.lookup.iter().flat_map(|lookup| {
        let path = Step::lookup_path(&step.path);
        let expressions = lookup.settings.expressions().into_iter();
        expressions.map(move |(name, expression)| (format!("{path}.{name}"), expression))
    });
    own.chain(lookup)
        .filter(|(_, expression)| asks_whether_defined(expression))
        .map(|(path, _)| true_of_null(&path))
        .collect()
}

/// `is defined` or `is not defined`, outside of texts.
fn asks_whether_defined(expression: &str) -> bool {
    let mut outside = String::new();
    let mut within: Option<char> = None;
    for character in expression.chars() {
        match within {
            Some(quote) if character == quote => within = None,
            Some(_) => {}
            None if matches!(character, '"' | '\'') => {
                within = Some(character);
                outside.push(' ');
            }
            None if character.is_alphanumeric() || "_.".contains(character) => {
                outside.push(character);
            }
            None => outside.push(' '),
        }
    }
    let words: Vec<&str> = outside.split_whitespace().collect();
    let asks =
        |words: &[&str]| matches!(words, ["is", "defined", ..] | ["is", "not", "defined", ..]);
    (0..words.len()).any(|at| asks(&words[at..]))
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
    match decoded {
        Err(error) => Some(SettingsError::new(path, error.to_string())),
        Ok(decoded) => {
            let lacks = decoded.lacks_essentials(handover, &step.settings.omits);
            (!lacks.is_empty()).then(|| SettingsError::losing(path, &lacks))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_test_is_found() {
        for (expression, expected) in [
            ("body.id is defined", true),
            ("status == 201 and body.id is  not\tdefined", true),
            ("(body.a is defined)", true),
            ("body.id is given", false),
            ("body.id is not given", false),
            ("body.error == 'it is defined'", false),
            ("body.defined is given", false),
            ("body.is.defined", false),
        ] {
            assert_eq!(asks_whether_defined(expression), expected, "{expression}");
        }
    }
}
