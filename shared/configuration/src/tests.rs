use super::*;
use domain::settings::{Extra, SmtpTls, Split, Unpaid};
use jiff::SignedDuration;
use serde_json::json;

fn example() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/config")
}

const GOOD: [(&str, &str); 4] = [
    (
        CHANNELS,
        r#"[merchant]
name = "Acme"
mail = "orders@acme.example"

[[channel]]
id = "acme"
kind = "shopify"
code = "SH"
start_from = 2026-11-01
secrets = ["SECRET"]
[channel.shopify]
shop = "acme.myshopify.com"
"#,
    ),
    (
        SUPPLIERS,
        r#"[[supplier]]
id = "north"
name = "North"
method = "mail"
[supplier.mail]
to = "orders@north.example"

[[supplier]]
id = "south"
name = "South"
method = "csv"
priority = 2
"#,
    ),
    (
        RULES,
        "[routing]\nsplit = \"never\"\n[freshness]\nstock = \"3d\"\n[tags]\nnever_send = [\"Hold-Me\"]\n",
    ),
    (
        OFFERS,
        "sku,supplier,supplier_sku,cost,currency,stock,as_of,not_dropshipped,colour\n\
         A,north,N-1,1.50,USD,3,2026-11-01,no,red\n\
         A,south,,,,,,,\n",
    ),
];

fn good() -> BTreeMap<String, Vec<u8>> {
    GOOD.iter()
        .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
        .collect()
}

/// The good files with `from` replaced in one of them.
fn broken(file: &str, from: &str, to: &str) -> Vec<Problem> {
    let mut files = good();
    let text = String::from_utf8(files[file].clone()).unwrap();
    assert!(text.contains(from), "{from}");
    files.insert(file.to_owned(), text.replacen(from, to, 1).into_bytes());
    load(&files).unwrap_err()
}

#[test]
fn the_example_is_right() {
    let configuration = load_dir(&example()).unwrap();
    let settings = &configuration.settings;
    assert_eq!(settings.channels.len(), 1);
    assert_eq!(settings.suppliers.len(), 3);
    assert_eq!(settings.rules, Rules::default());
    assert_eq!(configuration.catalogue.len(), 8);
    assert!(
        configuration
            .catalogue
            .iter()
            .any(|row| row.offer.not_dropshipped)
    );
    let http = settings
        .suppliers
        .values()
        .find(|supplier| supplier.method == "http")
        .unwrap();
    assert_eq!(http.specific["lookup"]["authoritative"], json!(true));
}

#[test]
fn good_files_are_read() {
    let Configuration {
        settings,
        mail_via,
        files_group,
        catalogue,
        catalogue_digest,
        warnings: _,
        sources: _,
    } = load(&good()).unwrap();
    assert_eq!((mail_via, files_group), (None, None));
    let channel = settings.channels.values().next().unwrap();
    assert_eq!(channel.start_from.to_string(), "2026-11-01T00:00:00Z");
    assert_eq!(channel.specific, json!({ "shop": "acme.myshopify.com" }));
    let south = settings
        .suppliers
        .values()
        .find(|supplier| supplier.name == "South")
        .unwrap();
    assert_eq!(
        (
            south.priority,
            south.concurrency,
            south.po_box,
            south.military
        ),
        (2, 4, true, true)
    );
    assert_eq!(south.specific, json!({}));
    assert_eq!(settings.rules.split, Split::Never);
    assert_eq!(settings.rules.stock_max_age, SignedDuration::from_hours(72));
    assert!(settings.rules.never_send_tags.contains("hold-me"));
    assert_eq!(catalogue[0].offer.cost.unwrap().minor, 150);
    assert_eq!(catalogue[0].stock, Some(3));
    assert_eq!(catalogue[1].offer.supplier_sku.as_str(), "A");
    assert_eq!((catalogue[1].stock, catalogue[1].as_of), (None, None));
    assert_eq!(catalogue_digest, Digest::of(GOOD[3].1.as_bytes()));
}

#[test]
fn the_digest_is_of_names_and_bytes() {
    let digest = |files: &BTreeMap<_, _>| load(files).unwrap().settings.digest;
    let mut files = good();
    let before = digest(&files);
    assert_eq!(before, digest(&good()));
    files.get_mut(RULES).unwrap().push(b'\n');
    assert_ne!(before, digest(&files));
    files.remove(RULES);
    assert_eq!(load(&files).unwrap().settings.rules, Rules::default());
}

#[test]
fn a_byte_order_mark_and_windows_lines_are_accepted() {
    let mut files = good();
    let text = format!("\u{feff}{}", GOOD[3].1.replace('\n', "\r\n"));
    files.insert(OFFERS.to_owned(), text.into_bytes());
    assert_eq!(load(&files).unwrap().catalogue.len(), 2);

    let text = format!(
        "\u{feff}{}",
        GOOD[3]
            .1
            .replace('\n', "\r\n\r\n")
            .replace("A,south", "A,nobody")
    );
    files.insert(OFFERS.to_owned(), text.into_bytes());
    assert_eq!(load(&files).unwrap_err()[0].line, Some(5));
}

#[test]
fn each_mistake_is_found_at_its_line_and_key() {
    for (file, from, to, line, key) in [
        (CHANNELS, "[[channel]]", "[[channels]]", 5, "channels"),
        (
            CHANNELS,
            "mail = \"orders@acme.example\"\n",
            "",
            1,
            "merchant.mail",
        ),
        (CHANNELS, "orders@acme", "acme", 3, "merchant.mail"),
        (
            CHANNELS,
            "id = \"acme\"",
            "id = \"Acme!\"",
            6,
            "channel[0].id",
        ),
        (
            CHANNELS,
            "code = \"SH\"",
            "code = \"shop\"",
            8,
            "channel[0].code",
        ),
        (
            CHANNELS,
            "start_from = 2026-11-01\n",
            "",
            5,
            "channel[0].start_from",
        ),
        (
            CHANNELS,
            "2026-11-01",
            "2026-11-01T10:00:00",
            9,
            "channel[0].start_from",
        ),
        (
            CHANNELS,
            "\"SECRET\"",
            "\"shpss_1234\"",
            10,
            "channel[0].secrets",
        ),
        (CHANNELS, "\"SECRET\"", "", 10, "channel[0].secrets"),
        (
            CHANNELS,
            "[channel.shopify]",
            "[channel.shopfy]",
            7,
            "channel[0].kind",
        ),
        (
            SUPPLIERS,
            "priority = 2",
            "priority = \"high\"",
            12,
            "supplier[1].priority",
        ),
        (
            SUPPLIERS,
            "priority = 2",
            "priority = -2",
            12,
            "supplier[1].priority",
        ),
        (
            SUPPLIERS,
            "priority = 2",
            "prority = 2",
            12,
            "supplier[1].prority",
        ),
        (
            SUPPLIERS,
            "priority = 2",
            "concurrency = 0",
            12,
            "supplier[1].concurrency",
        ),
        (SUPPLIERS, "\"south\"", "\"north\"", 9, "supplier[1].id"),
        (SUPPLIERS, "name = \"South\"\n", "", 8, "supplier[1].name"),
        (
            SUPPLIERS,
            "[supplier.mail]",
            "[supplier.http]",
            4,
            "supplier[0].method",
        ),
        (RULES, "\"never\"", "\"sometimes\"", 2, "routing.split"),
        (RULES, "\"3d\"", "\"0h\"", 4, "freshness.stock"),
        (RULES, "stock", "stocks", 4, "freshness.stocks"),
        (OFFERS, "A,south", "A,west", 3, "supplier"),
        (OFFERS, "A,south", "A,north", 3, "sku"),
        (OFFERS, "1.50,USD", "1.50,", 2, "currency"),
        (OFFERS, "1.50,USD", "1.505,USD", 2, "cost"),
        (OFFERS, "1.50,USD", "-1.50,USD", 2, "cost"),
        (OFFERS, "USD,3", "USD,many", 2, "stock"),
        (OFFERS, "2026-11-01", "yesterday", 2, "as_of"),
        (OFFERS, ",no,", ",maybe,", 2, "not_dropshipped"),
        (OFFERS, "supplier,", "vendor,", 1, "supplier"),
        (OFFERS, "colour", "cost", 1, "cost"),
    ] {
        let problems = broken(file, from, to);
        let found = problems.iter().find(|problem| {
            problem.file == file
                && problem.line == Some(line)
                && problem.key.as_deref() == Some(key)
        });
        assert!(
            found.is_some_and(|problem| problem.expected.is_some()),
            "{file} {to}: {problems:#?}"
        );
        assert!(
            !format!("{problems:?}").contains("shpss"),
            "a secret is shown"
        );
    }
}

/// The good files with lines after the merchant's mail.
fn merchant(lines: &str) -> Result<Configuration, Vec<Problem>> {
    let mut files = good();
    let mail = "mail = \"orders@acme.example\"\n";
    let text = GOOD[0].1.replacen(mail, &format!("{mail}{lines}"), 1);
    files.insert(CHANNELS.to_owned(), text.into_bytes());
    load(&files)
}

#[test]
fn the_merchant_has_a_returns_address_and_a_mail_server() {
    let configuration = merchant(
        "returns_address = \"\"\"\nAcme Returns\n  Dock 9 \n\n\"\"\"\nphone = \"+1 502 555 0100\"\n\
         website = \"acme.example\"\n[merchant.smtp]\nhost = \"smtp.acme.example\"\n\
         user = \"acme\"\npassword = \"SMTP_PASSWORD\"\n",
    )
    .unwrap();
    let merchant = &configuration.settings.merchant;
    assert_eq!(merchant.returns_address, "Acme Returns\nDock 9");
    assert_eq!(
        (merchant.phone.as_str(), merchant.website.as_str()),
        ("+1 502 555 0100", "acme.example")
    );
    let smtp = configuration.smtp().unwrap();
    assert_eq!(
        (smtp.host.as_str(), smtp.port, smtp.tls),
        ("smtp.acme.example", 587, SmtpTls::StartTls)
    );
    let login = smtp.login.as_ref().unwrap();
    assert_eq!(
        (login.user.as_str(), login.password.as_str()),
        ("acme", "SMTP_PASSWORD")
    );
    for (tls, port) in [("implicit", 465), ("none-on-loopback", 25)] {
        let lines = format!("[merchant.smtp]\nhost = \"localhost\"\ntls = \"{tls}\"\n");
        assert_eq!(self::merchant(&lines).unwrap().smtp().unwrap().port, port);
    }
}

#[test]
fn mails_go_through_a_server_or_lie_in_the_outbox() {
    let outbox = merchant("mail_via = \"outbox\"\n").unwrap();
    assert_eq!(outbox.mail_via, Some(MailVia::Outbox));
    assert_eq!(merchant("").unwrap().mail_via, None);
    let server = "[merchant.smtp]\nhost = \"smtp.acme.example\"\n";
    for lines in [
        format!("mail_via = \"outbox\"\n{server}"),
        "mail_via = \"smtp\"\n".to_owned(),
        "mail_via = true\n".to_owned(),
    ] {
        let problems = merchant(&lines).unwrap_err();
        let keys: Vec<_> = problems
            .iter()
            .filter_map(|problem| problem.key.as_deref())
            .collect();
        assert_eq!(keys, ["merchant.mail_via"], "{lines}");
    }
}

#[test]
fn a_group_may_read_the_outbox() {
    let group = |lines: &str| merchant(lines).map(|read| read.files_group);
    assert_eq!(group("").unwrap(), None);
    let named = group("[merchant.files]\ngroup = \"sftp\"\n");
    assert_eq!(named.unwrap().as_deref(), Some("sftp"));
    for (lines, key) in [
        ("[merchant.files]\n", "merchant.files.group"),
        ("[merchant.files]\ngroup = 7\n", "merchant.files.group"),
        (
            "[merchant.files]\ngroup = \"a\"\nuser = \"a\"\n",
            "merchant.files.user",
        ),
    ] {
        let problems = merchant(lines).unwrap_err();
        assert_eq!(problems[0].key.as_deref(), Some(key), "{lines}");
    }
}

#[test]
fn a_mail_server_is_checked_and_its_password_never_shown() {
    for (line, key) in [
        ("tls = \"maybe\"", "merchant.smtp.tls"),
        ("port = 70000", "merchant.smtp.port"),
        ("port = 0", "merchant.smtp.port"),
        ("user = \"acme\"", "merchant.smtp.user"),
        ("password = \"SMTP_PASSWORD\"", "merchant.smtp.password"),
        (
            "user = \"acme\"\npassword = \"shpss_hush\"",
            "merchant.smtp.password",
        ),
        ("hots = 1", "merchant.smtp.hots"),
    ] {
        let lines = format!("[merchant.smtp]\nhost = \"smtp.acme.example\"\n{line}\n");
        let problems = merchant(&lines).unwrap_err();
        assert!(
            problems
                .iter()
                .any(|problem| problem.key.as_deref() == Some(key)),
            "{line}: {problems:?}"
        );
        assert!(!format!("{problems:?}").contains("shpss"));
    }
    let problems = merchant("[merchant.smtp]\n").unwrap_err();
    assert_eq!(problems[0].key.as_deref(), Some("merchant.smtp.host"));
}

#[test]
fn a_template_may_lie_in_a_file_of_its_own() {
    let with = |lines: &str| {
        let mut files = good();
        let table = "[supplier.mail]\n";
        let text = GOOD[1].1.replacen(table, &format!("{table}{lines}\n"), 1);
        files.insert(SUPPLIERS.to_owned(), text.into_bytes());
        files.insert("north.html".to_owned(), b"<p>{{ number }}".to_vec());
        files.insert("north.txt".to_owned(), vec![0xff]);
        load(&files)
    };
    let configuration =
        with("html_file = \"north.html\"\ncancel = { html_file = \"north.html\" }").unwrap();
    let north = configuration.settings.suppliers.values().next().unwrap();
    assert_eq!(
        north.specific,
        json!({"to": "orders@north.example", "html": "<p>{{ number }}", "cancel": {"html": "<p>{{ number }}"}})
    );
    for (lines, told) in [
        (
            "html_file = \"south.html\"",
            "there is no file \"south.html\" in this folder",
        ),
        (
            "html_file = \"../north.html\"",
            "there is no file \"../north.html\" in this folder",
        ),
        (
            "text_file = \"north.txt\"",
            "the file \"north.txt\" is not UTF-8",
        ),
        (
            "html = \"x\"\nhtml_file = \"north.html\"",
            "html is given twice",
        ),
    ] {
        let problem = with(lines).unwrap_err().remove(0);
        let line = 6 + lines.matches('\n').count();
        assert_eq!((problem.message.as_str(), problem.line), (told, Some(line)));
        assert!(problem.key.is_some_and(|key| key.ends_with("_file")));
    }
}

#[test]
fn broken_syntax_has_its_line() {
    let problems = broken(SUPPLIERS, "method = \"csv\"", "method = csv");
    assert_eq!(
        (problems[0].file.as_str(), problems[0].line),
        (SUPPLIERS, Some(11))
    );
    assert_eq!(
        problems.len(),
        1,
        "offers are not blamed for it: {problems:#?}"
    );

    let problems = broken(OFFERS, "A,south,,,,,,,", "A,south");
    assert_eq!(
        (problems[0].line, problems[0].key.as_deref()),
        (Some(3), None)
    );
}

#[test]
fn codes_and_ids_are_one_channels_own() {
    let second = "\n[[channel]]\nid = \"acme\"\nkind = \"shopify\"\ncode = \"SH\"\nstart_from = \"2026-11-01T00:00:00Z\"\nsecrets = [\"S\"]\n";
    let mut files = good();
    files
        .get_mut(CHANNELS)
        .unwrap()
        .extend_from_slice(second.as_bytes());
    let problems = load(&files).unwrap_err();
    let found: Vec<_> = problems
        .iter()
        .map(|problem| (problem.line, problem.key.as_deref()))
        .collect();
    assert_eq!(
        found,
        [
            (Some(15), Some("channel[1].id")),
            (Some(17), Some("channel[1].code"))
        ]
    );
}

#[test]
fn one_article_has_one_stock() {
    let problems = broken(OFFERS, "A,south,,,,,,,", "B,north,N-1,,,4,2026-11-01,,");
    assert_eq!(
        (problems[0].line, problems[0].key.as_deref()),
        (Some(3), Some("stock"))
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    let mut files = good();
    files.remove(OFFERS);
    files.insert("rule.toml".to_owned(), Vec::new());
    files.insert(RULES.to_owned(), vec![b'\n', 0xff]);
    files.insert(
        SUPPLIERS.to_owned(),
        b"[[supplier]]\nid = \"x\"\npo_box = 1\n".to_vec(),
    );
    let told: Vec<_> = load(&files)
        .unwrap_err()
        .iter()
        .map(Problem::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "offers.csv: missing; expected a file offers.csv",
            "rule.toml: not a file of the configuration; did you mean rules.toml?",
            "rules.toml:2: not UTF-8; expected text saved as UTF-8",
            "suppliers.toml:1: supplier[0].name: missing; expected the supplier's name",
            "suppliers.toml:1: supplier[0].method: missing; expected \"mail\", \"csv\" or \"http\"",
            "suppliers.toml:3: supplier[0].po_box: not a boolean but integer; expected true or false",
        ]
    );
}

#[test]
fn a_folder_that_is_not_there_is_a_problem() {
    assert_eq!(load_dir(&example().join("absent")).unwrap_err().len(), 1);
}

/// The good files with more text at the end of one of them.
fn with(file: &str, text: &str) -> Result<Configuration, Vec<Problem>> {
    let mut files = good();
    files
        .get_mut(file)
        .unwrap()
        .extend_from_slice(text.as_bytes());
    load(&files)
}

const TERMS: &str = r#"countries = ["EU", "US"]
exclude = ["US-HI"]
prefer = ["DE"]
currency = "EUR"
fee = "1.50 EUR"
minimum_order = "10.00 EUR"
spend_limit_per_day = "500 EUR"
paused = true
shipping_cost = [
  { countries = ["DE"], up_to = 2, amount = "4.00 EUR" },
  { amount = "9.00 EUR" },
]
[supplier.shipping]
"Express Saver" = "EXP"
default = "STD"
[supplier.calendar]
zone = "Europe/Berlin"
days = ["mon-wed", "sat"]
hours = ["13:00-17:30", "08:00-12:00"]
holidays = [2026-12-25, "2026-12-28..2026-12-30"]
cut_offs = ["11:00"]
"#;

const RULES_OF_ROUTING: &str = r#"[limits]
max_order_value = "500.00 USD"
max_quantity = 20
max_quantity_per_line = 10
max_value_per_package = "300.00 USD"
[risk]
hold_tags = ["High-Risk"]
[cost]
margin_floor = "12.5%"
line_margin_floor = "10%"
max_unit_cost = "40.00 USD"
max_order_cost = "90.00 EUR"
[rates]
base = "USD"
EUR = "1.08"
JPY = "0.0065"
[shipping]
unmapped = "next-supplier"
[categories.Knives]
suppliers = ["north"]
[channels.acme]
exclude = ["south"]
"#;

#[test]
fn terms_and_rules_are_read() {
    let mut files = good();
    let mut extend = |file: &str, text: &str| {
        files
            .get_mut(file)
            .unwrap()
            .extend_from_slice(text.as_bytes());
    };
    extend(SUPPLIERS, TERMS);
    extend(RULES, RULES_OF_ROUTING);
    let offers =
        "sku,supplier,cost,currency,category,countries\nA,south,1.50,,Knives,US CA;US-HI\n";
    files.insert(OFFERS.to_owned(), offers.as_bytes().to_vec());
    let loaded = load(&files).unwrap();
    let south = loaded
        .settings
        .suppliers
        .values()
        .find(|supplier| supplier.name == "South")
        .unwrap();
    insta::assert_debug_snapshot!("terms", south.terms);
    insta::assert_debug_snapshot!("rules", loaded.settings.rules);
    let offer = &loaded.catalogue[0].offer;
    assert_eq!(offer.cost.unwrap().to_string(), "1.50 EUR");
    assert_eq!(offer.category.as_deref(), Some("Knives"));
    assert_eq!(offer.countries.len(), 3);
}

/// Kosovo has no code in the standard, and orders go there all the same.
#[test]
fn a_supplier_may_ship_to_kosovo() {
    let mut files = good();
    let suppliers = files.get_mut(SUPPLIERS).unwrap();
    suppliers.extend_from_slice(b"countries = [\"XK\"]\nexclude = [\"XK-1\"]\n");
    load(&files).unwrap();
}

#[test]
fn each_mistake_in_terms_and_rules_says_what_would_be_right() {
    let suppliers = [
        ("countries = [\"UK\"]\n", "supplier[1].countries"),
        ("countries = []\n", "supplier[1].countries"),
        ("exclude = [\"us\"]\n", "supplier[1].exclude"),
        ("prefer = [\"US-HAWAII\"]\n", "supplier[1].prefer"),
        ("fee = \"1.50\"\n", "supplier[1].fee"),
        ("fee = 1.5\n", "supplier[1].fee"),
        ("fee = \"1.505 EUR\"\n", "supplier[1].fee"),
        ("fee = \"-1.50 EUR\"\n", "supplier[1].fee"),
        (
            "spend_limit_per_day = \"0.00 EUR\"\n",
            "supplier[1].spend_limit_per_day",
        ),
        (
            "spend_limit_per_day = \"-500 EUR\"\n",
            "supplier[1].spend_limit_per_day",
        ),
        (
            "spend_limit_per_day = 500\n",
            "supplier[1].spend_limit_per_day",
        ),
        ("currency = \"euro\"\n", "supplier[1].currency"),
        ("paused = \"yes\"\n", "supplier[1].paused"),
        (
            "shipping_cost = [{ up_to = 2 }]\n",
            "supplier[1].shipping_cost[0].amount",
        ),
        (
            "shipping_cost = [{ up_to = 0, amount = \"1.00 USD\" }]\n",
            "supplier[1].shipping_cost[0].up_to",
        ),
        (
            "shipping_cost = [{ amount = \"1.00 USD\" }, { up_to = 2, amount = \"2.00 USD\" }]\n",
            "supplier[1].shipping_cost[1].amount",
        ),
        (
            "shipping_cost = [{ amount = \"1.00 USD\", upto = 3 }]\n",
            "supplier[1].shipping_cost[0].upto",
        ),
        (
            "shipping = { Standard = 3 }\n",
            "supplier[1].shipping.Standard",
        ),
        ("shipping = {}\n", "supplier[1].shipping.default"),
        (
            "calendar = { days = [\"mon\"] }\n",
            "supplier[1].calendar.zone",
        ),
        (
            "calendar = { zone = \"Europe/Atlantis\" }\n",
            "supplier[1].calendar.zone",
        ),
        (
            "calendar = { zone = \"UTC\", days = [\"monday\"] }\n",
            "supplier[1].calendar.days",
        ),
        (
            "calendar = { zone = \"UTC\", hours = [\"8-17\"] }\n",
            "supplier[1].calendar.hours",
        ),
        (
            "calendar = { zone = \"UTC\", hours = [\"17:00-08:00\"] }\n",
            "supplier[1].calendar.hours",
        ),
        (
            "calendar = { zone = \"UTC\", hours = [\"08:00-12:00\", \"11:00-13:00\"] }\n",
            "supplier[1].calendar.hours",
        ),
        (
            "calendar = { zone = \"UTC\", holidays = [\"2026-02-30\"] }\n",
            "supplier[1].calendar.holidays",
        ),
        (
            "calendar = { zone = \"UTC\", holidays = [\"2026-12-30..2026-12-28\"] }\n",
            "supplier[1].calendar.holidays",
        ),
        (
            "calendar = { zone = \"UTC\", cut_offs = [\"24:00\"] }\n",
            "supplier[1].calendar.cut_offs",
        ),
    ];
    let rules = [
        (
            "[limits]\nmax_order_value = \"500\"\n",
            "limits.max_order_value",
        ),
        ("[limits]\nmax_quantity = 0\n", "limits.max_quantity"),
        ("[cost]\nmargin_floor = \"150%\"\n", "cost.margin_floor"),
        ("[cost]\nmargin_floor = \"15\"\n", "cost.margin_floor"),
        ("[cost]\nmargin_floor = \"-1%\"\n", "cost.margin_floor"),
        ("[rates]\nEUR = \"1.08\"\n", "rates.base"),
        ("[rates]\nbase = \"USD\"\nEUR = 1.08\n", "rates.EUR"),
        ("[rates]\nbase = \"USD\"\nEUR = \"0\"\n", "rates.EUR"),
        ("[rates]\nbase = \"USD\"\neuro = \"1.08\"\n", "rates.euro"),
        ("[rates]\nbase = \"USD\"\nUSD = \"1.08\"\n", "rates.USD"),
        ("[shipping]\nunmapped = \"skip\"\n", "shipping.unmapped"),
        (
            "[channels.shop]\nsuppliers = [\"north\"]\n",
            "channels.shop",
        ),
        (
            "[channels.acme]\nsuppliers = [\"west\"]\n",
            "channels.acme.suppliers",
        ),
        ("[channels.acme]\n", "channels.acme.suppliers"),
        (
            "[categories.Knives]\nsuppliers = [\"north\"]\nexclude = [\"south\"]\n",
            "categories.Knives.exclude",
        ),
        (
            "[categories.Knives]\nsupplier = [\"north\"]\n",
            "categories.Knives.supplier",
        ),
    ];
    let cases = suppliers.map(|case| (SUPPLIERS, case)).into_iter();
    let cases = cases.chain(rules.map(|case| (RULES, case)));
    let mut told = Vec::new();
    for (file, (text, key)) in cases {
        let problems = with(file, text).unwrap_err();
        let found = problems
            .iter()
            .find(|problem| problem.file == file && problem.key.as_deref() == Some(key));
        let found = found.unwrap_or_else(|| panic!("{text}: {problems:#?}"));
        assert!(found.line.is_some() && found.expected.is_some(), "{found}");
        told.push(found.to_string());
    }
    for (from, to, key) in [
        ("split = \"never\"", "order = [\"price\"]", "routing.order"),
        (
            "split = \"never\"",
            "order = [\"cost\", \"cost\"]",
            "routing.order",
        ),
        (
            "split = \"never\"",
            "max_packages = 0",
            "routing.max_packages",
        ),
    ] {
        let problems = broken(RULES, from, to);
        assert_eq!(problems[0].key.as_deref(), Some(key));
        told.push(problems[0].to_string());
    }
    insta::assert_snapshot!("mistakes", told.join("\n"));
}

#[test]
fn countries_of_an_offer_exist() {
    let problems = broken(
        OFFERS,
        "not_dropshipped,colour",
        "not_dropshipped,countries",
    );
    assert_eq!(
        problems[0].to_string(),
        "offers.csv:2: countries: \"red\" is neither a country such as US nor a subdivision such as US-HI; \
         expected countries and subdivisions separated by spaces, such as US CA US-HI"
    );
}

#[test]
fn a_channel_has_release_and_payment_rules_of_its_own() {
    let mut files = good();
    let rules = r#"
[release]
delay = "10m"
[release.channel.acme]
hold_case_after = "2d"
[payment]
send_unpaid_gateways = ["Cash on Delivery (COD)"]
partially_paid = "hold"
give_up_after = "30d"
[payment.channel.acme]
net_terms = "send"
[extras]
gift = "hold"
"#;
    files.insert(RULES.to_owned(), rules.as_bytes().to_vec());
    let rules = load(&files).unwrap().settings.rules;
    let acme = domain::ids::ChannelId::parse("acme").unwrap();
    let other = domain::ids::ChannelId::parse("other").unwrap();
    let release = rules.release.of(&acme);
    assert_eq!(release.delay, jiff::SignedDuration::from_mins(10));
    assert_eq!(
        release.hold_case_after,
        jiff::SignedDuration::from_hours(48)
    );
    assert_eq!(
        rules.release.of(&other).hold_case_after,
        jiff::SignedDuration::from_hours(24)
    );
    let payment = rules.payment.of(&acme);
    assert!(
        payment
            .send_unpaid_gateways
            .contains("cash on delivery (cod)")
    );
    assert_eq!(
        (payment.partially_paid, payment.net_terms),
        (Unpaid::Hold, Unpaid::Send)
    );
    assert_eq!(rules.payment.of(&other).net_terms, Unpaid::Wait);
    assert_eq!(
        (rules.extras.gift, rules.extras.note),
        (Extra::Hold, Extra::Pass)
    );
}

#[test]
fn waiting_rules_name_the_wrong_key() {
    for (text, key) in [
        ("[release]\ndelay = \"soon\"", "release.delay"),
        (
            "[release]\nhold_case_after = \"0h\"",
            "release.hold_case_after",
        ),
        (
            "[release.channel.nobody]\ndelay = \"1m\"",
            "release.channel.nobody",
        ),
        (
            "[release.channel.acme]\ndeley = \"1m\"",
            "release.channel.acme.deley",
        ),
        ("[payment]\nnet_terms = \"never\"", "payment.net_terms"),
        ("[extras]\nnote = true", "extras.note"),
    ] {
        let mut files = good();
        files.insert(RULES.to_owned(), text.as_bytes().to_vec());
        let problems = load(&files).unwrap_err();
        let keys: Vec<_> = problems
            .iter()
            .filter_map(|problem| problem.key.as_deref())
            .collect();
        assert_eq!(keys, [key], "{text}");
    }
}

#[test]
fn a_sku_is_read_without_marks() {
    let mut files = good();
    let offers = "sku,supplier,supplier_sku\n\u{200b}MUG\u{feff},north,\u{202a}H-1\u{202c}\n";
    files.insert(OFFERS.to_owned(), offers.as_bytes().to_vec());
    let catalogue = load(&files).unwrap().catalogue;
    let offer = &catalogue[0].offer;
    assert_eq!(
        (offer.sku.as_str(), offer.supplier_sku.as_str()),
        ("MUG", "H-1")
    );
}
