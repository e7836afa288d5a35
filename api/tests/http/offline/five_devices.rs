//! Five devices scan a whole show without the server; every double entry among their scans is found when they send them.

use super::*;

/// Numbers that look random and are the same each time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from(z ^ (z >> 31)).unwrap() % limit
    }
}

/// One scan of the show, by the order of its time.
#[derive(Clone)]
struct Made {
    ticket: usize,
    is_entry: bool,
    device: usize,
}

const DEVICES: usize = 5;
const MOST_OF_A_TICKET: usize = 5;

/// What the devices scan of so many tickets: most come in once, some go out and come in again, and every tenth ticket lets in two
/// or three people by different devices.
fn scans_of_a_show(tickets: usize, dice: &mut Dice) -> Vec<Made> {
    let mut turns: Vec<(usize, Made)> = Vec::new();
    for ticket in 0..tickets {
        let kinds: &[bool] = match dice.below(10) {
            0 => &[true, true],
            1 => &[true, false, true],
            2 if dice.below(4) == 0 => &[true, true, false, true, true],
            2 => &[true, false],
            _ => &[true],
        };
        let first = dice.below(DEVICES);
        let mut when = dice.below(1_000_000);
        for (n, is_entry) in kinds.iter().enumerate() {
            turns.push((when, Made { ticket, is_entry: *is_entry, device: (first + n) % DEVICES }));
            when += 1 + dice.below(100_000);
        }
    }
    turns.sort_by_key(|(when, _)| *when);
    turns.into_iter().map(|(_, made)| made).collect()
}

/// Both scans of each double entry, by number, as somebody finds them who has all scans in the order of their times.
fn planted(scans: &[Made]) -> BTreeSet<(u128, u128)> {
    let mut last: BTreeMap<usize, (u128, bool)> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for (n, made) in (0_u128..).zip(scans) {
        let before = last.insert(made.ticket, (n, made.is_entry));
        found.extend(before.filter(|(_, was_entry)| *was_entry && made.is_entry).map(|(other, _)| (other, n)));
    }
    found
}

/// Sells a show with so many places, and returns its codes.
async fn sell_out(server: &TestServer, tickets: usize) -> Vec<String> {
    let show = json!({
        "id": "field", "title": "Field", "currency": "EUR", "hold_seconds": 900, "max_seats_per_booking": 10,
        "categories": [{"category": "field", "price": 100}],
        "areas": [{"area": "field", "category": "field", "capacity": tickets}],
    });
    server.put_on_sale(&show).await;
    let admin = server.admin();
    let mut codes = Vec::new();
    for begin in (0..tickets).step_by(10) {
        let body = json!({"area": "field", "quantity": (tickets - begin).min(10)});
        let held = server.client.post("/v1/shows/field/bookings").bearer(&admin).json(&body).send().await.ok(201);
        let path = |what: &str| format!("/v1/bookings/{}/{what}", text(&held, "id"));
        server.client.post(&path("payment")).bearer(&admin).json(&json!({"payment": "complimentary"})).send().await.ok(200);
        let found = server.client.get(&path("tickets")).bearer(&admin).send().await.ok(200);
        codes.extend(found["tickets"].as_array().unwrap().iter().map(|ticket| text(ticket, "ticket").to_owned()));
    }
    assert_eq!(codes.len(), tickets);
    codes
}

/// All scans that don't fit, page by page.
async fn all_conflicts(server: &TestServer) -> (Value, Vec<Value>) {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/shows/field/checkins?limit=100{after}");
        let page = server.client.get(&path).bearer(&server.admin()).send().await.ok(200);
        found.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["data"].as_array().unwrap().last() {
            Some(last) if page["has_more"] == true => after = format!("&starting_after={}", last["id"]),
            _ => return (page, found),
        }
    }
}

fn number(scan: &Value) -> u128 {
    Uuid::parse_str(text(scan, "scan")).unwrap().as_u128()
}

/// `LASTSEAT_TICKETS=20000 cargo test --release --test http five_devices` for the size of a large show.
#[tokio::test(flavor = "multi_thread")]
async fn five_devices_scan_a_show_offline_and_every_double_entry_is_found_when_they_send_it() {
    let tickets = std::env::var("LASTSEAT_TICKETS").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let server = TestServer::open(600).await;
    let codes = sell_out(&server, tickets).await;
    let mut dice = Dice(7);
    let scans = scans_of_a_show(tickets, &mut dice);
    // After the sale and before now; only the order of the scans of one ticket matters.
    let times: Vec<Timestamp> = (0..MOST_OF_A_TICKET).map(|_| tick()).collect();
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    let mut devices: Vec<Vec<Value>> = vec![Vec::new(); DEVICES];
    for (n, made) in scans.iter().enumerate() {
        let kind = if made.is_entry { "entry" } else { "exit" };
        let turn = seen.entry(made.ticket).or_default();
        devices[made.device].push(scan(n as u128, &codes[made.ticket], kind, times[*turn]));
        *turn += 1;
    }
    // Each sends in an order of its own, all at the same time, and one batch twice.
    let sent = join_all(devices.into_iter().enumerate().map(|(device, mut scans)| {
        let (server, mut dice) = (&server, Dice(device as u64));
        (0..scans.len()).for_each(|n| scans.swap(n, dice.below(n + 1)));
        async move {
            let name = format!("hand-{device}");
            let mut answers = Vec::new();
            for (n, batch) in scans.chunks(200).enumerate() {
                answers.extend(results(server, &name, batch).await);
                if n == 0 {
                    let again = results(server, &name, batch).await;
                    assert!(again.iter().all(|result| result["result"] == "repeat"), "{again:?}");
                }
            }
            answers
        }
    }))
    .await;
    let answers: Vec<Value> = sent.into_iter().flatten().collect();
    assert_eq!(answers.len(), scans.len());
    assert!(answers.iter().all(|result| result["result"] == "recorded"));
    let planted = planted(&scans);
    assert!(planted.len() >= tickets / 20, "{}", planted.len());
    // At the sync each double entry is named by the scan that came last.
    let named: BTreeSet<(u128, u128)> = answers
        .iter()
        .flat_map(|result| {
            let doubles = conflicts(result).into_iter().filter(|(kind, _)| kind == "double_entry");
            doubles.map(|(_, other)| {
                let (one, other) = (number(result), other.parse().unwrap());
                (one.min(other), one.max(other))
            })
        })
        .collect();
    assert!(planted.is_subset(&named), "not found: {:?}", planted.difference(&named).collect::<Vec<_>>());
    // Once all is there, the report has these and no others.
    let (report, listed) = all_conflicts(&server).await;
    let mut reported = BTreeSet::new();
    for scan in &listed {
        for (kind, other) in conflicts(scan) {
            assert_eq!(kind, "double_entry", "{scan}");
            let (one, other) = (number(scan), other.parse().unwrap());
            reported.insert((one.min(other), one.max(other)));
        }
    }
    assert_eq!(reported, planted);
    assert_eq!(report["double_entries"], planted.len());
    assert_eq!(report["entries"], scans.iter().filter(|made| made.is_entry).count());
    assert_eq!(report["offline"], scans.len());
    println!("{tickets} tickets, {} scans, {} double entries", scans.len(), planted.len());
    server.close().await;
}
