use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(10);

fn client() -> Client {
    Client::new(["127.0.0.1".to_owned(), "localhost".to_owned()], true).unwrap()
}

fn post(url: String) -> Request {
    Request {
        method: "POST".to_owned(),
        url,
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        secret_headers: vec![("Authorization".to_owned(), "Bearer hidden".to_owned())],
        body: b"{}".to_vec(),
    }
}

/// A server that reads one request, answers with `answer`, closes, and counts.
async fn server(answer: Option<&'static str>) -> (String, tokio::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/orders", listener.local_addr().unwrap());
    let (seen, requests) = tokio::sync::mpsc::channel(16);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 4096];
            let read = stream.read(&mut buffer).await.unwrap();
            let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
            seen.send(text).await.unwrap();
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                None => tokio::time::sleep(LONG).await,
            }
        }
    });
    (url, requests)
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let failure = client().send(&post(url), LONG).await.unwrap_err();
    assert_eq!(failure, Failure::NotSent("connection refused".to_owned()));
}

#[tokio::test]
async fn a_name_without_address_was_not_sent() {
    let client = Client::new(["nowhere.invalid".to_owned()], true).unwrap();
    let failure = client
        .send(&post("https://nowhere.invalid/".to_owned()), LONG)
        .await
        .unwrap_err();
    assert_eq!(
        failure,
        Failure::NotSent("the name was not found".to_owned())
    );
}

#[tokio::test]
async fn a_failed_handshake_was_not_sent() {
    let (url, _requests) = server(Some("HTTP/1.1 200 OK\r\n\r\n")).await;
    let failure = client()
        .send(&post(url.replace("http:", "https:")), LONG)
        .await
        .unwrap_err();
    let Failure::NotSent(why) = failure else {
        panic!("{failure:?}")
    };
    assert!(why.starts_with("TLS failed: "), "{why}");
}

#[tokio::test]
async fn silence_is_in_doubt_after_the_timeout() {
    let (url, mut requests) = server(None).await;
    let failure = client().send(&post(url), SHORT).await.unwrap_err();
    assert_eq!(
        failure,
        Failure::InDoubt("no answer within 300 ms".to_owned())
    );
    let request = requests.recv().await.unwrap().to_ascii_lowercase();
    assert!(
        request.contains("authorization: bearer hidden"),
        "{request}"
    );
}

#[tokio::test]
async fn a_connection_closed_without_answer_is_in_doubt_and_not_tried_again() {
    let (url, mut requests) = server(Some("")).await;
    let failure = client().send(&post(url), LONG).await.unwrap_err();
    assert_eq!(
        failure,
        Failure::InDoubt("the connection was cut".to_owned())
    );
    tokio::time::sleep(SHORT).await;
    assert!(requests.try_recv().is_ok());
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (url, mut requests) = server(Some(
        "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    ))
    .await;
    let response = client().send(&post(url), LONG).await.unwrap();
    assert_eq!(response.status, 302);
    assert!(
        response
            .headers
            .contains(&("location".to_owned(), "/other".to_owned()))
    );
    assert!(requests.try_recv().is_ok());
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_in_doubt() {
    let (url, _requests) = server(Some(
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{\"id\":",
    ))
    .await;
    let failure = client().send(&post(url), LONG).await.unwrap_err();
    assert_eq!(
        failure,
        Failure::InDoubt("HTTP 200, then the connection was cut".to_owned())
    );
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_in_doubt() {
    let long = "x".repeat(LONGEST_BODY + 1);
    let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{long}");
    let (url, _requests) = server(Some(answer.leak())).await;
    let failure = client().send(&post(url), LONG).await.unwrap_err();
    assert!(matches!(failure, Failure::InDoubt(_)), "{failure:?}");
}

#[tokio::test]
async fn private_addresses_are_refused_by_default() {
    let (url, mut requests) = server(Some("HTTP/1.1 200 OK\r\n\r\n")).await;
    let named = url.replace("127.0.0.1", "localhost");
    let hosts = ["127.0.0.1", "localhost", "[::1]", "169.254.169.254"];
    let client = Client::new(hosts.map(str::to_owned), false).unwrap();
    for url in [
        url,
        named,
        "http://[::1]/".to_owned(),
        "http://2852039166/".to_owned(),
    ] {
        let failure = client.send(&post(url.clone()), LONG).await.unwrap_err();
        assert!(matches!(failure, Failure::NotSent(_)), "{url} {failure:?}");
    }
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn plain_http_never_leaves_the_own_network() {
    let hosts = || {
        [
            "192.0.2.7".to_owned(),
            "198.51.100.1".to_owned(),
            "8.8.8.8".to_owned(),
        ]
    };
    let careful = Client::new(hosts(), false).unwrap();
    let private = Client::new(hosts(), true).unwrap();
    for client in [careful, private] {
        let failure = client
            .send(&post("http://8.8.8.8/".to_owned()), LONG)
            .await
            .unwrap_err();
        let Failure::NotSent(why) = failure else {
            panic!("{failure:?}")
        };
        assert!(why.contains("write https://"), "{why}");
    }
}

#[tokio::test]
async fn other_hosts_and_bad_headers_are_refused() {
    let mut request = post("https://example.com/".to_owned());
    let failure = client().send(&request, LONG).await.unwrap_err();
    assert!(matches!(failure, Failure::NotSent(why) if why.contains("example.com")));
    request.url = "http://127.0.0.1:9/".to_owned();
    request.headers = vec![("X-A".to_owned(), "a\r\nX-B: b".to_owned())];
    let failure = client().send(&request, LONG).await.unwrap_err();
    assert!(matches!(failure, Failure::NotSent(why) if why.contains("X-A")));
}

#[test]
fn debug_shows_neither_secrets_nor_paths() {
    let shown = format!("{:?}", post("https://api.example.com/a/Ada".to_owned()));
    assert!(shown.contains("api.example.com"));
    assert!(
        !shown.contains("hidden") && !shown.contains("Ada"),
        "{shown}"
    );
}
