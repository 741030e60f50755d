//! The shop's part: signed webhooks over connections that stay open, the next one as soon as the
//! last is answered.

use super::configuration::{ARTICLES, SECRET, SHOP, SUPPLIERS, sku};
use crate::{Exit, say};
use anyhow::{Context as _, bail};
use doubles::shop::{Shop, ShopOrder};
use embedded::SystemClock;
use ports::Clock as _;
use serde_json::json;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

/// Made and signed beforehand; posted when a line comes in.
pub(super) fn post(orders: u64, connections: u64, to: SocketAddr) -> anyhow::Result<Exit> {
    let step = usize::try_from(connections)?;
    let shares: Vec<Vec<Vec<u8>>> = (0..connections)
        .map(|share| (share..orders).step_by(step))
        .map(|numbers| numbers.map(|number| request(number, to)).collect())
        .collect();
    say(format_args!("{}", json!({"ready": true})));
    std::io::stdin().read_line(&mut String::new())?;
    let begun = Instant::now();
    let first_at = SystemClock.now().as_microsecond();
    let posted: Vec<anyhow::Result<Posted>> = std::thread::scope(|scope| {
        let threads: Vec<_> = shares
            .iter()
            .map(|share| scope.spawn(|| post_all(share, to)))
            .collect();
        let ends = threads.into_iter().map(|thread| {
            let end = thread.join();
            end.unwrap_or_else(|_| bail!("a connection's thread panicked"))
        });
        ends.collect()
    });
    let micros = begun.elapsed().as_micros();
    let (mut took, mut refused) = (Vec::new(), 0);
    for posted in posted {
        let mut posted = posted?;
        took.append(&mut posted.took);
        refused += posted.refused;
    }
    took.sort_unstable();
    let percentile = |of_hundred: usize| took.get(took.len() * of_hundred / 100).copied();
    say(format_args!(
        "{}",
        json!({"first_at": first_at, "micros": micros, "refused": refused, "p50": percentile(50),
            "p99": percentile(99), "longest": took.last()})
    ));
    Ok(Exit::Done)
}

/// An order of two lines, one article of each supplier.
fn request(number: u64, to: SocketAddr) -> Vec<u8> {
    let shop = Shop {
        domain: SHOP.to_owned(),
        secret: SECRET.to_owned(),
    };
    let skus = SUPPLIERS.map(|supplier| sku(supplier, number % ARTICLES));
    let lines = [(skus[0].as_str(), 2), (skus[1].as_str(), 1)];
    let webhook = shop.sign("orders/create", &ShopOrder::new(1000 + number, &lines).0);
    let mut head = format!("POST /webhooks/acme HTTP/1.1\r\nhost: {to}\r\n");
    for (name, value) in &webhook.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let _ = write!(head, "content-length: {}\r\n\r\n", webhook.body.len());
    [head.into_bytes(), webhook.body].concat()
}

struct Posted {
    /// Microseconds from the first byte to the whole answer.
    took: Vec<u64>,
    refused: u64,
}

fn post_all(requests: &[Vec<u8>], to: SocketAddr) -> anyhow::Result<Posted> {
    let mut posted = Posted {
        took: Vec::with_capacity(requests.len()),
        refused: 0,
    };
    let mut connection = BufReader::new(TcpStream::connect(to)?);
    connection.get_ref().set_nodelay(true)?;
    for request in requests {
        let begun = Instant::now();
        connection.get_mut().write_all(request)?;
        let status = answer(&mut connection)?;
        posted
            .took
            .push(u64::try_from(begun.elapsed().as_micros())?);
        posted.refused += u64::from(status != 200);
    }
    Ok(posted)
}

/// The status of an answer that says how long it is, as those of `serve` do.
fn answer(connection: &mut BufReader<TcpStream>) -> anyhow::Result<u16> {
    let (mut status, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line)? == 0 {
            bail!("serve closed the connection");
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse()?;
            }
            Some(_) => {}
            None => status = line.split(' ').nth(1).and_then(|code| code.parse().ok()),
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    status.context("serve answered without a status")
}
