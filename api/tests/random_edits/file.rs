//! Edits of the SQLite file, as with its own tools.

use super::Unseen;
use super::random::Random;
use super::support::books;
use super::support::surgery::close_the_gaps;
use lastseat::wiring::chosen::check_integrity;
use rusqlite::{Connection, params};
use std::path::Path;

const COLUMNS: [&str; 8] = ["position", "stream", "revision", "id", "type", "data", "metadata", "recorded_at"];

/// What `verify` looks at: the file, then every event. A page that can't be read is found, too.
pub async fn is_found(data: &Path) -> bool {
    if check_integrity(data.join("events.db")).map_or(true, |integrity| !integrity.findings.is_empty()) {
        return true;
    }
    books::audit(data).await.map_or(true, |report| !report.holds())
}

/// Makes one edit. Returns why it may stay unseen, and what it is. `None` if the file refuses it, or if it
/// changes nothing.
pub fn edit(data: &Path, random: &mut Random) -> Option<(Unseen, String)> {
    let file = Connection::open(data.join("events.db")).unwrap();
    let count: i64 = file.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
    let (some, other) = (random.one_to(count), random.one_to(count));
    match random.below(16) {
        0..8 => change_a_byte(&file, some, COLUMNS[random.below(COLUMNS.len())], random),
        8 => change_a_stream_name(&file, random),
        9 => {
            let cut = random.one_to(count);
            delete(&file, &format!("position > {}", count - cut)).map(|what| (Unseen::CutTail, what))
        }
        10 if some < count => {
            let to = some - 1 + random.one_to(count - some);
            delete(&file, &format!("position BETWEEN {some} AND {to}")).map(|what| (Unseen::Never, what))
        }
        11 => swap(&file, some, other, "position"),
        12 => swap(&file, some, other, COLUMNS[3 + random.below(4)]),
        13 => duplicate(&file, some),
        14 => {
            let last = is_last_of_its_stream(&file, some);
            let class = if last { Unseen::Renumbered } else { Unseen::Never };
            let what = delete(&file, &format!("position = {some}"))?;
            close_the_gaps(data);
            Some((class, format!("{what}, and the rest renumbered")))
        }
        _ => rename_a_buyer(&file),
    }
}

fn change_a_byte(file: &Connection, position: i64, column: &str, random: &mut Random) -> Option<(Unseen, String)> {
    let what = format!("a byte of {column} of the event at {position}");
    let class = if column == "recorded_at" { Unseen::RecordedAt } else { Unseen::Never };
    let changed = match column {
        "id" => {
            let select = "SELECT id FROM events WHERE position = ?1";
            let mut bytes: Vec<u8> = file.query_row(select, [position], |row| row.get(0)).unwrap();
            random.change(&mut bytes);
            file.execute("UPDATE events SET id = ?2 WHERE position = ?1", params![position, bytes])
        }
        "type" | "data" | "metadata" => {
            let select = format!("SELECT CAST({column} AS BLOB) FROM events WHERE position = ?1");
            let mut bytes: Vec<u8> = file.query_row(&select, [position], |row| row.get(0)).unwrap();
            random.change(&mut bytes);
            file.execute(&format!("UPDATE events SET {column} = CAST(?2 AS TEXT) WHERE position = ?1"), params![position, bytes])
        }
        _ => {
            let select = format!("SELECT {column} FROM events WHERE position = ?1");
            let number: i64 = file.query_row(&select, [position], |row| row.get(0)).unwrap();
            let mut bytes = number.to_be_bytes();
            random.change(&mut bytes);
            file.execute(
                &format!("UPDATE events SET {column} = ?2 WHERE position = ?1"),
                params![position, i64::from_be_bytes(bytes)],
            )
        }
    };
    (changed.ok()? == 1).then_some((class, what))
}

fn change_a_stream_name(file: &Connection, random: &mut Random) -> Option<(Unseen, String)> {
    let count = file.query_row("SELECT count(*) FROM streams", [], |row| row.get(0)).unwrap();
    let id = random.one_to(count);
    let select = "SELECT CAST(name AS BLOB) FROM streams WHERE id = ?1";
    let mut bytes: Vec<u8> = file.query_row(select, [id], |row| row.get(0)).unwrap();
    random.change(&mut bytes);
    let changed = file.execute("UPDATE streams SET name = CAST(?2 AS TEXT) WHERE id = ?1", params![id, bytes]);
    (changed.ok()? == 1).then(|| (Unseen::Never, format!("the name of stream {id}")))
}

fn delete(file: &Connection, condition: &str) -> Option<String> {
    let deleted = file.execute(&format!("DELETE FROM events WHERE {condition}"), []).unwrap();
    (deleted > 0).then(|| format!("{deleted} events taken out: {condition}"))
}

/// Exchanges a column of two events.
fn swap(file: &Connection, one: i64, other: i64, column: &str) -> Option<(Unseen, String)> {
    if one == other {
        return None;
    }
    if column == "position" {
        let of = |position| -> i64 {
            file.query_row("SELECT stream FROM events WHERE position = ?1", [position], |row| row.get(0)).unwrap()
        };
        let class = if of(one) == of(other) { Unseen::Never } else { Unseen::Swapped };
        for (from, to) in [(one, 0), (other, one), (0, other)] {
            file.execute("UPDATE events SET position = ?2 WHERE position = ?1", [from, to]).unwrap();
        }
        return Some((class, format!("the events at {one} and {other} exchanged")));
    }
    let sql = format!(
        "UPDATE events SET {column} = (SELECT {column} FROM events o WHERE o.position = ?1 + ?2 - events.position)
         WHERE position IN (?1, ?2) AND (SELECT count(DISTINCT {column}) FROM events WHERE position IN (?1, ?2)) = 2"
    );
    let changed = file.execute(&sql, [one, other]).ok()?;
    (changed == 2).then(|| (Unseen::Never, format!("{column} of the events at {one} and {other} exchanged")))
}

/// Once more, at the end of the log and of its stream.
fn duplicate(file: &Connection, position: i64) -> Option<(Unseen, String)> {
    let sql = "INSERT INTO events (position, stream, revision, id, type, data, metadata, recorded_at)
               SELECT (SELECT max(position) + 1 FROM events), stream,
                      (SELECT max(revision) + 1 FROM events o WHERE o.stream = events.stream), id, type, data, metadata, recorded_at
               FROM events WHERE position = ?1";
    (file.execute(sql, [position]).ok()? == 1).then(|| (Unseen::Never, format!("the event at {position} once more")))
}

fn is_last_of_its_stream(file: &Connection, position: i64) -> bool {
    let sql =
        "SELECT revision = (SELECT max(revision) FROM events o WHERE o.stream = e.stream) FROM events e WHERE position = ?1";
    file.query_row(sql, [position], |row| row.get(0)).unwrap()
}

/// Everywhere, so that all events agree with each other.
fn rename_a_buyer(file: &Connection) -> Option<(Unseen, String)> {
    file.execute_batch(
        "UPDATE events SET data = replace(data, '\"ann\"', '\"eve\"'), metadata = replace(metadata, '\"ann\"', '\"eve\"');
         UPDATE streams SET name = replace(name, 'loyalty-ann', 'loyalty-eve');",
    )
    .unwrap();
    Some((Unseen::Never, "a buyer renamed everywhere".to_owned()))
}
