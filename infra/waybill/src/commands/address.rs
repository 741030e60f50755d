//! A person corrects an address, and sees how one address differs from another.

use super::decide::{PersonCommand, decide};
use super::{Instead, find, nearest};
use crate::arguments::Person;
use crate::{Exit, Installation, say};
use async_trait::async_trait;
use domain::address::Address;
use domain::ids::OrderId;
use domain::order::decide::Command;
use domain::order::news::Payload;
use domain::order::{AddressEdit, Order};
use domain::personal::Personal;
use ports::{OrderStore, StoreError};

/// One field of an address by its name.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) of: fn(&Address) -> &String,
    of_mut: fn(&mut Address) -> &mut String,
}

macro_rules! fields {
    ($($name:ident),*) => {
        &[$(Field {
            name: stringify!($name),
            of: |address| &address.$name,
            of_mut: |address| &mut address.$name,
        }),*]
    };
}

pub(super) const FIELDS: &[Field] = fields![
    name,
    company,
    address1,
    address2,
    city,
    province,
    province_code,
    zip,
    country_code,
    country,
    phone
];

/// Two fields that say the same, each in its way: one of them alone would contradict the other.
const PAIRS: [(&str, &str); 2] = [("country_code", "country"), ("province_code", "province")];

/// `city=Lexington`, as read.
#[derive(Clone)]
pub(crate) struct Setting {
    name: &'static str,
    value: Personal<String>,
}

pub(crate) fn setting(text: &str) -> Result<Setting, String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err("expected FIELD=VALUE".to_owned());
    };
    let names = || FIELDS.iter().map(|field| field.name);
    let Some(name) = names().find(|known| *known == name.trim()) else {
        let meant = nearest(name.trim(), names())
            .map_or_else(String::new, |meant| format!("did you mean {meant}? "));
        let names: Vec<_> = names().collect();
        return Err(format!(
            "an address has no field {:?}; {meant}It has {}",
            name.trim(),
            names.join(", ")
        ));
    };
    let mut value = channels::address_text(value);
    if value.chars().any(char::is_control) || value.chars().count() > LONGEST {
        return Err(format!(
            "one line of at most {LONGEST} characters is expected"
        ));
    }
    if name == "country_code" {
        value.make_ascii_uppercase();
    }
    Ok(Setting {
        name,
        value: Personal::new(value),
    })
}

const LONGEST: usize = 200;

/// The address with the settings in place of what it says, or why it cannot be so.
fn corrected(known: &Address, settings: &[Setting]) -> Result<Address, String> {
    let mut address = known.clone();
    for (at, setting) in settings.iter().enumerate() {
        if settings.iter().take(at).any(|one| one.name == setting.name) {
            return Err(format!("{} is set twice", setting.name));
        }
        for field in FIELDS.iter().filter(|field| field.name == setting.name) {
            (field.of_mut)(&mut address).clone_from(setting.value.reveal());
        }
    }
    if &address == known {
        return Err("the address says so already".to_owned());
    }
    let changed: Vec<&str> = FIELDS
        .iter()
        .filter(|field| (field.of)(&address) != (field.of)(known))
        .map(|field| field.name)
        .collect();
    let is_set = |name: &str| settings.iter().any(|setting| setting.name == name);
    for (one, other) in PAIRS
        .into_iter()
        .chain(PAIRS.map(|(one, other)| (other, one)))
    {
        let left = FIELDS
            .iter()
            .any(|field| field.name == other && !(field.of)(&address).is_empty());
        if changed.contains(&one) && left && !is_set(other) {
            return Err(format!(
                "{one} changes and {other} stays; set both, one of them to nothing if need be"
            ));
        }
    }
    if rust_iso3166::from_alpha2(&address.country_code).is_none() {
        return Err(format!(
            "country_code {:?} is no country of ISO 3166-1; set it too",
            address.country_code
        ));
    }
    Ok(address)
}

pub(crate) async fn edit(
    at: &Installation,
    order: &str,
    settings: &[Setting],
    person: Person,
) -> anyhow::Result<Exit> {
    let id = find(at, order).await?;
    let edit = Edit {
        orders: at.orders.as_ref(),
        settings,
        person: &person,
    };
    let exit = decide(at, &id, &edit).await?.exit();
    if exit == Exit::Done {
        say(format_args!(
            "it counts until the channel tells another address; `waybill order {id}` shows what follows"
        ));
    }
    Ok(exit)
}

/// Some fields of the address are to be others.
struct Edit<'a> {
    orders: &'a dyn OrderStore,
    settings: &'a [Setting],
    person: &'a Person,
}

#[async_trait]
impl PersonCommand for Edit<'_> {
    async fn command(&self, order: &Order) -> anyhow::Result<(Command, Option<Payload>)> {
        let Some((latest, (number, _))) = order.news.latest.as_ref().zip(order.payload.as_ref())
        else {
            let why = format!("nothing is known of {} yet", order.id);
            return Err(Instead::refused(&why).into());
        };
        let corrected_before = order.address.as_ref().map(|(number, _)| *number);
        let Some(mut payload) = payload(self.orders, &order.id, *number, corrected_before).await?
        else {
            return Err(Instead::refused("the address was erased").into());
        };
        let address = corrected(payload.ship_to.reveal(), self.settings)
            .map_err(|why| Instead::refused(&why))?;
        let destination = address.destination(true);
        payload.ship_to = Personal::new(address);
        let edit = AddressEdit {
            replaces: latest.address.clone(),
            address: payload.address_digest(),
            destination,
        };
        let command = Command::EditAddress {
            edit,
            who: self.person.who.clone(),
            why: self.person.why.clone(),
        };
        Ok((command, Some(payload)))
    }
}

/// A payload with the address of another one, where a person corrected it.
pub(super) async fn payload(
    store: &dyn OrderStore,
    order: &OrderId,
    number: u32,
    corrected: Option<u32>,
) -> Result<Option<Payload>, StoreError> {
    let Some(mut payload) = store.payload(order, number).await? else {
        return Ok(None);
    };
    if let Some(number) = corrected {
        let Some(corrected) = store.payload(order, number).await? else {
            return Ok(None);
        };
        payload.ship_to = corrected.ship_to;
    }
    Ok(Some(payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Address {
        Address {
            name: "Ada Example".to_owned(),
            address1: "12 Sample Street".to_owned(),
            city: "Louisville".to_owned(),
            province: "Kentucky".to_owned(),
            province_code: "KY".to_owned(),
            zip: "40202".to_owned(),
            country_code: "US".to_owned(),
            country: "United States".to_owned(),
            ..Address::default()
        }
    }

    fn correct(settings: &[&str]) -> Result<Address, String> {
        let settings: Result<Vec<_>, _> = settings.iter().map(|text| setting(text)).collect();
        corrected(&known(), &settings?)
    }

    #[test]
    fn every_field_of_an_address_has_its_name() {
        let address = serde_json::to_value(Address::default()).unwrap();
        let mut names: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
        names.sort_unstable();
        let mut fields: Vec<_> = address.as_object().unwrap().keys().collect();
        fields.sort_unstable();
        assert_eq!(names, fields);
    }

    #[test]
    fn what_is_set_replaces_and_the_rest_stays() {
        let address = correct(&["city= Lexington", "zip=40507", "address2="]).unwrap();
        assert_eq!(address.city, "Lexington");
        assert_eq!(address.zip, "40507");
        assert_eq!(address.name, "Ada Example");
        let address = correct(&[
            "country_code=ca",
            "country=Canada",
            "province=",
            "province_code=ON",
        ]);
        assert_eq!(address.unwrap().country_code, "CA");
    }

    #[test]
    fn a_correction_that_cannot_be_right_is_refused() {
        for (settings, why) in [
            (&["ctiy=Lexington"][..], "did you mean city? It has name"),
            (&["city"], "expected FIELD=VALUE"),
            (&["city=a\nb"], "one line"),
            (&["city=A", "city=B"], "city is set twice"),
            (&["city=Louisville"], "says so already"),
            (
                &["country_code=CA"],
                "country_code changes and country stays",
            ),
            (
                &["province=Ohio"],
                "province changes and province_code stays",
            ),
            (
                &["country_code=XQ", "country="],
                "\"XQ\" is no country of ISO 3166-1",
            ),
        ] {
            let refused = correct(settings).unwrap_err();
            assert!(refused.contains(why), "{settings:?}: {refused}");
        }
    }
}
