//! Inputs as people have them, and what is right: one row a case, by subject.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod adapters;
mod case;
mod catalogues;
mod imported;
mod judges;
mod labels;
#[path = "../look_alike/mod.rs"]
mod look_alike;
mod pictures;
#[path = "../program/mod.rs"]
mod program;
mod pytorch;
mod rf1m;
mod schedulers;
mod shards;
mod weights;
