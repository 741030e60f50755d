//! Shopify's order and refund objects, REST shape of 2026, as our own types.

use super::field::Field;
use domain::address::Address;
use domain::ids::{ChannelOrderId, LineId, RefundId, Sku};
use domain::money::{Currency, Money};
use domain::order::news::{
    ChannelEvent, Content, Line, OrderSnapshot, Payload, PayloadLine, Refund, ShippingMethod,
};
use domain::personal::Personal;
use domain::region::is_country;
use ports::ParseError;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn order(order: &Field<'_>, services: &[String]) -> Result<ChannelEvent, ParseError> {
    let currency = order.get("currency").currency()?;
    let placed_at = order.get("created_at").time()?;
    let status = order.get("financial_status").text()?;
    let (lines, payload_lines) = lines(order, currency, services)?;
    let ship_to = address(&order.get("shipping_address"))?;
    let country_known = is_country(&ship_to.country_code);
    let shipping = shipping(order)?;
    let content = Content {
        placed_at,
        sequential: order.get("order_number").number()?,
        currency,
        total: money(order, "total_price", currency)?,
        test: order.get("test").flag(false)?,
        destination: ship_to.destination(country_known),
        lines,
        tags: tags(&order.get("tags").text()?),
        shipping: shipping.clone(),
    };
    let payload = Payload {
        ship_to: Personal::new(ship_to),
        email: Personal::new(order.get("email").text()?),
        order_name: order.get("name").text()?,
        placed_at,
        shipping_method: shipping.map(name).unwrap_or_default(),
        lines: payload_lines,
    };
    let refunds = order.get("refunds").list()?;
    Ok(ChannelEvent::Order(Box::new(OrderSnapshot {
        id: order.get("id").id(ChannelOrderId::parse)?,
        updated_at: order.get("updated_at").time()?,
        paid: is_paid(&status),
        cancelled_at: order
            .get("cancelled_at")
            .present()
            .map(|field| field.time())
            .transpose()?,
        fully_refunded: status == "refunded",
        refunds: refunds
            .iter()
            .map(|field| refund(field, Some(currency)))
            .collect::<Result<_, _>>()?,
        content,
        payload,
    })))
}

/// A status that we do not know is not a reason to ship.
fn is_paid(status: &str) -> bool {
    // What was refunded was paid once, and paid never goes back.
    matches!(status, "paid" | "partially_refunded" | "refunded")
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

fn shipping(order: &Field<'_>) -> Result<Option<ShippingMethod>, ParseError> {
    for line in order.get("shipping_lines").list()? {
        // An edited order still lists the shipping that it had before.
        if !line.get("is_removed").flag(false)? {
            return Ok(Some(ShippingMethod {
                title: line.get("title").text()?,
                code: line.get("code").text()?,
            }));
        }
    }
    Ok(None)
}

fn name(method: ShippingMethod) -> String {
    if method.title.is_empty() {
        method.code
    } else {
        method.title
    }
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

fn address(address: &Field<'_>) -> Result<Address, ParseError> {
    if address.is_null() {
        return Ok(Address::default());
    }
    let text = |name: &str| address.get(name).text();
    let mut name = text("name")?;
    if name.is_empty() {
        let full = format!("{} {}", text("first_name")?, text("last_name")?);
        full.trim().clone_into(&mut name);
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
        phone: text("phone")?,
    })
}

fn lines(
    order: &Field<'_>,
    currency: Currency,
    services: &[String],
) -> Result<(Vec<Line>, Vec<PayloadLine>), ParseError> {
    let fulfilled = fulfilled(order)?;
    let taxes_included = order.get("taxes_included").flag(false)?;
    let mut lines = Vec::new();
    let mut payload_lines = Vec::new();
    for line in order.get("line_items").list()? {
        let id = line.get("id").id(LineId::parse)?;
        let sku = line.get("sku").text()?;
        let quantity = line.get("quantity").quantity()?;
        payload_lines.push(PayloadLine {
            id: id.clone(),
            sku: sku.clone(),
            title: title(&line)?,
            quantity,
        });
        lines.push(Line {
            sku: (!sku.is_empty())
                .then(|| Sku::parse(sku))
                .transpose()
                .map_err(|error| line.get("sku").error(error.expected))?,
            quantity,
            current_quantity: match line.get("current_quantity").present() {
                Some(current) => current.quantity()?,
                None => quantity,
            },
            fulfilled: fulfilled.get(&id).copied().unwrap_or(0),
            price: money(&line, "price", currency)?,
            discount: sum(&line, "discount_allocations", "amount", currency)?,
            included_tax: if taxes_included {
                sum(&line, "tax_lines", "price", currency)?
            } else {
                None
            },
            not_ours: not_ours(&line, services)?,
            id,
        });
    }
    Ok((lines, payload_lines))
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

fn not_ours(line: &Field<'_>, services: &[String]) -> Result<Option<String>, ParseError> {
    let service = line.get("fulfillment_service").text()?;
    Ok(if !line.get("requires_shipping").flag(true)? {
        Some("does not need shipping".to_owned())
    } else if line.get("gift_card").flag(false)? {
        Some("gift card".to_owned())
    } else if !service.is_empty() && !services.contains(&service) {
        Some(format!("fulfilled by {service}"))
    } else {
        None
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
    let mut units = BTreeMap::new();
    let mut line_currency = None;
    for line in refund.get("refund_line_items").list()? {
        let quantity = line.get("quantity");
        if quantity.quantity()? > 0 {
            add(
                &mut units,
                line.get("line_item_id").id(LineId::parse)?,
                &quantity,
            )?;
        }
        if line_currency.is_none() {
            line_currency = currency_of_line(&line)?;
        }
    }
    Ok(Refund {
        id: refund.get("id").id(RefundId::parse)?,
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
