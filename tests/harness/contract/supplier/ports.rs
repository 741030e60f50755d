//! The real ports, and a supplier behind them that does as it is told: the outbox of `embedded`, its
//! mailer, and the HTTP client against a supplier double on loopback.

use super::answers::{Answer, Does};
use ::ports::{Area, Files, MailOutcome, MailPlace, Mailer, Put, SendSubject, Unavailable};
use async_trait::async_trait;
use doubles::supplier::{Reply, SupplierDouble};
use embedded::{Embedded, OutboxMailer};
use http_client::{Client, Http, Response};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

pub(super) struct World {
    runtime: Runtime,
    folder: TempDir,
    store: Embedded,
    double: SupplierDouble,
    address: String,
    script: Script,
    requests: Arc<AtomicUsize>,
}

/// What the next send meets; then everything works, unless the supplier is not to be reached.
type Script = Arc<Mutex<Option<Answer>>>;

impl World {
    /// Reachable, and taking whatever comes.
    pub(super) fn working() -> Self {
        let world = Self::elsewhere();
        let listener = world.runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (double, script) = (world.double.clone(), Arc::clone(&world.script));
        let requests = Arc::clone(&world.requests);
        world.runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                requests.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, double.clone(), Arc::clone(&script)));
            }
        });
        Self { address, ..world }
    }

    /// For what needs no supplier: nobody listens.
    pub(super) fn elsewhere() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            runtime: Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
            store: Embedded::in_memory(&folder.path().join("outbox")).unwrap(),
            folder,
            double: SupplierDouble::default(),
            address: super::ADDRESS.to_owned(),
            script: Script::default(),
            requests: Arc::default(),
        }
    }

    pub(super) fn address(&self) -> String {
        self.address.clone()
    }

    pub(super) fn meets(&self, answer: &Answer) {
        *self.script.lock().unwrap() = Some(answer.clone());
    }

    /// Where nobody listens.
    pub(super) fn unreachable() -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    }

    /// How often the supplier was called over the network.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(super) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// How often the supplier has it, whichever way it came: what the step before the last hands
    /// over, or else the purchase order itself or the request to take it back.
    pub(super) fn holds(&self, id: &SendSubject, last: bool) -> usize {
        let number = id.purchase_order().as_str();
        let told = match id.request() {
            Some(request) => self.double.cancellations(number, &format!("X{request}")),
            None if last => self.double.taken().get(number).copied().unwrap_or(0),
            None => self.double.drafts(number),
        };
        let named = |path: &&String| {
            let name = Path::new(path.as_str()).file_stem();
            name.is_some_and(|name| name.to_string_lossy() == id.file_name())
        };
        told + self.published().keys().filter(named).count()
    }

    /// The files in the outbox.
    pub(super) fn published(&self) -> BTreeMap<String, Vec<u8>> {
        files(&self.folder.path().join("outbox"))
    }

    pub(super) fn http(hosts: Vec<String>) -> Arc<dyn Http> {
        Arc::new(Client::new(hosts, true).unwrap())
    }

    pub(super) fn files(&self) -> Arc<dyn Files> {
        Arc::new(Told {
            inner: self.store.clone(),
            script: Arc::clone(&self.script),
        })
    }

    pub(super) fn mailer(&self) -> Arc<dyn Mailer> {
        Arc::new(Told {
            inner: OutboxMailer {
                files: Arc::new(self.store.clone()),
            },
            script: Arc::clone(&self.script),
        })
    }
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.insert(path.to_string_lossy().into_owned(), bytes);
        }
    }
    found
}

/// A port that does as the script says.
struct Told<P> {
    inner: P,
    script: Script,
}

impl<P> Told<P> {
    /// Stays where the supplier is not to be reached: a look-up fails, too.
    fn next(&self) -> Does {
        let mut script = self.script.lock().unwrap();
        let does = script.as_ref().map_or(Does::Take, |answer| answer.does);
        if does != Does::Unreachable {
            *script = None;
        }
        does
    }
}

#[async_trait]
impl Files for Told<Embedded> {
    async fn put_new(&self, area: Area, key: &str, bytes: &[u8]) -> Result<Put, Unavailable> {
        match self.next() {
            Does::Take => self.inner.put_new(area, key, bytes).await,
            Does::TakeSilently => {
                self.inner.put_new(area, key, bytes).await?;
                Err(Unavailable::new("the disk did not answer"))
            }
            Does::Unreachable => Err(Unavailable::new("the disk is gone")),
            Does::CutOff | Does::TakeAndAnswer | Does::Answer => panic!("a folder gives no answer"),
        }
    }

    async fn get(&self, area: Area, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        self.inner.get(area, key).await
    }

    async fn was_published(&self, key: &str) -> Result<bool, Unavailable> {
        match self.next() {
            Does::Unreachable => Err(Unavailable::new("the disk is gone")),
            Does::Take | Does::TakeSilently | Does::TakeAndAnswer | Does::CutOff | Does::Answer => {
                self.inner.was_published(key).await
            }
        }
    }
}

#[async_trait]
impl Mailer for Told<OutboxMailer> {
    async fn send(&self, id: &SendSubject, attempt: u32, message: &[u8]) -> MailOutcome {
        match self.next() {
            Does::Take => self.inner.send(id, attempt, message).await,
            Does::TakeSilently => {
                self.inner.send(id, attempt, message).await;
                MailOutcome::InDoubt("no answer to the final dot".to_owned())
            }
            Does::Unreachable => MailOutcome::NotSent("nobody answers the call".to_owned()),
            Does::CutOff | Does::TakeAndAnswer | Does::Answer => {
                panic!("a mailer gives no such answer")
            }
        }
    }

    fn place(&self, id: &SendSubject) -> MailPlace {
        self.inner.place(id)
    }
}

/// One request: as scripted, else as the double answers.
async fn serve(mut stream: TcpStream, double: SupplierDouble, script: Script) {
    let (method, path, body) = request(&mut stream).await;
    let scripted = script.lock().unwrap().take();
    let does = scripted.as_ref().map_or(Does::Take, |answer| answer.does);
    let reply = || match double.reply(&method, &path, &body) {
        Reply::Answer(response) => response,
        Reply::Silence | Reply::Unreachable => panic!("nothing was scripted in the double"),
    };
    match (does, scripted) {
        (Does::Answer | Does::TakeAndAnswer, Some(answer)) => {
            if does == Does::TakeAndAnswer {
                reply();
            }
            let response = Response {
                status: answer.status.expect("an answer has a status"),
                headers: answer.headers.into_iter().collect(),
                body: answer.body.into_bytes(),
            };
            write(&mut stream, &response, 0).await;
        }
        (Does::TakeSilently, _) => {
            reply();
            std::future::pending::<()>().await;
        }
        // The supplier promises more of its body than comes.
        (Does::CutOff, _) => write(&mut stream, &reply(), 10).await,
        _ => write(&mut stream, &reply(), 0).await,
    }
}

async fn request(stream: &mut TcpStream) -> (String, String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = vec![0; 64 * 1024];
        let read = stream.read(&mut chunk).await.unwrap();
        assert!(read > 0, "the request broke off");
        bytes.extend_from_slice(&chunk[..read]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, value)| value.parse().unwrap());
        if bytes.len() >= end + 4 + length {
            let mut words = head.split(' ');
            let mut word = || words.next().unwrap_or_default().to_owned();
            return (word(), word(), bytes.split_off(end + 4));
        }
    }
}

async fn write(stream: &mut TcpStream, response: &Response, missing: usize) {
    let length = response.body.len() + missing;
    let mut text = format!(
        "HTTP/1.1 {} Scripted\r\nconnection: close\r\n",
        response.status
    );
    let _ = write!(text, "content-length: {length}\r\n");
    for (name, value) in &response.headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("\r\n");
    let bytes = [text.as_bytes(), &response.body].concat();
    stream.write_all(&bytes).await.unwrap();
    stream.shutdown().await.unwrap();
}
