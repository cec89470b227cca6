//! `reliad synth latents`: samples straight to what painters learn from.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use anyhow::Result;
use clap::Args;
use reliad_training::painter::rendered::{Rendering, render_latents};

use super::world::WorldArgs;
use crate::counter::Counter;
use crate::message::{self, Code};
use crate::{device, embedded, interrupt};

/// Render samples and keep what painter and ControlNet learn from: latents, edges, texts and labels, but no pictures.
///
/// About 19 kB a sample instead of 150, and nothing to encode when the training begins. `train painter` and `train
/// controlnet` take the folder as their --data; no other training does. The same command run again goes on where it was
/// stopped, a larger --count appends.
#[derive(Debug, Args)]
pub(super) struct LatentsArgs {
    /// Number of samples, rounded up to a multiple of 256
    #[arg(long)]
    count: u64,

    /// Keep each picture's mirror image beside it, with left and right exchanged in the prompt; --count counts both
    #[arg(long)]
    mirrored: bool,

    /// Seed of the world
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Directory for the samples
    #[arg(long)]
    out: PathBuf,

    /// Model whose autoencoder makes the latents: mini or a directory
    #[arg(
        long,
        default_value = embedded::MINI,
        value_name = "DIR|mini"
    )]
    model: String,

    /// Side of the square pictures in pixels
    #[arg(long, default_value_t = 256)]
    size: u32,

    #[command(flatten)]
    world: WorldArgs,

    /// Where to encode: cpu, gpu, cuda, vulkan or metal
    #[arg(long, default_value = "cpu")]
    device: String,
}

/// Renders.
///
/// # Errors
/// When the folder holds other samples or can't be written, or the model has no autoencoder.
pub(super) fn run(arguments: LatentsArgs) -> Result<Code> {
    let model = embedded::open(&arguments.model)?;
    let (device, _) = device::open(&arguments.device)?;
    let stop = interrupt::flag()?;
    let rendering = Rendering {
        count: arguments.count,
        mirrored: arguments.mirrored,
        seed: arguments.seed,
        size: arguments.size,
        world: arguments.world.world(),
        out: arguments.out,
    };
    let counter = Counter::new("rendered", rendering.count);
    let whole = render_latents(
        &rendering,
        &model,
        &device,
        &mut |done| counter.reach(done.done, done.found),
        &|| stop.load(Ordering::Relaxed),
    );
    counter.clear();
    if whole? {
        eprintln!("{} holds the samples", rendering.out.display());
        Ok(Code::Complete)
    } else {
        message::hint_line("stopped; the same command goes on from here");
        Ok(Code::Interrupted)
    }
}
