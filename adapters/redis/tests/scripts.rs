//! Each script of `lua/` against the words at its head and against who calls it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;

use common::{guard, key, owner, seats, show};
use futures::FutureExt;
use futures::future::BoxFuture;
use lastseat_domain::ports::SeatGuard;
use lastseat_redis::RedisGuard;
use lastseat_redis_testkit::RedisServer;
use redis::Value;
use std::time::Duration;

const OWNER: &str = "ann";
const LEASE: Duration = Duration::from_secs(77);
const COUNT: usize = 2;

/// The header of a script.
struct Header {
    name: &'static str,
    source: &'static str,
    /// Names of ARGV, in order.
    args: Vec<String>,
    /// Names of the parts of each reply; a reply that is no list is one name.
    replies: Vec<Vec<String>>,
}

impl Header {
    fn of(name: &'static str, source: &'static str) -> Self {
        let head: Vec<_> = source.lines().take_while(|line| line.starts_with("--")).map(|line| line[2..].trim_end()).collect();
        assert!(head[0].starts_with(&format!(" {name}: ")), "{name} says what it does");
        assert_eq!(head.iter().filter(|line| line.starts_with(" KEYS[1..n]  ")).count(), 1, "{name}");
        let args: Vec<_> = (head.iter().filter_map(|line| line.strip_prefix(" ARGV[")).enumerate())
            .map(|(n, line)| {
                let (number, rest) = line.split_once(']').unwrap();
                assert_eq!(number, (n + 1).to_string(), "{name}: in order");
                rest.trim().split([' ', ',']).next().unwrap().to_owned()
            })
            .collect();
        let from = head.iter().position(|line| *line == " Replies").expect("a section of replies") + 1;
        let replies = (head[from..].iter())
            // A continued line is set further to the right.
            .filter_map(|line| line.strip_prefix("   ").filter(|line| !line.starts_with(' ')))
            .map(|line| match line.strip_prefix('{') {
                Some(list) => list.split_once('}').unwrap().0.split(", ").map(str::to_owned).collect(),
                None => vec![line.split(' ').next().unwrap().to_owned()],
            })
            .collect();
        Self { name, source, args, replies }
    }

    fn all() -> Vec<Self> {
        let mut all = vec![
            Self::of("lock_seats", include_str!("../../../lua/lock_seats.lua")),
            Self::of("lock_any", include_str!("../../../lua/lock_any.lua")),
            Self::of("extend_lock", include_str!("../../../lua/extend_lock.lua")),
            Self::of("release_seats", include_str!("../../../lua/release_seats.lua")),
            Self::of("mark_sold", include_str!("../../../lua/mark_sold.lua")),
            Self::of("unmark_sold", include_str!("../../../lua/unmark_sold.lua")),
        ];
        all.sort_by_key(|header| header.name);
        all
    }

    /// The script without its comments.
    fn code(&self) -> String {
        self.source.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n")
    }

    /// Whether a reply has the form of one of those at the head.
    fn promises(&self, reply: &Value) -> bool {
        self.replies.iter().any(|names| match reply {
            Value::Array(parts) => {
                let open = names.last().is_some_and(|name| name.ends_with("..."));
                let fits = if open { parts.len() >= names.len() } else { parts.len() == names.len() };
                fits && parts.iter().all(|part| matches!(part, Value::Int(_)))
                    && parts[0] == Value::Int(names[0].parse().unwrap_or(-1))
            }
            Value::Int(_) => names.len() == 1,
            _ => false,
        })
    }
}

/// Calls the operation whose script has this name, on three seats.
fn call<'a>(guard: &'a RedisGuard, name: &str, labels: &'a [&'a str]) -> BoxFuture<'a, ()> {
    let (chosen, who) = (seats(labels), owner(OWNER));
    let name = name.to_owned();
    async move {
        match name.as_str() {
            "lock_seats" => drop(guard.lock(&show(), &chosen, who, LEASE).await.unwrap()),
            "lock_any" => drop(guard.lock_any(&show(), &chosen, COUNT, who, LEASE).await.unwrap()),
            "extend_lock" => drop(guard.extend(&show(), &chosen, who, LEASE).await.unwrap()),
            "release_seats" => drop(guard.release(&show(), &chosen, who).await.unwrap()),
            "mark_sold" => drop(guard.mark_sold(&show(), &chosen, who, LEASE).await.unwrap()),
            "unmark_sold" => drop(guard.unmark_sold(&show(), &chosen, who).await.unwrap()),
            other => panic!("no call is known for {other}"),
        }
    }
    .boxed()
}

/// Commands that the server was sent, the latest first, each as its words.
fn sent(server: &RedisServer) -> Vec<Vec<String>> {
    let log: Vec<Vec<Value>> = redis::from_redis_value(server.must(&["SLOWLOG", "GET", "-1"])).unwrap();
    log.into_iter().map(|entry| redis::from_redis_value(entry[3].clone()).unwrap()).collect()
}

#[test]
fn the_folder_holds_these_scripts_and_no_others_of_the_guard() {
    let mut found: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../lua"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| std::fs::read_to_string(path).unwrap().contains("seat:{show}"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    found.sort();
    assert_eq!(found, Header::all().iter().map(|header| header.name).collect::<Vec<_>>());
}

#[test]
fn scripts_take_what_their_heads_say_and_nothing_else() {
    for header in Header::all() {
        let code = header.code();
        for n in 1..10 {
            assert_eq!(code.contains(&format!("ARGV[{n}]")), n <= header.args.len(), "{}: ARGV[{n}]", header.name);
        }
        // No key but through KEYS, and nothing that another server would do differently.
        for strange in ["seat:", "TIME", "RANDOM", "math.random", "SCAN", "KEYS *", "os.", "#!lua", "redis.pcall"] {
            assert!(!code.contains(strange), "{}: {strange}", header.name);
        }
    }
}

#[tokio::test]
async fn callers_send_what_the_heads_ask_for() {
    let Some(server) = RedisServer::start() else { return };
    let guard = guard(&server.url());
    for header in Header::all() {
        let labels = ["C-3", "A-1", "B-2"];
        // Once before, so that the server knows the script.
        call(&guard, header.name, &labels).await;
        server.must(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
        server.must(&["SLOWLOG", "RESET"]);
        call(&guard, header.name, &labels).await;
        let commands = sent(&server);
        let call = commands.iter().find(|words| words[0] == "EVALSHA").unwrap_or_else(|| panic!("{commands:?}"));
        assert_eq!(call[1], redis::Script::new(header.source).get_hash(), "{}", header.name);
        assert_eq!(call[2], "3", "{}", header.name);
        assert_eq!(call[3..6], labels.map(key), "{}: the seats, in the order of the request", header.name);
        let expected: Vec<_> = (header.args.iter())
            .map(|name| match name.as_str() {
                "owner" => owner(OWNER).to_string(),
                "lease_ms" | "keep_ms" => LEASE.as_millis().to_string(),
                "count" => COUNT.to_string(),
                other => panic!("{}: {other} is unknown", header.name),
            })
            .collect();
        assert_eq!(call[6..], expected, "{}: {:?}", header.name, header.args);
        server.must(&["FLUSHALL"]);
    }
}

#[tokio::test]
async fn scripts_reply_in_the_forms_at_their_heads() {
    let Some(server) = RedisServer::start() else { return };
    for header in Header::all() {
        let mut seen: Vec<Value> = Vec::new();
        // Free, own, another's, sold to it, sold to another; each met by the script.
        let one = ["ann", "bob", "sold:ann", "sold:bob"].map(|holder| (holder, ["B-2"].as_slice()));
        let all = [("nobody", [].as_slice()), ("ann", ["A-1", "B-2", "C-3"].as_slice())];
        for (holder, held) in one.into_iter().chain(all) {
            server.must(&["FLUSHALL"]);
            for label in held {
                server.must(&["SET", &key(label), holder, "PX", "5000"]);
            }
            let keys = ["A-1", "B-2", "C-3"].map(key);
            let mut command = vec!["EVAL", header.source, "3", &keys[0], &keys[1], &keys[2]];
            command.extend(header.args.iter().map(|name| match name.as_str() {
                "owner" => "ann",
                "count" => "3",
                _ => "4000",
            }));
            let reply = server.must(&command);
            assert!(header.promises(&reply), "{} with {held:?} of {holder} replies {reply:?}", header.name);
            seen.push(reply);
        }
        // Each of the forms was seen.
        for form in &header.replies {
            let is_it = |reply: &Value| match reply {
                Value::Array(parts) => parts[0] == Value::Int(form[0].parse().unwrap_or(-1)),
                _ => form.len() == 1,
            };
            assert!(seen.iter().any(is_it), "{}: {form:?} of {seen:?}", header.name);
        }
        assert_eq!(server.keys_without_end(), Vec::<String>::new(), "{}", header.name);
    }
}
