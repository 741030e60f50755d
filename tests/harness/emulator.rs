//! AWS on this machine: the emulator that `waybill-aws local-aws --prepare` installs, started as a
//! process of its own for as long as it is needed.

use crate::template::{Template, each};
use aws::clients::{Clients, Endpoints, Place, Roots};
use aws::dynamodb::DynamoDb;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, GlobalSecondaryIndex, KeySchemaElement, Projection,
};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use serde_json::Value;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What a trial prints that cannot run without the emulator.
pub const PREPARE: &str = "run `cargo run -p waybill-aws -- local-aws --prepare`";
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// Stops with its last owner.
pub struct Emulator {
    process: Child,
    port: u16,
    folder: TempDir,
}

/// Where it was installed; another one is named by `WAYBILL_EMULATOR`.
#[expect(
    clippy::disallowed_methods,
    reason = "which emulator a test uses is told by its environment"
)]
fn installed() -> Option<PathBuf> {
    let prepared =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/local-aws/emulator/bin/ministack");
    let named = std::env::var("WAYBILL_EMULATOR").map(PathBuf::from);
    Some(named.unwrap_or(prepared)).filter(|program| program.exists())
}

impl Emulator {
    /// `None` where it is not prepared.
    pub fn start() -> Option<Self> {
        let program = installed()?;
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let log = std::fs::File::create(folder.path().join("emulator.log")).unwrap();
        let process = Command::new(program)
            .current_dir(folder.path())
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("S3_DATA_DIR", folder.path().join("s3"))
            .env("SFTP_ENABLED", "0")
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let emulator = Self {
            process,
            port,
            folder,
        };
        let began = Instant::now();
        while !emulator.is_healthy() {
            assert!(
                began.elapsed() < STARTS_WITHIN,
                "the emulator does not start: {}",
                std::fs::read_to_string(emulator.folder.path().join("emulator.log")).unwrap()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(emulator)
    }

    fn is_healthy(&self) -> bool {
        use std::io::{Read as _, Write as _};
        let asked = std::net::TcpStream::connect(("127.0.0.1", self.port)).and_then(|mut to| {
            to.set_read_timeout(Some(Duration::from_secs(5)))?;
            to.write_all(
                b"GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            )?;
            let mut answer = [0; 12];
            to.read_exact(&mut answer)?;
            Ok(answer)
        });
        asked.is_ok_and(|answer| answer.ends_with(b" 200"))
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn clients(&self) -> Clients {
        clients_at(self.endpoint())
    }

    /// Clients whose connections are cut where `cuts` says so.
    pub async fn clients_through(&self, cuts: &Cuts) -> Clients {
        clients_at(cuts.proxy(self.port).await)
    }
}

fn clients_at(endpoint: String) -> Clients {
    let credentials = Credentials::new("test", "test", None, None, "emulator");
    Clients::new(Place {
        region: "us-east-1".to_owned(),
        credentials: SharedCredentialsProvider::new(credentials),
        endpoints: Endpoints::One(endpoint),
        roots: Roots::Amazon,
    })
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Answers that get lost: the request arrives, what it asks for happens, and the connection breaks.
#[derive(Clone, Default)]
pub struct Cuts(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl Cuts {
    /// So many answers from now on get lost.
    pub fn lose(&self, answers: usize) {
        self.0.store(answers, std::sync::atomic::Ordering::SeqCst);
    }

    pub fn are_left(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::SeqCst) > 0
    }

    fn loses_one(&self) -> bool {
        use std::sync::atomic::Ordering::SeqCst;
        self.0
            .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
            .is_ok()
    }

    /// The endpoint of a proxy that runs until the runtime ends.
    async fn proxy(&self, port: u16) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let cuts = self.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let cuts = cuts.clone();
                tokio::spawn(async move {
                    let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    let _ = cuts.carry(client, server).await;
                });
            }
        });
        endpoint
    }

    async fn carry(&self, client: TcpStream, server: TcpStream) -> std::io::Result<()> {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let asking =
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from_server.read(&mut buffer).await?;
            // The head of an answer begins with its protocol; the rest of one may follow.
            let begins = buffer[..read].starts_with(b"HTTP/1.1");
            if read == 0 || (begins && self.loses_one()) {
                asking.abort();
                return Ok(());
            }
            to_client.write_all(&buffer[..read]).await?;
        }
    }
}

/// Both tables as the template declares them, under names that nobody else uses.
pub async fn tables(clients: &Clients, name: &str) -> (String, String) {
    let template = Template::ours();
    let client = clients.dynamodb();
    let (orders, stock) = (format!("{name}-orders"), format!("{name}-stock"));
    for (declared, table) in [("OrdersTable", &orders), ("StockTable", &stock)] {
        let declared = template.get(declared).unwrap().properties;
        let attributes = each(&declared["AttributeDefinitions"]);
        let attributes = attributes.into_iter().map(attribute).collect();
        let indexes: Vec<_> = each(&declared["GlobalSecondaryIndexes"])
            .into_iter()
            .map(index)
            .collect();
        client
            .create_table()
            .table_name(table)
            .billing_mode(text(&declared["BillingMode"]).into())
            .set_attribute_definitions(Some(attributes))
            .set_key_schema(Some(keys(declared)))
            .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes))
            .send()
            .await
            .unwrap();
    }
    (orders, stock)
}

/// The artifacts and the drops bucket, versioned, under names that nobody else uses.
pub async fn buckets(clients: &Clients, name: &str) -> (String, String) {
    let client = clients.s3();
    let name: String = name.replace('_', "-").chars().take(50).collect();
    let (artifacts, drops) = (format!("{name}-artifacts"), format!("{name}-drops"));
    for bucket in [&artifacts, &drops] {
        client.create_bucket().bucket(bucket).send().await.unwrap();
        let versioned = VersioningConfiguration::builder()
            .status(BucketVersioningStatus::Enabled)
            .build();
        client
            .put_bucket_versioning()
            .bucket(bucket)
            .versioning_configuration(versioned)
            .send()
            .await
            .unwrap();
    }
    (artifacts, drops)
}

/// What two processes see of new tables.
pub async fn two_processes(clients: &Clients, name: &str) -> (DynamoDb, DynamoDb) {
    let (orders, stock) = tables(clients, name).await;
    let process = || DynamoDb::new(clients.dynamodb(), &orders, Some(stock.clone()));
    (process(), process())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn attribute(declared: &Value) -> AttributeDefinition {
    AttributeDefinition::builder()
        .attribute_name(text(&declared["AttributeName"]))
        .attribute_type(text(&declared["AttributeType"]).into())
        .build()
        .unwrap()
}

/// Of a table, or of an index.
fn keys(declared: &Value) -> Vec<KeySchemaElement> {
    each(&declared["KeySchema"])
        .into_iter()
        .map(|key| {
            KeySchemaElement::builder()
                .attribute_name(text(&key["AttributeName"]))
                .key_type(text(&key["KeyType"]).into())
                .build()
                .unwrap()
        })
        .collect()
}

fn index(declared: &Value) -> GlobalSecondaryIndex {
    let projection = text(&declared["Projection"]["ProjectionType"]);
    let projection = Projection::builder().projection_type(projection.into());
    GlobalSecondaryIndex::builder()
        .index_name(text(&declared["IndexName"]))
        .set_key_schema(Some(keys(declared)))
        .projection(projection.build())
        .build()
        .unwrap()
}
