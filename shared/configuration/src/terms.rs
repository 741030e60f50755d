//! What `suppliers.toml` says of a supplier beside how it is told: where it ships, what it charges,
//! when it works.

use crate::table::Table;
use crate::values::{AMOUNT, REGIONS};
use crate::{table, values};
use domain::calendar::Calendar;
use domain::money::Money;
use domain::settings::terms::{Services, ShippingCost, Terms};
use std::collections::BTreeMap;
use toml::de::DeValue;

pub(crate) fn read(table: &mut Table<'_>) -> Terms {
    Terms {
        countries: regions(table, "countries"),
        exclude: regions(table, "exclude"),
        prefer: regions(table, "prefer"),
        fee: table.optional("fee", AMOUNT, values::amount),
        shipping_cost: shipping_cost(table),
        minimum_order: table.optional("minimum_order", AMOUNT, values::amount),
        spend_limit_per_day: spend_limit(table),
        paused: table
            .optional("paused", "true or false", table::flag)
            .unwrap_or(false),
        services: table.table("shipping").map(services),
        calendar: table.table("calendar").and_then(calendar),
    }
}

fn spend_limit(table: &mut Table<'_>) -> Option<Money> {
    let expected = "an amount above 0 with its currency, such as \"500 EUR\"; no key for no limit, \
                    paused = true to order nothing";
    table.optional("spend_limit_per_day", expected, |value| {
        let limit = values::amount(value)?;
        if limit.minor == 0 {
            return Err(format!("{limit} would let nothing through"));
        }
        Ok(limit)
    })
}

fn regions(table: &mut Table<'_>, key: &str) -> Vec<domain::region::Region> {
    table
        .optional(key, REGIONS, values::regions)
        .unwrap_or_default()
}

fn shipping_cost(table: &mut Table<'_>) -> Vec<ShippingCost> {
    let mut rows: Vec<ShippingCost> = Vec::new();
    for mut row in table.tables("shipping_cost") {
        let countries = regions(&mut row, "countries");
        let up_to = row.optional("up_to", "the most units, a whole number from 1", units);
        let amount = row.required("amount", AMOUNT, values::amount);
        // A row after one that fits everything it fits is never reached.
        let covered = rows.iter().any(|before| {
            (before.countries.is_empty() || before.countries == countries)
                && before
                    .up_to
                    .is_none_or(|most| up_to.is_some_and(|own| own <= most))
        });
        if covered {
            row.problem(
                "amount",
                "a row before it fits everything that it fits",
                "the narrower row first",
            );
        }
        row.finish();
        if let Some(amount) = amount {
            rows.push(ShippingCost {
                countries,
                up_to,
                amount,
            });
        }
    }
    rows
}

fn units(value: &DeValue<'_>) -> Result<u32, String> {
    match table::number(value)? {
        0 => Err("0 units need no shipping".to_owned()),
        number => Ok(number),
    }
}

fn services(mut table: Table<'_>) -> Services {
    let default = table.optional("default", "a service of the supplier", table::text);
    let expected = "a service of the supplier for that shipping method";
    let named = table.each(expected, |method, value| {
        Ok((method.trim().to_lowercase(), table::text(value)?))
    });
    let mut by_method = BTreeMap::new();
    for (method, service) in named {
        if by_method.insert(method.clone(), service).is_some() {
            table.problem(
                &method,
                "another key is the same but for its case",
                "one key for each shipping method",
            );
        }
    }
    if by_method.is_empty() && default.is_none() {
        table.problem(
            "default",
            "no method is mapped, so that every order would be held",
            "\"Standard\" = \"the supplier's service\", or no table [supplier.shipping]",
        );
    }
    table.finish();
    Services { by_method, default }
}

fn calendar(mut table: Table<'_>) -> Option<Calendar> {
    let zone = table.required(
        "zone",
        "a zone of the IANA database, such as \"Europe/Berlin\"",
        values::zone,
    );
    let days = table.optional(
        "days",
        "weekdays, such as [\"mon-thu\", \"sat\"]",
        values::days,
    );
    let hours = table.optional(
        "hours",
        "hours of a day in order, such as [\"08:00-12:00\", \"13:00-17:00\"]",
        values::hours,
    );
    let holidays = table.optional(
        "holidays",
        "days, such as [\"2026-12-25\", \"2026-12-28..2026-12-31\"]",
        values::holidays,
    );
    let cut_offs = table.optional(
        "cut_offs",
        "times of a day, such as [\"11:00\", \"16:00\"]",
        values::cut_offs,
    );
    table.finish();
    let whole_weekdays = Calendar::weekdays(zone?);
    Some(Calendar {
        days: days.unwrap_or(whole_weekdays.days),
        hours: hours.unwrap_or(whole_weekdays.hours),
        holidays: holidays.unwrap_or_default(),
        cut_offs: cut_offs.unwrap_or_default(),
        zone: whole_weekdays.zone,
    })
}
