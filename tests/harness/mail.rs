//! A mail service that takes mails and reports later what became of them, like SES: at least once,
//! in any order, and sometimes before it answers.

use crate::faults::Faults;
use async_trait::async_trait;
use ports::{MailEvent, MailOutcome, MailPlace, MailReport, Mailer, SendSubject, Unavailable};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};

/// Why a suppressed mail came back, in our words.
pub const SUPPRESSED: &str = "its address is suppressed";

/// How the next mail is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Post {
    /// Takes it, and the answer never comes.
    TakeSilently,
    /// Takes it, and reports later that it came back.
    Bounce,
    /// The same, without an answer, and the report that it came back overtakes the one that it was
    /// sent.
    BounceSilently,
    /// Reports that it came back before it answers that it took it.
    BounceBeforeTheAnswer,
    /// Takes it, does not deliver it, and reports that the address is on its suppression list.
    Suppress,
    /// The same, without an answer.
    SuppressSilently,
    /// Takes it, and reports nothing but that.
    Forget,
    /// Takes it, and reports only that its delivery is delayed.
    Delay,
    /// Takes it, does not deliver it, and reports only that it may have come back.
    Return,
    /// Takes it without an answer, and the report of its delivery overtakes the one that it was sent.
    DeliverSilently,
}

impl Post {
    /// The supplier never gets it.
    fn comes_back(self) -> bool {
        match self {
            Self::Bounce
            | Self::BounceSilently
            | Self::BounceBeforeTheAnswer
            | Self::Suppress
            | Self::SuppressSilently
            | Self::Return => true,
            Self::TakeSilently | Self::Forget | Self::Delay | Self::DeliverSilently => false,
        }
    }
}

#[derive(Default)]
struct State {
    script: VecDeque<Post>,
    /// Each mail that was taken, by hand-over and attempt.
    taken: Vec<(SendSubject, u32)>,
    bounced: BTreeSet<(SendSubject, u32)>,
    reports: VecDeque<MailEvent>,
    /// Every report, the oldest first.
    reported: Vec<MailEvent>,
}

/// Cheap to clone; all clones are one service.
#[derive(Clone, Default)]
pub struct MailService(Arc<Mutex<State>>);

impl MailService {
    /// The next mails, in order; then they are taken and delivered.
    pub fn script(&self, posts: impl IntoIterator<Item = Post>) {
        self.0.lock().unwrap().script.extend(posts);
    }

    /// How many mails of each purchase order were taken and did not come back.
    pub fn delivered(&self) -> BTreeMap<String, usize> {
        let state = self.0.lock().unwrap();
        let mut delivered = BTreeMap::new();
        for mail in state
            .taken
            .iter()
            .filter(|mail| !state.bounced.contains(mail))
        {
            *delivered.entry(mail.0.to_string()).or_default() += 1;
        }
        delivered
    }

    /// The oldest report that nobody acknowledged.
    pub fn report(&self) -> Option<MailEvent> {
        self.0.lock().unwrap().reports.front().cloned()
    }

    pub fn acknowledge(&self) {
        let state = &mut *self.0.lock().unwrap();
        let acknowledged = state.reports.pop_front();
        state.reported.extend(acknowledged);
    }

    /// How many mails it took, whatever became of them.
    pub fn taken(&self) -> usize {
        self.0.lock().unwrap().taken.len()
    }

    /// Everything that was acknowledged is reported once more.
    pub fn report_again(&self) {
        let state = &mut *self.0.lock().unwrap();
        state.reports.extend(state.reported.iter().cloned());
    }

    /// Reports the delivery of everything that it took and that did not come back.
    pub fn deliver_all(&self) {
        let state = &mut *self.0.lock().unwrap();
        for mail in &state.taken {
            if !state.bounced.contains(mail) {
                state.reports.push_back(MailEvent {
                    id: mail.0.clone(),
                    attempt: mail.1,
                    report: MailReport::Delivered,
                    evidence: b"the report as it came".to_vec(),
                });
            }
        }
    }

    fn take(&self, id: &SendSubject, attempt: u32) -> Option<Post> {
        let state = &mut *self.0.lock().unwrap();
        let post = state.script.pop_front();
        let report = |report| MailEvent {
            id: id.clone(),
            attempt,
            report,
            evidence: b"the report as it came".to_vec(),
        };
        let sent = report(MailReport::Sent);
        let delivered = report(MailReport::Delivered);
        let bounced = report(MailReport::Bounced("its mailbox does not exist".to_owned()));
        let suppressed = report(MailReport::Suppressed {
            why: SUPPRESSED.to_owned(),
            remedy: "remove it from the list".to_owned(),
        });
        let delayed = report(MailReport::Delayed("MailboxFull".to_owned()));
        let returned = report(MailReport::Returned(
            "bounce, Transient, General".to_owned(),
        ));
        state.taken.push((id.clone(), attempt));
        match post {
            None | Some(Post::TakeSilently) => state.reports.extend([sent, delivered]),
            Some(Post::DeliverSilently) => state.reports.extend([delivered, sent]),
            Some(Post::Forget) => state.reports.push_back(sent),
            Some(Post::Delay) => state.reports.extend([delayed, sent]),
            Some(Post::Return) => state.reports.extend([sent, returned]),
            Some(Post::Suppress | Post::SuppressSilently) => {
                state.reports.extend([sent, suppressed]);
            }
            Some(Post::Bounce) => state.reports.extend([sent, bounced]),
            Some(Post::BounceSilently | Post::BounceBeforeTheAnswer) => {
                state.reports.extend([bounced, sent]);
            }
        }
        if post.is_some_and(Post::comes_back) {
            state.bounced.insert((id.clone(), attempt));
        }
        post
    }
}

/// The way to the service, on which answers get lost.
#[derive(Clone)]
pub struct FaultyMailer {
    pub service: MailService,
    pub faults: Faults,
    /// Who hears a report that comes before the answer.
    pub listener: Arc<OnceLock<forwarding::Deps>>,
}

impl FaultyMailer {
    /// Every report is told twice, and again where telling it failed.
    pub async fn tell(&self, listener: &forwarding::Deps) {
        while let Some(report) = self.service.report() {
            for _ in 0..2 {
                if forwarding::mail_event(listener, &report).await.is_err() {
                    return;
                }
            }
            self.service.acknowledge();
        }
    }
}

#[async_trait]
impl Mailer for FaultyMailer {
    async fn send(&self, id: &SendSubject, attempt: u32, _: &[u8]) -> MailOutcome {
        let taken = self
            .faults
            .effect(|| Unavailable::new("the connection was cut"), async {
                Ok(self.service.take(id, attempt))
            });
        let lost = || MailOutcome::InDoubt("the connection was cut".to_owned());
        match taken.await {
            Err(_)
            | Ok(Some(
                Post::TakeSilently
                | Post::BounceSilently
                | Post::SuppressSilently
                | Post::DeliverSilently,
            )) => lost(),
            Ok(Some(Post::BounceBeforeTheAnswer)) => {
                if let Some(listener) = self.listener.get() {
                    self.tell(listener).await;
                }
                MailOutcome::Sent
            }
            Ok(
                None
                | Some(Post::Bounce | Post::Suppress | Post::Forget | Post::Delay | Post::Return),
            ) => MailOutcome::Sent,
        }
    }

    fn place(&self, _: &SendSubject) -> MailPlace {
        MailPlace {
            server: "a mail service that reports".to_owned(),
            file: None,
        }
    }

    fn reports_delivery(&self) -> bool {
        true
    }
}
