//! Plans: seats with ids and labels, drawn once, that many shows are put on.

pub mod draw;
mod pretix;
pub mod read;
#[cfg(test)]
mod tests;
