//! Adapters of the port of the same name.
