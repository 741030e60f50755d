//! How channels and suppliers are reached from one machine: mails go through the merchant's mail
//! server or into the outbox.

pub(crate) use ::connectors::{
    Account, ConnectError, Connectors, Means, opening, problem, secrets_of, unset,
};
use configuration::{Configuration, Problem, Section};
use domain::settings::SupplierSettings;
use embedded::{Embedded, FileGroup, OutboxMailer, SmtpMailer};
use ports::{Clock, Mailer, Secrets};
use registry::Registry;
use std::sync::Arc;

/// To work with; usable only where `problems` stayed empty.
pub(super) async fn open(
    loaded: &Configuration,
    registry: Registry,
    store: &Embedded,
    secrets: &dyn Secrets,
    clock: Arc<dyn Clock>,
    problems: &mut Vec<Problem>,
) -> Result<Connectors, ConnectError> {
    let means = Means {
        mailer: mailer(loaded, registry, store, secrets, clock, problems).await?,
        files: Arc::new(store.clone()),
    };
    Connectors::open(loaded, registry, &means, secrets, problems).await
}

/// The group that may read the outbox; a problem where it cannot be given anything.
pub(crate) fn files_group(
    loaded: &Configuration,
    problems: &mut Vec<Problem>,
) -> Option<FileGroup> {
    match FileGroup::named(loaded.files_group.as_deref()?) {
        Ok(group) => Some(group),
        Err(error) => {
            let message = format!("{:#}", anyhow::Error::from(error));
            let problem = loaded
                .sources
                .problem(Section::Merchant, "files.group", None, message);
            problems
                .push(problem.expecting("a group of which the user that runs Waybill is a member"));
            None
        }
    }
}

/// To try settings out: mails go to the outbox of `store`.
pub(crate) async fn on_trial(
    loaded: &Configuration,
    registry: Registry,
    store: &Embedded,
    secrets: &dyn Secrets,
    problems: &mut Vec<Problem>,
) -> Result<Connectors, ConnectError> {
    Connectors::open(loaded, registry, &trial_means(store), secrets, problems).await
}

/// The outbox of `store` takes files and mails.
pub(crate) fn trial_means(store: &Embedded) -> Means {
    Means {
        files: Arc::new(store.clone()),
        mailer: outbox(store),
    }
}

fn outbox(store: &Embedded) -> Arc<dyn Mailer> {
    let files = Arc::new(store.clone());
    Arc::new(OutboxMailer { files })
}

/// A mail that nobody sends must not look sent: a supplier by mail needs a mail server, or the outbox
/// said as such.
pub(crate) fn mail_problems(loaded: &Configuration, registry: Registry) -> Vec<Problem> {
    if loaded.mail_via.is_some() {
        return Vec::new();
    }
    let suppliers = loaded.settings.suppliers.values();
    let sends_mail = |supplier: &&SupplierSettings| {
        let entry = registry.supplier(&supplier.method);
        entry.is_some_and(|entry| entry.sends_mail)
    };
    let by_mail = suppliers.filter(sends_mail);
    let problem = |supplier: &SupplierSettings| {
        let section = Section::Supplier(&supplier.id);
        let message = "channels.toml names no mail server, so that no mail would leave".to_owned();
        let problem = loaded.sources.problem(section, "method", None, message);
        problem.expecting(
            "[merchant.smtp] in channels.toml, or mail_via = \"outbox\" below [merchant] where mails \
             are only to lie in outbox/mail",
        )
    };
    by_mail.map(problem).collect()
}

/// The merchant's mail server where there is one, else the outbox; also where the settings are
/// wrong, which is a problem.
async fn mailer(
    loaded: &Configuration,
    registry: Registry,
    store: &Embedded,
    secrets: &dyn Secrets,
    clock: Arc<dyn Clock>,
    problems: &mut Vec<Problem>,
) -> Result<Arc<dyn Mailer>, ConnectError> {
    problems.extend(mail_problems(loaded, registry));
    let Some(smtp) = loaded.smtp() else {
        return Ok(outbox(store));
    };
    let password = match &smtp.login {
        Some(login) => secrets
            .get(&login.password)
            .await
            .map_err(ConnectError::Secrets)?,
        None => None,
    };
    match SmtpMailer::new(smtp, password, clock) {
        Ok(mailer) => Ok(Arc::new(mailer)),
        Err(error) => {
            let message = format!("{:#}", anyhow::Error::from(error));
            let problem = loaded
                .sources
                .problem(Section::Merchant, "smtp", None, message);
            problems.push(problem.expecting("a mail server that can be spoken to so"));
            Ok(outbox(store))
        }
    }
}
