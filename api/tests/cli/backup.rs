//! `backup` while a server sells, `restore`, and what is left of a backup whose process was killed.

use crate::log::place_with_log;
use serde_json::json;

fn names(dir: &std::path::Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_backup_of_a_log_is_restored_and_the_start_names_what_has_to_be_accepted() {
    let place = place_with_log(4);
    std::fs::write(place.path().join("d/token.key"), [7; 32]).unwrap();
    let run = place.run(&["backup", "copy", "--data", "d"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    assert!(run.out.contains("events.db") && run.out.contains("5 events: no violation found"), "{}", run.out);
    assert_eq!(names(&place.path().join("copy")), ["backup.json", "events.db", "token.key"]);
    // Where it is a data directory, it is verified as one.
    assert_eq!(place.run(&["verify", "--data", "copy"]).code, 0);

    let run = place.run(&["restore", "copy", "--data", "new", "--json"]);
    assert_eq!((run.code, &run.json()["clean"], &run.json()["events"]), (0, &json!(true), &json!(5)), "{run:?}");
    assert_eq!(names(&place.path().join("new")), ["events.db", "token.key"]);
    let refused = place.run(&["serve", "--listen", "127.0.0.1:0", "--data", "new"]);
    assert!(refused.code != 0 && refused.err.contains("--accept-loss 5"), "{refused:?}");
}

#[test]
fn nothing_is_replaced_and_what_is_not_whole_is_not_used() {
    let place = place_with_log(1);
    assert_eq!(place.run(&["backup", "copy", "--data", "d"]).code, 0);
    for again in [&["backup", "copy", "--data", "d"][..], &["restore", "copy", "--data", "d"]] {
        let line = place.run(again).one_line(2).to_owned();
        assert!(line.ends_with("is there already; name a directory that is not"), "{line}");
    }
    let file = place.path().join("copy/events.db");
    let whole = std::fs::read(&file).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    std::fs::write(&file, &changed).unwrap();
    let line = place.run(&["restore", "copy", "--data", "new"]).one_line(3).to_owned();
    assert!(line.contains("events.db is not as it was copied"), "{line}");
    std::fs::write(&file, &whole[..whole.len() - 4096]).unwrap();
    assert!(place.run(&["restore", "copy", "--data", "new"]).one_line(3).contains("not as it was copied"));
    std::fs::remove_file(&file).unwrap();
    assert!(place.run(&["restore", "copy", "--data", "new"]).one_line(3).contains("events.db"));
    let list = place.path().join("copy/backup.json");
    let text = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, text.replace("events.db", "../d/events.db")).unwrap();
    assert!(place.run(&["restore", "copy", "--data", "new"]).one_line(3).contains("names ../d/events.db"));
    std::fs::remove_file(list).unwrap();
    assert!(place.run(&["restore", "copy", "--data", "new"]).one_line(3).contains("backup.json can't be read"));
    assert!(!place.path().join("new").exists());
    let line = place.run(&["backup", "other", "--data", "nowhere"]).one_line(3).to_owned();
    assert!(line.starts_with("there is no directory nowhere"), "{line}");
    let line =
        place.run(&["backup", "other", "--data", "d", "--eventstore", "esdb://127.0.0.1:1?tls=false"]).one_line(2).to_owned();
    assert!(line.contains("back it up with the tools of EventStoreDB"), "{line}");
}

#[test]
fn what_an_interrupted_backup_has_left_is_no_backup_and_in_nobodys_way() {
    let place = place_with_log(1);
    let left = place.path().join("copy.unfinished");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("events.db"), "half of it").unwrap();
    assert!(place.run(&["restore", "copy.unfinished", "--data", "new"]).one_line(3).contains("is no whole backup"));
    assert_eq!(place.run(&["backup", "copy", "--data", "d"]).code, 0);
    assert!(!left.exists());
    assert_eq!(place.run(&["restore", "copy", "--data", "new"]).code, 0);
}
