//! Who may do what: every operation of the API by every kind of caller, as the server answers it. The table
//! in docs/SECURITY.md is the result; `just access-matrix` writes it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod callers;
#[path = "../common/mod.rs"]
mod common;
mod operations;
mod readme;
mod rules;

use callers::{CALLERS, Cast, Sessions};
use common::start_for_test;
use operations::{Operation, Outcome};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

/// Outcomes by operation, in the order of [`CALLERS`].
type Matrix = BTreeMap<(String, String), Vec<Outcome>>;

const BEGIN: &str = "<!-- access: written by `just access-matrix` -->\n";
const END: &str = "<!-- end of access -->\n";

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_by_every_caller_is_as_documented() {
    let matrix = measured().await;
    assert_eq!(rules::broken(matrix), Vec::<String>::new());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/SECURITY.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    let measured = markdown(matrix);
    if std::env::var_os("LASTSEAT_WRITE_DOCS").is_some() {
        std::fs::write(&file, format!("{before}{BEGIN}{measured}{END}{after}")).unwrap();
    } else {
        assert_eq!(table, measured, "who may do what has changed; if that is intended, run `just access-matrix`");
    }
}

/// Servers at which operations are tried at the same time.
const SERVERS: usize = 4;

/// What the servers answer. It takes a while, so it is asked for once.
async fn measured() -> &'static Matrix {
    static MEASURED: OnceCell<Matrix> = OnceCell::const_new();
    let at_all_servers = async || {
        let mut parts: [Vec<&Operation>; SERVERS] = Default::default();
        for (number, operation) in Operation::all().iter().enumerate() {
            parts[number % SERVERS].push(operation);
        }
        let parts: JoinSet<Matrix> = parts.into_iter().map(measure).collect();
        parts.join_all().await.into_iter().flatten().collect()
    };
    MEASURED.get_or_init(at_all_servers).await
}

/// Tries these on a server of their own. Each attempt has a show and bookings of its own, so that no attempt
/// changes the outcome of another.
async fn measure(operations: Vec<&'static Operation>) -> Matrix {
    let dir = tempfile::tempdir().unwrap();
    let server = start_for_test(dir.path()).await;
    let drawn = server.post("/v1/plans").admin(&server).json(operations::plan()).send().await;
    assert_eq!(drawn.status.as_u16(), 201);
    server.accounts.make_admin(operations::ADMIN.parse().unwrap(), operations::PASSWORD).await.unwrap();
    let mut sessions = Sessions::open(&server).await;
    let mut matrix = Matrix::new();
    for operation in operations {
        let mut row = Vec::with_capacity(CALLERS.len());
        for caller in CALLERS {
            let cast = Cast::new(&server, operation).await;
            row.push(operation.attempt(&server, &sessions, &cast, caller).await);
            if operation.is_about_accounts() && caller.is_signed_in() {
                sessions = Sessions::open(&server).await;
            }
        }
        matrix.insert((operation.path.clone(), operation.method.clone()), row);
    }
    server.stop().await;
    matrix
}

fn markdown(matrix: &Matrix) -> String {
    let mut text = String::from("| operation |");
    for caller in CALLERS {
        let _ = write!(text, " {} |", caller.title());
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(CALLERS.len()));
    text.push('\n');
    for ((path, method), row) in matrix {
        let _ = write!(text, "| `{method} {path}` |");
        for outcome in row {
            let _ = write!(text, " {outcome} |");
        }
        text.push('\n');
    }
    text
}

/// The failing twin: each cell of a role, changed, is not what the table of routes says.
#[test]
fn a_role_that_gets_more_or_less_than_the_table_says_is_noticed() {
    for operation in Operation::all() {
        for (role, is_own) in CALLERS.iter().filter_map(|caller| caller.role()) {
            let Some(is_documented) = operation.is_documented_for(role, is_own) else { continue };
            let mut matrix = Matrix::new();
            for other in Operation::all() {
                matrix.insert((other.path.clone(), other.method.clone()), as_documented(other));
            }
            assert_eq!(rules::undocumented(&matrix), Vec::<String>::new());
            let place = CALLERS.iter().position(|caller| caller.role() == Some((role, is_own))).unwrap();
            let row = matrix.get_mut(&(operation.path.clone(), operation.method.clone())).unwrap();
            row[place] = if is_documented { Outcome::Forbidden } else { Outcome::Done };
            assert_eq!(rules::undocumented(&matrix).len(), 1, "{} {} for {role:?}", operation.method, operation.path);
        }
    }
}

/// What callers would get if the table of routes were all there is.
fn as_documented(operation: &Operation) -> Vec<Outcome> {
    let outcome = |caller: &callers::Caller| {
        let (role, is_own) = caller.role()?;
        operation.is_documented_for(role, is_own)
    };
    CALLERS.iter().map(|caller| if outcome(caller) == Some(false) { Outcome::Forbidden } else { Outcome::Done }).collect()
}

/// The failing twin: each forbidden cell, opened, breaks a rule.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lets_a_stranger_in_is_noticed() {
    let matrix = measured().await;
    for (key, row) in matrix {
        for (place, caller) in CALLERS.iter().enumerate() {
            if rules::forbids(*caller, &key.1, &key.0, row) {
                let mut opened = matrix.clone();
                opened.get_mut(key).unwrap()[place] = Outcome::Done;
                assert!(!rules::broken(&opened).is_empty(), "{key:?} open to {caller:?}");
            }
        }
    }
}
