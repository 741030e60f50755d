//! Shopify's order and refund objects, REST shape of Admin API 2026-10, as our own types.
//!
//! | ours | Shopify's, and what its documents say of it |
//! |---|---|
//! | `Line::quantity` | `line_items[].quantity`: as ordered; removed and refunded units stay in it |
//! | `Line::current_quantity` | `current_quantity`: `quantity` less removed and refunded units |
//! | `Line::fulfillable` | `fulfillable_quantity`: 0 while on hold (changelog "post-purchase fulfillment holds") |
//! | `Line::fulfilled` | the sum of `fulfillments[].line_items[].quantity` whose status is success, open or pending; all of a line that is `fulfilled` without a list |
//! | `Line::status`, `Content::status` | `fulfillment_status` of the line and of the order |
//! | `Line::not_ours` | `requires_shipping`, `gift_card`, `fulfillment_service`, and a local `delivery_category` |
//! | `PayloadLine::properties` | `properties[]` whose name does not begin with `_` and whose value is not blank |
//! | `Refund::units` | `refund_line_items[].quantity` by `restock_type` (`RefundLineItemRestockType`: cancel for unfulfilled units, return for fulfilled ones, no_restock and legacy_restock for either) |
//! | `Content::payment` | `financial_status` |
//! | `Content::gateways`, `net_terms` | `payment_gateway_names`; `payment_terms`, but for terms of payment on receipt |
//! | `OrderSnapshot::updated_at`, `emitted_at` | `updated_at`, in whole seconds; the header `X-Shopify-Triggered-At` |

use super::Settings;
use super::field::Field;
use domain::address::Address;
use domain::ids::{ChannelOrderId, LineId, RefundId, Sku};
use domain::money::{Currency, Money};
use domain::order::news::{
    ChannelEvent, Content, FulfillmentStatus, Line, LocalDelivery, Note, OrderSnapshot, Payload,
    PayloadLine, Payment, Property, Refund, RefundedUnits, ShippingMethod,
};
use domain::personal::Personal;
use domain::region::is_country;
use jiff::Timestamp;
use ports::ParseError;
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of goods that the merchant hands over himself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Local {
    NotOurs,
    /// A person decides.
    Hold,
}

/// What becomes of the note to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoteRule {
    Ignore,
    Forward,
    Hold,
}

pub(super) fn order(
    order: &Field<'_>,
    emitted_at: Option<Timestamp>,
    settings: &Settings,
) -> Result<ChannelEvent, ParseError> {
    let currency = order.get("currency").currency()?;
    let placed_at = order.get("created_at").time()?;
    let status = order.get("financial_status").text()?;
    let shipping = shipping(order)?;
    let (lines, payload_lines) = lines(order, currency, &shipping, settings)?;
    let ship_to = address(order, settings)?;
    let country_known = is_country(&ship_to.country_code);
    let refunds = order.get("refunds").list()?;
    let refunds: Vec<Refund> = refunds
        .iter()
        .map(|field| refund(field, Some(currency)))
        .collect::<Result<_, _>>()?;
    let note = order.get("note").composed()?;
    let attributes = properties(&order.get("note_attributes"))?;
    let mut customer_words = payload_lines
        .iter()
        .flat_map(|line| &line.properties)
        .chain(&attributes);
    let content = Content {
        placed_at,
        order_number: order.get("order_number").number()?,
        currency,
        total: money(order, "total_price", currency)?,
        test: order.get("test").flag(false)?,
        destination: ship_to.destination(country_known),
        lines,
        tags: tags(&order.get("tags").text()?),
        payment: payment(&status),
        gateways: gateways(order)?,
        net_terms: net_terms(order)?,
        status: fulfillment_status(&order.get("fulfillment_status").text()?),
        refunds: refunds.iter().map(|refund| refund.id.clone()).collect(),
        note: match settings.note {
            _ if note.is_empty() => Note::Absent,
            NoteRule::Ignore => Note::Ignored,
            NoteRule::Forward => Note::Forwarded,
            NoteRule::Hold => Note::Held,
        },
        gift: customer_words.any(says_gift),
        shipping: shipping.clone(),
    };
    let forwarded = content.note == Note::Forwarded;
    let is_listed = |attribute: &Property| {
        let mut listed = settings.note_attributes.iter();
        listed.any(|name| name.eq_ignore_ascii_case(&attribute.name))
    };
    let names: Vec<&str> = shipping.iter().map(ShippingMethod::name).collect();
    let payload = Payload {
        ship_to: Personal::new(ship_to),
        email: Personal::new(order.get("email").marked()?),
        order_name: order.get("name").text()?,
        placed_at,
        shipping_method: names.join(" + "),
        lines: payload_lines,
        note: Personal::new(if forwarded { note } else { String::new() }),
        attributes: attributes.into_iter().filter(is_listed).collect(),
    };
    Ok(ChannelEvent::Order(Box::new(OrderSnapshot {
        id: order.get("id").id(ChannelOrderId::parse)?,
        updated_at: order.get("updated_at").time()?,
        emitted_at,
        paid: is_paid(&content.payment),
        cancelled_at: order
            .get("cancelled_at")
            .present()
            .map(|field| field.time())
            .transpose()?,
        refunds,
        content,
        payload,
    })))
}

fn payment(status: &str) -> Payment {
    match status.to_ascii_lowercase().as_str() {
        "pending" => Payment::Pending,
        "authorized" => Payment::Authorized,
        "partially_paid" => Payment::PartiallyPaid,
        "paid" => Payment::Paid,
        "partially_refunded" => Payment::PartiallyRefunded,
        "refunded" => Payment::Refunded,
        "voided" => Payment::Voided,
        "expired" => Payment::Expired,
        _ => Payment::Unknown(status.to_owned()),
    }
}

/// A status that we do not know is not a reason to ship.
fn is_paid(payment: &Payment) -> bool {
    match payment {
        // What was refunded was paid once, and paid never goes back.
        Payment::Paid | Payment::PartiallyRefunded | Payment::Refunded => true,
        Payment::Pending
        | Payment::Authorized
        | Payment::PartiallyPaid
        | Payment::Voided
        | Payment::Expired
        | Payment::Unknown(_) => false,
    }
}

/// Whatever its spelling: webhooks write `on_hold`, GraphQL and apps that pass orders on `ON_HOLD`.
fn fulfillment_status(status: &str) -> FulfillmentStatus {
    let word: String = status
        .chars()
        .filter(|character| !matches!(character, '_' | '-' | ' '))
        .collect();
    match word.to_lowercase().as_str() {
        "" | "unfulfilled" | "open" => FulfillmentStatus::Open,
        "partial" | "partiallyfulfilled" => FulfillmentStatus::Partial,
        "fulfilled" => FulfillmentStatus::Fulfilled,
        "onhold" => FulfillmentStatus::OnHold,
        "scheduled" => FulfillmentStatus::Scheduled,
        _ => FulfillmentStatus::Unknown(status.to_owned()),
    }
}

fn gateways(order: &Field<'_>) -> Result<BTreeSet<String>, ParseError> {
    let mut names = order.get("payment_gateway_names").texts()?;
    names.push(order.get("gateway").text()?);
    names.retain(|name| !name.is_empty());
    Ok(names.into_iter().collect())
}

/// Terms of payment on receipt give the customer no time.
fn net_terms(order: &Field<'_>) -> Result<bool, ParseError> {
    match order.get("payment_terms").present() {
        None => Ok(false),
        Some(terms) => {
            let kind = terms.get("payment_terms_type").text()?;
            Ok(!kind.eq_ignore_ascii_case("receipt"))
        }
    }
}

/// The customer's own words for a gift: `Gift`, `gift_message`, `Gift wrap`.
fn says_gift(property: &Property) -> bool {
    let value = property.value.reveal().to_lowercase();
    property.name.to_lowercase().starts_with("gift")
        && !["no", "false", "0", "none"].contains(&value.as_str())
}

/// What a customer reads and writes: a name that begins with `_` is for programs. A list of names
/// and values, or an object of them.
fn properties(list: &Field<'_>) -> Result<Vec<Property>, ParseError> {
    let mut properties = Vec::new();
    for (name, value) in list.pairs()? {
        let value = value.any_text();
        if !name.starts_with('_') && !domain::text::without_marks(&value).is_empty() {
            properties.push(Property {
                name,
                value: Personal::new(value),
            });
        }
    }
    Ok(properties)
}

/// The shop's own currency where Shopify gives the amount in several.
fn money(object: &Field<'_>, name: &str, currency: Currency) -> Result<Money, ParseError> {
    match object
        .get(&format!("{name}_set"))
        .get("shop_money")
        .present()
    {
        Some(shop) => shop
            .get("amount")
            .money(shop.get("currency_code").currency()?),
        None => object.get(name).money(currency),
    }
}

fn tags(text: &str) -> BTreeSet<String> {
    text.split(',')
        .map(|tag| tag.trim().to_lowercase())
        .filter(|tag| !tag.is_empty())
        .collect()
}

/// Each method once.
fn shipping(order: &Field<'_>) -> Result<Vec<ShippingMethod>, ParseError> {
    let mut methods = Vec::new();
    for line in order.get("shipping_lines").list()? {
        // An edited order still lists the shipping that it had before.
        if line.get("is_removed").flag(false)? {
            continue;
        }
        let code = line.get("code").text()?;
        let method = ShippingMethod {
            title: line.get("title").text()?,
            local: local(&line, &code)?,
            code,
        };
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    Ok(methods)
}

/// `delivery_category` says it where the shop's own local pickup or delivery made the line; others
/// say it by `source`, or by the code of a rate that is called so. A pickup point of a carrier is
/// shipped to.
fn local(line: &Field<'_>, code: &str) -> Result<Option<LocalDelivery>, ParseError> {
    let category = line.get("delivery_category").text()?;
    let source = line.get("source").text()?;
    // A rate that is called "Local" alone may be any carrier's.
    let code = if code.eq_ignore_ascii_case("local") {
        ""
    } else {
        code
    };
    Ok([category.as_str(), &source, code]
        .into_iter()
        .find_map(|word| {
            let word = word.to_lowercase().replace(['-', ' '], "_");
            match word.strip_prefix("shopify_").unwrap_or(&word) {
                "pickup" | "pick_up" | "local_pickup" | "store_pickup" | "in_store_pickup"
                | "pickup_in_store" | "retail" => Some(LocalDelivery::Pickup),
                "local" | "local_delivery" => Some(LocalDelivery::Delivery),
                _ => None,
            }
        }))
}

/// What an amount of each entry of a list adds up to; none for an empty list.
fn sum(
    line: &Field<'_>,
    list: &str,
    amount: &str,
    currency: Currency,
) -> Result<Option<Money>, ParseError> {
    let mut sum: Option<Money> = None;
    for entry in line.get(list).list()? {
        let amount = money(&entry, amount, currency)?;
        sum = match sum {
            None => Some(amount),
            Some(before) => Some(
                before
                    .checked_add(amount)
                    .ok_or_else(|| entry.error("amounts of several currencies, or too large"))?,
            ),
        };
    }
    Ok(sum)
}

/// The address to ship to, with the customer's phone where it has none of its own.
fn address(order: &Field<'_>, settings: &Settings) -> Result<Address, ParseError> {
    let address = order.get("shipping_address");
    if address.is_null() {
        return Ok(Address::default());
    }
    let text = |name: &str| address.get(name).composed();
    let mut name = text("name")?;
    if name.is_empty() {
        let full = format!("{} {}", text("first_name")?, text("last_name")?);
        full.trim().clone_into(&mut name);
    }
    let mut phone = text("phone")?;
    if phone.is_empty() && settings.phone_fallback {
        phone = order.get("phone").composed()?;
    }
    if phone.is_empty() && settings.phone_fallback {
        phone = order.get("customer").get("phone").composed()?;
    }
    Ok(Address {
        name,
        company: text("company")?,
        address1: text("address1")?,
        address2: text("address2")?,
        city: text("city")?,
        province: text("province")?,
        province_code: text("province_code")?,
        zip: text("zip")?,
        country_code: text("country_code")?.to_ascii_uppercase(),
        country: text("country")?,
        phone,
    })
}

fn lines(
    order: &Field<'_>,
    currency: Currency,
    shipping: &[ShippingMethod],
    settings: &Settings,
) -> Result<(Vec<Line>, Vec<PayloadLine>), ParseError> {
    let fulfilled = fulfilled(order)?;
    let order_status = fulfillment_status(&order.get("fulfillment_status").text()?);
    let taxes_included = order.get("taxes_included").flag(false)?;
    let local = match settings.local {
        Local::NotOurs => local_only(shipping),
        Local::Hold => None,
    };
    let mut ids = BTreeSet::new();
    let mut lines = Vec::new();
    let mut payload_lines = Vec::new();
    for line in order.get("line_items").list()? {
        let id = line.get("id").id(LineId::parse)?;
        if !ids.insert(id.clone()) {
            return Err(line.get("id").error("the id of another line, too"));
        }
        let sku = Sku::from_channel(&line.get("sku").marked()?);
        let quantity = line.get("quantity").quantity()?;
        let properties = properties(&line.get("properties"))?;
        let has_properties = !properties.is_empty();
        payload_lines.push(PayloadLine {
            id: id.clone(),
            sku: sku.as_ref().map(ToString::to_string).unwrap_or_default(),
            title: title(&line)?,
            quantity,
            properties,
        });
        let status = fulfillment_status(&line.get("fulfillment_status").text()?);
        let all_fulfilled = match &status {
            FulfillmentStatus::Fulfilled => true,
            FulfillmentStatus::Open => {
                fulfilled.is_empty() && order_status == FulfillmentStatus::Fulfilled
            }
            FulfillmentStatus::Partial
            | FulfillmentStatus::OnHold
            | FulfillmentStatus::Scheduled
            | FulfillmentStatus::Unknown(_) => false,
        };
        let without_list = if all_fulfilled { quantity } else { 0 };
        lines.push(Line {
            sku,
            quantity,
            current_quantity: match line.get("current_quantity").present() {
                Some(current) => current.quantity()?,
                None => quantity,
            },
            fulfillable: line
                .get("fulfillable_quantity")
                .present()
                .map(|units| units.quantity())
                .transpose()?,
            fulfilled: fulfilled.get(&id).copied().unwrap_or(without_list),
            status,
            has_properties,
            price: money(&line, "price", currency)?,
            discount: sum(&line, "discount_allocations", "amount", currency)?,
            included_tax: if taxes_included {
                sum(&line, "tax_lines", "price", currency)?
            } else {
                None
            },
            not_ours: not_ours(&line, local, settings)?,
            id,
        });
    }
    Ok((lines, payload_lines))
}

/// How the goods are handed over, where nothing is shipped.
fn local_only(shipping: &[ShippingMethod]) -> Option<LocalDelivery> {
    let all = shipping.iter().all(|method| method.local.is_some());
    shipping.first()?.local.filter(|_| all)
}

fn title(line: &Field<'_>) -> Result<String, ParseError> {
    let title = line.get("title").text()?;
    let variant = line.get("variant_title").text()?;
    Ok(if variant.is_empty() {
        title
    } else {
        format!("{title} - {variant}")
    })
}

fn not_ours(
    line: &Field<'_>,
    local: Option<LocalDelivery>,
    settings: &Settings,
) -> Result<Option<String>, ParseError> {
    let service = line.get("fulfillment_service").text()?;
    Ok(if !line.get("requires_shipping").flag(true)? {
        Some("does not need shipping".to_owned())
    } else if line.get("gift_card").flag(false)? {
        Some("gift card".to_owned())
    } else if !service.is_empty() && !settings.fulfillment_services.contains(&service) {
        Some(format!("fulfilled by {service}"))
    } else {
        local.map(|local| local.describe().to_owned())
    })
}

/// Units by line that somebody ships or has shipped already.
fn fulfilled(order: &Field<'_>) -> Result<BTreeMap<LineId, u32>, ParseError> {
    let mut units = BTreeMap::new();
    for fulfillment in order.get("fulfillments").list()? {
        if matches!(
            fulfillment.get("status").text()?.as_str(),
            "success" | "open" | "pending"
        ) {
            for line in fulfillment.get("line_items").list()? {
                add(
                    &mut units,
                    line.get("id").id(LineId::parse)?,
                    &line.get("quantity"),
                )?;
            }
        }
    }
    Ok(units)
}

fn add(
    units: &mut BTreeMap<LineId, u32>,
    line: LineId,
    quantity: &Field<'_>,
) -> Result<(), ParseError> {
    let sum = units.entry(line).or_default();
    *sum = sum
        .checked_add(quantity.quantity()?)
        .ok_or_else(|| quantity.error("the sum of the quantities is too large"))?;
    Ok(())
}

pub(super) fn refund_event(payload: &Field<'_>) -> Result<ChannelEvent, ParseError> {
    Ok(ChannelEvent::Refund {
        order: payload.get("order_id").id(ChannelOrderId::parse)?,
        refund: refund(payload, None)?,
    })
}

fn refund(refund: &Field<'_>, order_currency: Option<Currency>) -> Result<Refund, ParseError> {
    let mut units: BTreeMap<LineId, RefundedUnits> = BTreeMap::new();
    let mut line_currency = None;
    for line in refund.get("refund_line_items").list()? {
        let quantity = line.get("quantity").quantity()?;
        if quantity > 0 {
            let mut refunded = RefundedUnits::default();
            match line
                .get("restock_type")
                .text()?
                .to_ascii_lowercase()
                .as_str()
            {
                "cancel" => refunded.cancelled = quantity,
                "return" => refunded.returned = quantity,
                // `no_restock`, `legacy_restock`, and whatever word there will be.
                _ => refunded.unstated = quantity,
            }
            let sum = units
                .entry(line.get("line_item_id").id(LineId::parse)?)
                .or_default();
            *sum = sum.plus(refunded);
        }
        if line_currency.is_none() {
            line_currency = currency_of_line(&line)?;
        }
    }
    Ok(Refund {
        id: refund.get("id").id(RefundId::parse)?,
        created_at: refund
            .get("created_at")
            .present()
            .map(|field| field.time())
            .transpose()?,
        units,
        amount: refunded_amount(refund, order_currency.or(line_currency))?,
    })
}

/// A refund's own message does not name the order's currency; its lines' totals do.
fn currency_of_line(line: &Field<'_>) -> Result<Option<Currency>, ParseError> {
    for name in ["subtotal_set", "total_set"] {
        if let Some(code) = line
            .get(name)
            .get("shop_money")
            .get("currency_code")
            .present()
        {
            return Ok(Some(code.currency()?));
        }
    }
    Ok(None)
}

/// `None` without a successful refund transaction, or where its currency cannot be known: no
/// amount rather than a wrong one.
fn refunded_amount(
    refund: &Field<'_>,
    fallback: Option<Currency>,
) -> Result<Option<Money>, ParseError> {
    let mut sum: Option<Money> = None;
    for transaction in refund.get("transactions").list()? {
        if transaction.get("kind").text()? != "refund"
            || transaction.get("status").text()? != "success"
        {
            continue;
        }
        let currency = match transaction.get("currency").present() {
            Some(field) => Some(field.currency()?),
            None => fallback,
        };
        let Some(currency) = currency else {
            return Ok(None);
        };
        let field = transaction.get("amount");
        let amount = field.money(currency)?;
        sum = match sum {
            None => Some(amount),
            Some(before) if before.currency != currency => return Ok(None),
            Some(before) => Some(
                before
                    .checked_add(amount)
                    .ok_or_else(|| field.error("the sum of the amounts is too large"))?,
            ),
        };
    }
    Ok(sum)
}
