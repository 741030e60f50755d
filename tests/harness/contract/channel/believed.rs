//! Only what is signed with one of the secrets, for this very account, is believed.

use super::Kind;
use ports::WebhookRequest;

fn without_body(request: &WebhookRequest) -> WebhookRequest {
    WebhookRequest {
        body: Vec::new(),
        ..request.clone()
    }
}

pub(super) fn good(kind: &Kind) {
    let secret = kind.sheet.secret.as_str();
    for secrets in [
        vec![secret],
        vec!["the one before", secret],
        vec![secret, "the next one"],
        vec!["", secret],
    ] {
        let channel = kind.with(&kind.sheet.settings, &secrets);
        for (name, request) in &kind.requests {
            // Pure: the second time is as the first.
            for _ in 0..2 {
                assert_eq!(channel.verify(request), Ok(()), "{name} with {secrets:?}");
            }
            let head = without_body(request);
            assert_eq!(channel.verify_head(&head), Ok(()), "{name}: its head");
        }
    }
}

pub(super) fn bad(kind: &Kind) {
    let channel = kind.channel();
    for (name, request) in &kind.requests {
        let refused = |what: &str, request: &WebhookRequest| {
            assert!(channel.verify(request).is_err(), "{name}: {what}");
        };
        let unread = |what: &str, request: &WebhookRequest| {
            let head = without_body(request);
            assert!(
                channel.verify_head(&head).is_err(),
                "{name}, unread: {what}"
            );
        };
        let last = request.body.len() - 1;
        for at in (0..last).step_by(101).chain([last]) {
            let mut changed = request.clone();
            changed.body[at] ^= 1;
            refused(&format!("body changed at {at}"), &changed);
        }
        let mut longer = request.clone();
        longer.body.push(b' ');
        refused("a longer body", &longer);
        let mut shorter = request.clone();
        shorter.body.pop();
        refused("a shorter body", &shorter);
        let mut empty = request.clone();
        empty.body.clear();
        refused("no body", &empty);

        let signature = request.header(&kind.sheet.signature).expect("a signature");
        let with = |signature: &str| {
            let mut request = request.clone();
            for (header, value) in &mut request.headers {
                if *header == kind.sheet.signature {
                    signature.clone_into(value);
                }
            }
            request
        };
        for at in 0..signature.len() {
            let other = if signature.as_bytes()[at] == b'A' {
                "B"
            } else {
                "A"
            };
            let mut changed = signature.to_owned();
            changed.replace_range(at..=at, other);
            refused(&format!("signature changed at {at}"), &with(&changed));
        }
        for nonsense in ["", " ", "AAAA", "no signature!", "\u{fc}", &signature[1..]] {
            refused(&format!("the signature {nonsense:?}"), &with(nonsense));
            unread(&format!("the signature {nonsense:?}"), &with(nonsense));
        }
        refused(
            "the signature twice",
            &with(&format!("{signature}{signature}")),
        );
        for missing in &kind.sheet.believed_by {
            let mut without = request.clone();
            let before = without.headers.len();
            without.headers.retain(|(header, _)| header != missing);
            assert!(without.headers.len() < before, "{name} has no {missing}");
            refused(&format!("without {missing}"), &without);
            unread(&format!("without {missing}"), &without);
        }
        for secrets in [&[][..], &[""], &["another secret"], &["another secret", ""]] {
            let channel = kind.with(&kind.sheet.settings, secrets);
            assert!(channel.verify(request).is_err(), "{name} with {secrets:?}");
        }
    }
}

pub(super) fn other_account(kind: &Kind) {
    let Some(other) = &kind.sheet.other_account else {
        return;
    };
    let channel = kind.with(other, &[&kind.sheet.secret]);
    for (name, request) in &kind.requests {
        assert!(channel.verify(request).is_err(), "{name}");
    }
}
