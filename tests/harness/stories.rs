//! What happens to a merchant, as data, so that every story can be replayed with a fault at every
//! effect.

mod after_sending;
mod contradictions;
mod mail;
mod news;
mod routing;
mod sending;
mod shop;
mod waits;

use crate::mail::Post;
use crate::world::World;
use domain::cases::CaseKind;
use domain::order::Order;
use domain::order::decide::Command;
use doubles::exchange::Twist;
use doubles::shop::ShopOrder;
use doubles::supplier::Behaviour;
use jiff::SignedDuration;
use serde_json::Value;

/// As the World has it from the start.
const OFFERS: &str = include_str!("configuration/offers.csv");

pub enum Action {
    /// A signed webhook of that topic.
    Webhook(&'static str, Value),
    /// How the HTTP supplier treats its next requests.
    Supplier(Vec<Behaviour>),
    /// `offers.csv` is replaced.
    Offers(String),
    /// Another file of the configuration is replaced, and read again.
    Configuration(&'static str, String),
    /// How Printful's next requests go.
    Printful(Vec<Twist>),
    /// How the mail service treats the next mails.
    Mail(Vec<Post>),
    /// What Printful has is in that state.
    Produce(&'static str),
    /// A person decides something of every order.
    Decide(fn(&Order) -> Option<Command>),
    /// A person asks the supplier, who has it under that number unless a fault kept it from arriving.
    Ask(&'static str),
    /// A person corrects the postal code.
    Correct(&'static str),
    /// A person closes incidents of that kind.
    Close(CaseKind),
    /// Time passes and the sweep runs.
    Pass(SignedDuration),
}

pub struct Story {
    pub name: &'static str,
    pub actions: Vec<Action>,
}

use Action::{
    Ask, Close, Configuration, Correct, Decide, Mail, Offers, Pass, Printful, Produce, Supplier,
    Webhook,
};

fn create(order: &ShopOrder) -> Action {
    Webhook("orders/create", order.0.clone())
}

fn minute() -> Action {
    Pass(SignedDuration::from_secs(61))
}

fn mug() -> ShopOrder {
    ShopOrder::new(1001, &[("MUG", 2)])
}

/// As the World has it from the start.
pub fn suppliers_file() -> String {
    let mut files = crate::world::configuration();
    String::from_utf8(files.remove("suppliers.toml").unwrap()).unwrap()
}

/// The suppliers' file without one of them.
pub fn suppliers_without(id: &str) -> String {
    let own = format!("\nid = \"{id}\"\n");
    let suppliers = suppliers_file();
    let (head, others) = suppliers.split_once("[[supplier]]").unwrap();
    let kept = others
        .split("[[supplier]]")
        .filter(|other| !other.starts_with(&own));
    let kept: Vec<_> = std::iter::once(head).chain(kept).collect();
    assert_ne!(kept.join("[[supplier]]"), suppliers, "{id}");
    kept.join("[[supplier]]")
}

/// `offers.csv` without what one supplier sells.
pub fn offers_without(id: &str) -> String {
    let of_it = format!(",{id},");
    let rows = OFFERS.lines().filter(|row| !row.contains(&of_it));
    rows.map(|row| format!("{row}\n"))
        .collect::<Vec<_>>()
        .concat()
}

/// Ada lets through what may be.
fn release() -> Action {
    Decide(|_| {
        Some(Command::Release {
            method: None,
            who: "Ada".to_owned(),
            why: "looked at it".to_owned(),
        })
    })
}

fn story(name: &'static str, actions: Vec<Action>) -> Story {
    Story { name, actions }
}

/// Every story of what works now.
pub fn all() -> Vec<Story> {
    [
        sending::all(),
        news::all(),
        routing::all(),
        after_sending::all(),
        contradictions::all(),
        mail::all(),
        shop::all(),
        waits::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Story {
    /// Runs the story to its end and lets everything settle.
    pub async fn run(&self, world: &mut World) {
        for action in &self.actions {
            match action {
                Webhook(topic, body) => world.topic(topic, body).await,
                Supplier(behaviours) => world.supplier.script(behaviours.iter().copied()),
                Offers(text) => world.configure("offers.csv", text).await,
                Configuration(file, text) => world.configure(file, text).await,
                Printful(twists) => world.printful.script(twists.iter().copied()),
                Mail(posts) => world.mail.script(posts.iter().copied()),
                Produce(status) => world.printful.set_status_of_all(status),
                Decide(decision) => world.decides(*decision).await,
                Ask(reference) => world.asks_the_supplier(reference).await,
                Correct(zip) => world.corrects(zip).await,
                Close(kind) => world.closes(*kind).await,
                Pass(by) => world.pass(*by).await,
            }
            world.pump().await;
        }
        world.settle().await;
    }
}
