//! The judge's fusion before its encoders.
//!
//! A fresh fusion sends noise through pretrained encoders, which forget what they knew before it has learned to ask for it
//! (Kumar et al. 2022, <https://arxiv.org/abs/2202.10054>, whose remedy this is: the new part first, then all). Here the encoders
//! stand still: what they make of every view is computed once and kept in memory, so a step is many times faster than one
//! through the encoders, and there can be many of them.

use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use reliad_rfnet::rfnet::{Features, RfNet};

use crate::error::Result;
use crate::fit::progress::{Control, Report};
use crate::fit::schedule::Budget;
use crate::fit::{Loss, Outcome, Step, Task, fit};
use crate::judge::objective::{cross_entropy, held_out_figures};
use crate::judge::retitle::Retitled;
use crate::judge::samples::{Augmentation, Eyes, Samples};
use crate::judge::settings::{FusionTraining, RfNetRecipe};
use crate::judge::views::Views;
use crate::random::{self, Order};
use crate::stage::Stage;

const NAME: &str = "fusion";

/// What the fusion learns from.
pub(crate) struct Fusion<'a> {
    pub(crate) samples: &'a Samples,
    pub(crate) eyes: &'a Eyes,
    pub(crate) recipe: &'a RfNetRecipe,
    /// Of each logit's class.
    pub(crate) weights: &'a [f32],
}

impl Fusion<'_> {
    /// Trains all but the encoders of `network` (on an autodiff device), with checkpoints in `dir`.
    ///
    /// # Errors
    /// No `epochs`, a view that can't be read, or a failing disk.
    pub(crate) fn train(
        &self,
        config: &FusionTraining,
        network: RfNet,
        stage: &Stage,
        dir: &Path,
        control: &mut Control<'_>,
    ) -> Result<Outcome<RfNet>> {
        let epochs = config.epochs()?;
        let encoders = network.valid();
        let mut encode = |views: &Views, copies: Option<usize>| {
            self.encode(
                &encoders,
                views,
                copies,
                config.fit.batch_size,
                stage,
                control,
            )
        };
        let Some(train) = encode(&self.samples.train, Some(config.copies))? else {
            return Ok(Outcome::Stopped(Default::default()));
        };
        let Some(held_out) = encode(&self.samples.held_out, None)? else {
            return Ok(Outcome::Stopped(Default::default()));
        };
        let count = config.copies * self.samples.train.samples.len();
        let mut task = FusionTask {
            of: self,
            order: Order::new(stage.seed, count),
            encoders,
            train,
            held_out,
            batch_size: config.fit.batch_size,
            plain: stage.device.clone(),
        };
        let stage = Stage {
            budget: Budget::Epochs(epochs),
            helpers: Vec::new(),
            ..stage.clone()
        };
        let training = stage.training(NAME, &config.fit, dir);
        fit(&mut task, network, &training, control)
    }

    /// What the encoders make of the pictures of all `views`, so many augmented copies of them one after another, or as they are.
    /// `None` when the caller asked to stop.
    fn encode(
        &self,
        encoders: &RfNet,
        views: &Views,
        copies: Option<usize>,
        batch_size: usize,
        stage: &Stage,
        control: &mut Control<'_>,
    ) -> Result<Option<[Option<Tensor<4>>; 4]>> {
        let device = &stage.device;
        let mut parts: [Vec<Tensor<4>>; 4] = Default::default();
        let start = Instant::now();
        let count = views.samples.len();
        let total = count * copies.unwrap_or(1);
        for copy in 0..copies.unwrap_or(1) {
            let places: Vec<usize> = (0..count).collect();
            for (number, chunk) in places.chunks(batch_size).enumerate() {
                if control.stopped() {
                    return Ok(None);
                }
                let done = copy * count + number * batch_size;
                if number.is_multiple_of(32) {
                    let report = Report {
                        step: done as u64,
                        progress: done as f64 / total as f64,
                        elapsed_seconds: start.elapsed().as_secs_f64(),
                        ..Report::default()
                    };
                    (control.on_report)("features", &report);
                }
                let augmentation = match copies {
                    None => Augmentation::none(chunk.len(), device),
                    Some(_) => {
                        let records = self.samples.records(views, chunk);
                        let mut rng = random::generator(stage.seed, "features", done as u64);
                        Augmentation::draw(&records, self.recipe, &mut rng, device)
                    }
                };
                let input = self
                    .eyes
                    .input(self.samples, views, chunk, &augmentation, device)?;
                for (part, map) in parts.iter_mut().zip(encoders.encode_images(&input)) {
                    part.extend(map);
                }
            }
        }
        Ok(Some(parts.map(|part| {
            (!part.is_empty()).then(|| Tensor::cat(part, 0))
        })))
    }
}

struct FusionTask<'a> {
    of: &'a Fusion<'a>,
    /// Without gradients; they stay as they are.
    encoders: RfNet,
    train: [Option<Tensor<4>>; 4],
    held_out: [Option<Tensor<4>>; 4],
    order: Order,
    batch_size: usize,
    plain: Device,
}

impl FusionTask<'_> {
    /// The features of the pictures at `places` and of titles, on the plain device.
    fn features(
        &self,
        images: &[Option<Tensor<4>>; 4],
        places: &[usize],
        titles: &[&str],
    ) -> Result<Features> {
        let index: Vec<i64> = places.iter().map(|&place| place as i64).collect();
        let index = TensorData::new(index, [places.len()]);
        let index = Tensor::<1, Int>::from_data(index, &self.plain);
        let images = images
            .each_ref()
            .map(|maps| Some(maps.as_ref()?.clone().select(0, index.clone())));
        let caption = self.of.eyes.caption(self.of.samples, titles, &self.plain)?;
        Ok(Features {
            images,
            caption: self.encoders.encode_caption(caption),
        })
    }
}

impl Task for FusionTask<'_> {
    type Model = RfNet;

    fn samples(&self) -> usize {
        self.order.count()
    }

    fn loss(&self, model: &RfNet, step: &mut Step) -> Result<Loss> {
        let places = self.order.batch(step.index, self.batch_size);
        let (samples, views) = (self.of.samples, &self.of.samples.train);
        let of_views: Vec<usize> = places
            .iter()
            .map(|place| place % views.samples.len())
            .collect();
        let records = samples.records(views, &of_views);
        let retitled = Retitled::draw(&records, &self.of.recipe.retitle, &mut step.rng);
        let labels = self.of.eyes.indices(retitled.labels(&records));
        let features = self.features(&self.train, &places, &retitled.titles(&records))?;
        let logits = model.fuse(features.as_constants());
        Ok(Loss {
            gradients: None,
            total: cross_entropy(logits, &labels, self.of.weights),
            parts: Vec::new(),
        })
    }

    fn validate(&mut self, average: &RfNet) -> Result<Vec<(String, f64)>> {
        let average = average.valid();
        let (samples, views) = (self.of.samples, &self.of.samples.held_out);
        let places: Vec<usize> = (0..views.samples.len()).collect();
        let mut rows = Vec::with_capacity(places.len());
        for chunk in places.chunks(self.batch_size) {
            let records = samples.records(views, chunk);
            let titles: Vec<&str> = records.iter().map(|record| &*record.title).collect();
            let logits = average.fuse(self.features(&self.held_out, chunk, &titles)?);
            let classes = logits.dims()[1];
            let logits: Vec<f32> = logits.into_data().iter::<f32>().collect();
            rows.extend(logits.chunks_exact(classes).map(<[f32]>::to_vec));
        }
        let labels = self.of.eyes.labels(samples, views, &places);
        Ok(held_out_figures(self.of.eyes.classes, &rows, &labels))
    }
}
