//! Compiles the protocol's definitions, without protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = ["shared.proto", "status.proto", "streams.proto", "server_features.proto", "gossip.proto"];
    let definitions = protox::compile(files, ["proto"])?;
    // The client half is for the tests, which look at single messages.
    tonic_build::configure().bytes(["."]).include_file("wire.rs").compile_fds(definitions)?;
    Ok(())
}
