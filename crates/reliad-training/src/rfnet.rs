//! Training of the judge on what the trained depth and saliency networks see.

use burn::module::Module;
use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use reliad_dataset::Label;
use reliad_rfnet::preprocess::Preprocess;
use reliad_rfnet::rfnet::{RfNet, RfNetConfig, RfNetInput};
use reliad_rfnet::roberta::RobertaTokenizer;
use reliad_weights::{ModelDir, Precision};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::fit::{FitConfig, Loss, Outcome, Step, Task, fit};
use crate::metrics::JudgeMetrics;
use crate::pictures::{Movement, Pictures};
use crate::progress::Control;
use crate::random::{self, Order};
use crate::stage::{Ended, Stage};
use crate::views::{Viewer, Views};
use crate::world::World;

/// Settings of the judge's training (`rfnet.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RfNetTraining {
    /// The component's `config.json`; the vocabulary's size is taken from the tokenizer when
    /// `text_encoder.vocab_size` is left out.
    pub network: Value,
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
        }
    }
}

const NAME: &str = "rfnet";

/// Trains the judge and writes `rfnet/`.
///
/// # Errors
/// A missing `depth/`, `saliency/`, `rfnet/vocab.json` or, when views are repainted, component of the painter, data that
/// cannot be read, a configuration that is not supported, or a failing disk.
pub fn train(config: &RfNetTraining, stage: &Stage, control: &mut Control<'_>) -> Result<Ended> {
    let recipe = config.recipe;
    if !(0.0..=1.0).contains(&recipe.repaint_strength) {
        return Err(Error::Setting {
            name: "repaint_strength",
            reason: format!("{} is outside 0 to 1", recipe.repaint_strength),
        });
    }
    let failed = Error::component::<reliad_rfnet::Error>;
    let dir = stage.component(NAME);
    let model_dir = ModelDir::open(&dir).map_err(Error::component("rfnet's tokenizer"))?;
    let mut json = config.network.clone();
    let length = json["max_caption_tokens"].as_u64().unwrap_or(64) as usize;
    let tokenizer = RobertaTokenizer::load(&model_dir, length).map_err(failed("tokenizer"))?;
    if let Some(text) = json["text_encoder"].as_object_mut() {
        text.entry("vocab_size")
            .or_insert(json!(tokenizer.vocab_size()));
    }
    let network = RfNetConfig::from_json(&json).map_err(failed("rfnet config"))?;
    let world = World::open(&stage.data, recipe.samples)?;
    let viewer = Viewer::load(
        stage,
        network.preprocess.image_size,
        network.preprocess.product_background,
        (recipe.repaint_every > 0).then_some(recipe.repaint_strength),
    )?;
    let usable = |indices: Vec<usize>| -> Vec<usize> {
        indices
            .into_iter()
            .filter(|&index| logit(&network, world.records()[index].label).is_some())
            .collect()
    };
    let (train, held_out) = world.split();
    let (train, held_out) = (usable(train), usable(held_out));
    let Some(views) = viewer.views(stage, &world, &train, recipe.repaint_every, control)? else {
        return Ok(Ended::Stopped);
    };
    let Some(held_out) = viewer.views(stage, &world, &held_out, recipe.repaint_every, control)?
    else {
        return Ok(Ended::Stopped);
    };
    drop(viewer);
    let device = stage.training_device();
    device.seed(stage.seed);
    let start = network.init(&device).map_err(failed("rfnet config"))?;
    let mut task = RfNetTask {
        order: Order::new(stage.seed, views.samples.len()),
        weights: class_weights(&network, &world, &views, recipe.balance),
        preprocess: network.preprocess.init().map_err(failed("preprocess"))?,
        config: network.clone(),
        world,
        views,
        held_out,
        tokenizer,
        batch_size: config.fit.batch_size,
        recipe,
        seed: stage.seed,
        device,
        plain: stage.device.clone(),
    };
    match fit(
        &mut task,
        start,
        &stage.training(NAME, &config.fit, &stage.checkpoints(NAME)),
        control,
    )? {
        Outcome::Stopped(_) => Ok(Ended::Stopped),
        Outcome::Finished { model, figures, .. } => {
            reliad_weights::save(
                &model,
                &dir.join("model.safetensors"),
                Precision::F16,
                &RfNet::key_map(),
            )
            .map_err(Error::component(NAME))?;
            reliad_weights::write_config(&dir.join("config.json"), &network)
                .map_err(Error::component(NAME))?;
            Ok(Ended::Finished(figures))
        }
    }
}

/// The logit that stands for a label; `None` where the head can't express it.
pub fn logit(network: &RfNetConfig, label: Label) -> Option<usize> {
    match label.class() {
        Some(class) => network.index(class),
        None => (network.classes == 2).then_some(1),
    }
}

/// Weight of each logit's class in the loss, 1 on average over the views.
fn class_weights(network: &RfNetConfig, world: &World, views: &Views, balance: f64) -> Vec<f32> {
    let mut counts = vec![0usize; network.classes];
    for &sample in &views.samples {
        if let Some(index) = logit(network, world.records()[sample].label) {
            counts[index] += 1;
        }
    }
    let total = views.samples.len() as f64;
    let raw: Vec<f64> = counts
        .iter()
        .map(|&count| (total / (network.classes as f64 * count.max(1) as f64)).powf(balance))
        .collect();
    let mean: f64 = raw
        .iter()
        .zip(&counts)
        .map(|(weight, &count)| weight * count as f64)
        .sum::<f64>()
        / total.max(1.0);
    raw.iter().map(|weight| (weight / mean) as f32).collect()
}

struct RfNetTask {
    config: RfNetConfig,
    preprocess: Preprocess,
    tokenizer: RobertaTokenizer,
    world: World,
    views: Views,
    held_out: Views,
    order: Order,
    weights: Vec<f32>,
    batch_size: usize,
    recipe: RfNetRecipe,
    seed: u64,
    device: Device,
    plain: Device,
}

impl RfNetTask {
    fn input(
        &self,
        views: &Views,
        places: &[usize],
        augmentation: Option<&mut ChaCha8Rng>,
        device: &Device,
    ) -> Result<RfNetInput> {
        let inputs = self.config.inputs;
        let titles: Vec<&str> = places
            .iter()
            .map(|&place| self.world.records()[views.samples[place]].title.as_str())
            .collect();
        let caption = inputs
            .caption
            .then(|| self.tokenizer.encode_batch(&titles, device))
            .transpose()
            .map_err(Error::component("tokenizer"))?;
        let (moves, gain, offset) = self.augmentation(places.len(), augmentation, device);
        let rgb = |on: bool, pictures: &Pictures| {
            on.then(|| {
                let seen = pictures.moved(places, &moves, device) * gain.clone() + offset.clone();
                self.preprocess.generated(seen.clamp(0.0, 1.0))
            })
        };
        let map = |on: bool, pictures: &Pictures| {
            on.then(|| self.preprocess.map(pictures.moved(places, &moves, device)))
        };
        Ok(RfNetInput {
            product: rgb(inputs.product, &views.product),
            generated: rgb(inputs.generated, &views.generated),
            depth: map(inputs.depth, &views.depth),
            saliency: map(inputs.saliency, &views.saliency),
            caption,
        })
    }

    /// How each sample is moved, and its gain and offset `[n, 3, 1, 1]`; none without a generator.
    fn augmentation(
        &self,
        count: usize,
        rng: Option<&mut ChaCha8Rng>,
        device: &Device,
    ) -> (Vec<Movement>, Tensor<4>, Tensor<4>) {
        let shape = [count, 3, 1, 1];
        let Some(rng) = rng else {
            let none = vec![Movement::default(); count];
            return (
                none,
                Tensor::ones(shape, device),
                Tensor::zeros(shape, device),
            );
        };
        let reach = self.recipe.shift as i32;
        let moves = (0..count)
            .map(|_| Movement {
                mirrored: rng.random(),
                across: rng.random_range(-reach..=reach) as isize,
                down: rng.random_range(-reach..=reach) as isize,
            })
            .collect();
        let gain = random::normal(rng, shape, device) * self.recipe.exposure + 1.0;
        let offset = random::normal(rng, shape, device) * (0.5 * self.recipe.exposure);
        (moves, gain, offset)
    }

    fn labels(&self, views: &Views, places: &[usize]) -> Vec<usize> {
        places
            .iter()
            .map(|&place| {
                let label = self.world.records()[views.samples[place]].label;
                logit(&self.config, label).unwrap_or(0)
            })
            .collect()
    }
}

impl Task for RfNetTask {
    type Model = RfNet;

    fn loss(&mut self, model: &RfNet, step: &mut Step) -> Result<Loss> {
        // Dropout draws from the device's generator: it too must depend on the step alone.
        self.device
            .seed(self.seed.wrapping_mul(0x9e37_79b9).wrapping_add(step.index));
        let places = self.order.batch(step.index, self.batch_size);
        let labels = self.labels(&self.views, &places);
        let logits =
            model.forward(self.input(&self.views, &places, Some(&mut step.rng), &self.device)?);
        let count = labels.len();
        let weights: Vec<f32> = labels.iter().map(|&label| self.weights[label]).collect();
        let index: Vec<i64> = labels.iter().map(|&label| label as i64).collect();
        let index = Tensor::<2, Int>::from_data(TensorData::new(index, [count, 1]), &self.device);
        let weights = Tensor::<2>::from_data(TensorData::new(weights, [count, 1]), &self.device);
        let chosen = log_softmax(logits, 1).gather(1, index);
        Ok(Loss {
            total: (chosen * weights).mean().neg(),
            parts: Vec::new(),
        })
    }

    fn validate(&mut self, average: &RfNet) -> Result<Vec<(String, f64)>> {
        let average = average.valid();
        let available = self
            .config
            .index(reliad_imaging::Class::Available)
            .unwrap_or(0);
        let places: Vec<usize> = (0..self.held_out.samples.len()).collect();
        let mut verdicts = Vec::with_capacity(places.len());
        let mut loss = 0.0;
        for chunk in places.chunks(self.batch_size) {
            let logits = average.forward(self.input(&self.held_out, chunk, None, &self.plain)?);
            let labels = self.labels(&self.held_out, chunk);
            let probabilities: Vec<f64> = softmax(logits, 1).into_data().iter::<f64>().collect();
            for (row, &label) in probabilities.chunks_exact(self.config.classes).zip(&labels) {
                let verdict = (0..row.len())
                    .max_by(|&a, &b| row[a].total_cmp(&row[b]))
                    .unwrap_or(0);
                loss -= row[label].max(1e-12).ln();
                verdicts.push((label, verdict, row[available]));
            }
        }
        let metrics = JudgeMetrics::new(self.config.classes, available, &verdicts);
        Ok(vec![
            (
                "held_out_loss".to_owned(),
                loss / places.len().max(1) as f64,
            ),
            ("accuracy".to_owned(), metrics.accuracy),
            ("f1".to_owned(), metrics.f1),
            ("average_precision".to_owned(), metrics.average_precision),
        ])
    }
}
