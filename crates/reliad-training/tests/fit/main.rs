//! The training loop, on a toy: what it promises while it runs, and after it was killed.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod going_on;
mod running;
mod toy;
