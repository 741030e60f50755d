//! The history of an order: events in the past tense, kept for ever, without personal data.
//!
//! A new topic is a file in `topics` that implements [`Topic`], and a line in the list below.

use crate::ids::OrderId;
use crate::order::news::Latest;
use crate::order::state::Order;
use crate::order::topics::routing::Routed;
use crate::order::topics::{self, LineNames, Topic};
use crate::refusal::Refusal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An event and when it was committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    pub at: Timestamp,
    pub event: Event,
}

macro_rules! events {
    ($($topic:ident($event:ty),)+) => {
        /// What happened to an order, by topic.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(
            clippy::large_enum_variant,
            reason = "a history is short, and what a message of the channel brings is its largest event"
        )]
        pub enum Event {
            $($topic($event),)+
        }

        impl Event {
            fn topic(&self) -> &dyn Topic {
                match self {
                    $(Self::$topic(event) => event,)+
                }
            }
        }

        $(impl From<$event> for Event {
            fn from(event: $event) -> Self {
                Self::$topic(event)
            }
        })+
    };
}

events! {
    Channel(topics::channel::ChannelChange),
    Routing(topics::routing::RoutingDecision),
    Send(topics::sending::SendChange),
    Supplier(topics::supplier::SupplierReport),
    Person(topics::person::PersonDecision),
}

impl Event {
    /// One line for each thing that happened, to be read alone.
    pub fn describe(&self, names: &LineNames) -> Vec<String> {
        self.topic().describe(names)
    }

    /// The metric that counts the event, where one does.
    pub fn metric(&self) -> Option<&'static str> {
        self.topic().metric()
    }

    /// The routing decision, where the event is one.
    pub fn routed(&self) -> Option<&Routed> {
        self.topic().routed()
    }

    /// The channel's description of the order, where the event brings another one.
    pub fn snapshot(&self) -> Option<&Latest> {
        self.topic().snapshot()
    }

    pub(crate) fn is_silent_beside_others(&self) -> bool {
        self.topic().is_silent_beside_others()
    }

    pub(crate) fn is_beside_content(&self) -> bool {
        self.topic().is_beside_content()
    }
}

impl Order {
    /// The state after the whole history. Fails on a history that cannot have happened.
    pub fn fold<'a>(
        id: OrderId,
        history: impl IntoIterator<Item = &'a Recorded>,
    ) -> Result<Self, Refusal> {
        history.into_iter().try_fold(Self::new(id), Self::apply)
    }

    /// Puts one event onto the state; an event that the state does not allow is refused.
    pub fn apply(mut self, recorded: &Recorded) -> Result<Self, Refusal> {
        recorded.event.topic().apply(&mut self, recorded.at)?;
        self.version += 1;
        Ok(self)
    }
}
