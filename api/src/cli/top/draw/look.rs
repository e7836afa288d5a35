//! How things look: colours where there are any, and signs that tell the same without them.

use crate::cli::top::seats::SeatState;
use ratatui::style::{Color, Modifier, Style};

/// Signs of a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    has_colours: bool,
    has_unicode: bool,
}

/// Empty to full.
const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const PLAIN_LEVELS: [char; 9] = [' ', '_', '.', ',', '-', '=', '+', '*', '#'];

impl Look {
    #[must_use]
    pub fn new(has_colours: bool, has_unicode: bool) -> Self {
        Self { has_colours, has_unicode }
    }

    fn coloured(self, colour: Color) -> Style {
        if self.has_colours { Style::new().fg(colour) } else { Style::new() }
    }

    /// A title.
    #[must_use]
    pub fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Steps back; also values that are old.
    #[must_use]
    pub fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Good.
    #[must_use]
    pub fn good(self) -> Style {
        self.coloured(Color::Green)
    }

    /// Careful.
    #[must_use]
    pub fn careful(self) -> Style {
        self.coloured(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    /// Bad: seen from across the room.
    #[must_use]
    pub fn bad(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }

    /// The line that is chosen.
    #[must_use]
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The part of the screen where the arrow keys work.
    #[must_use]
    pub fn focused(self) -> Style {
        self.coloured(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    /// The sign of a seat.
    #[must_use]
    pub fn seat(self, state: SeatState) -> char {
        match state {
            _ if !self.has_unicode => letter(state),
            SeatState::Available => '·',
            SeatState::Locked => '░',
            SeatState::InProcess => '▒',
            SeatState::Booked => '█',
            SeatState::Unavailable => 'x',
            SeatState::Unknown => '▓',
        }
    }

    /// The sign of a seat that has just changed, and its look: it catches the eye, also where there are no colours.
    #[must_use]
    pub fn changed_seat(self, state: SeatState) -> (char, Style) {
        (letter(state), self.seat_style(state).add_modifier(Modifier::REVERSED | Modifier::BOLD))
    }

    /// And its colour.
    #[must_use]
    pub fn seat_style(self, state: SeatState) -> Style {
        match state {
            SeatState::Available => self.coloured(Color::Gray),
            SeatState::Locked => self.coloured(Color::Yellow),
            SeatState::InProcess => self.coloured(Color::Magenta),
            SeatState::Booked => self.coloured(Color::Green),
            SeatState::Unavailable => self.coloured(Color::DarkGray),
            SeatState::Unknown => self.coloured(Color::Blue),
        }
    }

    /// The sign of a share of the most, from 0 to 1.
    #[must_use]
    pub fn level(self, share: f64) -> char {
        let levels = if self.has_unicode { LEVELS } else { PLAIN_LEVELS };
        let steps = levels.iter().zip(0_u8..);
        // What is there at all has the lowest sign at least.
        let reached = steps.filter(|(_, step)| *step == 0 || share * 8.0 > f64::from(*step) - 1.0);
        reached.last().map_or(' ', |(level, _)| *level)
    }

    /// Draws a line across.
    #[must_use]
    pub fn rule(self) -> char {
        if self.has_unicode { '─' } else { '-' }
    }

    /// Before the line that is chosen.
    #[must_use]
    pub fn pointer(self) -> char {
        if self.has_unicode { '▸' } else { '>' }
    }

    /// The keys that go up and down.
    #[must_use]
    pub fn arrows(self) -> &'static str {
        if self.has_unicode { "↑↓" } else { "up/down" }
    }

    /// Between parts of a line.
    #[must_use]
    pub fn dot(self) -> char {
        if self.has_unicode { '·' } else { '-' }
    }
}

/// The sign of a seat where there are letters only.
fn letter(state: SeatState) -> char {
    match state {
        SeatState::Available => '.',
        SeatState::Locked => 'h',
        SeatState::InProcess => 'p',
        SeatState::Booked => '#',
        SeatState::Unavailable => 'x',
        SeatState::Unknown => '%',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const STATES: [SeatState; 6] = [
        SeatState::Available,
        SeatState::Locked,
        SeatState::InProcess,
        SeatState::Booked,
        SeatState::Unavailable,
        SeatState::Unknown,
    ];

    #[test]
    fn states_are_told_apart_without_colours() {
        for has_unicode in [false, true] {
            let look = Look::new(false, has_unicode);
            assert_eq!(STATES.map(|state| look.seat(state)).into_iter().collect::<BTreeSet<_>>().len(), STATES.len());
            assert!(STATES.iter().all(|state| look.seat_style(*state) == Style::new()));
            assert!([look.good(), look.careful(), look.bad(), look.focused()].iter().all(|style| style.fg.is_none()));
        }
        assert!(STATES.iter().all(|state| Look::new(true, false).seat(*state).is_ascii()));
    }

    #[test]
    fn levels_rise_with_the_share() {
        let look = Look::new(false, true);
        assert_eq!([0.0, 0.001, 0.125, 0.13, 0.5, 0.99, 1.0].map(|share| look.level(share)), [' ', '▁', '▁', '▂', '▄', '█', '█']);
        assert_eq!((look.level(f64::NAN), look.level(7.0)), (' ', '█'));
    }
}
