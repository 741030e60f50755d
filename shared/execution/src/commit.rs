//! The one loop that loads, decides and commits while others commit first.

use async_trait::async_trait;
use domain::commit::Commit;
use domain::ids::OrderId;
use domain::order::decide::Command;
use domain::order::events::Event;
use domain::order::news::Payload;
use domain::order::{Order, Refusal};
use domain::routing::trace::Trace;
use jiff::Timestamp;
use ports::{Backoff, Clock, CommitError, OrderStore, StepError};

/// Commits of others that one change loses against before its message goes back.
pub const TRIES: u32 = 8;

/// What is to be committed together; without events nothing is.
#[derive(Debug, Default)]
pub struct Draft {
    pub events: Vec<Event>,
    pub payload: Option<(u32, Payload)>,
    pub trace: Option<(u32, Trace)>,
}

impl From<Vec<Event>> for Draft {
    fn from(events: Vec<Event>) -> Self {
        Self {
            events,
            ..Self::default()
        }
    }
}

/// What a decision is made by. The state may be older than the stored one, and then nothing of what
/// follows from it is committed.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    pub order: &'a Order,
    pub now: Timestamp,
    /// Why the try before this one was not committed.
    pub conflict: Option<&'a CommitError>,
}

/// Decides what is to be committed, as often as others commit first.
#[async_trait]
pub trait Decider<E>: Send {
    async fn decide(&mut self, look: Look<'_>) -> Result<Draft, E>;
}

/// Decides without asking anything.
struct AtOnce<F>(F);

#[async_trait]
impl<E, F: FnMut(Look<'_>) -> Result<Draft, E> + Send> Decider<E> for AtOnce<F> {
    async fn decide(&mut self, look: Look<'_>) -> Result<Draft, E> {
        (self.0)(look)
    }
}

/// How a change ends.
#[derive(Debug)]
pub enum Changed {
    /// With the state that was left.
    Committed { after: Box<Order>, at: Timestamp },
    /// Everything is already so.
    Unchanged(Box<Order>),
    /// Nothing of such an order was ever committed.
    Missing,
}

impl Changed {
    /// The order as it is now, where there is one.
    pub fn order(self) -> Option<Box<Order>> {
        match self {
            Self::Committed { after, .. } => Some(after),
            Self::Unchanged(order) => Some(order),
            Self::Missing => None,
        }
    }
}

/// One change of one order.
pub struct Change<'a> {
    orders: &'a dyn OrderStore,
    clock: &'a dyn Clock,
    id: &'a OrderId,
    known: Option<Box<Order>>,
    creates: bool,
    is_endless: bool,
}

impl<'a> Change<'a> {
    pub fn of(id: &'a OrderId, orders: &'a dyn OrderStore, clock: &'a dyn Clock) -> Self {
        Self {
            orders,
            clock,
            id,
            known: None,
            creates: false,
            is_endless: false,
        }
    }

    /// Decides on a state that is known first, and saves loading it where it is the stored one. A refusal
    /// of it proves nothing, and neither does it when nothing follows from it: the stored one is looked
    /// at then.
    #[must_use]
    pub fn knowing(mut self, known: Option<Box<Order>>) -> Self {
        self.known = known;
        self
    }

    /// Begins a history where there is none.
    #[must_use]
    pub fn creating(mut self) -> Self {
        self.creates = true;
        self
    }

    /// Ends only with success, with the process, or where no repetition helps: for what must not be
    /// forgotten.
    #[must_use]
    pub fn endless(mut self) -> Self {
        self.is_endless = true;
        self
    }

    /// Commits what follows from the command. What is not possible any more counts as done.
    pub async fn commit_command(self, command: &Command) -> Result<Changed, StepError> {
        let decide = |look: Look<'_>| match look.order.decide(command.clone(), look.now) {
            Ok(events) => Ok(Draft::from(events)),
            Err(Refusal::Illegal { .. }) => Ok(Draft::default()),
            Err(refusal) => Err(StepError::from(refusal)),
        };
        self.commit_draft(decide).await
    }

    /// Commits what follows from the newest state without asking anything else.
    pub async fn commit_draft(
        self,
        decide: impl FnMut(Look<'_>) -> Result<Draft, StepError> + Send,
    ) -> Result<Changed, StepError> {
        self.commit(&mut AtOnce(decide)).await
    }

    /// Commits what follows from the newest state, however often that changes meanwhile.
    pub async fn commit<E: From<StepError> + From<Refusal>>(
        mut self,
        decider: &mut dyn Decider<E>,
    ) -> Result<Changed, E> {
        let mut backoff = Backoff::new(self.clock);
        let mut conflict = None;
        let mut lost = 0;
        loop {
            let is_guess = self.known.is_some();
            let order = match self.load().await {
                Ok(Some(order)) => order,
                Ok(None) => return Ok(Changed::Missing),
                Err(error) => {
                    self.may_go_on(error)?;
                    backoff.pause().await;
                    continue;
                }
            };
            let look = Look {
                order: &order,
                now: self.clock.now(),
                conflict: conflict.as_ref(),
            };
            let (at, decided) = (look.now, decider.decide(look).await);
            let draft = match decided {
                Ok(draft) if !draft.events.is_empty() => draft,
                Ok(_) | Err(_) if is_guess => continue,
                Ok(_) => return Ok(Changed::Unchanged(order)),
                Err(error) => return Err(error),
            };
            match commit_once(self.orders, &order, draft, at).await {
                Ok(after) => {
                    let after = Box::new(after);
                    return Ok(Changed::Committed { after, at });
                }
                Err(NotCommitted::Conflict(error)) => {
                    lost += 1;
                    if lost % TRIES == 0 {
                        tracing::warn!(order.id = %self.id, error = %error, lost, "not committed yet");
                        if !self.is_endless {
                            return Err(StepError::Conflict.into());
                        }
                    }
                    // Whoever lost against one other looks again at once.
                    if lost > 1 || matches!(error, CommitError::Busy) {
                        backoff.pause().await;
                    }
                    conflict = Some(error);
                }
                Err(NotCommitted::Refused(refusal)) => return Err(refusal.into()),
                Err(NotCommitted::Failed(error)) => {
                    self.may_go_on(error)?;
                    backoff.pause().await;
                }
            }
        }
    }

    async fn load(&mut self) -> Result<Option<Box<Order>>, StepError> {
        if let Some(known) = self.known.take() {
            return Ok(Some(known));
        }
        let order = load(self.orders, self.id).await?;
        Ok(order.or_else(|| self.creates.then(|| Box::new(Order::new(self.id.clone())))))
    }

    fn may_go_on(&self, error: StepError) -> Result<(), StepError> {
        if !self.is_endless || matches!(error, StepError::Permanent(_)) {
            return Err(error);
        }
        tracing::warn!(order.id = %self.id, error = %error, "not committed yet");
        Ok(())
    }
}

/// The order as it is stored.
pub async fn load(orders: &dyn OrderStore, id: &OrderId) -> Result<Option<Box<Order>>, StepError> {
    let history = orders.load(id).await?;
    let order = history.map(|history| history.fold()).transpose()?;
    Ok(order.map(Box::new))
}

/// Why a draft was not committed.
pub(crate) enum NotCommitted {
    /// Others were first, or took what it needs: it is to be decided anew.
    Conflict(CommitError),
    /// The events do not fit the state.
    Refused(Refusal),
    Failed(StepError),
}

/// Commits on exactly this version, or not at all.
pub(crate) async fn commit_once(
    orders: &dyn OrderStore,
    order: &Order,
    draft: Draft,
    now: Timestamp,
) -> Result<Order, NotCommitted> {
    let made = Commit::new(order, draft.events, now).map_err(NotCommitted::Refused);
    let (mut commit, after) = made?;
    commit.payload = draft.payload;
    commit.trace = draft.trace;
    match orders.commit(commit).await {
        Ok(()) => Ok(after),
        Err(
            error @ (CommitError::Stale
            | CommitError::ShortOf(_)
            | CommitError::SpendLimit(_)
            | CommitError::Taken(_)
            | CommitError::Busy),
        ) => Err(NotCommitted::Conflict(error)),
        Err(error @ CommitError::Unavailable(_)) => {
            let what = format!("commit of {}", order.id);
            Err(NotCommitted::Failed(StepError::Retry(
                what,
                Box::new(error),
            )))
        }
    }
}
