//! When an order is let go: `[release]`, `[payment]` and `[extras]` of `rules.toml`. A channel may
//! have release and payment rules of its own, which begin with those of all channels.

use crate::problem::Wrong;
use crate::rules::{Known, known_channel};
use crate::table::{self, Table};
use domain::settings::{ByChannel, Extra, Extras, PaymentRules, Release, Unpaid};
use jiff::SignedDuration;
use toml::de::DeValue;

const SPAN: &str = "minutes, hours or days, such as \"10m\", \"24h\" or \"14d\"";

pub(crate) fn release(table: Table<'_>, known: &Known<'_>) -> ByChannel<Release> {
    by_channel(table, known, Release::default(), |table, rules| {
        if let Some(delay) = table.optional("delay", SPAN, |value| span(value, true)) {
            rules.delay = delay;
        }
        if let Some(after) = table.optional("hold_case_after", SPAN, |value| span(value, false)) {
            rules.hold_case_after = after;
        }
    })
}

pub(crate) fn payment(table: Table<'_>, known: &Known<'_>) -> ByChannel<PaymentRules> {
    by_channel(table, known, PaymentRules::default(), |table, rules| {
        let expected = "a list of payment methods as the channel names them";
        if let Some(names) = table.optional("send_unpaid_gateways", expected, table::texts) {
            rules.send_unpaid_gateways = names.iter().map(|name| name.to_lowercase()).collect();
        }
        let expected = "\"wait\", \"send\" or \"hold\"";
        if let Some(given) = table.optional("partially_paid", expected, unpaid) {
            rules.partially_paid = given;
        }
        if let Some(given) = table.optional("net_terms", expected, unpaid) {
            rules.net_terms = given;
        }
        if let Some(after) = table.optional("give_up_after", SPAN, |value| span(value, false)) {
            rules.give_up_after = after;
        }
    })
}

pub(crate) fn extras(mut table: Table<'_>) -> Extras {
    let mut read = |key| {
        table
            .optional(key, "\"pass\" or \"hold\"", extra)
            .unwrap_or_default()
    };
    let extras = Extras {
        note: read("note"),
        gift: read("gift"),
        properties: read("properties"),
    };
    table.finish();
    extras
}

fn by_channel<T: Clone>(
    mut table: Table<'_>,
    known: &Known<'_>,
    default: T,
    read: impl Fn(&mut Table<'_>, &mut T),
) -> ByChannel<T> {
    let mut all = default;
    read(&mut table, &mut all);
    let mut rules = ByChannel {
        all,
        own: std::collections::BTreeMap::new(),
    };
    if let Some(mut channels) = table.table("channel") {
        for name in channels.keys() {
            let id = known_channel(&name, known)
                .map_err(|message| channels.problem(&name, message, "an id of channels.toml"))
                .ok();
            let mut own = rules.all.clone();
            if let Some(mut table) = channels.table(&name) {
                read(&mut table, &mut own);
                table.finish();
            }
            if let Some(id) = id {
                rules.own.insert(id, own);
            }
        }
        channels.finish();
    }
    table.finish();
    rules
}

/// `none`: it may be no time at all.
fn span(value: &DeValue<'_>, none: bool) -> Result<SignedDuration, String> {
    let text = table::text(value)?;
    let minutes = [("m", 1), ("h", 60), ("d", 24 * 60)]
        .into_iter()
        .find_map(|(unit, minutes)| {
            let number = text.strip_suffix(unit)?.parse::<u16>().ok()?;
            Some(i64::from(number) * minutes)
        });
    match minutes {
        Some(minutes) if minutes > 0 || none => Ok(SignedDuration::from_mins(minutes)),
        Some(_) | None => Err(format!("{text:?} is not so long a time")),
    }
}

fn unpaid(value: &DeValue<'_>) -> Result<Unpaid, Wrong> {
    match table::text(value)?.as_str() {
        "wait" => Ok(Unpaid::Wait),
        "send" => Ok(Unpaid::Send),
        "hold" => Ok(Unpaid::Hold),
        other => Err(Wrong::none_of(
            other,
            format!("{other:?} is none of them"),
            ["wait", "send", "hold"],
        )),
    }
}

fn extra(value: &DeValue<'_>) -> Result<Extra, Wrong> {
    match table::text(value)?.as_str() {
        "pass" => Ok(Extra::Pass),
        "hold" => Ok(Extra::Hold),
        other => Err(Wrong::none_of(
            other,
            format!("{other:?} is neither"),
            ["pass", "hold"],
        )),
    }
}
