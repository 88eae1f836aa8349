//! Which thread goes first where cores are scarce? Bids; what builds and tidies gives way to them.
//!
//! Called by background threads at their start, cold.

use std::io;

/// Makes the calling thread, and no other, nice: beside threads that are not, one of niceness 10
/// gets about a tenth of a core, one of 19 what they leave. Where a thread has no priority of its
/// own (other systems than Linux) nothing changes.
pub fn give_way(niceness: i32) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::setpriority_process(Some(rustix::thread::gettid()), niceness)?;
    #[cfg(not(target_os = "linux"))]
    let _ = niceness;
    Ok(())
}
