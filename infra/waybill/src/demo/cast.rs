//! Who takes part in the stories: the merchant with his files, his shop, and suppliers that are on
//! this machine.

use super::LOOPBACK;
use anyhow::Context as _;
use doubles::server::serve_supplier;
use doubles::shop::Shop;
use doubles::supplier::{SupplierDouble, http_tables};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Of the shop's webhooks; no supplier has one.
pub const SECRET: &str = "a webhook secret for the demo";

/// Northwind and Eastgate take orders over HTTP, Lakeside as CSV files, Harbour by mail. Cheap to
/// clone; every clone is the same cast.
#[derive(Clone)]
pub struct Cast {
    pub shop: Shop,
    pub northwind: SupplierDouble,
    /// Out of reach until a story has it back.
    pub eastgate: SupplierDouble,
    northwind_at: SocketAddr,
    eastgate_at: SocketAddr,
}

impl Cast {
    pub async fn assemble() -> anyhow::Result<Self> {
        let northwind = SupplierDouble::default();
        Ok(Self {
            shop: Shop {
                domain: "acme.myshopify.com".to_owned(),
                secret: SECRET.to_owned(),
            },
            northwind_at: serve_supplier(northwind.clone(), LOOPBACK).await?,
            northwind,
            eastgate: SupplierDouble::default(),
            // A port that nobody listens on until the story says so.
            eastgate_at: std::net::TcpListener::bind(LOOPBACK)?.local_addr()?,
        })
    }

    /// The merchant's files, by name.
    pub fn files(&self) -> BTreeMap<&'static str, String> {
        let suppliers = [
            http_supplier("northwind", "Northwind Wholesale", self.northwind_at),
            http_supplier("eastgate", "Eastgate Kitchen", self.eastgate_at),
            OTHER_SUPPLIERS.to_owned(),
        ];
        BTreeMap::from([
            ("channels.toml", CHANNELS.to_owned()),
            ("rules.toml", RULES.to_owned()),
            ("suppliers.toml", suppliers.concat()),
            ("offers.csv", OFFERS.to_owned()),
        ])
    }

    /// `offers.csv` with a line more.
    pub(super) fn offers_with(line: &str) -> String {
        format!("{OFFERS}{line}\n")
    }

    pub async fn eastgate_is_back(&self) -> anyhow::Result<()> {
        let served = serve_supplier(self.eastgate.clone(), self.eastgate_at).await;
        served.context("Eastgate's port was taken meanwhile")?;
        Ok(())
    }
}

const CHANNELS: &str = include_str!("../../../config/channels.toml");
const RULES: &str = include_str!("../../../config/rules.toml");

const OTHER_SUPPLIERS: &str = r#"
[[supplier]]
id = "lakeside"
name = "Lakeside Lamps"
method = "csv"
[supplier.csv]
folder = "lakeside"

[[supplier]]
id = "harbour"
name = "Harbour Textiles"
method = "mail"
[supplier.mail]
to = "orders@harbour.example"
"#;

const OFFERS: &str = "sku,supplier,supplier_sku,cost,currency,stock
MUG,northwind,NW-100,4.00,USD,40
LAMP,lakeside,LS-LAMP,13.00,USD,25
TOWEL,harbour,HB-77,8.40,USD,
KETTLE,eastgate,EG-5,21.00,USD,10
VASE,northwind,NW-400,6.00,USD,5
VASE,lakeside,LS-VASE,7.50,USD,5
";

fn http_supplier(id: &str, name: &str, address: SocketAddr) -> String {
    let tables = http_tables(address);
    format!(
        r#"
[[supplier]]
id = "{id}"
name = "{name}"
method = "http"
[supplier.http]
timeout = 2
allow_private = true
reason = "body.error"
[supplier.http.reasons]
"sold out" = "inventory-out-of-stock"
{tables}authoritative = true
lag = 1
"#
    )
}
