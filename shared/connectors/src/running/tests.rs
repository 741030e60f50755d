use super::*;
use embedded::Embedded;
use ports::{Moment, Steady};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::time::Duration;

const CHANNELS: &str = r#"
[merchant]
name = "Acme"
mail = "orders@acme.example"

[[channel]]
id = "acme"
kind = "shopify"
code = "SH"
start_from = 2026-01-01
secrets = ["ACME_SECRET"]

[channel.shopify]
shop = "acme.myshopify.com"
"#;
const SUPPLIERS: &str = r#"
[[supplier]]
id = "north"
name = "North"
method = "csv"

[supplier.csv]
"#;

struct Hand(Mutex<Timestamp>);

#[async_trait]
impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
    fn steady(&self) -> Steady {
        Moment::of_unset_clock(self.now()).steady
    }
    async fn sleep(&self, _: Duration) {}
}

/// What was pushed, the newest last; and how often it was asked for.
#[derive(Default)]
struct Pushed {
    all: Mutex<Vec<Result<Bundle, BadBundle>>>,
    seen: Mutex<Option<usize>>,
    asked: Mutex<u32>,
}

impl Pushed {
    fn push(&self, channels: &str) {
        let files = [("channels.toml", channels), ("suppliers.toml", SUPPLIERS)]
            .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
        let files = BTreeMap::from(files);
        let digests = configuration::digests(&files);
        self.all.lock().unwrap().push(Ok(Bundle { digests, files }));
    }

    fn push_garbage(&self) {
        self.all.lock().unwrap().push(Err(BadBundle {
            digest: Digest::of(b"garbage"),
            why: "no bundle".to_owned(),
        }));
    }
}

#[async_trait]
impl Bundles for Pushed {
    async fn newer(&self) -> Result<Option<Result<Bundle, BadBundle>>, Unavailable> {
        *self.asked.lock().unwrap() += 1;
        let all = self.all.lock().unwrap();
        if self.seen.lock().unwrap().replace(all.len()) == Some(all.len()) {
            return Ok(None);
        }
        Ok(all.last().cloned())
    }

    async fn former(&self) -> Result<Vec<Result<Bundle, BadBundle>>, Unavailable> {
        Ok(self
            .all
            .lock()
            .unwrap()
            .iter()
            .rev()
            .skip(1)
            .cloned()
            .collect())
    }
}

#[derive(Default)]
struct Known(Mutex<Vec<&'static str>>);

#[async_trait]
impl Secrets for Known {
    async fn get(&self, name: &str) -> Result<Option<SecretString>, Unavailable> {
        if self.0.lock().unwrap().is_empty() {
            return Err(Unavailable::new("secrets cannot be read"));
        }
        let known = self.0.lock().unwrap().contains(&name);
        Ok(known.then(|| "secret".to_owned().into()))
    }
    fn place(&self, name: &str) -> String {
        format!("the parameter {name}")
    }
}

struct Set {
    pushed: Arc<Pushed>,
    store: Arc<Embedded>,
    clock: Arc<Hand>,
    _folder: tempfile::TempDir,
}

impl Set {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            pushed: Arc::default(),
            store: Arc::new(Embedded::in_memory(folder.path()).unwrap()),
            clock: Arc::new(Hand(Mutex::new("2026-11-23T10:00:00Z".parse().unwrap()))),
            _folder: folder,
        }
    }

    async fn start(&self) -> Result<Running<ChannelsOf<Known>>, StartError> {
        let opens = ChannelsOf {
            entries: channels::CHANNELS,
            means: crate::Means {
                files: self.store.clone(),
                mailer: Arc::new(crate::NoMail),
            },
            secrets: Known(Mutex::new(vec!["ACME_SECRET"])),
        };
        let source = Source {
            bundles: self.pushed.clone(),
            incidents: self.store.clone(),
            clock: self.clock.clone(),
            company: Company::Others,
        };
        Running::start(opens, source).await
    }

    fn pass(&self, by: SignedDuration) {
        *self.clock.0.lock().unwrap() += by;
    }

    /// Details of the incidents that are open.
    async fn incidents(&self) -> Vec<String> {
        let incidents = self.store.incidents().await.unwrap();
        incidents
            .into_iter()
            .map(|incident| incident.detail)
            .collect()
    }
}

fn names(running: &Running<ChannelsOf<Known>>) -> Vec<String> {
    let settings = running.settings.get();
    let opened = running.opened();
    assert_eq!(
        settings.channels.keys().collect::<Vec<_>>(),
        opened.keys().collect::<Vec<_>>(),
        "settings and channels are of one configuration"
    );
    opened.keys().map(ToString::to_string).collect()
}

#[tokio::test]
async fn looked_at_once_a_minute_and_taken_over() {
    let set = Set::new();
    set.pushed.push(CHANNELS);
    let running = set.start().await.unwrap();
    assert_eq!(names(&running), ["acme"]);
    set.pushed.push(&CHANNELS.replace("\"acme\"", "\"apex\""));
    set.pass(SignedDuration::from_secs(59));
    running.look().await;
    assert_eq!(
        (names(&running), *set.pushed.asked.lock().unwrap()),
        (vec!["acme".to_owned()], 1)
    );
    set.pass(SignedDuration::from_secs(1));
    for _ in 0..3 {
        running.look().await;
    }
    assert_eq!(
        (names(&running), *set.pushed.asked.lock().unwrap()),
        (vec!["apex".to_owned()], 2)
    );
    assert!(set.incidents().await.is_empty());
}

#[tokio::test]
async fn the_former_works_on_where_the_newest_is_bad() {
    let set = Set::new();
    set.pushed.push(CHANNELS);
    let running = set.start().await.unwrap();
    let minute = SignedDuration::from_mins(1);
    for (channels, told) in [
        (CHANNELS.replace("\"SH\"", "\"too long\""), "channels.toml"),
        (
            CHANNELS.replace("ACME_SECRET", "NEW_SECRET"),
            "the parameter NEW_SECRET",
        ),
    ] {
        set.pushed.push(&channels);
        set.pass(minute);
        running.look().await;
        assert_eq!(names(&running), ["acme"]);
        let incidents = set.incidents().await;
        assert!(incidents.last().unwrap().contains(told), "{incidents:?}");
    }
    set.pushed.push_garbage();
    set.pass(minute);
    running.look().await;
    assert_eq!(
        (names(&running), set.incidents().await.len()),
        (vec!["acme".to_owned()], 3)
    );

    set.pushed.push(&CHANNELS.replace("\"acme\"", "\"apex\""));
    set.pass(minute);
    running.look().await;
    running.close_refusals().await.unwrap();
    assert_eq!(
        (names(&running), set.incidents().await.len()),
        (vec!["apex".to_owned()], 0)
    );
}

#[tokio::test]
async fn what_could_not_be_opened_is_tried_again() {
    let set = Set::new();
    set.pushed.push(CHANNELS);
    let running = set.start().await.unwrap();
    let secrets = std::mem::take(&mut *running.opens.secrets.0.lock().unwrap());
    set.pushed.push(&CHANNELS.replace("\"acme\"", "\"apex\""));
    set.pass(SignedDuration::from_mins(1));
    assert_eq!(running.look().await, Looked::Unchanged);
    assert_eq!(names(&running), ["acme"]);
    assert!(
        set.incidents().await.is_empty(),
        "nothing is wrong with the files"
    );

    *running.opens.secrets.0.lock().unwrap() = secrets;
    set.pass(SignedDuration::from_mins(1));
    assert_eq!(running.look().await, Looked::Applied);
    assert_eq!(names(&running), ["apex"]);
}

/// A process that starts after a bad push has no former one in memory.
#[tokio::test]
async fn a_new_process_starts_with_the_last_good_one() {
    let set = Set::new();
    set.pushed.push(CHANNELS);
    set.pushed.push("");
    set.pushed.push_garbage();
    let running = set.start().await.unwrap();
    assert_eq!(
        (names(&running), set.incidents().await.len()),
        (vec!["acme".to_owned()], 1)
    );
    running.close_refusals().await.unwrap();
    assert_eq!(set.incidents().await.len(), 1, "the newest is still bad");

    set.pushed.push(CHANNELS);
    set.pass(SignedDuration::from_mins(1));
    assert_eq!(running.look().await, Looked::Applied);
    // What another function cannot use is no business of this one.
    let own = running.settings.get().digest.to_string();
    let other = Incident {
        kind: CaseKind::RefusedConfiguration,
        cause: own,
        detail: "forwarding lacks a secret".to_owned(),
        opened_at: set.clock.now(),
    };
    set.store.open_incident(&other).await.unwrap();
    running.close_refusals().await.unwrap();
    assert_eq!(set.incidents().await, ["forwarding lacks a secret"]);
}

#[tokio::test]
async fn without_any_good_one_nothing_starts() {
    let set = Set::new();
    set.pushed.push("");
    let error = set.start().await.map(drop).unwrap_err();
    assert!(matches!(error, StartError::NoneIsGood(_)), "{error:?}");
    assert_eq!(set.incidents().await.len(), 1);
}

/// Where the kind verifies webhooks by secrets of ours, a channel without one could receive none.
#[tokio::test]
async fn a_channel_has_webhook_secrets_where_its_kind_needs_them() {
    struct Silent;
    impl ports::Channel for Silent {}
    static SILENT: [registry::ChannelEntry; 1] = [registry::ChannelEntry::new("shopify", |_| {
        Ok(Box::new(Silent))
    })];
    let set = Set::new();
    let means = crate::Means {
        files: set.store.clone(),
        mailer: Arc::new(crate::NoMail),
    };
    let secrets = Known(Mutex::new(vec!["ACME_SECRET"]));
    set.pushed
        .push(&CHANNELS.replace("secrets = [\"ACME_SECRET\"]\n", ""));
    let bundle = set.pushed.newer().await.unwrap().unwrap().unwrap();
    let loaded = configuration::load_without_offers(&bundle.files, &bundle.digests).unwrap();
    let problems = async |entries| {
        let mut problems = Vec::new();
        let opened = open_channels(&loaded, entries, &means, &secrets, &mut problems);
        opened.await.unwrap();
        problems
    };
    let missing = problems(channels::CHANNELS).await;
    let [problem] = missing.as_slice() else {
        panic!("{missing:?}");
    };
    assert_eq!(problem.key.as_deref(), Some("channel[0].secrets"));
    assert_eq!(problems(&SILENT).await, []);
}
