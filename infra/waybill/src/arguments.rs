//! What is written behind a command, read into types.

use crate::Installation;
use crate::cloud::Cloud;
use crate::commands::acknowledge::{Backordered, Rejected};
use crate::commands::address::Setting;
use crate::commands::{acknowledge, address};
use clap::{Args, Subcommand};
use domain::ids::SupplierId;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Data {
    /// Folder of the database and the outbox.
    #[arg(long, default_value = ".waybill", global = true)]
    pub(crate) data: PathBuf,
}

/// Which installation a command is about.
#[derive(Args)]
pub(crate) struct Where {
    /// Folder of the database and the outbox.
    #[arg(
        long,
        default_value = ".waybill",
        global = true,
        conflicts_with = "aws"
    )]
    data: PathBuf,
    /// A stack on AWS instead of a folder.
    #[arg(long, value_name = "STACK", global = true)]
    aws: Option<String>,
    #[command(flatten)]
    account: Account,
}

impl Where {
    pub(crate) async fn open(self, cloud: &dyn Cloud) -> anyhow::Result<Installation> {
        match self.aws {
            Some(name) => {
                let account = self.account;
                cloud.open(&Stack { name, account }).await
            }
            None => Installation::in_folder(&self.data),
        }
    }
}

/// One deployment of the template.
#[derive(Args, Debug, Clone)]
pub struct Stack {
    /// The name of the stack.
    #[arg(long = "aws", value_name = "STACK")]
    pub name: String,
    #[command(flatten)]
    pub account: Account,
}

/// As the AWS command line has it; what is not given comes from the environment and the profile.
#[derive(Args, Debug, Clone, Default)]
pub struct Account {
    #[arg(long, global = true, help_heading = "AWS")]
    pub region: Option<String>,
    #[arg(long, global = true, help_heading = "AWS")]
    pub profile: Option<String>,
}

#[derive(Args)]
pub struct Config {
    /// Folder of the configuration.
    #[arg(long, default_value = "infra/config", global = true)]
    pub config: PathBuf,
}

#[derive(Args)]
pub struct Form {
    /// One JSON document instead of text.
    #[arg(long, global = true)]
    pub json: bool,
}

/// Kept in the order's history.
#[derive(Args)]
pub(crate) struct Person {
    /// Who decides.
    #[arg(long, default_value = "operator", value_parser = said)]
    pub(crate) who: String,
    /// Why.
    #[arg(long, value_parser = said)]
    pub(crate) why: String,
}

/// Something readable in a line of a history.
fn said(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it says nothing".to_owned());
    }
    if text.chars().any(char::is_control) || text.chars().count() > LONGEST_SAID {
        return Err(format!(
            "one line of at most {LONGEST_SAID} characters is expected"
        ));
    }
    Ok(text.to_owned())
}

const LONGEST_SAID: usize = 500;

fn supplier(text: &str) -> Result<SupplierId, String> {
    SupplierId::parse(text).map_err(|error| format!("expected {}", error.expected))
}

#[derive(Args)]
#[group(required = true, multiple = false)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of which exactly one is given"
)]
pub(crate) struct Verdict {
    /// The supplier has it, under this number of theirs.
    #[arg(long, value_name = "REF", value_parser = said)]
    pub(crate) sent: Option<String>,
    /// The supplier surely does not have it: it is sent again; a mail that counts as sent, after a
    /// release.
    #[arg(long)]
    pub(crate) not_sent: bool,
    /// The supplier took it back.
    #[arg(long)]
    pub(crate) cancelled: bool,
    /// The supplier ships it all the same.
    #[arg(long)]
    pub(crate) not_cancelled: bool,
    /// The supplier had shipped it already.
    #[arg(long)]
    pub(crate) too_late: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Way {
    /// Never again this supplier for the order.
    #[arg(long, value_name = "SUPPLIER", value_parser = supplier)]
    pub(crate) without: Option<SupplierId>,
    /// Only this supplier for the order.
    #[arg(long, value_name = "SUPPLIER", value_parser = supplier)]
    pub(crate) only: Option<SupplierId>,
}

#[derive(Args)]
pub(crate) struct Settings {
    /// A field of the address and its new value, which may be empty.
    #[arg(long = "set", value_name = "FIELD=VALUE", required = true, value_parser = address::setting)]
    pub(crate) settings: Vec<Setting>,
}

#[derive(Args)]
pub(crate) struct Said {
    /// Units that come later, on that day where the supplier names one.
    #[arg(long, value_name = "SUPPLIER_SKU=QTY[@YYYY-MM-DD]", value_parser = acknowledge::backordered)]
    pub(crate) backorder: Vec<Backordered>,
    /// Units that the supplier will not ship.
    #[arg(long, value_name = "SUPPLIER_SKU=QTY:REASON", value_parser = acknowledge::rejected)]
    pub(crate) reject: Vec<Rejected>,
}

#[derive(Subcommand)]
pub(crate) enum OfBatches {
    /// Says where the file lies, and writes its content out.
    Open { name: String },
    /// Marks the file as put into the supplier's portal.
    Uploaded {
        name: String,
        /// Who did it.
        #[arg(long, default_value = "operator", value_parser = said)]
        who: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum OfSuppliers {
    /// Sends a marked test order to the supplier's sandbox and shows each step.
    Test {
        /// Its id in suppliers.toml.
        name: String,
        #[command(flatten)]
        config: Config,
    },
}
