//! The judge: a painted picture, its product and title go in, a verdict with its evidence comes out.
//!
//! A judge's directory is that of a model: `rfnet/` (network, tokenizer, calibration), `depth/`, `saliency/`. Depth and
//! saliency networks must be there when RFNet looks at their maps; otherwise they only serve the report.

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor};
use image::{GrayImage, RgbImage, RgbaImage};
use reliad_imaging::Class;
use reliad_pictures::{gray_image, rgb_tensor, rgba_tensor};
use reliad_weights::ModelDir;

use crate::calibration::Calibration;
use crate::components;
use crate::depth_network::DepthNetwork;
use crate::detector::{Detector, DetectorConfig};
use crate::error::{Error, Result};
use crate::preprocess::Preprocess;
use crate::rfnet::RfNetInput;
use crate::roberta::{CaptionTokens, RobertaTokenizer};
use crate::saliency_network::SaliencyNetwork;

/// One picture to judge.
#[derive(Clone, Copy, Debug)]
pub struct JudgeItem<'a> {
    /// The painted picture with the product pasted back.
    pub picture: &'a RgbImage,
    /// The product as it was placed on the canvas, of the picture's size, straight alpha.
    pub product: &'a RgbaImage,
    /// The product's title, which says what it is and how big.
    pub title: &'a str,
}

/// What the judge says about a picture.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The network's outputs, in the order of [`Classes::class`](crate::classes::Classes::class).
    pub logits: Vec<f32>,
    /// Calibrated probabilities in the order of [`Classes::class`](crate::classes::Classes::class); sum 1.
    pub probabilities: Vec<f32>,
    /// The class given; [`Class::Unsuitable`] also stands for "not available" of a head without reasons.
    pub class: Class,
    /// Whether the picture can be published.
    pub available: bool,
    /// The depth map the judge saw, near = white; `None` where the judge has no depth network.
    pub depth: Option<GrayImage>,
    /// The saliency map the judge saw; `None` where the judge has no saliency network.
    pub saliency: Option<GrayImage>,
}

/// A detector, RFNet as a rule, with all it needs to judge a picture, frozen: running statistics, no dropout, no gradients of its own weights.
#[derive(Debug)]
pub struct Judge {
    config: DetectorConfig,
    network: Detector,
    preprocess: Preprocess,
    tokenizer: Option<RobertaTokenizer>,
    calibration: Calibration,
    depth: Option<DepthNetwork>,
    saliency: Option<SaliencyNetwork>,
    device: Device,
}

impl Judge {
    /// Loads a judge from a model directory. On a device with gradients they flow through it to the picture.
    ///
    /// # Errors
    /// As [`check`](Self::check), or weights that don't fit.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self> {
        let (config, tokenizer) = components::check(dir)?;
        let rfnet = dir.sub("rfnet");
        let (network, _) = Detector::load(&rfnet, device)?;
        let inputs = config.inputs();
        let wanted = |component: &str, input: bool| input || dir.contains(component);
        let depth = wanted("depth", inputs.depth)
            .then(|| DepthNetwork::load(&dir.sub("depth"), device))
            .transpose()?;
        let saliency = wanted("saliency", inputs.saliency)
            .then(|| SaliencyNetwork::load(&dir.sub("saliency"), device))
            .transpose()?;
        Ok(Self {
            network: network.freeze(),
            preprocess: config.preprocess().init()?,
            tokenizer,
            calibration: Calibration::load(&rfnet)?,
            depth,
            saliency,
            config,
            device: device.clone(),
        })
    }

    /// Checks that a judge's components are there and fit each other, without reading their weights.
    ///
    /// # Errors
    /// [`Error::Misfit`] with all that doesn't fit, or a configuration or tokenizer that can't be used.
    pub fn check(dir: &ModelDir) -> Result<()> {
        components::check(dir).map(|_| ())
    }

    /// The network's config: its classes, its inputs.
    pub fn config(&self) -> &DetectorConfig {
        &self.config
    }

    /// How logits become a verdict.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// The same judge with or without the second look of [`Calibration::mirrored`].
    #[must_use]
    pub fn looking(mut self, mirrored: bool) -> Self {
        self.calibration.mirrored = mirrored;
        self
    }

    /// Judges pictures one by one, so that a verdict never depends on the others of its batch.
    ///
    /// # Errors
    /// A picture and product of different sizes.
    pub fn judge(&self, items: &[JudgeItem<'_>]) -> Result<Vec<Verdict>> {
        items.iter().map(|item| self.judge_one(item)).collect()
    }

    /// What the network looks at to judge `item`, and the maps at the picture's size.
    ///
    /// # Errors
    /// A picture and product of different sizes, or a title that the vocabulary can't spell.
    pub fn input(&self, item: &JudgeItem<'_>) -> Result<(RfNetInput, Maps)> {
        let (picture, product) = (item.picture.dimensions(), item.product.dimensions());
        if picture != product {
            return Err(Error::SizeMismatch { picture, product });
        }
        let picture = rgb_tensor(item.picture, &self.device);
        let product = rgba_tensor(item.product, &self.device);
        let caption = self.captions(&[item.title])?;
        Ok(self.prepared(picture, product, caption, true))
    }

    fn judge_one(&self, item: &JudgeItem<'_>) -> Result<Verdict> {
        let (input, maps) = self.input(item)?;
        let logits = self
            .logits(input)
            .into_data()
            .convert::<f32>()
            .try_into_vec::<f32>()
            .map_err(|error| Error::Tensor(error.to_string()))?;
        let probabilities = self.calibration.probabilities(&logits);
        let class = self
            .calibration
            .decide(&probabilities, self.config.classes());
        Ok(Verdict {
            logits,
            probabilities,
            class,
            available: class.is_available(),
            depth: maps.depth.as_ref().map(gray_image).transpose()?,
            saliency: maps.saliency.as_ref().map(gray_image).transpose()?,
        })
    }

    /// Tokens of titles; `None` where the network reads none.
    ///
    /// # Errors
    /// A title that the vocabulary can't spell.
    pub fn captions<S: AsRef<str>>(&self, titles: &[S]) -> Result<Option<CaptionTokens>> {
        self.tokenizer
            .as_ref()
            .map(|tokenizer| tokenizer.encode_batch(titles, &self.device))
            .transpose()
    }

    /// Log-probabilities of the classes, calibrated, through which gradients reach the picture: the reward's path.
    ///
    /// With `detach_maps` depth and saliency are of the picture but carry no gradient (the reward's default).
    ///
    /// # Shapes
    /// - picture: `[n, 3, h, w]` in [0, 1]
    /// - product: `[n, 4, h, w]`, straight-alpha RGBA in [0, 1]
    /// - captions: `n` rows, from [`captions`](Self::captions)
    /// - output: `[n, classes]`
    pub fn log_probabilities(
        &self,
        picture: Tensor<4>,
        product: Tensor<4>,
        captions: Option<CaptionTokens>,
        detach_maps: bool,
    ) -> Tensor<2> {
        let (input, _) = self.prepared(picture, product, captions, detach_maps);
        log_softmax(self.logits(input) / self.calibration.temperature, 1)
    }

    fn prepared(
        &self,
        picture: Tensor<4>,
        product: Tensor<4>,
        caption: Option<CaptionTokens>,
        detach_maps: bool,
    ) -> (RfNetInput, Maps) {
        let seen = match detach_maps {
            true => picture.clone().detach(),
            false => picture.clone(),
        };
        let maps = Maps {
            depth: self.depth.as_ref().map(|net| net.estimate(seen.clone())),
            saliency: self.saliency.as_ref().map(|net| net.estimate(seen)),
        };
        let inputs = self.config.inputs();
        let map = |on: bool, map: &Option<Tensor<4>>| {
            map.as_ref()
                .filter(|_| on)
                .map(|map| self.preprocess.map(map.clone()))
        };
        let input = RfNetInput {
            product: inputs.product.then(|| self.preprocess.product(product)),
            generated: inputs.generated.then(|| self.preprocess.generated(picture)),
            depth: map(inputs.depth, &maps.depth),
            saliency: map(inputs.saliency, &maps.saliency),
            caption,
        };
        (input, maps)
    }

    fn logits(&self, input: RfNetInput) -> Tensor<2> {
        if self.calibration.mirrored {
            let mirrored = self.network.forward(input.mirrored());
            (self.network.forward(input) + mirrored) / 2.0
        } else {
            self.network.forward(input)
        }
    }
}

/// Depth and saliency of pictures, `[n, 1, h, w]` in [0, 1]; `None` where the judge has no such network.
#[derive(Clone, Debug)]
pub struct Maps {
    /// Inverse depth: 1 is nearest.
    pub depth: Option<Tensor<4>>,
    /// Saliency.
    pub saliency: Option<Tensor<4>>,
}
