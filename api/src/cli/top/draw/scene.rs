//! All that a frame is drawn from.

use super::look::Look;
use crate::cli::top::figures::{Figures, ShowFigures};
use crate::cli::top::model::Model;
use crate::cli::top::view::{Focus, View};
use ratatui::text::{Line, Span};
use std::time::Duration;

/// What there is to draw.
#[derive(Debug)]
pub struct Scene<'a> {
    pub model: &'a Model,
    pub figures: &'a Figures,
    pub view: &'a View,
    pub look: Look,
    /// Where the server is, as the operator wrote it.
    pub url: &'a str,
    /// Since the start of this program.
    pub now: Duration,
}

impl Scene<'_> {
    /// The show that is chosen.
    #[must_use]
    pub fn chosen(&self) -> Option<&ShowFigures> {
        let id = self.view.chosen.as_ref()?;
        self.figures.shows.iter().find(|show| show.show == *id)
    }

    /// A title across so many columns. `focus`: the part that it heads, if the arrow keys can work there.
    #[must_use]
    pub fn title(&self, text: &str, focus: Option<Focus>, width: u16) -> Line<'static> {
        let is_focused = focus == Some(self.view.focus);
        let style = if is_focused { self.look.focused() } else { self.look.bold() };
        let pointer = if is_focused { self.look.pointer() } else { self.look.rule() };
        let text = format!(" {text} ");
        let rule = usize::from(width).saturating_sub(2 + text.chars().count());
        Line::from(vec![
            Span::styled(format!("{}{pointer}", self.look.rule()), self.look.dim()),
            Span::styled(text, style),
            Span::styled(self.look.rule().to_string().repeat(rule), self.look.dim()),
        ])
    }
}
