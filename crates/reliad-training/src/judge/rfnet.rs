//! Training of the judge on what the trained depth and saliency networks see.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use reliad_rfnet::classes::Classes;
use reliad_rfnet::detector::Detector;
use reliad_weights::Precision;

use crate::error::{Error, Result};
use crate::fit::checkpoint::Checkpoints;
use crate::fit::progress::Control;
use crate::fit::{Loss, Outcome, Step, Task, fit};
use crate::judge::RFNET;
use crate::judge::card;
use crate::judge::encoder;
use crate::judge::fusion::Fusion;
use crate::judge::objective::{cross_entropy, held_out_figures, logit};
use crate::judge::samples::{Augmentation, Eyes, Samples};
use crate::judge::settings::{RfNetRecipe, RfNetTraining};
use crate::random::Order;
use crate::stage::{Ended, Stage};

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
    match train_on(config, &samples, stage, RFNET, encoder, control)? {
        Outcome::Stopped(_) => Ok(Ended::Stopped),
        Outcome::Finished {
            model,
            figures,
            state,
        } => {
            let dir = stage.component(RFNET);
            model
                .save(&network, &dir, Precision::F16)
                .map_err(Error::component(RFNET))?;
            let card = card::judge(&card::Training {
                network: &network,
                world: &samples.world,
                left_out: &samples.left_out,
                train: &samples.train,
                held_out: &samples.held_out,
                fusion: config.fusion.as_ref(),
                fit: &config.fit,
                state: &state,
                figures: &figures,
            });
            let file = dir.join("README.md");
            reliad_files::write(&file, card.as_bytes()).map_err(Error::io(file))?;
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
    let training = stage.training(RFNET, &config.fit, &dir);
    fit(&mut task, start, &training, control)
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

    fn loss(&self, model: &Detector, step: &mut Step) -> Result<Loss> {
        let places = self.order.batch(step.index, self.batch_size);
        let (samples, views) = (self.samples, &self.samples.train);
        let records = samples.records(views, &places);
        let drawn = Augmentation::draw(&records, &self.recipe, &mut step.rng, &step.device);
        let labels = self.eyes.indices(drawn.retitled.labels(&records));
        let input = self
            .eyes
            .input(samples, views, &places, &drawn, &step.device)?;
        Ok(Loss {
            gradients: None,
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
