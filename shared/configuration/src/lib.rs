//! The merchant's text files, checked as a whole into domain types.
//!
//! Either everything is right or nothing is used: the answer is the configuration, or every
//! problem at once with its file, line and key, so that one reading is enough to mend them.

mod advice;
mod channels;
mod near;
mod offers;
mod problem;
mod rules;
mod smtp;
mod sources;
mod suppliers;
mod table;
mod templates;
mod terms;
#[cfg(test)]
mod tests;
mod values;
mod waiting;

pub use near::near;
pub use problem::Problem;
pub use sources::{Section, Sources};
pub use values::meant_zone;

use domain::catalogue::CatalogueRow;
use domain::digest::Digest;
use domain::settings::{MailVia, Rules, Settings, Smtp};
use problem::{File, Findings, Wrong};
use rules::Known;
use std::collections::BTreeMap;
use std::path::Path;

pub use channels::CHANNEL_SECRETS;

const CHANNELS: &str = "channels.toml";
const SUPPLIERS: &str = "suppliers.toml";
const RULES: &str = "rules.toml";
pub const OFFERS: &str = "offers.csv";
/// Endings of what belongs to a configuration.
const READ: &[&str] = &["toml", "csv", "html", "txt", "json"];

/// What all files say together.
#[derive(Debug, Clone)]
pub struct Configuration {
    pub settings: Settings,
    /// How mails leave one machine; where it is absent, no supplier can be told by mail there. On AWS
    /// mails go through SES.
    pub mail_via: Option<MailVia>,
    /// The group of one machine that may fetch files from the outbox; else only the user that runs
    /// Waybill may.
    pub files_group: Option<String>,
    pub catalogue: Vec<CatalogueRow>,
    /// Of `offers.csv` alone: it is applied again only when this is new.
    pub catalogue_digest: Digest,
    /// What was taken, and is hardly what the merchant wants.
    pub warnings: Vec<Problem>,
    pub sources: Sources,
}

impl Configuration {
    /// The merchant's mail server, where there is one.
    pub fn smtp(&self) -> Option<&Smtp> {
        match &self.mail_via {
            Some(MailVia::Smtp(smtp)) => Some(smtp),
            Some(MailVia::Outbox) | None => None,
        }
    }
}

/// Reads the `.toml` and `.csv` files of a folder and its templates (`.html`, `.txt`, `.json`), not
/// those below it.
pub fn load_dir(dir: &Path) -> Result<Configuration, Vec<Problem>> {
    let files = read_dir(dir).map_err(|error| vec![unreadable(dir, &error)])?;
    load(&files)
}

/// What [`read_dir`] failed with.
pub fn unreadable(dir: &Path, error: &std::io::Error) -> Problem {
    Problem {
        file: dir.display().to_string(),
        line: None,
        key: None,
        message: format!("cannot be read: {error}"),
        expected: Some("a readable folder".to_owned()),
        near: None,
    }
}

/// By name, what a configuration in this folder is read from.
pub fn read_dir(dir: &Path) -> std::io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let ours = path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| READ.contains(&extension));
        if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && ours
            && path.is_file()
        {
            files.insert(name.to_owned(), std::fs::read(&path)?);
        }
    }
    Ok(files)
}

/// Of the names and bytes of the files.
pub fn digest(files: &BTreeMap<String, Vec<u8>>) -> Digest {
    Digest::of_value(&digests(files))
}

/// Of each file, by name.
pub fn digests(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Digest> {
    files
        .iter()
        .map(|(name, bytes)| (name.clone(), Digest::of(bytes)))
        .collect()
}

/// `files` by name; those it does not know may lie beside them, except `.toml` files, which are
/// more likely misnamed than meant for somebody else.
pub fn load(files: &BTreeMap<String, Vec<u8>>) -> Result<Configuration, Vec<Problem>> {
    load_as(files, &digests(files), Offers::Here)
}

/// The same for whoever finds the offers elsewhere: all files but `offers.csv`, and the digests of
/// all, so that decisions name the same configuration.
pub fn load_without_offers(
    files: &BTreeMap<String, Vec<u8>>,
    digests: &BTreeMap<String, Digest>,
) -> Result<Configuration, Vec<Problem>> {
    load_as(files, digests, Offers::Elsewhere)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Offers {
    Here,
    Elsewhere,
}

fn load_as(
    files: &BTreeMap<String, Vec<u8>>,
    digests: &BTreeMap<String, Digest>,
    offers: Offers,
) -> Result<Configuration, Vec<Problem>> {
    let findings = Findings::default();
    let sources = Sources::new(files);
    let open = |name| File::open(name, files, &findings);

    let toml = |name: &str| {
        Path::new(name)
            .extension()
            .is_some_and(|extension| extension == "toml")
    };
    for name in files.keys() {
        if toml(name) && ![CHANNELS, SUPPLIERS, RULES].contains(&name.as_str()) {
            let expected = format!("one of {CHANNELS}, {SUPPLIERS} and {RULES}");
            let known = [CHANNELS, SUPPLIERS, RULES];
            let message = "not a file of the configuration".to_owned();
            let wrong = Wrong::none_of(name, message, known);
            File::named(name, &findings).problem(None, None, wrong, &expected);
        }
    }
    let sales = open(CHANNELS)
        .map(|file| channels::read(&file))
        .unwrap_or_default();
    let suppliers = open(SUPPLIERS)
        .map(|file| suppliers::read(&file, files, &sources))
        .unwrap_or_default();
    let known = Known {
        suppliers: suppliers.known.as_ref(),
        channels: sales.known.as_ref(),
    };
    let rules = if files.contains_key(RULES) {
        open(RULES)
            .map(|file| rules::read(&file, &known))
            .unwrap_or_default()
    } else {
        Rules::default()
    };
    let catalogue = match offers {
        Offers::Here => open(OFFERS)
            .map(|file| offers::read(&file, &suppliers))
            .unwrap_or_default(),
        Offers::Elsewhere => Vec::new(),
    };

    let settings = Settings {
        digest: Digest::of_value(digests),
        merchant: sales.merchant,
        channels: sales.channels,
        suppliers: suppliers.settings,
        rules,
    };
    let mut problems = findings.problems.into_inner();
    let mut warnings = findings.warnings.into_inner();
    // Of what could not be read nothing can be said, nor of offers that are not here.
    if problems.is_empty() && offers == Offers::Here {
        warnings.extend(advice::advice(&settings, &catalogue, &sources));
    }
    if !problems.is_empty() {
        problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        return Err(problems);
    }
    warnings.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    Ok(Configuration {
        settings,
        mail_via: sales.mail_via,
        files_group: sales.files_group,
        catalogue: catalogue.into_iter().map(|(_, row)| row).collect(),
        warnings,
        sources,
        catalogue_digest: digests
            .get(OFFERS)
            .cloned()
            .unwrap_or_else(|| Digest::of(&[])),
    })
}
