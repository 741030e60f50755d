//! When sends and look-ups are tried again, and when their silence is a case.

use jiff::{SignedDuration, Timestamp};

/// Between deferrals of one purchase order; the last one repeats.
const DEFER_FOR: [SignedDuration; 5] = [
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(15),
    SignedDuration::from_mins(30),
];
/// Deferrals in a row after which a person is told; trying goes on.
pub const DEFERRALS_BEFORE_CASE: u32 = 5;
/// Look-ups after a doubt began.
pub const LOOK_UP_AFTER: [SignedDuration; 4] = [
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(15),
    SignedDuration::from_mins(60),
];
/// An artifact that cannot be made is tried again after this long.
pub const PREPARE_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(30);
/// And again after this long while it fails for the same reason.
pub const PREPARE_ONCE_MORE_AFTER: SignedDuration = SignedDuration::from_hours(6);
/// Attempts in a row whose absence was proved, after which nothing is tried by itself any more.
pub const ABSENCES_BEFORE_CASE: u32 = 6;
/// Rejections of one order after which no further supplier is tried by itself.
pub const REJECTIONS_BEFORE_HOLD: usize = 3;
/// A claim is looked up when the hard timeout of the send and this much have passed.
pub const SETTLE_MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// A mail service that reports deliveries has said something about a mail this long after it took it;
/// silence is a case.
pub const REPORTED_WITHIN: SignedDuration = SignedDuration::from_mins(30);
/// A mail whose delivery was delayed is delivered or has bounced this long after the mail service took
/// it. SES tries for 14 hours.
pub const DELIVERED_WITHIN: SignedDuration = SignedDuration::from_hours(15);
/// While mail to a supplier is paused, whatever waits for it is looked at again after this long, and
/// then by every sweep that wakes it.
pub const PAUSED_FOR: SignedDuration = SignedDuration::from_mins(1);
/// Why a mail waits while its supplier's incident is open.
pub const MAIL_PAUSED: &str =
    "mail to the supplier is paused until the incident mail-suppressed is closed";

/// As long as the supplier says, within reason; a short wait is believed a few times only, for a wait
/// of nothing would be a loop.
pub fn retry_after(said: Option<SignedDuration>, deferrals: u32) -> SignedDuration {
    said.map_or_else(
        || deferral(deferrals),
        |said| {
            let least = deferrals
                .checked_sub(SHORT_WAITS)
                .map_or(SHORTEST_WAIT, deferral);
            said.clamp(least, LONGEST_WAIT)
        },
    )
}

const SHORT_WAITS: u32 = 3;
/// A supplier that names no real wait is asked again after this long.
const SHORTEST_WAIT: SignedDuration = SignedDuration::from_secs(1);
/// However long a supplier wants to be left alone, and its settings permit, it is asked again after
/// this long.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);
/// A wait that ends later than this is a case at once.
pub const LONG_WAIT: SignedDuration = SignedDuration::from_mins(30);

pub fn deferral(before: u32) -> SignedDuration {
    let index = usize::try_from(before)
        .unwrap_or(usize::MAX)
        .min(DEFER_FOR.len() - 1);
    DEFER_FOR[index]
}

/// Look-ups of one doubt after which no further one is made for a proof alone: the clocks by which it
/// would be proved stand still.
pub const LOOK_UPS_FOR_A_PROOF: u32 = 24;
/// A `Date` has no fractions of a second: by a look-up so much later it surely shows that a lag is over.
pub const DATE_PRECISION: SignedDuration = SignedDuration::from_secs(1);

/// The fixed times after the doubt began; earlier where a "not there" after `to_wait` would prove it.
pub fn next_look_up(
    since: Timestamp,
    to_wait: Option<SignedDuration>,
    now: Timestamp,
) -> Option<Timestamp> {
    let fixed = LOOK_UP_AFTER
        .iter()
        .map(|after| since + *after)
        .find(|at| *at > now);
    let proving = to_wait.map(|wait| now + wait);
    [fixed, proving].into_iter().flatten().min()
}

/// Planned, due and not claimed for so long: the sweep enqueues it again.
pub const RESEND_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// Planned, due and not claimed for so long: a case.
pub const SENDING_OVERDUE: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
