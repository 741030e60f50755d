//! What persons decide, as the command line does it: a commit beside everything else.

use super::World;
use domain::cases::CaseKind;
use domain::commit::Commit;
use domain::digest::Digest;
use domain::order::decide::{Command, Verdict};
use domain::order::{AddressEdit, Order};
use domain::personal::Personal;
use ports::{Clock as _, Closing, IncidentStore as _, OrderStore as _, Queue as _};

impl World {
    /// A person decides the same of every order of which it is possible.
    pub async fn decides(&mut self, decision: impl Fn(&Order) -> Option<Command>) {
        for (order, _) in self.orders().await {
            let now = self.clock.now();
            let Some(Ok(events)) = decision(&order).map(|command| order.decide(command, now))
            else {
                continue;
            };
            if !events.is_empty() {
                let (commit, after) = Commit::new(&order, events, now).unwrap();
                self.store.commit(commit).await.unwrap();
                self.wake(&after).await;
            }
        }
    }

    /// A person asks the supplier of each first purchase order, and reports what it really has.
    pub async fn asks_the_supplier(&mut self, reference: &str) {
        let received = self.received();
        let resolve = |order: &Order| {
            let purchase_order = order.purchase_orders.first()?;
            let number = purchase_order.number.clone();
            let verdict = if received.contains_key(number.as_str()) {
                let reference = reference.to_owned();
                Verdict::Sent { reference }
            } else {
                Verdict::NotSent
            };
            Some(Command::Resolve {
                number,
                verdict,
                who: "Ada".to_owned(),
                why: "called them".to_owned(),
            })
        };
        self.decides(resolve).await;
    }

    /// A person closes every open incident of that kind.
    pub async fn closes(&mut self, kind: CaseKind) {
        for incident in self.store.incidents().await.unwrap() {
            if incident.kind == kind {
                let closing = Closing {
                    who: "Ada".to_owned(),
                    why: "done".to_owned(),
                    at: self.clock.now(),
                };
                let closed = self.store.close_incident(kind, &incident.cause, &closing);
                assert!(closed.await.unwrap());
            }
        }
    }

    /// A person corrects the postal code of every order.
    pub async fn corrects(&mut self, zip: &str) {
        for (order, _) in self.orders().await {
            let (number, _) = order.payload.clone().unwrap();
            let mut payload = self
                .store
                .payload(&order.id, number)
                .await
                .unwrap()
                .unwrap();
            let mut address = payload.ship_to.reveal().clone();
            zip.clone_into(&mut address.zip);
            let edit = AddressEdit {
                replaces: payload.address_digest(),
                destination: address.destination(true),
                address: Digest::of_value(&address),
            };
            payload.ship_to = Personal::new(address);
            let command = Command::EditAddress {
                edit,
                who: "Ada".to_owned(),
                why: "the customer called".to_owned(),
            };
            let now = self.clock.now();
            let events = order.decide(command, now).unwrap();
            let (mut commit, after) = Commit::new(&order, events, now).unwrap();
            commit.payload = Some((order.payloads + 1, payload));
            self.store.commit(commit).await.unwrap();
            self.wake(&after).await;
        }
    }

    async fn wake(&self, order: &Order) {
        for message in domain::sweep::wake(order, self.clock.now()) {
            self.store.send(&message).await.unwrap();
        }
    }
}
