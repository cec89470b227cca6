//! Measures of a painter: pure functions over pictures, maps and features, and intervals around their means.
//!
//! Who paints, judges and reads files is the caller's business; see `reliad evaluate painter`.

pub mod agreement;
pub mod diversity;
pub mod edges;
pub mod figure;
pub mod frechet;
pub mod second_copy;
mod symmetric;

pub use figure::Figure;
