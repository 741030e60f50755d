//! `channels.toml`: who sells, and through which accounts.

use crate::problem::{File, Wrong};
use crate::table::Table;
use crate::{smtp, table};
use domain::ids::{ChannelCode, ChannelId};
use domain::settings::{ChannelSettings, MailVia, Merchant};
use std::collections::{BTreeMap, BTreeSet};
use toml::de::DeValue;

#[derive(Default)]
pub(crate) struct Sales {
    pub(crate) merchant: Merchant,
    pub(crate) mail_via: Option<MailVia>,
    pub(crate) files_group: Option<String>,
    pub(crate) channels: BTreeMap<ChannelId, ChannelSettings>,
    /// Ids of all channels, of those with problems too.
    pub(crate) known: Option<BTreeSet<ChannelId>>,
}

pub(crate) fn read(file: &File<'_>) -> Sales {
    table::parse(file, |mut root| {
        let sales = root
            .required_table("merchant", "a table [merchant] with name and mail")
            .map(merchant)
            .unwrap_or_default();
        let mut channels = BTreeMap::new();
        let mut seen = Seen::default();
        for table in root.tables("channel") {
            if let Some(channel) = channel(table, &mut seen) {
                channels.insert(channel.id.clone(), channel);
            }
        }
        root.finish();
        Sales {
            channels,
            known: Some(seen.ids),
            ..sales
        }
    })
}

#[derive(Default)]
struct Seen {
    ids: BTreeSet<ChannelId>,
    codes: BTreeSet<ChannelCode>,
}

/// Without channels.
fn merchant(mut table: Table<'_>) -> Sales {
    let name = table.required("name", "the name that suppliers know you by", table::text);
    let mail = table.required("mail", "a mail address such as orders@acme.example", mail);
    let returns_address = table.optional(
        "returns_address",
        "the lines of an address, such as \"\"\"...\"\"\"",
        table::lines,
    );
    let phone = table.optional("phone", "a phone number", table::text);
    let website = table.optional("website", "an address such as acme.example", table::text);
    let outbox = table.optional(
        "mail_via",
        "\"outbox\": mails lie there as files; or a table [merchant.smtp]",
        outbox,
    );
    let smtp = table.table("smtp");
    if outbox.is_some() && smtp.is_some() {
        table.problem("mail_via", "beside [merchant.smtp]", "one of them");
    }
    let smtp = smtp.and_then(smtp::read);
    let files_group = table.table("files").and_then(files_group);
    table.finish();
    let merchant = Merchant {
        name: name.unwrap_or_default(),
        mail: mail.unwrap_or_default(),
        returns_address: returns_address.unwrap_or_default(),
        phone: phone.unwrap_or_default(),
        website: website.unwrap_or_default(),
    };
    Sales {
        merchant,
        mail_via: outbox.or(smtp.map(MailVia::Smtp)),
        files_group,
        ..Sales::default()
    }
}

/// `[merchant.files]`: who may read the outbox of one machine beside the user that runs Waybill.
fn files_group(mut table: Table<'_>) -> Option<String> {
    let group = table.required(
        "group",
        "a group of this machine, such as \"sftp\"",
        table::text,
    );
    table.finish();
    group
}

fn outbox(value: &DeValue<'_>) -> Result<MailVia, Wrong> {
    match table::text(value)?.as_str() {
        "outbox" => Ok(MailVia::Outbox),
        other => {
            let message = format!("mails cannot go through {other:?}");
            Err(Wrong::none_of(other, message, ["outbox"]))
        }
    }
}

fn mail(value: &DeValue<'_>) -> Result<String, String> {
    let text = table::text(value)?;
    let parts = text.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty()
            && !host.is_empty()
            && !host.contains('@')
            && text.bytes().all(|byte| byte.is_ascii_graphic())
    });
    if parts {
        Ok(text)
    } else {
        Err(format!("{text:?} is not a mail address"))
    }
}

fn channel(mut table: Table<'_>, seen: &mut Seen) -> Option<ChannelSettings> {
    let id = table.required(
        "id",
        "1 to 40 of a-z, 0-9 and -",
        table::id(ChannelId::parse),
    );
    if let Some(id) = &id
        && !seen.ids.insert(id.clone())
    {
        table.problem(
            "id",
            format!("{id} is another channel's id"),
            "an id of its own",
        );
    }
    let kind = table.required("kind", "the kind of channel", table::text);
    let code = table.required(
        "code",
        "1 to 4 of A-Z and 0-9",
        table::id(ChannelCode::parse),
    );
    if let Some(code) = &code
        && !seen.codes.insert(code.clone())
    {
        table.problem(
            "code",
            format!("{code} is another channel's code"),
            "a code of its own",
        );
    }
    let start_from = table.required(
        "start_from",
        "a date or a time with an offset, such as 2026-11-01T00:00:00Z",
        table::time,
    );
    // Whether the kind can do without is known to whoever opens the channel.
    let secrets = table.optional("secrets", CHANNEL_SECRETS, secrets);
    let specific = kind.as_ref().map(|kind| table.specific("kind", kind));
    if specific.is_some() {
        table.finish();
    }
    Some(ChannelSettings {
        id: id?,
        kind: kind?,
        code: code?,
        start_from: start_from?,
        secrets: secrets.unwrap_or_default(),
        specific: specific?,
    })
}

/// What `secrets` of a channel ought to be.
pub const CHANNEL_SECRETS: &str = "names of environment variables, such as [\"SHOP_SECRET\"]";

/// Never shows what was written: it may be a secret where its name belongs.
fn secrets(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let names = table::texts(value)?;
    if names.is_empty() {
        return Err("none, so that every webhook would be refused".to_owned());
    }
    names.iter().try_for_each(|name| secret_name(name))?;
    Ok(names)
}

pub(crate) fn secret_name(text: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if text.bytes().all(plain) {
        Ok(())
    } else {
        Err("not a name of A-Z, 0-9 and _".to_owned())
    }
}
