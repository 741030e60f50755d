use super::*;
use crate::SystemClock;
use domain::purchase_order_number::PurchaseOrderNumber;
use domain::settings::SmtpLogin;
use server::{Deed, Script, Secured, Server};
use tokio::net::TcpListener;

const MESSAGE: &[u8] = b"From: Shop <orders@shop.example>\r\nTo: po@acme.example\r\n\
    Cc: copy@acme.example\r\nMessage-ID: <S-1-1-K@shop.example>\r\n\r\nHello\r\n.dot\r\n";

fn id() -> SendSubject {
    let code = domain::ids::ChannelCode::parse("S").unwrap();
    SendSubject::from(&PurchaseOrderNumber::new(&code, "1", 1))
}

async fn outcome(word: &'static str, deed: Deed) -> (MailOutcome, Vec<String>) {
    let server = Server::start(vec![(word, deed)], Secured::No).await;
    let mut mailer = server.mailer(SmtpTls::NoneOnLoopback);
    // The rest of the answer never comes.
    let waits = matches!(deed, Deed::Sleep | Deed::Say("250-almost"));
    if waits && word == "dot" {
        mailer.after_the_dot = Duration::from_millis(200);
    } else if waits {
        mailer.before_the_dot = Duration::from_millis(200);
    }
    let outcome = mailer.send(&id(), 1, MESSAGE).await;
    assert_eq!(mailer.place(&id()).file, None);
    (outcome, server.heard.commands())
}

#[tokio::test]
async fn a_message_goes_out_once_and_whole() {
    let server = Server::start(Vec::new(), Secured::No).await;
    let mailer = server.mailer(SmtpTls::NoneOnLoopback);
    assert_eq!(mailer.send(&id(), 1, MESSAGE).await, MailOutcome::Sent);
    let mut heard = server.heard.commands();
    heard.retain(|line| line != "QUIT");
    assert_eq!(
        heard,
        [
            "EHLO shop.example",
            // The user and the password, each after a zero byte.
            "AUTH PLAIN AHNob3AAaHVzaA==",
            "MAIL FROM:<orders@shop.example>",
            "RCPT TO:<po@acme.example>",
            "RCPT TO:<copy@acme.example>",
            "DATA",
            "From: Shop <orders@shop.example>",
            "To: po@acme.example",
            "Cc: copy@acme.example",
            "Message-ID: <S-1-1-K@shop.example>",
            "",
            "Hello",
            "..dot",
            "(dot)",
        ]
    );
}

#[tokio::test]
async fn before_the_final_dot_nothing_was_sent() {
    for word in ["greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"] {
        for deed in [
            Deed::Leave,
            Deed::Sleep,
            Deed::Say("451 not now"),
            Deed::Say("<html>"),
            Deed::Say("250-a\r\n354 b"),
            Deed::Say("299"),
        ] {
            // A short answer is an answer, though not the one that DATA needs.
            if matches!(deed, Deed::Say("299")) && word != "DATA" {
                continue;
            }
            let (outcome, heard) = outcome(word, deed).await;
            assert!(
                matches!(outcome, MailOutcome::NotSent(_)),
                "{word}: {outcome:?}"
            );
            assert!(!heard.contains(&"Hello".to_owned()), "{word}");
        }
    }
}

#[tokio::test]
async fn a_refusal_for_good_is_one_of_the_receiver_or_the_message_only() {
    for word in ["greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "dot"] {
        let (outcome, _) = outcome(word, Deed::Say("550-5.1.1 No such\r\n550 5.1.1 mailbox")).await;
        match word {
            "RCPT" => assert_eq!(
                outcome,
                MailOutcome::Rejected(
                    "the receiver po@acme.example was refused with 550\n5.1.1 No such\n5.1.1 mailbox"
                        .to_owned()
                )
            ),
            "DATA" | "dot" => assert!(matches!(outcome, MailOutcome::Rejected(_)), "{outcome:?}"),
            _ => assert!(matches!(outcome, MailOutcome::NotSent(_)), "{word}: {outcome:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_breaks_in_was_not_sent_the_end() {
    // An answer that comes too early must not be taken for the one to the final dot.
    for reply in ["354 go on\r\n421 shutting down", "354 go on\r\n250 queued"] {
        let (outcome, heard) = outcome("DATA", Deed::Say(reply)).await;
        assert!(matches!(outcome, MailOutcome::NotSent(_)), "{outcome:?}");
        assert!(!heard.contains(&"(dot)".to_owned()));
    }
}

#[tokio::test]
async fn after_the_final_dot_only_an_answer_counts() {
    for deed in [
        Deed::Leave,
        Deed::Sleep,
        Deed::Say("<html>"),
        Deed::Say("354 more"),
        Deed::Say("250-almost"),
    ] {
        let (outcome, heard) = outcome("dot", deed).await;
        let MailOutcome::InDoubt(why) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(
            why.starts_with("no answer to the final dot of <S-1-1-K@shop.example> at 20"),
            "{why}"
        );
        assert!(heard.contains(&"(dot)".to_owned()));
    }
    let (outcome, _) = outcome("dot", Deed::Say("452 full")).await;
    assert_eq!(
        outcome,
        MailOutcome::NotSent("the message was answered 452".to_owned())
    );
}

#[tokio::test]
async fn nobody_at_the_port_was_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut server = Server::start(Vec::new(), Secured::No).await;
    server.port = listener.local_addr().unwrap().port();
    drop(listener);
    let outcome = server
        .mailer(SmtpTls::NoneOnLoopback)
        .send(&id(), 1, MESSAGE)
        .await;
    assert!(matches!(outcome, MailOutcome::NotSent(_)), "{outcome:?}");
    let outcome = server
        .mailer(SmtpTls::NoneOnLoopback)
        .send(&id(), 1, b"Subject: x\r\n\r\n")
        .await;
    assert!(matches!(outcome, MailOutcome::NotSent(_)), "{outcome:?}");
}

#[tokio::test]
async fn the_password_is_told_within_tls_only() {
    for (secured, tls) in [
        (Secured::Asked, SmtpTls::StartTls),
        (Secured::Always, SmtpTls::Implicit),
    ] {
        let asked = matches!(secured, Secured::Asked);
        let server = Server::start(Vec::new(), secured).await;
        assert_eq!(
            server.mailer(tls).send(&id(), 1, MESSAGE).await,
            MailOutcome::Sent
        );
        if asked {
            let heard = server.heard.commands();
            assert_eq!(
                heard[..4],
                [
                    "EHLO shop.example",
                    "STARTTLS",
                    "(TLS)",
                    "EHLO shop.example"
                ]
            );
            assert!(heard[4].starts_with("AUTH PLAIN"), "{heard:?}");
        }
    }
}

#[tokio::test]
async fn without_tls_nothing_is_told() {
    let no_tls: Script = vec![("EHLO", Deed::Say("250 here"))];
    let spoken_for: Script = vec![("STARTTLS", Deed::Say("220 go on\r\n250 AUTH PLAIN"))];
    let refused: Script = vec![("STARTTLS", Deed::Say("454 not now"))];
    for script in [no_tls, spoken_for, refused] {
        let server = Server::start(script, Secured::Asked).await;
        let outcome = server
            .mailer(SmtpTls::StartTls)
            .send(&id(), 1, MESSAGE)
            .await;
        assert!(matches!(outcome, MailOutcome::NotSent(_)), "{outcome:?}");
        let heard = server.heard.commands();
        assert!(
            !heard.iter().any(|line| line.starts_with("AUTH")),
            "{heard:?}"
        );
    }
    // A certificate that nobody vouches for.
    let mut server = Server::start(Vec::new(), Secured::Asked).await;
    server.roots = RootCertStore::empty();
    let outcome = server
        .mailer(SmtpTls::StartTls)
        .send(&id(), 1, MESSAGE)
        .await;
    assert!(matches!(outcome, MailOutcome::NotSent(_)), "{outcome:?}");
    assert!(
        !server
            .heard
            .commands()
            .iter()
            .any(|line| line.starts_with("AUTH"))
    );
}

#[tokio::test]
async fn a_server_may_want_the_password_on_its_own_line() {
    let script: Script = vec![
        ("EHLO", Deed::Say("250-here\r\n250 AUTH LOGIN")),
        ("AUTH", Deed::Say("334 VXNlcm5hbWU6")),
        ("c2hvcA==", Deed::Say("334 UGFzc3dvcmQ6")),
        ("aHVzaA==", Deed::Say("235 welcome")),
    ];
    let server = Server::start(script, Secured::No).await;
    let outcome = server
        .mailer(SmtpTls::NoneOnLoopback)
        .send(&id(), 1, MESSAGE)
        .await;
    assert_eq!(outcome, MailOutcome::Sent);
    let script: Script = vec![("EHLO", Deed::Say("250-here\r\n250 AUTH GSSAPI"))];
    let server = Server::start(script, Secured::No).await;
    let outcome = server
        .mailer(SmtpTls::NoneOnLoopback)
        .send(&id(), 1, MESSAGE)
        .await;
    assert!(matches!(outcome, MailOutcome::NotSent(_)), "{outcome:?}");
}

#[test]
fn settings_that_cannot_be_used_are_refused() {
    let opened = |host: &str, tls, login: bool| {
        let login = login.then(|| SmtpLogin {
            user: "shop".to_owned(),
            password: "SMTP_PASSWORD".to_owned(),
        });
        let settings = Smtp {
            host: host.to_owned(),
            port: 587,
            login,
            tls,
        };
        SmtpMailer::new(&settings, None, Arc::new(SystemClock)).map(|_| ())
    };
    let far = opened("mail.example", SmtpTls::NoneOnLoopback, false);
    assert!(matches!(far, Err(SmtpError::NotLoopback(_))));
    let nameless = opened("not a name", SmtpTls::StartTls, false);
    assert!(matches!(nameless, Err(SmtpError::Name(..))));
    let secret = opened("mail.example", SmtpTls::StartTls, true);
    assert!(matches!(secret, Err(SmtpError::Password(name)) if name == "SMTP_PASSWORD"));
    for host in ["localhost", "127.0.0.1", "::1"] {
        assert!(
            opened(host, SmtpTls::NoneOnLoopback, false).is_ok(),
            "{host}"
        );
    }
    assert!(opened("mail.example", SmtpTls::Implicit, false).is_ok());
}
