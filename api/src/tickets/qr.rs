//! A ticket's code as a QR code: SVG for pages, PNG for everything else.

use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write as _;

/// Light modules around the code, which scanners need.
const MARGIN: usize = 4;
/// Dots of a PNG for each module: 49 modules make a picture of 392 by 392.
const DOTS: usize = 8;

/// The dark and light modules of a code.
pub struct Qr {
    dark: Vec<bool>,
    width: usize,
}

impl Qr {
    /// A code that can still be read with 15 % of it damaged. `None` for a text that is too long for one (2,000 letters and
    /// more; a ticket has at most 390).
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let width = code.width();
        Some(Self { dark: code.to_colors().into_iter().map(|color| color == Color::Dark).collect(), width })
    }

    /// Modules from edge to edge, the margin included.
    #[must_use]
    pub fn size(&self) -> usize {
        self.width + 2 * MARGIN
    }

    /// Dark modules beside each other: column and row of the first one, and how many. The margin counts.
    pub fn runs(&self) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        self.dark.chunks(self.width.max(1)).enumerate().flat_map(|(y, row)| {
            let mut x = 0;
            row.chunk_by(|a, b| a == b).filter_map(move |run| {
                let first = x;
                x += run.len();
                run.first().is_some_and(|dark| *dark).then_some((first + MARGIN, y + MARGIN, run.len()))
            })
        })
    }

    /// As SVG without styles, so that it can be a part of a page with a strict policy.
    #[must_use]
    pub fn svg(&self) -> String {
        let size = self.size();
        let mut path = String::new();
        for (x, y, run) in self.runs() {
            let _infallible = write!(path, "M{x} {y}h{run}v1h-{run}z");
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" width=\"{dots}\" height=\"{dots}\" \
             shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{size}v{size}H0z\"/><path d=\"{path}\"/></svg>",
            dots = size * DOTS,
        )
    }

    /// As PNG, black on white.
    ///
    /// # Errors
    /// Only if the encoder fails.
    pub fn png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let side = self.size() * DOTS;
        // A bit for each dot, 1 for white; each line begins with a new byte.
        let line_bytes = side.div_ceil(8);
        let mut bits = vec![0xff_u8; line_bytes * side];
        for (x, y, run) in self.runs() {
            for line in bits.chunks_mut(line_bytes).skip(y * DOTS).take(DOTS) {
                // A module is as wide as a byte.
                line.iter_mut().skip(x).take(run).for_each(|byte| *byte = 0);
            }
        }
        let mut file = Vec::new();
        let side = u32::try_from(side).unwrap_or(u32::MAX);
        let mut encoder = png::Encoder::new(&mut file, side, side);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&bits)?;
        writer.finish()?;
        Ok(file)
    }
}
