//! The texts of a mail: the merchant's templates or our own.

use super::header::{header_text, one_line};
use crate::templates::Templates;
use domain::fidelity::is_blank;
use domain::order::news::Property;
use ports::{Handover, PrepareError};
use registry::SettingsError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const SUBJECT: &str = "mail.subject";
const TEXT: &str = "mail.txt";
const HTML: &str = "mail.html";
const SLIP: &str = "packing-slip.html";

/// The merchant's own, each in the place of the default.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LetterSettings {
    pub(super) subject: Option<String>,
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
}

pub(super) struct Defaults {
    subject: &'static str,
    text: &'static str,
    html: &'static str,
}

pub(super) const ORDER: Defaults = Defaults {
    subject: include_str!("../templates/mail-subject.txt"),
    text: include_str!("../templates/mail-text.txt"),
    html: include_str!("../templates/mail-html.html"),
};

pub(super) const CANCEL: Defaults = Defaults {
    subject: include_str!("../templates/cancel-subject.txt"),
    text: include_str!("../templates/cancel-text.txt"),
    html: include_str!("../templates/cancel-html.html"),
};

pub(super) struct Letter {
    templates: Templates,
    /// Whether one is attached, which the texts may speak of.
    packing_slip: bool,
}

pub(super) struct Texts {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

impl Letter {
    /// Each template is tried with `sample`, where one is given, so that a field that does not exist is
    /// named with its place in the settings.
    pub(super) fn open(
        own: LetterSettings,
        defaults: &Defaults,
        prefix: &str,
        sample: Option<&Handover>,
        packing_slip: bool,
    ) -> Result<Self, SettingsError> {
        let mut letter = Self {
            templates: Templates::new(),
            packing_slip,
        };
        for (path, name, own, default) in [
            ("subject", SUBJECT, own.subject, defaults.subject),
            ("text", TEXT, own.text, defaults.text),
            ("html", HTML, own.html, defaults.html),
        ] {
            let path = format!("{prefix}{path}");
            let source = own.unwrap_or_else(|| default.to_owned());
            letter.templates.add(&path, name, source)?;
            if let Some(sample) = sample {
                let seen = letter.seen(sample);
                let seen = seen.map_err(|error| SettingsError::new(&path, error.to_string()))?;
                letter.templates.tried(&path, name, &seen)?;
            }
        }
        Ok(letter)
    }

    pub(super) fn texts(&self, handover: &Handover) -> Result<Texts, PrepareError> {
        let subject = header_text(&self.render(SUBJECT, handover)?);
        let number = handover.number.as_str();
        Ok(Texts {
            // The answer is found by the number, whatever the merchant's template says.
            subject: if subject.contains(number) {
                subject
            } else {
                format!("{subject} ({number})").trim_start().to_owned()
            },
            text: self.render(TEXT, handover)?,
            html: self.render(HTML, handover)?,
        })
    }

    fn render(&self, name: &str, handover: &Handover) -> Result<String, PrepareError> {
        self.templates.render(name, &self.seen(handover)?)
    }

    fn seen(&self, handover: &Handover) -> Result<Value, PrepareError> {
        let mut seen = in_lines(handover)?;
        seen["packing_slip"] = self.packing_slip.into();
        Ok(seen)
    }
}

/// The page that goes into the parcel.
pub(super) struct PackingSlip(Templates);

/// Nothing of the supplier's: the customer bought from the merchant.
#[derive(Serialize)]
struct Slip<'a> {
    number: &'a str,
    order_name: &'a str,
    shipping_method: &'a str,
    merchant: Seller<'a>,
    ship_to: &'a domain::address::Address,
    attributes: &'a [Property],
    lines: Vec<SlipLine<'a>>,
}

#[derive(Serialize)]
struct Seller<'a> {
    name: &'a str,
    returns_address: &'a str,
    phone: &'a str,
    website: &'a str,
}

#[derive(Serialize)]
struct SlipLine<'a> {
    sku: &'a str,
    title: &'a str,
    quantity: u32,
    properties: &'a [Property],
}

impl PackingSlip {
    pub(super) fn open(
        own: Option<String>,
        path: &str,
        sample: Option<&Handover>,
    ) -> Result<Self, SettingsError> {
        let mut slip = Self(Templates::new());
        let default = include_str!("../templates/packing-slip.html");
        slip.0
            .add(path, SLIP, own.unwrap_or_else(|| default.to_owned()))?;
        if let Some(sample) = sample {
            let seen = Self::seen(sample);
            let seen = seen.map_err(|error| SettingsError::new(path, error.to_string()))?;
            slip.0.tried(path, SLIP, &seen)?;
        }
        Ok(slip)
    }

    pub(super) fn render(&self, handover: &Handover) -> Result<String, PrepareError> {
        self.0.render(SLIP, &Self::seen(handover)?)
    }

    fn seen(handover: &Handover) -> Result<Value, PrepareError> {
        let merchant = &handover.merchant;
        let slip = Slip {
            number: handover.number.as_str(),
            order_name: &handover.order_name,
            shipping_method: &handover.shipping_method,
            merchant: Seller {
                name: &merchant.name,
                returns_address: &merchant.returns_address,
                phone: &merchant.phone,
                website: &merchant.website,
            },
            ship_to: handover.ship_to.reveal(),
            attributes: &handover.attributes,
            lines: handover
                .lines
                .iter()
                .map(|line| SlipLine {
                    sku: &line.sku,
                    title: &line.title,
                    quantity: line.quantity,
                    properties: &line.properties,
                })
                .collect(),
        };
        in_lines(&slip)
    }
}

/// What templates see, each value in one line: a customer's address could else add lines of its own
/// to the purchase order. The address for returns has the lines that the merchant gave it.
fn in_lines<T: Serialize>(seen: &T) -> Result<Value, PrepareError> {
    let mut seen = serde_json::to_value(seen).map_err(|error| PrepareError(error.to_string()))?;
    let returns_address = seen.pointer("/merchant/returns_address").cloned();
    flatten(&mut seen);
    if let Some(slot) = seen.pointer_mut("/merchant/returns_address")
        && let Some(lines) = returns_address
    {
        *slot = lines;
    }
    Ok(seen)
}

fn flatten(value: &mut Value) {
    match value {
        Value::String(text) => {
            *text = one_line(text);
            // A template that asks whether there is a value means one that can be seen.
            if is_blank(text) {
                text.clear();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(flatten),
        Value::Object(members) => members.values_mut().for_each(flatten),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
