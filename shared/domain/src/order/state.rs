//! The current state of an order.

use crate::address::Destination;
use crate::cases::CaseKind;
use crate::digest::Digest;
use crate::ids::{LineId, OrderId, SupplierId};
use crate::order::news::{Content, Latest, News, ShippingMethod};
use crate::order::purchase_order::{PurchaseOrder, PurchaseOrderLine};
use crate::purchase_order_number::PurchaseOrderNumber;
use crate::refusal::Refusal;
use crate::sending::Sending;
use crate::sending::machine::SendState;
use crate::sending::subject::SendSubject;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Current state, folded from the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    pub news: News,
    /// Number and edit digest of the newest payload item.
    pub payload: Option<(u32, Digest)>,
    /// Highest payload number ever written.
    pub payloads: u32,
    pub purchase_orders: Vec<PurchaseOrder>,
    /// What the last routing step decided; replaced as a whole by the next.
    pub routing: Option<RoutingState>,
    /// The payload item with the address that a person corrected, while it counts.
    pub address: Option<(u32, AddressEdit)>,
    /// Holds a person has let through.
    pub released: BTreeSet<(CaseKind, String)>,
    /// Units by line that a person let go although the channel holds them; until the channel no
    /// longer does.
    pub let_through: BTreeMap<LineId, u32>,
    /// The shipping method that a person chose, and among which that was.
    pub method: Option<(Vec<ShippingMethod>, ShippingMethod)>,
    /// When its content was first known here.
    pub received_at: Option<Timestamp>,
    /// When its payment was first known here.
    pub paid_at: Option<Timestamp>,
    /// Something happened that routing has not looked at, since then.
    pub needs_routing: Option<Timestamp>,
    /// A person cancelled it here, whatever the channel says.
    pub cancelled_here: bool,
    /// A person holds it, and why.
    pub held: Option<String>,
    /// Suppliers that a person ruled out, and the only one that a person wants.
    pub without: BTreeSet<SupplierId>,
    pub only: Option<SupplierId>,
    /// Counts what made routing look again, so that a purchase order knows how old its plan is.
    pub wakes: u64,
    /// Events applied; the version that a commit expects.
    pub version: u64,
}

/// What routing decided about units that are in no purchase order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingState {
    pub configuration: Digest,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<Wait>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_ours: Vec<NotOurs>,
}

impl RoutingState {
    /// The same but for the time of looking again and the configuration that was looked at, which are
    /// not worth an event.
    pub fn same_decision(&self, other: &Self) -> bool {
        let timeless = |state: &Self| {
            let mut state = state.clone();
            state.holds.iter_mut().for_each(|hold| hold.again_at = None);
            state.configuration = other.configuration.clone();
            state
        };
        timeless(self) == timeless(other)
    }
}

/// Units wait, with a reason and a way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub kind: CaseKind,
    /// What has to change; holds with the same kind and cause are one case.
    pub cause: String,
    pub reason: String,
    pub lines: BTreeMap<LineId, u32>,
    /// When routing looks again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_at: Option<Timestamp>,
    pub since: Timestamp,
}

/// An address that a person corrected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressEdit {
    /// Of the channel's address that it takes the place of.
    pub replaces: Digest,
    /// Of the corrected address.
    pub address: Digest,
    pub destination: Destination,
}

impl AddressEdit {
    /// The edit digest of a payload with another address in place of its own.
    pub fn edit_of(address: &Digest, payload: &Digest) -> Digest {
        Digest::of_value(&(payload, address))
    }
}

/// Nothing is wrong; units wait for an event or a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    pub kind: WaitKind,
    /// What they wait for, in words.
    pub why: String,
    /// Units by line.
    pub lines: BTreeMap<LineId, u32>,
    pub since: Timestamp,
    /// When routing looks again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// When waiting becomes a case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_at: Option<Timestamp>,
}

/// What units wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitKind {
    /// The customer's money.
    Payment,
    /// The channel, which keeps the units from being shipped.
    Channel,
    /// The next commit: this one was full.
    NextCommit,
}

impl WaitKind {
    /// The case that waiting becomes when it lasts too long.
    pub fn case(self) -> Option<CaseKind> {
        match self {
            Self::Payment => Some(CaseKind::Unpaid),
            Self::Channel => Some(CaseKind::OnHoldAtChannel),
            Self::NextCommit => None,
        }
    }

    /// What ends it, for people.
    pub fn way_out(self) -> &'static str {
        match self {
            Self::Payment => "the channel reports the payment, or cancels the order",
            Self::Channel => "the hold ends on the channel, or release to send all the same",
            Self::NextCommit => "nothing to do: they follow at once",
        }
    }
}

/// Units that are never forwarded, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotOurs {
    pub line: LineId,
    pub quantity: u32,
    pub why: String,
}

impl Order {
    pub fn new(id: OrderId) -> Self {
        Self {
            id,
            news: News::default(),
            payload: None,
            payloads: 0,
            address: None,
            purchase_orders: Vec::new(),
            routing: None,
            released: BTreeSet::new(),
            let_through: BTreeMap::new(),
            method: None,
            received_at: None,
            paid_at: None,
            needs_routing: None,
            cancelled_here: false,
            held: None,
            without: BTreeSet::new(),
            only: None,
            wakes: 0,
            version: 0,
        }
    }

    pub(crate) fn wake(&mut self, at: Timestamp) {
        self.wakes += 1;
        self.needs_routing.get_or_insert(at);
    }

    pub(crate) fn own_mut(
        &mut self,
        number: &PurchaseOrderNumber,
    ) -> Result<&mut PurchaseOrder, Refusal> {
        self.purchase_orders
            .iter_mut()
            .find(|candidate| &candidate.number == number)
            .ok_or_else(|| Refusal::NoSuchPurchaseOrder(number.clone()))
    }

    /// Takes the newest message in, and forgets what a person let through once the channel no longer
    /// holds it: a later hold is another one.
    pub(crate) fn take_news(&mut self, latest: Latest) {
        self.news.take(latest);
        let before = std::mem::take(&mut self.let_through);
        self.let_through = before
            .into_iter()
            .filter(|(line, _)| self.line_units(line).on_hold() > 0)
            .collect();
        let held = |order: &Self, line: &LineId| order.on_hold(line).claimed > 0;
        let lines: BTreeSet<LineId> = self
            .live()
            .flat_map(PurchaseOrder::everything)
            .map(|(line, _)| line)
            .collect();
        if !lines.iter().any(|line| held(self, line)) {
            self.released
                .retain(|(kind, _)| *kind != CaseKind::OnHoldAfterSend);
        }
    }

    /// Units by line that the channel holds, where the release is of that.
    pub(crate) fn held_by_channel(&self, holds: &[(CaseKind, String)]) -> BTreeMap<LineId, u32> {
        if !holds
            .iter()
            .any(|(kind, _)| *kind == CaseKind::OnHoldAtChannel)
        {
            return BTreeMap::new();
        }
        let lines = self
            .news
            .latest
            .iter()
            .flat_map(|latest| &latest.content.lines);
        lines
            .map(|line| (line.id.clone(), self.line_units(&line.id)))
            .filter(|(_, units)| units.on_hold() > 0 && !units.added_after_refund)
            .map(|(line, units)| (line, units.open))
            .collect()
    }

    /// Digest of where, how and with which personalisation these lines are to be shipped.
    pub fn shipping(&self, lines: &[PurchaseOrderLine]) -> Digest {
        let latest = self.news.latest.as_ref();
        let corrected = self.address.as_ref().map(|(_, edit)| &edit.address);
        let address = corrected.or(latest.map(|latest| &latest.address));
        let properties: BTreeMap<&LineId, &Digest> = latest
            .into_iter()
            .flat_map(|latest| &latest.properties)
            .filter(|(line, _)| lines.iter().any(|own| &own.line == *line))
            .collect();
        Digest::of_value(&(address, latest.map(|latest| &latest.method), properties))
    }

    /// What is known of the order, with the address that a person corrected and the shipping method
    /// that a person chose.
    pub fn content(&self) -> Option<Content> {
        let mut content = self.news.latest.as_ref()?.content.clone();
        if let Some((_, edit)) = &self.address {
            content.destination = edit.destination.clone();
        }
        if let Some((among, chosen)) = &self.method
            && *among == content.shipping
        {
            content.shipping = vec![chosen.clone()];
        }
        Some(content)
    }

    /// The shipping method that a person chose, while the channel names the same ones.
    pub fn chosen_method(&self) -> Option<&ShippingMethod> {
        let latest = self.news.latest.as_ref()?;
        let (among, chosen) = self.method.as_ref()?;
        (*among == latest.content.shipping).then_some(chosen)
    }

    /// Since when routing has something to look at. A refund or cancel whose order has not come yet
    /// waits for it, for ever where it never comes.
    pub fn unrouted_since(&self) -> Option<Timestamp> {
        self.needs_routing.filter(|_| self.news.latest.is_some())
    }

    /// The state of what is sent once; `None` where the order has no such subject.
    pub fn sending(&self, subject: &SendSubject) -> Option<&Sending> {
        let purchase_order = self.purchase_order(subject.purchase_order())?;
        purchase_order.sending_of(subject)
    }

    pub fn purchase_order(&self, number: &PurchaseOrderNumber) -> Option<&PurchaseOrder> {
        self.purchase_orders
            .iter()
            .find(|candidate| &candidate.number == number)
    }

    /// Cancelled on the channel or here, which never goes back.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled_here || self.news.cancelled_at.is_some()
    }

    /// Cancelled, or its money was given back as a whole, which a later message may take back.
    pub fn is_stopped(&self) -> bool {
        self.is_cancelled() || self.news.is_fully_refunded()
    }

    /// Why a purchase order that is still Planned should not be sent any more, as far as the order
    /// alone tells. Routing may find more reasons in the rules, which is why nothing is claimed
    /// while the order has news that routing has not looked at.
    pub fn no_longer_holds(&self, purchase_order: &PurchaseOrder) -> Option<&'static str> {
        if purchase_order.is_being_taken_back() {
            return Some("it is being taken back");
        }
        let ruled_out = self.without.contains(&purchase_order.supplier)
            || self
                .only
                .as_ref()
                .is_some_and(|only| only != &purchase_order.supplier);
        let mut lines = purchase_order.lines.iter().map(|line| &line.line);
        let planned = matches!(purchase_order.sending.state, SendState::Planned { .. });
        if self.is_cancelled() {
            Some(STOPPED)
        } else if self.held.is_some() {
            Some("a person holds the order")
        } else if ruled_out {
            Some("a person wants another supplier")
        } else if self
            .payload
            .as_ref()
            .is_some_and(|(_, edit)| edit != &purchase_order.edit)
        {
            Some("the order was edited")
        } else if lines.clone().any(|line| self.over_allocated(line) > 0) {
            Some(if self.news.is_fully_refunded() {
                STOPPED
            } else {
                "units were refunded or removed"
            })
        } else if let Some(line) = lines.find(|line| planned && self.is_planned_beyond_hold(line)) {
            Some(if self.line_units(line).on_hold() > 0 {
                "the channel holds units of it"
            } else {
                "a refund leaves open whether its units are to be shipped"
            })
        } else {
            None
        }
    }
}

/// Why nothing more of an order is sent that was cancelled or refunded.
pub(crate) const STOPPED: &str = "the order was cancelled or refunded";
