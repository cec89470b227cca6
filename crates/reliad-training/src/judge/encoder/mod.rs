//! Pretraining of an image encoder on what the rendered world tells of its pictures, in ImageNet's place.
//!
//! The paper's judge begins with ResNets that know things by sight; a judge of mini's size has nothing to begin with. Here
//! it learns which product, props, scene and colour a picture shows, and how many pixels a centimetre is by the size of its
//! props; and, where [`EncoderRecipe::verdict`] says so, the label, as far as the picture alone tells it: a look of one encoder is
//! several times as cheap as one of the whole judge. Ours.

mod facts;

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::activation::{log_softmax, softplus};
use burn::tensor::{Device, Int, Tensor, TensorData};
use reliad_dataset::Modality;
use reliad_rfnet::classifier::{Architecture, Classifier};
use reliad_rfnet::preprocess::{Preprocess, PreprocessConfig};
use reliad_weights::{ModelDir, Precision};
use serde::Deserialize;

use crate::data::pictures::{Layout, Movement, Pictures};
use crate::data::soften::{Softening, soften};
use crate::data::world::World;
use crate::error::{Error, Result};
use crate::fit::progress::Control;
use crate::fit::{FitConfig, Loss, Outcome, Step, Task, fit};
use crate::random::Order;
use crate::stage::{Ended, Stage};

use facts::{Facts, KINDS, Names};

/// Loads what [`train_as`] wrote to `dir`, with a fresh classifier of `classes`.
///
/// # Errors
/// As [`open`].
pub fn load(
    dir: &Path,
    wanted: &Architecture,
    classes: usize,
    device: &Device,
) -> Result<Classifier> {
    let failed = Error::component::<reliad_rfnet::Error>;
    let (weights, config) = open(dir, wanted)?;
    let network = config.init(device).map_err(failed("encoder config"))?;
    let network = network
        .load(&weights, &config.key_map())
        .map_err(failed(MISSING))?;
    Ok(network.with_classes(classes, device))
}

/// The folder that [`train_as`] wrote, and its network.
///
/// # Errors
/// A directory that the training hasn't written, or that holds another network than `wanted` is but for its classes.
pub fn open(dir: &Path, wanted: &Architecture) -> Result<(ModelDir, Architecture)> {
    let weights = ModelDir::open(dir).map_err(Error::component(MISSING))?;
    let config: Architecture =
        reliad_weights::read_config(&weights, "config.json").map_err(Error::component(MISSING))?;
    if config.clone().with_classes(1) != wanted.clone().with_classes(1) {
        return Err(Error::Setting {
            name: "pretrained",
            reason: format!(
                "the encoder in {} is another network than the judge's; train it with this one",
                dir.display()
            ),
        });
    }
    Ok((weights, config))
}

const MISSING: &str = "pretrained image encoder; `reliad train encoder` makes it";

/// Settings of the encoder's training (`encoder.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderTraining {
    /// Size and statistics of the pictures: those of the judge that begins with the encoder.
    pub preprocess: PreprocessConfig,
    /// The encoder: that of the judge. How many classes it has doesn't matter here.
    pub network: Architecture,
    /// The shared loop.
    #[serde(default)]
    pub fit: FitConfig,
    /// Data and what is done to it.
    #[serde(default)]
    pub recipe: EncoderRecipe,
}

/// Data of the encoder's training.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncoderRecipe {
    /// Learn from the first so many samples of the folder only; absent: from all.
    pub samples: Option<usize>,
    /// Pictures are mirrored at random and moved by up to so many pixels of the input.
    pub shift: u32,
    /// How pictures are softened, noised and exposed.
    pub softening: Softening,
    /// Weight of the label's cross-entropy; 0: labels are left for the judge to learn, and samples that tell nothing else are
    /// left out.
    pub verdict: f64,
}

impl Default for EncoderRecipe {
    fn default() -> Self {
        Self {
            samples: None,
            shift: 8,
            softening: Softening::default(),
            verdict: 0.0,
        }
    }
}

/// Name of the stage's checkpoints.
pub const NAME: &str = "encoder";

/// Where the training with checkpoints under `name` keeps its encoder: no part of the model, but what its judge began with.
pub fn weights(stage: &Stage, name: &str) -> PathBuf {
    stage.checkpoints(name).join("weights")
}

/// Trains the encoder and writes it to [`weights`].
///
/// # Errors
/// Data that cannot be read or whose records don't tell their scenes, a configuration that is not supported, or a failing
/// disk.
pub fn train(config: &EncoderTraining, stage: &Stage, control: &mut Control<'_>) -> Result<Ended> {
    train_as(config, stage, NAME, control)
}

/// [`train`] with checkpoints under `name`.
///
/// # Errors
/// As [`train`].
pub fn train_as(
    config: &EncoderTraining,
    stage: &Stage,
    name: &str,
    control: &mut Control<'_>,
) -> Result<Ended> {
    config.recipe.softening.check()?;
    if !(config.recipe.verdict >= 0.0 && config.recipe.verdict.is_finite()) {
        return Err(Error::Setting {
            name: "verdict",
            reason: format!("{} is no weight, which is 0 or more", config.recipe.verdict),
        });
    }
    let failed = Error::component::<reliad_rfnet::Error>;
    let world = World::open(&stage.data, config.recipe.samples)?;
    let names = Names::of(&world, config.recipe.verdict > 0.0);
    let read = |indices: Vec<usize>| Data::read(&world, &indices, &names, config, stage);
    let (train, held_out) = world.split();
    let (train, held_out) = (read(train)?, read(held_out)?);
    let network = config.network.clone().with_classes(names.outputs());
    let device = stage.training_device();
    device.seed(stage.seed);
    let start = network.init(&device).map_err(failed("encoder config"))?;
    let mut task = EncoderTask {
        order: Order::new(stage.seed, train.facts.len()),
        train,
        held_out,
        names,
        preprocess: config.preprocess.init().map_err(failed("preprocess"))?,
        recipe: config.recipe.clone(),
        batch_size: config.fit.batch_size,
        plain: stage.device.clone(),
    };
    match fit(
        &mut task,
        start,
        &stage.training(NAME, &config.fit, &stage.checkpoints(name)),
        control,
    )? {
        Outcome::Stopped(_) => Ok(Ended::Stopped),
        Outcome::Finished { model, figures, .. } => {
            let dir = weights(stage, name);
            let file = dir.join("model.safetensors");
            model
                .save(&file, Precision::F32, &network.key_map())
                .map_err(failed(NAME))?;
            reliad_weights::write_config(&dir.join("config.json"), &network)
                .map_err(Error::component(NAME))?;
            Ok(Ended::Finished(figures))
        }
    }
}

/// Pictures and what is known of them, in the same order.
struct Data {
    pictures: Pictures,
    facts: Vec<Facts>,
}

impl Data {
    fn read(
        world: &World,
        indices: &[usize],
        names: &Names,
        config: &EncoderTraining,
        stage: &Stage,
    ) -> Result<Self> {
        let records = world.records();
        let indices: Vec<usize> = indices
            .iter()
            .copied()
            .filter(|&index| config.recipe.verdict > 0.0 || records[index].parameters.is_some())
            .collect();
        if indices.is_empty() {
            return Err(Error::Data {
                path: stage.data.clone(),
                reason: "no sample tells what was drawn (`parameters`); an encoder is pretrained on samples of `reliad synth render`".to_owned(),
            });
        }
        Ok(Self {
            pictures: world.pictures(
                &indices,
                Modality::Image,
                Layout::Rgb,
                config.preprocess.image_size,
            )?,
            facts: indices
                .iter()
                .map(|&index| Facts::of(&records[index], names))
                .collect(),
        })
    }
}

/// The errors of a batch, one element each; `scale` in natural logarithms.
struct Errors {
    scale: Tensor<1>,
    props: Tensor<1>,
    kinds: [Tensor<1>; KINDS],
}

impl Errors {
    /// Of the outputs `[n, names.outputs()]`.
    fn new(outputs: Tensor<2>, facts: &[&Facts], names: &Names) -> Self {
        let (n, device) = (facts.len(), outputs.device());
        let column =
            |values: Vec<f32>| Tensor::<2>::from_data(TensorData::new(values, [n, 1]), &device);
        let counted = |known: Vec<Option<f32>>| {
            let counts = known
                .iter()
                .map(|value| f32::from(u8::from(value.is_some())));
            (
                column(counts.collect()),
                column(known.iter().map(|value| value.unwrap_or(0.0)).collect()),
            )
        };
        let mean = |errors: Tensor<2>, counts: Tensor<2>| {
            (errors * counts.clone()).sum() / counts.sum().clamp_min(1.0)
        };
        let (counts, scales) = counted(
            facts
                .iter()
                .map(|facts| facts.scale.map(|scale| (scale - USUAL_SCALE) as f32))
                .collect(),
        );
        let scale = mean((outputs.clone().narrow(1, 0, 1) - scales).abs(), counts);
        let width = names.props.len();
        let mut present = vec![0.0f32; n * width];
        for (row, facts) in present.chunks_exact_mut(width.max(1)).zip(facts) {
            facts.props.iter().for_each(|&prop| row[prop] = 1.0);
        }
        let mut at = 1;
        let props = if width == 0 {
            Tensor::zeros([1], &device)
        } else {
            let logits = outputs.clone().narrow(1, at, width);
            let present = Tensor::<2>::from_data(TensorData::new(present, [n, width]), &device);
            (softplus(logits.clone(), 1.0) - logits * present).mean()
        };
        at += width;
        let kinds = std::array::from_fn(|kind| {
            let width = names.kinds[kind].len();
            if width == 0 {
                return Tensor::zeros([1], &device);
            }
            let known: Vec<Option<usize>> = facts.iter().map(|facts| facts.kinds[kind]).collect();
            let classes: Vec<i64> = known.iter().map(|k| k.unwrap_or(0) as i64).collect();
            let classes = Tensor::<2, Int>::from_data(TensorData::new(classes, [n, 1]), &device);
            let (counts, _) = counted(known.iter().map(|k| k.map(|_| 1.0)).collect());
            let logits = outputs.clone().narrow(1, at, width);
            at += width;
            mean(log_softmax(logits, 1).gather(1, classes).neg(), counts)
        });
        Self {
            scale,
            props,
            kinds,
        }
    }

    /// What is minimised. The weights bring the parts to about the same size early on.
    fn total(&self, verdict: f64) -> Tensor<1> {
        let [family, color, product, label] = self.kinds.clone();
        let kinds = (family + color + product) * 0.3 + label * verdict;
        self.scale.clone() + self.props.clone() * 4.0 + kinds
    }
}

/// The errors of those pictures whose product is no help in telling the scale; `None` where there are none.
fn mismatched(outputs: Tensor<2>, facts: &[&Facts], names: &Names) -> Option<Errors> {
    let places: Vec<usize> = (0..facts.len())
        .filter(|&place| facts[place].mismatched)
        .collect();
    if places.is_empty() {
        return None;
    }
    let rows = places.iter().map(|&place| place as i64).collect::<Vec<_>>();
    let rows = Tensor::<1, Int>::from_data(rows.as_slice(), &outputs.device());
    let facts: Vec<&Facts> = places.iter().map(|&place| facts[place]).collect();
    Some(Errors::new(outputs.select(0, rows), &facts, names))
}

/// The logarithm of a common scale, which fresh weights begin at: a product of 20 cm that takes two thirds of the side.
const USUAL_SCALE: f64 = -3.4;

struct EncoderTask {
    names: Names,
    preprocess: Preprocess,
    recipe: EncoderRecipe,
    train: Data,
    held_out: Data,
    order: Order,
    batch_size: usize,
    plain: Device,
}

impl Task for EncoderTask {
    type Model = Classifier;

    fn samples(&self) -> usize {
        self.order.count()
    }

    fn loss(&self, model: &Classifier, step: &mut Step) -> Result<Loss> {
        let places = self.order.batch(step.index, self.batch_size);
        let moves = Movement::draw(places.len(), self.recipe.shift, &mut step.rng);
        // On the plain device: nothing of the input needs a gradient.
        let pictures = self.train.pictures.moved(&places, &moves, &self.plain);
        let pictures = soften(pictures, &self.recipe.softening, &mut step.rng);
        let input = Tensor::from_inner(self.preprocess.generated(pictures));
        let facts: Vec<&Facts> = places
            .iter()
            .map(|&place| &self.train.facts[place])
            .collect();
        let errors = Errors::new(model.forward(input), &facts, &self.names);
        Ok(Loss {
            gradients: None,
            total: errors.total(self.recipe.verdict),
            parts: vec![("scale", errors.scale), ("props", errors.props)],
        })
    }

    fn validate(&mut self, average: &Classifier) -> Result<Vec<(String, f64)>> {
        let average = average.valid();
        let data = &self.held_out;
        let places: Vec<usize> = (0..data.facts.len()).collect();
        let mut rows = Vec::new();
        for chunk in places.chunks(self.batch_size) {
            let input = self
                .preprocess
                .generated(data.pictures.batch(chunk, &self.plain));
            rows.push(average.forward(input));
        }
        let outputs = Tensor::cat(rows, 0);
        let facts: Vec<&Facts> = data.facts.iter().collect();
        let errors = Errors::new(outputs.clone(), &facts, &self.names);
        let mismatched = mismatched(outputs, &facts, &self.names);
        let value = |error: Tensor<1>| error.into_scalar::<f64>();
        let total = value(errors.total(self.recipe.verdict));
        let [family, color, product, label] = errors.kinds.map(value);
        let mut figures = vec![
            ("held_out_loss", total),
            ("scale_error", value(errors.scale)),
            ("prop_loss", value(errors.props)),
            ("family_loss", family),
            ("color_loss", color),
            ("product_loss", product),
        ];
        if let Some(errors) = mismatched {
            figures.push(("mismatched_scale_error", value(errors.scale)));
        }
        if self.recipe.verdict > 0.0 {
            figures.push(("verdict_loss", label));
        }
        Ok(figures
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::facts::tests::{known, names};
    use super::*;

    #[test]
    fn errors_are_those_of_the_formulas_and_unknown_facts_count_for_nothing() {
        let device = Device::flex();
        let facts = Facts::of(&known(), &names());
        let nothing = Facts {
            scale: None,
            mismatched: false,
            props: vec![],
            kinds: [None; KINDS],
        };
        let scale = (0.1f64.ln() - USUAL_SCALE) as f32;
        let outputs = Tensor::<2>::from_floats(
            [
                [scale + 0.25, -1.0, 2.0, 0.0, 1.0, 7.0, 3.0, 3.0],
                [9.0, 0.0, 0.0, 5.0, -5.0, 1.0, 8.0, 0.0],
            ],
            &device,
        );
        let errors = Errors::new(outputs.clone(), &[&facts, &nothing], &names());
        let near = |error: &Tensor<1>, wanted: f64| {
            let got = error.clone().into_scalar::<f64>();
            assert!((got - wanted).abs() < 1e-5, "{got} {wanted}");
        };
        near(&errors.scale, 0.25);
        let soft = |x: f64| (1.0 + x.exp()).ln();
        near(
            &errors.props,
            (soft(-1.0) + soft(-2.0) + 2.0 * soft(0.0)) / 4.0,
        );
        near(&errors.kinds[0], soft(-1.0));
        near(&errors.kinds[1], 0.0);
        near(&errors.kinds[2], 2.0f64.ln());
        near(&errors.kinds[3], 0.0);
        // Of the two only the first has props of another scale than its product.
        let apart = mismatched(outputs.clone(), &[&nothing, &facts], &names());
        near(
            &apart.map(|errors| errors.scale).expect("one"),
            (9.0 - scale).abs().into(),
        );
        assert!(mismatched(outputs, &[&nothing, &nothing], &names()).is_none());
    }

    #[test]
    fn the_label_counts_as_its_weight_says() {
        let mut names = names();
        names.kinds[3] = vec!["available".to_owned(), "size_mismatch".to_owned()];
        let facts = Facts::of(&known(), &names);
        let outputs = Tensor::<2>::zeros([1, names.outputs()], &Device::flex());
        let errors = Errors::new(outputs, &[&facts], &names);
        let label = errors.kinds[3].clone().into_scalar::<f64>();
        assert!((label - 2.0f64.ln()).abs() < 1e-5, "{label}");
        let more = (errors.total(2.0) - errors.total(0.0)).into_scalar::<f64>();
        assert!((more - 2.0 * label).abs() < 1e-5, "{more}");
    }
}
