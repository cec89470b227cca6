//! The figures of an evaluation: what the JSON file and the table hold.

use std::collections::BTreeMap;

use reliad_diffusion::Sampling;
use reliad_synth::{Scenes, Sizes};
use serde::Serialize;

use super::looks::{Looks, Own};
use crate::measure::agreement::confusion;
use crate::measure::failures::failure_shares;
use crate::measure::{Figure, frechet};

/// A model as the figures name it.
#[derive(Clone, Debug, Serialize)]
pub struct Named {
    /// What was given on the command line.
    pub name: String,
    /// BLAKE3 over the files that were loaded.
    pub digest: String,
}

/// What decides the figures.
#[derive(Clone, Debug, Serialize)]
pub struct Settings {
    /// Version of the program.
    pub reliad: String,
    /// Seed of the samples and of the noise.
    pub seed: u64,
    /// Samples painted.
    pub count: usize,
    /// Side of the pictures in pixels.
    pub size: u32,
    /// Sizes of the products.
    pub sizes: Sizes,
    /// Scenes that prompts ask for.
    pub scenes: Scenes,
    /// Where networks stood.
    pub device: String,
    /// Painted.
    pub model: Named,
    /// Judged.
    pub judge: Named,
    /// Told what pictures show.
    pub scene: Named,
    /// How pictures were sampled.
    pub sampling: Sampling,
}

/// `counts[asked][seen]`.
#[derive(Clone, Debug, Serialize)]
pub struct Confusion {
    /// What can be asked for and seen.
    pub names: Vec<String>,
    /// Pictures, a row what was asked for.
    pub counts: Vec<Vec<usize>>,
}

/// Everything that was measured; a figure is absent where too few pictures were painted for it.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// What decides the figures.
    pub settings: Settings,
    /// Share whose scene family and main colour are those of their prompt.
    pub prompt_agreement: Option<Figure>,
    /// The same of pictures painted with another prompt, against their own: chance.
    pub prompt_agreement_swapped: Option<Figure>,
    /// The same of the rendered pictures: what the scene network can tell at best.
    pub prompt_agreement_rendered: Option<Figure>,
    /// Share whose scene family is that of their prompt.
    pub scene_agreement: Option<Figure>,
    /// Share whose main colour is that of their prompt, where the prompt names it.
    pub color_agreement: Option<Figure>,
    /// Share whose light comes from where their prompt says, where it does and the scene network tells.
    pub light_agreement: Option<Figure>,
    /// The same of the rendered pictures.
    pub light_agreement_rendered: Option<Figure>,
    /// Share that the judge calls available at the first attempt.
    pub availability: Option<Figure>,
    /// Share that it rejects, by the reason's slug.
    pub failure_shares: BTreeMap<String, Figure>,
    /// Fréchet distance to rendered pictures in the scene network's features.
    pub distance: Option<Figure>,
    /// The same between rendered pictures: chance.
    pub distance_floor: Option<Figure>,
    /// Feature distance between pictures of one product and prompt, outside the product.
    pub diversity: Option<Figure>,
    /// The same between renders that share family, surface and main colour.
    pub diversity_rendered: Option<Figure>,
    /// Edges of the product found within 2 pixels, by text and ControlNet alone.
    pub edge_recall: Option<Figure>,
    /// The same without the ControlNet: chance.
    pub edge_recall_uncontrolled: Option<Figure>,
    /// Share with a second large salient thing beside the product.
    pub second_copy_share: Option<Figure>,
    /// Scene families.
    pub confusion_families: Confusion,
    /// Main colours, where the prompt names one.
    pub confusion_colors: Confusion,
}

impl Figures {
    /// The figures of what was seen; `products` are the items' products, `families` and `colors` the scene network's names.
    pub fn new(
        looks: &Looks,
        products: &[u64],
        families: &[String],
        colors: &[String],
        settings: Settings,
    ) -> Self {
        let seed = settings.seed;
        let mean = |values: Vec<(usize, f64)>| Figure::mean(&of_products(values, products), seed);
        let share =
            |values: Vec<(usize, bool)>| Figure::share(&of_products(values, products), seed);
        let own = |of: &dyn Fn(&Own) -> bool| share(looks.own.iter().map(of).enumerate().collect());
        let lit = |of: fn(&Own) -> Option<bool>| {
            let asked = looks.own.iter().map(of).enumerate();
            share(
                asked
                    .filter_map(|(item, right)| Some((item, right?)))
                    .collect(),
            )
        };
        let features = |of: fn(&Own) -> &Vec<f32>| -> Vec<Vec<f32>> {
            looks.own.iter().map(|own| of(own).clone()).collect()
        };
        let distances = frechet::halves(
            &features(|own| &own.painted_features),
            &features(|own| &own.rendered_features),
            seed,
        );
        let colors_asked = looks
            .own
            .iter()
            .filter_map(|own| Some((own, own.asked.color?)));
        Self {
            prompt_agreement: own(&|own| own.asked.agrees(&own.painted)),
            prompt_agreement_swapped: share(
                looks
                    .swapped
                    .iter()
                    .map(|look| (look.item, look.asked.agrees(&look.painted)))
                    .collect(),
            ),
            prompt_agreement_rendered: own(&|own| own.asked.agrees(&own.rendered)),
            scene_agreement: own(&|own| own.asked.has_family(&own.painted)),
            color_agreement: share(
                looks
                    .own
                    .iter()
                    .enumerate()
                    .filter_map(|(item, own)| Some((item, own.asked.has_color(&own.painted)?)))
                    .collect(),
            ),
            light_agreement: lit(|own| own.asked.has_light(&own.painted)),
            light_agreement_rendered: lit(|own| own.asked.has_light(&own.rendered)),
            availability: own(&|own| own.verdict.available),
            failure_shares: {
                let verdicts = looks.own.iter().map(|own| &own.verdict);
                let of_products: Vec<_> = products.iter().copied().zip(verdicts).collect();
                failure_shares(&of_products, seed)
            },
            distance: distances.map(|distances| distances.painted),
            distance_floor: distances.map(|distances| distances.floor),
            diversity: mean(
                looks
                    .varied
                    .iter()
                    .map(|varied| (varied.item, varied.distance))
                    .collect(),
            ),
            diversity_rendered: mean(
                looks
                    .rendered_pairs
                    .iter()
                    .map(|pair| (pair.items[0], pair.distance))
                    .collect(),
            ),
            edge_recall: mean(
                looks
                    .followed
                    .iter()
                    .map(|look| (look.item, look.controlled))
                    .collect(),
            ),
            edge_recall_uncontrolled: mean(
                looks
                    .followed
                    .iter()
                    .map(|look| (look.item, look.uncontrolled))
                    .collect(),
            ),
            second_copy_share: own(&|own| own.second_copy),
            confusion_families: Confusion {
                names: families.to_vec(),
                counts: confusion(
                    looks
                        .own
                        .iter()
                        .map(|own| (own.asked.family, own.painted.family)),
                    families.len(),
                ),
            },
            confusion_colors: Confusion {
                names: colors.to_vec(),
                counts: confusion(
                    colors_asked.map(|(own, color)| (color, own.painted.color)),
                    colors.len(),
                ),
            },
            settings,
        }
    }

    /// Each figure with its name and, for people, what it says.
    pub fn lines(&self) -> Vec<(&'static str, Option<Figure>, &'static str)> {
        vec![
            (
                "prompt_agreement",
                self.prompt_agreement,
                "pictures whose scene family and main colour are those of their prompt",
            ),
            (
                "prompt_agreement_rendered",
                self.prompt_agreement_rendered,
                "the same of the rendered pictures: what the scene network can tell at best",
            ),
            (
                "prompt_agreement_swapped",
                self.prompt_agreement_swapped,
                "the same of pictures painted with another prompt, against their own: chance",
            ),
            (
                "scene_agreement",
                self.scene_agreement,
                "the scene family alone",
            ),
            (
                "color_agreement",
                self.color_agreement,
                "the main colour alone, where the prompt names it",
            ),
            (
                "light_agreement",
                self.light_agreement,
                "the side that light comes from, where the prompt names it",
            ),
            (
                "light_agreement_rendered",
                self.light_agreement_rendered,
                "the same of the rendered pictures: what the scene network can tell at best",
            ),
            (
                "availability",
                self.availability,
                "pictures that the judge calls available at the first attempt",
            ),
            (
                "distance",
                self.distance,
                "Fréchet distance to rendered pictures in the scene network's features (not FID)",
            ),
            (
                "distance_floor",
                self.distance_floor,
                "the same between rendered pictures: chance",
            ),
            (
                "diversity",
                self.diversity,
                "feature distance between pictures of one product and prompt, outside the product",
            ),
            (
                "diversity_rendered",
                self.diversity_rendered,
                "the same between renders that share family, surface and main colour",
            ),
            (
                "edge_recall",
                self.edge_recall,
                "edges of the product found within 2 pixels, by text and ControlNet alone",
            ),
            (
                "edge_recall_uncontrolled",
                self.edge_recall_uncontrolled,
                "the same without the ControlNet: chance",
            ),
            (
                "second_copy_share",
                self.second_copy_share,
                "pictures with a second large salient thing beside the product",
            ),
        ]
    }

    /// The figures as a Markdown table.
    pub fn table(&self) -> String {
        let mut text = String::from("| figure | value | 95 % interval | n |\n|---|---|---|---|\n");
        for (name, figure, _) in self.lines() {
            text += &row(name, figure);
        }
        for (class, figure) in &self.failure_shares {
            text += &row(&format!("judged {class}"), Some(*figure));
        }
        text
    }
}

fn row(name: &str, figure: Option<Figure>) -> String {
    match figure {
        Some(Figure {
            value,
            low,
            high,
            n,
        }) => {
            format!("| {name} | {value:.3} | {low:.3} to {high:.3} | {n} |\n")
        }
        None => format!("| {name} | – | – | 0 |\n"),
    }
}

/// Measurements of items as measurements of their products.
fn of_products<T>(values: impl IntoIterator<Item = (usize, T)>, products: &[u64]) -> Vec<(u64, T)> {
    let of_product = |(item, value)| (products[item], value);
    values.into_iter().map(of_product).collect()
}
