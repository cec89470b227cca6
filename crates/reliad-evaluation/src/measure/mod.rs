//! Measures of painters and judges: pure functions over pictures, maps, features and verdicts, and intervals around
//! their means.
//!
//! Who paints, judges and reads files is the caller's business; see `reliad evaluate`.

pub mod agreement;
pub mod diversity;
pub mod edges;
pub mod failures;
pub mod figure;
pub mod frechet;
pub mod preference;
pub mod recurrence;
pub mod second_copy;
pub mod variety;
pub mod verdicts;

pub use figure::Figure;
