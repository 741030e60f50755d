//! A mail server that follows a script, for the tests.

use super::*;
use crate::SystemClock;
use domain::settings::SmtpLogin;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What the server does instead of its usual answer.
#[derive(Clone, Copy)]
pub(super) enum Deed {
    Say(&'static str),
    Leave,
    Sleep,
}

pub(super) type Script = Vec<(&'static str, Deed)>;

/// Everything the server heard, in the open and within TLS.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    pub(super) fn commands(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn note(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

pub(super) struct Server {
    pub(super) port: u16,
    pub(super) heard: Heard,
    pub(super) roots: RootCertStore,
}

pub(super) enum Secured {
    No,
    Asked,
    Always,
}

impl Server {
    pub(super) async fn start(script: Script, secured: Secured) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Heard::default();
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = CertificateDer::from(certified.cert.der().to_vec());
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], PrivateKeyDer::from(key))
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let noted = heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut talk = Talk {
                    script: &script,
                    heard: &noted,
                };
                match secured {
                    Secured::No => {
                        talk.hold(stream, true, false).await;
                    }
                    Secured::Always => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            talk.hold(stream, true, false).await;
                        }
                    }
                    Secured::Asked => {
                        let Some(stream) = talk.hold(stream, true, true).await else {
                            continue;
                        };
                        noted.note("(TLS)");
                        if let Ok(stream) = acceptor.accept(stream).await {
                            talk.hold(stream, false, false).await;
                        }
                    }
                }
            }
        });
        Self { port, heard, roots }
    }

    pub(super) fn mailer(&self, tls: SmtpTls) -> SmtpMailer {
        let settings = Smtp {
            host: "localhost".to_owned(),
            port: self.port,
            login: Some(SmtpLogin {
                user: "shop".to_owned(),
                password: "SMTP_PASSWORD".to_owned(),
            }),
            tls,
        };
        let password = Some(SecretString::from("hush"));
        let clock = Arc::new(SystemClock);
        SmtpMailer::trusting(self.roots.clone(), &settings, password, clock).unwrap()
    }
}

struct Talk<'a> {
    script: &'a Script,
    heard: &'a Heard,
}

impl Talk<'_> {
    /// The stream again, where TLS is to begin on it.
    async fn hold<S: connection::Stream>(
        &mut self,
        stream: S,
        greets: bool,
        offers_tls: bool,
    ) -> Option<S> {
        let mut stream = BufReader::new(stream);
        if greets {
            self.answer(&mut stream, "greeting", "220 ready").await?;
        }
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            self.heard.note(line);
            let word = line.split([' ', ':']).next().unwrap();
            let usual = match word {
                "EHLO" if offers_tls => "250-here\r\n250-SIZE 1000000\r\n250 STARTTLS",
                "EHLO" => "250-here\r\n250-8BITMIME\r\n250 AUTH LOGIN PLAIN",
                "AUTH" => "235 welcome",
                "STARTTLS" => "220 go on",
                "DATA" => "354 go on",
                "QUIT" => "221 bye",
                _ => "250 fine",
            };
            self.answer(&mut stream, word, usual).await?;
            match word {
                "STARTTLS" => return Some(stream.into_inner()),
                "DATA" => {
                    loop {
                        let mut line = String::new();
                        if stream.read_line(&mut line).await.ok()? == 0 {
                            return None;
                        }
                        if line == ".\r\n" {
                            break;
                        }
                        self.heard.note(line.trim_end());
                    }
                    self.heard.note("(dot)");
                    self.answer(&mut stream, "dot", "250 queued").await?;
                }
                _ => {}
            }
        }
    }

    async fn answer<S: connection::Stream>(
        &self,
        stream: &mut BufReader<S>,
        word: &str,
        usual: &'static str,
    ) -> Option<()> {
        let scripted = self.script.iter().find(|(at, _)| *at == word);
        match scripted.map_or(Deed::Say(usual), |(_, deed)| *deed) {
            Deed::Say(reply) => {
                let reply = format!("{reply}\r\n");
                stream.get_mut().write_all(reply.as_bytes()).await.ok()?;
                stream.get_mut().flush().await.ok()
            }
            Deed::Leave => None,
            Deed::Sleep => std::future::pending().await,
        }
    }
}
