//! The whole matrix, as a snapshot that is reviewed.

use super::*;

/// Every state against every event, of the state's own attempt and of an older one.
#[test]
fn matrix() {
    let at = Timestamp::from_second(1_767_225_600).unwrap();
    let artifact = Digest::of(b"artifact");
    let why = || Rejection {
        reason: crate::order::answer::RejectionReason::Unknown,
        detail: "HTTP 422".into(),
        evidence: None,
    };
    let states = [
        SendState::Planned { due: at },
        SendState::SendStarted {
            attempt: 2,
            artifact: artifact.clone(),
            resolve_at: at,
            cut_off: None,
        },
        SendState::BetweenSteps { due: at },
        SendState::InDoubt {
            attempt: 2,
            since: at,
            look_ups: LookUps::default(),
        },
        SendState::Sent {
            attempt: 2,
            at,
            references: Vec::new(),
        },
        SendState::Rejected {
            attempt: 2,
            at,
            why: why(),
            freed: false,
            route_again: false,
        },
        SendState::Rejected {
            attempt: 2,
            at,
            why: why(),
            freed: true,
            route_again: true,
        },
        SendState::Voided {
            why: "edited".into(),
        },
    ];
    let events = |attempt| {
        [
            SendEvent::SendStarted {
                attempt,
                artifact: artifact.clone(),
                resolve_at: at,
                cut_off: None,
                via: Via::new("http", "POST https://supplier.example/orders"),
            },
            SendEvent::SendStepDone {
                attempt,
                step: "create".into(),
                extracted: BTreeMap::new(),
                by: By::Answer,
            },
            SendEvent::Sent {
                attempt,
                references: Vec::new(),
                by: By::Answer,
            },
            SendEvent::SendRejected {
                attempt,
                why: why(),
                route_again: false,
            },
            SendEvent::SendBounced {
                attempt,
                why: why(),
            },
            SendEvent::DeliveryReported {
                attempt,
                delivery: Delivery::Delivered,
                by: By::MailService,
            },
            SendEvent::SendInDoubt {
                attempt,
                why: "timeout".into(),
                evidence: None,
                look_at: None,
            },
            SendEvent::SuspectedSent {
                restored_at: at,
                via: None,
                look_at: Some(at),
            },
            SendEvent::SendDeferred {
                attempt,
                retry_at: Some(at),
                why: "refused".into(),
                by: By::Answer,
            },
            SendEvent::SendPostponed {
                until: at,
                why: "closed".into(),
                via: Via::new("http", "POST https://supplier.example/orders"),
            },
            SendEvent::LookedUp {
                attempt,
                finding: LookupFinding::Absent,
                next_at: None,
                date: None,
                steady: Steady {
                    process: None,
                    since: SignedDuration::ZERO,
                },
            },
            SendEvent::PreparationFailed {
                why: "no city".into(),
                retry_at: at,
            },
            SendEvent::Prepared,
            SendEvent::RetryRequested {
                by: By::Configuration,
            },
            SendEvent::PurchaseOrderVoided {
                why: "edited".into(),
            },
            SendEvent::RejectionFreed,
        ]
    };
    let mut lines = Vec::new();
    for state in &states {
        for begun in [false, true] {
            for (label, attempt) in [("own", 2), ("older", 1)] {
                for event in events(attempt) {
                    if let Ok(next) = transition(state, begun, &event, at) {
                        lines.push(format!(
                            "{:<13} {}  + {:<20} ({label})  -> {}",
                            state.name(),
                            if begun { "step 2" } else { "step 1" },
                            event.name(),
                            next.name()
                        ));
                    }
                }
            }
        }
    }
    insta::assert_snapshot!("send_matrix", lines.join("\n"));
}
