//! A small world for the tests of the methods.

#![expect(
    clippy::needless_pass_by_value,
    reason = "tests write settings where they open a supplier"
)]

use async_trait::async_trait;
use domain::address::Address;
use domain::ids::ChannelCode;
use domain::order::answer::Progress;
use domain::personal::Personal;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::settings::Merchant;
use http_client::{Failure, Http, Request, Response};
use ports::supplier::HandoverLine;
use ports::{
    Answer, Area, Artifact, Attempt, Files, Handover, MailOutcome, MailPlace, Mailer, Put,
    SendAnswer, SendSubject, Supplier, Unavailable,
};
use registry::{Opening, SettingsError, SupplierEntry};
use secrecy::SecretString;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) fn entry(method: &str) -> &'static SupplierEntry {
    registry::find(crate::SUPPLIERS, method).unwrap()
}

pub(crate) fn handover() -> Handover {
    let line = |sku: &str, quantity| HandoverLine {
        sku: format!("OUR-{sku}"),
        supplier_sku: sku.to_owned(),
        title: format!("Lamp {sku}"),
        quantity,
        cost: Some("4.00".to_owned()),
        currency: Some("USD".to_owned()),
        properties: Vec::new(),
    };
    Handover {
        number: PurchaseOrderNumber::new(&ChannelCode::parse("S").unwrap(), "1001", 1),
        cancel: None,
        order_name: "#1001".to_owned(),
        merchant: Merchant {
            name: "Example Shop".to_owned(),
            mail: "orders@shop.example".to_owned(),
            returns_address: "Example Shop Returns\nDock Street 9\nLouisville KY 40202".to_owned(),
            phone: "+1 (502) 555-0142".to_owned(),
            website: "shop.example".to_owned(),
        },
        supplier: "acme".to_owned(),
        planned_at: "2026-12-01T10:00:00Z".parse().unwrap(),
        placed_at: "2026-12-01T09:58:00Z".parse().unwrap(),
        shipping_method: "standard".to_owned(),
        service: None,
        ship_to: Personal::new(Address {
            name: "Ada Exämple".to_owned(),
            company: "Engines & Co".to_owned(),
            address1: "1 Main St".to_owned(),
            address2: "Unit \"4\"".to_owned(),
            city: "Lexington".to_owned(),
            province: "Kentucky".to_owned(),
            province_code: "KY".to_owned(),
            zip: "40507".to_owned(),
            country_code: "US".to_owned(),
            country: "United States".to_owned(),
            phone: "+1 (502) 555-0100".to_owned(),
        }),
        lines: vec![line("LS-1", 2), line("LS-2", 13)],
        note: Personal::default(),
        attributes: Vec::new(),
    }
}

/// The answer to the first attempt to send the artifact as a purchase order.
pub(crate) async fn sent_to(supplier: &dyn Supplier, artifact: &Artifact) -> SendAnswer {
    let sender = supplier.orders().sender();
    sender.send(artifact, &attempt(false)).await
}

/// What the look-up of a purchase order that is in doubt answers.
pub(crate) async fn looked_up(supplier: &dyn Supplier) -> Answer {
    let lookup = supplier.orders().sender().lookup().unwrap();
    lookup.find(&attempt(true)).await.answer
}

pub(crate) fn attempt(doubted: bool) -> Attempt {
    Attempt {
        id: SendSubject::PurchaseOrder(handover().number),
        attempt: 1,
        doubted,
        progress: Progress::default(),
    }
}

/// Holds what was sent and what will be answered.
#[derive(Clone, Default)]
pub(crate) struct World(Arc<Inner>);

#[derive(Default)]
struct Inner {
    fails: bool,
    /// Nothing ever answers.
    hangs: bool,
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    answers: Mutex<VecDeque<Result<Response, Failure>>>,
    requests: Mutex<Vec<Request>>,
    mails: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl World {
    pub(crate) fn failing() -> Self {
        Self(Arc::new(Inner {
            fails: true,
            ..Inner::default()
        }))
    }

    pub(crate) fn hanging() -> Self {
        Self(Arc::new(Inner {
            hangs: true,
            ..Inner::default()
        }))
    }

    async fn answers_at_all(&self) {
        if self.0.hangs {
            std::future::pending::<()>().await;
        }
    }

    pub(crate) fn open(
        &self,
        method: &str,
        specific: serde_json::Value,
    ) -> Result<Box<dyn Supplier>, SettingsError> {
        self.open_with(method, specific, Arc::new(self.clone()))
    }

    pub(crate) fn open_with(
        &self,
        method: &str,
        specific: serde_json::Value,
        http: Arc<dyn Http>,
    ) -> Result<Box<dyn Supplier>, SettingsError> {
        self.open_as(method, &specific, http, false)
    }

    /// Without a trial.
    pub(crate) fn open_tried(
        &self,
        method: &str,
        specific: serde_json::Value,
    ) -> Result<Box<dyn Supplier>, SettingsError> {
        self.open_as(method, &specific, Arc::new(self.clone()), true)
    }

    fn open_as(
        &self,
        method: &str,
        specific: &serde_json::Value,
        http: Arc<dyn Http>,
        tried_before: bool,
    ) -> Result<Box<dyn Supplier>, SettingsError> {
        (entry(method).open)(Opening {
            id: "acme",
            settings: specific,
            sender: "orders@acme.example",
            http,
            files: Arc::new(self.clone()),
            mailer: Arc::new(self.clone()),
            secrets: [("ACME_KEY".to_owned(), SecretString::from("hush"))].into(),
            webhook_secrets: Vec::new(),
            tried_before,
        })
    }

    pub(crate) fn answer(&self, answer: Result<Response, Failure>) {
        self.0.answers.lock().unwrap().push_back(answer);
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.0.requests.lock().unwrap().clone()
    }

    pub(crate) fn file(&self, key: &str) -> Option<Vec<u8>> {
        self.0.files.lock().unwrap().get(key).cloned()
    }

    pub(crate) fn mail(&self, key: &str) -> Option<Vec<u8>> {
        self.0.mails.lock().unwrap().get(key).cloned()
    }
}

#[async_trait]
impl Http for World {
    async fn send(&self, request: &Request, _: Duration) -> Result<Response, Failure> {
        self.0.requests.lock().unwrap().push(request.clone());
        self.0.answers.lock().unwrap().pop_front().unwrap()
    }
}

#[async_trait]
impl Files for World {
    async fn put_new(&self, _: Area, key: &str, bytes: &[u8]) -> Result<Put, Unavailable> {
        self.answers_at_all().await;
        if self.0.fails {
            return Err(Unavailable::new("the disk is full"));
        }
        let mut files = self.0.files.lock().unwrap();
        if files.contains_key(key) {
            return Ok(Put::AlreadyThere);
        }
        files.insert(key.to_owned(), bytes.to_vec());
        Ok(Put::Created)
    }

    async fn get(&self, _: Area, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        Ok(self.file(key))
    }

    async fn was_published(&self, key: &str) -> Result<bool, Unavailable> {
        self.answers_at_all().await;
        if self.0.fails {
            return Err(Unavailable::new("the disk is gone"));
        }
        Ok(self.file(key).is_some())
    }
}

#[async_trait]
impl Mailer for World {
    async fn send(&self, id: &SendSubject, _: u32, message: &[u8]) -> MailOutcome {
        self.answers_at_all().await;
        if self.0.fails {
            return MailOutcome::InDoubt("no answer to the final dot".to_owned());
        }
        let mut mails = self.0.mails.lock().unwrap();
        mails.insert(id.file_name(), message.to_vec());
        MailOutcome::Sent
    }

    fn place(&self, id: &SendSubject) -> MailPlace {
        MailPlace {
            server: "outbox".to_owned(),
            file: Some(id.file_name()),
        }
    }
}
