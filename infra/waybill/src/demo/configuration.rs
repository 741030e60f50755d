//! The merchant's files of the demo: the example's, with suppliers that are on this machine.

use std::net::SocketAddr;

pub(super) const CHANNELS: &str = include_str!("../../../config/channels.toml");
pub(super) const RULES: &str = include_str!("../../../config/rules.toml");

pub(super) const OTHER_SUPPLIERS: &str = r#"
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

pub(super) const OFFERS: &str = "sku,supplier,supplier_sku,cost,currency,stock
MUG,northwind,NW-100,4.00,USD,40
LAMP,lakeside,LS-LAMP,13.00,USD,25
TOWEL,harbour,HB-77,8.40,USD,
KETTLE,eastgate,EG-5,21.00,USD,10
VASE,northwind,NW-400,6.00,USD,5
VASE,lakeside,LS-VASE,7.50,USD,5
";

pub(super) fn http_supplier(id: &str, name: &str, address: SocketAddr) -> String {
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
[supplier.http.create]
url = "http://{address}/orders"
headers = {{ content-type = "application/json" }}
success = "status == 201 and body.id is defined"
rejected = "status == 422"
reference = "body.id"
body = '''
{{
  "reference": {{{{ number | tojson }}}},
  "ship_to": {{{{ ship_to | tojson }}}},
  "lines": [{{% for line in lines %}}{{"sku": {{{{ line.supplier_sku | tojson }}}}, "quantity": {{{{ line.quantity }}}}}}{{% if not loop.last %}},{{% endif %}}{{% endfor %}}]
}}
'''
[supplier.http.lookup]
url = "http://{address}/orders?reference={{{{ number }}}}"
found = "status == 200"
absent = "status == 404"
reference = "body.id"
authoritative = true
lag = 1
"#
    )
}
