//! Why views may differ from the log.

/// What keeps views from being what the log says.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// The log can't be read at the moment.
    pub log: Option<String>,
    /// An event could not be read and was skipped.
    pub unreadable: Option<String>,
    /// The last attempt to store the views failed, or their file is being rebuilt.
    pub store: Option<String>,
    /// They are not where they should be kept.
    pub place: Option<String>,
}

impl Trouble {
    pub fn text(&self) -> Option<String> {
        let all: Vec<&str> =
            [&self.log, &self.unreadable, &self.store, &self.place].into_iter().filter_map(|t| t.as_deref()).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}
