//! Fine-tuning of RoBERTa on product titles: it learns to guess masked tokens, as the paper prepares its text encoder.
//!
//! A RoBERTa of mini's size knows nothing to begin with, numbers least of all. So it can learn besides to read what the rendered
//! world tells of the product: its kind, and its height from the title's centimetres. Ours.

mod reading;

use std::path::PathBuf;

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use reliad_rfnet::roberta::{
    CaptionTokens, Roberta, RobertaConfig, RobertaForMaskedLm, RobertaTokenizer,
};
use reliad_weights::{ModelDir, Precision};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::data::world::World;
use crate::error::{Error, Result};
use crate::fit::progress::Control;
use crate::fit::{FitConfig, Loss, Outcome, Step, Task, fit};
use crate::judge::pretrained::must_be_there;
use crate::random::{self, Order};
use crate::stage::{Ended, Stage};

use reading::{Head, Reading};

/// Settings of the text encoder's training (`text.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextTraining {
    /// RoBERTa's `config.json`; the vocabulary's size is taken from the tokenizer when left out.
    pub network: Value,
    /// Directory of a RoBERTa in transformers' layout to begin with, `config.json` of the same sizes; absent: fresh.
    #[serde(default)]
    pub pretrained: Option<PathBuf>,
    /// The shared loop.
    #[serde(default)]
    pub fit: FitConfig,
    /// What is masked.
    #[serde(default)]
    pub recipe: TextRecipe,
}

/// What is masked; the defaults are BERT's (1810.04805, section 3.1).
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextRecipe {
    /// Learn from the first so many samples of the folder only; absent: from all.
    pub samples: Option<usize>,
    /// Titles are cut at so many tokens, `<s>` and `</s>` included.
    pub max_tokens: usize,
    /// Share of the tokens that are to be guessed.
    pub guessed: f64,
    /// Share of those that `<mask>` stands for.
    pub masked: f64,
    /// Share of those that another token stands for; the rest stay as they are.
    pub exchanged: f64,
    /// Held-out titles of each measurement.
    pub held_out: usize,
    /// Weight of reading the product's kind and height beside the guessing, for rendered samples; 0: guess only.
    pub told: f64,
}

impl Default for TextRecipe {
    fn default() -> Self {
        Self {
            samples: None,
            max_tokens: 64,
            guessed: 0.15,
            masked: 0.8,
            exchanged: 0.1,
            held_out: 1024,
            told: 0.0,
        }
    }
}

/// Name of the component.
pub const NAME: &str = "roberta";

/// Trains RoBERTa on the titles and writes `roberta/`, which transformers reads, and which a judge begins with where its
/// configuration names it as `pretrained.text_encoder`.
///
/// # Errors
/// A missing `rfnet/vocab.json`, data that cannot be read, a configuration that is not supported, or a failing disk.
pub fn train(config: &TextTraining, stage: &Stage, control: &mut Control<'_>) -> Result<Ended> {
    let recipe = config.recipe;
    recipe.check()?;
    config.fit.check()?;
    if let Some(dir) = &config.pretrained {
        must_be_there("pretrained", dir)?;
    }
    let failed = Error::component::<reliad_rfnet::Error>;
    let vocabulary =
        ModelDir::open(stage.component("rfnet")).map_err(Error::component("rfnet's tokenizer"))?;
    let tokenizer = RobertaTokenizer::load(&vocabulary, recipe.max_tokens)
        .map_err(failed("rfnet's tokenizer"))?;
    let mask_id = tokenizer.mask_id().ok_or_else(|| Error::Setting {
        name: "text",
        reason: "the vocabulary in rfnet/ has no <mask>".to_owned(),
    })?;
    let mut network = config.network.clone();
    if let Some(fields) = network.as_object_mut() {
        let size = json!(tokenizer.vocab_size());
        fields.entry("vocab_size").or_insert(size);
    }
    let network = RobertaConfig::from_json(&network).map_err(failed("text config"))?;
    if network.max_tokens() < recipe.max_tokens {
        return Err(Error::Setting {
            name: "max_tokens",
            reason: format!(
                "{} tokens, but the network has places for {}",
                recipe.max_tokens,
                network.max_tokens()
            ),
        });
    }
    let device = stage.training_device();
    device.seed(stage.seed);
    let mut language =
        RobertaForMaskedLm::init(&network, &device).map_err(failed("text config"))?;
    // Before the data are read: what doesn't fit is said at once.
    if let Some(dir) = &config.pretrained {
        language = pretrained(language, dir)?;
    }
    let world = World::open(&stage.data, recipe.samples)?;
    let titles = |indices: Vec<usize>| -> Result<Vec<Vec<u32>>> {
        let mut titles: Vec<&str> = indices
            .iter()
            .map(|&index| world.records()[index].title.as_str())
            .filter(|title| !title.trim().is_empty())
            .collect();
        titles.sort_unstable();
        titles.dedup();
        let rows: Vec<Vec<u32>> = titles
            .into_iter()
            .map(|title| tokenizer.encode(title))
            .collect::<reliad_rfnet::Result<_>>()
            .map_err(failed("rfnet's tokenizer"))?;
        if rows.is_empty() {
            return Err(Error::Data {
                path: stage.data.clone(),
                reason: "no sample has a title".to_owned(),
            });
        }
        Ok(rows)
    };
    let (train, held_out) = world.split();
    let reading = (recipe.told > 0.0)
        .then(|| Reading::of(&world, [&train, &held_out], &tokenizer, stage))
        .transpose()?;
    let (train, mut held_out) = (titles(train)?, titles(held_out)?);
    // They are in alphabetical order: the first ones would be of one kind.
    let order = random::shuffled(
        held_out.len(),
        &mut random::generator(0, "held-out titles", 0),
    );
    held_out = order
        .into_iter()
        .take(recipe.held_out)
        .map(|at| held_out[at].clone())
        .collect();
    let head = |reading: &Reading| reading.head(network.hidden_size, &device);
    let start = Reader {
        language,
        head: reading.as_ref().map(head),
    };
    let mut task = TextTask {
        order: Order::new(stage.seed, train.len()),
        train,
        held_out,
        reading,
        vocabulary: network.vocab_size as u32,
        pad_id: tokenizer.pad_id(),
        mask_id,
        recipe,
        batch_size: config.fit.batch_size,
        plain: stage.device.clone(),
    };
    match fit(
        &mut task,
        start,
        &stage.training("text", &config.fit, &stage.checkpoints("text")),
        control,
    )? {
        Outcome::Stopped(_) => Ok(Ended::Stopped),
        Outcome::Finished { model, figures, .. } => {
            let dir = stage.component(NAME);
            reliad_weights::save(
                &model.language,
                &dir.join("model.safetensors"),
                Precision::F16,
                &RobertaForMaskedLm::key_map(),
            )
            .map_err(Error::component(NAME))?;
            let mut json = serde_json::to_value(&network).map_err(Error::component(NAME))?;
            if let Some(fields) = json.as_object_mut() {
                fields.insert("architectures".to_owned(), json!(["RobertaForMaskedLM"]));
                fields.insert("model_type".to_owned(), json!("roberta"));
            }
            reliad_weights::write_config(&dir.join("config.json"), &json)
                .map_err(Error::component(NAME))?;
            Ok(Ended::Finished(figures))
        }
    }
}

/// Weights of `dir`: encoder and head, or the encoder alone where the file has no head.
fn pretrained(mut start: RobertaForMaskedLm, dir: &PathBuf) -> Result<RobertaForMaskedLm> {
    let failed = || Error::component::<reliad_weights::Error>("pretrained text encoder");
    let dir = ModelDir::open(dir).map_err(failed())?;
    match reliad_weights::load(start.clone(), &dir, &RobertaForMaskedLm::key_map()) {
        Ok(whole) => Ok(whole),
        Err(_) => {
            start.roberta =
                reliad_weights::load(start.roberta, &dir, &Roberta::key_map()).map_err(failed())?;
            Ok(start)
        }
    }
}

impl TextRecipe {
    fn check(&self) -> Result<()> {
        if self.max_tokens < 3 || self.held_out == 0 {
            return Err(Error::Setting {
                name: "max_tokens and held_out",
                reason: "a title needs 3 tokens or more, and one must be held out".to_owned(),
            });
        }
        let shares = [
            ("guessed", self.guessed),
            ("masked", self.masked),
            ("exchanged", self.exchanged),
            ("masked and exchanged", self.masked + self.exchanged),
        ];
        if !(self.told >= 0.0 && self.told.is_finite()) {
            return Err(Error::Setting {
                name: "told",
                reason: format!("{} is no weight; give 0 or more", self.told),
            });
        }
        match shares
            .into_iter()
            .find(|(_, share)| !(0.0..=1.0).contains(share))
        {
            Some((name, share)) => Err(Error::Setting {
                name,
                reason: format!("{share} is outside 0 to 1"),
            }),
            None => Ok(()),
        }
    }
}

/// RoBERTa, and what reads off its tokens.
#[derive(Module, Debug)]
struct Reader {
    language: RobertaForMaskedLm,
    head: Option<Head>,
}

struct TextTask {
    train: Vec<Vec<u32>>,
    held_out: Vec<Vec<u32>>,
    reading: Option<Reading>,
    order: Order,
    vocabulary: u32,
    pad_id: u32,
    mask_id: u32,
    recipe: TextRecipe,
    batch_size: usize,
    plain: Device,
}

/// What is to be guessed in a batch of titles.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Masked {
    /// Ids, some of them replaced.
    rows: Vec<Vec<u32>>,
    /// Row and column of each token to guess, and what it was.
    guesses: Vec<(usize, usize, u32)>,
}

impl TextTask {
    /// Replaces tokens as the recipe says; at least one of the batch is to be guessed.
    fn mask(&self, mut rows: Vec<Vec<u32>>, rng: &mut ChaCha8Rng) -> Masked {
        let recipe = self.recipe;
        // `<s>` and `</s>` are no words.
        let mut places: Vec<(usize, usize)> = rows
            .iter()
            .enumerate()
            .flat_map(|(at, row)| (1..row.len().saturating_sub(1)).map(move |column| (at, column)))
            .collect();
        let drawn: Vec<bool> = places
            .iter()
            .map(|_| rng.random_bool(recipe.guessed))
            .collect();
        if drawn.contains(&true) {
            let mut drawn = drawn.into_iter();
            places.retain(|_| drawn.next().unwrap_or(false));
        } else if !places.is_empty() {
            places = vec![places[rng.random_range(0..places.len())]];
        }
        let guesses = places
            .into_iter()
            .map(|(at, column)| {
                let was = rows[at][column];
                let draw: f64 = rng.random();
                if draw < recipe.masked {
                    rows[at][column] = self.mask_id;
                } else if draw < recipe.masked + recipe.exchanged {
                    rows[at][column] = rng.random_range(0..self.vocabulary);
                }
                (at, column, was)
            })
            .collect();
        Masked { rows, guesses }
    }

    /// Log-probabilities `[m, vocabulary]` of all words at the places to guess, and the ids that were there `[m, 1]`.
    fn guess(
        &self,
        model: &RobertaForMaskedLm,
        masked: &Masked,
        device: &Device,
    ) -> (Tensor<2>, Tensor<2, Int>) {
        let CaptionTokens { ids, mask } = CaptionTokens::pad(&masked.rows, self.pad_id, device);
        let tokens = ids.dims()[1];
        let count = masked.guesses.len();
        let column = |values: Vec<i64>| -> Tensor<1, Int> {
            Tensor::from_data(TensorData::new(values, [count]), device)
        };
        let (places, were) = masked
            .guesses
            .iter()
            .map(|&(row, column, was)| ((row * tokens + column) as i64, i64::from(was)))
            .unzip();
        let logits = model.forward(ids, mask, column(places));
        (log_softmax(logits, 1), column(were).reshape([count, 1]))
    }
}

impl Task for TextTask {
    type Model = Reader;

    fn samples(&self) -> usize {
        self.order.count()
    }

    fn loss(&self, model: &Reader, step: &mut Step) -> Result<Loss> {
        let rows = self
            .order
            .batch(step.index, self.batch_size)
            .into_iter()
            .map(|place| self.train[place].clone())
            .collect();
        let masked = self.mask(rows, &mut step.rng);
        let (guess, were) = self.guess(&model.language, &masked, &step.device);
        let guessing = guess.gather(1, were).mean().neg();
        let (Some(reading), Some(head)) = (&self.reading, &model.head) else {
            return Ok(Loss {
                gradients: None,
                total: guessing,
                parts: Vec::new(),
            });
        };
        let told = reading.batch(step.index, self.batch_size, &mut step.rng);
        let errors = reading.errors(&model.language.roberta, head, &told, &step.device)?;
        Ok(Loss {
            gradients: None,
            total: guessing + errors.total() * self.recipe.told,
            parts: vec![("height", errors.height)],
        })
    }

    fn validate(&mut self, average: &Reader) -> Result<Vec<(String, f64)>> {
        let (mut loss, mut right, mut count) = (0.0, 0.0, 0.0);
        for (number, rows) in self.held_out.chunks(self.batch_size).enumerate() {
            // The same masks every time: only the weights differ between two measurements.
            let mut rng = random::generator(0, "masked titles", number as u64);
            let masked = self.mask(rows.to_vec(), &mut rng);
            let (guess, were) = self.guess(&average.language, &masked, &self.plain);
            let hits = guess.clone().argmax(1).equal(were.clone()).int().sum();
            right += hits.into_scalar::<f64>();
            loss -= guess.gather(1, were).sum().into_scalar::<f64>();
            count += masked.guesses.len() as f64;
        }
        let mut figures = vec![
            ("held_out_loss".to_owned(), loss / count),
            ("accuracy".to_owned(), right / count),
        ];
        if let (Some(reading), Some(head)) = (&self.reading, &average.head) {
            let size = self.batch_size;
            let roberta = &average.language.roberta;
            figures.extend(reading.held_out_errors(roberta, head, size, &self.plain)?);
        }
        Ok(figures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(recipe: TextRecipe) -> TextTask {
        TextTask {
            train: Vec::new(),
            held_out: Vec::new(),
            reading: None,
            order: Order::new(1, 1),
            vocabulary: 1000,
            pad_id: 1,
            mask_id: 999,
            recipe,
            batch_size: 2,
            plain: Device::flex(),
        }
    }

    #[test]
    fn tokens_are_replaced_at_their_rates_and_special_ones_never() {
        let rows: Vec<Vec<u32>> = (0..400)
            .map(|_| [0].into_iter().chain(100..150).chain([2]).collect())
            .collect();
        let masked =
            task(TextRecipe::default()).mask(rows.clone(), &mut random::generator(1, "m", 0));
        let guessed = masked.guesses.len() as f64;
        assert!((guessed / 20_000.0 - 0.15).abs() < 0.01, "{guessed}");
        let mut kinds = [0.0; 3];
        for &(row, column, was) in &masked.guesses {
            assert_eq!(was, rows[row][column]);
            match masked.rows[row][column] {
                999 => kinds[0] += 1.0 / guessed,
                other if other != was => kinds[1] += 1.0 / guessed,
                _ => kinds[2] += 1.0 / guessed,
            }
        }
        for (kind, rate) in kinds.into_iter().zip([0.8, 0.1, 0.1]) {
            assert!((kind - rate).abs() < 0.03, "{kinds:?}");
        }
        let mut restored = masked.rows;
        for (row, column, was) in masked.guesses {
            restored[row][column] = was;
        }
        assert_eq!(restored, rows);
    }

    #[test]
    fn something_is_always_to_be_guessed() {
        let none = task(TextRecipe {
            guessed: 0.0,
            ..TextRecipe::default()
        });
        let masked = none.mask(vec![vec![0, 7, 2]], &mut random::generator(1, "m", 0));
        assert_eq!(masked.guesses, [(0, 1, 7)]);
    }
}
