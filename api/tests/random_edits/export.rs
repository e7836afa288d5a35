//! Edits of an export, as with a text editor.

use super::Unseen;
use super::random::Random;

/// One edit of the text: why it may stay unseen, what it is, and the edited bytes.
pub fn edit(text: &str, random: &mut Random) -> (Unseen, String, Vec<u8>) {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (some, other) = (random.below(lines.len()), random.below(lines.len()));
    match random.below(8) {
        0 => {
            let kept = random.below(lines.len());
            lines.truncate(kept);
            (Unseen::CutTail, format!("cut after line {kept}"), lines.concat().into())
        }
        1 if some + 1 < lines.len() => {
            lines.remove(some);
            (Unseen::Never, format!("line {} taken out", some + 1), lines.concat().into())
        }
        2 if some != other => {
            lines.swap(some, other);
            (Unseen::Never, format!("lines {} and {} exchanged", some + 1, other + 1), lines.concat().into())
        }
        3 => {
            lines.insert(other, lines[some]);
            (Unseen::Never, format!("line {} once more, before line {}", some + 1, other + 1), lines.concat().into())
        }
        4 => {
            let kept = random.below(text.len());
            let class = if kept == 0 || text.as_bytes()[kept - 1] == b'\n' { Unseen::CutTail } else { Unseen::Never };
            // The last newline ends no line.
            let class = if text.as_bytes()[kept] == b'\n' { Unseen::CutTail } else { class };
            (class, format!("cut after byte {kept}"), text.as_bytes()[..kept].to_vec())
        }
        _ => change_a_byte(text, random),
    }
}

fn change_a_byte(text: &str, random: &mut Random) -> (Unseen, String, Vec<u8>) {
    let mut bytes = text.as_bytes().to_vec();
    let at = random.change(&mut bytes);
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    let recorded_at = line_start + text[line_start..line_end].find("\"recorded_at\":").unwrap();
    let id = line_start + text[line_start..line_end].find("\"id\":\"").unwrap() + 6;
    let was = text.as_bytes()[at];
    let class = if at >= recorded_at && at < line_end {
        Unseen::RecordedAt
    } else if bytes[at].eq_ignore_ascii_case(&was) && (id..id + 36).contains(&at) || was == b'\n' {
        Unseen::SameValue
    } else {
        Unseen::Never
    };
    let line = 1 + text[..at].matches('\n').count();
    let what = format!("byte {} of line {line}: {:?} becomes {:?}", at - line_start, char::from(was), char::from(bytes[at]));
    (class, what, bytes)
}
