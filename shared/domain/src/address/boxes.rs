//! Post office boxes, parcel lockers and military mail, in the wordings of many countries. Carriers
//! that need a door do not deliver there.
//!
//! The wordings follow the Universal Postal Union's addressing guides of the countries, and for the
//! United States Publication 28 of the Postal Service, by which a box after PSC, CMR, Unit, RR, HC
//! or Route is a place that is driven to.

use super::Address;

/// Words, the last of which may have to be followed by a number.
struct Wording {
    words: &'static [&'static str],
    number: bool,
    /// Where it means a box; anywhere where the list is empty.
    countries: &'static [&'static str],
}

const fn always(words: &'static [&'static str]) -> Wording {
    Wording {
        words,
        number: false,
        countries: &[],
    }
}

const fn numbered(words: &'static [&'static str]) -> Wording {
    Wording {
        words,
        number: true,
        countries: &[],
    }
}

const fn numbered_in(
    words: &'static [&'static str],
    countries: &'static [&'static str],
) -> Wording {
    Wording {
        words,
        number: true,
        countries,
    }
}

/// *Boîte postale*, beside the French overseas.
const FRENCH: &[&str] = &[
    "FR", "BE", "LU", "MC", "CH", "CA", "AD", "BF", "BI", "BJ", "CD", "CF", "CG", "CI", "CM", "DJ",
    "DZ", "GA", "GF", "GN", "GP", "GQ", "HT", "KM", "LB", "MA", "MG", "ML", "MQ", "MR", "NC", "NE",
    "PF", "PM", "RE", "RW", "SN", "TD", "TG", "TN", "VU", "WF", "YT",
];
/// *Case postale*, *casella postale*, *caixa postal*. Elsewhere C.P. is a postal code.
const CASE_POSTALE: &[&str] = &["CA", "CH", "IT", "SM", "VA", "BR", "MG", "MZ", "RO", "MD"];

const WORDINGS: &[Wording] = &[
    always(&["po", "box"]),
    always(&["p", "o", "box"]),
    always(&["p", "0", "box"]),
    numbered(&["pobox"]),
    always(&["po", "bx"]),
    always(&["p", "o", "bx"]),
    always(&["post", "office", "box"]),
    always(&["post", "office", "bx"]),
    always(&["postal", "box"]),
    always(&["gpo", "box"]),
    always(&["g", "p", "o", "box"]),
    always(&["cpo", "box"]),
    always(&["p", "o", "drawer"]),
    always(&["po", "drawer"]),
    always(&["p", "o", "b"]),
    numbered(&["pob"]),
    numbered(&["gpo"]),
    numbered(&["post", "box"]),
    numbered(&["postbox"]),
    numbered(&["caller", "box"]),
    always(&["private", "bag"]),
    always(&["pvt", "bag"]),
    always(&["private", "mail", "bag"]),
    numbered(&["private", "box"]),
    always(&["locked", "bag"]),
    always(&["locked", "mail", "bag"]),
    numbered(&["post", "bag"]),
    // Afrikaans and Dutch.
    numbered(&["posbus"]),
    always(&["privaatsak"]),
    numbered(&["postbus"]),
    // German.
    always(&["postfach"]),
    numbered_in(&["pf"], &["DE", "AT", "CH", "LI", "HU"]),
    // French.
    always(&["boite", "postale"]),
    always(&["boite", "post"]),
    always(&["case", "postale"]),
    numbered_in(&["bp"], FRENCH),
    numbered_in(&["b", "p"], FRENCH),
    numbered_in(&["cp"], CASE_POSTALE),
    numbered_in(&["c", "p"], CASE_POSTALE),
    // Spanish and Portuguese.
    numbered(&["apartado"]),
    always(&["apartado", "postal"]),
    always(&["apartado", "de", "correos"]),
    always(&["apartado", "correos"]),
    always(&["apartado", "aereo"]),
    numbered(&["apdo"]),
    numbered(&["aptdo"]),
    numbered_in(&["c", "c"], &["AR"]),
    always(&["apdo", "postal"]),
    always(&["apdo", "de", "correos"]),
    always(&["apdo", "correos"]),
    numbered(&["casilla"]),
    always(&["casilla", "postal"]),
    always(&["casilla", "de", "correo"]),
    always(&["caixa", "postal"]),
    always(&["cx", "postal"]),
    // Italian and Romanian.
    always(&["casella", "postale"]),
    always(&["cas", "post"]),
    always(&["casuta", "postala"]),
    // Nordic and Baltic.
    always(&["postboks"]),
    numbered_in(&["pb"], &["NO"]),
    numbered_in(&["boks"], &["DK", "NO"]),
    always(&["postilokero"]),
    numbered_in(&["pl"], &["FI"]),
    always(&["postkast"]),
    always(&["postholf"]),
    // Central and eastern Europe.
    always(&["skrytka", "pocztowa"]),
    always(&["skr", "poczt"]),
    always(&["postovni", "prihradka"]),
    always(&["postafiok"]),
    always(&["postanski", "pretinac"]),
    always(&["postni", "predal"]),
    always(&["абонентский", "ящик"]),
    numbered(&["а", "я"]),
    numbered(&["а", "с"]),
    numbered_in(&["p", "p"], &["SI", "HR", "BA", "RS"]),
    numbered(&["τ", "θ"]),
    always(&["ταχυδρομικη", "θυριδα"]),
    // Elsewhere.
    always(&["posta", "kutusu"]),
    numbered_in(&["pk"], &["TR"]),
    numbered_in(&["p", "k"], &["TR"]),
    always(&["kotak", "pos"]),
    always(&["tromol", "pos"]),
    always(&["peti", "surat"]),
    always(&["ص", "ب"]),
    numbered(&["ת", "ד"]),
    // Lockers.
    always(&["packstation"]),
    numbered(&["pack", "station"]),
    numbered(&["postfiliale"]),
    always(&["paketautomat"]),
    numbered(&["paketbox"]),
    always(&["abholstation"]),
    always(&["my", "post", "24"]),
    always(&["pakketautomaat"]),
    always(&["pakkeboks"]),
    always(&["pakkeautomat"]),
    always(&["pakettiautomaatti"]),
    numbered_in(&["smartpost"], &["FI", "EE"]),
    always(&["pakiautomaat"]),
    numbered_in(&["z", "box"], &["CZ", "SK", "HU", "RO"]),
    always(&["paczkomat"]),
    // A remark such as "leave it in the parcel locker" names none.
    numbered(&["parcel", "locker"]),
    numbered(&["parcel", "lockers"]),
    numbered(&["parcellocker"]),
    numbered(&["parcel", "collect"]),
    always(&["amazon", "locker"]),
    always(&["amazon", "hub"]),
    always(&["inpost", "locker"]),
    always(&["citypaq"]),
];

/// Of scripts without spaces between words.
const WITHOUT_SPACES: &[&str] = &["私書箱", "邮政信箱", "郵政信箱", "사서함"];
/// A box after one of these is a mailbox at a road, or military.
const DRIVEN_TO: &[&str] = &["psc", "cmr", "unit", "rr", "hc", "route", "rte", "rural"];

/// Whether the parcel would go to a box or a locker.
pub(super) fn is_box(address: &Address) -> bool {
    let country = address.country_code.as_str();
    let street = words(&address.address1);
    let below = words(&address.address2);
    let first = if street.is_empty() { &below } else { &street };
    let spaceless = [&address.address1, &address.address2]
        .into_iter()
        .any(|line| WITHOUT_SPACES.iter().any(|wording| line.contains(wording)));
    spaceless
        || names_box(&street, country, false)
        || names_box(&below, country, false)
        // A company may be called after one.
        || names_box(&words(&address.company), country, true)
        || is_bare_box(first)
        // Below somebody's name, as in Sweden; beside a street it is a letter box at a house.
        || (!street.iter().any(|word| is_number(word)) && is_bare_box(&below))
}

fn names_box(words: &[String], country: &str, with_number: bool) -> bool {
    WORDINGS.iter().any(|wording| {
        let here = wording.countries.is_empty() || wording.countries.contains(&country);
        let needs_number = wording.number || with_number;
        let mut places = words.windows(wording.words.len()).enumerate();
        here && places.any(|(at, window)| {
            let next = words.get(at + wording.words.len());
            window == wording.words && (!needs_number || next.is_some_and(|next| is_number(next)))
        })
    })
}

/// `Box 12` begins the line, and nothing says that it is at a road.
fn is_bare_box(words: &[String]) -> bool {
    let begins = words.first().is_some_and(|word| word == "box")
        && words.get(1).is_some_and(|next| is_number(next));
    begins && !words.iter().any(|word| DRIVEN_TO.contains(&word.as_str()))
}

/// Digits, with a letter before or behind them as `X12` has it; the letter is a word of its own.
fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Lower-case words without accents; digits and letters are words of their own, and what an
/// abbreviation glues together by dots is not.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut digits = false;
    for character in line.to_lowercase().chars().filter_map(plain) {
        let is_digit = character.is_numeric();
        if !character.is_alphanumeric() || is_digit != digits {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            digits = is_digit;
        }
        if character.is_alphanumeric() {
            word.push(character);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    // `No. 12` and `n° 12` only introduce the number.
    words.retain(|word| !["no", "nr", "num", "n"].contains(&word.as_str()));
    words
}

/// The letter without its accent; nothing for an accent that stands alone.
fn plain(character: char) -> Option<char> {
    Some(match character {
        '\u{300}'..='\u{36f}' => return None,
        // Of full width.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0)?,
        'º' => ' ',
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ă' => 'a',
        'è' | 'é' | 'ê' | 'ë' | 'ė' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ć' | 'č' | 'ç' => 'c',
        'š' | 'ș' | 'ş' => 's',
        'ť' | 'ț' | 'ţ' => 't',
        'ř' => 'r',
        'ž' => 'z',
        'ñ' => 'n',
        'ή' => 'η',
        'ί' => 'ι',
        'ώ' => 'ω',
        other => other,
    })
}

/// An APO, FPO or DPO address: by its state, its city, or the postal codes that only these have
/// (340 AA, 090 to 098 AE, 962 to 966 AP).
pub(super) fn is_military(address: &Address) -> bool {
    let american = matches!(address.country_code.as_str(), "US" | "");
    let state = ["AA", "AE", "AP"].contains(&address.province_code.as_str());
    let city: String = address
        .city
        .to_lowercase()
        .chars()
        .filter(|character| *character != '.')
        .collect();
    let first = city
        .split(|character: char| !character.is_alphanumeric())
        .find(|word| !word.is_empty());
    let office = first.is_some_and(|word| ["apo", "fpo", "dpo"].contains(&word));
    let zip = address.zip.trim();
    let digits = zip.bytes().take_while(u8::is_ascii_digit).count();
    let area = zip.get(..3).filter(|_| digits == 5);
    let code = area.is_some_and(|area| {
        area == "340" || ("090"..="098").contains(&area) || ("962"..="966").contains(&area)
    });
    (address.country_code == "US" && state)
        || (american && (office || (code && address.country_code == "US")))
        || (office && code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(country: &str, address1: &str) -> Address {
        Address {
            address1: address1.to_owned(),
            country_code: country.to_owned(),
            ..Address::default()
        }
    }

    #[test]
    fn boxes_of_many_countries_are_known() {
        for (country, line) in [
            ("US", "PO Box 12"),
            ("US", "P.O. Box 9"),
            ("US", "p.o.box 3"),
            ("US", "P.O.Box12"),
            ("US", "POBox12"),
            ("US", "P O BOX 77"),
            ("US", "P/O Box 4"),
            ("US", "PO Bx 12"),
            ("US", "Post Office Box 4"),
            ("US", "P.O. Drawer 5"),
            ("US", "POB 12"),
            ("US", "Box 44"),
            ("US", "Unit 4, PO BOX 7"),
            ("US", "PO Box No. 7"),
            ("AU", "GPO Box 2001"),
            ("AU", "G.P.O. Box 2001"),
            ("AU", "Locked Bag 3"),
            ("AU", "Parcel Locker 10123 45678"),
            ("NZ", "Private Bag 92019"),
            ("ZA", "Private Bag X12"),
            ("ZA", "Posbus 12"),
            ("IN", "Post Box 33"),
            ("NL", "Postbus 12"),
            ("DE", "Postfach 10 01"),
            ("DE", "Packstation 123"),
            ("DE", "Postfiliale 501"),
            ("DE", "Pf. 1234"),
            ("FR", "Boîte Postale 12"),
            ("FR", "Boi\u{302}te postale 12"),
            ("FR", "BP 123"),
            ("FR", "B.P. 123"),
            ("SN", "BP 5"),
            ("CH", "Case postale 12"),
            ("CA", "C.P. 123"),
            ("ES", "Apartado 77"),
            ("ES", "Apartado de Correos 77"),
            ("ES", "Apdo. 77"),
            ("MX", "Apdo. Postal 77"),
            ("CL", "Casilla 99"),
            ("PT", "Apartado n.º 12"),
            ("BR", "Caixa Postal 5"),
            ("IT", "Casella Postale 5"),
            ("IT", "C.P. 5"),
            ("NO", "Postboks 5"),
            ("DK", "Postbox 5"),
            ("SE", "Box 123"),
            ("FI", "PL 12"),
            ("PL", "Skrytka pocztowa 5"),
            ("PL", "Paczkomat WAW01"),
            ("CZ", "Poštovní přihrádka 5"),
            ("HU", "Pf. 5"),
            ("TR", "P.K. 5"),
            ("RU", "а/я 5"),
            ("JP", "新宿私書箱5"),
            ("US", "Amazon Locker - Tango"),
            ("US", "P.0. Box 12"),
            ("US", "Ｐ.Ｏ. Ｂｏｘ 12"),
            ("AU", "Locked Mail Bag 12"),
            ("IN", "Post Bag No 12"),
            ("ES", "Aptdo. 12"),
            ("NO", "Pb. 12"),
            ("DK", "Boks 12"),
            ("RO", "CP 12"),
            ("UA", "а/с 12"),
            ("AR", "C.C. 12"),
            ("IL", "ת.ד. 12"),
            ("SI", "p.p. 12"),
            ("DE", "Pack Station 145"),
            ("FI", "SmartPost 12"),
            ("EE", "Omniva pakiautomaat"),
            ("CZ", "Z-BOX 12"),
        ] {
            assert!(is_box(&at(country, line)), "{country}: {line}");
        }
        let below = Address {
            address2: "P.O. Box 7".to_owned(),
            ..at("US", "5 Example Road")
        };
        assert!(is_box(&below));
        let under_a_name = Address {
            address2: "Box 123".to_owned(),
            ..at("SE", "c/o Example AB")
        };
        assert!(is_box(&under_a_name));
    }

    #[test]
    fn streets_and_companies_are_no_boxes() {
        for (country, line) in [
            ("US", "12 Box Road"),
            ("US", "12 Boxwood Rd"),
            ("US", "1 Poboxer Lane"),
            ("US", "RR 2 Box 152"),
            ("US", "Rural Route 2 Box 152"),
            ("US", "Box 152 RR 2"),
            ("US", "HC 68 Box 23"),
            ("US", "PSC 3 Box 4120"),
            ("US", "CMR 402 Box 12"),
            ("US", "Unit 2050 Box 4190"),
            ("US", "Postbox Ltd."),
            ("US", "123 Private Drive"),
            ("GB", "BP Station Road 4"),
            ("GB", "BP 4 Forecourt"),
            ("MX", "C.P. 06600"),
            ("ES", "C.P. 28001"),
            ("DE", "Apolda"),
            ("DE", "Posthof 3"),
            ("DE", "Postbusstraße 3"),
            ("DE", "Apollo Street 1"),
            ("FR", "12 rue des Boîtes"),
            ("AR", "Casilla de la Torre"),
            ("US", "Parcel Street 5"),
            ("US", "Pobox Farms Way 3"),
            ("FR", "C.C. Centre Commercial 12"),
            ("US", ""),
        ] {
            assert!(!is_box(&at(country, line)), "{country}: {line}");
        }
        for (country, remark) in [
            ("DE", "bitte in die Paketbox"),
            ("US", "leave in parcel locker"),
            ("US", "Box 12"),
        ] {
            let beside_a_street = Address {
                address2: remark.to_owned(),
                ..at(country, "5 Example Road")
            };
            assert!(!is_box(&beside_a_street), "{country}: {remark}");
        }
        let company = Address {
            company: "Postbox Ltd.".to_owned(),
            ..at("US", "5 Example Road")
        };
        assert!(!is_box(&company));
        let beside = Address {
            address2: "Box 152".to_owned(),
            ..at("US", "RR 2")
        };
        assert!(!is_box(&beside));
    }

    #[test]
    fn military_mail_is_known_without_its_state() {
        let to = |city: &str, state: &str, zip: &str, country: &str| Address {
            city: city.to_owned(),
            province_code: state.to_owned(),
            zip: zip.to_owned(),
            country_code: country.to_owned(),
            ..at(country, "PSC 3 Box 4120")
        };
        for address in [
            to("APO", "AE", "09021", "US"),
            to("APO", "", "09021", "US"),
            to("F.P.O.", "", "", "US"),
            to("DPO AE", "", "09021-1234", "US"),
            to("Ramstein", "", "09012", "US"),
            to("Yokota", "", "96326", "US"),
            to("APO", "", "09021", "DE"),
        ] {
            assert!(is_military(&address), "{}", address.city);
        }
        for address in [
            to("Apopka", "FL", "32703", "US"),
            to("Dayton", "OH", "45402", "US"),
            to("Cluj", "", "090210", "RO"),
            to("Torino", "", "09012", "IT"),
            to("Apo", "", "", "PH"),
        ] {
            assert!(!is_military(&address), "{}", address.city);
        }
    }
}
