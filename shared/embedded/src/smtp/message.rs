//! What SMTP needs of a message: who it is from and to, and its lines.

use mail_parser::{Address, MessageParser};

/// To whom a message goes, by its own headers.
pub(super) struct Envelope {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) message_id: String,
}

impl Envelope {
    /// `None` where there is no sender or receiver, or one that a command cannot hold.
    pub(super) fn of(message: &[u8]) -> Option<Self> {
        let message = MessageParser::default().parse(message)?;
        let from = addresses(message.from()).into_iter().next()?;
        let mut to = Vec::new();
        for receiver in [addresses(message.to()), addresses(message.cc())].concat() {
            if !to.contains(&receiver) {
                to.push(receiver);
            }
        }
        let plain = |address: &String| {
            address.contains('@')
                && address
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte))
        };
        let message_id = message.message_id().unwrap_or_default().to_owned();
        (plain(&from) && !to.is_empty() && to.iter().all(plain)).then_some(Self {
            from,
            to,
            message_id,
        })
    }

    /// The sender's domain stands for this machine, which may have no name of its own.
    pub(super) fn own_name(&self) -> &str {
        self.from
            .rsplit_once('@')
            .map_or("localhost", |(_, host)| host)
    }
}

fn addresses(header: Option<&Address<'_>>) -> Vec<String> {
    let Some(header) = header else {
        return Vec::new();
    };
    header
        .iter()
        .map(|address| address.address().unwrap_or_default().to_owned())
        .collect()
}

/// The message without the final dot: every line ends in CRLF, and a dot that begins one is doubled.
/// No other line end is let through, since a server might take one for the end of the message.
pub(super) fn on_the_wire(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(message.len() + 2);
    let mut rest = message;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| b"\r\n".contains(byte));
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        if line.first() == Some(&b'.') {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
        wire.extend_from_slice(b"\r\n");
        rest = after
            .strip_prefix(b"\r\n")
            .or_else(|| after.strip_prefix(b"\n"))
            .or_else(|| after.strip_prefix(b"\r"))
            .unwrap_or(after);
    }
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_the_message_ends_it() {
        for (message, wire) in [
            ("a\r\nb\r\n", "a\r\nb\r\n"),
            ("a\r\n.\r\nb", "a\r\n..\r\nb\r\n"),
            (".a\n.\nb\r.\r", "..a\r\n..\r\nb\r\n..\r\n"),
            ("a\r\n\r\n", "a\r\n\r\n"),
        ] {
            assert_eq!(
                String::from_utf8(on_the_wire(message.as_bytes())).unwrap(),
                wire
            );
        }
    }

    #[test]
    fn receivers_are_those_of_to_and_cc() {
        let of = |headers: &str| Envelope::of(format!("{headers}\r\n\r\nHello").as_bytes());
        let envelope = of(
            "From: Shop <a@shop.example>\r\nTo: <b@x.example>, c@x.example\r\n\
            Cc: \"D, E\" <d@x.example>, b@x.example\r\nMessage-ID: <1@shop.example>",
        )
        .unwrap();
        assert_eq!(envelope.from, "a@shop.example");
        assert_eq!(envelope.to, ["b@x.example", "c@x.example", "d@x.example"]);
        assert_eq!(envelope.message_id, "1@shop.example");
        assert_eq!(envelope.own_name(), "shop.example");
        assert!(of("From: a@shop.example").is_none());
        assert!(of("To: a@shop.example").is_none());
        assert!(of("From: a@shop.example\r\nTo: <ä@x.example>").is_none());
    }
}
