//! `exceptions` on Lambda: wiring only.

use aws::function::{Function, Need};
use aws::lambda::{DeadLetter, Error, serve_sweep};
use connectors::running::{FOLLOWED_WITHIN, SettingsOnly};
use domain::messages::QueueName;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let queues = [QueueName::Routing, QueueName::Forwarding];
    let function = Function::start(&queues.map(Need::Queue)).await?;
    let running = function.running(SettingsOnly).await?;
    running.close_refusals().await?;
    let deps = exceptions::Deps {
        orders: function.orders(),
        index: function.orders(),
        incidents: function.orders(),
        queue: function.queue(),
        files: function.files(),
        clock: function.clock(),
        settings: running.settings.clone(),
        memory: std::sync::Arc::default(),
        others_follow_within: FOLLOWED_WITHIN,
    };
    let sweeper = deps.clone();
    let sweep = move || {
        let (running, deps) = (running.clone(), sweeper.clone());
        async move {
            running.follow().await?;
            exceptions::sweep(&deps).await.map(drop)
        }
    };
    let quarantine = move |DeadLetter { queue, body, .. }: DeadLetter| {
        let deps = deps.clone();
        async move { exceptions::quarantine_dead_letter(&deps, &queue, &body).await }
    };
    serve_sweep(sweep, quarantine).await
}
