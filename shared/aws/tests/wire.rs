//! What the clients do on the wire, against a server on loopback that answers as AWS documents.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use aws::bundle::{self, S3Bundles};
use aws::clients::{Clients, Endpoints, Place, Roots};
use aws::dynamodb::DynamoDb;
use aws::s3::S3Files;
use aws::ses::SesMailer;
use aws::sqs::SqsQueue;
use aws::ssm::SsmSecrets;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use domain::commit::Commit;
use domain::ids::{ChannelCode, OrderId};
use domain::messages::{ForwardPurchaseOrder, Message, QueueName, RouteOrder};
use domain::order::Reference;
use domain::order::events::{Event, Recorded};
use domain::order::index::Index;
use domain::order::topics::channel::ChannelChange;
use domain::purchase_order_number::PurchaseOrderNumber;
use ports::configuration::Bundles as _;
use ports::{
    Area, CommitError, Files as _, MailOutcome, Mailer as _, OfferStore as _, OrderIndex as _,
    OrderStore as _, Provenance, Put, Queue as _, Secrets as _, SendSubject,
};
use secrecy::ExposeSecret as _;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone)]
enum Reply {
    Answer(u16, &'static str, String),
    /// The request was read, and the connection ends without an answer.
    Cut,
    /// The request was read, and nothing more comes.
    Silence,
}

fn answer(status: u16, body: &str) -> Reply {
    Reply::Answer(status, "", body.to_owned())
}

/// Answers in the order of the script, each request on a connection of its own.
struct Server {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let mut script: VecDeque<_> = script.into_iter().collect();
        let record = heard.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let reply = script.pop_front();
                tokio::spawn(serve(stream, reply, record.clone()));
            }
        });
        Self { port, heard }
    }

    fn clients(&self) -> Clients {
        clients(self.port)
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn clients(port: u16) -> Clients {
    let credentials = Credentials::new("AKIAEXAMPLE", "a secret for tests", None, None, "test");
    Clients::new(Place {
        region: "eu-west-1".to_owned(),
        credentials: SharedCredentialsProvider::new(credentials),
        endpoints: Endpoints::One(format!("http://127.0.0.1:{port}")),
        roots: Roots::Amazon,
    })
}

async fn serve(mut stream: TcpStream, reply: Option<Reply>, heard: Arc<Mutex<Vec<String>>>) {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    while !is_whole(&bytes) {
        match stream.read(&mut part).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&part[..read]),
            _ => return,
        }
    }
    heard
        .lock()
        .unwrap()
        .push(String::from_utf8_lossy(&bytes).into_owned());
    match reply {
        None => {
            let gone = "HTTP/1.1 500 X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(gone.as_bytes()).await.unwrap();
        }
        Some(Reply::Cut) => {}
        Some(Reply::Silence) => std::future::pending().await,
        Some(Reply::Answer(status, headers, body)) => {
            let head = format!(
                "HTTP/1.1 {status} X\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
        }
    }
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, length)| length.trim().parse().unwrap());
    body.len() >= length
}

fn id() -> SendSubject {
    let code = ChannelCode::parse("SH").unwrap();
    SendSubject::from(&PurchaseOrderNumber::new(&code, "1001", 1))
}

const MAIL: &[u8] = b"From: orders@acme.example\r\nTo: po@north.example\r\n\r\nHello\r\n";

async fn mailed(reply: Reply) -> (MailOutcome, Vec<String>) {
    let server = Server::start([reply]).await;
    let client = server.clients().ses(Duration::from_millis(500));
    let mailer = SesMailer::new(client, "waybill".to_owned());
    let outcome = mailer.send(&id(), 2, MAIL).await;
    assert_eq!(mailer.place(&id()).server, "ses eu-west-1");
    (outcome, server.heard())
}

fn refusal(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )
}

#[tokio::test]
async fn a_mail_is_handed_over_with_its_tags() {
    let accepted = "<SendRawEmailResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\">\
        <SendRawEmailResult><MessageId>0102</MessageId></SendRawEmailResult>\
        <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></SendRawEmailResponse>";
    let (outcome, heard) = mailed(answer(200, accepted)).await;
    assert_eq!(outcome, MailOutcome::Sent);
    let [request] = heard.as_slice() else {
        panic!("{heard:?}")
    };
    for part in [
        "Action=SendRawEmail",
        "ConfigurationSetName=waybill",
        "Name=purchase_order",
        &format!("Value={}", id().purchase_order()),
        "Name=attempt",
        "Value=2",
    ] {
        assert!(request.contains(part), "{part} in {request}");
    }
}

/// Whatever is not known to be refused is never asked again.
#[tokio::test]
async fn a_mail_whose_answer_is_lost_is_in_doubt_after_one_request() {
    for reply in [
        Reply::Cut,
        Reply::Silence,
        answer(500, &refusal("InternalFailure", "try again")),
        answer(503, &refusal("ServiceUnavailable", "try again")),
        answer(200, "no XML at all"),
        answer(400, "no XML at all"),
    ] {
        let (outcome, heard) = mailed(reply).await;
        assert!(matches!(outcome, MailOutcome::InDoubt(_)), "{outcome:?}");
        assert_eq!(heard.len(), 1);
    }
}

#[tokio::test]
async fn a_mail_that_ses_does_not_take_now_is_not_sent() {
    for (status, code, message) in [
        (400, "Throttling", "Maximum sending rate exceeded."),
        (400, "AccountSendingPausedException", "paused"),
        (403, "AccessDenied", "not authorized"),
        (403, "ExpiredToken", "expired"),
        (400, "ConfigurationSetDoesNotExist", "no such set"),
        (400, "MessageRejected", "Email address is not verified."),
    ] {
        let (outcome, heard) = mailed(answer(status, &refusal(code, message))).await;
        assert!(
            matches!(outcome, MailOutcome::NotSent(_)),
            "{code}: {outcome:?}"
        );
        assert_eq!(heard.len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_mail_that_ses_refuses_is_rejected_with_its_words_as_evidence() {
    for code in ["MessageRejected", "InvalidParameterValue"] {
        let (outcome, _) = mailed(answer(400, &refusal(code, "Illegal address"))).await;
        let words = format!("SES refused the message: {code}\nIllegal address");
        assert_eq!(outcome, MailOutcome::Rejected(words));
    }
}

#[tokio::test]
async fn a_mail_that_reached_nobody_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let client = clients(port).ses(Duration::from_secs(2));
    let mailer = SesMailer::new(client, "waybill".to_owned());
    let outcome = mailer.send(&id(), 1, MAIL).await;
    assert!(matches!(outcome, MailOutcome::NotSent(_)), "{outcome:?}");
}

fn files(server: &Server) -> S3Files {
    let client = server.clients().s3();
    S3Files::new(client, "artifacts".to_owned(), Some("drops".to_owned()))
}

fn s3_error(code: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>no</Message></Error>")
}

const NO_VERSIONS: &str =
    "<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>";

#[tokio::test]
async fn a_file_is_put_once() {
    let there = answer(412, &s3_error("PreconditionFailed"));
    let busy = answer(409, &s3_error("ConditionalRequestConflict"));
    let server = Server::start([answer(200, ""), there, busy, answer(200, "")]).await;
    let files = files(&server);
    let put = async || files.put_new(Area::Evidence, "artifact/a", b"bytes").await;
    assert_eq!(put().await.unwrap(), Put::Created);
    assert_eq!(put().await.unwrap(), Put::AlreadyThere);
    assert_eq!(put().await.unwrap(), Put::Created, "after a conflict");
    for request in server.heard() {
        assert!(
            request.starts_with("PUT /artifacts/artifact/a"),
            "{request}"
        );
        assert!(
            request.to_ascii_lowercase().contains("if-none-match: *"),
            "{request}"
        );
    }
}

/// A supplier may fetch and delete a file between two tries, so that putting it again would be
/// sending it twice.
#[tokio::test]
async fn a_file_for_a_supplier_whose_answer_is_lost_is_not_put_again() {
    let server = Server::start([answer(200, NO_VERSIONS), Reply::Cut, answer(200, "")]).await;
    let files = files(&server);
    let put = files.put_new(Area::Outbox, "north/a.csv", b"bytes").await;
    assert!(put.is_err());
    let heard = server.heard();
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(
        heard[1].starts_with("PUT /drops/out/north/a.csv"),
        "{}",
        heard[1]
    );
}

#[tokio::test]
async fn a_file_that_a_supplier_deleted_was_published() {
    let deleted = "<ListVersionsResult><DeleteMarker><Key>out/north/a.csv</Key>\
        <VersionId>2</VersionId></DeleteMarker></ListVersionsResult>";
    let longer = "<ListVersionsResult><Version><Key>out/north/a.csv.bak</Key>\
        <VersionId>1</VersionId></Version></ListVersionsResult>";
    let script = [deleted, longer, NO_VERSIONS, deleted].map(|body| answer(200, body));
    let server = Server::start(script).await;
    let files = files(&server);
    let mut published = Vec::new();
    for _ in 0..3 {
        published.push(files.was_published("north/a.csv").await.unwrap());
    }
    assert_eq!(published, [true, false, false]);
    let put = files.put_new(Area::Outbox, "north/a.csv", b"bytes").await;
    assert_eq!(put.unwrap(), Put::AlreadyThere, "and is not put again");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_none_and_a_refusal_an_error() {
    let missing = answer(404, &s3_error("NoSuchKey"));
    let denied = answer(403, &s3_error("AccessDenied"));
    let server = Server::start([answer(200, "bytes"), missing, denied]).await;
    let files = files(&server);
    let got = files.get(Area::Evidence, "a").await.unwrap();
    assert_eq!(got.as_deref(), Some(b"bytes".as_slice()));
    assert_eq!(files.get(Area::Evidence, "a").await.unwrap(), None);
    assert!(files.get(Area::Evidence, "a").await.is_err());
}

#[tokio::test]
async fn a_bundle_is_given_once() {
    let bundle = bundle::of_files(&[("rules.toml".to_owned(), b"x".to_vec())].into());
    let bytes = String::from_utf8(bundle::write(&bundle).unwrap()).unwrap();
    let server = Server::start([
        Reply::Answer(200, "ETag: \"one\"\r\n", bytes),
        Reply::Answer(304, "ETag: \"one\"\r\n", String::new()),
        answer(404, &s3_error("NoSuchKey")),
    ])
    .await;
    let bundles = S3Bundles::new(server.clients().s3(), "artifacts".to_owned());
    assert_eq!(bundles.newer().await.unwrap(), Some(Ok(bundle)));
    assert_eq!(bundles.newer().await.unwrap(), None);
    let missing = bundles.newer().await.unwrap_err();
    assert!(missing.what.contains("waybill config push"), "{missing}");
    let heard = server.heard();
    assert!(!heard[0].to_ascii_lowercase().contains("if-none-match"));
    assert!(
        heard[1]
            .to_ascii_lowercase()
            .contains("if-none-match: \"one\""),
        "{}",
        heard[1]
    );
}

fn route(order: usize) -> Message {
    let order = OrderId::parse(&format!("acme/{order}")).unwrap();
    RouteOrder { order }.into()
}

fn queue(server: &Server) -> SqsQueue {
    let url = format!("http://127.0.0.1:{}/123456789012/routing", server.port);
    SqsQueue::new(server.clients().sqs(), [(QueueName::Routing, url)])
}

#[tokio::test]
async fn messages_go_in_tens_and_one_that_failed_is_no_success() {
    let sent = |ids: std::ops::Range<usize>| {
        let entries: Vec<_> = ids
            .map(|id| format!("{{\"Id\":\"{id}\",\"MessageId\":\"m\",\"MD5OfMessageBody\":\"x\"}}"))
            .collect();
        format!("{{\"Successful\":[{}],\"Failed\":[]}}", entries.join(","))
    };
    let failed = "{\"Successful\":[],\"Failed\":[{\"Id\":\"0\",\"Code\":\"InternalError\",\"SenderFault\":false}]}";
    let server = Server::start([
        answer(200, &sent(0..10)),
        answer(200, &sent(0..2)),
        answer(200, failed),
    ])
    .await;
    let queue = queue(&server);
    let messages: Vec<_> = (0..12).map(route).collect();
    queue.send_all(&messages).await.unwrap();
    let heard = server.heard();
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[0].matches("acme/").count(), 10);
    let error = queue.send_all(&messages[..2]).await.unwrap_err();
    assert!(error.what.contains("InternalError"), "{error}");
}

#[tokio::test]
async fn messages_about_one_order_come_apart() {
    let server = Server::start([answer(200, "{\"Successful\":[],\"Failed\":[]}")]).await;
    let messages = [route(1), route(1), route(2), route(1)];
    queue(&server).send_all(&messages).await.unwrap();
    let heard = server.heard();
    let (_, body) = heard[0].split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let entries = body["Entries"].as_array().unwrap();
    let delays = entries
        .iter()
        .map(|entry| entry["DelaySeconds"].as_i64().unwrap());
    assert_eq!(delays.collect::<Vec<_>>(), [0, 1, 0, 2]);
}

#[tokio::test]
async fn a_queue_that_is_not_ours_is_refused() {
    let server = Server::start([]).await;
    let code = ChannelCode::parse("SH").unwrap();
    let forward = ForwardPurchaseOrder {
        order: OrderId::parse("acme/1").unwrap(),
        purchase_order: PurchaseOrderNumber::new(&code, "1001", 1),
    };
    assert!(queue(&server).send(&forward.into()).await.is_err());
    assert!(server.heard().is_empty());
}

#[tokio::test]
async fn secrets_come_in_pages_and_a_new_one_is_looked_for() {
    let page = |name: &str, value: &str, next: &str| {
        answer(
            200,
            &format!(
                "{{\"Parameters\":[{{\"Name\":\"/waybill/channels/{name}\",\"Type\":\"SecureString\",\
                 \"Value\":\"{value}\"}}]{next}}}"
            ),
        )
    };
    let server = Server::start([
        page("ONE", "first", ",\"NextToken\":\"more\""),
        page("TWO", "second", ""),
        page("THREE", "third", ""),
        page("THREE", "third", ""),
    ])
    .await;
    let path = "/waybill/channels".to_owned();
    let secrets = SsmSecrets::read(server.clients().ssm(), path)
        .await
        .unwrap();
    let get = async |name: &str| {
        let secret = secrets.get(name).await.unwrap();
        secret.map(|secret| secret.expose_secret().to_owned())
    };
    assert_eq!(get("ONE").await.as_deref(), Some("first"));
    assert_eq!(get("TWO").await.as_deref(), Some("second"));
    assert_eq!(server.heard().len(), 2);
    assert_eq!(get("THREE").await.as_deref(), Some("third"));
    assert_eq!(get("FOUR").await, None);
    for request in server.heard() {
        assert!(request.contains("\"WithDecryption\":true"), "{request}");
        assert!(
            request.contains("\"Path\":\"/waybill/channels\""),
            "{request}"
        );
    }
}

/// Of an order that is new, with a number that is to be its own: two items.
fn commit() -> Commit {
    let code = ChannelCode::parse("SH").unwrap();
    Commit {
        order: OrderId::parse("acme/1").unwrap(),
        expected_version: 0,
        events: vec![Recorded {
            at: jiff::Timestamp::UNIX_EPOCH,
            event: Event::Channel(ChannelChange::PaymentReceived),
        }],
        index: Index::default(),
        reservations: Vec::new(),
        spending: Vec::new(),
        references: vec![Reference::PurchaseOrder(PurchaseOrderNumber::new(
            &code, "1001", 1,
        ))],
        payload: None,
        trace: None,
    }
}

fn cancelled(reasons: &str) -> Reply {
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    answer(
        400,
        &format!("{{\"__type\":\"{kind}\",\"CancellationReasons\":[{reasons}]}}"),
    )
}

/// Somebody else writes one of the items at the same moment: nothing is known of the order, and it is
/// tried again. A condition that failed beside it says more.
#[tokio::test]
async fn a_conflict_of_transactions_is_no_news() {
    let none = "{\"Code\":\"None\"}";
    let conflict = "{\"Code\":\"TransactionConflict\",\"Message\":\"Transaction is ongoing\"}";
    let failed = "{\"Code\":\"ConditionalCheckFailed\"}";
    for (reasons, is_busy) in [
        (format!("{none},{conflict}"), true),
        (format!("{conflict},{none}"), true),
        (format!("{conflict},{failed}"), false),
    ] {
        let server = Server::start([cancelled(&reasons)]).await;
        let store = DynamoDb::new(server.clients().dynamodb(), "orders", None);
        let refused = store.commit(commit()).await.unwrap_err();
        let expected = if is_busy {
            matches!(refused, CommitError::Busy)
        } else {
            matches!(refused, CommitError::Taken(_))
        };
        assert!(expected, "{reasons}: {refused:?}");
        assert_eq!(server.heard().len(), 1, "{reasons}");
    }
}

/// A version of tomorrow wrote it: the sweep goes on with the others, and changes nothing but the time.
#[tokio::test]
async fn an_order_of_an_unknown_form_is_postponed_unread() {
    let item = r#"{"Item":{"pk":{"S":"acme/1"},"sk":{"S":"state"},"form":{"N":"99"}}}"#;
    let server = Server::start([answer(200, item), answer(200, "{}")]).await;
    let client = server.clients().dynamodb();
    let store = DynamoDb::new(client, "orders".to_owned(), None);
    let order = OrderId::parse("acme/1").unwrap();
    let index = Index {
        due: Some(jiff::Timestamp::from_second(7200).unwrap()),
        ..Index::default()
    };
    store.postpone(&order, None, &index).await.unwrap();
    let heard = server.heard();
    assert_eq!(heard.len(), 2, "{heard:?}");
    let update = &heard[1];
    assert!(update.contains("DynamoDB_20120810.UpdateItem"), "{update}");
    assert!(update.contains("7200000000"), "{update}");
    for untouched in ["cases", "batches", "history", "form"] {
        assert!(!update.contains(untouched), "{untouched}: {update}");
    }
}

/// A version of tomorrow wrote it, whichever way it is read.
#[tokio::test]
async fn an_item_of_an_unknown_form_is_refused_by_every_read() {
    let item = r#"{"pk":{"S":"sku#MUG"},"sk":{"S":"offers"},"form":{"N":"99"}}"#;
    let batch = format!(r#"{{"Responses":{{"stock":[{item}]}}}}"#);
    let page = format!(r#"{{"Items":[{item}]}}"#);
    let server = Server::start([answer(200, &batch), answer(200, &page)]).await;
    let stock = Some("stock".to_owned());
    let store = DynamoDb::new(server.clients().dynamodb(), "orders", stock);
    let mug = domain::ids::Sku::parse("MUG").unwrap();
    let one = store.offers(&[mug]).await.map(drop);
    let all = store.stock().await.map(drop);
    for refused in [one, all] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("form 99"), "{refused}");
    }
}

/// The table says its own name, which is asked for once; a table of another name was restored, and is
/// asked for until somebody took note of it.
#[tokio::test]
async fn a_table_of_another_name_was_restored() {
    let empty = || answer(200, "{}");
    let named = |name: &str| {
        answer(
            200,
            &format!("{{\"Item\":{{\"table\":{{\"S\":\"{name}\"}}}}}}"),
        )
    };
    let noted = "{\"Item\":{\"table\":{\"S\":\"orders\"},\"restored_at\":{\"N\":\"5000000\"}}}";
    let never = Provenance::Known { restored_at: None };
    for (script, requests) in [(vec![empty(), empty()], 2), (vec![named("orders")], 1)] {
        let server = Server::start(script).await;
        let store = DynamoDb::new(server.clients().dynamodb(), "orders", None);
        for _ in 0..2 {
            assert_eq!(store.provenance().await.unwrap(), never);
        }
        assert_eq!(server.heard().len(), requests);
    }
    let script = [
        named("former"),
        named("former"),
        empty(),
        answer(200, noted),
    ];
    let server = Server::start(script).await;
    let store = DynamoDb::new(server.clients().dynamodb(), "orders", None);
    for _ in 0..2 {
        let found = store.provenance().await.unwrap();
        assert!(
            matches!(&found, Provenance::Suspect(why) if why.contains("former")),
            "{found:?}"
        );
    }
    let at = jiff::Timestamp::from_second(5).unwrap();
    store.adopt_restored(at).await.unwrap();
    let restored_at = Some(at);
    assert_eq!(
        store.provenance().await.unwrap(),
        Provenance::Known { restored_at }
    );
    let put = &server.heard()[2];
    assert!(
        put.contains("UpdateItem") && put.contains("\"5000000\""),
        "{put}"
    );
}
