//! `reliad synth render`: samples into a folder.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use reliad_dataset::Split;
use reliad_imaging::Class;
use reliad_synth::{Error, POOL, RenderConfig, World, render_folder};

use super::{ScenesArg, SizesArg};
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

    /// Give every sample this label: available, space_mismatch, size_mismatch, indistinctiveness,
    /// shape_hallucination or unsuitable [default: all but the last, mixed]
    #[arg(long, value_parser = class)]
    class: Option<Class>,

    /// Show only products of these parts of the world, as the trainings split it: train, validation
    /// or test, several with commas [default: all]
    #[arg(
        long,
        value_parser = split,
        value_delimiter = ','
    )]
    split: Vec<Split>,

    #[command(flatten)]
    sizes: SizesArg,

    #[command(flatten)]
    scenes: ScenesArg,
}

fn split(text: &str) -> Result<Split, String> {
    match text {
        "train" => Ok(Split::Train),
        "validation" => Ok(Split::Validation),
        "test" => Ok(Split::Test),
        _ => Err("it is none of train, validation and test".to_owned()),
    }
}

/// The products of `splits`; absent when no split was named.
fn products(splits: &[Split]) -> Option<Vec<u64>> {
    let of = |id: &u64| splits.contains(&Split::of_product(*id));
    (!splits.is_empty()).then(|| (0..POOL).filter(of).collect())
}

fn class(text: &str) -> Result<Class, String> {
    Class::from_slug(text).ok_or_else(|| "it is none of the labels".to_owned())
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
        world: World {
            class: arguments.class,
            products: products(&arguments.split),
            sizes: arguments.sizes.sizes,
            scenes: arguments.scenes.scenes,
            ..World::default()
        },
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
