//! What a kind of values is.

/// A kind of value.
pub(super) struct Kind<T> {
    /// The placeholder for the value in help texts.
    pub value_name: &'static str,
    /// Completes "must be …".
    pub allowed: &'static str,
    /// `None` if the text is not allowed.
    pub read: fn(&str) -> Option<T>,
    /// Text that `read` takes; empty if there is no value.
    pub show: fn(&T) -> String,
    /// The value may contain a password: no message repeats it.
    pub is_secret: bool,
}

type Read<T> = fn(&str) -> Option<T>;
type Show<T> = fn(&T) -> String;

pub(super) const fn kind<T>(value_name: &'static str, allowed: &'static str, read: Read<T>, show: Show<T>) -> Kind<T> {
    Kind { value_name, allowed, read, show, is_secret: false }
}

pub(super) const fn secret<T>(value_name: &'static str, allowed: &'static str, read: Read<T>, show: Show<T>) -> Kind<T> {
    Kind { value_name, allowed, read, show, is_secret: true }
}

/// The value name that marks a switch: its flag without a value means `true`.
pub(super) const BOOL: &str = "BOOL";

/// The value name that marks a list: its flag may be given several times.
pub(super) const LIST: &str = "LIST";

/// What `true` and `false` may be written as.
pub(super) fn switch(text: &str) -> Option<bool> {
    match text {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}
