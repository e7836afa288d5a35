//! A rectangle of the screen that is filled line by line.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

/// The rectangle, and how much of it is filled.
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    used: u16,
}

impl<'a> Canvas<'a> {
    /// Nothing is filled. What is beyond the screen is left out.
    pub fn new(buffer: &'a mut Buffer, area: Rect) -> Self {
        let area = area.intersection(buffer.area);
        Self { buffer, area, used: 0 }
    }

    #[must_use]
    pub fn width(&self) -> u16 {
        self.area.width
    }

    /// Lines that are left.
    #[must_use]
    pub fn left(&self) -> u16 {
        self.area.height.saturating_sub(self.used)
    }

    /// Adds a line. What does not fit is left out.
    pub fn line(&mut self, line: impl Into<Line<'static>>) {
        if self.left() > 0 {
            let y = self.area.y + self.used;
            self.buffer.set_line(self.area.x, y, &line.into(), self.area.width);
            self.used += 1;
        }
    }

    /// Adds a line of two columns, the second of which begins here.
    pub fn columns(&mut self, second: u16, left: impl Into<Line<'static>>, right: impl Into<Line<'static>>) {
        if self.left() > 0 {
            let y = self.area.y + self.used;
            let first = second.min(self.area.width);
            self.buffer.set_line(self.area.x, y, &left.into(), first);
            self.buffer.set_line(self.area.x + first, y, &right.into(), self.area.width - first);
            self.used += 1;
        }
    }

    /// Changes the look of what is drawn.
    pub fn restyle(&mut self, style: Style) {
        self.buffer.set_style(self.area, style);
    }

    /// The lines that are left, but at most so many, as a rectangle of their own.
    pub fn take(&mut self, lines: u16) -> Rect {
        let height = lines.min(self.left());
        let area = Rect { y: self.area.y + self.used, height, ..self.area };
        self.used += height;
        area
    }

    /// The rectangle on the buffer below.
    pub fn part(&mut self, area: Rect) -> Canvas<'_> {
        Canvas::new(self.buffer, area.intersection(self.area))
    }
}
