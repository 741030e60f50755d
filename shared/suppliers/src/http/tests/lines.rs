//! What an answer says of single lines.

use super::steps::{answer, specific};
use crate::testing::{World, handover, sent_to};
use domain::order::answer::{Progress, Rejection, RejectionReason};
use jiff::civil::date;
use ports::{Accepted, LineStatus, Outcome};
use serde_json::json;

#[tokio::test]
async fn lines_are_taken_later_refused_or_unreadable() {
    let mut specific = specific();
    let steps = specific["step"].as_array_mut().unwrap();
    steps.truncate(1);
    let step = &mut steps[0];
    step.as_object_mut().unwrap().remove("extract");
    step["success"] = json!("status == 201");
    step["reference"] = json!("body.id");
    step["lines"] = json!([
        {"status": "backordered", "each": "body.later", "sku": "it.sku", "quantity": "it.n",
         "until": "it.day"},
        {"status": "rejected", "each": "body.refused", "sku": "it.sku", "quantity": "it.n",
         "reason": "it.code"},
    ]);
    specific["reasons"] = json!({"GONE": "inventory-out-of-stock"});
    let world = World::default();
    let supplier = world.open("http", specific).unwrap();
    let artifact = supplier
        .orders()
        .prepare(&handover(), &Progress::default())
        .unwrap();
    let body = json!({"id": 1,
        "later": [{"sku": "LS-1", "n": "2", "day": "2026-12-24T08:00:00Z"},
                  {"sku": "LS-2", "n": 1, "day": "soon"}, {"sku": "LS-2", "n": 0, "day": ""}],
        "refused": [{"sku": "LS-2", "n": 12, "code": "GONE"}]});
    world.answer(Ok(answer(201, &body.to_string())));
    let heard = sent_to(supplier.as_ref(), &artifact).await;
    let Outcome::Accepted(Accepted { lines, .. }) = heard.outcome else {
        panic!("{heard:?}")
    };
    let told: Vec<_> = lines
        .into_iter()
        .map(|line| (line.supplier_sku, line.quantity, line.status))
        .collect();
    let line = |sku: &str, quantity: u32, status| (sku.to_owned(), quantity, status);
    assert_eq!(
        told,
        [
            line("LS-1", 2, LineStatus::Backordered(Some(date(2026, 12, 24)))),
            line("LS-2", 1, LineStatus::Backordered(None)),
            line(
                "LS-2",
                12,
                LineStatus::Rejected(Rejection {
                    reason: RejectionReason::InventoryOutOfStock,
                    detail: "the supplier refuses it: GONE".to_owned(),
                    evidence: None,
                })
            ),
        ]
    );
    // A refused line that cannot be read must not pass for one that is taken.
    world.answer(Ok(answer(
        201,
        r#"{"id": 1, "refused": [{"sku": "LS-2"}]}"#,
    )));
    let heard = sent_to(supplier.as_ref(), &artifact).await;
    let Outcome::InDoubt { why, .. } = heard.outcome else {
        panic!("{heard:?}")
    };
    assert!(why.contains("the quantity of LS-2"), "{why}");
}
