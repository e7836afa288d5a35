//! Contract suite of the port of the same name.
