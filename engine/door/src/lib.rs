//! The door: an event log answers the gRPC protocol of EventStoreDB.
