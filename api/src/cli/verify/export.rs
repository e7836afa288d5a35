//! The log as `lastseat audit export` wrote it: one event a line, read in the file's order.

use crate::cli::audit_export::Line;
use lastseat_domain::ports::event_log::RecordedEvent;
use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};

/// Why an export can't be read.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum BadExport {
    #[error("{} can't be read: {why}", path.display())]
    File { path: PathBuf, why: std::io::Error },
    #[error("line {line} of {} is no event as `lastseat audit export` writes it: {why}", path.display())]
    Line { path: PathBuf, line: u64, why: serde_json::Error },
}

/// The events of an export.
pub(super) struct Export {
    path: PathBuf,
    line: u64,
    lines: Lines<BufReader<File>>,
}

impl Export {
    /// # Errors
    /// [`BadExport::File`].
    pub(super) fn open(path: &Path) -> Result<Self, BadExport> {
        let file = File::open(path).map_err(|why| BadExport::File { path: path.to_owned(), why })?;
        Ok(Self { path: path.to_owned(), line: 0, lines: BufReader::new(file).lines() })
    }
}

impl Iterator for Export {
    type Item = Result<RecordedEvent, BadExport>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.lines.next()?;
        self.line += 1;
        Some(match text {
            Err(why) => Err(BadExport::File { path: self.path.clone(), why }),
            Ok(text) => serde_json::from_str::<Line>(&text).map(RecordedEvent::from).map_err(|why| BadExport::Line {
                path: self.path.clone(),
                line: self.line,
                why,
            }),
        })
    }
}
