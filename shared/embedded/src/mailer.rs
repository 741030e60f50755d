//! Mail as files in the outbox, for whoever sends from there and for trying Waybill out.

use async_trait::async_trait;
use ports::{Area, Files, MailOutcome, Mailer};
use std::sync::Arc;

/// Exactly one message per key, because the file is created once.
#[derive(Clone)]
pub struct OutboxMailer {
    pub files: Arc<dyn Files>,
}

fn path(key: &str) -> String {
    format!("mail/{key}.eml")
}

#[async_trait]
impl Mailer for OutboxMailer {
    async fn send(&self, key: &str, message: &[u8]) -> MailOutcome {
        match self.files.put_new(Area::Outbox, &path(key), message).await {
            Ok(_) => MailOutcome::Sent,
            Err(error) => MailOutcome::InDoubt(error.to_string()),
        }
    }

    async fn was_sent(&self, key: &str) -> Option<bool> {
        self.files.was_published(&path(key)).await.ok()
    }
}
