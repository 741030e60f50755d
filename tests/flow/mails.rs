//! Mail to a supplier whose address is suppressed, and mails of which nothing is reported: who waits,
//! what is a case, and from when on.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use domain::cases::{CaseEntry, CaseKind};
use domain::sending::timing::MAIL_PAUSED;
use doubles::shop::ShopOrder;
use jiff::SignedDuration;
use ports::{IncidentStore as _, OrderIndex as _};
use tests::faults::{FAULTS, Faults};
use tests::mail::Post;
use tests::world::World;

const BAYSIDE: &str = "bayside";

async fn order(world: &mut World, number: u64, sku: &str) {
    let order = ShopOrder::new(number, &[(sku, 1)]);
    world.topic("orders/create", &order.0).await;
    world.pump().await;
}

async fn minutes(world: &mut World, minutes: i64) {
    for _ in 0..minutes {
        world.pass(SignedDuration::from_mins(1)).await;
    }
}

/// As the index has them, which `cases` shows.
async fn cases(world: &World) -> Vec<CaseEntry> {
    let rows = world.store.all_cases().await.unwrap();
    rows.into_iter().map(|row| row.entry).collect()
}

async fn kinds(world: &World) -> Vec<CaseKind> {
    let cases = cases(world).await;
    cases.into_iter().map(|case| case.kind).collect()
}

async fn suppressed() -> World {
    let mut world = World::new(Faults::default()).await;
    world.mail.script([Post::Suppress]);
    order(&mut world, 1001, "BELL").await;
    minutes(&mut world, 1).await;
    world
}

#[tokio::test]
async fn a_suppressed_address_pauses_the_mail_of_its_supplier_only() {
    let mut world = suppressed().await;
    let incidents = world.store.incidents().await.unwrap();
    let [incident] = incidents.as_slice() else {
        panic!("{incidents:?}");
    };
    assert_eq!(incident.kind, CaseKind::MailSuppressed);
    assert_eq!(incident.cause, BAYSIDE);
    assert!(incident.detail.ends_with("\nremove it from the list"));
    assert_eq!(kinds(&world).await, [CaseKind::MailBounced]);

    for number in 1002..1005 {
        order(&mut world, number, "BELL").await;
    }
    order(&mut world, 1005, "CLOCK").await;
    minutes(&mut world, 30).await;
    assert_eq!(world.mail.taken(), 1);
    let harbour = world.received();
    assert_eq!(
        harbour.len(),
        1,
        "a supplier whose mails become files: {harbour:?}"
    );
    let waiting: Vec<_> = cases(&world)
        .await
        .into_iter()
        .filter(|case| case.kind == CaseKind::SendDelayed)
        .collect();
    assert_eq!(waiting.len(), 3);
    for case in &waiting {
        assert_eq!(case.cause, BAYSIDE);
        assert!(case.detail.ends_with(MAIL_PAUSED), "{}", case.detail);
    }
    // However long it waits, it is said once.
    for (order, history) in world.orders().await {
        let paused = history
            .iter()
            .filter(|event| format!("{event:?}").contains(MAIL_PAUSED))
            .count();
        assert!(paused <= 1, "{}: {paused}", order.id);
    }
    assert_eq!(world.store.incidents().await.unwrap().len(), 1);

    world.closes(CaseKind::MailSuppressed).await;
    minutes(&mut world, 4).await;
    assert_eq!(world.mail.taken(), 4);
    assert_eq!(kinds(&world).await, [CaseKind::MailBounced]);
    assert_eq!(world.broken().await, Vec::<String>::new());
}

/// The mail service reports at least once, and sometimes days later.
#[tokio::test]
async fn a_report_that_is_repeated_after_the_incident_was_closed_opens_none() {
    let mut world = suppressed().await;
    world.closes(CaseKind::MailSuppressed).await;
    world.mail.report_again();
    minutes(&mut world, 2).await;
    assert_eq!(world.store.incidents().await.unwrap(), []);
    // A later mail to the same address does.
    world.mail.script([Post::Suppress]);
    order(&mut world, 1002, "BELL").await;
    minutes(&mut world, 1).await;
    assert_eq!(world.store.incidents().await.unwrap().len(), 1);
}

/// Whatever goes wrong while the report is worked on, the incident is opened once and the purchase
/// order bounced.
#[tokio::test]
async fn a_fault_while_the_report_is_recorded_loses_neither_incident_nor_bounce() {
    let mut world = World::new(Faults::default()).await;
    world.mail.script([Post::Suppress]);
    order(&mut world, 1001, "BELL").await;
    let before = world.faults.effects();
    minutes(&mut world, 1).await;
    let after = world.faults.effects();
    assert!(before < after);
    for effect in before..after {
        for fault in FAULTS {
            let mut world = World::new(Faults::at(effect, fault)).await;
            world.mail.script([Post::Suppress]);
            order(&mut world, 1001, "BELL").await;
            minutes(&mut world, 3).await;
            let incidents = world.store.incidents().await.unwrap();
            assert_eq!(incidents.len(), 1, "{fault:?} at {effect}");
            assert_eq!(
                kinds(&world).await,
                [CaseKind::MailBounced],
                "{fault:?} at {effect}"
            );
        }
    }
}

#[tokio::test]
async fn silence_is_a_case_after_thirty_minutes() {
    let later = CaseKind::MailUnconfirmed;
    for (post, at_31, at_15_hours) in [
        (None, None, None),
        (Some(Post::DeliverSilently), None, None),
        (Some(Post::Forget), Some(later), Some(later)),
        (Some(Post::Return), Some(later), Some(later)),
        (Some(Post::Delay), None, Some(later)),
    ] {
        let mut world = World::new(Faults::default()).await;
        world.mail.script(post);
        order(&mut world, 1001, "BELL").await;
        minutes(&mut world, 29).await;
        assert_eq!(kinds(&world).await, [], "{post:?}");
        minutes(&mut world, 2).await;
        let expected: Vec<_> = at_31.into_iter().collect();
        assert_eq!(kinds(&world).await, expected, "{post:?}");
        world.pass(SignedDuration::from_hours(15)).await;
        let expected: Vec<_> = at_15_hours.into_iter().collect();
        assert_eq!(kinds(&world).await, expected, "{post:?}");
        assert_eq!(world.broken().await, Vec::<String>::new(), "{post:?}");
    }
}

/// What comes late closes the case by itself.
#[tokio::test]
async fn a_late_report_of_the_delivery_closes_the_case() {
    let mut world = World::new(Faults::default()).await;
    world.mail.script([Post::Forget]);
    order(&mut world, 1001, "BELL").await;
    minutes(&mut world, 31).await;
    assert_eq!(kinds(&world).await, [CaseKind::MailUnconfirmed]);
    world.mail.deliver_all();
    minutes(&mut world, 1).await;
    assert_eq!(kinds(&world).await, []);
}
