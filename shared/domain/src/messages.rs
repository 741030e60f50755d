//! What the queues carry: ids, never state, never personal data. The order in the store is the
//! truth, so a message may come twice, late or not at all.
//!
//! Each queue carries messages of one type. A new queue is a line in the list below, its message and
//! the function that consumes it.

use crate::ids::OrderId;
use crate::purchase_order_number::PurchaseOrderNumber;
use serde::{Deserialize, Serialize};

/// A message of exactly one queue.
pub trait QueueMessage: Into<Message> + TryFrom<Message> {
    fn order(&self) -> &OrderId;

    /// The purchase order that waits for its supplier, if any.
    fn purchase_order(&self) -> Option<&PurchaseOrderNumber> {
        None
    }

    /// Reads the body of a message; `None` for every body but its own.
    fn parse(body: &str) -> Option<Self> {
        let message: Message = serde_json::from_str(body).ok()?;
        Self::try_from(message).ok()
    }
}

/// Asks routing to look at the order and to route what waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteOrder {
    pub order: OrderId,
}

impl QueueMessage for RouteOrder {
    fn order(&self) -> &OrderId {
        &self.order
    }
}

/// Asks forwarding to look at the purchase order and to send it, or to resolve what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardPurchaseOrder {
    pub order: OrderId,
    pub purchase_order: PurchaseOrderNumber,
}

impl QueueMessage for ForwardPurchaseOrder {
    fn order(&self) -> &OrderId {
        &self.order
    }

    fn purchase_order(&self) -> Option<&PurchaseOrderNumber> {
        Some(&self.purchase_order)
    }
}

macro_rules! queues {
    ($($queue:ident $name:literal carries $message:ident as $kind:literal;)+) => {
        /// A queue is named after the step that consumes it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum QueueName {
            $($queue,)+
        }

        impl QueueName {
            pub const ALL: &[Self] = &[$(Self::$queue,)+];

            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$queue => $name,)+
                }
            }
        }

        /// A message of any queue, for whoever sends it.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        pub enum Message {
            $(#[serde(rename = $kind)] $queue($message),)+
        }

        impl Message {
            pub fn queue(&self) -> QueueName {
                match self {
                    $(Self::$queue(_) => QueueName::$queue,)+
                }
            }

            pub fn order(&self) -> &OrderId {
                match self {
                    $(Self::$queue(message) => message.order(),)+
                }
            }

            /// As [`QueueMessage::purchase_order`].
            pub fn purchase_order(&self) -> Option<&PurchaseOrderNumber> {
                match self {
                    $(Self::$queue(message) => message.purchase_order(),)+
                }
            }
        }

        $(
            impl From<$message> for Message {
                fn from(message: $message) -> Self {
                    Self::$queue(message)
                }
            }

            impl TryFrom<Message> for $message {
                /// The message of another queue.
                type Error = Message;

                fn try_from(message: Message) -> Result<Self, Message> {
                    match message {
                        Message::$queue(message) => Ok(message),
                        #[allow(unreachable_patterns, reason = "unless there is one queue")]
                        other => Err(other),
                    }
                }
            }
        )+
    };
}

// The kind is part of what is stored: messages in flight survive a deployment.
queues! {
    Routing "routing" carries RouteOrder as "route";
    Forwarding "forwarding" carries ForwardPurchaseOrder as "forward";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ChannelCode;

    const ROUTE: &str = r#"{"kind":"route","order":"acme/1"}"#;

    fn number() -> PurchaseOrderNumber {
        PurchaseOrderNumber::new(&ChannelCode::parse("SH").unwrap(), "1001", 1)
    }

    fn forward() -> String {
        let number = number();
        format!(r#"{{"kind":"forward","order":"acme/1","purchase_order":"{number}"}}"#)
    }

    #[test]
    fn bodies_stay_readable() {
        for (body, queue) in [
            (ROUTE.to_owned(), QueueName::Routing),
            (forward(), QueueName::Forwarding),
        ] {
            let message: Message = serde_json::from_str(&body).unwrap();
            assert_eq!(message.queue(), queue);
            assert_eq!(message.order().to_string(), "acme/1");
            assert_eq!(serde_json::to_string(&message).unwrap(), body);
        }
    }

    #[test]
    fn a_consumer_reads_its_own_messages_alone() {
        assert_eq!(
            RouteOrder::parse(ROUTE).unwrap().order.to_string(),
            "acme/1"
        );
        let message = ForwardPurchaseOrder::parse(&forward()).unwrap();
        assert_eq!(message.purchase_order, number());
        assert_eq!(RouteOrder::parse(&forward()), None);
        assert_eq!(ForwardPurchaseOrder::parse(ROUTE), None);
        assert_eq!(RouteOrder::parse("no message"), None);
    }
}
