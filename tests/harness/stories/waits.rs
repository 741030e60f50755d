//! What waits, and for what: a supplier that fails every time, a wait that a supplier asks for, and an
//! artifact that cannot be made long before it is due.

use super::Action::{Configuration, Decide, Pass, Supplier};
use super::{Action, Story, create, minute, mug, story, suppliers_file};
use domain::ids::SupplierId;
use domain::order::decide::{Command, Which};
use doubles::shop::ShopOrder;
use doubles::supplier::Behaviour;
use jiff::SignedDuration;

/// Grace wants what waits at northwind tried again.
fn retry() -> Action {
    Decide(|_| {
        Some(Command::Retry {
            which: Which::Supplier(SupplierId::parse("northwind").ok()?),
            who: "Grace".to_owned(),
            why: "they say that it works again".to_owned(),
        })
    })
}

/// Quay's portal takes old files only.
fn old_portal(transliterate: bool) -> Action {
    let table = format!(
        "[supplier.csv]\nencoding = \"windows-1252\"\ntransliterate = {transliterate}\n[supplier.csv.batch]"
    );
    let suppliers = suppliers_file();
    assert!(suppliers.contains("[supplier.csv.batch]"));
    Configuration(
        "suppliers.toml",
        suppliers.replace("[supplier.csv.batch]", &table),
    )
}

fn polish() -> ShopOrder {
    ShopOrder::new(1401, &[("CRATE", 1)]).with_address("name", "Łucja Żak")
}

pub(super) fn all() -> Vec<Story> {
    let minutes = |count: usize| (0..count).map(|_| minute());
    let fails = Supplier(vec![Behaviour::SoftError; 6]);
    let asked_for: Vec<_> = [fails, create(&mug())]
        .into_iter()
        .chain(minutes(14))
        .chain([retry()])
        .collect();
    vec![
        story("fails_until_somebody_asks", asked_for),
        story(
            "asked_to_wait_and_retried",
            vec![
                Supplier(vec![Behaviour::TooManyForYears]),
                create(&mug()),
                Pass(SignedDuration::from_mins(11)),
                retry(),
            ],
        ),
        story(
            "cannot_be_written_and_nobody_corrects_it",
            vec![old_portal(false), create(&polish()), minute()],
        ),
        // Its batch was not begun: there is nothing else in it.
        story(
            "cannot_be_written_at_the_cut_off_and_is_corrected_then",
            vec![
                old_portal(false),
                create(&polish()),
                minute(),
                Pass(SignedDuration::from_mins(121)),
                minute(),
                old_portal(true),
                minute(),
                minute(),
            ],
        ),
        // Its batch goes without it.
        story(
            "cannot_be_written_and_goes_with_the_next_file",
            vec![
                old_portal(false),
                create(&polish()),
                create(&ShopOrder::new(1402, &[("CRATE", 1)])),
                minute(),
                Pass(SignedDuration::from_mins(121)),
                minute(),
                old_portal(true),
                minute(),
                Pass(SignedDuration::from_hours(24)),
            ],
        ),
        story(
            "cannot_be_written_until_it_may_be_spelled",
            vec![
                old_portal(false),
                create(&polish()),
                minute(),
                old_portal(true),
                minute(),
                Pass(SignedDuration::from_mins(121)),
            ],
        ),
    ]
}
