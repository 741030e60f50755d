//! Mail as files in the outbox, for whoever sends from there and for trying Waybill out.

use async_trait::async_trait;
use ports::{Area, Files, MailOutcome, Mailer, SendId};
use std::sync::Arc;

/// Exactly one message for each hand-over, because the file is created once.
#[derive(Clone)]
pub struct OutboxMailer {
    pub files: Arc<dyn Files>,
}

fn path(id: &SendId) -> String {
    format!("mail/{}.eml", id.file_name())
}

#[async_trait]
impl Mailer for OutboxMailer {
    async fn send(&self, id: &SendId, _: u32, message: &[u8]) -> MailOutcome {
        match self.files.put_new(Area::Outbox, &path(id), message).await {
            Ok(_) => MailOutcome::Sent,
            Err(error) => MailOutcome::InDoubt(error.to_string()),
        }
    }

    async fn was_sent(&self, id: &SendId) -> Option<bool> {
        self.files.was_published(&path(id)).await.ok()
    }
}
