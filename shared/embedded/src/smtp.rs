//! Mail over SMTP, with the phases told apart: until the final dot of the message nothing was sent,
//! and between the dot and its answer nobody can say.
//!
//! The protocol is spoken here command by command, since a client that writes message and dot in one
//! call cannot say which of the two failed.

mod connection;
mod message;
#[cfg(test)]
mod server;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connection::{Connection, Lost, Reply};
use domain::settings::{Smtp, SmtpTls};
use message::Envelope;
use ports::{Clock, MailOutcome, MailPlace, Mailer, SendSubject};
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Of everything up to the final dot.
const BEFORE_THE_DOT: Duration = Duration::from_secs(30);
/// Of the answer to it, in which the server may look for spam. Together they are less than what a
/// supplier's hand-over may take.
const AFTER_THE_DOT: Duration = Duration::from_secs(25);
const GOODBYE: Duration = Duration::from_secs(1);

/// One connection for each message.
pub struct SmtpMailer {
    host: String,
    port: u16,
    login: Option<Login>,
    security: Security,
    clock: Arc<dyn Clock>,
    before_the_dot: Duration,
    after_the_dot: Duration,
}

struct Login {
    user: String,
    password: SecretString,
}

enum Security {
    StartTls(Tls),
    Implicit(Tls),
    NoneOnLoopback,
}

#[derive(Clone)]
struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    #[error("{0:?} is not the name of a mail server")]
    Name(String, #[source] InvalidDnsNameError),
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    #[error("{0:?} is not this machine, so TLS is needed")]
    NotLoopback(String),
    #[error("there is no secret {0:?}")]
    Password(String),
}

/// Why the message did not go out, before the final dot.
enum Failure {
    NotSent(String),
    Rejected(String),
}

impl From<Lost> for Failure {
    fn from(Lost(why): Lost) -> Self {
        Self::NotSent(why)
    }
}

impl SmtpMailer {
    /// `password` is the value of the secret that the settings name.
    pub fn new(
        settings: &Smtp,
        password: Option<SecretString>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SmtpError> {
        let roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        Self::trusting(roots, settings, password, clock)
    }

    fn trusting(
        roots: RootCertStore,
        settings: &Smtp,
        password: Option<SecretString>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SmtpError> {
        let host = settings.host.clone();
        let security = match settings.tls {
            SmtpTls::StartTls => Security::StartTls(Tls::new(&host, roots)?),
            SmtpTls::Implicit => Security::Implicit(Tls::new(&host, roots)?),
            SmtpTls::NoneOnLoopback if is_loopback(&host) => Security::NoneOnLoopback,
            SmtpTls::NoneOnLoopback => return Err(SmtpError::NotLoopback(host)),
        };
        let login = match &settings.login {
            None => None,
            Some(login) => Some(Login {
                user: login.user.clone(),
                password: password.ok_or_else(|| SmtpError::Password(login.password.clone()))?,
            }),
        };
        Ok(Self {
            host,
            port: settings.port,
            login,
            security,
            clock,
            before_the_dot: BEFORE_THE_DOT,
            after_the_dot: AFTER_THE_DOT,
        })
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

impl Tls {
    fn new(host: &str, roots: RootCertStore) -> Result<Self, SmtpError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(SmtpError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| SmtpError::Name(host.to_owned(), error))?;
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            name,
        })
    }

    async fn over(&self, stream: TcpStream) -> Result<Connection, Lost> {
        let secured = self.connector.connect(self.name.clone(), stream).await;
        let secured = secured.map_err(|error| Lost(format!("TLS failed: {error}")))?;
        Ok(Connection::new(Box::new(secured)))
    }
}

/// What the server answers where it agrees, by the first digit.
fn expect(reply: &Reply, class: u16, command: &str) -> Result<(), Failure> {
    if reply.class() == class {
        Ok(())
    } else {
        Err(Failure::NotSent(format!(
            "{command} was answered {}",
            reply.code()
        )))
    }
}

/// A receiver, or the message itself, refused for good.
fn accept(reply: &Reply, class: u16, command: &str) -> Result<(), Failure> {
    if reply.class() == 5 {
        return Err(Failure::Rejected(rejection(reply, command)));
    }
    expect(reply, class, command)
}

fn rejection(reply: &Reply, command: &str) -> String {
    format!(
        "{command} was refused with {}\n{}",
        reply.code(),
        reply.text()
    )
}

impl SmtpMailer {
    async fn tcp(&self) -> Result<TcpStream, Lost> {
        let unreached = |error| Lost(format!("{} cannot be reached: {error}", self.host));
        let found = lookup_host((self.host.as_str(), self.port)).await;
        // A name may lead elsewhere than it says.
        let here = matches!(self.security, Security::NoneOnLoopback);
        let addresses: Vec<SocketAddr> = found
            .map_err(unreached)?
            .filter(|address| !here || address.ip().is_loopback())
            .collect();
        let stream = TcpStream::connect(addresses.as_slice()).await;
        let stream = stream.map_err(unreached)?;
        stream.set_nodelay(true).map_err(unreached)?;
        Ok(stream)
    }

    /// Greeted, secured and logged in.
    async fn open(&self, own_name: &str) -> Result<Connection, Failure> {
        let stream = self.tcp().await?;
        let hello = format!("EHLO {own_name}");
        let (mut connection, offers) = match &self.security {
            Security::Implicit(tls) => {
                let mut connection = tls.over(stream).await?;
                let offers = greet(&mut connection, &hello).await?;
                (connection, offers)
            }
            Security::NoneOnLoopback => {
                let mut connection: Connection = Connection::new(Box::new(stream));
                let offers = greet(&mut connection, &hello).await?;
                (connection, offers)
            }
            Security::StartTls(tls) => {
                let mut plain = Connection::new(stream);
                let offers = greet(&mut plain, &hello).await?;
                if !offers.offers("STARTTLS") {
                    let why = "the server offers no STARTTLS";
                    return Err(Failure::NotSent(why.to_owned()));
                }
                expect(&plain.command("STARTTLS").await?, 2, "STARTTLS")?;
                let mut connection = tls.over(plain.into_silent()?).await?;
                // What was said in the open counts for nothing.
                let offers = connection.command(&hello).await?;
                (connection, offers)
            }
        };
        expect(&offers, 2, "EHLO")?;
        if let Some(login) = &self.login {
            log_in(&mut connection, &offers, login).await?;
        }
        Ok(connection)
    }

    /// Everything but the final dot.
    async fn until_the_dot(
        &self,
        envelope: &Envelope,
        message: &[u8],
    ) -> Result<Connection, Failure> {
        let mut connection = self.open(envelope.own_name()).await?;
        let from = format!("MAIL FROM:<{}>", envelope.from);
        expect(&connection.command(&from).await?, 2, "MAIL")?;
        // All or none: a message that half of its receivers have is neither sent nor not.
        for receiver in &envelope.to {
            let reply = connection.command(&format!("RCPT TO:<{receiver}>")).await?;
            accept(&reply, 2, &format!("the receiver {receiver}"))?;
        }
        accept(&connection.command("DATA").await?, 3, "DATA")?;
        connection.write(&message::on_the_wire(message)).await?;
        connection.listening().await?;
        Ok(connection)
    }
}

async fn greet<S: connection::Stream>(
    connection: &mut Connection<S>,
    hello: &str,
) -> Result<Reply, Failure> {
    expect(&connection.reply().await?, 2, "the connection")?;
    let offers = connection.command(hello).await?;
    expect(&offers, 2, "EHLO")?;
    Ok(offers)
}

async fn log_in(connection: &mut Connection, offers: &Reply, login: &Login) -> Result<(), Failure> {
    let (user, password) = (&login.user, login.password.expose_secret());
    let reply = if offers.offers_with("AUTH", "PLAIN") {
        let credentials = STANDARD.encode(format!("\0{user}\0{password}"));
        connection
            .command(&format!("AUTH PLAIN {credentials}"))
            .await?
    } else if offers.offers_with("AUTH", "LOGIN") {
        expect(&connection.command("AUTH LOGIN").await?, 3, "AUTH")?;
        expect(
            &connection.command(&STANDARD.encode(user)).await?,
            3,
            "AUTH",
        )?;
        connection.command(&STANDARD.encode(password)).await?
    } else {
        let why = "the server offers no log-in with a password";
        return Err(Failure::NotSent(why.to_owned()));
    };
    expect(&reply, 2, "AUTH")
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, _: &SendSubject, _: u32, message: &[u8]) -> MailOutcome {
        let Some(envelope) = Envelope::of(message) else {
            return MailOutcome::NotSent("the message names no sender or receiver".to_owned());
        };
        let handed = self.until_the_dot(&envelope, message);
        let mut connection = match timeout(self.before_the_dot, handed).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(Failure::NotSent(why))) => return MailOutcome::NotSent(why),
            Ok(Err(Failure::Rejected(why))) => return MailOutcome::Rejected(why),
            Err(_) => return MailOutcome::NotSent("the mail server was too slow".to_owned()),
        };
        let at = self.clock.now();
        let doubt = |why: &str| {
            let id = &envelope.message_id;
            MailOutcome::InDoubt(format!(
                "no answer to the final dot of <{id}> at {at:.0}: {why}"
            ))
        };
        let outcome = match timeout(self.after_the_dot, connection.command(".")).await {
            Ok(Ok(reply)) => match reply.class() {
                2 => MailOutcome::Sent,
                4 => MailOutcome::NotSent(format!("the message was answered {}", reply.code())),
                5 => MailOutcome::Rejected(rejection(&reply, "the message")),
                _ => doubt(&format!("answered {}", reply.code())),
            },
            Ok(Err(Lost(why))) => doubt(&why),
            Err(_) => doubt("the mail server was too slow"),
        };
        // Whether it hears this changes nothing.
        let _ = timeout(GOODBYE, connection.write(b"QUIT\r\n")).await;
        outcome
    }

    fn place(&self, _: &SendSubject) -> MailPlace {
        MailPlace {
            server: format!("smtp {}:{}", self.host, self.port),
            file: None,
        }
    }
}
