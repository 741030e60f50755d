//! The presets of `infra/config/presets`, each against a double that behaves as the supplier's
//! documents say.

mod bigbuy;
mod ingram;
mod printful;

use crate::testing::{World, entry, handover};
use domain::fidelity;
use domain::ids::SupplierId;
use domain::order::answer::Progress;
use domain::settings::SupplierSettings;
use doubles::exchange::{Double, InProcess};
use http_client::Http;
use ports::{
    Accepted, Answer, Attempt, CancelRequest, Endpoint, Handover, Outcome, SendAnswer, SendSubject,
    Supplier,
};
use registry::Opening;
use secrecy::SecretString;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

pub(super) fn preset(name: &str) -> SupplierSettings {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../infra/config/presets")
        .join(format!("{name}.toml"));
    let text = std::fs::read_to_string(file).unwrap();
    let file: Value = toml::from_str(&text).unwrap();
    let supplier = &file["supplier"][0];
    assert_eq!(supplier["id"], name);
    assert_eq!(supplier["method"], "http");
    let id = SupplierId::parse(name).unwrap();
    SupplierSettings::plain(id, "http", supplier["http"].clone())
}

pub(super) fn opening(settings: &SupplierSettings, http: Arc<dyn Http>) -> Opening<'_> {
    let world = Arc::new(World::default());
    let secrets = (entry("http").secrets)(&settings.specific).all;
    assert!(!secrets.is_empty());
    Opening {
        id: settings.id.as_str(),
        settings: &settings.specific,
        sender: "orders@acme.example",
        http,
        files: world.clone(),
        mailer: world,
        secrets: secrets
            .into_iter()
            .map(|name| (name.clone(), SecretString::from(format!("value of {name}"))))
            .collect(),
        webhook_secrets: Vec::new(),
        tried_before: false,
    }
}

fn open(name: &str, double: impl Double) -> Box<dyn Supplier> {
    let settings = preset(name);
    let opened = (entry("http").open)(opening(&settings, Arc::new(InProcess(double))));
    opened.map_err(|error| panic!("{name}: {error}")).unwrap()
}

/// A hand-over on its way, as forwarding takes it: a claim for each step, and what was learnt.
struct Way<'a> {
    supplier: &'a dyn Endpoint,
    handover: Handover,
    attempt: Attempt,
}

impl<'a> Way<'a> {
    fn new(supplier: &'a dyn Endpoint, handover: Handover) -> Self {
        let id = SendSubject::new(handover.number.clone(), handover.cancel.as_ref().map(|_| 1));
        Self {
            supplier,
            handover,
            attempt: Attempt {
                id,
                attempt: 0,
                doubted: false,
                progress: Progress::default(),
            },
        }
    }

    async fn step(&mut self) -> SendAnswer {
        let prepare = || {
            self.supplier
                .prepare(&self.handover, &self.attempt.progress)
                .unwrap()
        };
        let artifact = prepare();
        assert_eq!(artifact.bytes, prepare().bytes);
        assert!(!String::from_utf8_lossy(&artifact.bytes).contains("value of"));
        if artifact.carries_order {
            let decoded = self.supplier.decode(&artifact).unwrap();
            let lines: Vec<(&str, u32)> = self
                .handover
                .lines
                .iter()
                .map(|line| (line.supplier_sku.as_str(), line.quantity))
                .collect();
            let address = self.handover.ship_to.reveal();
            let missing =
                fidelity::missing(address, &lines, &decoded.parts[0].records, &artifact.omits);
            assert!(missing.is_empty(), "{missing:?}");
        }
        self.attempt.attempt += 1;
        let heard = self.supplier.sender().send(&artifact, &self.attempt).await;
        match &heard.outcome {
            Outcome::StepDone(done) => self.go_on(&done.step, done.extracted.clone()),
            Outcome::InDoubt { .. } => self.attempt.doubted = true,
            Outcome::Accepted(_)
            | Outcome::Rejected { .. }
            | Outcome::NotSent { .. }
            | Outcome::NotInBatch { .. } => {}
        }
        heard
    }

    fn go_on(&mut self, step: &str, extracted: std::collections::BTreeMap<String, Vec<String>>) {
        self.attempt.progress = self.attempt.progress.clone().with(step, extracted);
        self.attempt.doubted = false;
    }

    async fn look_up(&mut self) -> Answer {
        let answer = self
            .supplier
            .sender()
            .lookup()
            .unwrap()
            .find(&self.attempt)
            .await
            .answer;
        if let Answer::StepDone(done) = &answer {
            self.go_on(&done.step, done.extracted.clone());
        }
        answer
    }
}

pub(super) fn with_skus(skus: [&str; 2]) -> Handover {
    let mut handover = handover();
    for (line, sku) in handover.lines.iter_mut().zip(skus) {
        sku.clone_into(&mut line.supplier_sku);
    }
    handover
}

fn cancel(handover: &Handover, references: &[&str], whole: bool) -> Handover {
    let mut handover = handover.clone();
    let mut lines = handover.lines.clone();
    if !whole {
        lines.truncate(1);
    }
    handover.cancel = Some(CancelRequest {
        id: "X1".to_owned(),
        whole,
        why: "the customer cancelled".to_owned(),
        references: references.iter().map(|&text| text.to_owned()).collect(),
        lines,
    });
    handover
}

fn accepted(heard: SendAnswer) -> Accepted {
    let Outcome::Accepted(acceptance) = heard.outcome else {
        panic!("{heard:?}")
    };
    acceptance
}

fn doubt(heard: SendAnswer) -> (String, String) {
    let Outcome::InDoubt { why, .. } = heard.outcome else {
        panic!("{heard:?}")
    };
    (why, String::from_utf8(heard.evidence.bytes).unwrap())
}

fn is_done(heard: &SendAnswer) -> bool {
    matches!(heard.outcome, Outcome::StepDone(_))
}

/// The example that a newcomer copies has every setting right, and its requests say everything.
#[tokio::test]
async fn the_example_is_right() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/config/suppliers.toml");
    let file: Value = toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let suppliers = file["supplier"].as_array().unwrap();
    let example = suppliers.iter().find(|one| one["method"] == "http");
    let mut settings = preset("printful");
    settings.specific = example.unwrap()["http"].clone();
    let double = doubles::printful::Printful::default();
    let http = Arc::new(InProcess(double));
    let supplier = (entry("http").open)(opening(&settings, http.clone()))
        .map_err(|error| panic!("{error}"))
        .unwrap();
    // The double knows no such supplier: what it answers is no success.
    let heard = Way::new(supplier.orders(), with_skus(["A", "B"]))
        .step()
        .await;
    assert!(
        matches!(heard.outcome, Outcome::InDoubt { .. }),
        "{heard:?}"
    );
    let rehearsed = (entry("http").rehearse.unwrap())(opening(&settings, http));
    assert!(rehearsed.is_ok());
    let back = cancel(&with_skus(["A", "B"]), &["7"], false);
    let cancels = supplier.cancels().unwrap();
    cancels.prepare(&back, &Progress::default()).unwrap();
}

/// The example's hosts are what requests may go to, and nothing in it is plain HTTP.
#[test]
fn presets_name_their_hosts() {
    for (name, hosts) in [
        ("printful", vec!["api.printful.com"]),
        ("bigbuy", vec!["api.bigbuy.eu", "api.sandbox.bigbuy.eu"]),
        ("ingram", vec!["api.ingrammicro.com"]),
    ] {
        let settings = preset(name);
        assert_eq!((entry("http").hosts)(&settings.specific).names, hosts);
    }
}
