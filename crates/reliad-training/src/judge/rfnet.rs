//! Training of the judge on what the trained depth and saliency networks see.

use std::path::Path;

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use reliad_dataset::Label;
use reliad_imaging::Class;
use reliad_rfnet::calibration::Calibration;
use reliad_rfnet::classes::Classes;
use reliad_rfnet::detector::{Detector, DetectorConfig};
use reliad_rfnet::rfnet::Inputs;
use reliad_rfnet::roberta::RobertaTokenizer;
use reliad_weights::{ModelDir, Precision};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::fit::checkpoint::Checkpoints;
use crate::fit::progress::Control;
use crate::fit::{FitConfig, Loss, Outcome, Step, Task, fit};
use crate::judge::card;
use crate::judge::encoder;
use crate::judge::fusion::{Fusion, FusionTraining};
use crate::judge::metrics::{JudgeMetrics, most_probable};
use crate::judge::pretrained::Pretrained;
use crate::judge::retitle::Retitling;
use crate::judge::samples::{Augmentation, Eyes, Samples};
use crate::random::Order;
use crate::stage::{Ended, Stage};

/// Settings of the judge's training (`rfnet.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RfNetTraining {
    /// The component's `config.json`; the vocabulary's size is taken from the tokenizer when
    /// `text_encoder.vocab_size` is left out.
    pub network: Value,
    /// Pretrained encoders to begin with; fresh ones where none is given.
    #[serde(default)]
    pub pretrained: Pretrained,
    /// For RFNet: trains what is fresh in it first, on what the pretrained encoders make of the views; absent: all at once.
    #[serde(default)]
    pub fusion: Option<FusionTraining>,
    /// The shared loop.
    #[serde(default)]
    pub fit: FitConfig,
    /// Data and class weights.
    #[serde(default)]
    pub recipe: RfNetRecipe,
}

/// Data and class weights of the judge's training.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RfNetRecipe {
    /// Learn from the first so many samples of the folder only; absent: from all.
    pub samples: Option<usize>,
    /// Every so-many-th sample is seen once more as the trained painter repaints it; 0: none. Ours.
    pub repaint_every: usize,
    /// Farthest timestep from which repainting starts, as a share of the schedule, 0 to 1; 0: the autoencoder alone.
    pub repaint_strength: f64,
    /// Pictures are mirrored at random and moved by up to so many pixels of the judge's input, product,
    /// picture and maps together, which changes no label.
    pub shift: u32,
    /// Standard deviation of a random gain and offset of product and picture together, 0 to 1.
    pub exposure: f64,
    /// Weight of a class is its rarity to this power: 0 none, 1 balanced.
    pub balance: f64,
    /// Titles that tell another size, for rendered samples.
    pub retitle: Retitling,
}

impl Default for RfNetRecipe {
    fn default() -> Self {
        Self {
            samples: None,
            repaint_every: 3,
            repaint_strength: 0.4,
            shift: 8,
            exposure: 0.1,
            balance: 0.0,
            retitle: Retitling::default(),
        }
    }
}

impl RfNetRecipe {
    /// The recipe for a network with these inputs: nothing would tell one that reads no titles why a label changes with them.
    fn seen_by(mut self, inputs: Inputs) -> Self {
        if !inputs.caption {
            self.retitle.share = 0.0;
        }
        self
    }
}

/// Name of the stage, its component and checkpoints.
pub(crate) const NAME: &str = "rfnet";

impl RfNetTraining {
    /// Checks the settings, and that what it begins with fits `network`.
    ///
    /// # Errors
    /// A setting out of its range, and as [`Pretrained::check`].
    pub fn check(&self, network: &DetectorConfig, stage: &Stage) -> Result<()> {
        self.fit.check()?;
        self.fusion.as_ref().map_or(Ok(()), FusionTraining::check)?;
        self.pretrained.check(network, stage)
    }

    /// The network's configuration, with what the tokenizer says where it was left out.
    ///
    /// # Errors
    /// A configuration that is not supported.
    pub fn network(&self, tokenizer: &RobertaTokenizer) -> Result<DetectorConfig> {
        let mut json = self.network.clone();
        let text = json.get_mut("text_encoder");
        if let Some(text) = text.and_then(Value::as_object_mut) {
            text.entry("vocab_size")
                .or_insert(json!(tokenizer.vocab_size()));
        }
        DetectorConfig::from_json(&json).map_err(Error::component("rfnet config"))
    }

    /// The tokenizer of titles in the stage's `rfnet/`.
    ///
    /// # Errors
    /// A missing or damaged vocabulary.
    pub fn tokenizer(&self, stage: &Stage) -> Result<RobertaTokenizer> {
        let dir =
            ModelDir::open(stage.component(NAME)).map_err(Error::component("rfnet's tokenizer"))?;
        let length = self.network["max_caption_tokens"].as_u64().unwrap_or(64) as usize;
        RobertaTokenizer::load(&dir, length).map_err(Error::component("rfnet's tokenizer"))
    }
}

/// Trains the judge and writes `rfnet/`.
///
/// # Errors
/// As [`Samples::prepare`], or a failing disk.
pub fn train(config: &RfNetTraining, stage: &Stage, control: &mut Control<'_>) -> Result<Ended> {
    // Now, and not after an hour of views.
    let network = config.network(&config.tokenizer(stage)?)?;
    let encoder = encoder::weights(stage, encoder::NAME);
    let encoder = config.pretrained.encoder_stage.then_some(encoder.as_path());
    if let Some(dir) = encoder {
        encoder::open(dir, &network.image_encoder())?;
    }
    config.check(&network, stage)?;
    let Some(samples) = Samples::prepare(config, stage, control)? else {
        return Ok(Ended::Stopped);
    };
    match train_on(config, &samples, stage, NAME, encoder, control)? {
        Outcome::Stopped(_) => Ok(Ended::Stopped),
        Outcome::Finished {
            model,
            figures,
            state,
        } => {
            let dir = stage.component(NAME);
            model
                .save(&network, &dir, Precision::F16)
                .map_err(Error::component(NAME))?;
            let card = card::judge(&card::Training {
                network: &network,
                world: &samples.world,
                train: &samples.train,
                held_out: &samples.held_out,
                fusion: config.fusion.as_ref(),
                fit: &config.fit,
                state: &state,
                figures: &figures,
            });
            reliad_weights::write_atomically(&dir.join("README.md"), card.as_bytes())
                .map_err(Error::component(NAME))?;
            Ok(Ended::Finished(figures))
        }
    }
}

/// Trains a judge on samples at hand, with checkpoints under `name`; writes no component. `encoder` is what
/// [`encoder::train_as`] wrote for it to begin with.
///
/// # Errors
/// A configuration that is not supported, views of another size, or a failing disk.
pub fn train_on(
    config: &RfNetTraining,
    samples: &Samples,
    stage: &Stage,
    name: &str,
    encoder: Option<&Path>,
    control: &mut Control<'_>,
) -> Result<Outcome<Detector>> {
    let failed = Error::component::<reliad_rfnet::Error>;
    let network = config.network(&samples.tokenizer)?;
    let device = stage.training_device();
    device.seed(stage.seed);
    let start = network.init(&device).map_err(failed("rfnet config"))?;
    let start = config
        .pretrained
        .put_into(start, &network, encoder, stage, &device)?;
    let recipe = config.recipe.seen_by(network.inputs());
    let dir = stage.checkpoints(name);
    let weights = class_weights(network.classes(), samples, recipe.balance);
    let begun = Checkpoints::new(&dir).state()?.is_some();
    let start = match (&config.fusion, start) {
        (Some(fusion), Detector::RfNet(start)) if !begun => {
            let eyes = Eyes::new(&network)?;
            let first = Fusion {
                samples,
                eyes: &eyes,
                recipe: &recipe,
                weights: &weights,
            };
            match first.train(fusion, start, stage, &dir.join("fusion"), control)? {
                Outcome::Finished { model, .. } => Detector::RfNet(model.train()),
                Outcome::Stopped(state) => return Ok(Outcome::Stopped(state)),
            }
        }
        (_, start) => start,
    };
    let mut task = RfNetTask {
        order: Order::new(stage.seed, samples.train.samples.len()),
        weights,
        eyes: Eyes::new(&network)?,
        samples,
        batch_size: config.fit.batch_size,
        recipe,
        plain: stage.device.clone(),
    };
    let training = stage.training(NAME, &config.fit, &dir);
    fit(&mut task, start, &training, control)
}

/// The logit that stands for a label; `None` where the head can't express it.
pub fn logit(classes: Classes, label: Label) -> Option<usize> {
    match label.class() {
        Some(class) => classes.index(class),
        None => (classes.count() == 2).then_some(1),
    }
}

/// Weight of each logit's class in the loss, 1 on average over the views.
fn class_weights(classes: Classes, samples: &Samples, balance: f64) -> Vec<f32> {
    let mut counts = vec![0usize; classes.count()];
    for &sample in &samples.train.samples {
        if let Some(index) = logit(classes, samples.world.records()[sample].label) {
            counts[index] += 1;
        }
    }
    let total = samples.train.samples.len() as f64;
    let raw: Vec<f64> = counts
        .iter()
        .map(|&count| (total / (counts.len() as f64 * count.max(1) as f64)).powf(balance))
        .collect();
    let mean: f64 = raw
        .iter()
        .zip(&counts)
        .map(|(weight, &count)| weight * count as f64)
        .sum::<f64>()
        / total.max(1.0);
    raw.iter().map(|weight| (weight / mean) as f32).collect()
}

struct RfNetTask<'a> {
    samples: &'a Samples,
    eyes: Eyes,
    order: Order,
    weights: Vec<f32>,
    batch_size: usize,
    recipe: RfNetRecipe,
    plain: Device,
}

impl Task for RfNetTask<'_> {
    type Model = Detector;

    fn samples(&self) -> usize {
        self.order.count()
    }

    fn loss(&mut self, model: &Detector, step: &mut Step) -> Result<Loss> {
        let places = self.order.batch(step.index, self.batch_size);
        let (samples, views) = (self.samples, &self.samples.train);
        let records = samples.records(views, &places);
        let drawn = Augmentation::draw(&records, &self.recipe, &mut step.rng, &step.device);
        let labels = self.eyes.indices(drawn.retitled.labels(&records));
        let input = self
            .eyes
            .input(samples, views, &places, &drawn, &step.device)?;
        Ok(Loss {
            total: cross_entropy(model.forward(input), &labels, &self.weights),
            parts: Vec::new(),
        })
    }

    fn validate(&mut self, average: &Detector) -> Result<Vec<(String, f64)>> {
        let average = average.valid();
        let (samples, views) = (self.samples, &self.samples.held_out);
        let rows = self
            .eyes
            .logits(&average, samples, views, self.batch_size, &self.plain)?;
        let places: Vec<usize> = (0..rows.len()).collect();
        let labels = self.eyes.labels(samples, views, &places);
        Ok(held_out_figures(self.eyes.classes, &rows, &labels))
    }
}

/// Mean cross-entropy of `logits` `[n, classes]`, each sample weighted as its class is.
pub(crate) fn cross_entropy(logits: Tensor<2>, labels: &[usize], weights: &[f32]) -> Tensor<1> {
    let (count, device) = (labels.len(), logits.device());
    let weights: Vec<f32> = labels.iter().map(|&label| weights[label]).collect();
    let index: Vec<i64> = labels.iter().map(|&label| label as i64).collect();
    let index = Tensor::<2, Int>::from_data(TensorData::new(index, [count, 1]), &device);
    let weights = Tensor::<2>::from_data(TensorData::new(weights, [count, 1]), &device);
    let chosen = log_softmax(logits, 1).gather(1, index);
    (chosen * weights).mean().neg()
}

/// What is told of held-out samples with these logits, a row each.
pub(crate) fn held_out_figures(
    classes: Classes,
    rows: &[Vec<f32>],
    labels: &[usize],
) -> Vec<(String, f64)> {
    let available = classes.index(Class::Available).unwrap_or(0);
    let mut loss = 0.0;
    let verdicts: Vec<(usize, usize, f64)> = rows
        .iter()
        .zip(labels)
        .map(|(row, &label)| {
            let probabilities = Calibration::default().probabilities(row);
            loss -= f64::from(probabilities[label]).max(1e-12).ln();
            let verdict = most_probable(&probabilities);
            (label, verdict, f64::from(probabilities[available]))
        })
        .collect();
    let metrics = JudgeMetrics::new(classes.count(), available, &verdicts);
    vec![
        (
            "held_out_loss".to_owned(),
            loss / verdicts.len().max(1) as f64,
        ),
        ("accuracy".to_owned(), metrics.accuracy),
        ("f1".to_owned(), metrics.f1),
        ("average_precision".to_owned(), metrics.average_precision),
    ]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn titles_change_only_for_networks_that_read_them() {
        let text = include_str!("../../../../configs/mini/rfnet.json");
        let config: RfNetTraining = serde_json::from_str(text).unwrap();
        let share = |caption: bool| {
            let inputs = Inputs {
                caption,
                ..Inputs::default()
            };
            config.recipe.seen_by(inputs).retitle.share
        };
        assert!(share(true) > 0.0);
        assert_eq!(share(false), 0.0);
    }
}
