//! Figures of lastseat, each beside the limit that it is measured against, in one run.

mod holds;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    runtime.block_on(async {
        for in_flight in [64, 256, 1024] {
            for round in 0..3 {
                holds::engine(in_flight, 40_000, false).await;
                let _ = round;
            }
            holds::engine(in_flight, 20_000, true).await;
        }
    });
}
