//! The process that plays AWS, behind a recorder.

use super::group::{Group, kill};
use super::preparation::Preparation;
use anyhow::{Context as _, bail};
use doubles::recorder::Recorder;
use http_client::{Client, Http as _, Request};
use serde_json::Value;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The only one.
pub(crate) const ACCOUNT: &str = "000000000000";
pub(crate) const REGION: &str = "us-east-1";
/// Root, whom no policy applies to, to the emulator.
pub(crate) const ROOT: &str = "test";
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const STARTS_WITHIN: Duration = Duration::from_mins(1);
const ENDS_WITHIN: Duration = Duration::from_secs(10);
const ANSWERS_WITHIN: Duration = Duration::from_mins(1);

/// Whether a call is looked at: who signed it, rightly, and whether his role allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permissions {
    Enforced,
    /// For figures: what a call is made to say beside what its signer said breaks its signature.
    Ignored,
}

impl Permissions {
    fn variable(self) -> &'static str {
        match self {
            Self::Enforced => "true",
            Self::Ignored => "false",
        }
    }
}

/// Ended, with the processes of the functions, when it is dropped.
pub struct Emulator {
    process: Child,
    /// The functions are in it.
    group: Group,
    client: Client,
    /// Where its own clients reach it, past the recorder.
    address: SocketAddr,
    /// Where everybody else does.
    pub(crate) endpoint: String,
    pub recorder: Recorder,
    _folder: tempfile::TempDir,
}

impl Emulator {
    pub async fn start(
        preparation: &Preparation,
        listen: SocketAddr,
        permissions: Permissions,
    ) -> anyhow::Result<Self> {
        // Free at this moment; where somebody takes it before the emulator does, it does not come up.
        let address = std::net::TcpListener::bind(LOOPBACK)?.local_addr()?;
        let (recorder, listens) = Recorder::serve(listen, address)
            .await
            .with_context(|| format!("{listen} cannot be listened on"))?;
        let endpoint = format!("http://{listens}");
        let folder = tempfile::tempdir()?;
        let log = preparation.folder().join("emulator.log");
        let said = File::create(&log).with_context(|| log.display().to_string())?;
        let process = Command::new(preparation.program("emulator", "ministack"))
            .env_clear()
            .env("PATH", preparation.path("emulator")?)
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .env("GATEWAY_PORT", address.port().to_string())
            .env("BIND_HOST", address.ip().to_string())
            .env("AUTH", permissions.variable())
            // The functions' processes inherit it; without it they would call the real AWS.
            .env("AWS_ENDPOINT_URL", &endpoint)
            .env("AWS_REGION", REGION)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("LAMBDA_EXECUTOR", "local")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            // Ctrl-C is for us, who then end it with everything that it started.
            .process_group(0)
            .spawn()
            .context("the emulator cannot be started; `local-aws --prepare` makes it")?;
        let mut emulator = Self {
            group: Group::led_by(process.id()),
            process,
            client: Client::new([Ipv4Addr::LOCALHOST.to_string()], true)?,
            address,
            endpoint,
            recorder,
            _folder: folder,
        };
        emulator
            .wait()
            .await
            .with_context(|| format!("what it said is in {}", log.display()))?;
        Ok(emulator)
    }

    async fn wait(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        while started.elapsed() < STARTS_WITHIN {
            if let Some(status) = self.process.try_wait()? {
                bail!("the emulator ended at once, with {status}");
            }
            let health = self.get("/_ministack/health").await;
            if health.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the emulator does not come up within {STARTS_WITHIN:?}")
    }

    /// One of its own pages.
    async fn get(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let request = Request {
            method: "GET".to_owned(),
            url: format!("http://{}{path}", self.address),
            ..Request::default()
        };
        let answer = self.client.send(&request, ANSWERS_WITHIN).await?;
        if answer.status != 200 {
            bail!("the emulator answers {path} with {}", answer.status);
        }
        Ok(answer.body)
    }

    /// A call in forms of a service that no client of ours is for, as root.
    pub(super) async fn form(
        &self,
        service: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let body = encoded(action, parameters);
        let answer = self.signed("POST", service, "/", &[kind], body).await;
        let answer = answer.with_context(|| format!("{service}:{action}"))?;
        Ok(String::from_utf8(answer)?)
    }

    /// A call in JSON, as root; `target` is what the service calls the action in full.
    pub async fn json(&self, service: &str, target: &str, asked: &Value) -> anyhow::Result<Value> {
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", target),
        ];
        let body = serde_json::to_vec(asked)?;
        let answer = self.signed("POST", service, "/", &headers, body).await;
        let answer = answer.with_context(|| format!("{service}:{target}"))?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Runs a function and waits for its end.
    pub(super) async fn invoke(&self, function: &str, event: &Value) -> anyhow::Result<()> {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let kind = ("content-type", "application/json");
        let body = serde_json::to_vec(event)?;
        let ran = self.signed("POST", "lambda", &path, &[kind], body).await;
        ran.with_context(|| format!("{function} was not run"))?;
        Ok(())
    }

    /// A call without a body of a service that no client of ours is for, as root.
    pub async fn ask(&self, service: &str, method: &str, path: &str) -> anyhow::Result<Vec<u8>> {
        let answer = self.signed(method, service, path, &[], Vec::new()).await;
        answer.with_context(|| format!("{service}: {method} {path}"))
    }

    /// A change to something that a service of that kind knows under a path, as root.
    pub(super) async fn put(
        &self,
        service: &str,
        path: &str,
        change: &Value,
    ) -> anyhow::Result<()> {
        let kind = ("content-type", "application/json");
        let body = serde_json::to_vec(change)?;
        let answer = self.signed("PUT", service, path, &[kind], body).await;
        let answer = answer.map(drop);
        answer.with_context(|| format!("{service}: PUT {path}"))
    }

    async fn signed(
        &self,
        method: &str,
        service: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> anyhow::Result<Vec<u8>> {
        // Of root it looks at the service alone, not at the signature.
        let credential = format!("{ROOT}/20260101/{REGION}/{service}/aws4_request");
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
        let signature = ("authorization", authorization.as_str());
        let headers = headers.iter().copied().chain([signature]);
        let request = Request {
            method: method.to_owned(),
            url: format!("http://{}{path}", self.address),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body,
            ..Request::default()
        };
        let answer = self.client.send(&request, ANSWERS_WITHIN).await?;
        if answer.status >= 300 {
            let why = String::from_utf8_lossy(&answer.body).into_owned();
            bail!("answered {}: {why}", answer.status);
        }
        Ok(answer.body)
    }

    /// Ids of the processes that are functions at this moment.
    pub fn functions(&self) -> anyhow::Result<Vec<u32>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let entry = entry?;
            let Some(id) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            // One that ended meanwhile has no file any more.
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            if is_function(&stat, self.process.id()) {
                found.push(id);
            }
        }
        Ok(found)
    }

    /// Ends them where they are, as a machine that loses its power; how many there were.
    pub fn kill_functions(&self) -> anyhow::Result<usize> {
        let functions = self.functions()?;
        for id in &functions {
            kill(&["-KILL", &id.to_string()]);
        }
        Ok(functions.len())
    }
}

/// `ID (NAME) STATE PARENT GROUP ...`, as the kernel writes it; the emulator leads its group.
fn is_function(stat: &str, group: u32) -> bool {
    let Some((name, rest)) = stat.rsplit_once(") ") else {
        return false;
    };
    name.ends_with("(bootstrap") && rest.split(' ').nth(2) == Some(group.to_string().as_str())
}

fn encoded(action: &str, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action).extend_pairs(parameters);
    form.finish().into_bytes()
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.group.ask();
        let asked = Instant::now();
        while asked.elapsed() < ENDS_WITHIN && matches!(self.process.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(50));
        }
        // It, where it did not listen; functions under way end with their group.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_functions_of_this_emulator_are_functions() {
        assert!(is_function("71 (bootstrap) S 70 42 42 0 -1", 42));
        assert!(!is_function("71 (bootstrap) S 70 43 42 0 -1", 42));
        assert!(!is_function("71 (ministack) S 1 42 42 0 -1", 42));
        assert!(!is_function("", 42));
    }
}
