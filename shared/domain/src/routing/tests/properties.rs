//! Any plan respects every rule, checked here from the rules' own words and not by the code that
//! plans; nothing better was passed over; and nothing depends on the order of the offers.

use super::*;
use crate::calendar::{Calendar, Hours, next_opening};
use crate::order::purchase_order::PurchaseOrderLine;
use crate::region::any_contains;
use crate::settings::terms::{Services, ShippingCost};
use crate::settings::{Allowed, Comparison, CostRules, Limits, Split, Unmapped};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::sample::select;

const SKUS: [&str; 4] = ["A", "B", "C", "D"];
const SUPPLIERS: [&str; 4] = ["east", "north", "south", "west"];

fn amount(most: i64) -> impl Strategy<Value = Money> {
    (0..most, prop::bool::weighted(0.2)).prop_map(|(minor, euro)| Money {
        minor,
        currency: Currency::parse(if euro { "EUR" } else { "USD" }).unwrap(),
    })
}

fn some_regions() -> impl Strategy<Value = Vec<Region>> {
    let lists: Vec<&[&str]> = vec![&[], &[], &[], &["US"], &["US-KY"], &["CA", "US"], &["CA"]];
    select(lists).prop_map(regions)
}

fn terms() -> impl Strategy<Value = Terms> {
    let row = (some_regions(), prop::option::of(1_u32..8), amount(900));
    let row = row.prop_map(|(countries, up_to, amount)| ShippingCost {
        countries,
        up_to,
        amount,
    });
    let services = select(vec![
        None,
        None,
        None,
        None,
        None,
        Some("standard"),
        Some("express"),
    ]);
    let office = any::<bool>().prop_map(|office| {
        office.then(|| Calendar {
            hours: vec![Hours { from: 600, to: 900 }],
            ..Calendar::weekdays(TimeZone::get("America/New_York").unwrap())
        })
    });
    (
        some_regions(),
        select(vec![vec![], vec![], vec![], vec![], vec![], vec!["US-KY"]]),
        some_regions(),
        prop::option::of(amount(300)),
        prop::collection::vec(row, 0..3),
        prop::option::weighted(0.2, amount(1500)),
        prop::option::weighted(0.2, amount(12_000)),
        prop::bool::weighted(0.1),
        services,
        office,
    )
        .prop_map(
            |(
                countries,
                exclude,
                prefer,
                fee,
                shipping_cost,
                minimum_order,
                spend_limit_per_day,
                paused,
                services,
                calendar,
            )| Terms {
                countries,
                exclude: regions(&exclude),
                prefer,
                fee,
                shipping_cost,
                minimum_order,
                spend_limit_per_day,
                paused,
                services: services.map(|method| Services {
                    by_method: [(method.to_owned(), "CODE".to_owned())].into(),
                    default: None,
                }),
                calendar,
            },
        )
}

fn allowed() -> impl Strategy<Value = Allowed> {
    let ids = prop::collection::btree_set(select(SUPPLIERS.to_vec()), 1..4);
    (ids, any::<bool>()).prop_map(|(ids, only)| {
        let ids = ids.into_iter().map(supplier_id).collect();
        if only {
            Allowed::Only(ids)
        } else {
            Allowed::Except(ids)
        }
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    use Comparison::{Cost, Packages, Priority, Region};
    let orders: Vec<&[Comparison]> = vec![
        &[Region, Cost, Priority],
        &[Cost],
        &[Packages, Cost],
        &[Priority],
        &[Priority, Cost, Region],
        &[],
    ];
    let limits = (
        prop::option::weighted(0.1, amount(20_000)),
        prop::option::weighted(0.1, 1_u32..40),
        prop::option::weighted(0.1, 1_u32..12),
        prop::option::weighted(0.1, amount(15_000)),
    );
    let cost = (
        prop::option::weighted(0.2, (0_i64..60).prop_map(percent)),
        prop::option::weighted(0.1, (0_i64..60).prop_map(percent)),
        prop::option::weighted(0.1, amount(1500)),
        prop::option::weighted(0.1, amount(20_000)),
    );
    (
        select(orders),
        select(vec![Split::Allow, Split::PreferSingle, Split::Never]),
        any::<bool>(),
        prop::option::weighted(0.3, 1_u32..4),
        any::<bool>(),
        limits,
        cost,
        prop::bool::weighted(0.9),
        prop::option::weighted(0.2, allowed()),
        prop::option::weighted(0.3, allowed()),
    )
        .prop_map(
            |(
                order,
                split,
                split_lines,
                max_packages,
                hold,
                limits,
                cost,
                rated,
                category,
                channel,
            )| {
                let mut rules = Rules {
                    order: order.to_vec(),
                    split,
                    split_lines,
                    max_packages,
                    unmapped: if hold {
                        Unmapped::Hold
                    } else {
                        Unmapped::NextSupplier
                    },
                    limits: Limits {
                        order_value: limits.0,
                        quantity: limits.1,
                        quantity_per_line: limits.2,
                        value_per_package: limits.3,
                    },
                    cost: CostRules {
                        margin_floor: cost.0,
                        line_margin_floor: cost.1,
                        max_unit: cost.2,
                        max_order: cost.3,
                    },
                    ..Rules::default()
                };
                if rated {
                    rules.rates.base = Some(Currency::parse("USD").unwrap());
                    let eur = Currency::parse("EUR").unwrap();
                    rules.rates.of.insert(eur, "1.0837".parse().unwrap());
                }
                rules
                    .categories
                    .extend(category.map(|allowed| ("kitchen".to_owned(), allowed)));
                let acme = ChannelId::parse("acme").unwrap();
                rules
                    .channels
                    .extend(channel.map(|allowed| (acme, allowed)));
                rules
            },
        )
}

prop_compose! {
    fn worlds()(
        lines in prop::collection::vec((select(SKUS.to_vec()), 1_u32..9, 500_i64..4000), 1..5),
        terms in prop::collection::vec((1_u32..4, terms()), 4),
        offers in prop::collection::vec(
            (
                prop::bool::weighted(0.8),
                prop::option::weighted(0.95, amount(1500)),
                prop::option::weighted(0.7, -1_i64..10),
                prop::bool::weighted(0.1),
                any::<bool>(),
                prop::bool::weighted(0.1),
            ),
            16,
        ),
        rules in rules(),
        discount in 0_i64..300,
        hour in 0_i64..200,
    ) -> World {
        let prices: Vec<String> = lines
            .iter()
            .map(|(_, _, price)| format!("{}.{:02} USD", price / 100, price % 100))
            .collect();
        let lines: Vec<(&str, u32, &str)> = lines
            .iter()
            .zip(&prices)
            .map(|((sku, units, _), price)| (*sku, *units, price.as_str()))
            .collect();
        let mut world = World::new(&lines).rules(|known| *known = rules);
        world.now += jiff::SignedDuration::from_hours(hour);
        world = world.content(|content| {
            let first = &mut content.lines[0];
            first.discount = Some(Money { minor: discount, ..first.price });
        });
        for (id, (priority, terms)) in SUPPLIERS.iter().zip(terms) {
            world = world.supplier(id, priority, terms);
        }
        let pairs = SKUS.iter().flat_map(|sku| SUPPLIERS.iter().map(move |id| (sku, id)));
        for ((sku, id), (there, cost, stock, old, kitchen, shared)) in pairs.zip(offers) {
            if !there {
                continue;
            }
            world = world.offer(sku, id, "").with(|offer| {
                offer.offer.cost = cost;
                offer.offer.category = kitchen.then(|| "Kitchen".to_owned());
                if shared {
                    offer.offer.supplier_sku = SupplierSku::parse("SHARED").unwrap();
                }
            });
            let available = if shared { Some(5) } else { stock };
            if let Some(available) = available {
                world = world.stock(available);
            }
            if old && !shared {
                world = world.with(|offer| {
                    if let Some(stock) = &mut offer.stock {
                        stock.as_of -= jiff::SignedDuration::from_hours(73);
                    }
                });
            }
        }
        world
    }
}

/// Units of a line from a supplier.
type Placed = (usize, SupplierId, u32);

/// Every rule that these placements break, by the rules' own words.
fn breaks(world: &World, placed: &[Placed]) -> Vec<String> {
    let rules = &world.settings.rules;
    let content = &world.order.news.latest.as_ref().unwrap().content;
    let base = rules.rates.base.unwrap_or(content.currency);
    let minor = |money: Money| {
        rules
            .rates
            .convert(money, base)
            .map(|money| i128::from(money.minor))
    };
    let mut broken = Vec::new();
    let mut check = |right: bool, what: &str| {
        if !right {
            broken.push(what.to_owned());
        }
    };
    let offer_of = |line: usize, supplier: &SupplierId| {
        let sku = content.lines[line].sku.as_ref().unwrap();
        world
            .offers
            .iter()
            .find(|offer| &offer.offer.sku == sku && &offer.offer.supplier == supplier)
            .unwrap()
    };
    let value_of = |line: usize, units: u32| {
        let line = &content.lines[line];
        let total = line.price.minor * i64::from(line.quantity)
            - line.discount.map_or(0, |discount| discount.minor);
        minor(Money {
            minor: total,
            ..line.price
        })
        .map(|total| (total * i128::from(units)).div_euclid(i128::from(line.quantity)))
    };
    let mut drawn: BTreeMap<(SupplierId, SupplierSku), i64> = BTreeMap::new();
    let mut packages: BTreeMap<SupplierId, (u32, Option<i128>, Option<i128>)> = BTreeMap::new();
    let mut spends: BTreeMap<SupplierId, Option<i64>> = BTreeMap::new();
    for (line, supplier, units) in placed {
        let offer = offer_of(*line, supplier);
        let terms = &world.settings.suppliers[supplier].terms;
        check(!terms.paused, "paused");
        check(
            terms.countries.is_empty() || any_contains(&terms.countries, &content.destination),
            "countries",
        );
        check(
            !any_contains(&terms.exclude, &content.destination),
            "exclude",
        );
        let acme = &world.order.id.channel;
        check(
            rules
                .channels
                .get(acme)
                .is_none_or(|allowed| allowed.allows(supplier)),
            "channel",
        );
        let category = offer
            .offer
            .category
            .as_ref()
            .map(|name| name.to_lowercase());
        check(
            category
                .and_then(|category| rules.categories.get(&category))
                .is_none_or(|allowed| allowed.allows(supplier)),
            "category",
        );
        check(
            terms
                .services
                .as_ref()
                .is_none_or(|services| services.by_method.contains_key("standard")),
            "shipping method",
        );
        if let Some(stock) = &offer.stock {
            check(
                world.now.duration_since(stock.as_of) <= rules.stock_max_age,
                "freshness",
            );
            let key = (supplier.clone(), offer.offer.supplier_sku.clone());
            let sum = drawn.entry(key).or_default();
            *sum += i64::from(*units);
            check(*sum <= stock.available, "stock");
        }
        let cost = offer.offer.cost;
        let total = cost.and_then(|cost| {
            minor(Money {
                minor: cost.minor * i64::from(*units),
                ..cost
            })
        });
        if let Some(limit) = terms.spend_limit_per_day {
            let in_limit = |money: Money| {
                let money = rules.rates.convert(money, limit.currency)?;
                Some(money.minor)
            };
            let items = cost.and_then(|cost| {
                in_limit(Money {
                    minor: cost.minor * i64::from(*units),
                    ..cost
                })
            });
            let sum = spends
                .entry(supplier.clone())
                .or_insert_with(|| terms.fee.map_or(Some(0), in_limit));
            *sum = sum.zip(items).map(|(sum, items)| sum + items);
        }
        if let Some(most) = rules.cost.max_unit {
            let converted = cost.and_then(|cost| rules.rates.convert(cost, most.currency));
            check(
                converted.is_some_and(|cost| cost.minor <= most.minor),
                "max unit cost",
            );
        }
        if let Some(floor) = rules.cost.line_margin_floor {
            // Judged for all the units that the line wants.
            let wanted = content.lines[*line].quantity;
            let value = value_of(*line, wanted).unwrap();
            let cost = cost.and_then(|cost| {
                minor(Money {
                    minor: cost.minor * i64::from(wanted),
                    ..cost
                })
            });
            let enough = cost.is_some_and(|cost| {
                (value - cost) * 10_000 >= i128::from(floor.0) * value && (value > 0 || cost <= 0)
            });
            check(enough, "line margin");
        }
        let known = packages
            .entry(supplier.clone())
            .or_insert((0, Some(0), Some(0)));
        known.0 += units;
        known.1 = known.1.zip(total).map(|(one, other)| one + other);
        known.2 = known
            .2
            .zip(value_of(*line, *units))
            .map(|(one, other)| one + other);
    }
    if let Some(most) = rules.max_packages {
        check(packages.len() <= usize::try_from(most).unwrap(), "packages");
    }
    if rules.split == Split::Never {
        check(packages.len() <= 1, "split");
    }
    let mut landed = Some(0);
    let mut value = Some(0);
    for (supplier, (units, items, worth)) in &packages {
        let terms = &world.settings.suppliers[supplier].terms;
        let shipping = if terms.shipping_cost.is_empty() {
            Some(0)
        } else {
            terms
                .shipping_cost
                .iter()
                .find(|row| {
                    (row.countries.is_empty() || any_contains(&row.countries, &content.destination))
                        && row.up_to.is_none_or(|most| *units <= most)
                })
                .and_then(|row| minor(row.amount))
        };
        let fee = terms.fee.map_or(Some(0), minor);
        landed = landed.zip(*items).zip(fee).zip(shipping).map(
            |(((sum, items), fee), shipping): (((i128, i128), i128), i128)| {
                sum + items + fee + shipping
            },
        );
        value = value
            .zip(*worth)
            .map(|(sum, worth): (i128, i128)| sum + worth);
        if let Some(limit) = terms.spend_limit_per_day {
            let within = spends[supplier].is_some_and(|spends| spends <= limit.minor);
            check(within, "spend limit");
        }
        if let Some(least) = terms.minimum_order {
            let enough = items
                .zip(minor(least))
                .is_some_and(|(items, least)| items >= least);
            check(enough, "minimum order");
        }
        if let Some(most) = rules.limits.value_per_package {
            let within = worth
                .zip(minor(most))
                .is_some_and(|(worth, most)| worth <= most);
            check(within, "value per package");
        }
    }
    if placed.is_empty() {
        return broken;
    }
    if let Some(most) = rules.cost.max_order {
        let within = landed
            .zip(minor(most))
            .is_some_and(|(landed, most)| landed <= most);
        check(within, "max order cost");
    }
    if let Some(floor) = rules.cost.margin_floor {
        let enough = landed.zip(value).is_some_and(|(landed, value)| {
            (value - landed) * 10_000 >= i128::from(floor.0) * value && (value > 0 || landed <= 0)
        });
        check(enough, "margin");
    }
    let units: u32 = content.lines.iter().map(|line| line.quantity).sum();
    check(
        rules.limits.quantity.is_none_or(|most| units <= most),
        "quantity",
    );
    for line in &content.lines {
        let within = rules
            .limits
            .quantity_per_line
            .is_none_or(|most| line.quantity <= most);
        check(within, "quantity per line");
    }
    if let Some(most) = rules.limits.order_value {
        let total = rules.rates.convert(content.total, most.currency);
        check(
            total.is_some_and(|total| total.minor <= most.minor),
            "order value",
        );
    }
    broken
}

/// Landed cost; none where an amount is not known.
fn landed(world: &World, placed: &[Placed]) -> Option<i128> {
    let rules = &world.settings.rules;
    let content = &world.order.news.latest.as_ref().unwrap().content;
    let base = rules.rates.base.unwrap_or(content.currency);
    let minor = |money: Money| {
        rules
            .rates
            .convert(money, base)
            .map(|money| i128::from(money.minor))
    };
    let mut units: BTreeMap<&SupplierId, u32> = BTreeMap::new();
    let mut sum = 0;
    for (line, supplier, count) in placed {
        let sku = content.lines[*line].sku.as_ref();
        let offer = world
            .offers
            .iter()
            .find(|offer| Some(&offer.offer.sku) == sku && &offer.offer.supplier == supplier)?;
        let cost = offer.offer.cost?;
        sum += minor(Money {
            minor: cost.minor * i64::from(*count),
            ..cost
        })?;
        *units.entry(supplier).or_default() += count;
    }
    for (supplier, units) in units {
        let terms = &world.settings.suppliers[supplier].terms;
        sum += terms.fee.map_or(Some(0), minor)?;
        if !terms.shipping_cost.is_empty() {
            let row = terms.shipping_cost.iter().find(|row| {
                (row.countries.is_empty() || any_contains(&row.countries, &content.destination))
                    && row.up_to.is_none_or(|most| units <= most)
            });
            sum += minor(row?.amount)?;
        }
    }
    Some(sum)
}

fn place_of(world: &World, line: &PurchaseOrderLine) -> usize {
    let content = &world.order.news.latest.as_ref().unwrap().content;
    content
        .lines
        .iter()
        .position(|known| known.id == line.line)
        .unwrap()
}

fn placed(world: &World) -> Vec<Placed> {
    world
        .purchase_orders()
        .iter()
        .flat_map(|planned| {
            planned
                .lines
                .iter()
                .map(|line| {
                    (
                        place_of(world, line),
                        planned.supplier.clone(),
                        line.quantity,
                    )
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Every way to give these lines whole to suppliers with an offer.
fn all_ways(world: &World, lines: &[usize]) -> Vec<Vec<Placed>> {
    let content = &world.order.news.latest.as_ref().unwrap().content;
    let mut ways: Vec<Vec<Placed>> = vec![Vec::new()];
    for line in lines {
        let known = &content.lines[*line];
        let suppliers: Vec<_> = world
            .offers
            .iter()
            .filter(|offer| Some(&offer.offer.sku) == known.sku.as_ref())
            .map(|offer| offer.offer.supplier.clone())
            .collect();
        ways = ways
            .iter()
            .flat_map(|way| {
                suppliers.iter().map(move |supplier| {
                    let mut way = way.clone();
                    way.push((*line, supplier.clone(), known.quantity));
                    way
                })
            })
            .collect();
    }
    ways
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_plan_breaks_no_rule(world in worlds()) {
        let placed = placed(&world);
        prop_assert_eq!(breaks(&world, &placed), Vec::<String>::new(), "{}", world.told());
        if world.settings.rules.split == Split::Never && !placed.is_empty() {
            prop_assert!(world.holds().is_empty());
        }
        if !world.settings.rules.split_lines {
            let lines: BTreeSet<_> = placed.iter().map(|(line, ..)| line).collect();
            prop_assert_eq!(lines.len(), placed.len());
        }
        for planned in world.purchase_orders() {
            let terms = &world.settings.suppliers[&planned.supplier].terms;
            prop_assert_eq!(planned.service.is_some(), terms.services.is_some());
            let opening = terms.calendar.as_ref().map(|calendar| next_opening(calendar, world.now));
            prop_assert_eq!(planned.due, opening.filter(|opening| *opening > world.now));
        }
    }

    #[test]
    fn every_unit_is_in_one_place(world in worlds()) {
        let content = &world.order.news.latest.as_ref().unwrap().content;
        let placed = placed(&world);
        let holds = world.holds();
        for (place, line) in content.lines.iter().enumerate() {
            let ordered: u32 = placed
                .iter()
                .filter(|(line, ..)| *line == place)
                .map(|(_, _, units)| units)
                .sum();
            let held: u32 = holds.iter().filter_map(|hold| hold.lines.get(&line.id)).sum();
            prop_assert_eq!(ordered + held, line.quantity, "{}", world.told());
        }
        for hold in &holds {
            prop_assert!(!hold.reason.is_empty());
        }
    }

    #[test]
    fn the_order_of_offers_changes_nothing(world in worlds(), seed in prop::collection::vec(any::<usize>(), 16)) {
        let plan = world.plan();
        let mut other = world.clone();
        for (place, seed) in seed.iter().enumerate() {
            if place < other.offers.len() {
                let with = seed % other.offers.len();
                other.offers.swap(place, with);
            }
        }
        let again = other.plan();
        prop_assert_eq!(
            serde_json::to_string(&plan.trace).unwrap(),
            serde_json::to_string(&again.trace).unwrap()
        );
        prop_assert_eq!(format!("{:?}", plan.command), format!("{:?}", again.command));
    }

    /// Of the lines that were placed no other way is right and cheaper; and what a rule of
    /// groupings holds could not have gone in any way.
    #[test]
    fn nothing_better_was_passed_over(world in worlds()) {
        let world = world.rules(|rules| {
            rules.split_lines = false;
            rules.order = vec![Comparison::Cost];
        });
        let placed = placed(&world);
        let lines: Vec<usize> = placed.iter().map(|(line, ..)| *line).collect();
        let single = |way: &[Placed]| way.iter().all(|(_, supplier, _)| supplier == &way[0].1);
        let cost = |way: &[Placed]| {
            let landed = landed(&world, way);
            let apart = world.settings.rules.split != Split::Allow && !single(way);
            (apart, landed.is_none(), landed)
        };
        if !placed.is_empty() {
            for way in all_ways(&world, &lines) {
                if breaks(&world, &way).is_empty() {
                    prop_assert!(cost(&way) >= cost(&placed), "{way:?} instead of {}", world.told());
                }
            }
        }
        let of_groupings = [
            CaseKind::TooManyPackages,
            CaseKind::PackageTooValuable,
            CaseKind::BelowMinimumOrder,
            CaseKind::AboveSpendLimit,
            CaseKind::SplitNotAllowed,
        ];
        let held = world.holds();
        let content = &world.order.news.latest.as_ref().unwrap().content;
        if held.len() == 1 && of_groupings.contains(&held[0].kind) {
            let lines: Vec<usize> = (0..content.lines.len())
                .filter(|place| held[0].lines.contains_key(&content.lines[*place].id))
                .collect();
            for way in all_ways(&world, &lines) {
                prop_assert!(!breaks(&world, &way).is_empty(), "{way:?} could go: {}", world.told());
            }
        }
    }
}
