//! The demo's stories, and what each function was allowed to and did.

use super::{TURN, deployed, roles};
use waybill::Exit;
use waybill::demo::{Cast, tell};
use waybill_aws::local_aws::stage::LocalStage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_ends_as_it_should_and_no_role_has_more_or_less_than_it_uses() {
    let _turn = TURN.lock().await;
    let Some(deployment) = deployed("stories").await else {
        return;
    };
    let cast = Cast::assemble().await.unwrap();
    let stage = LocalStage::set(deployment.clone(), &cast).await.unwrap();
    // Ends with the invariants, read back from the tables, and with what the suppliers counted.
    assert_eq!(tell(&stage, cast).await.unwrap(), Exit::Done);
    roles::exercise(&deployment).await;
    roles::compare(&deployment).await;
}
