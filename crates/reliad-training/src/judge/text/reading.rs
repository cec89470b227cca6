//! What a record of the rendered world tells of the product that its title names, for a text encoder to read there. Ours.

use std::collections::BTreeSet;

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use reliad_dataset::Record;
use reliad_rfnet::roberta::{CaptionTokens, Roberta, RobertaTokenizer};

use crate::data::world::World;
use crate::error::{Error, Result};
use crate::judge::retitle;
use crate::random::{self, Order};
use crate::stage::Stage;

/// The products' kinds that the records know, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kinds(Vec<String>);

impl Kinds {
    fn of<'a>(records: impl Iterator<Item = &'a Record>) -> Self {
        let kinds: BTreeSet<&str> = records.filter_map(kind).collect();
        Self(kinds.into_iter().map(str::to_owned).collect())
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}

fn kind(record: &Record) -> Option<&str> {
    record.parameters.as_ref()?.product_family.as_deref()
}

/// A title and what it says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    title: String,
    /// Place of the product's kind among [`Kinds`].
    kind: usize,
    /// Its height in centimetres.
    height: f64,
}

impl Told {
    /// `None` of a record that doesn't tell kind and height, or whose title tells no length.
    fn of(record: &Record, kinds: &Kinds) -> Option<Self> {
        let kind = kind(record)?;
        let [_, height, _] = record.parameters.as_ref()?.product_cm?;
        let height = f64::from(height);
        retitle::resized(&record.title, 1.0)?;
        (height > 0.0 && height.is_finite()).then_some(())?;
        Some(Self {
            title: record.title.clone(),
            kind: kinds.0.iter().position(|known| known == kind)?,
            height,
        })
    }

    /// The same product in another size: numbers are to be read, not learned by heart for every kind.
    fn resized(&self, rng: &mut ChaCha8Rng) -> Self {
        let factor = retitle::factor(1.0, LARGEST_CHANGE, rng);
        match retitle::resized(&self.title, factor) {
            Some(title) => Self {
                title,
                height: (self.height * factor).max(1.0),
                ..self.clone()
            },
            None => self.clone(),
        }
    }
}

/// Titles to read, and how well it is done.
pub(super) struct Reading {
    train: Vec<Told>,
    held_out: Vec<Told>,
    order: Order,
    kinds: Kinds,
    tokenizer: RobertaTokenizer,
}

/// Reads height and kind off the mean of a title's tokens.
#[derive(Module, Debug)]
pub(super) struct Head {
    linear: Linear,
}

/// The errors of a batch, one element each.
pub(super) struct Errors {
    /// Mean absolute error of the height's natural logarithm.
    pub(super) height: Tensor<1>,
    /// Mean cross-entropy of the kind.
    pub(super) kind: Tensor<1>,
}

impl Errors {
    /// What is minimised. The weight brings the parts to about the same size.
    pub(super) fn total(&self) -> Tensor<1> {
        self.height.clone() + self.kind.clone() * 0.3
    }
}

/// The logarithm of a common height, 20 cm, which fresh weights begin at.
const USUAL_HEIGHT: f64 = 3.0;

impl Reading {
    /// The titles of the samples to train on and of the held-out ones, each title once.
    ///
    /// # Errors
    /// Samples that don't tell of their products.
    pub(super) fn of(
        world: &World,
        parts: [&[usize]; 2],
        tokenizer: &RobertaTokenizer,
        stage: &Stage,
    ) -> Result<Self> {
        let kinds = Kinds::of(world.records().iter());
        let [train, held_out] = parts.map(|part| {
            let records = part.iter().map(|&index| &world.records()[index]);
            let mut told: Vec<Told> = records
                .filter_map(|record| Told::of(record, &kinds))
                .collect();
            told.sort_by(|a, b| a.title.cmp(&b.title));
            told.dedup_by(|a, b| a.title == b.title);
            told
        });
        if train.is_empty() || held_out.is_empty() {
            return Err(Error::Data {
                path: stage.data.clone(),
                reason: "too few samples tell kind and height of their product; set recipe.told to 0, or train on samples of `reliad synth render`".to_owned(),
            });
        }
        Ok(Self {
            order: Order::new(stage.seed, train.len()),
            train,
            held_out,
            kinds,
            tokenizer: tokenizer.clone(),
        })
    }

    /// A fresh head for hidden states of this width.
    pub(super) fn head(&self, width: usize, device: &Device) -> Head {
        Head {
            linear: LinearConfig::new(width, 1 + self.kinds.count()).init(device),
        }
    }

    /// Titles of a step, each of another size.
    pub(super) fn batch(&self, index: u64, size: usize, rng: &mut ChaCha8Rng) -> Vec<Told> {
        let places = self.order.batch(index, size);
        places
            .into_iter()
            .map(|place| self.train[place].resized(rng))
            .collect()
    }

    pub(super) fn errors(
        &self,
        roberta: &Roberta,
        head: &Head,
        told: &[Told],
        device: &Device,
    ) -> Result<Errors> {
        let titles: Vec<&str> = told.iter().map(|told| told.title.as_str()).collect();
        let CaptionTokens { ids, mask } = self
            .tokenizer
            .encode_batch(&titles, device)
            .map_err(Error::component("rfnet's tokenizer"))?;
        let real: Tensor<3> = mask.clone().float().unsqueeze_dim(2);
        let hidden = roberta.forward(ids, mask) * real.clone();
        let mean: Tensor<2> = (hidden.sum_dim(1) / real.sum_dim(1)).squeeze_dim(1);
        let outputs = head.linear.forward(mean);
        let n = told.len();
        let heights: Vec<f32> = told
            .iter()
            .map(|told| (told.height.ln() - USUAL_HEIGHT) as f32)
            .collect();
        let heights = Tensor::<2>::from_data(TensorData::new(heights, [n, 1]), device);
        let kinds: Vec<i64> = told.iter().map(|told| told.kind as i64).collect();
        let kinds = Tensor::<2, Int>::from_data(TensorData::new(kinds, [n, 1]), device);
        let logits = outputs.clone().narrow(1, 1, self.kinds.count());
        Ok(Errors {
            height: (outputs.narrow(1, 0, 1) - heights).abs().mean(),
            kind: log_softmax(logits, 1).gather(1, kinds).mean().neg(),
        })
    }

    /// Figures of the held-out titles, in the same other sizes every time.
    pub(super) fn held_out_errors(
        &self,
        roberta: &Roberta,
        head: &Head,
        batch_size: usize,
        device: &Device,
    ) -> Result<Vec<(String, f64)>> {
        let (mut height, mut kind) = (0.0, 0.0);
        for (number, told) in self.held_out.chunks(batch_size).enumerate() {
            let mut rng = random::generator(0, "told titles", number as u64);
            let told: Vec<Told> = told.iter().map(|told| told.resized(&mut rng)).collect();
            let share = told.len() as f64 / self.held_out.len() as f64;
            let errors = self.errors(roberta, head, &told, device)?;
            height += share * errors.height.into_scalar::<f64>();
            kind += share * errors.kind.into_scalar::<f64>();
        }
        Ok(vec![
            ("height_error".to_owned(), height),
            ("kind_loss".to_owned(), kind),
        ])
    }
}

/// As far as a judge's titles are changed ([`retitle::Retitling`]).
const LARGEST_CHANGE: f64 = 6.0;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::random;
    use serde_json::json;

    #[test]
    fn a_title_of_another_size_tells_its_own_height() {
        let record = |title: &str| -> Record {
            serde_json::from_value(json!({
                "image": "a.png", "label": "available", "product_id": 1, "title": title,
                "parameters": { "product_family": "mug", "product_cm": [8.0, 10.0, 12.0] }
            }))
            .unwrap()
        };
        let mug = record("Navy mug, 10 cm tall");
        let kinds = Kinds::of([&mug].into_iter());
        let told = Told::of(&mug, &kinds).unwrap();
        assert_eq!((told.kind, told.height, kinds.count()), (0, 10.0, 1));
        let mut rng = random::generator(1, "told", 0);
        for _ in 0..50 {
            let other = told.resized(&mut rng);
            let number: f64 = other.title.split(' ').nth(2).unwrap().parse().unwrap();
            assert!((1.6..=60.1).contains(&other.height), "{}", other.height);
            assert!(
                (number - other.height).abs() <= 0.5,
                "{number} {}",
                other.height
            );
        }
        assert_eq!(Told::of(&record("Navy mug"), &kinds), None);
    }
}
