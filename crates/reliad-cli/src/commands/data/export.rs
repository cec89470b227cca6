//! `reliad data export`: a data set, pictures and all, in a layout that others read.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use reliad_dataset::{Export, Layout, Split};

use super::{count, unless_stopped};
use crate::counter::Counter;
use crate::interrupt;
use crate::message::{self, Code};

/// Hand a data set on as an image folder, WebDataset shards or parquet files.
///
/// The same command run again goes on where it was stopped. Exits with 1 when samples couldn't be read.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Folder with metadata.jsonl
    #[arg(value_name = "DIR")]
    data: PathBuf,

    /// Folder to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// How to write it: folder, webdataset or parquet
    #[arg(long, value_parser = layout)]
    layout: Layout,

    /// Only this part: train, validation or test
    #[arg(long, value_parser = split)]
    split: Option<Split>,

    /// Samples of one shard or file
    #[arg(
        long,
        default_value_t = 1000,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    shard_samples: u64,
}

fn layout(name: &str) -> Result<Layout, String> {
    Layout::from_name(name)
        .filter(|layout| *layout != Layout::Rf1m)
        .ok_or_else(|| "it is none of folder, webdataset and parquet".to_owned())
}

fn split(name: &str) -> Result<Split, String> {
    Split::from_name(name).ok_or_else(|| "it is none of train, validation and test".to_owned())
}

/// Exports.
///
/// # Errors
/// When the data set can't be read, nothing is in the part, or the folder can't be written or holds another export.
pub(super) fn run(arguments: ExportArgs) -> Result<Code> {
    let export = Export {
        layout: arguments.layout,
        split: arguments.split,
        shard_samples: usize::try_from(arguments.shard_samples).unwrap_or(usize::MAX),
    };
    let counter = Counter::new("written", count(&arguments.data)?);
    let written = export.write(
        &arguments.data,
        &arguments.out,
        &|done| counter.reach(done, 0),
        interrupt::flag()?,
    );
    counter.clear();
    let written = match unless_stopped(written, "stopped; the same command goes on from here")? {
        Ok(written) => written,
        Err(code) => return Ok(code),
    };
    println!(
        "{}: {} samples as {}",
        arguments.out.display(),
        written.samples,
        arguments.layout.name()
    );
    for broken in &written.broken {
        message::warning_line(&format!("{} left out: {}", broken.sample, broken.reason));
    }
    Ok(match written.broken.is_empty() {
        true => Code::Complete,
        false => Code::Missing,
    })
}
