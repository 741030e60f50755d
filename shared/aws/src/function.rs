//! What a function on Lambda is made of: its clients, stores, queues, files and configuration, opened
//! once, when its process starts.

use crate::bundle::S3Bundles;
use crate::clients::{Clients, Place};
use crate::clock::SystemClock;
use crate::dynamodb::DynamoDb;
use crate::environment::{Missing, variable};
use crate::metrics::Measured;
use crate::s3::S3Files;
use crate::ses::SesMailer;
use crate::sqs::{SqsQueue, url_variable};
use crate::ssm::SsmSecrets;
use connectors::running::{ChannelsOf, Company, Opens, Running, Source, SuppliersOf};
use connectors::{Means, NoMail};
use domain::ids::OrderId;
use domain::messages::QueueName;
use execution::purchase_orders::{PurchaseOrders, Trust};
use execution::{ConcurrencyLimit, Execution};
use lambda_runtime::Error;
use ports::{Clock, Files, OrderStore, StepError};
use registry::{ChannelEntry, SupplierEntry};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Below what a mail supplier waits for its mailer, so that the mailer knows best.
const MAIL_WITHIN: Duration = Duration::from_secs(50);

/// What a function needs of its environment beside [`ALWAYS`], and what its role has to allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    StockTable,
    DropsBucket,
    Secrets,
    Mail,
    ConcurrentSends,
    /// To send to it.
    Queue(QueueName),
}

/// The variables that every function has: the stack's name, the orders, and the bucket of its
/// configuration.
pub const ALWAYS: [&str; 3] = [STACK, ORDERS, ARTIFACTS];
const STACK: &str = "STACK_NAME";
const ORDERS: &str = "ORDERS_TABLE";
const ARTIFACTS: &str = "ARTIFACTS_BUCKET";

impl Need {
    pub fn all() -> Vec<Self> {
        let mut all = vec![
            Self::StockTable,
            Self::DropsBucket,
            Self::Secrets,
            Self::Mail,
            Self::ConcurrentSends,
        ];
        all.extend(QueueName::ALL.iter().copied().map(Self::Queue));
        all
    }

    /// The variable that the template gives to a function that needs it.
    pub fn variable(self) -> String {
        let name = match self {
            Self::StockTable => "STOCK_TABLE",
            Self::DropsBucket => "DROPS_BUCKET",
            Self::Secrets => "PARAMETERS_PATH",
            Self::Mail => "MAIL_CONFIGURATION_SET",
            Self::ConcurrentSends => "MAX_CONCURRENT_SENDS",
            Self::Queue(queue) => return url_variable(queue),
        };
        name.to_owned()
    }
}

/// A function that has started, with what it named and nothing else.
pub struct Function {
    variables: BTreeMap<String, String>,
    clients: Clients,
    store: DynamoDb,
    orders: Arc<Measured<DynamoDb>>,
    queue: Arc<SqsQueue>,
    files: Arc<S3Files>,
    clock: Arc<SystemClock>,
}

impl Function {
    /// Reads the environment, wholly or not at all, and makes the first connection to the store.
    pub async fn start(needs: &[Need]) -> Result<Self, Error> {
        crate::log::begin()?;
        let variables = variables(needs, variable)?;
        let of = |name: &str| variables.get(name).cloned();
        let always = |name: &str| of(name).unwrap_or_default();
        let clients = Clients::new(Place::from_environment()?);
        let clock = Arc::new(SystemClock);
        let stock = of(&Need::StockTable.variable());
        let store = DynamoDb::new(clients.dynamodb(), always(ORDERS), stock);
        connect(&store).await?;
        let orders = Measured::new(store.clone(), always(STACK), clock.clone());
        let queues = QueueName::ALL.iter().copied();
        let urls = queues.filter_map(|queue| Some((queue, of(&url_variable(queue))?)));
        let queue = SqsQueue::new(clients.sqs(), urls);
        let drops = of(&Need::DropsBucket.variable());
        let files = S3Files::new(clients.s3(), always(ARTIFACTS), drops);
        Ok(Self {
            clients,
            store,
            orders: Arc::new(orders),
            queue: Arc::new(queue),
            files: Arc::new(files),
            clock,
            variables,
        })
    }

    /// The orders, their index and incidents; what is committed is counted.
    pub fn orders(&self) -> Arc<Measured<DynamoDb>> {
        self.orders.clone()
    }

    /// The other ports that the tables keep.
    pub fn store(&self) -> Arc<DynamoDb> {
        Arc::new(self.store.clone())
    }

    /// To send to the queues that were named.
    pub fn queue(&self) -> Arc<SqsQueue> {
        self.queue.clone()
    }

    pub fn files(&self) -> Arc<dyn Files> {
        self.files.clone()
    }

    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// The configuration that is in force, and what the function opens of it.
    pub async fn running<O: Opens>(&self, opens: O) -> Result<Arc<Running<O>>, Error> {
        let bucket = self.variables.get(ARTIFACTS).cloned().unwrap_or_default();
        let bundles = Arc::new(S3Bundles::new(self.clients.s3(), bucket));
        let source = Source {
            bundles,
            incidents: self.orders(),
            clock: self.clock(),
            company: Company::Others,
        };
        Ok(Arc::new(Running::start(opens, source).await?))
    }

    /// To open the channels of these kinds, with their secrets.
    pub async fn channels(
        &self,
        entries: &'static [ChannelEntry],
    ) -> Result<ChannelsOf<SsmSecrets>, Error> {
        let mailer = Arc::new(NoMail);
        let files = self.files();
        Ok(ChannelsOf {
            entries,
            means: Means { files, mailer },
            secrets: self.secrets("channels").await?,
        })
    }

    /// To open the suppliers of these methods, with their secrets; mails go over SES.
    pub async fn suppliers(
        &self,
        entries: &'static [SupplierEntry],
    ) -> Result<SuppliersOf<SsmSecrets>, Error> {
        let configuration_set = self.named(Need::Mail)?.to_owned();
        let mailer = Arc::new(SesMailer::new(
            self.clients.ses(MAIL_WITHIN),
            configuration_set,
        ));
        let files = self.files();
        Ok(SuppliersOf {
            entries,
            means: Means { files, mailer },
            secrets: self.secrets("suppliers").await?,
        })
    }

    /// What sends purchase orders, while other processes send, too.
    pub fn purchase_orders(
        &self,
        running: &Running<SuppliersOf<SsmSecrets>>,
    ) -> Result<PurchaseOrders, Error> {
        let processes = self.named(Need::ConcurrentSends)?.parse();
        let store = self.store();
        let limit = ConcurrencyLimit {
            processes: processes.map_err(|_| "MAX_CONCURRENT_SENDS is no number")?,
            slots: store.clone(),
            later: self.queue(),
        };
        Ok(PurchaseOrders {
            index: self.orders(),
            incidents: self.orders(),
            execution: Execution {
                orders: self.orders(),
                files: self.files(),
                clock: self.clock(),
            },
            batches: store.clone(),
            refusals: store,
            settings: running.settings.clone(),
            suppliers: running.opened(),
            concurrency: Some(Arc::new(limit)),
            trust: Arc::new(Trust::among_others()),
        })
    }

    async fn secrets(&self, folder: &str) -> Result<SsmSecrets, Error> {
        let path = format!("{}/{folder}", self.named(Need::Secrets)?);
        Ok(SsmSecrets::read(self.clients.ssm(), path).await?)
    }

    fn named(&self, need: Need) -> Result<&str, Missing> {
        let name = need.variable();
        match self.variables.get(&name) {
            Some(value) => Ok(value),
            None => Err(Missing(vec![name])),
        }
    }
}

/// All of them, or the names of all that are missing.
fn variables(
    needs: &[Need],
    read: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, Missing> {
    let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
    let needs = needs.iter().map(|need| need.variable());
    for name in ALWAYS.map(str::to_owned).into_iter().chain(needs) {
        match read(&name) {
            Some(value) => drop(found.insert(name, value)),
            None => missing.push(name),
        }
    }
    if missing.is_empty() {
        Ok(found)
    } else {
        Err(Missing(missing))
    }
}

/// While the function initialises, at full CPU, by asking for an order that cannot be.
async fn connect(orders: &impl OrderStore) -> Result<(), StepError> {
    let nobody = OrderId::parse("waybill/starts");
    let nobody = nobody.map_err(|error| StepError::Permanent(error.to_string()))?;
    orders.load(&nobody).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_complete_or_all_that_is_missing_is_named() {
        let needs = [Need::Secrets, Need::Queue(QueueName::Routing)];
        let all = variables(&needs, |name| Some(name.to_lowercase())).unwrap();
        assert_eq!(all["ROUTING_QUEUE_URL"], "routing_queue_url");
        assert_eq!(all.len(), ALWAYS.len() + needs.len());
        let some = |name: &str| ALWAYS.contains(&name).then(String::new);
        let expected = ["PARAMETERS_PATH", "ROUTING_QUEUE_URL"].map(str::to_owned);
        assert_eq!(variables(&needs, some), Err(Missing(expected.into())));
    }
}
