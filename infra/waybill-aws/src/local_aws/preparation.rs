//! What the local AWS needs before it can start: an emulator and SAM in Python environments of their
//! own, pinned with hashes, and the functions, built as they are for deployment.

use super::group::Group;
use anyhow::{Context as _, bail};
use domain::digest::Digest;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;
use waybill::say;

/// The emulator and SAM want different versions of the same library.
const ENVIRONMENTS: [&str; 2] = ["emulator", "sam"];
/// Names what an environment was made from; written when it is complete.
const COMPLETE: &str = "complete";
const OLDEST_PYTHON: (u32, u32) = (3, 10);
/// Tried in turn.
const PYTHONS: [&str; 6] = [
    "python3",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python",
];

/// Folders of a prepared source tree.
#[derive(Debug, Clone)]
pub struct Preparation {
    root: PathBuf,
    folder: PathBuf,
}

impl Preparation {
    /// Below `root`, the folder of the workspace.
    pub fn of(root: &Path) -> anyhow::Result<Self> {
        let root = root
            .canonicalize()
            .with_context(|| format!("{} is not there", root.display()))?;
        if !root.join("infra/template.yaml").is_file() {
            bail!(
                "{} has no infra/template.yaml: the local AWS is started from Waybill's sources",
                root.display()
            );
        }
        let folder = root.join("target/local-aws");
        Ok(Self { root, folder })
    }

    /// As [`Preparation::of`], for what prepares nothing itself.
    pub(crate) fn complete(root: &Path) -> anyhow::Result<Self> {
        let preparation = Self::of(root)?;
        if !preparation.is_complete() {
            bail!("nothing is prepared: `waybill local-aws --prepare` makes the local AWS");
        }
        Ok(preparation)
    }

    /// Whether [`Preparation::prepare`] was here; not whether the sources changed since.
    pub fn is_complete(&self) -> bool {
        ENVIRONMENTS.iter().all(|name| self.is_made(name)) && self.template().is_file()
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// As `sam build` leaves it, with the functions' code beside it.
    pub(super) fn template(&self) -> PathBuf {
        self.folder.join("build/template.yaml")
    }

    /// Of a function, by its name in the template.
    pub fn program_of(&self, function: &str) -> PathBuf {
        self.folder.join("build").join(function).join("bootstrap")
    }

    /// A program of an environment.
    pub(super) fn program(&self, environment: &str, name: &str) -> PathBuf {
        self.folder.join(environment).join("bin").join(name)
    }

    /// Search path with the environment's programs first.
    pub(super) fn path(&self, environment: &str) -> anyhow::Result<std::ffi::OsString> {
        let known = std::env::var_os("PATH").unwrap_or_default();
        let own = self.folder.join(environment).join("bin");
        let folders = std::iter::once(own).chain(std::env::split_paths(&known));
        Ok(std::env::join_paths(folders)?)
    }

    /// Makes what is missing or older than its pins, and builds the functions.
    pub async fn prepare(&self) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.folder)
            .with_context(|| format!("{} cannot be made", self.folder.display()))?;
        for name in ENVIRONMENTS {
            if !self.is_made(name) {
                say(format_args!(
                    "preparing: {name} into {}",
                    self.folder.join(name).display()
                ));
                self.make(name).await?;
            }
        }
        say(format_args!("preparing: sam build"));
        self.build().await
    }

    fn requirements(&self, name: &str) -> PathBuf {
        self.root
            .join("infra/local-aws")
            .join(format!("{name}.txt"))
    }

    fn is_made(&self, name: &str) -> bool {
        let made = std::fs::read_to_string(self.folder.join(name).join(COMPLETE));
        let pins = std::fs::read(self.requirements(name));
        matches!((made, pins), (Ok(made), Ok(pins)) if made == Digest::of(&pins).to_string())
    }

    async fn make(&self, name: &str) -> anyhow::Result<()> {
        let requirements = self.requirements(name);
        let pins = std::fs::read(&requirements)
            .with_context(|| format!("{} cannot be read", requirements.display()))?;
        let folder = self.folder.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("{} cannot be made anew", folder.display()))?;
        }
        let mut venv = Command::new(python().await?);
        venv.args(["-m", "venv"]).arg(&folder);
        run(venv, "a Python environment cannot be made").await?;
        let mut pip = Command::new(self.program(name, "python"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(["--no-deps", "--require-hashes", "-r"])
        .arg(&requirements);
        run(pip, "the pinned packages cannot be installed").await?;
        std::fs::write(folder.join(COMPLETE), Digest::of(&pins).to_string())?;
        Ok(())
    }

    async fn build(&self) -> anyhow::Result<()> {
        let architecture = architecture();
        let mut sam = Command::new(self.program("sam", "sam"));
        sam.current_dir(&self.root)
            .env("PATH", self.path("sam")?)
            .env("SAM_CLI_TELEMETRY", "0")
            .args([
                "build",
                "--template-file",
                "infra/template.yaml",
                "--build-dir",
            ])
            .arg(self.folder.join("build"))
            .args([
                "--parameter-overrides",
                &format!("Architecture={architecture}"),
            ]);
        run(sam, "the functions cannot be built").await
    }
}

/// Of this machine's processor, as the template calls it.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "x86_64",
    }
}

async fn python() -> anyhow::Result<&'static str> {
    let (major, minor) = OLDEST_PYTHON;
    let asks = format!("import sys, venv; sys.exit(sys.version_info < ({major}, {minor}))");
    for name in PYTHONS {
        let mut known = Command::new(name);
        known.args(["-c", &asks]).stderr(Stdio::null());
        if known.status().await.is_ok_and(|status| status.success()) {
            return Ok(name);
        }
    }
    bail!(
        "the local AWS needs Python {major}.{minor} or newer with venv, and no python3 here is one"
    )
}

/// To its end; what it says goes to stderr.
pub(super) async fn run(mut command: Command, failure: &str) -> anyhow::Result<()> {
    command.stdout(std::io::stderr());
    to_its_end(command, failure).await
}

/// As [`run`], and what it says is told only where it fails.
pub(super) async fn run_quietly(mut command: Command, failure: &str) -> anyhow::Result<()> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    to_its_end(command, failure).await
}

async fn to_its_end(mut command: Command, failure: &str) -> anyhow::Result<()> {
    let program = command.as_std().get_program().to_owned();
    let program = program.display();
    // Whoever is told to stop ends it with everything that it started.
    let process = command.process_group(0).stdin(Stdio::null()).spawn();
    let process = process.with_context(|| format!("{failure}: {program} cannot be run"))?;
    let _group = process.id().map(Group::led_by);
    let output = process.wait_with_output().await?;
    if !output.status.success() {
        for said in [&output.stdout, &output.stderr] {
            eprint!("{}", String::from_utf8_lossy(said));
        }
        bail!("{failure}: {program} ended with {}", output.status);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_made_once_its_pins_are_the_ones_there_are() {
        let root = tempfile::tempdir().unwrap();
        let infra = root.path().join("infra/local-aws");
        std::fs::create_dir_all(&infra).unwrap();
        assert!(Preparation::of(root.path()).is_err());
        std::fs::write(root.path().join("infra/template.yaml"), "").unwrap();
        let preparation = Preparation::of(root.path()).unwrap();
        std::fs::write(infra.join("sam.txt"), "one").unwrap();
        assert!(!preparation.is_made("sam"));
        let made = preparation.folder.join("sam");
        std::fs::create_dir_all(&made).unwrap();
        std::fs::write(made.join(COMPLETE), Digest::of(b"one").to_string()).unwrap();
        assert!(preparation.is_made("sam"));
        std::fs::write(infra.join("sam.txt"), "two").unwrap();
        assert!(!preparation.is_made("sam"));
    }
}
