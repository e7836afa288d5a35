//! The list of shows, each with a bar of its seats.

use super::canvas::Canvas;
use super::look::Look;
use super::scene::Scene;
use super::text::number;
use crate::cli::top::figures::ShowFigures;
use crate::cli::top::seats::{Counts, SeatState};
use crate::cli::top::view::Focus;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// States in the order of a bar, sold seats first.
const ORDER: [SeatState; 6] = [
    SeatState::Booked,
    SeatState::Unknown,
    SeatState::InProcess,
    SeatState::Locked,
    SeatState::Available,
    SeatState::Unavailable,
];

/// Columns of a show's name and status.
const NAMES: usize = 25;

/// Draws as many as there is room for, the chosen one among them.
pub fn draw(canvas: &mut Canvas<'_>, scene: &Scene<'_>) {
    let shows = &scene.figures.shows;
    canvas.line(scene.title(&format!("Shows ({})", shows.len()), Some(Focus::Shows), canvas.width()));
    if shows.is_empty() {
        canvas.line(Line::styled(" none yet", scene.look.dim()));
        return;
    }
    let room = usize::from(canvas.left());
    let chosen = scene.view.place(&scene.model.shows).unwrap_or(0);
    // The chosen one is the last line at most.
    let skipped = (chosen + 1).saturating_sub(room);
    let seen = || shows.iter().enumerate().skip(skipped).take(room);
    let words = seen().filter_map(|(_, show)| Some(sentence(show.seats.as_ref()?).len())).max().unwrap_or(0);
    let bar = usize::from(canvas.width()).saturating_sub(NAMES + words + 1).clamp(8, 40);
    for (place, show) in seen() {
        canvas.line(line(show, place == chosen, scene.look, bar));
    }
}

fn line(show: &ShowFigures, is_chosen: bool, look: Look, width: usize) -> Line<'static> {
    let pointer = if is_chosen { look.pointer() } else { ' ' };
    let name = format!("{pointer} {:<12} {:<9} ", shortened(&show.show, 12), shortened(&show.status.replace('_', " "), 9));
    let style = if is_chosen { look.bold() } else { Style::new() };
    let mut spans = vec![Span::styled(name, style)];
    match &show.seats {
        Some(counts) => {
            spans.extend(bar(counts, width, look));
            spans.push(Span::raw(format!(" {}", sentence(counts))));
        }
        None => spans.push(Span::styled("seats not read yet", look.dim())),
    }
    Line::from(spans)
}

/// Seats by state as a bar of so many signs.
pub fn bar(counts: &Counts, width: usize, look: Look) -> Vec<Span<'static>> {
    parts(counts, width)
        .into_iter()
        .map(|(state, many)| Span::styled(look.seat(state).to_string().repeat(many), look.seat_style(state)))
        .collect()
}

/// How many signs of a bar each state has that has a seat: one, and its share of the others.
fn parts(counts: &Counts, width: usize) -> Vec<(SeatState, usize)> {
    let many = |state| match state {
        SeatState::Booked => counts.sold,
        SeatState::Unknown => counts.taken,
        SeatState::InProcess => counts.in_payment,
        SeatState::Locked => counts.held,
        SeatState::Available => counts.available,
        SeatState::Unavailable => counts.blocked,
    };
    let present: Vec<_> = ORDER.iter().map(|state| (*state, many(*state))).filter(|(_, count)| *count > 0).collect();
    let (others, total) = (width.saturating_sub(present.len()), u128::from(counts.total().max(1)));
    let share = |count: u64| usize::try_from(u128::from(count) * others as u128 / total).unwrap_or(others);
    let left_over = others.saturating_sub(present.iter().map(|(_, count)| share(*count)).sum());
    let most = present.iter().map(|(_, count)| *count).max();
    let mut for_most = Some(left_over);
    let parts = present.into_iter().map(|(state, count)| {
        // What rounding has left over is the largest's.
        let more = if Some(count) == most { for_most.take() } else { None };
        (state, 1 + share(count) + more.unwrap_or(0))
    });
    parts.collect()
}

/// The counts in words, the most wanted first: a narrow screen cuts the others off. States without seats are left out.
#[must_use]
pub fn sentence(counts: &Counts) -> String {
    let free = if counts.available == 0 { "SOLD OUT".to_owned() } else { format!("free {}", number(Some(counts.available))) };
    let others = [
        ("sold", counts.sold),
        ("taken", counts.taken),
        ("held", counts.held),
        ("paying", counts.in_payment),
        ("blocked", counts.blocked),
    ]
    .into_iter()
    .filter(|(_, many)| *many > 0)
    .map(|(name, many)| format!("{name} {}", number(Some(many))));
    [free].into_iter().chain(others).collect::<Vec<_>>().join("  ")
}

/// The beginning of a text that is too long.
fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width { text.to_owned() } else { text.chars().take(width - 1).chain(['~']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_seat_of_thousands_is_seen() {
        let counts = Counts { available: 9999, held: 1, ..Counts::default() };
        assert_eq!(parts(&counts, 10), [(SeatState::Locked, 1), (SeatState::Available, 9)]);
        assert_eq!(sentence(&counts), "free 9,999  held 1");
        assert_eq!(sentence(&Counts { sold: 3, ..Counts::default() }), "SOLD OUT  sold 3");
        assert!(parts(&Counts::default(), 10).is_empty());
    }

    proptest! {
        #[test]
        fn a_bar_is_as_long_as_it_should_be(seats: [u64; 6], width in 6_usize..200) {
            let [available, held, in_payment, sold, blocked, taken] = seats.map(|many| many >> 4);
            let counts = Counts { available, held, in_payment, sold, blocked, taken };
            prop_assume!(counts.total() > 0);
            let parts = parts(&counts, width);
            prop_assert_eq!(parts.iter().map(|(_, many)| many).sum::<usize>(), width);
            prop_assert!(parts.iter().all(|(_, many)| *many > 0));
        }
    }
}
