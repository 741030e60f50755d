//! What may happen to an order, one step at a time, in words that a shrunk failure is read in.

use domain::order::answer::{CancelAnswer, RejectionReason};
use proptest::prelude::*;
use proptest::sample::select;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Channel(Told),
    /// A routing worker carries out its plan.
    Routing,
    /// A forwarding worker claims the hand-over at this place, where that is possible; `taken`:
    /// the request reaches the supplier and it takes it.
    Claim {
        place: usize,
        taken: bool,
    },
    /// The answer to an attempt, `older` attempts before the last one.
    Answer {
        place: usize,
        older: u32,
        said: Said,
    },
    LookUp {
        place: usize,
        found: Found,
    },
    /// The sweep finds a claim whose time is over.
    Lapse {
        place: usize,
    },
    Postpone {
        place: usize,
    },
    CannotPrepare {
        place: usize,
    },
    Person(Decision),
    /// Another order takes units of everything that is counted.
    OthersBuy(u32),
    /// Minutes pass.
    Later(i64),
}

/// What the channel tells; each message has its own place in the channel's time, whenever it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Tagged,
    Untagged,
    Moved,
    MovedBack,
    /// Two more mugs.
    More,
    /// Two chairs fewer.
    Fewer,
    ShippedByTheMerchant,
    MugRefunded,
    ChairsRefunded,
    /// After it was shipped.
    MugReturned,
    /// The channel does not say whether it is to be shipped.
    ChairMoneyBack,
    ChairsOnHold,
    /// The order as a whole, without a word on its lines.
    AllOnHold,
    /// A line is added while the chairs are on hold.
    UpsellDuringHold,
    HoldEnded,
    ChairShipped,
    /// A line is added after everything was refunded, and paid.
    ReplacedAfterRefund,
    RefundedInFull,
    Cancelled,
}

impl Told {
    pub(crate) const ALL: [Self; 19] = [
        Self::Tagged,
        Self::Untagged,
        Self::Moved,
        Self::MovedBack,
        Self::More,
        Self::Fewer,
        Self::ShippedByTheMerchant,
        Self::MugRefunded,
        Self::ChairsRefunded,
        Self::MugReturned,
        Self::ChairMoneyBack,
        Self::ChairsOnHold,
        Self::AllOnHold,
        Self::UpsellDuringHold,
        Self::HoldEnded,
        Self::ChairShipped,
        Self::ReplacedAfterRefund,
        Self::RefundedInFull,
        Self::Cancelled,
    ];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Accepted,
    Backordered,
    /// It takes all but one unit of each line.
    RefusedUnits(RejectionReason),
    /// It speaks of what was not asked for.
    Nonsense,
    /// Of a request to cancel.
    Cancel(CancelAnswer),
    StepDone,
    Rejected(RejectionReason),
    NotSent,
    /// Not for ten years.
    NotSentForYears,
    InDoubt {
        can_look_up: bool,
    },
}

impl Said {
    /// The supplier has it, or its step.
    pub(crate) fn means_taken(self) -> bool {
        match self {
            Self::Accepted
            | Self::Backordered
            | Self::RefusedUnits(_)
            | Self::Nonsense
            | Self::Cancel(_)
            | Self::StepDone => true,
            Self::Rejected(_) | Self::NotSent | Self::NotSentForYears | Self::InDoubt { .. } => {
                false
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    There,
    StepDone,
    Absent,
    Unclear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Release,
    Hold,
    Cancel,
    WithoutEast,
    OnlyNorth,
    EditAddress(bool),
    /// These are of the purchase order at this place.
    Sent(usize),
    NotSent(usize),
    CancelAnswered(usize, CancelAnswer),
    Backorders(usize),
    Refuses(usize, RejectionReason),
    TalksNonsense(usize),
}

fn reason() -> impl Strategy<Value = RejectionReason> {
    select(RejectionReason::ALL.to_vec())
}

fn cancel_answer() -> impl Strategy<Value = CancelAnswer> {
    select(vec![
        CancelAnswer::Accepted,
        CancelAnswer::Refused,
        CancelAnswer::TooLate,
    ])
}

pub(crate) fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        4 => Just(Said::Accepted),
        1 => Just(Said::Backordered),
        1 => reason().prop_map(Said::RefusedUnits),
        1 => Just(Said::Nonsense),
        2 => cancel_answer().prop_map(Said::Cancel),
        1 => Just(Said::StepDone),
        3 => reason().prop_map(Said::Rejected),
        1 => Just(Said::NotSent),
        1 => Just(Said::NotSentForYears),
        2 => any::<bool>().prop_map(|can_look_up| Said::InDoubt { can_look_up }),
    ]
}

fn decision(
    place: impl Strategy<Value = usize> + Clone + 'static,
) -> impl Strategy<Value = Decision> {
    prop_oneof![
        3 => Just(Decision::Release),
        1 => Just(Decision::Hold),
        1 => Just(Decision::Cancel),
        1 => Just(Decision::WithoutEast),
        1 => Just(Decision::OnlyNorth),
        1 => any::<bool>().prop_map(Decision::EditAddress),
        1 => place.clone().prop_map(Decision::Sent),
        1 => place.clone().prop_map(Decision::NotSent),
        2 => (place.clone(), cancel_answer())
            .prop_map(|(place, answer)| Decision::CancelAnswered(place, answer)),
        1 => place.clone().prop_map(Decision::Backorders),
        1 => (place.clone(), reason()).prop_map(|(place, why)| Decision::Refuses(place, why)),
        1 => place.prop_map(Decision::TalksNonsense),
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let place = || prop_oneof![4 => Just(0_usize), 2 => Just(1), 1 => 2..6_usize];
    let found = select(vec![
        Found::There,
        Found::StepDone,
        Found::Absent,
        Found::Absent,
        Found::Unclear,
    ]);
    prop_oneof![
        4 => select(Told::ALL.to_vec()).prop_map(Step::Channel),
        6 => Just(Step::Routing),
        8 => (place(), any::<bool>()).prop_map(|(place, taken)| Step::Claim { place, taken }),
        8 => (place(), prop_oneof![4 => Just(0_u32), 1 => 1..3_u32], said())
            .prop_map(|(place, older, said)| Step::Answer { place, older, said }),
        3 => (place(), found).prop_map(|(place, found)| Step::LookUp { place, found }),
        2 => place().prop_map(|place| Step::Lapse { place }),
        1 => place().prop_map(|place| Step::Postpone { place }),
        1 => place().prop_map(|place| Step::CannotPrepare { place }),
        6 => decision(place()).prop_map(Step::Person),
        1 => (1..6_u32).prop_map(Step::OthersBuy),
        4 => select(vec![0_i64, 1, 3, 20, 24 * 60]).prop_map(Step::Later),
    ]
}
