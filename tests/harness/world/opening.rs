//! The merchant's files, and everything that they say opened over the ports with their faults.

use super::SECRET;
use crate::faults::{Faulty, FaultyHttp, Mutant};
use crate::mail::FaultyMailer;
use crate::mutated::{FirstArtifacts, mutated};
use async_trait::async_trait;
use configuration::Configuration;
use domain::ids::SupplierId;
use domain::settings::{Settings, SupplierSettings};
use doubles::exchange::InProcess;
use doubles::printful::Printful;
use doubles::supplier::SupplierDouble;
use embedded::OutboxMailer;
use http_client::{Failure, Http, Request, Response};
use ports::Supplier;
use registry::{Opening, Registry};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Mails to this address go over the service that reports what becomes of them, all others to the
/// outbox.
const REPORTED: &str = "orders@bayside.example";

/// A shop, a supplier for each method, one that takes batches, and one of the presets.
pub fn configuration() -> BTreeMap<String, Vec<u8>> {
    let suppliers = [
        include_str!("../configuration/suppliers.toml"),
        include_str!("../../../infra/config/presets/printful.toml"),
    ];
    let files = [
        (
            "channels.toml",
            include_str!("../configuration/channels.toml").to_owned(),
        ),
        ("suppliers.toml", suppliers.join("\n")),
        (
            "offers.csv",
            include_str!("../configuration/offers.csv").to_owned(),
        ),
    ];
    files
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text.into_bytes()))
        .collect()
}

pub(super) type Suppliers = Arc<BTreeMap<SupplierId, Box<dyn Supplier>>>;

/// Whoever stands behind the suppliers' methods.
pub(super) struct Doubles<'a> {
    pub(super) supplier: &'a SupplierDouble,
    pub(super) elsewhere: &'a SupplierDouble,
    pub(super) printful: &'a Printful,
    pub(super) mailer: &'a FaultyMailer,
    pub(super) first: &'a FirstArtifacts,
}

/// One double for each host.
struct ByHost {
    here: SupplierDouble,
    elsewhere: SupplierDouble,
}

#[async_trait]
impl Http for ByHost {
    async fn send(&self, request: &Request, timeout: Duration) -> Result<Response, Failure> {
        if request.url.contains("api.elsewhere.example") {
            self.elsewhere.send(request, timeout).await
        } else {
            self.here.send(request, timeout).await
        }
    }
}

/// Every supplier as the settings have it, over the ports with their faults.
pub(super) fn opened(
    settings: &Settings,
    registry: Registry,
    ports: &Arc<Faulty>,
    doubles: &Doubles<'_>,
) -> Suppliers {
    let secret = || secrecy::SecretString::from(SECRET.to_owned());
    let suppliers = settings.suppliers.values().map(|supplier_settings| {
        let entry = registry.supplier(&supplier_settings.method).unwrap();
        let supplier_settings = &with_mutant(supplier_settings, ports.faults.mutant);
        let opening = Opening {
            id: supplier_settings.id.as_str(),
            settings: &supplier_settings.specific,
            sender: &settings.merchant.mail,
            http: if supplier_settings.id.as_str() == "printful" {
                Arc::new(FaultyHttp {
                    inner: InProcess(doubles.printful.clone()),
                    faults: ports.faults.clone(),
                })
            } else {
                Arc::new(FaultyHttp {
                    inner: ByHost {
                        here: doubles.supplier.clone(),
                        elsewhere: doubles.elsewhere.clone(),
                    },
                    faults: ports.faults.clone(),
                })
            },
            files: ports.clone(),
            mailer: if supplier_settings.specific["to"] == REPORTED {
                Arc::new(doubles.mailer.clone())
            } else {
                Arc::new(OutboxMailer {
                    files: ports.clone(),
                })
            },
            secrets: (entry.secrets)(&supplier_settings.specific)
                .all
                .into_iter()
                .map(|name| (name, secret()))
                .collect(),
            webhook_secrets: Vec::new(),
            tried_before: tried_before(supplier_settings),
        };
        let supplier = (entry.open)(opening).unwrap();
        let supplier = mutated(supplier, ports.faults.mutant, doubles.first);
        (supplier_settings.id.clone(), supplier)
    });
    Arc::new(suppliers.collect())
}

/// The settings, or those of a supplier that is believed too easily.
fn with_mutant(settings: &SupplierSettings, mutant: Mutant) -> SupplierSettings {
    let mut settings = settings.clone();
    if let Some(create) = settings.specific.get_mut("create") {
        match mutant {
            Mutant::BelievesAnySuccess => {
                create.as_object_mut().unwrap().remove("reference").unwrap();
            }
            // It reads the answer, and so it counts as explained.
            Mutant::BelievesAnyRefusal => {
                create["rejected"] = "status in [400, 404, 409, 422] or 'nothing' == text".into();
            }
            Mutant::None
            | Mutant::StoreIgnoresVersion
            | Mutant::ClaimExpires
            | Mutant::StoreIgnoresSpendLimit
            | Mutant::SendsTwice
            | Mutant::NoSweep
            | Mutant::AcknowledgesFirst
            | Mutant::HastyLookUp
            | Mutant::AbsenceByAnyWay
            | Mutant::FirstArtifactForEver
            | Mutant::BelievesTheWallClock
            | Mutant::TakesACopyForCurrent => {}
        }
    }
    settings
}

/// Reading is most of what a new World costs, and thousands of them have the same files.
pub(super) fn load(files: &BTreeMap<String, Vec<u8>>) -> Configuration {
    static LOADED: Mutex<BTreeMap<Vec<u8>, Configuration>> = Mutex::new(BTreeMap::new());
    let key = files
        .iter()
        .flat_map(|(name, text)| [name.as_bytes(), text]);
    let key: Vec<u8> = key.collect::<Vec<_>>().join(&b'\0');
    if let Some(known) = LOADED.lock().unwrap().get(&key) {
        return known.clone();
    }
    let loaded = configuration::load(files).unwrap_or_else(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", problems.join("\n"))
    });
    LOADED.lock().unwrap().insert(key, loaded.clone());
    loaded
}

/// Whether settings that say the same were opened and tried in this process.
fn tried_before(settings: &SupplierSettings) -> bool {
    static TRIED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    !TRIED.lock().unwrap().insert(settings.specific.to_string())
}
