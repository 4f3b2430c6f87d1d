//! What the gateway tells its operators, and the time that it goes by.

mod clock;
mod log;

pub use clock::{Clock, FixedClock, SystemClock};
pub use log::{LogError, LogFormat, start_log};
