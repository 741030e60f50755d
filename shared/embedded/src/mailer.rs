//! Mail as files in the outbox, for whoever sends from there and for trying Waybill out.

use async_trait::async_trait;
use ports::{Area, Files, MailOutcome, MailPlace, Mailer, SendSubject};
use std::sync::Arc;

/// Exactly one message for each hand-over, because the file is created once.
#[derive(Clone)]
pub struct OutboxMailer {
    pub files: Arc<dyn Files>,
}

fn path(id: &SendSubject) -> String {
    format!("mail/{}.eml", id.file_name())
}

#[async_trait]
impl Mailer for OutboxMailer {
    async fn send(&self, id: &SendSubject, _: u32, message: &[u8]) -> MailOutcome {
        match self.files.put_new(Area::Outbox, &path(id), message).await {
            Ok(_) => MailOutcome::Sent,
            Err(error) => MailOutcome::InDoubt(error.to_string()),
        }
    }

    fn place(&self, id: &SendSubject) -> MailPlace {
        MailPlace {
            server: "outbox".to_owned(),
            file: Some(path(id)),
        }
    }
}
