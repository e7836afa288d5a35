//! Draws a frame. Everything that it needs is in the scene; the same scene is always the same picture.

mod canvas;
mod hall;
mod header;
mod help;
mod look;
mod sale;
mod scene;
mod server;
mod shows;
mod text;

pub use look::Look;
pub use scene::Scene;

use super::model::Source;
use super::view::{Extents, Focus};
use canvas::Canvas;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// From here on there is room for the list and a show side by side.
const WIDE: u16 = 120;
/// The list's part of it.
const OVERVIEW: u16 = 80;
/// Less shows nothing that helps.
const SMALLEST: (u16, u16) = (40, 10);

/// Fills the screen, and says how far its parts can be scrolled.
pub fn frame(buffer: &mut Buffer, scene: &Scene<'_>) -> Extents {
    let screen = buffer.area;
    let mut extents = Extents::default();
    if screen.width < SMALLEST.0 || screen.height < SMALLEST.1 {
        Canvas::new(buffer, screen).line(format!("make it larger: {} x {} at least", SMALLEST.0, SMALLEST.1));
        return extents;
    }
    let mut canvas = Canvas::new(buffer, screen);
    header::draw(&mut canvas, scene);
    let body = canvas.take(canvas.left() - 1);
    canvas.line(keys(scene));
    if screen.width >= WIDE {
        let left = Rect { width: OVERVIEW, ..body };
        // A column between the two.
        let right = Rect { x: body.x + OVERVIEW + 1, width: body.width - OVERVIEW - 1, ..body };
        overview(canvas.part(left), scene);
        extents = hall::draw(&mut canvas.part(right), scene);
    } else if scene.view.focus == Focus::Shows {
        overview(canvas.part(body), scene);
    } else {
        extents = hall::draw(&mut canvas.part(body), scene);
    }
    if scene.view.helps {
        help::draw(buffer, scene);
    }
    extents
}

fn overview(mut canvas: Canvas<'_>, scene: &Scene<'_>) {
    sale::draw(&mut canvas, scene);
    server::draw(&mut canvas, scene);
    shows::draw(&mut canvas, scene);
    if scene.model.lost(Source::Metrics).is_some() {
        canvas.restyle(scene.look.dim());
    }
}

fn keys(scene: &Scene<'_>) -> Line<'static> {
    let arrows = scene.look.arrows();
    let go = if scene.view.focus == Focus::Shows { "choose" } else { "scroll" };
    let pause = if scene.view.is_paused { "p go on" } else { "p pause" };
    Line::styled(format!(" q quit  {arrows} {go}  enter seats  esc list  tab next  {pause}  ? help"), scene.look.dim())
}

#[cfg(test)]
mod tests;
