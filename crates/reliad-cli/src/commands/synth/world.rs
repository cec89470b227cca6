//! Which samples of the world a command asks for.

use clap::Args;
use reliad_dataset::Split;
use reliad_imaging::Class;
use reliad_synth::{Pool, World};

use super::{ScenesArg, SizesArg, pool};

/// Labels, products and scenes.
#[derive(Debug, Args)]
pub(super) struct WorldArgs {
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

    /// Show products of this pool; no two pools share a product, so that nothing is measured on what it has learned from:
    /// world, unseen, tuning, choosing, reporting, held-out or labelling
    #[arg(long, value_parser = pool, default_value = "world", value_name = "POOL")]
    products: Pool,

    #[command(flatten)]
    sizes: SizesArg,

    #[command(flatten)]
    scenes: ScenesArg,
}

impl WorldArgs {
    pub(super) fn world(&self) -> World {
        World {
            class: self.class,
            products: products(self.products, &self.split),
            sizes: self.sizes.sizes,
            scenes: self.scenes.scenes,
            ..World::default()
        }
    }
}

fn split(text: &str) -> Result<Split, String> {
    match text {
        "train" => Ok(Split::Train),
        "validation" => Ok(Split::Validation),
        "test" => Ok(Split::Test),
        _ => Err("it is none of train, validation and test".to_owned()),
    }
}

/// The products of `splits` in `pool`; absent when they are all of the world's.
fn products(pool: Pool, splits: &[Split]) -> Option<Vec<u64>> {
    let of = |id: &u64| splits.is_empty() || splits.contains(&Split::of_product(*id));
    let whole = pool == Pool::World && splits.is_empty();
    (!whole).then(|| pool.identities().filter(of).collect())
}

fn class(text: &str) -> Result<Class, String> {
    Class::from_slug(text).ok_or_else(|| "it is none of the labels".to_owned())
}
