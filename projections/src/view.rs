//! What a view is: a pure fold of the log, with a stored form.

use lastseat_domain::Envelope;
use lastseat_domain::ports::event_log::Position;
use lastseat_domain::ports::event_log::landmark::Landmark;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A queryable result of the log. Two folds of the same events are equal, to the byte of their
/// content: no clock, no randomness, no hash order in what is stored.
pub(crate) trait View: Default + Send + Sync + 'static {
    /// What it is called in files, metrics and the status.
    const NAME: &'static str;
    /// Raised whenever the content's form, or what the fold makes of an event, changes. What an
    /// older version stored is then rebuilt.
    const SCHEMA: u32;
    /// What is stored. Taking it must be cheap, for the fold waits meanwhile.
    type Content: Serialize + DeserializeOwned + Send + 'static;

    /// Folds one event.
    fn apply(&mut self, event: &Envelope);

    /// What is to be stored.
    fn content(&self) -> Self::Content;

    /// The view that had this content. Says what is wrong if none can have had it.
    fn restore(content: Self::Content) -> Result<Self, String>;
}

/// Why stored views are not used whose program knew other events than this one.
pub(crate) const OTHER_EVENTS: &str =
    "they were folded by a version of the program that knows other events, and may lack what this one reads";

/// A view with how far it has got.
#[derive(Default)]
pub(crate) struct Folded<V> {
    pub view: V,
    /// Everything up to here is folded.
    pub position: Position,
    /// Events folded since the beginning of the log.
    pub events: u64,
    /// The last of them.
    pub last: Option<Landmark>,
}

impl<V: View> Folded<V> {
    /// Folds one event, unless it is folded already. Views that were stored at different positions
    /// are fed by one subscription, so some see events again.
    pub fn fold(&mut self, event: &Envelope) {
        self.fold_with(event, V::apply);
    }

    /// Like [`Self::fold`], with another way of applying the event.
    pub fn fold_with(&mut self, event: &Envelope, apply: impl FnOnce(&mut V, &Envelope)) {
        if event.position <= self.position {
            return;
        }
        apply(&mut self.view, event);
        self.position = event.position;
        self.events += 1;
    }

    /// Remembers the view's last event, if `event` is the one that was just folded.
    pub fn mark(&mut self, event: &Envelope) {
        if event.position == self.position {
            self.last = Some(event.into());
        }
    }

    /// There is no event up to here that was not folded.
    pub fn advance(&mut self, to: Position) {
        self.position = self.position.max(to);
    }
}
