//! `reliad synth render`: samples into a folder.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use reliad_synth::{Error, RenderConfig, render_folder};

use super::world::WorldArgs;
use crate::counter::Counter;
use crate::interrupt;
use crate::message::{self, Code};

/// Render samples: picture, product, exact depth and saliency, title, prompt and label.
///
/// The same command run again goes on where it was stopped.
#[derive(Debug, Args)]
pub(super) struct RenderArgs {
    /// Number of samples
    #[arg(long)]
    count: u64,

    /// Seed of the world
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Directory for the samples
    #[arg(long)]
    out: PathBuf,

    /// Side of the square pictures in pixels
    #[arg(long, default_value_t = 256)]
    size: u32,

    #[command(flatten)]
    world: WorldArgs,
}

/// Renders.
///
/// # Errors
/// When the folder holds other samples or can't be written.
pub(super) fn run(arguments: RenderArgs) -> Result<Code> {
    let config = RenderConfig {
        count: arguments.count,
        seed: arguments.seed,
        size: arguments.size,
        world: arguments.world.world(),
        out: arguments.out,
    };
    let counter = Counter::new("rendered", config.count);
    let rendered = render_folder(
        &config,
        &|progress| counter.reach(progress.done, progress.found),
        interrupt::flag()?,
    );
    counter.clear();
    match rendered {
        Ok(()) => {
            eprintln!("{} samples in {}", config.count, config.out.display());
            Ok(Code::Complete)
        }
        Err(Error::Cancelled { .. }) => {
            message::hint_line("stopped; the same command goes on from here");
            Ok(Code::Interrupted)
        }
        Err(error) => bail!(error),
    }
}
