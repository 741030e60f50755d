//! The merchant's files of the measurement: two suppliers with an HTTP API, who share no article.

use doubles::supplier::http_tables;
use std::fmt::Write as _;
use std::path::Path;

pub(super) const SECRET: &str = "a webhook secret for the bench";
pub(super) const SECRET_NAME: &str = "WAYBILL_BENCH_SECRET";
pub(super) const SHOP: &str = "acme.myshopify.com";
/// Articles of each supplier.
pub(super) const ARTICLES: u64 = 500;
pub(super) const SUPPLIERS: [&str; 2] = ["northwind", "eastgate"];

pub(super) const CHANNELS: &str = r#"[merchant]
name = "Acme Homeware"
mail = "orders@acme.example"

[[channel]]
id = "acme"
kind = "shopify"
code = "SH"
start_from = 2026-11-01
secrets = ["WAYBILL_BENCH_SECRET"]
[channel.shopify]
shop = "acme.myshopify.com"
"#;

pub(super) fn write(folder: &Path, supplier: &str) -> std::io::Result<()> {
    let suppliers: String = SUPPLIERS.iter().map(|id| http(id, supplier)).collect();
    let mut offers = "sku,supplier,supplier_sku,cost,currency,stock\n".to_owned();
    for id in SUPPLIERS {
        for article in 0..ARTICLES {
            let sku = sku(id, article);
            let _ = writeln!(offers, "{sku},{id},{id}-{article},4.00,USD,100000000");
        }
    }
    std::fs::write(folder.join("channels.toml"), CHANNELS)?;
    std::fs::write(folder.join("suppliers.toml"), suppliers)?;
    std::fs::write(folder.join("offers.csv"), offers)
}

pub(super) fn sku(supplier: &str, article: u64) -> String {
    format!("{}-{article}", supplier.to_uppercase())
}

/// As many at once as a supplier's API commonly takes.
fn http(id: &str, address: &str) -> String {
    let tables = http_tables(address);
    format!(
        r#"
[[supplier]]
id = "{id}"
name = "The {id} company"
method = "http"
concurrency = 32
[supplier.http]
timeout = 10
allow_private = true
{tables}"#
    )
}
