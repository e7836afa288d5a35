//! The chosen show: its seats in their rows, and what has changed last.

use super::canvas::Canvas;
use super::look::Look;
use super::scene::Scene;
use super::shows::{bar, sentence};
use super::text::number;
use crate::cli::top::model::Source;
use crate::cli::top::seat_map::{Cell, Change, Places, Row, SeatMap};
use crate::cli::top::seats::{Counts, SeatState};
use crate::cli::top::view::{Extents, Focus};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use std::time::Duration;

/// A seat that has changed is marked for so long.
const MARKED: Duration = Duration::from_secs(3);
/// Longer names of rows are cut.
const LONGEST_NAME: usize = 6;

/// Draws it, and says how far it can be scrolled.
pub fn draw(canvas: &mut Canvas<'_>, scene: &Scene<'_>) -> Extents {
    let (look, view) = (scene.look, scene.view);
    let Some(show) = scene.chosen() else {
        canvas.line(scene.title("Seats", Some(Focus::Map), canvas.width()));
        canvas.line(Line::styled(" no show is chosen", look.dim()));
        return Extents::default();
    };
    let dot = look.dot();
    let title = format!("{} {dot} {} {dot} {}", show.show, show.title, show.status.replace('_', " "));
    canvas.line(scene.title(&title, Some(Focus::Map), canvas.width()));
    let Some(map) = scene.model.map(&show.show) else {
        canvas.line(Line::styled(" the seats are not read yet", look.dim()));
        return Extents::default();
    };
    canvas.line(format!(" {}", sentence(&show.seats.unwrap_or_default())));
    canvas.line(legend(look));
    let room = canvas.left();
    let for_changes = (room / 4).max(3).min(room);
    let lines = lines(map, scene, canvas.width());
    let for_map = usize::from(room - for_changes);
    let extents = Extents {
        map: lines.len().saturating_sub(for_map),
        changes: map.changes.len().saturating_sub(usize::from(for_changes.saturating_sub(1))),
    };
    let map_area = canvas.take(room - for_changes);
    let offset = view.map_offset.min(extents.map);
    let mut part = canvas.part(map_area);
    lines.into_iter().skip(offset).for_each(|line| part.line(line));
    if scene.model.lost(Source::Stream).is_some() {
        part.restyle(look.dim());
    }
    canvas.line(scene.title("Last changes, UTC", Some(Focus::Changes), canvas.width()));
    for change in map.changes.iter().skip(view.changes_offset.min(extents.changes)) {
        canvas.line(change_line(change, look));
    }
    extents
}

fn legend(look: Look) -> Line<'static> {
    let names = [
        (SeatState::Available, "free"),
        (SeatState::Locked, "held"),
        (SeatState::InProcess, "paying"),
        (SeatState::Booked, "sold"),
        (SeatState::Unknown, "taken"),
        (SeatState::Unavailable, "blocked"),
    ];
    let parts = names.map(|(state, name)| {
        [
            Span::raw(" "),
            Span::styled(look.seat(state).to_string(), look.seat_style(state)),
            Span::styled(format!(" {name} "), look.dim()),
        ]
    });
    Line::from(parts.into_iter().flatten().collect::<Vec<_>>())
}

/// All lines of the map: a row takes as many as it needs.
fn lines(map: &SeatMap, scene: &Scene<'_>, width: u16) -> Vec<Line<'static>> {
    let names = map.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).min(LONGEST_NAME);
    let cells = usize::from(width).saturating_sub(names + 3).max(1);
    let mut lines = Vec::new();
    let mut area: Option<&str> = None;
    for row in &map.rows {
        if area != Some(row.area.as_str()) {
            lines.push(Line::styled(format!(" {}", row.area), scene.look.bold()));
            area = Some(&row.area);
        }
        lines.extend(row_lines(row, names, cells, scene));
    }
    lines.extend(map.places.iter().map(|places| places_line(places, scene.look, width)));
    lines
}

fn row_lines(row: &Row, names: usize, cells: usize, scene: &Scene<'_>) -> impl Iterator<Item = Line<'static>> {
    row.cells.chunks(cells).enumerate().map(move |(index, cells)| {
        let name: String = if index == 0 { row.name.chars().take(names).collect() } else { String::new() };
        let mut spans = vec![Span::styled(format!(" {name:>names$} "), scene.look.dim())];
        // Neighbours that look alike are one piece of text.
        let drawn: Vec<_> = cells.iter().map(|cell| drawn(*cell, scene)).collect();
        let pieces = drawn.chunk_by(|a, b| a == b).filter_map(|piece| piece.first().map(|first| (first, piece.len())));
        spans.extend(pieces.map(|((sign, style), many)| Span::styled(sign.to_string().repeat(many), *style)));
        Line::from(spans)
    })
}

/// How a seat looks; an aisle is empty.
fn drawn(cell: Option<Cell>, scene: &Scene<'_>) -> (char, Style) {
    let Some(Cell { state, changed }) = cell else { return (' ', Style::new()) };
    if changed.is_some_and(|changed| scene.now.saturating_sub(changed) < MARKED) {
        return scene.look.changed_seat(state);
    }
    (scene.look.seat(state), scene.look.seat_style(state))
}

fn places_line(places: &Places, look: Look, width: u16) -> Line<'static> {
    let Places { name, capacity, available, .. } = places;
    let counts = Counts { available: *available, taken: capacity.saturating_sub(*available), ..Counts::default() };
    let words = format!(" {} of {} free", number(Some(*available)), number(Some(*capacity)));
    let room = usize::from(width).saturating_sub(name.chars().count() + words.chars().count() + 3);
    let mut spans = vec![Span::styled(format!(" {name} "), look.bold())];
    spans.extend(bar(&counts, room.clamp(6, 60), look));
    spans.push(Span::raw(words));
    Line::from(spans)
}

fn change_line(change: &Change, look: Look) -> Line<'static> {
    let Change { time, state, what } = change;
    let name = match state {
        SeatState::Available => "free",
        SeatState::Locked => "held",
        SeatState::InProcess => "paying",
        SeatState::Booked => "sold",
        SeatState::Unavailable => "blocked",
        SeatState::Unknown => "taken",
    };
    Line::from(vec![
        Span::styled(format!(" {time:<8}  "), look.dim()),
        Span::styled(format!("{} {name:<8}", look.seat(*state)), look.seat_style(*state)),
        Span::raw(what.clone()),
    ])
}
