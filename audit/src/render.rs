//! The report for people.

use super::code::Code;
use super::report::{Report, Violation};
use std::collections::BTreeMap;
use std::fmt;

/// Violations and pending matters shown of a kind; JSON has them all.
const SHOWN: usize = 5;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = grouped(self.events);
        writeln!(f, "{events} events up to position {}, {} {}", self.position, self.shows, plural(self.shows, "show"))?;
        writeln!(f)?;
        let bookings: Vec<_> = self.bookings.iter().map(|(name, n)| (*name, *n)).collect();
        row(f, "bookings", &bookings)?;
        row(
            f,
            "seats",
            &["available", "locked", "booked", "unavailable"].map(|name| (name, self.seats.get(name).copied().unwrap_or(0))),
        )?;
        row(f, "vouchers", &["issued", "redeemed", "revoked"].map(|name| (name, self.vouchers.get(name).copied().unwrap_or(0))))?;
        if self.scans.values().any(|count| *count > 0) {
            let count = |(name, of)| (name, self.scans.get(of).copied().unwrap_or(0));
            let shown =
                [("entries", "entries"), ("exits", "exits"), ("offline", "offline"), ("double entries", "double_entries")];
            row(f, "scans", &shown.map(count))?;
        }
        for (currency, flow) in &self.money {
            let money = |value| lastseat_domain::Money { value, currency: *currency };
            write!(f, "  {:<10} captured {}   refunded {}", "money", money(flow.captured), money(flow.refunded))?;
            if flow.returned_elsewhere > 0 {
                write!(f, ", of which {} returned elsewhere (an admin's word)", money(flow.returned_elsewhere))?;
            }
            writeln!(f)?;
        }
        writeln!(f)?;
        let mut by_code: BTreeMap<Code, Vec<&Violation>> = BTreeMap::new();
        for violation in &self.violations {
            by_code.entry(violation.code).or_default().push(violation);
        }
        for guarantee in &self.guarantees {
            let mark = match (guarantee.holds, guarantee.provable) {
                (false, _) => '✗',
                (true, true) => '✓',
                (true, false) => '–',
            };
            let checked = grouped(guarantee.checked);
            write!(
                f,
                "  {mark} {}  {:<68} {checked:>12} {}",
                guarantee.number,
                guarantee.text,
                plural(guarantee.checked, "check")
            )?;
            if !guarantee.holds {
                write!(f, ", {} broken", grouped(guarantee.violations))?;
            } else if !guarantee.provable {
                write!(f, ", not proven")?;
            }
            writeln!(f)?;
            for (code, found) in by_code.iter().filter(|(code, _)| code.guarantee() == guarantee.number) {
                writeln!(f, "       {} ({}): {}", code.name(), grouped(found.len() as u64), code.meaning())?;
                for violation in found.iter().take(SHOWN) {
                    writeln!(f, "         at {}: {}", violation.place(), violation.text)?;
                }
                more(f, "         ", found.len() as u64)?;
            }
        }
        for loss in &self.accepted_losses {
            writeln!(f, "\n  events were lost, and {} accepted that on {} (event {}):", loss.by, loss.at, loss.position)?;
            writeln!(f, "       {}", loss.reason)?;
        }
        if self.pending_total > 0 {
            writeln!(f, "\n  in progress, and not wrong ({}):", grouped(self.pending_total))?;
            for pending in self.pending.iter().take(SHOWN) {
                writeln!(f, "       {}: {}", pending.stream, pending.text)?;
            }
            more(f, "       ", self.pending_total)?;
        }
        writeln!(f, "\n  not shown by the log alone:")?;
        for what in &self.not_shown {
            writeln!(f, "       {what}")?;
        }
        writeln!(f)?;
        if let Some(first) = self.first_bad() {
            writeln!(f, "  first of all: {first}\n")?;
        }
        if self.holds() {
            writeln!(f, "No violation found.")
        } else {
            writeln!(f, "{} {} found.", grouped(self.violations_total), plural(self.violations_total, "violation"))
        }
    }
}

impl Violation {
    /// Position, stream and revision.
    fn place(&self) -> String {
        match self.revision {
            Some(revision) => format!("{} in {}, revision {revision}", self.position, self.stream),
            None => format!("{} in {}", self.position, self.stream),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.code.name(), self.place(), self.text)
    }
}

fn row(f: &mut fmt::Formatter<'_>, title: &str, counts: &[(&str, u64)]) -> fmt::Result {
    let all: Vec<String> = counts.iter().map(|(name, n)| format!("{name} {}", grouped(*n))).collect();
    writeln!(f, "  {title:<10} {}", if all.is_empty() { "none".to_owned() } else { all.join("   ") })
}

fn more(f: &mut fmt::Formatter<'_>, indent: &str, of: u64) -> fmt::Result {
    match of.saturating_sub(SHOWN as u64) {
        0 => Ok(()),
        left => writeln!(f, "{indent}and {} more", grouped(left)),
    }
}

fn plural(n: u64, word: &str) -> String {
    if n == 1 { word.to_owned() } else { format!("{word}s") }
}

/// `1234567` as `1,234,567`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
