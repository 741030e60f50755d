//! Settings of a supplier that change while something of it is pending: every pair of ways, with a
//! fault at every effect before the change.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use domain::cases::CaseKind;
use domain::sending::machine::SendState;
use doubles::exchange::Twist;
use doubles::shop::ShopOrder;
use doubles::supplier::Behaviour;
use jiff::SignedDuration;
use ports::Clock as _;
use tests::faults::{FAULTS, Fault, Faults, Mutant};
use tests::sample::Sample;
use tests::stories::{offers_without, suppliers_file, suppliers_without};
use tests::world::World;

/// How northwind is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Http,
    HttpElsewhere,
    /// At another supplier, who knows nothing of it: settings to change to, never from.
    WrongLookUp,
    OtherLookUp,
    NoLookUp,
    /// With another account, which knows nothing of it: the same.
    OtherLookUpSecret,
    OtherSecret,
    /// The account of orders and look-ups.
    OtherHeader,
    OtherBody,
    File,
    OtherFolder,
    OtherColumns,
    Outbox,
    OtherReceiver,
    ReportedMail,
}

use Way::{
    File, Http, HttpElsewhere, NoLookUp, OtherBody, OtherColumns, OtherFolder, OtherHeader,
    OtherLookUp, OtherLookUpSecret, OtherReceiver, OtherSecret, Outbox, ReportedMail, WrongLookUp,
};

const WAYS: [Way; 15] = [
    Http,
    HttpElsewhere,
    WrongLookUp,
    OtherLookUp,
    NoLookUp,
    OtherLookUpSecret,
    OtherSecret,
    OtherHeader,
    OtherBody,
    File,
    OtherFolder,
    OtherColumns,
    Outbox,
    OtherReceiver,
    ReportedMail,
];

impl Way {
    fn is_http(self) -> bool {
        match self {
            Http | HttpElsewhere | WrongLookUp | OtherLookUp | OtherLookUpSecret | OtherHeader
            | NoLookUp | OtherSecret | OtherBody => true,
            File | OtherFolder | OtherColumns | Outbox | OtherReceiver | ReportedMail => false,
        }
    }

    /// Whether its look-up sees what it sends.
    fn is_sound(self) -> bool {
        !matches!(self, WrongLookUp | OtherLookUpSecret)
    }

    /// The suppliers' file with northwind reached so.
    fn suppliers(self) -> String {
        let head = "[[supplier]]\nid = \"northwind\"\nname = \"Northwind Goods\"\npriority = 10\n";
        let own = match self {
            File => "method = \"csv\"\n[supplier.csv]\n",
            OtherFolder => "method = \"csv\"\n[supplier.csv]\nfolder = \"portal\"\n",
            OtherColumns => "method = \"csv\"\n[supplier.csv]\ndelimiter = \";\"\n",
            Outbox => "method = \"mail\"\n[supplier.mail]\nto = \"po@northwind.example\"\n",
            OtherReceiver => {
                "method = \"mail\"\n[supplier.mail]\nto = \"orders@northwind.example\"\n"
            }
            ReportedMail => "method = \"mail\"\n[supplier.mail]\nto = \"orders@bayside.example\"\n",
            Http | HttpElsewhere | WrongLookUp | OtherLookUp | OtherLookUpSecret | OtherHeader
            | NoLookUp | OtherSecret | OtherBody => {
                return self.http();
            }
        };
        format!("{}\n{head}{own}", suppliers_without("northwind"))
    }

    fn http(self) -> String {
        let file = suppliers_file();
        let here = "https://api.northwind.example/orders";
        let there = "https://api.elsewhere.example/orders";
        let (before, look_up) = file.split_once("[supplier.http.lookup]").unwrap();
        let changed = |from: &str, to: &str| {
            assert!(file.contains(from), "{from}");
            file.replacen(from, to, 1)
        };
        match self {
            HttpElsewhere => file.replace(here, there),
            OtherLookUp => {
                let look_up = look_up.replacen("?reference", "?by=reference&reference", 1);
                format!("{before}[supplier.http.lookup]{look_up}")
            }
            WrongLookUp => {
                let look_up = look_up.replacen(here, there, 1);
                format!("{before}[supplier.http.lookup]{look_up}")
            }
            NoLookUp => {
                let (_, others) = look_up.split_once("[[supplier]]").unwrap();
                format!("{before}[[supplier]]{others}")
            }
            OtherSecret => changed("NORTHWIND_TOKEN", "NORTHWIND_KEY"),
            OtherHeader => changed(
                "[supplier.http.create]",
                "[supplier.http.headers]\nx-account = \"2\"\n[supplier.http.create]",
            ),
            OtherLookUpSecret => {
                let name = "secret_headers = { x-view = \"NORTHWIND_VIEW\" }\nfound =";
                let look_up = look_up.replacen("found =", name, 1);
                let secrets = before.replacen(
                    "\"NORTHWIND_TOKEN\"",
                    "\"NORTHWIND_TOKEN\", \"NORTHWIND_VIEW\"",
                    1,
                );
                format!("{secrets}[supplier.http.lookup]{look_up}")
            }
            OtherBody => changed("\"ship_to\"", "\"rush\": true, \"ship_to\""),
            Http | File | OtherFolder | OtherColumns | Outbox | OtherReceiver | ReportedMail => {
                file
            }
        }
    }

    /// What is wrong with what the supplier got this way; nothing where it got nothing.
    fn misread(self, world: &World, number: &str) -> Option<String> {
        let outbox = world.folder.path().join("outbox");
        let read = |path: &str| std::fs::read_to_string(outbox.join(path)).ok();
        let (text, wanted) = match self {
            Http | WrongLookUp | OtherLookUp | OtherLookUpSecret | OtherHeader | NoLookUp
            | OtherSecret => (body(&world.supplier.bodies(number)), "\"NW-100\""),
            OtherBody => (body(&world.supplier.bodies(number)), "\"rush\":true"),
            HttpElsewhere => (body(&world.elsewhere.bodies(number)), "\"NW-100\""),
            File => (read(&format!("northwind/{number}.csv")), ",NW-100,"),
            OtherFolder => (read(&format!("portal/{number}.csv")), ",NW-100,"),
            OtherColumns => (read(&format!("northwind/{number}.csv")), ";NW-100;"),
            Outbox => (
                read(&format!("mail/{number}.eml")),
                "To: <po@northwind.example>",
            ),
            OtherReceiver => (
                read(&format!("mail/{number}.eml")),
                "To: <orders@northwind.example>",
            ),
            ReportedMail => return None,
        };
        let text = text?;
        (!text.contains(wanted)).then(|| format!("{wanted} is not in {text}"))
    }

    fn has(self, world: &World, number: &str) -> bool {
        let outbox = world.folder.path().join("outbox");
        let is_there = |path: &str| outbox.join(path).exists();
        match self {
            Http | WrongLookUp | OtherLookUp | OtherLookUpSecret | OtherHeader | NoLookUp
            | OtherSecret | OtherBody => world.supplier.taken().contains_key(number),
            HttpElsewhere => world.elsewhere.taken().contains_key(number),
            File | OtherColumns => is_there(&format!("northwind/{number}.csv")),
            OtherFolder => is_there(&format!("portal/{number}.csv")),
            Outbox | OtherReceiver => is_there(&format!("mail/{number}.eml")),
            ReportedMail => world.mail.delivered().contains_key(number),
        }
    }
}

fn body(bodies: &[serde_json::Value]) -> Option<String> {
    bodies.first().map(ToString::to_string)
}

/// An order at northwind by one way, and then the settings have another.
async fn changed(from: Way, to: Way, faults: Faults, behaviours: &[Behaviour]) -> (World, bool) {
    let mut world = World::new(faults).await;
    world
        .configure(
            "offers.csv",
            "sku,supplier,supplier_sku,cost,currency,stock\nMUG,northwind,NW-100,4.00,USD,20\n",
        )
        .await;
    world.configure("suppliers.toml", &from.suppliers()).await;
    world.supplier.script(behaviours.iter().copied());
    world.elsewhere.script(behaviours.iter().copied());
    let order = ShopOrder::new(1001, &[("MUG", 2)]);
    world.topic("orders/create", &order.0).await;
    world.pump().await;
    let pending = match number_and_state(&world).await {
        Some((_, state)) => !matches!(state, SendState::Sent { .. }),
        None => true,
    };
    world.supplier.forget_script();
    world.elsewhere.forget_script();
    world.configure("suppliers.toml", &to.suppliers()).await;
    (world, pending)
}

async fn number_and_state(world: &World) -> Option<(String, SendState)> {
    let orders = world.orders().await;
    let own = orders.first()?.0.purchase_orders.first()?;
    Some((own.number.to_string(), own.sending.state.clone()))
}

/// Whatever was on its way: it is there once, or a person sees it.
#[tokio::test]
async fn every_pair_of_ways_with_a_fault_at_every_effect() {
    let (sample, mut replays) = (Sample::of_this_run(), 0);
    for from in WAYS.into_iter().filter(|way| way.is_sound()) {
        let (world, _) = changed(from, from, Faults::default(), &[]).await;
        let effects = world.faults.effects();
        for fault in FAULTS {
            for to in WAYS {
                let stratum = format!("{from:?} to {to:?}, {fault:?}");
                for effect in sample.choose("settings", &stratum, (0..effects).collect()) {
                    let faults = Faults::at(effect, fault);
                    let (mut world, pending) = changed(from, to, faults, &[]).await;
                    // The fault changed nothing that is still pending.
                    if !pending {
                        continue;
                    }
                    world.settle().await;
                    let broken = broken(&world, to).await;
                    let story = world.story().await;
                    assert!(
                        broken.is_empty(),
                        "{from:?} to {to:?}, effect {effect}, {fault:?}: {}\n{story}",
                        broken.join("; ")
                    );
                    replays += 1;
                }
            }
        }
    }
    assert!(replays > 150, "only {replays} changes under a fault");
}

async fn broken(world: &World, to: Way) -> Vec<String> {
    let mut broken = world.broken().await;
    for (order, _) in world.orders().await {
        for own in &order.purchase_orders {
            // What the former way carried was rendered for it.
            let attempts_by_now = own.sending.last.via.as_ref();
            let by_now = attempts_by_now.is_some_and(|via| (via.method == "http") == to.is_http());
            if by_now && own.sending.attempts > 1 {
                broken.extend(to.misread(world, own.number.as_str()));
            }
        }
    }
    broken
}

/// What was surely not sent goes the new way at once, rendered for it; nothing waits for the time that
/// the former one asked for.
async fn deferred(from: Way, to: Way, mutant: Mutant) -> Vec<String> {
    let faults = Faults::with(mutant);
    let (mut world, _) = changed(from, to, faults, &[Behaviour::TooMany]).await;
    let mut wrong = Vec::new();
    let Some((number, state)) = number_and_state(&world).await else {
        return vec!["nothing was planned".to_owned()];
    };
    if !matches!(state, SendState::Planned { .. }) {
        wrong.push(format!("it is {}", state.name()));
    }
    world.pass(SignedDuration::from_secs(5)).await;
    let changes_where_it_goes = from != to && to.is_sound();
    if changes_where_it_goes && !to.has(&world, &number) {
        wrong.push("it did not go at once".to_owned());
    }
    world.settle().await;
    if !to.has(&world, &number) {
        wrong.push("it did not go".to_owned());
    }
    wrong.extend(to.misread(&world, &number));
    wrong.extend(world.broken().await);
    wrong
}

#[tokio::test]
async fn what_was_deferred_goes_the_new_way() {
    let http = |way: &Way| way.is_http() && way.is_sound();
    for from in WAYS.into_iter().filter(http) {
        for to in WAYS {
            let wrong = deferred(from, to, Mutant::None).await;
            assert!(wrong.is_empty(), "{from:?} to {to:?}: {}", wrong.join("; "));
        }
    }
}

/// In doubt, and taken: only the way of the attempt, or one that finds it, says so. Otherwise it stays a
/// case.
async fn in_doubt(from: Way, to: Way, mutant: Mutant) -> Vec<String> {
    let faults = Faults::with(mutant);
    let (mut world, _) = changed(from, to, faults, &[Behaviour::TakeSilently]).await;
    world.settle().await;
    let mut wrong = world.broken().await;
    let received: usize = world.received().values().sum();
    if received != 1 {
        wrong.push(format!("the suppliers have it {received} times"));
    }
    let (order, _) = world.orders().await.remove(0);
    let own = &order.purchase_orders[0];
    let finds = |way: Way| matches!(way, Http | OtherLookUp | OtherSecret | OtherBody);
    // Another secret or body asks at the same place, and finds it.
    let found = match from {
        HttpElsewhere => matches!(to, HttpElsewhere | WrongLookUp),
        OtherHeader => to == OtherHeader,
        Http | WrongLookUp | OtherLookUp | OtherLookUpSecret | OtherSecret | OtherBody => finds(to),
        // Nothing looks it up by itself; a person may ask for it with `retry`.
        NoLookUp | File | OtherFolder | OtherColumns | Outbox | OtherReceiver | ReportedMail => {
            false
        }
    };
    let kinds: Vec<_> = order
        .cases(world.clock.now())
        .iter()
        .map(|entry| entry.kind)
        .collect();
    let state = &own.sending.state;
    let right = if found {
        matches!(state, SendState::Sent { .. }) && kinds.is_empty()
    } else {
        matches!(state, SendState::InDoubt { .. }) && kinds == [CaseKind::SendInDoubt]
    };
    if !right {
        wrong.push(format!("it is {} with {kinds:?}", state.name()));
    }
    wrong
}

#[tokio::test]
async fn what_may_have_arrived_is_never_sent_by_another_way() {
    let http = |way: &Way| way.is_http() && way.is_sound();
    for from in WAYS.into_iter().filter(http) {
        for to in WAYS {
            let wrong = in_doubt(from, to, Mutant::None).await;
            assert!(wrong.is_empty(), "{from:?} to {to:?}: {}", wrong.join("; "));
        }
    }
}

/// A World in which any way proves an absence, or in which the first artifact goes by every way, is
/// found out by the same tables.
#[tokio::test]
async fn wrong_worlds_are_caught() {
    let wrong = in_doubt(Http, HttpElsewhere, Mutant::AbsenceByAnyWay).await;
    assert!(!wrong.is_empty(), "another supplier proved an absence");
    for to in [File, OtherBody, OtherReceiver] {
        let wrong = deferred(Http, to, Mutant::FirstArtifactForEver).await;
        assert!(!wrong.is_empty(), "{to:?} carried what HTTP was to carry");
    }
}

/// After a step that is done the supplier has a draft: another place, another account or another method
/// does not go on with it, and a person sees that; the settings put back do.
#[tokio::test]
async fn a_draft_is_gone_on_with_by_its_own_way_only() {
    let shirt = ShopOrder::new(1001, &[("SHIRT", 1)]);
    let elsewhere =
        suppliers_file().replace("https://api.printful.com", "https://api.printful.example");
    let account = suppliers_file().replace("\"PRINTFUL_TOKEN\"", "\"PRINTFUL_OTHER_TOKEN\"");
    let mail = format!(
        "{}\n[[supplier]]\nid = \"printful\"\nname = \"P\"\nmethod = \"mail\"\n[supplier.mail]\nto = \"po@printful.example\"\n",
        suppliers_without("printful")
    );
    for changed in [&elsewhere, &account, &mail] {
        let mut world = World::new(Faults::default()).await;
        world.printful.script([Twist::None, Twist::Unreachable]);
        world.topic("orders/create", &shirt.0).await;
        world.pump().await;
        let (_, state) = number_and_state(&world).await.unwrap();
        assert!(matches!(state, SendState::BetweenSteps { .. }), "{state:?}");
        world.configure("suppliers.toml", changed).await;
        world.settle().await;
        let (order, _) = world.orders().await.remove(0);
        let kinds: Vec<_> = order
            .cases(world.clock.now())
            .iter()
            .map(|entry| entry.kind)
            .collect();
        assert_eq!(kinds, [CaseKind::CannotPrepare], "{}", world.story().await);
        assert!(world.received().is_empty(), "{}", world.story().await);
        world.configure("suppliers.toml", &suppliers_file()).await;
        world.pass(SignedDuration::from_secs(5)).await;
        let (_, state) = number_and_state(&world).await.unwrap();
        assert!(matches!(state, SendState::Sent { .. }), "{state:?}");
        assert_eq!(world.broken().await, Vec::<String>::new());
    }
}

/// A batch whose folder, dialect or method changes after its first claim is finished as it was begun.
#[tokio::test]
async fn a_batch_is_finished_as_it_was_begun() {
    let other = suppliers_file().replace(
        "[supplier.csv.batch]",
        "[supplier.csv]\nfolder = \"elsewhere\"\ndelimiter = \";\"\n[supplier.csv.batch]",
    );
    let none = suppliers_file().replace(
        "[supplier.csv.batch]\nupload = \"person\"\nupload_within = \"1h\"",
        "[supplier.csv]\nfolder = \"alone\"",
    );
    let http = format!(
        "{}\n[[supplier]]\nid = \"quay\"\nname = \"Quay\"\nmethod = \"mail\"\n[supplier.mail]\nto = \"po@quay.example\"\n",
        suppliers_without("quay")
    );
    let begun = async |faults: Faults| {
        let mut world = World::new(faults).await;
        for number in [1001, 1002] {
            let order = ShopOrder::new(number, &[("CRATE", 1)]);
            world.topic("orders/create", &order.0).await;
        }
        world.pump().await;
        let before = world.faults.effects();
        world.pass(SignedDuration::from_mins(121)).await;
        (world, before)
    };
    let (world, before) = begun(Faults::default()).await;
    let effects = world.faults.effects();
    let mut told = 0;
    for effect in before..effects {
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            for changed in [&other, &none, &http] {
                let (mut world, _) = begun(Faults::at(effect, fault)).await;
                world.configure("suppliers.toml", changed).await;
                world.settle().await;
                // What waits for the next cut-off goes with it.
                world.pass(SignedDuration::from_hours(24)).await;
                world.settle().await;
                let broken = world.broken().await;
                let story = world.story().await;
                assert!(
                    broken.is_empty(),
                    "effect {effect}, {fault:?}: {}\n{story}",
                    broken.join("; ")
                );
                assert_eq!(
                    world.received().len(),
                    2,
                    "effect {effect}, {fault:?}\n{story}"
                );
                told += 1;
            }
        }
    }
    assert!(told > 30, "only {told} batches changed half way");
}

/// The same decision by other files is no event: only the index learns by which files it was looked at,
/// so that nobody looks again for their sake.
#[tokio::test]
async fn files_that_change_nothing_add_nothing_to_a_held_order() {
    let mut world = World::new(Faults::default()).await;
    let order = ShopOrder::new(1001, &[("UNKNOWN", 1)]);
    world.topic("orders/create", &order.0).await;
    world.pump().await;
    let (_, before) = world.orders().await.remove(0);
    for turn in 0..10 {
        world
            .configure("rules.toml", &format!("# turn {turn}\n"))
            .await;
        world.pass(SignedDuration::from_secs(5)).await;
        let delivered = world.delivered();
        world.pass(SignedDuration::from_secs(5)).await;
        assert_eq!(world.delivered(), delivered, "it was looked at once");
    }
    let (order, after) = world.orders().await.remove(0);
    assert_eq!(before, after);
    let kinds: Vec<_> = order
        .cases(world.clock.now())
        .iter()
        .map(|entry| entry.kind)
        .collect();
    assert_eq!(kinds, [CaseKind::UnmappedSku]);
    // What cures it is noticed all the same.
    let offers = format!(
        "{}UNKNOWN,harbour,HB-9,3.00,USD,\n",
        offers_without("nobody")
    );
    world.configure("offers.csv", &offers).await;
    world.pass(SignedDuration::from_secs(5)).await;
    let (_, state) = number_and_state(&world).await.unwrap();
    assert!(matches!(state, SendState::Sent { .. }), "{state:?}");
}
