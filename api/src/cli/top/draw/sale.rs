//! What is sold and refused, and how the last minutes were.

use super::canvas::Canvas;
use super::scene::Scene;
use super::text::rate;
use crate::cli::top::scrape::whole;
use crate::cli::top::window::OF_HISTORY;
use ratatui::text::{Line, Span};

/// Where the curve begins.
const CURVE: u16 = 44;

/// Draws it.
pub fn draw(canvas: &mut Canvas<'_>, scene: &Scene<'_>) {
    let (look, sale) = (scene.look, &scene.figures.sale);
    canvas.line(scene.title("Sale, per second", None, canvas.width()));
    let curve = usize::from(canvas.width().saturating_sub(CURVE + 1));
    let history = scene.model.window.history(curve);
    let most = history.iter().copied().fold(0.0, f64::max);
    let drawn: String = history.iter().map(|value| look.level(if most > 0.0 { value / most } else { 0.0 })).collect();
    let figure = |name: &str, value: Option<f64>| {
        vec![Span::raw(format!(" {name:<9}")), Span::styled(format!("{:>9}", rate(value)), look.bold())]
    };
    let both = |left: Vec<Span<'static>>, right: Vec<Span<'static>>| Line::from([left, vec![Span::raw("   ")], right].concat());
    let minutes = whole(OF_HISTORY / 60.0);
    canvas.columns(
        CURVE,
        both(figure("holds", sale.holds_per_second), figure("refused", sale.refusals_per_second)),
        Line::styled(format!("paid, {minutes} min, most {}", rate(Some(most))), look.dim()),
    );
    canvas.columns(CURVE, figure("paid", sale.payments_per_second), Line::styled(drawn, look.good()));
    let mut refusals: Vec<_> = sale.refusals.iter().collect();
    refusals.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let refusals: Vec<String> = refusals.iter().map(|(code, value)| format!("{code} {}", rate(Some(**value)))).collect();
    let refusals = if refusals.is_empty() { "nothing".to_owned() } else { refusals.join("  ") };
    canvas.line(Line::from(vec![Span::styled(" refused: ", look.dim()), Span::raw(refusals)]));
}
