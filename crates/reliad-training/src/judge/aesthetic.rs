//! Training of the stand-in for an aesthetic reward: renders of available scenes against the same pictures spoilt.
//!
//! Nobody's taste is in it. What the score says is how much a picture looks like an unspoilt render.

use burn::module::Module;
use burn::tensor::activation::softplus;
use burn::tensor::{Device, Tensor};
use rand::RngExt as _;
use reliad_dataset::Modality;
use reliad_imaging::Class;
use reliad_rewards::COMPONENT;
use reliad_rewards::scene_aesthetic::{SceneAestheticConfig, SceneAestheticNetwork};
use reliad_rfnet::preprocess::Preprocess;
use reliad_weights::Precision;
use serde::Deserialize;

use crate::data::pictures::{Layout, Movement, Pictures};
use crate::data::spoil::{LEARNED, Spoiling, UNSEEN};
use crate::data::world::World;
use crate::error::{Error, Result};
use crate::fit::progress::Control;
use crate::fit::{FitConfig, Loss, Outcome, Step, Task, fit};
use crate::random::{self, Order};
use crate::stage::{Ended, Stage};

/// Settings of the stand-in's training (`aesthetic.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AestheticTraining {
    /// The component's `config.json`.
    pub network: SceneAestheticConfig,
    /// The shared loop; a batch has `batch_size` pictures and as many spoilt ones.
    #[serde(default)]
    pub fit: FitConfig,
    /// Data and what is done to it.
    #[serde(default)]
    pub recipe: AestheticRecipe,
}

/// Data of the stand-in's training.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AestheticRecipe {
    /// Learn from the first so many samples of the folder only; absent: from all. Those not labelled available don't count.
    pub samples: Option<usize>,
    /// Held-out samples of each measurement.
    pub held_out: usize,
    /// Pictures are mirrored at random and moved by up to so many pixels of the input.
    pub shift: u32,
    /// Standard deviation of a gain of a picture, spoilt or not.
    pub exposure: f64,
}

impl Default for AestheticRecipe {
    fn default() -> Self {
        Self {
            samples: None,
            held_out: 128,
            shift: 6,
            exposure: 0.06,
        }
    }
}

/// Trains the stand-in and writes `aesthetic/`. Of its figures those called `test_` are of the test part, which no choice
/// has seen.
///
/// # Errors
/// Data that cannot be read or has no available samples, a configuration that is not supported, or a failing disk.
pub fn train(
    config: &AestheticTraining,
    stage: &Stage,
    control: &mut Control<'_>,
) -> Result<Ended> {
    let recipe = &config.recipe;
    if !(recipe.exposure.is_finite() && recipe.exposure >= 0.0) {
        return Err(Error::Setting {
            name: "exposure",
            reason: "must be a finite number, 0 or more".to_owned(),
        });
    }
    let world = World::open(&stage.data, recipe.samples)?;
    let (mut train, mut held_out) = world.split();
    let mut test = world.test();
    for part in [&mut train, &mut held_out, &mut test] {
        part.retain(|&index| world.records()[index].label == Some(Class::Available.into()));
    }
    if train.is_empty() || held_out.is_empty() {
        return Err(Error::Data {
            path: stage.data.clone(),
            reason: format!(
                "{} available samples to train on and {} held out; render more",
                train.len(),
                held_out.len()
            ),
        });
    }
    held_out.truncate(recipe.held_out);
    let failed = Error::component::<reliad_rewards::Error>;
    let device = stage.training_device();
    device.seed(stage.seed);
    let start = config
        .network
        .init(&device)
        .map_err(failed("aesthetic config"))?;
    let size = config.network.preprocess.image_size;
    let preprocess = config.network.preprocess.init();
    let mut task = AestheticTask {
        order: Order::new(stage.seed, train.len()),
        train: Samples::read(&world, &train, size)?,
        held_out: Samples::read(&world, &held_out, size)?,
        preprocess: preprocess.map_err(Error::component("preprocess"))?,
        recipe: recipe.clone(),
        batch_size: config.fit.batch_size,
        plain: stage.device.clone(),
    };
    match fit(
        &mut task,
        start,
        &stage.training(COMPONENT, &config.fit, &stage.checkpoints(COMPONENT)),
        control,
    )? {
        Outcome::Stopped(_) => Ok(Ended::Stopped),
        Outcome::Finished {
            model, mut figures, ..
        } => {
            let dir = stage.component(COMPONENT);
            reliad_weights::save(
                &model,
                &dir.join("model.safetensors"),
                Precision::F16,
                &SceneAestheticNetwork::key_map(),
            )
            .map_err(Error::component(COMPONENT))?;
            reliad_weights::write_config(&dir.join("config.json"), &config.network)
                .map_err(Error::component(COMPONENT))?;
            if !test.is_empty() {
                let samples = Samples::read(&world, &test, size)?;
                let kinds: Vec<Spoiling> = LEARNED.into_iter().chain(UNSEEN).collect();
                let found = task.measure(&model.valid(), &samples, &kinds);
                figures.extend(found.figures("test_"));
            }
            Ok(Ended::Finished(figures))
        }
    }
}

/// Pictures and the products in them, in the same order.
struct Samples {
    pictures: Pictures,
    products: Pictures,
}

impl Samples {
    fn read(world: &World, indices: &[usize], size: usize) -> Result<Self> {
        Ok(Self {
            pictures: world.pictures(indices, Modality::Image, Layout::Rgb, size)?,
            products: world.pictures(indices, Modality::Product, Layout::Rgba, size)?,
        })
    }
}

struct AestheticTask {
    preprocess: Preprocess,
    recipe: AestheticRecipe,
    train: Samples,
    held_out: Samples,
    order: Order,
    batch_size: usize,
    plain: Device,
}

/// What a network says of samples, whole and spoilt.
struct Measured {
    kinds: Vec<Spoiling>,
    whole: Vec<f64>,
    /// For each kind the scores of all samples.
    spoilt: Vec<Vec<f64>>,
}

impl Measured {
    /// Mean logistic loss, each side weighted alike.
    fn loss(&self) -> f64 {
        // log(1 + e^x) without overflow.
        let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        let mean = |values: &mut dyn Iterator<Item = f64>| {
            let (sum, count) = values.fold((0.0, 0.0), |(sum, count), it| (sum + it, count + 1.0));
            sum / f64::max(count, 1.0)
        };
        let whole = mean(&mut self.whole.iter().map(|&score| softplus(-score)));
        let spoilt = mean(&mut self.spoilt.iter().flatten().map(|&score| softplus(score)));
        0.5 * (whole + spoilt)
    }

    /// Shares: of whole pictures with a score above 0, and for each kind of pairs in which the whole one has more.
    fn figures(&self, prefix: &str) -> Vec<(String, f64)> {
        let share = |hits: usize| hits as f64 / self.whole.len().max(1) as f64;
        let above = self.whole.iter().filter(|&&score| score > 0.0).count();
        let mut figures = vec![(format!("{prefix}whole_above_0"), share(above))];
        for (kind, scores) in self.kinds.iter().zip(&self.spoilt) {
            let pairs = self.whole.iter().zip(scores);
            let right = pairs.filter(|(whole, spoilt)| whole > spoilt).count();
            figures.push((format!("{prefix}pairs_{}", kind.name()), share(right)));
        }
        figures
    }
}

impl AestheticTask {
    /// Scores of all samples, whole and in every kind; the same spoilings in every measurement.
    fn measure(
        &self,
        network: &SceneAestheticNetwork,
        samples: &Samples,
        kinds: &[Spoiling],
    ) -> Measured {
        let places: Vec<usize> = (0..samples.pictures.len()).collect();
        let score = |pictures: Tensor<4>| -> Vec<f64> {
            let scores = network.forward(self.preprocess.generated(pictures));
            scores.into_data().iter::<f64>().collect()
        };
        let mut measured = Measured {
            kinds: kinds.to_vec(),
            whole: Vec::new(),
            spoilt: vec![Vec::new(); kinds.len()],
        };
        for chunk in places.chunks(self.batch_size.max(1)) {
            let pictures = samples.pictures.batch(chunk, &self.plain);
            let products = samples.products.batch(chunk, &self.plain);
            for (kind, scores) in kinds.iter().zip(&mut measured.spoilt) {
                let spoilt = chunk.iter().enumerate().map(|(row, &place)| {
                    let mut rng = random::generator(0, kind.name(), place as u64);
                    let (picture, product) = (pictures.clone(), products.clone());
                    let picture = picture.narrow(0, row, 1);
                    kind.apply(picture, product.narrow(0, row, 1), &mut rng)
                });
                scores.extend(score(Tensor::cat(spoilt.collect(), 0)));
            }
            measured.whole.extend(score(pictures));
        }
        measured
    }
}

impl Task for AestheticTask {
    type Model = SceneAestheticNetwork;

    fn samples(&self) -> usize {
        self.order.count()
    }

    fn loss(&self, model: &SceneAestheticNetwork, step: &mut Step) -> Result<Loss> {
        let places = self.order.batch(step.index, self.batch_size);
        let count = places.len();
        let moves = Movement::draw(count, self.recipe.shift, &mut step.rng);
        // On the plain device: nothing of the input needs a gradient.
        let pictures = self.train.pictures.moved(&places, &moves, &self.plain);
        let products = self.train.products.moved(&places, &moves, &self.plain);
        let spoilt = (0..count).map(|row| {
            let kind = LEARNED[step.rng.random_range(0..LEARNED.len())];
            let picture = pictures.clone().narrow(0, row, 1);
            kind.apply(picture, products.clone().narrow(0, row, 1), &mut step.rng)
        });
        let spoilt = Tensor::cat(spoilt.collect(), 0);
        let seen = Tensor::cat(vec![pictures, spoilt], 0);
        let gain = random::normal(&mut step.rng, [2 * count, 1, 1, 1], &self.plain);
        let gain = gain * self.recipe.exposure + 1.0;
        let seen = self.preprocess.generated((seen * gain).clamp(0.0, 1.0));
        let scores = model.forward(Tensor::from_inner(seen));
        let whole = softplus(scores.clone().narrow(0, 0, count).neg(), 1.0).mean();
        let spoilt = softplus(scores.narrow(0, count, count), 1.0).mean();
        Ok(Loss {
            gradients: None,
            total: (whole.clone() + spoilt.clone()) * 0.5,
            parts: vec![("whole", whole), ("spoilt", spoilt)],
        })
    }

    fn validate(&mut self, average: &SceneAestheticNetwork) -> Result<Vec<(String, f64)>> {
        let found = self.measure(&average.valid(), &self.held_out, &LEARNED);
        let mut figures = vec![("loss".to_owned(), found.loss())];
        figures.extend(found.figures(""));
        Ok(figures)
    }
}
