//! What the process is, and what it takes of the machine, under the names that Prometheus' own clients use.

use super::samples::Samples;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::fmt;

/// Names the program's version.
pub(super) fn register_build(registry: &mut Registry) {
    let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("lastseat_build", "The program that runs", version);
}

/// What the system says of this process; `None` where it says nothing.
#[cfg(target_os = "linux")]
pub(super) fn encode(samples: &mut Samples<'_>) -> fmt::Result {
    use procfs::process::{LimitValue, Process};
    use procfs::{WithCurrentSystemInfo, boot_time_secs, ticks_per_second};
    let Ok(process) = Process::myself() else { return Ok(()) };
    let Ok(stat) = process.stat() else { return Ok(()) };
    let ticks = ticks_per_second() as f64;
    let seconds = (stat.utime + stat.stime) as f64 / ticks;
    samples.counter("process_cpu_seconds", "CPU time that the process took", seconds)?;
    samples.gauge("process_resident_memory_bytes", "Memory of the process", stat.rss_bytes().get())?;
    samples.gauge("process_virtual_memory_bytes", "Address space of the process", stat.vsize)?;
    samples.gauge("process_threads", "Threads of the process", stat.num_threads)?;
    if let Ok(boot) = boot_time_secs() {
        let started = boot as f64 + stat.starttime as f64 / ticks;
        samples.gauge("process_start_time_seconds", "When the process started", started)?;
    }
    if let Ok(open) = process.fd_count() {
        samples.gauge("process_open_fds", "Open file descriptors", open)?;
    }
    if let Ok(limits) = process.limits()
        && let LimitValue::Value(most) = limits.max_open_files.soft_limit
    {
        samples.gauge("process_max_fds", "Most file descriptors that may be open", most)?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn encode(_: &mut Samples<'_>) -> fmt::Result {
    Ok(())
}
