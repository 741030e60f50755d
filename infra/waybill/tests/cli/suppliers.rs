//! Suppliers beside orders: a sandbox tried out, and mail through the merchant's server.

use crate::place::{CHANNELS, Place, free_port};
use crate::{DONE, FAILED, NO, NOT_FOUND, USAGE};
use doubles::server::serve_supplier;
use doubles::shop::ShopOrder;
use doubles::supplier::{Behaviour, SupplierDouble};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, channel};

/// Northwind with a sandbox at that address, and keys for both.
fn with_sandbox(place: &Place, sandbox: SocketAddr) -> String {
    let (_, rest) = place.suppliers.split_once("url = \"").unwrap();
    let (real, _) = rest.split_once("/orders").unwrap();
    let more = format!(
        r#"[supplier.http.auth]
kind = "bearer"
secret = "NORTHWIND_KEY"
[supplier.http.sandbox]
urls = {{ "{real}/" = "http://{sandbox}/" }}
secrets = {{ NORTHWIND_KEY = "NORTHWIND_SANDBOX_KEY" }}
[supplier.http.create]"#
    );
    place.suppliers.replacen("[supplier.http.create]", &more, 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_order_goes_to_the_sandbox_and_nowhere_else() {
    let mut place = Place::new().await;
    assert_says!(
        place,
        "no_sandbox",
        place.says(NO, &["supplier", "test", "northwind"])
    );
    place.says(NO, &["supplier", "test", "harbour"]);
    assert_says!(
        place,
        "no_supplier",
        place.says(NOT_FOUND, &["supplier", "test", "nortwind"])
    );
    place.says(USAGE, &["supplier", "test"]);
    place.says(USAGE, &["supplier"]);

    let sandbox = SupplierDouble::default();
    let at = serve_supplier(sandbox.clone(), "127.0.0.1:0".parse().unwrap());
    let at = at.await.unwrap();
    place.write("suppliers.toml", &with_sandbox(&place, at));
    let unset = place.says(NO, &["supplier", "test", "northwind"]);
    assert!(unset.contains("NORTHWIND_SANDBOX_KEY"), "{unset}");
    place.set("NORTHWIND_SANDBOX_KEY", "try");
    // The key of the sandbox is enough to try, and the other one to serve.
    let tried = place.says(DONE, &["supplier", "test", "northwind"]);
    assert_eq!(sandbox.taken().len(), 1);
    assert!(place.northwind.taken().is_empty());
    let (number, _) = sandbox.taken().pop_first().unwrap();
    assert!(
        !tried.contains("try\n") && !tried.contains("Bearer"),
        "{tried}"
    );
    let tried = tried
        .replace(&number, "[number]")
        .replace(&at.to_string(), "[sandbox]");
    let dated = tried.lines().filter(|line| !line.contains("    date: "));
    let tried = dated.collect::<Vec<_>>().join("\n");
    assert_says!(place, "tried", tried);
    place.says(NO, &["serve"]);
    place.environment.clear();
    place.set("NORTHWIND_KEY", "real");
    let check = place.says(DONE, &["check"]);
    assert!(check.contains(", for test orders"), "{check}");
    place.serve().await;
    assert_eq!(place.terminate(), DONE);

    place.set("NORTHWIND_SANDBOX_KEY", "try");
    sandbox.script([Behaviour::Reject]);
    let refused = place.says(NO, &["supplier", "test", "northwind"]);
    assert!(refused.contains("judged: rejected"), "{refused}");
    place.write("suppliers.toml", &with_sandbox(&place, free_port()));
    let silent = place.says(FAILED, &["supplier", "test", "northwind"]);
    assert!(silent.contains("the sandbox did not answer"), "{silent}");
    place.write("suppliers.toml", "wrong");
    place.says(FAILED, &["supplier", "test", "northwind"]);
    assert!(place.northwind.taken().is_empty());
}

/// Takes every message; the lines of one by one.
fn post_office() -> (SocketAddr, Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            if let Some(message) = client.ok().and_then(|client| take(client).ok()) {
                drop(send.send(message));
            }
        }
    });
    (address, receive)
}

fn take(client: TcpStream) -> std::io::Result<Vec<String>> {
    let mut answers = client.try_clone()?;
    let mut answer = move |text: &str| answers.write_all(format!("{text}\r\n").as_bytes());
    let (mut message, mut in_message) = (Vec::new(), false);
    answer("220 here")?;
    for line in BufReader::new(client).lines() {
        let line = line?;
        if in_message && line == "." {
            in_message = false;
            answer("250 kept")?;
        } else if in_message {
            message.push(line);
        } else if line == "DATA" {
            in_message = true;
            answer("354 go on")?;
        } else if line == "QUIT" {
            answer("221 bye")?;
            break;
        } else {
            answer("250 good")?;
        }
    }
    Ok(message)
}

static WITHOUT_MAIL: LazyLock<String> =
    LazyLock::new(|| CHANNELS.replace("mail_via = \"outbox\"\n", ""));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_go_through_the_merchants_server() {
    let mut place = Place::new().await;
    let (address, messages) = post_office();
    let smtp = |rest: &str| {
        let port = address.port();
        let table = format!(
            "[merchant.smtp]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none-on-loopback\"\n{rest}\n[[channel]]"
        );
        WITHOUT_MAIL.replace("[[channel]]", &table)
    };
    // A mail that nobody would send must not look sent.
    place.write("channels.toml", &WITHOUT_MAIL);
    for command in ["check", "serve"] {
        let refused = place.run(&[command]);
        let told = format!("{}{}", refused.out, refused.err);
        assert_eq!(refused.code, NO, "{told}");
        assert!(told.contains("names no mail server"), "{told}");
        assert!(told.contains("mail_via = \"outbox\""), "{told}");
    }
    let login = "user = \"acme\"\npassword = \"SMTP_PASSWORD\"\n";
    place.write("channels.toml", &smtp(login));
    let refused = place.run(&["serve"]);
    assert_eq!(refused.code, NO);
    assert!(
        refused
            .err
            .contains("merchant.smtp: there is no secret \"SMTP_PASSWORD\""),
        "{}",
        refused.err
    );
    place.write("channels.toml", &smtp(""));
    place.serve().await;
    place.order(&ShopOrder::new(1001, &[("TOWEL", 2)])).await;
    place.until(&["order", "1001"], ": sent\n").await;
    let message = messages
        .recv_timeout(std::time::Duration::from_secs(5))
        .unwrap()
        .join("\n");
    assert!(
        message.contains("To: <orders@harbour.example>"),
        "{message}"
    );
    assert!(message.contains("HB-77"), "{message}");
    assert!(!place.folder.path().join("data/outbox/mail").exists());
    // Without the table they lie in the outbox again, without a restart.
    place.write("channels.toml", CHANNELS);
    let mails = place.folder.path().join("data/outbox/mail");
    for number in 1002..1020 {
        place.order(&ShopOrder::new(number, &[("TOWEL", 1)])).await;
        let number = number.to_string();
        place.until(&["order", &number], "sent by attempt 1").await;
        if mails.exists() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    panic!("the outbox stays empty");
}
