//! What kind of refusal an answer is, if it is one. A status alone is the word of any server on the
//! way; only a refusal that says why is believed without asking.

use super::answer::Answer;
use super::decode::Form;
use super::sequence::{OpenStep, Sequence};
use super::settings::REJECTED;

/// Pages with these statuses come from a web server that passed the request on to nobody: a moved
/// path, a method or a size that it does not let through.
const PASSED_ON_TO_NOBODY: [u16; 8] = [404, 405, 410, 413, 414, 415, 421, 431];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The answer says why: a word that `reasons` translates, or what a written `rejected` finds in
    /// body, headers or text.
    Explained,
    /// A status that refuses, and a body that does not say why.
    Unexplained,
    /// HTTP 409: their side has something that contradicts the request, perhaps the request itself.
    Conflict,
    /// A status of 400 to 499 with no body, HTML or no tree. `is_unsent` where the status shows that
    /// nothing was taken.
    Page { is_unsent: bool },
}

impl Sequence {
    /// The kind of refusal; `None` where it is none. `may_be_ours`: an earlier attempt was in doubt,
    /// so that a conflict may be with what that one left there, whatever the answer says.
    pub(super) fn refusal(
        &self,
        step: &OpenStep,
        answer: &Answer,
        may_be_ours: bool,
    ) -> Option<Refusal> {
        let status = answer.status;
        if status == 409 && may_be_ours {
            return Some(Refusal::Conflict);
        }
        let is_client_error = (400..500).contains(&status);
        let written = step.settings.rejected.as_deref();
        let holds = self.holds(Some(written.unwrap_or(REJECTED)), answer);
        let is_known = self
            .connection
            .reasons
            .knows(self.word(step, answer).as_ref());
        let is_explained = match written {
            Some(_) => holds && (step.reads.rejected || is_known),
            None => is_client_error && is_known,
        };
        if is_explained {
            Some(Refusal::Explained)
        } else if is_client_error && answer.form != Form::Tree {
            let is_unsent = PASSED_ON_TO_NOBODY.contains(&status);
            Some(Refusal::Page { is_unsent })
        } else if status == 409 {
            Some(Refusal::Conflict)
        } else {
            holds.then_some(Refusal::Unexplained)
        }
    }
}
