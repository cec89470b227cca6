//! What a judge begins with: encoders that know something, or a whole judge.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use reliad_rfnet::classifier::Architecture;
use reliad_rfnet::detector::{Detector, DetectorConfig};
use reliad_rfnet::rfnet::RfNet;
use reliad_rfnet::roberta::Roberta;
use reliad_weights::ModelDir;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::fingerprint::{self, fingerprint};
use crate::judge::RFNET;
use crate::judge::encoder;
use crate::judge::text;
use crate::stage::Stage;

const JUDGE: &str = "pretrained rfnet";
const TEXT: &str = "pretrained text encoder; `reliad train text` makes one for mini";

/// Pretrained encoders; the paper begins with ResNet50 of ImageNet and RoBERTa. Paths are taken from where the program
/// runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pretrained {
    /// Weights of torchvision's ResNet of the same configuration, `.pth` or `.safetensors`, for every image encoder.
    pub image_encoder: Option<PathBuf>,
    /// For every image encoder, or for a rival of RFNet: what the `encoder` stage made in the same model directory.
    pub encoder_stage: bool,
    /// Directory of a RoBERTa in transformers' layout, `config.json` of the same sizes.
    pub text_encoder: Option<PathBuf>,
    /// For RFNet: the RoBERTa that the `text` stage wrote into the same model directory.
    pub text_stage: bool,
    /// For RFNet: the `rfnet/` of a trained judge, to train on from, as far as it has the network's parts
    /// ([`RfNet::begin_from`]). Then nothing else is pretrained; with `fusion` all but its encoders is trained on first.
    pub rfnet: Option<PathBuf>,
}

impl Pretrained {
    /// Where the text encoder's weights are, if it begins with some.
    fn text(&self, stage: &Stage) -> Option<PathBuf> {
        let made = self.text_stage.then(|| stage.component(text::NAME));
        made.or_else(|| self.text_encoder.clone())
    }

    /// Checks that what `network` begins with fits it.
    ///
    /// # Errors
    /// Parts that exclude each other, are missing, of another size, or a judge that reads titles otherwise.
    pub(crate) fn check(&self, network: &DetectorConfig, stage: &Stage) -> Result<()> {
        if let Some(dir) = &self.rfnet {
            let others = self.encoder_stage || self.image_encoder.is_some();
            if others || self.text(stage).is_some() {
                return Err(setting("rfnet excludes all other pretrained parts"));
            }
            if network.text_encoder().is_some() {
                same_vocabulary(dir, &stage.component(RFNET))?;
            }
            self.judge(network, &stage.device)?;
        }
        if let (Some(dir), Some((text, _))) = (self.text(stage), network.text_encoder()) {
            let fresh = text.init(&stage.device);
            let fresh = fresh.map_err(Error::component("rfnet config"))?;
            load_text(fresh, &dir)?;
        }
        Ok(())
    }

    /// Tells two files of text weights or of a judge's apart; `None` where it begins with none.
    ///
    /// # Errors
    /// A file that can't be read.
    pub fn fingerprint(&self, stage: &Stage) -> Result<Option<u64>> {
        let (dir, component) = match (&self.rfnet, self.text(stage)) {
            (Some(dir), _) => (dir.clone(), JUDGE),
            (None, Some(dir)) => (dir, TEXT),
            (None, None) => return Ok(None),
        };
        let dir = ModelDir::open(dir).map_err(Error::component(component))?;
        let weights = fingerprint::weights(&dir).map_err(Error::component(component))?;
        Ok(Some(fingerprint(&weights)))
    }

    /// The trained judge to train on from.
    fn judge(&self, config: &DetectorConfig, device: &Device) -> Result<Option<RfNet>> {
        let Some(dir) = &self.rfnet else {
            return Ok(None);
        };
        let DetectorConfig::RfNet(config) = config else {
            return Err(setting(
                "only RFNet trains on from an rfnet; leave it out for other networks",
            ));
        };
        let dir = ModelDir::open(dir).map_err(Error::component(JUDGE))?;
        let judge = RfNet::begin_from(&dir, config, device);
        judge.map(Some).map_err(Error::component(JUDGE))
    }

    /// `network`, which is fresh, with what it begins with. `encoder`: what the encoder stage wrote.
    ///
    /// # Errors
    /// Parts that exclude each other, are missing, or don't fit.
    pub(crate) fn put_into(
        &self,
        network: Detector,
        config: &DetectorConfig,
        encoder: Option<&Path>,
        stage: &Stage,
        device: &Device,
    ) -> Result<Detector> {
        if let Some(judge) = self.judge(config, device)? {
            return Ok(Detector::RfNet(judge));
        }
        if encoder.is_some() && self.image_encoder.is_some() {
            return Err(setting(
                "image_encoder and encoder_stage exclude each other",
            ));
        }
        if self.text_stage && self.text_encoder.is_some() {
            return Err(setting("text_encoder and text_stage exclude each other"));
        }
        let (network, config) = match (network, config) {
            (Detector::RfNet(network), DetectorConfig::RfNet(config)) => (network, config),
            (network, _) => {
                if self.image_encoder.is_some() || self.text_encoder.is_some() {
                    return Err(setting(
                        "only RFNet begins with pretrained encoders from files",
                    ));
                }
                let Some(dir) = encoder else {
                    return Ok(network);
                };
                let wanted = config.image_encoder();
                let classes = config.classes().count();
                return encoder::load(dir, &wanted, classes, device).map(Detector::Classifier);
            }
        };
        let image_encoder = "pretrained image encoder";
        let keys = config.image_encoder.key_map();
        let network = match (&self.image_encoder, encoder) {
            (Some(file), _) => network
                .map_image_encoders(|encoder| reliad_weights::load_file(encoder, file, &keys))
                .map_err(Error::component(image_encoder))?,
            (None, Some(dir)) => {
                let wanted = Architecture::Resnet(config.image_encoder.clone());
                let (dir, _) = encoder::open(dir, &wanted)?;
                network
                    .map_image_encoders(|encoder| reliad_weights::load(encoder, &dir, &keys))
                    .map_err(Error::component(image_encoder))?
            }
            (None, None) => network,
        };
        match self.text(stage) {
            Some(dir) => network.map_text_encoder(|encoder| load_text(encoder, &dir)),
            None => Ok(network),
        }
        .map(Detector::RfNet)
    }
}

fn setting(reason: &str) -> Error {
    Error::Setting {
        name: "pretrained",
        reason: reason.to_owned(),
    }
}

fn load_text(encoder: Roberta, dir: &Path) -> Result<Roberta> {
    let dir = ModelDir::open(dir).map_err(Error::component(TEXT))?;
    reliad_weights::load(encoder, &dir, &Roberta::key_map()).map_err(Error::component(TEXT))
}

/// A judge that is trained on from must read titles as the one that is trained.
fn same_vocabulary(theirs: &Path, ours: &Path) -> Result<()> {
    for file in ["vocab.json", "merges.txt"] {
        let theirs = theirs.join(file);
        if !theirs.exists() {
            continue;
        }
        let read = |path: &Path| std::fs::read(path).map_err(Error::io(path));
        if read(&theirs)? != read(&ours.join(file))? {
            return Err(Error::Setting {
                name: "pretrained.rfnet",
                reason: format!(
                    "{} differs from the one in {}; copy it there",
                    theirs.display(),
                    ours.display()
                ),
            });
        }
    }
    Ok(())
}
