//! The event log in an EventStoreDB or KurrentDB cluster.
