//! The demo's stories, and what each function was allowed to and did.

use super::place::Place;
use super::{TURN, roles, suppliers};
use waybill::Exit;
use waybill::demo::tell;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_ends_as_it_should_and_no_role_has_more_or_less_than_it_uses() {
    let _turn = TURN.lock().await;
    let Some(place) = Place::set("stories").await else {
        return;
    };
    // Ends with the invariants, read back from the tables, and with what the suppliers counted.
    let told = tell(&place.stage, place.cast.clone()).await;
    assert_eq!(told.unwrap(), Exit::Done);
    suppliers::exercise(&place).await;
    roles::exercise(&place).await;
    roles::compare(&place.deployment).await;
}
