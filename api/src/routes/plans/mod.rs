//! Plans: seats with ids and labels, drawn once, that many shows are put on.

mod compressed;
pub mod draw;
mod pretix;
pub mod read;
#[cfg(test)]
mod tests;

pub use compressed::CompressedPlans;
