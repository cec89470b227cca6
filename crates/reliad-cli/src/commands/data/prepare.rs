//! `reliad data prepare`: depth and saliency of every picture, once.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use anyhow::Result;
use clap::Args;
use reliad_training::data::prepare::{Prepare, prepare};

use super::count;
use crate::counter::Counter;
use crate::message::{self, Code};
use crate::{device, embedded, interrupt};

/// Compute depth and saliency of every picture with a model's networks, and name the maps in metadata.jsonl.
///
/// Maps are kept in shards of 1,000 samples; the same command run again goes on with the next. Several workers on one
/// folder share the shards by --part.
#[derive(Debug, Args)]
pub(super) struct PrepareArgs {
    /// Folder with metadata.jsonl
    #[arg(value_name = "DIR")]
    data: PathBuf,

    /// Model whose networks estimate: `mini` or a directory with depth/ and saliency/
    #[arg(
        long,
        value_name = "DIR|mini",
        default_value = embedded::MINI
    )]
    model: String,

    /// Longest side of the maps in pixels; 0: as the pictures are
    #[arg(long, default_value_t = 384)]
    size: u32,

    /// Also where the data set has maps, whose files stay but are no longer used
    #[arg(long)]
    replace: bool,

    /// This worker's part, such as 2/8: the second of eight
    #[arg(long, value_parser = crate::workers::part, default_value = "1/1")]
    part: (usize, usize),

    /// Where to compute: cpu, gpu, cuda, vulkan or metal; `:1` picks the second one
    #[arg(long, default_value = "cpu")]
    device: String,
}

/// Prepares.
///
/// # Errors
/// When the model or the index can't be read, or a shard can't be written.
pub(super) fn run(arguments: PrepareArgs) -> Result<Code> {
    let model = embedded::open(&arguments.model)?;
    let (device, _) = device::open(&arguments.device)?;
    let stop = interrupt::flag()?;
    let settings = Prepare {
        size: arguments.size as usize,
        replace: arguments.replace,
        part: arguments.part,
    };
    let counter = Counter::new("prepared", count(&arguments.data)?);
    let prepared = prepare(
        &arguments.data,
        &model,
        &device,
        settings,
        &|done| counter.reach(done, 0),
        &|| stop.load(Ordering::Relaxed),
    );
    counter.clear();
    let Some(prepared) = prepared? else {
        message::hint_line("stopped; the same command goes on with the shard it was at");
        return Ok(Code::Interrupted);
    };
    if prepared.missing_shards > 0 {
        println!(
            "this worker is done; {} shards are still others'",
            prepared.missing_shards
        );
        message::hint_line(
            "the worker that ends last writes the index; run any of them again if none did",
        );
        return Ok(Code::Complete);
    }
    println!(
        "{}: {} samples have depth and saliency",
        arguments.data.display(),
        prepared.samples
    );
    if prepared.broken > 0 {
        message::warning_line(&format!(
            "{} pictures can't be read; `reliad data check` sets them aside",
            prepared.broken
        ));
        return Ok(Code::Missing);
    }
    Ok(Code::Complete)
}
