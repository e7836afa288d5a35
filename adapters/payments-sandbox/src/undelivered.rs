//! Why there is no answer.

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// It was done, or may have been, and the connection breaks.
    #[error("the connection was closed before the answer")]
    Lost,
    /// Nothing was done.
    #[error("{0}")]
    Unavailable(String),
}
