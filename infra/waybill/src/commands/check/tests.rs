//! Configurations that differ from a right one in one place, and what a merchant is told of each.

use super::*;

const REGISTRY: Registry = Registry {
    channels: channels::CHANNELS,
    suppliers: suppliers::SUPPLIERS,
};
use std::fmt::Write as _;

const CHANNELS: &str = "channels.toml";
const SUPPLIERS: &str = "suppliers.toml";
const RULES: &str = "rules.toml";
const OFFERS: &str = "offers.csv";
const HTML: &str = "harbour.html";

const RIGHT: [(&str, &str); 5] = [
    (CHANNELS, include_str!("tests/channels.toml")),
    (SUPPLIERS, include_str!("tests/suppliers.toml")),
    (RULES, include_str!("tests/rules.toml")),
    (OFFERS, include_str!("tests/offers.csv")),
    (HTML, include_str!("tests/harbour.html")),
];

/// File, what is replaced, and by what.
type Change = (&'static str, &'static str, &'static str);

/// Nothing is set.
struct NoSecrets;

#[async_trait]
impl Secrets for NoSecrets {
    async fn get(&self, _: &str) -> Result<Option<SecretString>, Unavailable> {
        Ok(None)
    }

    fn place(&self, name: &str) -> String {
        EnvironmentSecrets.place(name)
    }
}

async fn checked(changes: &[Change], secrets: &dyn Secrets) -> Checked {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in RIGHT {
        let mut text = text.to_owned();
        for (_, from, to) in changes.iter().filter(|(changed, _, _)| *changed == file) {
            assert!(text.contains(from), "{file} has no {from:?}");
            text = text.replacen(from, to, 1);
        }
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    let mut checked = look(folder.path(), REGISTRY).await.unwrap();
    checked.miss_secrets(REGISTRY, secrets).await.unwrap();
    checked
}

/// Each change alone, with what it makes `check` say.
async fn told(changes: &[Change]) -> String {
    let mut told = String::new();
    // What does not say what would be right.
    let mut helpless: Vec<String> = Vec::new();
    for change in changes {
        let (file, from, to) = change;
        let checked = checked(&[*change], &AnySecret).await;
        let found = checked.problems.iter().chain(&checked.warnings);
        let found: Vec<&Problem> = found.collect();
        assert!(!found.is_empty(), "{change:?}");
        for problem in found {
            assert!(problem.line.is_some() && problem.key.is_some(), "{problem}");
            if problem.expected.is_none() && problem.near.is_none() {
                helpless.push(problem.to_string());
            }
        }
        let text = checked.text();
        // Its end is the digest of the files.
        let text = text.split("; configuration").next().unwrap();
        writeln!(told, "{file}: {from:?} -> {to:?}\n{text}\n").unwrap();
    }
    assert_eq!(helpless, Vec::<String>::new());
    told
}

#[tokio::test]
async fn the_right_one_is_right() {
    let checked = checked(&[], &AnySecret).await;
    assert_eq!(
        (&checked.problems[..], &checked.warnings[..]),
        (&[][..], &[][..])
    );
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let example = look(&example, REGISTRY).await.unwrap();
    assert_eq!(
        (&example.problems[..], &example.warnings[..]),
        (&[][..], &[][..])
    );
}

#[tokio::test]
async fn of_channels() {
    let changes = [
        (CHANNELS, "mail = \"orders@acme", "mial = \"orders@acme"),
        (CHANNELS, "code = \"EU\"", "code = \"SH\""),
        (CHANNELS, "kind = \"shopify\"", "kind = \"shopfy\""),
        (CHANNELS, "2026-11-01", "2026-11-31"),
        (CHANNELS, "2026-11-01", "\"2026-11-01T08:00\""),
        (CHANNELS, "[\"ACME_SECRET\"]", "[]"),
        (CHANNELS, "shop = \"acme.my", "shp = \"acme.my"),
        (CHANNELS, "acme.myshopify.com", "Acme Homeware"),
    ];
    insta::assert_snapshot!(told(&changes).await);
}

#[tokio::test]
async fn of_suppliers() {
    let changes = [
        (SUPPLIERS, "method = \"http\"", "method = \"htpp\""),
        (SUPPLIERS, "id = \"lakeside\"", "id = \"northwind\""),
        (
            SUPPLIERS,
            "countries = [\"US\", \"CA\"]",
            "countries = [\"USA\", \"CA\"]",
        ),
        (
            SUPPLIERS,
            "countries = [\"US\", \"CA\"]",
            "countries = [\"UK\"]",
        ),
        (SUPPLIERS, "fee = \"1.50 USD\"", "fee = 1.50"),
        (
            SUPPLIERS,
            "fee = \"1.50 USD\"",
            "spend_limit_per_day = \"500\"",
        ),
        (
            SUPPLIERS,
            "fee = \"1.50 USD\"",
            "spend_limit_per_day = \"0 USD\"",
        ),
        (
            SUPPLIERS,
            "fee = \"1.50 USD\"",
            "spend_limit_per_day = \"-500 USD\"",
        ),
        (
            SUPPLIERS,
            "fee = \"1.50 USD\"",
            "spend_limit_a_day = \"500 USD\"",
        ),
        (SUPPLIERS, "America/Chicago", "America/Chigaco"),
        (SUPPLIERS, "America/Chicago", "Chicago"),
        (SUPPLIERS, "mon-fri", "monday"),
        (SUPPLIERS, "08:00-17:00", "08:00-25:00"),
        (SUPPLIERS, "cut_offs = [\"16:00\"]", "cut_offs = [\"4pm\"]"),
        (SUPPLIERS, "cut_offs = [\"16:00\"]\n", ""),
        (SUPPLIERS, "cut_offs", "cutoffs"),
        (SUPPLIERS, "upload = \"person\"", "upload = \"persno\""),
        (SUPPLIERS, "  \"province\",\n", "  \"provinse\",\n"),
        (SUPPLIERS, "  \"phone\",\n", ""),
        (SUPPLIERS, "{{ company }}", "{{ compny }}"),
        (SUPPLIERS, "time_zone = \"America", "time_zone = \"Amerca"),
        (
            SUPPLIERS,
            "[supplier.csv]\n",
            "[supplier.csv]\ndelimeter = \";\"\n",
        ),
        (
            SUPPLIERS,
            "to = \"orders@harbour.example\"",
            "to = \"harbour.example\"",
        ),
        (SUPPLIERS, "to = \"orders@harbour.example\"\n", ""),
        (SUPPLIERS, "harbour.html", "harbor.html"),
        (HTML, "ship_to.address2", "ship_to.adress2"),
        (HTML, "{{ ship_to.phone }}", ""),
        (HTML, "{% endfor %}", ""),
    ];
    insta::assert_snapshot!(told(&changes).await);
}

#[tokio::test]
async fn of_suppliers_with_http() {
    let changes = [
        (
            SUPPLIERS,
            "success = \"status == 201\"",
            "sucess = \"status == 201\"",
        ),
        (
            SUPPLIERS,
            "success = \"status == 201\"",
            "success = \"status = 201\"",
        ),
        (SUPPLIERS, "success = \"status == 201\"", "success = 201"),
        (SUPPLIERS, "\"inventory-out-of-stock\"", "\"out-of-stock\""),
        (
            SUPPLIERS,
            "\"inventory-out-of-stock\"",
            "\"inventory-out-of-stok\"",
        ),
        (SUPPLIERS, "kind = \"bearer\"", "kind = \"baerer\""),
        (SUPPLIERS, "secret = \"NORTH", "token = \"NORTH"),
        (
            SUPPLIERS,
            "https://api.northwind.example/orders\"",
            "http://api.northwind.example/orders\"",
        ),
        (
            SUPPLIERS,
            "https://api.northwind.example/orders\"",
            "https://{{ host }}/orders\"",
        ),
        (
            SUPPLIERS,
            "url = \"https://api.northwind.example/orders\"\n",
            "",
        ),
        (SUPPLIERS, "ship_to.city", "ship_to.town"),
        (SUPPLIERS, "ship_to.zip", "ship_to.zipp"),
        (SUPPLIERS, "line.supplier_sku", "line.suplier_sku"),
        (SUPPLIERS, "  \"company\": {{ ship_to.company }},\n", ""),
        (SUPPLIERS, "{{ ship_to.zip }},", "{{ ship_to.zip }}"),
        (SUPPLIERS, "{{ ship_to.zip }}", "{{ ship_to.zip }"),
        (
            SUPPLIERS,
            "?number={{ number }}",
            "?number={{ order_name }}",
        ),
        (SUPPLIERS, "found = \"status == 200\"\n", ""),
        (
            SUPPLIERS,
            "reason = \"body.code\"",
            "reason = \"body.code\"\nretry_429 = \"lookup\"",
        ),
        (
            SUPPLIERS,
            "reason = \"body.code\"",
            "reason = \"body.code\"\nunauthorized = \"body.error =\"",
        ),
        (
            SUPPLIERS,
            "success = \"status == 201\"",
            "success = \"status == 201\"\nretry_after = \"body.wait |\"",
        ),
    ];
    insta::assert_snapshot!(told(&changes).await);
}

#[tokio::test]
async fn of_rules_and_offers() {
    let changes = [
        (RULES, "[routing]", "[rooting]"),
        (RULES, "\"cost\", ", "\"costs\", "),
        (RULES, "prefer-single", "prefer_single"),
        (RULES, "\"northwind\"]", "\"nortwind\"]"),
        (RULES, "[channels.acme-eu]", "[channels.acme-us]"),
        (RULES, "40.00 USD", "40.00 EUR"),
        (RULES, "40.00 USD", "40,00 USD"),
        (OFFERS, "HB-1,8.40,USD", "HB-1,8.40,EUR"),
        (SUPPLIERS, "1.50 USD", "1.50 CAD"),
        (OFFERS, "MUG,northwind", "MUG,northwynd"),
        (OFFERS, "sku,supplier,", "sku,suplier,"),
        (OFFERS, "US CA", "US CAN"),
        (OFFERS, "6.20", "6.205"),
    ];
    insta::assert_snapshot!(told(&changes).await);
}

#[tokio::test]
async fn what_can_be_taken_and_is_hardly_wanted() {
    let changes = [
        (SUPPLIERS, "fee = \"1.50 USD\"", "paused = true"),
        (
            SUPPLIERS,
            "fee = \"1.50 USD\"",
            "spend_limit_per_day = \"500 EUR\"",
        ),
        (
            SUPPLIERS,
            "fee = \"1.50 USD\"",
            "fee = \"1.50 USD\"\nminimum_order = \"500 USD\"\nspend_limit_per_day = \"500 USD\"",
        ),
        (OFFERS, "TOWEL,harbour,HB-1,8.40,USD,,,textiles,\n", ""),
        (
            SUPPLIERS,
            "exclude = [\"US-HI\"]",
            "exclude = [\"US\", \"CA\"]",
        ),
        (
            RULES,
            "exclude = [\"lakeside\"]",
            "exclude = [\"lakeside\"]\n[channels.acme]\nexclude = [\"lakeside\"]",
        ),
        (RULES, "[\"lakeside\", \"northwind\"]", "[\"lakeside\"]"),
        (RULES, "[\"lakeside\", \"northwind\"]", "[\"northwind\"]"),
        (
            OFFERS,
            "140,2026-11-01,kitchen,",
            "140,2026-11-01,kitchen,DE FR",
        ),
        (OFFERS, "31.50", "41.50"),
        (OFFERS, "stock,as_of", "stok,as_of"),
        (
            SUPPLIERS,
            "[supplier.csv.batch]\nupload = \"person\"\nupload_within = \"2h\"\n",
            "",
        ),
        (SUPPLIERS, "contact = \"Lea", "# \"Lea"),
        (SUPPLIERS, "contact = \"Hal", "# \"Hal"),
        (
            SUPPLIERS,
            "[supplier.http.lookup]\nurl = \"https://api.northwind.example/orders?number={{ number }}\"\nfound = \"status == 200\"\nreference = \"body.id\"\n",
            "",
        ),
        (
            SUPPLIERS,
            "success = \"status == 201\"\nreference = \"body.id\"\n",
            "success = \"status == 201\"\n",
        ),
        (
            SUPPLIERS,
            "success = \"status == 201\"",
            "success = \"status == 201 and body.id is defined\"",
        ),
        (
            SUPPLIERS,
            "found = \"status == 200\"",
            "found = \"status == 200 and body.id is not defined\"",
        ),
        (
            SUPPLIERS,
            "reason = \"body.code\"",
            "reason = \"body.code\"\nunauthorized = \"body.denied is defined\"",
        ),
    ];
    for change in changes {
        let checked = checked(&[change], &AnySecret).await;
        assert_eq!(checked.problems, [], "{change:?}");
    }
    insta::assert_snapshot!(told(&changes).await);
}

#[tokio::test]
async fn several_at_once_and_secrets_as_text_and_as_json() {
    let changes = [
        (SUPPLIERS, "ship_to.city", "ship_to.town"),
        (SUPPLIERS, "number={{ number }}", "number={{ numbr }}"),
        (SUPPLIERS, "  \"phone\",\n", ""),
    ];
    let checked = checked(&changes, &NoSecrets).await;
    insta::assert_snapshot!("several", checked.text());
    insta::assert_snapshot!("several_as_json", format!("{:#}", checked.json()));
}
