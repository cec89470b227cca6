//! Inputs as people have them, and what is right: one row a case, by subject.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod case;
mod labels;
mod pictures;
#[path = "../program/mod.rs"]
mod program;
