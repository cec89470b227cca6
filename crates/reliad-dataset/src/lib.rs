//! Labelled samples from files, split by product.
//!
//! A data set is a folder with `metadata.jsonl`, one [`Record`] a line. A record says where its pictures lie, which may
//! be inside archives and tables ([`Place`]), so that other layouts ([`Source`]) are taken over by writing their index
//! and copying nothing.

mod check;
mod divide;
mod duplicates;
mod error;
mod export;
mod folder;
mod guarded;
mod import;
mod label;
mod place;
mod record;
mod rows;
mod shard;
mod source;
mod statistics;
mod store;
mod table;
mod table_text;
mod tally;
mod text;

pub use check::{DUPLICATES, Duplicates, Findings, check};
pub use divide::{Counts, Shares, divide};
pub use duplicates::LARGEST_DISTANCE;
pub use error::{Error, Result};
pub use export::{Export, Exported};
pub use folder::{Folder, Lines, METADATA, QUARANTINE, Records, quarantine, required};
pub use import::{Imported, import};
pub use label::{Label, LabelMap};
pub use place::Place;
pub use record::{Modality, Record, Split, product_of_text};
pub use rows::{BrokenRow, Row, Rows};
pub use shard::{ShardWriter, members};
pub use source::{Broken, Fields, Layout, ProductBy, Sink, Source};
pub use statistics::{Statistics, statistics};
pub use store::Store;
pub use tally::Tally;
