//! Whether the configuration would be taken, and whether every supplier could be told an order.

use crate::machine::ways::{Ways, named};
use crate::{Exit, say};
use async_trait::async_trait;
use domain::address::Address;
use domain::ids::ChannelCode;
use domain::order::answer::Progress;
use domain::personal::Personal;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::settings::{Settings, SupplierSettings};
use domain::timeline::counted;
use embedded::{Embedded, EnvironmentSecrets};
use ports::supplier::HandoverLine;
use ports::{Handover, Secrets, Supplier, Unavailable};
use secrecy::SecretString;
use std::path::Path;

/// Any secret will do to see whether the settings are right.
struct AnySecret;

#[async_trait]
impl Secrets for AnySecret {
    async fn get(&self, _: &str) -> Result<Option<SecretString>, Unavailable> {
        Ok(Some("any".to_owned().into()))
    }
}

pub(crate) async fn check(config: &Path) -> anyhow::Result<Exit> {
    let loaded = match configuration::load_dir(config) {
        Ok(loaded) => loaded,
        Err(problems) => {
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            return Ok(refused(&problems));
        }
    };
    let settings = &loaded.settings;
    let folder = tempfile::tempdir()?;
    let store = Embedded::in_memory(folder.path())?;
    let mut problems = Vec::new();
    let ways = Ways::open(settings, &store, &AnySecret, &mut problems).await?;
    for (id, supplier) in ways.suppliers.iter() {
        if let Some(known) = settings.suppliers.get(id)
            && let Err(why) = try_out(supplier.as_ref(), settings, known)
        {
            problems.push(format!(
                "suppliers.toml: supplier {id}: a sample order cannot be told: {why}"
            ));
        }
    }
    for name in named(settings) {
        if EnvironmentSecrets.get(&name).await?.is_none() {
            say(format_args!(
                "note: the secret {name} is not set in this environment; serve needs it"
            ));
        }
    }
    if !problems.is_empty() {
        return Ok(refused(&problems));
    }
    say(format_args!(
        "right: {}, {}, {}; configuration {}",
        counted(settings.channels.len(), "channel"),
        counted(settings.suppliers.len(), "supplier"),
        counted(loaded.catalogue.len(), "offer"),
        settings.digest.short()
    ));
    Ok(Exit::Done)
}

fn refused(problems: &[String]) -> Exit {
    for problem in problems {
        say(format_args!("{problem}"));
    }
    say(format_args!("{}", counted(problems.len(), "problem")));
    Exit::No
}

/// Renders an order that has every field and reads it again, as forwarding does before a send.
fn try_out(
    supplier: &dyn Supplier,
    settings: &Settings,
    known: &SupplierSettings,
) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let code = ChannelCode::parse("TRY").map_err(|error| text(&error))?;
    let ship_to = Address {
        name: "Ada \"the\" Example".to_owned(),
        company: "Example & Daughters".to_owned(),
        address1: "12 Sample Street".to_owned(),
        address2: "Unit 3".to_owned(),
        city: "Louisville".to_owned(),
        province: "Kentucky".to_owned(),
        province_code: "KY".to_owned(),
        zip: "40202".to_owned(),
        country: "United States".to_owned(),
        country_code: "US".to_owned(),
        phone: "+1 502 555 0100".to_owned(),
    };
    let line = |number: u32| HandoverLine {
        sku: format!("SKU-{number}"),
        supplier_sku: format!("THEIRS-{number}"),
        title: format!("Article \"{number}\" of a sample order"),
        quantity: 10 + number,
        cost: Some("4.00".to_owned()),
        currency: Some("USD".to_owned()),
    };
    let handover = Handover {
        number: PurchaseOrderNumber::new(&code, "1001", 1),
        cancel: None,
        order_name: "#1001".to_owned(),
        merchant: settings.merchant.clone(),
        supplier: known.name.clone(),
        planned_at: jiff::Timestamp::UNIX_EPOCH,
        placed_at: jiff::Timestamp::UNIX_EPOCH,
        shipping_method: "Standard".to_owned(),
        service: None,
        ship_to: Personal::new(ship_to.clone()),
        lines: vec![line(1), line(2)],
    };
    let artifact = supplier
        .prepare(&handover, &Progress::default())
        .map_err(|error| text(&error))?;
    let decoded = supplier.decode(&artifact).map_err(|error| text(&error))?;
    let lines: Vec<(&str, u32)> = handover
        .lines
        .iter()
        .map(|line| (line.supplier_sku.as_str(), line.quantity))
        .collect();
    let missing = decoded.missing(&ship_to, &lines, &artifact.omits);
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("it lacks {}", missing.join(", ")))
    }
}
