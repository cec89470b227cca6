//! Settings of the judge's training: what `rfnet.json` holds.

use reliad_rfnet::detector::DetectorConfig;
use reliad_rfnet::rfnet::Inputs;
use reliad_rfnet::roberta::RobertaTokenizer;
use reliad_weights::ModelDir;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::fit::FitConfig;
use crate::judge::RFNET;
use crate::judge::pretrained::Pretrained;
use crate::judge::retitle::Retitling;
use crate::stage::Stage;

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

/// How the fusion is trained before the whole network (`fusion` in `rfnet.json`). Ours.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FusionTraining {
    /// The shared loop; `epochs` says how long, over all copies.
    pub fit: FitConfig,
    /// So many augmented copies of every view. A copy takes `4 * channels * (side / stride)^2` numbers of 4 bytes a view: 32 KB
    /// at mini's size, 4.7 MB at the paper's, so it isn't for a million views.
    pub copies: usize,
}

impl Default for FusionTraining {
    fn default() -> Self {
        Self {
            fit: FitConfig::default(),
            copies: 2,
        }
    }
}

impl FusionTraining {
    /// # Errors
    /// [`Error::Setting`] for a value that is missing or out of its range.
    pub(crate) fn check(&self) -> Result<()> {
        self.fit.check()?;
        self.epochs()?;
        if self.copies == 0 {
            return Err(Error::Setting {
                name: "copies",
                reason: "must be at least 1".to_owned(),
            });
        }
        Ok(())
    }

    pub(crate) fn epochs(&self) -> Result<f64> {
        self.fit.epochs.ok_or_else(|| Error::Setting {
            name: "epochs",
            reason: "fusion.fit.epochs must say how long the fusion is trained".to_owned(),
        })
    }
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
    pub(crate) fn seen_by(mut self, inputs: Inputs) -> Self {
        if !inputs.caption {
            self.retitle.share = 0.0;
        }
        self
    }
}

impl RfNetTraining {
    /// Checks the settings, and that what it begins with fits `network`.
    ///
    /// # Errors
    /// A setting out of its range; parts to begin with that exclude each other, are missing or of another size.
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
        let dir = ModelDir::open(stage.component(RFNET))
            .map_err(Error::component("rfnet's tokenizer"))?;
        let length = self.network["max_caption_tokens"].as_u64().unwrap_or(64) as usize;
        RobertaTokenizer::load(&dir, length).map_err(Error::component("rfnet's tokenizer"))
    }
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
