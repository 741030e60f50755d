//! `[merchant.smtp]`: the mail server that purchase orders go through.

use crate::channels::secret_name;
use crate::problem::Wrong;
use crate::table::{self, Table};
use domain::settings::{Smtp, SmtpLogin, SmtpTls};
use toml::de::DeValue;

pub(crate) fn read(mut table: Table<'_>) -> Option<Smtp> {
    let host = table.required("host", "a name such as smtp.acme.example", table::text);
    let tls = table.optional(
        "tls",
        "\"starttls\", \"implicit\" or, on this machine, \"none-on-loopback\"",
        tls,
    );
    let tls = tls.unwrap_or(SmtpTls::StartTls);
    let port = table.optional("port", "a number from 1 to 65535", port);
    let user = table.optional("user", "the name to log in with", table::text);
    let password = table.optional(
        "password",
        "the name of an environment variable, such as SMTP_PASSWORD",
        password,
    );
    let login = match (user, password) {
        (Some(user), Some(password)) => Some(SmtpLogin { user, password }),
        (Some(_), None) => {
            table.problem("user", "without password", "both or neither");
            None
        }
        (None, Some(_)) => {
            table.problem("password", "without user", "both or neither");
            None
        }
        (None, None) => None,
    };
    table.finish();
    Some(Smtp {
        host: host?,
        port: port.unwrap_or(match tls {
            SmtpTls::StartTls => 587,
            SmtpTls::Implicit => 465,
            SmtpTls::NoneOnLoopback => 25,
        }),
        login,
        tls,
    })
}

fn tls(value: &DeValue<'_>) -> Result<SmtpTls, Wrong> {
    match table::text(value)?.as_str() {
        "starttls" => Ok(SmtpTls::StartTls),
        "implicit" => Ok(SmtpTls::Implicit),
        "none-on-loopback" => Ok(SmtpTls::NoneOnLoopback),
        other => {
            let message = format!("{other:?} is no way to secure a connection");
            let known = ["starttls", "implicit", "none-on-loopback"];
            Err(Wrong::none_of(other, message, known))
        }
    }
}

fn port(value: &DeValue<'_>) -> Result<u16, String> {
    match u16::try_from(table::number(value)?) {
        Ok(0) | Err(_) => Err("out of range".to_owned()),
        Ok(port) => Ok(port),
    }
}

/// Never shows what was written: it may be the password where its name belongs.
fn password(value: &DeValue<'_>) -> Result<String, String> {
    let name = table::text(value)?;
    secret_name(&name)?;
    Ok(name)
}
