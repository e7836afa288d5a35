//! What may wait for a disk runs on threads of its own, never on the runtime's.

use super::fault::TablesFault;

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, TablesFault> {
    tokio::task::spawn_blocking(work).await.map_err(|error| TablesFault::Failed(error.to_string()))
}

/// Closes connections, or removes files, and waits until that is done.
pub(super) async fn drop_elsewhere<T: Send + 'static>(value: T) {
    // It panics only if closing does, and then nothing can be done about it.
    let _ = tokio::task::spawn_blocking(move || drop(value)).await;
}
