//! A process that dies while it writes. These tests run themselves again.

use super::{all, folder, open, open_with, write};
use lastseat_domain::ports::EventLog;
use lastseat_domain::ports::event_log::{LogFault, Position};
use lastseat_event_log_sqlite::check_integrity;
use lastseat_event_log_sqlite::{SqliteLog, SqliteOptions};
use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

/// A real write error: the test runs itself again with a limit on file sizes.
#[cfg(unix)]
#[tokio::test]
async fn a_failing_disk_stops_the_log_and_recovers_in_a_new_process() {
    let (_folder, path) = folder();
    let myself = std::env::current_exe().unwrap();
    let script =
        "trap '' XFSZ; ulimit -f 200; exec \"$0\" --ignored --exact --nocapture processes::with_a_limit_on_the_size_of_files";
    let run = std::process::Command::new("sh").args(["-c", script]).arg(myself).env("LOG_UNDER_TEST", &path).output();
    let run = run.unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}{err}");
    let acknowledged: u64 = out.lines().find_map(|line| line.strip_prefix("acknowledged ")).unwrap().parse().unwrap();
    assert!(acknowledged > 0);

    let log = open(&path).unwrap();
    let events = all(&log).await.unwrap();
    assert!(events.len() as u64 >= acknowledged, "{} of {acknowledged}", events.len());
    log.append(write(&format!("a-{acknowledged}"), 0, 5000)).await.unwrap();
    assert!(check_integrity(&path).unwrap().findings.is_empty());
}

#[tokio::test]
#[ignore = "run by the test above"]
async fn with_a_limit_on_the_size_of_files() {
    let Some(path) = std::env::var_os("LOG_UNDER_TEST") else { return };
    let (sender, reason) = std::sync::mpsc::channel();
    let on_fatal = Arc::new(move |reason: &str| sender.send(reason.to_owned()).unwrap());
    let log = open_with(Path::new(&path), SqliteOptions { on_fatal, ..SqliteOptions::default() });
    for n in 0.. {
        match log.append(write(&format!("a-{n}"), 0, 5000)).await {
            Ok(_) => continue,
            Err(LogFault::OutcomeUnknown(_)) => println!("\nacknowledged {n}"),
            Err(other) => panic!("{other:?}"),
        }
        break;
    }
    assert!(matches!(log.append(write("b-1", 0, 10)).await, Err(LogFault::Unavailable(_))));
    let reason = reason.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
    assert!(reason.contains("commit"), "{reason}");
}

/// The test runs itself again and kills that process while it writes.
#[tokio::test]
async fn a_killed_process_loses_nothing_it_acknowledged() {
    let (_folder, path) = folder();
    let mut victim = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "processes::until_it_is_killed"])
        .env("LOG_UNDER_TEST", &path)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufReader::new(victim.stdout.take().unwrap()).lines();
    let acknowledged = |line: &String| line.strip_prefix("acknowledged ").and_then(|n| n.parse::<u64>().ok());
    let mut lines = lines.map_while(Result::ok).filter_map(|line| acknowledged(&line));
    let some = lines.find(|n| *n > 200).unwrap();
    victim.kill().unwrap();
    victim.wait().unwrap();
    // Output up to the kill counts, too.
    let last = lines.last().unwrap_or(some);

    let inspected = SqliteLog::open_read_only(&path).unwrap();
    let found = all(&inspected).await.unwrap().len() as u64;
    assert!(found > last, "{found} found, number {last} was acknowledged");
    assert!(check_integrity(&path).unwrap().findings.is_empty());
    drop(inspected);
    let log = open(&path).unwrap();
    assert_eq!(log.head().await, Ok(Position(found)));
}

#[tokio::test]
#[ignore = "run by the test above"]
async fn until_it_is_killed() {
    let Some(path) = std::env::var_os("LOG_UNDER_TEST") else { return };
    let log = open(Path::new(&path)).unwrap();
    println!();
    for n in 0_u64..1_000_000 {
        log.append(write(&format!("a-{n}"), 0, 200)).await.unwrap();
        println!("acknowledged {n}");
    }
}
