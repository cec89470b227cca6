//! The judge: a painted picture, its product and title go in, a verdict with its evidence comes out.
//!
//! A judge's directory is that of a model: `rfnet/` (network, tokenizer, calibration), `depth/`, `saliency/`. Depth and
//! saliency networks must be there when RFNet looks at their maps; otherwise they only serve the report.

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor};
use image::{GrayImage, RgbImage, RgbaImage};
use reliad_imaging::Class;
use reliad_pictures::{gray_image, gray_tensor, rgb_tensor, rgba_tensor};
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

/// A labelled sample to judge, as a data set has it.
#[derive(Clone, Copy, Debug)]
pub struct JudgeSample<'a> {
    /// The picture that was labelled.
    pub picture: &'a RgbImage,
    /// The product on the picture's canvas, straight alpha; a judge that doesn't look at it needs none.
    pub product: Option<&'a RgbaImage>,
    /// The picture's inverse depth, white nearest, of any size; absent: the judge's network estimates it.
    pub depth: Option<&'a GrayImage>,
    /// The picture's saliency, as `depth`.
    pub saliency: Option<&'a GrayImage>,
    /// The product's title.
    pub title: &'a str,
}

impl<'a> From<JudgeItem<'a>> for JudgeSample<'a> {
    fn from(item: JudgeItem<'a>) -> Self {
        Self {
            picture: item.picture,
            product: Some(item.product),
            depth: None,
            saliency: None,
            title: item.title,
        }
    }
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
        Self::of(dir, config, tokenizer, device)
    }

    /// The same, but `depth/` and `saliency/` need not be there: for [samples](Self::judge_sample) that bring their maps.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_for_samples(dir: &ModelDir, device: &Device) -> Result<Self> {
        let (config, tokenizer) = components::check_reading(dir)?;
        Self::of(dir, config, tokenizer, device)
    }

    fn of(
        dir: &ModelDir,
        config: DetectorConfig,
        tokenizer: Option<RobertaTokenizer>,
        device: &Device,
    ) -> Result<Self> {
        let rfnet = dir.sub("rfnet");
        let (network, _) = Detector::load(&rfnet, device)?;
        let depth = dir
            .contains("depth")
            .then(|| DepthNetwork::load(&dir.sub("depth"), device))
            .transpose()?;
        let saliency = dir
            .contains("saliency")
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
        items
            .iter()
            .map(|&item| self.judge_sample(&item.into()))
            .collect()
    }

    /// What the network looks at to judge `item`, and the maps at the picture's size.
    ///
    /// # Errors
    /// A picture and product of different sizes, or a title that the vocabulary can't spell.
    pub fn input(&self, item: &JudgeItem<'_>) -> Result<(RfNetInput, Maps)> {
        self.sample_input(&(*item).into())
    }

    fn sample_input(&self, sample: &JudgeSample<'_>) -> Result<(RfNetInput, Maps)> {
        let inputs = self.config.inputs();
        let lacks = |input: &'static str| Error::Lacks { input };
        let picture = rgb_tensor(sample.picture, &self.device);
        let product = match sample.product {
            _ if !inputs.product => None,
            None => return Err(lacks("product")),
            Some(product) if product.dimensions() != sample.picture.dimensions() => {
                return Err(Error::SizeMismatch {
                    picture: sample.picture.dimensions(),
                    product: product.dimensions(),
                });
            }
            Some(product) => Some(rgba_tensor(product, &self.device)),
        };
        let given = |map: Option<&GrayImage>| map.map(|map| gray_tensor(map, &self.device));
        let depth = given(sample.depth).or_else(|| self.depth_of(picture.clone()));
        let saliency = given(sample.saliency).or_else(|| self.saliency_of(picture.clone()));
        if inputs.depth && depth.is_none() {
            return Err(lacks("depth"));
        }
        if inputs.saliency && saliency.is_none() {
            return Err(lacks("saliency"));
        }
        let caption = self.captions(&[sample.title])?;
        let maps = Maps { depth, saliency };
        Ok((self.looked_at(picture, product, caption, &maps), maps))
    }

    /// Judges a sample whose product or maps may be missing, as far as the judge doesn't need them.
    ///
    /// # Errors
    /// A picture and product of different sizes; [`Error::Lacks`] for what the judge looks at and can't estimate.
    pub fn judge_sample(&self, sample: &JudgeSample<'_>) -> Result<Verdict> {
        let (input, maps) = self.sample_input(sample)?;
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
            depth: self.depth_of(seen.clone()),
            saliency: self.saliency_of(seen),
        };
        let product = self.config.inputs().product.then_some(product);
        (self.looked_at(picture, product, caption, &maps), maps)
    }

    fn depth_of(&self, picture: Tensor<4>) -> Option<Tensor<4>> {
        self.depth.as_ref().map(|network| network.estimate(picture))
    }

    fn saliency_of(&self, picture: Tensor<4>) -> Option<Tensor<4>> {
        let network = self.saliency.as_ref();
        network.map(|network| network.estimate(picture))
    }

    /// What the network looks at; `product` is `None` where it doesn't.
    fn looked_at(
        &self,
        picture: Tensor<4>,
        product: Option<Tensor<4>>,
        caption: Option<CaptionTokens>,
        maps: &Maps,
    ) -> RfNetInput {
        let inputs = self.config.inputs();
        let map = |on: bool, map: &Option<Tensor<4>>| {
            map.as_ref()
                .filter(|_| on)
                .map(|map| self.preprocess.map(map.clone()))
        };
        RfNetInput {
            product: product.map(|product| self.preprocess.product(product)),
            generated: inputs.generated.then(|| self.preprocess.generated(picture)),
            depth: map(inputs.depth, &maps.depth),
            saliency: map(inputs.saliency, &maps.saliency),
            caption,
        }
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
