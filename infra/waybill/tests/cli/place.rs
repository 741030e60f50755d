//! A merchant's folders and server, with the suppliers that the server tells.

use doubles::server::serve_supplier;
use doubles::shop::{Shop, ShopOrder};
use doubles::supplier::SupplierDouble;
use http_client::{Client, Http as _, Request};
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

pub(crate) const SECRET: &str = "a secret of the process test";

pub(crate) const CHANNELS: &str = r#"[merchant]
name = "Acme Homeware"
mail = "orders@acme.example"
mail_via = "outbox"

[[channel]]
id = "acme"
kind = "shopify"
code = "SH"
start_from = 2026-11-01
secrets = ["WAYBILL_TEST_SECRET"]
[channel.shopify]
shop = "acme.myshopify.com"
"#;

pub(crate) const OFFERS: &str = "sku,supplier,supplier_sku,cost,currency,stock
MUG,northwind,NW-100,4.00,USD,
KETTLE,eastgate,EG-5,21.00,USD,
TOWEL,harbour,HB-77,8.40,USD,
";

pub(crate) const HARBOUR: &str = r#"
[[supplier]]
id = "harbour"
name = "Harbour Textiles"
method = "mail"
[supplier.mail]
to = "orders@harbour.example"
"#;

fn http(id: &str, address: SocketAddr) -> String {
    format!(
        r#"
[[supplier]]
id = "{id}"
name = "The {id} company"
method = "http"
[supplier.http]
timeout = 2
allow_private = true
[supplier.http.create]
url = "http://{address}/orders"
success = "status == 201 and body.id is given"
reference = "body.id"
body = '''
{{"reference": {{{{ number }}}}, "ship_to": {{{{ ship_to }}}},
 "lines": [{{% for line in lines %}}{{"sku": {{{{ line.supplier_sku }}}}, "quantity": {{{{ line.quantity }}}}}}{{% if not loop.last %}},{{% endif %}}{{% endfor %}}]}}
'''
"#
    )
}

/// A merchant's folders, a supplier that answers, and one that nobody reaches.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) listen: SocketAddr,
    pub(crate) northwind: SupplierDouble,
    pub(crate) suppliers: String,
    /// Secrets beside the channel's.
    pub(crate) environment: Vec<(String, String)>,
    /// What a shell does before it becomes `serve`, such as `umask 0`.
    pub(crate) serve_after: Option<String>,
    pub(crate) server: Option<Child>,
    client: Client,
}

pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn free_port() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

impl Place {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let northwind = SupplierDouble::default();
        let loopback = "127.0.0.1:0".parse().unwrap();
        let answers = serve_supplier(northwind.clone(), loopback).await.unwrap();
        let place = Self {
            folder,
            listen: free_port(),
            northwind,
            suppliers: [
                http("northwind", answers),
                http("eastgate", free_port()),
                HARBOUR.to_owned(),
            ]
            .concat(),
            environment: Vec::new(),
            serve_after: None,
            server: None,
            client: Client::new(["127.0.0.1".to_owned()], true).unwrap(),
        };
        std::fs::create_dir(place.config()).unwrap();
        place.write("channels.toml", CHANNELS);
        place.write("suppliers.toml", &place.suppliers);
        place.write("offers.csv", OFFERS);
        place
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.config().join(name), text).unwrap();
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_waybill");
        let before = self.serve_after.as_ref().filter(|_| words[0] == "serve");
        let mut command = match before {
            None => Command::new(program),
            Some(before) => {
                let mut shell = Command::new("sh");
                let script = format!("{before} && exec \"$0\" \"$@\"");
                shell.args(["-c", &script, program]);
                shell
            }
        };
        command.args(words).env("WAYBILL_TEST_SECRET", SECRET);
        command.envs(self.environment.clone());
        if ["check", "redrive", "serve", "supplier"].contains(&words[0]) {
            command.arg("--config").arg(self.config());
        }
        if !["check", "supplier"].contains(&words[0]) {
            command.arg("--data").arg(self.folder.path().join("data"));
        }
        if words[0] == "serve" {
            command.args(["--listen", &self.listen.to_string()]);
        }
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        let output = self.command(words).output().unwrap();
        Ended {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What the command prints, which must end with `code`.
    pub(crate) fn says(&self, code: i32, words: &[&str]) -> String {
        let ended = self.run(words);
        assert_eq!(ended.code, code, "{words:?}: {}{}", ended.out, ended.err);
        ended.out
    }

    /// What `serve` writes to stdout and stderr, over all its starts.
    pub(crate) fn log_file(&self) -> PathBuf {
        self.folder.path().join("serve.log")
    }

    pub(crate) async fn serve(&mut self) {
        let mut log = File::options();
        let log = log.create(true).append(true).open(self.log_file()).unwrap();
        let server = self
            .command(&["serve"])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.server = Some(server);
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(self.listen).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!(
            "the server does not listen: {}",
            std::fs::read_to_string(self.log_file()).unwrap()
        );
    }

    /// As a service manager does it; the exit code.
    pub(crate) fn terminate(&mut self) -> i32 {
        let mut server = self.server.take().unwrap();
        let mut kill = Command::new("kill");
        kill.args(["-TERM", &server.id().to_string()]);
        assert!(kill.status().unwrap().success());
        server.wait().unwrap().code().unwrap()
    }

    pub(crate) async fn post(&self, topic: &str, body: &serde_json::Value, secret: &str) -> u16 {
        let shop = Shop {
            domain: "acme.myshopify.com".to_owned(),
            secret: secret.to_owned(),
        };
        let webhook = shop.sign(topic, body);
        self.send(webhook.headers, webhook.body).await
    }

    pub(crate) async fn send(&self, headers: Vec<(String, String)>, body: Vec<u8>) -> u16 {
        let request = Request {
            method: "POST".to_owned(),
            url: format!("http://{}/webhooks/acme", self.listen),
            headers,
            body,
            ..Request::default()
        };
        let answer = self.client.send(&request, Duration::from_secs(5)).await;
        answer.unwrap().status
    }

    pub(crate) async fn order(&self, order: &ShopOrder) {
        assert_eq!(self.post("orders/create", &order.0, SECRET).await, 200);
    }

    /// Until the command's answer has the text.
    pub(crate) async fn until(&self, words: &[&str], text: &str) -> String {
        let mut out = String::new();
        for _ in 0..200 {
            out = self.run(words).out;
            if out.contains(text) {
                return out;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{words:?} never says {text:?}, but\n{out}");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            drop(server.kill());
            drop(server.wait());
        }
    }
}
