//! The first lines: which server, whether it can sell, and what is wrong.

use super::canvas::Canvas;
use super::scene::Scene;
use super::text::age;
use crate::cli::top::model::Source;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// Lines of trouble that are shown before there is "and more".
const MOST_TROUBLE: usize = 3;

/// How the server is doing, in one word, and what that looks like.
fn state(scene: &Scene<'_>) -> (String, Style) {
    let (look, figures) = (scene.look, scene.figures);
    if let Some((since, _)) = scene.model.lost(Source::Metrics) {
        return (format!("NO CONNECTION for {}", age(scene.now.saturating_sub(*since))), look.bad());
    }
    match figures.server.ready {
        None => ("connecting".to_owned(), look.careful()),
        Some(false) => ("NOT READY".to_owned(), look.bad()),
        Some(true) if !figures.server.trouble.is_empty() => ("DEGRADED".to_owned(), look.careful()),
        Some(true) => ("READY".to_owned(), look.good()),
    }
}

/// Draws them.
pub fn draw(canvas: &mut Canvas<'_>, scene: &Scene<'_>) {
    let look = scene.look;
    let version = scene.figures.server.version.as_ref().map(|version| format!(" {} {version}", look.dot())).unwrap_or_default();
    let left = Line::from(vec![
        Span::styled(" lastseat top ", look.bold()),
        Span::styled(format!("{} {}{version}", look.dot(), scene.url), look.dim()),
    ]);
    let (word, style) = state(scene);
    let mut right = vec![Span::styled(format!(" {word} "), style)];
    if scene.view.is_paused {
        right.insert(0, Span::styled(" PAUSED ", look.chosen()));
        right.insert(1, Span::raw(" "));
    }
    let right = Line::from(right);
    let taken = u16::try_from(right.width() + 1).unwrap_or(u16::MAX);
    canvas.columns(canvas.width().saturating_sub(taken), left, right);
    for line in trouble(scene) {
        canvas.line(line);
    }
}

/// What is wrong, the worst first.
fn trouble(scene: &Scene<'_>) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (source, what, style) in [
        (Source::Metrics, "old values: no metrics", scene.look.bad()),
        (Source::Shows, "old list: no shows", scene.look.careful()),
        (Source::Stream, "old seats: no stream", scene.look.careful()),
    ] {
        if let Some((_, why)) = scene.model.lost(source) {
            lines.push(Line::styled(format!(" ! {what}: {why}"), style));
        }
    }
    let trouble = &scene.figures.server.trouble;
    lines.extend(trouble.iter().take(MOST_TROUBLE).map(|why| Line::styled(format!(" ! {why}"), scene.look.careful())));
    if trouble.len() > MOST_TROUBLE {
        let more = trouble.len() - MOST_TROUBLE;
        lines.push(Line::styled(format!(" ! and {more} more: see /health/ready"), scene.look.careful()));
    }
    lines
}
