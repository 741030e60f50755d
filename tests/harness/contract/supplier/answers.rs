//! `answers.toml`: what the supplier does with one send, and what must become of it.

use super::{CANCEL, Fixture, Place};
use domain::order::answer::{CancelAnswer, RejectionReason};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answers {
    /// The steps in which an order is handed over, where it takes several.
    pub(super) steps: Option<Vec<String>>,
    #[serde(default)]
    pub(super) answer: Vec<Answer>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    /// The steps that may meet it, and `cancel`; all of them where absent.
    of: Option<Vec<String>>,
    pub(super) does: Does,
    pub(super) status: Option<u16>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) body: String,
    pub(super) earlier: Option<Earlier>,
    #[serde(default)]
    pub(super) doubted: bool,
    pub(super) outcome: Class,
    /// Of an order that is accepted.
    pub(super) reference: Option<String>,
    /// Of a request to cancel that is answered at once.
    pub(super) verdict: Option<CancelAnswer>,
    pub(super) retry_after: Option<u64>,
    #[serde(default)]
    pub(super) unauthorized: bool,
    /// A rejection that does not say why.
    #[serde(default)]
    pub(super) unexplained: bool,
    /// Of a rejection, where it is known.
    pub(super) reason: Option<String>,
    /// The supplier's own word for it, which must be told.
    pub(super) word: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Does {
    Take,
    TakeSilently,
    /// Takes it, and answers with what is written.
    TakeAndAnswer,
    Unreachable,
    CutOff,
    Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Earlier {
    Ours,
    Theirs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Class {
    Accepted,
    Rejected,
    NotSent,
    InDoubt,
    Foreign,
    /// A web server's page, in the place of the supplier's own words.
    PageNotSent,
    PageInDoubt,
}

impl Answer {
    /// Whether a hand-over that stands there may meet it.
    pub(super) fn is_of(&self, place: &Place) -> bool {
        let named = |of: &Vec<String>| of.contains(&place.name);
        self.of.as_ref().is_none_or(named)
    }

    /// Does so, and nothing is said about it but what is asked for here.
    pub(super) fn plain(does: Does) -> Self {
        Self {
            of: None,
            does,
            status: None,
            headers: BTreeMap::new(),
            body: String::new(),
            earlier: None,
            doubted: false,
            outcome: Class::InDoubt,
            reference: None,
            verdict: None,
            retry_after: None,
            unauthorized: false,
            unexplained: false,
            reason: None,
            word: None,
        }
    }

    pub(super) fn reason(&self) -> RejectionReason {
        self.reason
            .as_deref()
            .map_or(RejectionReason::Unknown, |name| {
                RejectionReason::parse(name).unwrap_or_else(|| panic!("{name} is no reason"))
            })
    }
}

/// Answers of HTTP that every supplier gives one day.
const STATUSES: [u16; 10] = [200, 400, 401, 403, 404, 409, 422, 429, 500, 502];

/// That fair weather is not all that the fixture knows.
pub(super) fn coverage(fixture: &Fixture) {
    let places = fixture.places.iter();
    let names: Vec<&str> = places.map(|place| place.name.as_str()).collect();
    for answer in &fixture.answers.answer {
        for of in answer.of.iter().flatten() {
            assert!(names.contains(&of.as_str()), "{of:?} is none of {names:?}");
        }
    }
    for place in &fixture.places {
        let answers: Vec<&Answer> = fixture.answers_at(place).collect();
        let any = |what: &str, holds: fn(&Answer) -> bool| some(place, &answers, what, holds);
        for does in [Does::Take, Does::TakeSilently, Does::Unreachable] {
            some(
                place,
                &answers,
                &format!("the supplier does {does:?}"),
                |answer| answer.does == does,
            );
        }
        any("the supplier has it from before", |answer| {
            answer.earlier == Some(Earlier::Ours)
        });
        if fixture.has_hosts() {
            network(place, &answers);
        }
    }
    let says_so =
        |answer: &Answer| answer.does == Does::Answer && answer.outcome == Class::Accepted;
    let exists = |answer: &&Answer| answer.earlier == Some(Earlier::Ours) && says_so(answer);
    let foreign = |answer: &Answer| answer.outcome == Class::Foreign;
    let answers = &fixture.answers.answer;
    if answers
        .iter()
        .filter(exists)
        .any(|answer| answer.verdict.is_none())
    {
        let theirs = |answer: &Answer| foreign(answer) && answer.earlier == Some(Earlier::Theirs);
        assert!(
            answers.iter().any(theirs),
            "nothing exists that is not ours"
        );
    }
    reasons(fixture);
}

fn some(place: &Place, answers: &[&Answer], what: &str, holds: impl Fn(&Answer) -> bool) {
    let some = answers.iter().any(|answer| holds(answer));
    assert!(some, "at {} there is no answer where {what}", place.name);
}

fn network(place: &Place, answers: &[&Answer]) {
    let any = |what: &str, holds: fn(&Answer) -> bool| some(place, answers, what, holds);
    any("the answer breaks off", |answer| {
        answer.does == Does::CutOff
    });
    for status in STATUSES {
        some(place, answers, &format!("it is HTTP {status}"), |answer| {
            answer.status == Some(status)
        });
    }
    any("HTTP 429 asks to wait", |answer| {
        answer.status == Some(429) && answer.retry_after.is_some()
    });
    // That a success without its reference is no success.
    any("an error comes with HTTP 200", |answer| {
        answer.status == Some(200) && answer.outcome == Class::InDoubt
    });
    any("a web server that reached nobody answers", |answer| {
        answer.outcome == Class::PageNotSent
    });
    any(
        "a page comes that may have been taken for an order",
        |answer| answer.outcome == Class::PageInDoubt,
    );
    if place.is_last && !place.is_cancel() {
        any("a success names no number", |answer| {
            answer.status == Some(201) && answer.outcome == Class::InDoubt
        });
        any("it refuses what it took", |answer| {
            answer.does == Does::TakeAndAnswer && answer.outcome == Class::Accepted
        });
    }
    if place.name == CANCEL {
        for verdict in [
            CancelAnswer::Accepted,
            CancelAnswer::Refused,
            CancelAnswer::TooLate,
        ] {
            some(
                place,
                answers,
                &format!("the verdict is {verdict:?}"),
                |answer| answer.verdict == Some(verdict),
            );
        }
    }
}

/// Every word that the settings translate, and one that they do not.
fn reasons(fixture: &Fixture) {
    let settings = fixture.settings(super::ADDRESS);
    let Some(words) = settings.get("reasons").and_then(Value::as_object) else {
        return;
    };
    let rejected = || {
        let answers = fixture.answers.answer.iter();
        answers.filter(|answer| answer.outcome == Class::Rejected)
    };
    for (word, reason) in words {
        let translated = |answer: &Answer| {
            answer.word.as_ref() == Some(word) && answer.reason.as_deref() == reason.as_str()
        };
        assert!(rejected().any(translated), "nothing is rejected for {word}");
    }
    let unheard = |answer: &Answer| {
        let word = answer.word.as_ref();
        word.is_some_and(|word| !words.contains_key(word))
    };
    assert!(rejected().any(unheard), "no word is unheard of");
    let told = |answer: &Answer| {
        let personal = super::handovers::personal();
        answer.word.is_none() && personal.iter().any(|text| answer.body.contains(text))
    };
    assert!(rejected().any(told), "no rejection speaks of the customer");
}
