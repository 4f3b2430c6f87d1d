//! What a process holds at a moment, as Linux tells it.

use std::path::PathBuf;

/// Memory, open files and threads of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    /// Resident memory in KiB.
    pub(super) memory: u64,
    pub(super) files: usize,
    pub(super) threads: u64,
}

impl Figures {
    /// Those of the process with that number.
    pub(super) fn of(process: u32) -> Self {
        let place = PathBuf::from(format!("/proc/{process}"));
        let status = std::fs::read_to_string(place.join("status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let files = std::fs::read_dir(place.join("fd")).unwrap().count();
        Self { memory: number("VmRSS:"), files, threads: number("Threads:") }
    }
}

/// The most memory that a process has had, in KiB.
pub(super) fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
