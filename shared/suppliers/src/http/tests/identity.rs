//! Who we are to the supplier, in each of the four ways.

use crate::testing::{World, attempt, entry, handover, sent_to};
use domain::order::answer::Progress;
use http_client::{Failure, Http, Request, Response};
use ports::{Outcome, SendAnswer, Trouble};
use registry::SettingsError;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn specific(auth: &Value) -> Value {
    json!({
        "auth": auth,
        "headers": {"X-Common": "{{ number }}"},
        "create": {"url": "https://api.acme.example/orders", "body": "{}",
            "headers": {"x-own": "1"}, "secret_headers": {"X-Second": "{ACME_KEY}!"}},
        "lookup": {"url": "https://api.acme.example/find", "found": "status == 200"},
    })
}

type Reply = Result<Response, Failure>;

fn answer(status: u16, body: &str) -> Response {
    Response {
        status,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    }
}

fn oauth2() -> Value {
    json!({"kind": "oauth2", "token_url": "https://login.acme.example/token",
        "client_id": "ACME_KEY", "client_secret": "ACME_KEY", "scope": "orders",
        "fields": {"audience": "api"}})
}

async fn sent(auth: Value, answers: Vec<Reply>) -> (SendAnswer, World) {
    let world = World::default();
    for answer in answers {
        world.answer(answer);
    }
    let supplier = world.open("http", specific(&auth)).unwrap();
    let artifact = supplier
        .orders()
        .prepare(&handover(), &Progress::default())
        .unwrap();
    assert!(!String::from_utf8_lossy(&artifact.bytes).contains("hush"));
    let heard = sent_to(supplier.as_ref(), &artifact).await;
    (heard, world)
}

#[tokio::test]
async fn secrets_are_shown_in_headers_and_nowhere_else() {
    for (auth, name, value) in [
        (
            json!({"kind": "bearer", "secret": "ACME_KEY"}),
            "Authorization",
            "Bearer hush",
        ),
        (
            json!({"kind": "basic", "user": "ACME_KEY", "password": "ACME_KEY"}),
            "Authorization",
            "Basic aHVzaDpodXNo",
        ),
        (
            json!({"kind": "basic", "user": "ACME_KEY"}),
            "Authorization",
            "Basic aHVzaDo=",
        ),
        (
            json!({"kind": "header", "header": "X-Key", "secret": "Token {ACME_KEY}"}),
            "X-Key",
            "Token hush",
        ),
    ] {
        let (heard, world) = sent(auth.clone(), vec![Ok(answer(200, "{}"))]).await;
        assert!(matches!(heard.outcome, Outcome::Accepted(_)), "{heard:?}");
        let request = world.requests().remove(0);
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            request.secret_headers,
            [header(name, value), header("X-Second", "hush!")]
        );
        let number = handover().number.to_string();
        assert!(request.headers.contains(&header("X-Common", &number)));
        // A look-up shows itself too.
        let supplier = world.open("http", specific(&auth)).unwrap();
        world.answer(Ok(answer(404, "")));
        supplier
            .orders()
            .sender()
            .lookup()
            .unwrap()
            .find(&attempt(true))
            .await;
        let request = world.requests().pop().unwrap();
        assert_eq!(request.secret_headers, [header(name, value)]);
    }
}

#[tokio::test]
async fn a_token_is_asked_for_before_anything_is_sent() {
    let token = || -> Reply {
        Ok(answer(
            200,
            r#"{"access_token": "t-1", "expires_in": 3600}"#,
        ))
    };
    let (heard, world) = sent(oauth2(), vec![token(), Ok(answer(200, "{}"))]).await;
    assert!(matches!(heard.outcome, Outcome::Accepted(_)), "{heard:?}");
    let requests = world.requests();
    assert_eq!(requests[0].url, "https://login.acme.example/token");
    assert_eq!(
        String::from_utf8_lossy(&requests[0].body),
        "grant_type=client_credentials&client_id=hush&client_secret=hush&scope=orders&audience=api"
    );
    assert_eq!(requests[1].secret_headers[0].1, "Bearer t-1");
    let mut auth = oauth2();
    auth["credentials_in_header"] = json!(true);
    let (_, world) = sent(auth, vec![token(), Ok(answer(200, "{}"))]).await;
    let request = world.requests().remove(0);
    assert!(!String::from_utf8_lossy(&request.body).contains("hush"));
    assert_eq!(request.secret_headers[0].1, "Basic aHVzaDpodXNo");
}

#[tokio::test]
async fn without_a_token_nothing_was_sent() {
    for (answer, denied, told) in [
        (Ok(answer(401, "{}")), true, "no access token: HTTP 401"),
        (
            Ok(answer(400, r#"{"error": "invalid_client"}"#)),
            true,
            "no access token: HTTP 400",
        ),
        (Ok(answer(500, "oops")), false, "no access token: HTTP 500"),
        (
            Ok(answer(200, "{}")),
            false,
            "no access token: the answer holds no access_token",
        ),
        (
            Err(Failure::InDoubt("no answer within 20 s".to_owned())),
            false,
            "no access token: no answer within 20 s",
        ),
    ] {
        let (heard, world) = sent(oauth2(), vec![answer]).await;
        let Outcome::NotSent { why, .. } = heard.outcome else {
            panic!("{heard:?}")
        };
        let unauthorized = heard.trouble == Some(Trouble::Unauthorized);
        assert_eq!((unauthorized, why.as_str()), (denied, told));
        assert_eq!(world.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_is_a_refusal_of_us() {
    let token = Ok(answer(200, r#"{"access_token": "t-1"}"#));
    let (heard, _) = sent(oauth2(), vec![token, Ok(answer(401, "{}"))]).await;
    assert!(matches!(heard.outcome, Outcome::NotSent { .. }));
    assert_eq!(heard.trouble, Some(Trouble::Unauthorized));
}

/// Whoever waits for a token that another one asks for would outlast its claim.
#[tokio::test]
async fn nobody_waits_longer_for_a_token_than_for_an_answer() {
    struct Mute;
    #[async_trait::async_trait]
    impl Http for Mute {
        async fn send(&self, request: &Request, _: Duration) -> Result<Response, Failure> {
            assert!(request.url.ends_with("/token"));
            std::future::pending().await
        }
    }
    let mut specific = specific(&oauth2());
    specific["timeout"] = json!(1);
    let supplier = World::default()
        .open_with("http", specific, Arc::new(Mute))
        .unwrap();
    let artifact = supplier
        .orders()
        .prepare(&handover(), &Progress::default())
        .unwrap();
    let attempt = attempt(false);
    let send = || supplier.orders().sender().send(&artifact, &attempt);
    let sends = async { tokio::join!(send(), send(), send()) };
    let all = tokio::time::timeout(Duration::from_millis(1900), sends).await;
    let (first, second, third) = all.unwrap();
    for heard in [first, second, third] {
        let Outcome::NotSent { why, .. } = heard.outcome else {
            panic!("{heard:?}")
        };
        assert_eq!(why, "no access token in time");
    }
}

/// A token of a minute or less is used for its first half only, and never for nothing.
#[tokio::test]
async fn a_token_that_runs_out_is_asked_for_again() {
    let world = World::default();
    let supplier = world.open("http", specific(&oauth2())).unwrap();
    let artifact = supplier
        .orders()
        .prepare(&handover(), &Progress::default())
        .unwrap();
    for (name, life) in [("t-1", 0), ("t-2", 3600)] {
        let token = json!({"access_token": name, "expires_in": life});
        world.answer(Ok(answer(200, &token.to_string())));
        world.answer(Ok(answer(200, "{}")));
        sent_to(supplier.as_ref(), &artifact).await;
    }
    world.answer(Ok(answer(200, "{}")));
    sent_to(supplier.as_ref(), &artifact).await;
    let shown: Vec<String> = world
        .requests()
        .into_iter()
        .filter(|request| request.url.ends_with("/orders"))
        .map(|request| request.secret_headers[0].1.clone())
        .collect();
    assert_eq!(shown, ["Bearer t-1", "Bearer t-2", "Bearer t-2"]);
    // A token, the request, and the look-up of a refusal that does not say why.
    assert_eq!(supplier.orders().sender().timeout(), Duration::from_mins(1));
}

#[test]
fn hosts_and_secrets_of_everything_are_known_before_opening() {
    let mut specific = specific(&oauth2());
    specific["auth"]["client_secret"] = json!("OTHER_KEY");
    specific["cancel"] = json!([{"name": "ask", "url": "https://cancel.acme.example/",
        "secret_headers": {"X-Third": "THIRD_KEY"}}]);
    specific["sandbox"] = json!({
        "urls": {"https://api.acme.example/": "https://sandbox.acme.example/"},
        "secrets": {"ACME_KEY": "SANDBOX_KEY"}});
    let entry = entry("http");
    assert_eq!(
        (entry.secrets)(&specific).all,
        ["ACME_KEY", "OTHER_KEY", "SANDBOX_KEY", "THIRD_KEY"]
    );
    assert_eq!((entry.secrets)(&specific).rehearsed, ["SANDBOX_KEY"]);
    assert_eq!(
        (entry.hosts)(&specific).names,
        [
            "api.acme.example",
            "cancel.acme.example",
            "login.acme.example",
            "sandbox.acme.example"
        ]
    );
}

#[test]
fn wrong_settings_are_named_with_what_would_be_right() {
    let error = |change: &dyn Fn(&mut Value)| -> SettingsError {
        let mut specific = specific(&json!({"kind": "bearer", "secret": "ACME_KEY"}));
        change(&mut specific);
        World::default().open("http", specific).err().unwrap()
    };
    let step = json!({"name": "a", "url": "https://api.acme.example/"});
    let cases: Vec<(SettingsError, &str, &str)> = vec![
        (
            error(&|all| all["auth"]["kind"] = json!("magic")),
            "auth.kind",
            "oauth2",
        ),
        (
            error(&|all| all["auth"]["secret"] = json!("OTHER")),
            "auth.secret",
            "\"OTHER\"",
        ),
        (
            error(&|all| all["headers"]["authorization"] = json!("x")),
            "headers",
            "[auth]",
        ),
        (
            error(&|all| all["rate"] = json!({"per_minute": 0})),
            "rate",
            "from 1",
        ),
        (
            error(&|all| all["create"]["body"] = json!({"yaml": "a: 1"})),
            "create.body",
            "xml",
        ),
        (
            error(&|all| all["step"] = json!([step])),
            "create",
            "not both",
        ),
        (
            error(&|all| all["create"]["extract"] = json!({"a": "body.a"})),
            "create.extract",
            "no step follows",
        ),
        (
            error(&|all| all["create"]["whole_only"] = json!(true)),
            "create",
            "[[cancel]]",
        ),
        (
            error(&|all| all["create"]["references"] = json!("body.")),
            "create.references",
            "",
        ),
        (
            error(&|all| {
                all["create"]["lines"] = json!([{"status": "gone", "each": "body"}]);
            }),
            "create.lines[0].status",
            "backordered",
        ),
        (
            error(&|all| all["cancel"] = json!([step, step])),
            "cancel.a.name",
            "two steps",
        ),
        (
            error(&|all| all["cancel"] = json!([{"url": "https://api.acme.example/"}])),
            "cancel.1.name",
            "such as",
        ),
    ];
    for (error, path, words) in cases {
        assert_eq!(error.path, path, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    let both = json!({"step": [
        {"name": "a", "url": "https://api.acme.example/", "extract": {"id": "body.id"},
         "lookup": {"url": "https://api.acme.example/", "found": "true"}}, step.clone()]});
    let wrong = World::default().open("http", both).err().unwrap();
    assert_eq!(wrong.path, "step.a.lookup.extract");
    assert!(wrong.message.contains("need id"), "{wrong}");
    let early = json!({"step": [
        {"name": "b", "url": "https://api.acme.example/", "reference": "body.id"}, step]});
    let wrong = World::default().open("http", early).err().unwrap();
    assert_eq!(wrong.path, "step.b.reference");
}
