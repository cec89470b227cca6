//! What judges learn from and are measured on: views of samples, and how they become a network's input.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;
use reliad_dataset::{Label, Record};
use reliad_rfnet::calibration::Calibration;
use reliad_rfnet::classes::Classes;
use reliad_rfnet::detector::{Detector, DetectorConfig};
use reliad_rfnet::preprocess::Preprocess;
use reliad_rfnet::rfnet::{Inputs, RfNetInput};
use reliad_rfnet::roberta::{CaptionTokens, RobertaTokenizer};

use crate::data::pictures::{Movement, Pictures};
use crate::data::world::World;
use crate::error::{Error, Result};
use crate::fit::progress::Control;
use crate::judge::objective::logit;
use crate::judge::retitle::Retitled;
use crate::judge::settings::{RfNetRecipe, RfNetTraining};
use crate::judge::views::{Viewer, Views};
use crate::random;
use crate::stage::Stage;

/// What judges learn from and are measured on, which several of one size can share.
#[derive(Debug)]
pub struct Samples {
    /// Texts and labels.
    pub world: World,
    /// Views to learn from.
    pub train: Views,
    /// Views of the validation products.
    pub held_out: Views,
    /// Reads titles.
    pub tokenizer: RobertaTokenizer,
    /// Which samples of the training and validation part aren't among them, one line a reason.
    pub left_out: Vec<String>,
}

impl Samples {
    /// Computes the views of the stage's data, as far as an earlier run hasn't. `None` when the caller asked to stop.
    ///
    /// # Errors
    /// A missing `rfnet/vocab.json`, a missing `depth/` or `saliency/` that the network looks through or, when views are
    /// repainted, component of the painter, data that cannot be read, or a configuration that is not supported.
    pub fn prepare(
        config: &RfNetTraining,
        stage: &Stage,
        control: &mut Control<'_>,
    ) -> Result<Option<Self>> {
        let recipe = config.recipe;
        if !(0.0..=1.0).contains(&recipe.repaint_strength) {
            return Err(Error::Setting {
                name: "repaint_strength",
                reason: format!("{} is outside 0 to 1", recipe.repaint_strength),
            });
        }
        recipe.retitle.check()?;
        let tokenizer = config.tokenizer(stage)?;
        let network = config.network(&tokenizer)?;
        let viewer = viewer(config, &network, stage)?;
        let world = World::open(&stage.data, recipe.samples)?;
        let (train, held_out) = world.split();
        let usable = Usable::of(&world, &network, [train, held_out]);
        usable.tell();
        let [train, held_out] = usable.parts;
        if train.is_empty() || held_out.is_empty() {
            return Err(Error::Data {
                path: stage.data.clone(),
                reason: format!(
                    "{} usable samples to train on and {} held out; {}",
                    train.len(),
                    held_out.len(),
                    usable.left_out.join("; ")
                ),
            });
        }
        let every = recipe.repaint_every;
        let Some(train) = viewer.views(stage, &world, &train, every, control)? else {
            return Ok(None);
        };
        let Some(held_out) = viewer.views(stage, &world, &held_out, every, control)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            world,
            train,
            held_out,
            tokenizer,
            left_out: usable.left_out,
        }))
    }
}

impl Samples {
    /// Samples of `world` to be judged: nothing to learn from.
    pub fn to_judge(world: World, tokenizer: RobertaTokenizer) -> Self {
        Self {
            world,
            train: Views::default(),
            held_out: Views::default(),
            tokenizer,
            left_out: Vec::new(),
        }
    }

    /// The records of the views at `places`.
    pub(crate) fn records(&self, views: &Views, places: &[usize]) -> Vec<&Record> {
        let records = self.world.records();
        places
            .iter()
            .map(|&place| &records[views.samples[place]])
            .collect()
    }
}

/// Views of the test products, none repainted. `None` when the caller asked to stop.
///
/// # Errors
/// As [`Samples::prepare`].
pub fn test_views(
    config: &RfNetTraining,
    samples: &Samples,
    stage: &Stage,
    control: &mut Control<'_>,
) -> Result<Option<Views>> {
    let network = config.network(&samples.tokenizer)?;
    let usable = Usable::of(&samples.world, &network, [samples.world.test()]);
    usable.tell();
    let [test] = usable.parts;
    viewer(config, &network, stage)?.views(stage, &samples.world, &test, 0, control)
}

/// Label and probabilities of each of `views`, uncalibrated, as the trained `network` of `config` sees them.
///
/// # Errors
/// A configuration that is not supported, or a view that can't be read.
pub fn judged(
    config: &RfNetTraining,
    network: &Detector,
    samples: &Samples,
    views: &Views,
    stage: &Stage,
) -> Result<Vec<(usize, Vec<f32>)>> {
    let eyes = Eyes::new(&config.network(&samples.tokenizer)?)?;
    let network = network.valid();
    let size = config.fit.batch_size;
    let rows = eyes.logits(&network, samples, views, size, &stage.device)?;
    let places: Vec<usize> = (0..rows.len()).collect();
    let labels = eyes.labels(samples, views, &places);
    let probabilities = rows
        .iter()
        .map(|row| Calibration::default().probabilities(row));
    Ok(labels.into_iter().zip(probabilities).collect())
}

/// What the network of `config` looks at in the views at `places`, nothing moved or changed: as [`judged`] gives it, and, but
/// for the views' 8 bits, as [`Judge::input`](reliad_rfnet::judge::Judge::input) does in use.
///
/// # Errors
/// As [`judged`].
pub fn input(
    config: &RfNetTraining,
    samples: &Samples,
    views: &Views,
    places: &[usize],
    stage: &Stage,
) -> Result<RfNetInput> {
    let eyes = Eyes::new(&config.network(&samples.tokenizer)?)?;
    let still = Augmentation::none(places.len(), &stage.device);
    eyes.input(samples, views, places, &still, &stage.device)
}

/// What makes the views that `network` looks at.
fn viewer(config: &RfNetTraining, network: &DetectorConfig, stage: &Stage) -> Result<Viewer> {
    let recipe = config.recipe;
    let repainted = (recipe.repaint_every > 0).then_some(recipe.repaint_strength);
    Viewer::load(stage, network, repainted)
}

/// The samples that a network can learn from or judge, part by part, and what is said of the others.
struct Usable<const PARTS: usize> {
    parts: [Vec<usize>; PARTS],
    left_out: Vec<String>,
}

impl<const PARTS: usize> Usable<PARTS> {
    fn of(world: &World, network: &DetectorConfig, mut parts: [Vec<usize>; PARTS]) -> Self {
        let mut left_out = LeftOut::default();
        for part in &mut parts {
            part.retain(|&index| left_out.takes(network, &world.records()[index]));
        }
        Self {
            parts,
            left_out: left_out.lines(),
        }
    }

    fn tell(&self) {
        for line in &self.left_out {
            tracing::warn!("{line}");
        }
    }
}

/// Counts the samples that a network can't take.
#[derive(Debug, Clone, Copy, Default)]
pub struct LeftOut {
    samples: usize,
    without_product: usize,
    inexpressible: usize,
}

impl LeftOut {
    /// Whether the network can take the sample: it has the product picture, if the network looks at that, and a label that the
    /// network's classes can express.
    pub fn takes(&mut self, network: &DetectorConfig, record: &Record) -> bool {
        self.samples += 1;
        if logit(network.classes(), record.label).is_none() {
            self.inexpressible += 1;
            return false;
        }
        let takes = !network.inputs().product || record.product.is_some();
        self.without_product += usize::from(!takes);
        takes
    }

    /// What is left out and why, one line a reason.
    pub fn lines(&self) -> Vec<String> {
        let samples = self.samples;
        [
            (
                self.without_product,
                "have no product picture, which this judge looks at",
            ),
            (
                self.inexpressible,
                "have no label, or one that the judge's classes don't express",
            ),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| format!("{count} of {samples} samples are left out: they {why}"))
        .collect()
    }
}

/// How views become what a network looks at.
pub(crate) struct Eyes {
    inputs: Inputs,
    pub(crate) classes: Classes,
    preprocess: Preprocess,
}

/// How each sample of a batch is moved, its gain and offset `[n, 3, 1, 1]`, and another title with the label it makes.
pub(crate) struct Augmentation {
    moves: Vec<Movement>,
    pub(crate) retitled: Retitled,
    gain: Tensor<4>,
    offset: Tensor<4>,
}

impl Augmentation {
    pub(crate) fn none(count: usize, device: &Device) -> Self {
        Self {
            moves: vec![Movement::default(); count],
            retitled: Retitled::none(count),
            gain: Tensor::ones([count, 3, 1, 1], device),
            offset: Tensor::zeros([count, 3, 1, 1], device),
        }
    }

    pub(crate) fn draw(
        records: &[&Record],
        recipe: &RfNetRecipe,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let shape = [records.len(), 3, 1, 1];
        let moves = Movement::draw(records.len(), recipe.shift, rng);
        let gain = random::normal(rng, shape, device) * recipe.exposure + 1.0;
        let offset = random::normal(rng, shape, device) * (0.5 * recipe.exposure);
        let retitled = Retitled::draw(records, &recipe.retitle, rng);
        Self {
            moves,
            retitled,
            gain,
            offset,
        }
    }
}

impl Eyes {
    pub(crate) fn new(network: &DetectorConfig) -> Result<Self> {
        let preprocess = network.preprocess().init();
        Ok(Self {
            inputs: network.inputs(),
            classes: network.classes(),
            preprocess: preprocess.map_err(Error::component("preprocess"))?,
        })
    }

    /// The tokens of titles, where the network reads them.
    pub(crate) fn caption(
        &self,
        samples: &Samples,
        titles: &[&str],
        device: &Device,
    ) -> Result<Option<CaptionTokens>> {
        self.inputs
            .caption
            .then(|| samples.tokenizer.encode_batch(titles, device))
            .transpose()
            .map_err(Error::component("tokenizer"))
    }

    pub(crate) fn input(
        &self,
        samples: &Samples,
        views: &Views,
        places: &[usize],
        augmentation: &Augmentation,
        device: &Device,
    ) -> Result<RfNetInput> {
        let inputs = self.inputs;
        let Augmentation {
            moves,
            retitled,
            gain,
            offset,
        } = augmentation;
        let records = samples.records(views, places);
        let titles = retitled.titles(&records);
        let caption = self.caption(samples, &titles, device)?;
        let seen = views.read(places)?;
        let all: Vec<usize> = (0..places.len()).collect();
        let moved = |name: &str, on: bool, pictures: &Option<Pictures>| match pictures {
            _ if !on => Ok(None),
            Some(pictures) => Ok(Some(pictures.moved(&all, moves, device))),
            None => Err(Error::Setting {
                name: "inputs",
                reason: format!("the network looks at `{name}`, and the views were made without"),
            }),
        };
        let rgb = |moved: Tensor<4>| {
            let exposed = moved * gain.clone() + offset.clone();
            self.preprocess.normalised(exposed.clamp(0.0, 1.0))
        };
        let map = |moved: Tensor<4>| self.preprocess.normalised(moved);
        Ok(RfNetInput {
            product: moved("product", inputs.product, &seen.product)?.map(rgb),
            generated: moved("generated", inputs.generated, &seen.generated)?.map(rgb),
            depth: moved("depth", inputs.depth, &seen.depth)?.map(map),
            saliency: moved("saliency", inputs.saliency, &seen.saliency)?.map(map),
            caption,
        })
    }

    pub(crate) fn labels(&self, samples: &Samples, views: &Views, places: &[usize]) -> Vec<usize> {
        let records = samples.records(views, places);
        self.indices(records.iter().map(|record| record.label))
    }

    /// The logits that stand for labels, all of which the network can express.
    pub(crate) fn indices(&self, labels: impl IntoIterator<Item = Option<Label>>) -> Vec<usize> {
        let index = |label| logit(self.classes, label).unwrap_or(0);
        labels.into_iter().map(index).collect()
    }

    /// The logits of all `views`, one row each, uncalibrated.
    pub(crate) fn logits(
        &self,
        network: &Detector,
        samples: &Samples,
        views: &Views,
        batch_size: usize,
        device: &Device,
    ) -> Result<Vec<Vec<f32>>> {
        let places: Vec<usize> = (0..views.samples.len()).collect();
        let mut rows = Vec::with_capacity(places.len());
        for chunk in places.chunks(batch_size) {
            let still = Augmentation::none(chunk.len(), device);
            let input = self.input(samples, views, chunk, &still, device)?;
            let logits: Vec<f32> = network.forward(input).into_data().iter::<f32>().collect();
            rows.extend(
                logits
                    .chunks_exact(self.classes.count())
                    .map(<[f32]>::to_vec),
            );
        }
        Ok(rows)
    }
}
