//! A marked test order to a supplier's sandbox, before a real one goes out.

use super::Instead;
use super::decide::no_such_supplier;
use crate::machine::connectors::{Account, opening, secrets_of, trial_means};
use crate::{Exit, say, say_lines};
use anyhow::{Context as _, bail};
use configuration::Configuration;
use domain::address::Address;
use domain::ids::{ChannelCode, SupplierId};
use domain::personal::Personal;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::settings::SupplierSettings;
use domain::settings::terms::Services;
use embedded::{Embedded, EnvironmentSecrets, SystemClock};
use jiff::Timestamp;
use ports::supplier::HandoverLine;
use ports::{Clock as _, Handover};
use registry::{Registry, SettingsError};
use std::path::Path;

/// Different articles in a test order.
const LINES: usize = 2;
const METHOD: &str = "Standard";

pub(crate) async fn test(config: &Path, registry: Registry, name: &str) -> anyhow::Result<Exit> {
    let loaded = match configuration::load_dir(config) {
        Ok(loaded) => loaded,
        Err(problems) => {
            let problems: Vec<_> = problems.iter().map(|one| format!("\n  {one}")).collect();
            bail!("the configuration is not right:{}", problems.concat());
        }
    };
    let suppliers = &loaded.settings.suppliers;
    let known = SupplierId::parse(name).ok();
    let Some(known) = known.and_then(|id| suppliers.get(&id)) else {
        return Err(no_such_supplier(name, suppliers.keys(), config).into());
    };
    let folder = tempfile::tempdir()?;
    let means = trial_means(&Embedded::in_memory(folder.path())?);
    let Some(entry) = registry.supplier(&known.method) else {
        bail!("method {:?} is unknown", known.method);
    };
    let secrets = secrets_of(entry, Account::from(known), &EnvironmentSecrets).await?;
    let sender = &loaded.settings.merchant.mail;
    let account = Account::from(known);
    let opening = opening(entry, account, sender, &means, secrets.found, false)?;
    let rehearsal = match entry.rehearse {
        Some(rehearse) => rehearse(opening),
        None => Err(SettingsError::new(
            "method",
            format!("a supplier of the method {:?} has no sandbox", known.method),
        )),
    };
    let rehearsal =
        rehearsal.map_err(|error| Instead::refused(&format!("supplier {name}: {error}")))?;
    let handover = test_order(&loaded, known, SystemClock.now())?;
    say(format_args!(
        "test order {} to the sandbox of {}",
        handover.number, known.name
    ));
    let reports = rehearsal
        .perform(&handover)
        .await
        .context("the test order cannot be told")?;
    for report in &reports {
        say_lines(format_args!("{report}"));
    }
    let reached = reports.iter().all(|report| report.status.is_some());
    Ok(if reports.iter().all(|report| report.went_well) {
        say(format_args!("a real order would go this way"));
        Exit::Done
    } else if reached {
        say(format_args!("a real order would not get through like this"));
        Exit::No
    } else {
        say(format_args!("the sandbox did not answer"));
        Exit::Failed
    })
}

/// One of each of the supplier's first articles, under a number that no run had before.
fn test_order(
    loaded: &Configuration,
    known: &SupplierSettings,
    now: Timestamp,
) -> anyhow::Result<Handover> {
    let mut lines: Vec<HandoverLine> = Vec::new();
    let offers = loaded.catalogue.iter().map(|row| &row.offer);
    for offer in offers.filter(|offer| offer.supplier == known.id && !offer.not_dropshipped) {
        let is_new = lines
            .iter()
            .all(|line| line.supplier_sku != offer.supplier_sku.as_str());
        if is_new && lines.len() < LINES {
            lines.push(HandoverLine {
                sku: offer.sku.to_string(),
                supplier_sku: offer.supplier_sku.to_string(),
                title: format!("Test of {}", offer.sku),
                quantity: 1,
                cost: offer.cost.map(domain::money::Money::decimal),
                currency: offer.cost.map(|cost| cost.currency.to_string()),
                properties: Vec::new(),
            });
        }
    }
    if lines.is_empty() {
        let why = format!(
            "offers.csv has no offer of {}, so there is nothing to order",
            known.id
        );
        return Err(Instead::refused(&why).into());
    }
    let code = ChannelCode::parse("TEST")?;
    let number = PurchaseOrderNumber::new(&code, &now.as_second().to_string(), 1);
    // The first service there is, where none is for every method.
    let service = |services: &Services| {
        let first = services.by_method.values().next().map(String::as_str);
        services.service("", METHOD).or(first).map(str::to_owned)
    };
    Ok(Handover {
        order_name: format!("#{number}"),
        number,
        cancel: None,
        merchant: loaded.settings.merchant.clone(),
        supplier: known.name.clone(),
        planned_at: now,
        placed_at: now,
        shipping_method: METHOD.to_owned(),
        service: known.terms.services.as_ref().and_then(service),
        ship_to: Personal::new(Address {
            name: "Ada Example".to_owned(),
            company: "Test Order Do Not Ship".to_owned(),
            address1: "12 Sample Street".to_owned(),
            address2: "Unit 3".to_owned(),
            city: "Louisville".to_owned(),
            province: "Kentucky".to_owned(),
            province_code: "KY".to_owned(),
            zip: "40202".to_owned(),
            country: "United States".to_owned(),
            country_code: "US".to_owned(),
            phone: "+1 502 555 0100".to_owned(),
        }),
        lines,
        note: Personal::default(),
        attributes: Vec::new(),
    })
}
