//! The help, over the middle of the screen.

use super::canvas::Canvas;
use super::scene::Scene;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

const WIDTH: u16 = 76;

/// Keys or names, and what they do or are.
const LINES: [(&str, &str); 15] = [
    ("q, Ctrl-C", "quit"),
    ("arrows", "choose a show, or scroll where the pointer is"),
    ("enter, esc", "to the seats of the show, and back to the list"),
    ("tab", "on to the seats, the last changes, the list"),
    ("p", "stop the picture; what happens meanwhile is not lost"),
    ("", ""),
    ("paid", "payments answered with success, per second"),
    ("refused", "commands answered with a problem, by its code"),
    ("p50, p99", "half, and 99 of 100, took no longer, in the last minute"),
    ("appends", "of the event log, to the end of the sync to disk"),
    ("lag", "events that the slowest reader of the log has not seen"),
    ("taken", "places without labels, held or sold; the server says which"),
    ("", "with --metrics-of-shows true"),
    ("pending", "bookings that are held, being paid for or cleaned up"),
    ("readers", "of seat streams; this program is one"),
];

/// Draws it.
pub fn draw(buffer: &mut Buffer, scene: &Scene<'_>) {
    let screen = buffer.area;
    let height = u16::try_from(LINES.len() + 3).unwrap_or(u16::MAX).min(screen.height);
    let width = WIDTH.min(screen.width);
    let area = Rect { x: (screen.width - width) / 2, y: (screen.height - height) / 2, width, height };
    // Nothing of what is below may shine through.
    Clear.render(area, buffer);
    let mut canvas = Canvas::new(buffer, area);
    canvas.line(scene.title("Help", None, width));
    for (name, meaning) in LINES {
        canvas.line(Line::from(vec![Span::styled(format!("  {name:<11}"), scene.look.bold()), Span::raw(meaning)]));
    }
    canvas.line(scene.title("any key closes this", None, width));
}
