//! The model card that a trained judge carries: what it is, what it learned from, what was measured on the way.

use std::collections::{BTreeMap, HashSet};

use reliad_dataset::Label;
use reliad_rfnet::detector::DetectorConfig;

use crate::data::world::World;
use crate::fit::FitConfig;
use crate::fit::checkpoint::State;
use crate::judge::settings::FusionTraining;
use crate::judge::views::Views;

/// What [`judge`] tells of.
#[derive(Debug)]
pub struct Training<'a> {
    /// The network.
    pub network: &'a DetectorConfig,
    /// The samples.
    pub world: &'a World,
    /// Which samples weren't learned from, one line a reason.
    pub left_out: &'a [String],
    /// Views that were learned from.
    pub train: &'a Views,
    /// Views that figures were read from.
    pub held_out: &'a Views,
    /// What came before the loop.
    pub fusion: Option<&'a FusionTraining>,
    /// Settings of the loop.
    pub fit: &'a FitConfig,
    /// Where it ended.
    pub state: &'a State,
    /// Held-out figures of the weights that were written.
    pub figures: &'a [(String, f64)],
}

/// The card of a judge as Markdown, `README.md` of its component.
pub fn judge(training: &Training<'_>) -> String {
    let Training {
        network,
        world,
        left_out,
        train,
        held_out,
        fusion,
        fit,
        state,
        figures,
    } = *training;
    let inputs = network.inputs();
    let inputs: Vec<&str> = [
        (inputs.product, "product"),
        (inputs.generated, "picture"),
        (inputs.depth, "depth"),
        (inputs.saliency, "saliency"),
        (inputs.caption, "title"),
    ]
    .into_iter()
    .filter_map(|(on, name)| on.then_some(name))
    .collect();
    let mut card = format!(
        "# Judge of advertising pictures ({kind})\n\n\
         Gives a picture of a product a probability of being fit to publish and of each way to fail. Written by \
         `reliad train rfnet` {version}.\n\n\
         - Inputs: {inputs}, pictures at {size} pixels\n\
         - Classes: {classes}\n\
         - Seed {seed}\n",
        kind = match network {
            DetectorConfig::RfNet(_) => "RFNet",
            DetectorConfig::Classifier(_) => "classifier",
        },
        version = env!("CARGO_PKG_VERSION"),
        inputs = inputs.join(", "),
        size = network.preprocess().image_size,
        classes = network.classes().count(),
        seed = state.seed,
    );
    let fusion = fusion.filter(|_| matches!(network, DetectorConfig::RfNet(_)));
    if let Some(fusion) = fusion {
        let epochs = fusion.fit.epochs.unwrap_or_default();
        let so_long = format!(
            "for {epochs} passes over {} copies of the views",
            fusion.copies
        );
        card += &trained(
            "The fusion alone, the encoders standing still,",
            &so_long,
            &fusion.fit,
        );
    }
    if state.step > 0 || fusion.is_none() {
        let minutes = state.elapsed_seconds / 60.0;
        let so_long = format!("for {} steps in {minutes:.0} minutes", state.step);
        card += &trained("All of it", &so_long, fit);
    }
    if let Some(best) = state.best.as_ref().filter(|_| fit.patience > 0) {
        card += &format!("- Weights of step {}, the best validation\n", best.step);
    }
    card += "\n## Data\n\nDivided by product; a sample that was repainted by the painter, or is listed again, counts once more as a view.\n\n\
             | label | samples to learn from | views | samples held out |\n|---|---|---|---|\n";
    let (samples, seen) = (counts(world, train, true), counts(world, train, false));
    let kept = counts(world, held_out, true);
    for (label, &count) in &seen {
        let of = |counts: &BTreeMap<String, usize>| counts.get(label).copied().unwrap_or(0);
        card += &format!("| {label} | {} | {count} | {} |\n", of(&samples), of(&kept));
    }
    for line in left_out {
        card += &format!("\n{line}.\n");
    }
    card += "\n## Held-out figures\n\nOf views of the validation products, uncalibrated.\n\n| figure | value |\n|---|---|\n";
    for (name, value) in figures {
        card += &format!("| {} | {value:.4} |\n", name.replace('_', " "));
    }
    card += "\n## Before you rely on it\n\nIt knows the pictures, products and labels above and nothing else: measure it on labelled \
             pictures of your own painter with `reliad evaluate rfnet`, fit its probabilities with `reliad calibrate`.\n";
    card
}

/// A line on one of the loops.
fn trained(what: &str, so_long: &str, fit: &FitConfig) -> String {
    format!(
        "- {what} trained {so_long}, {batch} at a time; learning rate {rate:e}, weight decay {decay:e}, moving average {average}\n",
        batch = fit.batch_size * fit.accumulate,
        rate = fit.learning_rate.base,
        decay = fit.weight_decay,
        average = fit.average_decay,
    )
}

/// Views of each label, or with `once` the pictures behind them.
fn counts(world: &World, views: &Views, once: bool) -> BTreeMap<String, usize> {
    let (mut counts, mut pictures) = (BTreeMap::new(), HashSet::new());
    for &sample in &views.samples {
        let record = &world.records()[sample];
        if once && !pictures.insert(record.image.to_string()) {
            continue;
        }
        let label = record.label.map_or("none", Label::name);
        *counts.entry(label.to_owned()).or_insert(0) += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;
    use serde_json::json;

    #[test]
    fn a_picture_that_is_listed_again_is_one_sample() {
        let dir = tempfile::tempdir().unwrap();
        let line = |image: &str, label: &str| {
            json!({
                "image": image, "product": "b.png", "title": "A mug", "prompt": "on grass", "label": label,
                "product_id": 1, "split": "test",
            })
            .to_string()
        };
        let lines = [
            line("a.png", "available"),
            line("c.png", "available"),
            line("d.png", "size_mismatch"),
            line("a.png", "available"),
        ];
        std::fs::write(dir.path().join("metadata.jsonl"), lines.join("\n")).unwrap();
        let world = World::open_to_test(dir.path()).unwrap();
        let mut views = Views::default();
        // The second is also seen as it was repainted.
        views.samples = vec![0, 1, 2, 3, 1];
        let of = |once| {
            counts(&world, &views, once)
                .into_values()
                .collect::<Vec<_>>()
        };
        assert_eq!(of(false), [4, 1]);
        assert_eq!(of(true), [2, 1]);
    }
}
