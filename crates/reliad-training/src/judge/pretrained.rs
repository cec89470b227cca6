//! What a judge begins with: encoders that know something, or a whole judge.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use reliad_rfnet::classifier::Architecture;
use reliad_rfnet::detector::{Detector, DetectorConfig};
use reliad_rfnet::rfnet::RfNet;
use reliad_rfnet::roberta::Roberta;
use reliad_weights::{Digests, ModelDir};
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::fingerprint::{self, fingerprint};
use crate::judge::RFNET;
use crate::judge::encoder;
use crate::judge::text;
use crate::stage::Stage;

const IMAGE: &str = "pretrained image encoder";
const JUDGE: &str = "pretrained rfnet";
const TEXT: &str = "pretrained text encoder; `reliad train text` makes one for mini";

/// Pretrained encoders; the paper begins with ResNet50 of ImageNet and RoBERTa. Paths are taken from where the program
/// runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pretrained {
    /// Weights of the same configuration as torchvision or timm publish them, `.pth`, `.bin` or `.safetensors`: a ResNet for every
    /// image encoder of RFNet, or for a rival its own network, of which a head of other classes is left.
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

    /// The files and folders that it names.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        [
            ("pretrained.image_encoder", &self.image_encoder),
            ("pretrained.text_encoder", &self.text_encoder),
            ("pretrained.rfnet", &self.rfnet),
        ]
        .into_iter()
        .filter_map(|(name, path)| Some((name, path.as_deref()?)))
    }

    /// Checks that what `network` begins with fits it.
    ///
    /// # Errors
    /// Parts that exclude each other, are missing, of another size, or a judge that reads titles otherwise.
    pub(crate) fn check(&self, network: &DetectorConfig, stage: &Stage) -> Result<()> {
        // Whether they are there is asked first, as it takes no time.
        for (name, path) in self.named() {
            must_be_there(name, path)?;
        }
        if self.encoder_stage && self.image_encoder.is_some() {
            return Err(setting(
                "image_encoder and encoder_stage exclude each other",
            ));
        }
        if self.text_stage && self.text_encoder.is_some() {
            return Err(setting("text_encoder and text_stage exclude each other"));
        }
        if let Some(file) = &self.image_encoder {
            begin_image_encoder(file, network, &stage.device)?;
        }
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

    /// Tells the files that it begins with from others; `None` where it begins with none.
    ///
    /// # Errors
    /// A file that can't be read.
    pub fn fingerprint(&self, stage: &Stage) -> Result<Option<u64>> {
        let mut told = String::new();
        let dirs = [(self.rfnet.clone(), JUDGE), (self.text(stage), TEXT)];
        for (dir, component) in dirs {
            let Some(dir) = dir else { continue };
            let dir = ModelDir::open(dir).map_err(Error::component(component))?;
            told += &fingerprint::weights(&dir).map_err(Error::component(component))?;
        }
        if let Some(file) = &self.image_encoder {
            told += &Digests::of_user().file(file).map_err(Error::io(file))?;
        }
        Ok((!told.is_empty()).then(|| fingerprint(told.as_bytes())))
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
        let (network, config) = match (network, config) {
            (Detector::RfNet(network), DetectorConfig::RfNet(config)) => (network, config),
            (network, _) => {
                if let Some(file) = &self.image_encoder {
                    let begun = config.image_encoder().begin_from(file, device);
                    return begun
                        .map(Detector::Classifier)
                        .map_err(Error::component(IMAGE));
                }
                let Some(dir) = encoder else {
                    return Ok(network);
                };
                let wanted = config.image_encoder();
                let classes = config.classes().count();
                return encoder::load(dir, &wanted, classes, device).map(Detector::Classifier);
            }
        };
        let keys = config.image_encoder.key_map();
        let network = match (&self.image_encoder, encoder) {
            (Some(file), _) => network
                .map_image_encoders(|encoder| reliad_weights::load_file(encoder, file, &keys))
                .map_err(Error::component(IMAGE))?,
            (None, Some(dir)) => {
                let wanted = Architecture::Resnet(config.image_encoder.clone());
                let (dir, _) = encoder::open(dir, &wanted)?;
                network
                    .map_image_encoders(|encoder| reliad_weights::load(encoder, &dir, &keys))
                    .map_err(Error::component(IMAGE))?
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

/// What a configuration names has to be there.
///
/// # Errors
/// [`Error::Setting`] with the path, and where it was looked for.
pub fn must_be_there(name: &'static str, path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let from = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Err(Error::Setting {
        name,
        reason: format!(
            "{} isn't there ({}); paths are taken from where the program runs",
            path.display(),
            from.display()
        ),
    })
}

/// Loads an image encoder once, to see that it fits.
fn begin_image_encoder(file: &Path, network: &DetectorConfig, device: &Device) -> Result<()> {
    match network {
        DetectorConfig::RfNet(config) => {
            let fresh = config.image_encoder.init(device);
            let fresh = fresh.map_err(Error::component("rfnet config"))?;
            let keys = config.image_encoder.key_map();
            reliad_weights::load_file(fresh, file, &keys).map_err(Error::component(IMAGE))?;
        }
        DetectorConfig::Classifier(config) => {
            let begun = config.network.begin_from(file, device);
            begun.map_err(Error::component(IMAGE))?;
        }
    }
    Ok(())
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
