//! The stories, each with what it must end in.

use super::{Cast, Telling, order_id, post};
use crate::commands::decide;
use crate::say;
use domain::cases::CaseKind;
use domain::order::Order;
use domain::order::answer::CancelAnswer;
use domain::order::decide::{Command, Verdict};
use domain::order::purchase_order::{CancelEnd, CancelRequest};
use domain::sending::machine::SendState;
use doubles::shop::ShopOrder;
use doubles::supplier::Behaviour;

impl Telling<'_> {
    pub(super) async fn tell(&mut self) -> anyhow::Result<()> {
        self.one_supplier().await?;
        self.three_suppliers().await?;
        self.unknown_sku().await?;
        self.five_times().await?;
        self.unpaid().await?;
        self.in_doubt().await?;
        self.unreachable_and_cancelled().await?;
        self.sold_out().await?;
        self.asked_back().await
    }

    async fn one_supplier(&mut self) -> anyhow::Result<()> {
        self.story("One supplier has everything");
        let order = ShopOrder::new(1001, &[("MUG", 2)]);
        self.post("orders/create", &order).await?;
        self.until(&order, "sent to one supplier", |order| sent(order) == 1)
            .await
    }

    async fn three_suppliers(&mut self) -> anyhow::Result<()> {
        self.story("Three suppliers, told in three ways");
        let order = ShopOrder::new(1002, &[("MUG", 1), ("LAMP", 1), ("TOWEL", 3)]);
        self.post("orders/create", &order).await?;
        self.until(&order, "sent to three suppliers", |order| sent(order) == 3)
            .await
    }

    async fn unknown_sku(&mut self) -> anyhow::Result<()> {
        self.story("Held for a SKU that nobody offers, until offers.csv is mended");
        let order = ShopOrder::new(1003, &[("MUG", 1), ("TEAPOT", 1)]);
        self.post("orders/create", &order).await?;
        let now = self.at().clock.now();
        self.wait(&order, "held for TEAPOT", |order| {
            order
                .cases(now)
                .iter()
                .any(|entry| entry.kind == CaseKind::UnmappedSku)
        })
        .await?;
        say(format_args!("-- offers.csv gets a line for TEAPOT --"));
        let offers = Cast::offers_with("TEAPOT,northwind,NW-300,9.00,USD,7");
        self.stage.change("offers.csv", &offers).await?;
        self.until(&order, "every unit sent", |order| {
            everything_sent(order) && order.routing.iter().all(|state| state.holds.is_empty())
        })
        .await
    }

    async fn five_times(&mut self) -> anyhow::Result<()> {
        self.story("The same webhook five times at once");
        let order = ShopOrder::new(1004, &[("MUG", 1)]);
        let webhook = self.cast.shop.sign("orders/create", &order.0);
        let posts: Vec<_> = (0..5)
            .map(|_| {
                let (client, webhook) = (self.client.clone(), webhook.clone());
                let url = self.stage.webhook_url().to_owned();
                tokio::spawn(post(client, url, webhook, self.stage.patience()))
            })
            .collect();
        let mut answers = Vec::new();
        for post in posts {
            answers.push(post.await??.to_string());
        }
        say(format_args!(
            "shop: orders/create x 5 -> {}",
            answers.join(" ")
        ));
        self.until(&order, "one purchase order, sent once", |order| {
            order.purchase_orders.len() == 1 && sent(order) == 1
        })
        .await
    }

    async fn unpaid(&mut self) -> anyhow::Result<()> {
        self.story("Not paid yet, then paid");
        let order = ShopOrder::new(1005, &[("TOWEL", 1)]).with("financial_status", "pending");
        self.post("orders/create", &order).await?;
        self.wait(&order, "waiting for payment", |order| {
            order.purchase_orders.is_empty()
                && order
                    .routing
                    .as_ref()
                    .is_some_and(|state| !state.waits.is_empty())
        })
        .await?;
        say(format_args!("-- the customer pays --"));
        let paid = order.with("financial_status", "paid").at(90);
        self.post("orders/paid", &paid).await?;
        self.until(&paid, "sent after the payment", |order| sent(order) == 1)
            .await
    }

    async fn in_doubt(&mut self) -> anyhow::Result<()> {
        self.story("The supplier takes the order, and its answer never comes");
        self.cast.northwind.script([Behaviour::TakeSilently]);
        let order = ShopOrder::new(1006, &[("MUG", 1)]);
        self.post("orders/create", &order).await?;
        self.wait(&order, "in doubt, and not sent again", |order| {
            order
                .purchase_orders
                .iter()
                .any(|own| matches!(own.sending.state, SendState::InDoubt { .. }))
        })
        .await?;
        self.later(61).await?;
        self.until(&order, "settled by a look-up after one attempt", |order| {
            sent(order) == 1
                && order
                    .purchase_orders
                    .iter()
                    .all(|own| own.sending.attempts == 1)
        })
        .await
    }

    async fn unreachable_and_cancelled(&mut self) -> anyhow::Result<()> {
        self.story("A supplier that is out of reach for a while");
        let patient = ShopOrder::new(1007, &[("KETTLE", 1)]);
        self.post("orders/create", &patient).await?;
        let deferred = |order: &Order| {
            order
                .purchase_orders
                .iter()
                .any(|own| own.sending.deferrals > 0)
        };
        self.wait(&patient, "deferred", deferred).await?;
        let cancelled = ShopOrder::new(1008, &[("KETTLE", 2)]);
        self.post("orders/create", &cancelled).await?;
        self.wait(&cancelled, "another one, deferred too", deferred)
            .await?;
        say(format_args!("-- the customer of the other one cancels --"));
        let cancelled = cancelled.cancelled(120);
        self.post("orders/cancelled", &cancelled).await?;
        self.wait(&cancelled, "voided", voided).await?;
        say(format_args!("-- Eastgate is back --"));
        self.cast.eastgate_is_back().await?;
        self.later(61).await?;
        self.until(&patient, "sent by the second attempt", |order| {
            sent(order) == 1
                && order
                    .purchase_orders
                    .iter()
                    .all(|own| own.sending.attempts == 2)
        })
        .await?;
        self.story("Cancelled before it was sent");
        self.until(&cancelled, "voided, and never at the supplier", voided)
            .await
    }

    async fn sold_out(&mut self) -> anyhow::Result<()> {
        self.story("The supplier has none left, and another one ships");
        self.cast.northwind.script([Behaviour::SoldOut]);
        let order = ShopOrder::new(1009, &[("VASE", 1)]);
        self.post("orders/create", &order).await?;
        self.until(&order, "refused by Northwind, sent to Lakeside", |order| {
            let [refused, taken] = order.purchase_orders.as_slice() else {
                return false;
            };
            matches!(refused.sending.state, SendState::Rejected { .. })
                && taken.supplier.as_str() == "lakeside"
                && taken.sending.is_sent()
        })
        .await
    }

    async fn asked_back(&mut self) -> anyhow::Result<()> {
        self.story("Cancelled after it was sent: the supplier is asked, and answers");
        let order = ShopOrder::new(1010, &[("TOWEL", 2)]);
        self.post("orders/create", &order).await?;
        self.wait(&order, "sent to Harbour", |order| sent(order) == 1)
            .await?;
        say(format_args!("-- the customer cancels --"));
        let order = order.cancelled(150);
        self.post("orders/cancelled", &order).await?;
        self.wait(&order, "asked back by mail", |order| {
            cancels(order, CancelRequest::awaits_answer)
        })
        .await?;
        say(format_args!("-- Harbour calls: it was not shipped yet --"));
        let id = order_id(&order)?;
        let history = self.at().orders.load(&id).await?;
        let known = history.map(|history| history.fold()).transpose()?;
        let own = known.and_then(|known| known.purchase_orders.into_iter().next());
        if let Some(own) = own {
            let resolve = Command::Resolve {
                number: own.number,
                verdict: Verdict::Cancel(CancelAnswer::Accepted),
                who: "ada".to_owned(),
                why: "Harbour called".to_owned(),
            };
            decide::command(self.at(), &id, resolve).await?;
        }
        self.until(&order, "taken back, and nothing left to do", |order| {
            let taken_back = CancelEnd::Answered(CancelAnswer::Accepted);
            cancels(order, |request| request.end == Some(taken_back))
                && order.needs_routing.is_none()
                && order.live().next().is_none()
        })
        .await
    }
}

/// It has been asked back, and every request is so.
fn cancels(order: &Order, so: impl Fn(&CancelRequest) -> bool) -> bool {
    let mut requests = order
        .purchase_orders
        .iter()
        .flat_map(|own| &own.cancels)
        .peekable();
    requests.peek().is_some() && requests.all(so)
}

fn sent(order: &Order) -> usize {
    order
        .purchase_orders
        .iter()
        .filter(|own| matches!(own.sending.state, SendState::Sent { .. }))
        .count()
}

fn everything_sent(order: &Order) -> bool {
    !order.purchase_orders.is_empty()
        && order.needs_routing.is_none()
        && sent(order) == order.purchase_orders.len()
}

fn voided(order: &Order) -> bool {
    order.is_cancelled()
        && order
            .purchase_orders
            .iter()
            .all(|own| matches!(own.sending.state, SendState::Voided { .. }))
}
