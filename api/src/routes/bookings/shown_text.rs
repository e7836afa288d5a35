//! Text of a request, as a problem repeats it.

/// Escapes invisible characters and those that change the text's direction, and limits the length.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}
