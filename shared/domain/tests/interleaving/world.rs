//! One order, the stock that its commits leave, and what suppliers really have of it.

use crate::fixture::{correction, message, offers, order_id, received, settings, start, supplier};
use crate::oracle;
use crate::step::{Decision, Found, Said, Step};
use domain::catalogue::OfferWithStock;
use domain::clock::Steady;
use domain::commit::{Change, Commit, ReservationChange};
use domain::digest::Digest;
use domain::ids::SupplierSku;
use domain::messages::Message;
use domain::order::answer::{CancelAnswer, LookupFinding, Rejection, RejectionReason};
use domain::order::decide::{
    Accepted, Answer, Command, LineOutcome, LineStatus, LookupTime, Outcome, StepDone, Verdict,
};
use domain::order::events::{Event, Recorded};
use domain::order::news::ChannelEvent;
use domain::order::step::{Step as NextStep, step, step_of_cancel};
use domain::order::topics::routing::RoutingDecision;
use domain::order::topics::sending::SendChange;
use domain::order::{Order, PurchaseOrder, Refusal};
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::routing::{Facts, plan};
use domain::sending::Sending;
use domain::sending::machine::{SendEvent, SendState};
use domain::sending::subject::SendSubject;
use domain::settings::Settings;
use domain::sweep::wake;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long a supplier needs to find what it took.
const LAG: SignedDuration = SignedDuration::from_secs(60);
const TIMEOUT: SignedDuration = SignedDuration::from_secs(50);

/// Whether suppliers and persons tell the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Honesty {
    /// Answers may contradict each other.
    Anything,
    /// Silence and delay are all that goes wrong.
    Honest,
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) order: Order,
    pub(crate) history: Vec<Recorded>,
    pub(crate) now: Timestamp,
    pub(crate) offers: Vec<OfferWithStock>,
    pub(crate) reserved: BTreeMap<(PurchaseOrderNumber, SupplierSku), u32>,
    /// Reserved for other orders.
    pub(crate) others: BTreeMap<SupplierSku, u32>,
    settings: Settings,
    honesty: Honesty,
    /// Attempts that the supplier took.
    taken: BTreeSet<(SendSubject, u32)>,
    /// How often each step of a hand-over was taken.
    pub(crate) takings: BTreeMap<(SendSubject, usize), u32>,
    /// Attempts of which somebody said that they were taken.
    pub(crate) told_taken: BTreeMap<SendSubject, BTreeSet<u32>>,
}

impl World {
    pub(crate) fn new(honesty: Honesty) -> Self {
        let mut world = Self {
            order: Order::new(order_id()),
            history: Vec::new(),
            now: start(),
            offers: offers(),
            reserved: BTreeMap::new(),
            others: BTreeMap::new(),
            settings: settings(),
            honesty,
            taken: BTreeSet::new(),
            takings: BTreeMap::new(),
            told_taken: BTreeMap::new(),
        };
        world.hears(&received());
        world
    }

    /// Everything that is handed over: purchase orders and requests to take them back.
    fn hand_overs(&self) -> Vec<SendSubject> {
        let ids = self.order.purchase_orders.iter().flat_map(|own| {
            let id = SendSubject::from(&own.number);
            let requests = own.numbered_cancels().map({
                let number = own.number.clone();
                move |(request, _)| SendSubject::Cancel {
                    purchase_order: number.clone(),
                    request,
                }
            });
            std::iter::once(id).chain(requests)
        });
        ids.collect()
    }

    fn at(&self, place: usize) -> Option<SendSubject> {
        let all = self.hand_overs();
        (!all.is_empty()).then(|| all[place % all.len()].clone())
    }

    fn number_at(&self, place: usize) -> Option<PurchaseOrderNumber> {
        let all = &self.order.purchase_orders;
        (!all.is_empty()).then(|| all[place % all.len()].number.clone())
    }

    fn own(&self, id: &SendSubject) -> &PurchaseOrder {
        self.order.purchase_order(id.purchase_order()).unwrap()
    }

    fn sending(&self, id: &SendSubject) -> &Sending {
        let own = self.own(id);
        id.request().map_or(&own.sending, |request| {
            &own.cancel(request).unwrap().sending
        })
    }

    pub(crate) fn takes(&mut self, step: &Step) {
        match step {
            Step::Channel(told) => self.hears(&message(*told)),
            Step::Routing => self.routes(),
            Step::Claim { place, taken } => {
                if let Some(id) = self.at(*place) {
                    self.claims(&id, *taken);
                }
            }
            Step::Answer { place, older, said } => {
                if let Some(id) = self.at(*place) {
                    let attempt = self.sending(&id).attempts.saturating_sub(*older);
                    self.answers(&id, attempt, *said);
                }
            }
            Step::LookUp { place, found } => {
                if let Some(id) = self.at(*place) {
                    self.looks_up(&id, *found);
                }
            }
            Step::Lapse { place } => {
                if let Some(id) = self.at(*place) {
                    let attempt = self.sending(&id).attempts;
                    self.decided(&Command::ClaimLapsed { id, attempt });
                }
            }
            Step::Postpone { place } => {
                if let Some(id) = self.at(*place) {
                    let until = self.now + SignedDuration::from_mins(1);
                    let why = "its limit of requests".to_owned();
                    let via = domain::sending::via::Via::new("mail", "smtp mail.example:25");
                    self.decided(&Command::Postpone {
                        id,
                        until,
                        why,
                        via,
                    });
                }
            }
            Step::CannotPrepare { place } => {
                if let Some(id) = self.at(*place) {
                    let why = "its template is broken".to_owned();
                    self.decided(&Command::PreparationFailed { id, why });
                }
            }
            Step::Person(decision) => self.person(*decision),
            Step::OthersBuy(units) => self.others_buy(*units),
            Step::Later(minutes) => self.now += SignedDuration::from_mins(*minutes),
        }
    }

    fn hears(&mut self, news: &ChannelEvent) {
        let (events, _) = self.order.merge(news);
        self.commits(events).unwrap();
        let (again, _) = self.order.merge(news);
        assert_eq!(again, [], "a message repeated adds nothing");
    }

    pub(crate) fn routes(&mut self) {
        let facts = Facts {
            settings: &self.settings,
            offers: &self.offers,
            spent: &[],
            now: self.now,
            reference_taken: false,
        };
        let planned = plan(&self.order, &facts).unwrap();
        let cancelled = self.order.is_cancelled();
        let events = self.decided(&planned.command).unwrap();
        for event in &events {
            if let Event::Routing(RoutingDecision::Routed(routed)) = event {
                let alive = routed.purchase_orders.is_empty();
                assert!(alive || !cancelled, "a cancelled order is planned");
            }
        }
        assert_eq!(self.order.needs_routing, None);
    }

    /// As a worker does: only where it is the next step, and on the version that was looked at.
    fn claims(&mut self, id: &SendSubject, taken: bool) {
        let own = self.own(id);
        let next = match id.request() {
            None => step(&self.order, own, self.now),
            Some(request) => step_of_cancel(own, request, self.now),
        };
        if next != NextStep::Send {
            return;
        }
        let claim = Command::StartSend {
            id: id.clone(),
            artifact: Digest::of(b"artifact"),
            resolve_at: self.now + TIMEOUT,
            cut_off: None,
            via: domain::sending::via::Via::new("mail", "smtp mail.example:25"),
        };
        if self.decided(&claim).is_none() {
            return;
        }
        assert!(
            id.request().is_some() || !self.order.is_cancelled(),
            "a cancelled order is sent"
        );
        if taken {
            let sending = self.sending(id);
            let (attempt, step) = (sending.attempts, sending.progress.steps.len());
            self.taken.insert((id.clone(), attempt));
            *self.takings.entry((id.clone(), step)).or_default() += 1;
        }
    }

    fn answers(&mut self, id: &SendSubject, attempt: u32, said: Said) {
        let taken = self.taken.contains(&(id.clone(), attempt));
        let silence = matches!(said, Said::InDoubt { .. });
        if self.honesty == Honesty::Honest && !silence && taken != said.means_taken() {
            return;
        }
        let outcome = self.outcome(id, said);
        let tells = matches!(outcome, Outcome::Accepted(_)) && attempt > 0;
        let command = Command::RecordOutcome {
            id: id.clone(),
            attempt,
            outcome,
        };
        if self.decided(&command).is_some() && tells {
            self.told_taken
                .entry(id.clone())
                .or_default()
                .insert(attempt);
        }
        let again = self.order.decide(command, self.now);
        assert!(
            again.as_ref().map_or(true, Vec::is_empty),
            "an outcome repeated adds {again:?}"
        );
    }

    fn outcome(&self, id: &SendSubject, said: Said) -> Outcome {
        let own = self.own(id);
        let lines = |units: fn(u32) -> u32, status: LineStatus| {
            let lines = own.lines.iter().map(move |line| LineOutcome {
                supplier_sku: line.supplier_sku.to_string(),
                quantity: units(line.quantity),
                status: status.clone(),
            });
            lines.collect::<Vec<_>>()
        };
        let accepted = |lines, cancel| {
            Outcome::Accepted(Accepted {
                references: vec!["theirs".to_owned()],
                lines,
                cancel,
                evidence: None,
            })
        };
        match said {
            Said::Accepted => accepted(Vec::new(), None),
            Said::Backordered => {
                accepted(lines(|units| units, LineStatus::Backordered(None)), None)
            }
            Said::RefusedUnits(reason) => {
                accepted(lines(|_| 1, LineStatus::Rejected(rejection(reason))), None)
            }
            Said::Nonsense => accepted(
                lines(|units| units + 1, LineStatus::Backordered(None)),
                None,
            ),
            Said::Cancel(answer) => accepted(Vec::new(), Some(answer)),
            Said::StepDone => Outcome::StepDone(StepDone {
                step: "draft".to_owned(),
                extracted: BTreeMap::new(),
            }),
            Said::Rejected(reason) => Outcome::Rejected {
                why: rejection(reason),
                hold: false,
            },
            Said::NotSent => Outcome::NotSent {
                retry_after: None,
                why: "busy".to_owned(),
            },
            Said::NotSentForYears => Outcome::NotSent {
                retry_after: Some(SignedDuration::from_hours(10 * 365 * 24)),
                why: "HTTP 429".to_owned(),
            },
            Said::InDoubt { can_look_up } => Outcome::InDoubt {
                why: "silence".to_owned(),
                evidence: None,
                can_look_up,
            },
        }
    }

    fn looks_up(&mut self, id: &SendSubject, found: Found) {
        let sending = self.sending(id);
        let attempt = sending.attempts;
        let step = sending.progress.steps.len();
        let there = self.takings.contains_key(&(id.clone(), step));
        let says_there = matches!(found, Found::There | Found::StepDone);
        if self.honesty == Honesty::Honest && found != Found::Unclear && there != says_there {
            return;
        }
        let answer = match found {
            Found::There => Answer::Accepted(Accepted::default()),
            Found::StepDone => Answer::StepDone(StepDone {
                step: "draft".to_owned(),
                extracted: BTreeMap::new(),
            }),
            Found::Absent => Answer::NotFound(LookupFinding::Absent),
            Found::Unclear => Answer::NotFound(LookupFinding::Unclear),
        };
        let settles = matches!(&sending.state, SendState::InDoubt { .. }) && found == Found::There;
        let recorded = self.decided(&Command::RecordLookup {
            id: id.clone(),
            attempt,
            answer,
            time: LookupTime {
                date: None,
                steady: Steady {
                    process: None,
                    since: SignedDuration::ZERO,
                },
                proof_after: Some(LAG),
            },
        });
        if settles && recorded.is_some() {
            self.told_taken
                .entry(id.clone())
                .or_default()
                .insert(attempt);
        }
    }

    fn person(&mut self, decision: Decision) {
        let (who, why) = ("Grace".to_owned(), "the customer called".to_owned());
        let command = match decision {
            Decision::Release => Command::Release {
                method: None,
                who,
                why,
            },
            Decision::Hold => Command::Hold { who, why },
            Decision::Cancel => Command::Cancel { who, why },
            Decision::WithoutEast => Command::Reroute {
                without: Some(supplier("east")),
                only: None,
                who,
                why,
            },
            Decision::OnlyNorth => Command::Reroute {
                without: None,
                only: Some(supplier("north")),
                who,
                why,
            },
            Decision::EditAddress(moved) => Command::EditAddress {
                edit: correction(moved),
                who,
                why,
            },
            Decision::Sent(place) => {
                let verdict = Verdict::Sent {
                    reference: "theirs".to_owned(),
                };
                return self.resolves(place, verdict);
            }
            Decision::NotSent(place) => return self.resolves(place, Verdict::NotSent),
            Decision::CancelAnswered(place, answer) => {
                return self.resolves(place, Verdict::Cancel(answer));
            }
            Decision::Backorders(place) => {
                let status =
                    LineStatus::Backordered(Some(start().to_zoned(jiff::tz::TimeZone::UTC).date()));
                return self.acknowledges(place, 1, &status);
            }
            Decision::Refuses(place, reason) => {
                return self.acknowledges(place, 1, &LineStatus::Rejected(rejection(reason)));
            }
            Decision::TalksNonsense(place) => {
                return self.acknowledges(place, 99, &LineStatus::Backordered(None));
            }
        };
        self.decided(&command);
    }

    fn resolves(&mut self, place: usize, verdict: Verdict) {
        let Some(number) = self.number_at(place) else {
            return;
        };
        // What a verdict is about: the purchase order, or the first of its requests in doubt.
        let doubt = self.hand_overs().into_iter().find(|id| {
            id.purchase_order() == &number
                && matches!(self.sending(id).state, SendState::InDoubt { .. })
        });
        if let Some(id) = &doubt
            && self.honesty == Honesty::Honest
        {
            let step = self.sending(id).progress.steps.len();
            let there = self.takings.contains_key(&(id.clone(), step));
            match &verdict {
                Verdict::Sent { .. } if !there => return,
                Verdict::NotSent if there => return,
                Verdict::Sent { .. } | Verdict::NotSent | Verdict::Cancel(_) => {}
            }
        }
        let sent = matches!(verdict, Verdict::Sent { .. });
        let recorded = self.decided(&Command::Resolve {
            number,
            verdict,
            who: "Grace".to_owned(),
            why: "called them".to_owned(),
        });
        if let (Some(id), true, Some(_)) = (doubt, sent, recorded) {
            let attempt = self.sending(&id).attempts;
            self.told_taken.entry(id).or_default().insert(attempt);
        }
    }

    fn acknowledges(&mut self, place: usize, quantity: u32, status: &LineStatus) {
        let Some(number) = self.number_at(place) else {
            return;
        };
        let own = self.order.purchase_order(&number).unwrap();
        let lines = own.lines.iter().map(|line| LineOutcome {
            supplier_sku: line.supplier_sku.to_string(),
            quantity,
            status: status.clone(),
        });
        let lines = lines.collect();
        self.decided(&Command::Acknowledge {
            number,
            lines,
            who: "Grace".to_owned(),
            why: "they called".to_owned(),
        });
    }

    fn others_buy(&mut self, units: u32) {
        for known in &mut self.offers {
            if let Some(stock) = &mut known.stock {
                let there = u32::try_from(stock.available.max(0)).unwrap();
                let bought = units.min(there);
                stock.available -= i64::from(bought);
                let sku = known.offer.supplier_sku.clone();
                *self.others.entry(sku).or_default() += bought;
            }
        }
    }

    /// The events of a command that was carried out; none where it was refused.
    fn decided(&mut self, command: &Command) -> Option<Vec<Event>> {
        let before = self.order.clone();
        let decided = self
            .order
            .decide(command.clone(), self.now)
            .and_then(|events| self.commits(events));
        match decided {
            Ok(events) => Some(events),
            Err(refusal) => {
                assert_eq!(before, self.order, "a refused command changes nothing");
                let illegal = matches!(refusal, Refusal::Illegal { .. });
                assert!(!illegal, "{command:?} is decided and cannot be: {refusal}");
                None
            }
        }
    }

    fn commits(&mut self, events: Vec<Event>) -> Result<Vec<Event>, Refusal> {
        if events.is_empty() {
            return Ok(events);
        }
        let (commit, after) = Commit::new(&self.order, events.clone(), self.now)?;
        let before = std::mem::replace(&mut self.order, after);
        for change in &commit.reservations {
            self.reserves(change);
        }
        self.history.extend(commit.events);
        oracle::check(self, &before);
        Ok(events)
    }

    /// As the store does it.
    fn reserves(&mut self, change: &ReservationChange) {
        let key = (change.purchase_order.clone(), change.supplier_sku.clone());
        let stock = self
            .offers
            .iter_mut()
            .find(|known| known.offer.supplier_sku == change.supplier_sku)
            .and_then(|known| known.stock.as_mut())
            .expect("only what is counted is reserved");
        match change.change {
            Change::Reserve(units) => {
                assert!(stock.available >= i64::from(units), "reserved beyond stock");
                stock.available -= i64::from(units);
                *self.reserved.entry(key).or_default() += units;
            }
            Change::ReserveAgain(units) => {
                stock.available -= i64::from(units);
                *self.reserved.entry(key).or_default() += units;
            }
            Change::GiveBack(units) => {
                let held = self.reserved.get_mut(&key).expect("was reserved");
                *held = held.checked_sub(units).expect("no more than was reserved");
                stock.available += i64::from(units);
                if *held == 0 {
                    self.reserved.remove(&key);
                }
            }
            Change::SoldOut => {
                let left = stock.available.max(0);
                stock.stock -= u32::try_from(left).unwrap();
                stock.available -= left;
            }
            Change::Sent(_) => {}
        }
    }

    /// Everybody does what is due, nothing goes wrong any more, and a person closes what is left.
    pub(crate) fn settles(&mut self) {
        for round in 0..80 {
            let woken = wake(&self.order, self.now);
            for message in &woken {
                match message {
                    Message::Routing(_) => self.routes(),
                    Message::Forwarding(message) => self.forwards(&message.purchase_order),
                }
            }
            if round % 8 == 7 {
                self.closes_cases();
            }
            let next = self.order.due_after(self.now);
            let soon = self.now + SignedDuration::from_mins(2);
            self.now = next.map_or(soon, |next| next.max(soon));
        }
    }

    fn forwards(&mut self, number: &PurchaseOrderNumber) {
        let ids = self
            .hand_overs()
            .into_iter()
            .filter(|id| id.purchase_order() == number);
        for id in ids.collect::<Vec<_>>() {
            let own = self.own(&id);
            let next = match id.request() {
                None => step(&self.order, own, self.now),
                Some(request) => step_of_cancel(own, request, self.now),
            };
            match next {
                NextStep::Send => {
                    self.claims(&id, true);
                    let attempt = self.sending(&id).attempts;
                    if self.taken.contains(&(id.clone(), attempt)) {
                        let said = match id.request() {
                            None => Said::Accepted,
                            Some(_) => Said::Cancel(CancelAnswer::Accepted),
                        };
                        self.answers(&id, attempt, said);
                    }
                }
                NextStep::Lapse { attempt } => {
                    let id = id.clone();
                    self.decided(&Command::ClaimLapsed { id, attempt });
                }
                NextStep::LookUp { .. } => {
                    self.looks_up(&id, self.truth(&id));
                }
                NextStep::Batch { .. } | NextStep::Leave(_) => {}
            }
        }
    }

    fn truth(&self, id: &SendSubject) -> Found {
        let step = self.sending(id).progress.steps.len();
        if self.takings.contains_key(&(id.clone(), step)) {
            Found::There
        } else {
            Found::Absent
        }
    }

    fn closes_cases(&mut self) {
        for place in 0..self.order.purchase_orders.len() {
            let number = self.order.purchase_orders[place].number.clone();
            for id in self.hand_overs() {
                if id.purchase_order() == &number
                    && matches!(self.sending(&id).state, SendState::InDoubt { .. })
                {
                    match self.truth(&id) {
                        Found::There => self.person(Decision::Sent(place)),
                        Found::Absent | Found::StepDone | Found::Unclear => {
                            self.person(Decision::NotSent(place));
                        }
                    }
                }
            }
            self.person(Decision::CancelAnswered(place, CancelAnswer::Accepted));
        }
        self.person(Decision::Release);
    }

    /// Claims of the history, each with what ended the claim before it.
    pub(crate) fn claims_without_an_end(&self) -> Vec<SendSubject> {
        let mut open: BTreeMap<SendSubject, bool> = BTreeMap::new();
        let mut wrong = Vec::new();
        for recorded in &self.history {
            let (number, cancel, event) = if let Event::Send(SendChange {
                subject: SendSubject::PurchaseOrder(number),
                event,
            }) = &recorded.event
            {
                (number, None, event)
            } else if let Event::Send(SendChange {
                subject:
                    SendSubject::Cancel {
                        purchase_order: number,
                        request,
                    },
                event,
            }) = &recorded.event
            {
                (number, Some(*request), event)
            } else {
                continue;
            };
            let id = SendSubject::new(number.clone(), cancel);
            if matches!(event, SendEvent::SendStarted { .. }) {
                if open.insert(id.clone(), true) == Some(true) {
                    wrong.push(id);
                }
            } else if matches!(
                event,
                SendEvent::SendDeferred { .. } | SendEvent::SendStepDone { .. }
            ) {
                open.insert(id, false);
            }
        }
        wrong
    }
}

fn rejection(reason: RejectionReason) -> Rejection {
    Rejection {
        reason,
        detail: "HTTP 422".to_owned(),
        evidence: None,
    }
}
