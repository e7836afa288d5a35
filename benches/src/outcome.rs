//! What every measurement may end with.

/// What goes wrong in a measurement ends it, with a sentence.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
