//! Messages that set going what a commit made due.

use domain::messages::Message;
use ports::Queue;

/// Enqueues the messages. One that is lost does not matter: the sweep finds the order.
pub async fn notify(queue: &dyn Queue, messages: &[Message]) {
    for message in messages {
        if let Err(error) = queue.send(message).await {
            tracing::warn!(order.id = %message.order(), error = %error, "not enqueued; the sweep will");
        }
    }
}
