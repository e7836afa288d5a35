//! What an operator has chosen to see, and the keys that choose it.

use super::model::{Model, Show};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// A page of a long list.
const PAGE: isize = 10;

/// Where the arrow keys work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Focus {
    #[default]
    Shows,
    Map,
    Changes,
}

/// What is chosen.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// The id of the show: its place in the list may change.
    pub chosen: Option<String>,
    pub focus: Focus,
    pub helps: bool,
    pub is_paused: bool,
    /// Lines that were scrolled away.
    pub map_offset: usize,
    pub changes_offset: usize,
}

/// How far things can be scrolled, known when they were drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extents {
    pub map: usize,
    pub changes: usize,
}

/// What a key asks for beyond the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Quit,
    /// Nothing but to draw again.
    Draw,
}

impl View {
    /// With this show chosen.
    #[must_use]
    pub fn of(chosen: Option<String>) -> Self {
        Self { chosen, ..Self::default() }
    }

    /// Chooses the first show if none is chosen, or if the chosen one is gone.
    pub fn choose_among(&mut self, shows: &[Show]) {
        if self.place(shows).is_none() {
            self.chosen = shows.first().map(|show| show.id.clone()).or(self.chosen.take());
        }
    }

    /// The place of the chosen show.
    #[must_use]
    pub fn place(&self, shows: &[Show]) -> Option<usize> {
        let chosen = self.chosen.as_ref()?;
        shows.iter().position(|show| show.id == *chosen)
    }

    /// Follows a key.
    pub fn press(&mut self, key: KeyEvent, model: &Model) -> Action {
        if key.kind == KeyEventKind::Release {
            return Action::Draw;
        }
        // In raw mode Ctrl-C is a key like others.
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return if matches!(key.code, KeyCode::Char('c' | 'd')) { Action::Quit } else { Action::Draw };
        }
        if self.helps {
            self.helps = false;
            return if key.code == KeyCode::Char('q') { Action::Quit } else { Action::Draw };
        }
        match key.code {
            KeyCode::Char('q') => return Action::Quit,
            KeyCode::Char('?' | 'h') => self.helps = true,
            KeyCode::Char('p' | ' ') => self.is_paused = !self.is_paused,
            KeyCode::Enter => self.focus = Focus::Map,
            KeyCode::Esc => self.focus = Focus::Shows,
            KeyCode::Tab => self.focus = self.next_focus(),
            KeyCode::BackTab => self.focus = Self { focus: self.next_focus(), ..Self::default() }.next_focus(),
            KeyCode::Down | KeyCode::Char('j') => self.go(1, model),
            KeyCode::Up | KeyCode::Char('k') => self.go(-1, model),
            KeyCode::PageDown => self.go(PAGE, model),
            KeyCode::PageUp => self.go(-PAGE, model),
            KeyCode::Home => self.go(isize::MIN, model),
            KeyCode::End => self.go(isize::MAX, model),
            _ => {}
        }
        Action::Draw
    }

    fn next_focus(&self) -> Focus {
        match self.focus {
            Focus::Shows => Focus::Map,
            Focus::Map => Focus::Changes,
            Focus::Changes => Focus::Shows,
        }
    }

    fn go(&mut self, by: isize, model: &Model) {
        match self.focus {
            Focus::Map => self.map_offset = self.map_offset.saturating_add_signed(by),
            Focus::Changes => self.changes_offset = self.changes_offset.saturating_add_signed(by),
            Focus::Shows => {
                let last = model.shows.len().saturating_sub(1);
                let place = self.place(&model.shows).unwrap_or(0).saturating_add_signed(by).min(last);
                let Some(show) = model.shows.get(place) else { return };
                if self.chosen.as_ref() != Some(&show.id) {
                    self.chosen = Some(show.id.clone());
                    (self.map_offset, self.changes_offset) = (0, 0);
                }
            }
        }
    }

    /// Goes back to what there is, if it was scrolled beyond the end.
    pub fn limit(&mut self, extents: Extents) {
        self.map_offset = self.map_offset.min(extents.map);
        self.changes_offset = self.changes_offset.min(extents.changes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::top::model::Update;
    use std::time::Duration;

    fn model() -> Model {
        let mut model = Model::default();
        let show = |id: &str| Show { id: id.into(), title: id.into(), status: "on_sale".into() };
        model.apply(Duration::ZERO, Update::Shows(["a", "b", "c"].map(show).into()));
        model
    }

    fn press(view: &mut View, code: KeyCode) -> Action {
        view.press(KeyEvent::new(code, KeyModifiers::NONE), &model())
    }

    #[test]
    fn arrows_choose_a_show_and_stop_at_the_ends() {
        let mut view = View::default();
        view.choose_among(&model().shows);
        let mut after = |code| {
            press(&mut view, code);
            view.chosen.clone().unwrap()
        };
        let keys = [KeyCode::Up, KeyCode::Down, KeyCode::Down, KeyCode::Down, KeyCode::Home, KeyCode::End, KeyCode::PageUp];
        assert_eq!(keys.map(&mut after), ["a", "b", "c", "c", "a", "c", "a"]);
    }

    #[test]
    fn a_chosen_show_stays_chosen_wherever_it_is_in_the_list() {
        let mut view = View::of(Some("c".into()));
        view.choose_among(&model().shows);
        assert_eq!(view.chosen.as_deref(), Some("c"));
        view.choose_among(&[]);
        assert_eq!(view.chosen.as_deref(), Some("c"), "the list is not read yet");
        let mut view = View::of(Some("gone".into()));
        view.choose_among(&model().shows);
        assert_eq!(view.chosen.as_deref(), Some("a"));
    }

    #[test]
    fn tab_goes_round_and_arrows_scroll_where_the_focus_is() {
        let mut view = View::of(Some("a".into()));
        press(&mut view, KeyCode::Enter);
        press(&mut view, KeyCode::PageDown);
        press(&mut view, KeyCode::Tab);
        press(&mut view, KeyCode::Down);
        assert_eq!(
            (view.focus, view.map_offset, view.changes_offset, view.chosen.as_deref()),
            (Focus::Changes, 10, 1, Some("a"))
        );
        view.limit(Extents { map: 4, changes: 0 });
        assert_eq!((view.map_offset, view.changes_offset), (4, 0));
        for (key, focus) in [
            (KeyCode::Tab, Focus::Shows),
            (KeyCode::BackTab, Focus::Changes),
            (KeyCode::BackTab, Focus::Map),
            (KeyCode::Esc, Focus::Shows),
        ] {
            press(&mut view, key);
            assert_eq!(view.focus, focus);
        }
    }

    #[test]
    fn q_and_ctrl_c_quit_from_everywhere() {
        let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        for helps in [false, true] {
            let mut view = View { helps, ..View::default() };
            assert_eq!(view.press(ctrl_c, &model()), Action::Quit);
            assert_eq!(press(&mut view, KeyCode::Char('q')), Action::Quit);
        }
        assert_eq!(press(&mut View::default(), KeyCode::Char('c')), Action::Draw);
    }

    #[test]
    fn help_and_pause_are_switched() {
        let mut view = View::default();
        press(&mut view, KeyCode::Char('?'));
        assert!(view.helps);
        press(&mut view, KeyCode::Down);
        assert!(!view.helps && view.chosen.is_none(), "any key closes the help and does nothing else");
        press(&mut view, KeyCode::Char('p'));
        assert!(view.is_paused);
        press(&mut view, KeyCode::Char('p'));
        assert!(!view.is_paused);
    }
}
