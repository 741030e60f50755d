//! Commands and replies.

use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any server has to say.
const LONGEST_REPLY: usize = 64 * 1024;

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The connection is of no more use.
#[derive(Debug)]
pub(super) struct Lost(pub(super) String);

pub(super) struct Connection<S = Box<dyn Stream>> {
    stream: S,
    /// Read, and not yet part of a reply.
    ahead: Vec<u8>,
}

pub(super) struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl Reply {
    pub(super) fn code(&self) -> u16 {
        self.code
    }

    /// 2 where the server did it, 3 where it wants more, 4 not now, 5 never.
    pub(super) fn class(&self) -> u16 {
        self.code / 100
    }

    pub(super) fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// Whether EHLO was answered with this keyword.
    pub(super) fn offers(&self, keyword: &str) -> bool {
        self.parameters(keyword).next().is_some()
    }

    pub(super) fn offers_with(&self, keyword: &str, parameter: &str) -> bool {
        self.parameters(keyword)
            .any(|mut words| words.any(|word| word.eq_ignore_ascii_case(parameter)))
    }

    fn parameters(&self, keyword: &str) -> impl Iterator<Item = impl Iterator<Item = &str>> {
        self.lines.iter().skip(1).filter_map(move |line| {
            let mut words = line.split_ascii_whitespace();
            words.next()?.eq_ignore_ascii_case(keyword).then_some(words)
        })
    }
}

impl<S: Stream> Connection<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            ahead: Vec::new(),
        }
    }

    pub(super) async fn command(&mut self, line: &str) -> Result<Reply, Lost> {
        if line.contains(['\r', '\n']) {
            return Err(Lost("a command would be two".to_owned()));
        }
        self.write(format!("{line}\r\n").as_bytes()).await?;
        self.reply().await
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        let lost = |error| Lost(format!("the connection was lost: {error}"));
        self.stream.write_all(bytes).await.map_err(lost)?;
        self.stream.flush().await.map_err(lost)
    }

    pub(super) async fn reply(&mut self) -> Result<Reply, Lost> {
        let nonsense = || Lost("the server answered nonsense".to_owned());
        let mut code = None;
        let mut lines = Vec::new();
        let mut length = 0;
        loop {
            let line = self.line().await?;
            length += line.len();
            if length > LONGEST_REPLY {
                return Err(nonsense());
            }
            let digits = line.get(..3).filter(|digits| {
                digits.starts_with(['2', '3', '4', '5'])
                    && digits.bytes().all(|byte| byte.is_ascii_digit())
            });
            let this: u16 = digits
                .and_then(|digits| digits.parse().ok())
                .ok_or_else(nonsense)?;
            if code.is_some_and(|code| code != this) {
                return Err(nonsense());
            }
            code = Some(this);
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            match line.as_bytes().get(3) {
                None | Some(b' ') => return Ok(Reply { code: this, lines }),
                Some(b'-') => {}
                Some(_) => return Err(nonsense()),
            }
        }
    }

    /// Without its end; bytes that are no text are marked.
    async fn line(&mut self) -> Result<String, Lost> {
        loop {
            if let Some(end) = self.ahead.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.ahead.len() > LONGEST_REPLY {
                return Err(Lost("the server answered nonsense".to_owned()));
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), Lost> {
        let mut buffer = [0; 4096];
        let read = self.stream.read(&mut buffer).await;
        let read = read.map_err(|error| Lost(format!("the connection was lost: {error}")))?;
        if read == 0 {
            return Err(Lost("the server closed the connection".to_owned()));
        }
        self.ahead.extend(buffer.iter().take(read));
        Ok(())
    }

    /// An error where the server has left, or spoken though it is our turn: it does not wait for the
    /// rest any more.
    pub(super) async fn listening(&mut self) -> Result<(), Lost> {
        let interrupted = Lost("the server broke in before the end of the message".to_owned());
        if !self.ahead.is_empty() {
            return Err(interrupted);
        }
        match timeout(Duration::ZERO, self.more()).await {
            Err(_) => Ok(()),
            Ok(Ok(())) => Err(interrupted),
            Ok(Err(lost)) => Err(lost),
        }
    }
}

impl Connection<TcpStream> {
    /// The stream, for TLS. What came before it in the open could be anybody's.
    pub(super) fn into_silent(self) -> Result<TcpStream, Lost> {
        if self.ahead.is_empty() {
            Ok(self.stream)
        } else {
            Err(Lost("the server spoke on after STARTTLS".to_owned()))
        }
    }
}
