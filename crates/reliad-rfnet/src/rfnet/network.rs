//! The network itself: encoders, feature filter, fusion, head.
//!
//! Keys in `rfnet/model.safetensors`:
//!
//! | key | what |
//! |---|---|
//! | `image_encoder.shared.*`, or `image_encoder.product.*` / `generated` / `depth` / `saliency` | ResNet, torchvision's names |
//! | `projection.product.*` ... | 1x1 convolution to `width` |
//! | `text_encoder.*` | RoBERTa, transformers' names |
//! | `caption_projection.*` | linear to `width` |
//! | `feature_filter.N.*`, `position_embedding`, `modality_embedding`, `fusion.N.*`, `fusion_norm.*`, `head.*` | ours |

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{
    Dropout, DropoutConfig, Initializer, LayerNorm, LayerNormConfig, Linear, LinearConfig,
};
use burn::tensor::{Bool, Device, Tensor};
use reliad_kernels::dropout::dropout;
use reliad_weights::{KeyMap, ModelDir};

use super::{FeatureFilter, FusionLayer, FusionNorm, RfNetConfig};
use crate::error::Result;
use crate::resnet::ResNet;
use crate::roberta::{CaptionTokens, Roberta};

/// What the network looks at. Inputs that the config switches off are ignored and may be `None`.
///
/// All images are `[n, 3, image_size, image_size]`, made by [`Preprocess`](crate::preprocess::Preprocess).
#[derive(Clone, Debug, Default)]
pub struct RfNetInput {
    /// The product on the config's background.
    pub product: Option<Tensor<4>>,
    /// The generated picture.
    pub generated: Option<Tensor<4>>,
    /// The picture's depth map.
    pub depth: Option<Tensor<4>>,
    /// The picture's saliency map.
    pub saliency: Option<Tensor<4>>,
    /// The product's title, `n` rows.
    pub caption: Option<CaptionTokens>,
}

impl RfNetInput {
    /// The same with every image as a mirror shows it, left and right exchanged.
    pub fn mirrored(&self) -> Self {
        let mirror =
            |image: &Option<Tensor<4>>| image.as_ref().map(|image| image.clone().flip([3]));
        Self {
            product: mirror(&self.product),
            generated: mirror(&self.generated),
            depth: mirror(&self.depth),
            saliency: mirror(&self.saliency),
            caption: self.caption.clone(),
        }
    }
}

/// The image encoders: one for all, or one for each image the config has.
#[derive(Module, Debug)]
pub struct ImageEncoders {
    shared: Option<ResNet>,
    product: Option<ResNet>,
    generated: Option<ResNet>,
    depth: Option<ResNet>,
    saliency: Option<ResNet>,
}

#[derive(Module, Debug)]
struct Projections {
    product: Option<Conv2d>,
    generated: Option<Conv2d>,
    depth: Option<Conv2d>,
    saliency: Option<Conv2d>,
}

/// RFNet (2408.00418). Built by [`RfNetConfig::init`].
#[derive(Module, Debug)]
pub struct RfNet {
    image_encoder: ImageEncoders,
    projection: Projections,
    text_encoder: Option<Roberta>,
    caption_projection: Option<Linear>,
    feature_filter: Vec<FeatureFilter>,
    position_embedding: Option<Param<Tensor<2>>>,
    modality_embedding: Option<Param<Tensor<2>>>,
    fusion: Vec<FusionLayer>,
    fusion_norm: Option<LayerNorm>,
    dropout: Dropout,
    head: Linear,
}

/// What the encoders make of an input.
#[derive(Clone, Debug)]
pub struct Features {
    /// As [`RfNet::encode_images`] gives them.
    pub images: [Option<Tensor<4>>; 4],
    /// As [`RfNet::encode_caption`] gives it.
    pub caption: Option<(Tensor<3>, Tensor<2, Bool>)>,
}

impl Features {
    /// The same as constants of graphs on the autodiff device that belongs to theirs.
    pub fn as_constants(self) -> Self {
        Self {
            images: self.images.map(|map| map.map(Tensor::from_inner)),
            caption: self
                .caption
                .map(|(hidden, mask)| (Tensor::from_inner(hidden), Tensor::from_inner(mask))),
        }
    }
}

/// The four streams of the fusion, in the paper's order: rows of the modality embedding.
const STREAMS: usize = 4;

impl RfNet {
    pub(super) fn new(config: &RfNetConfig, device: &Device) -> Result<Self> {
        let inputs = config.inputs;
        let channels = config.image_encoder.channels();
        let encoder = |on: bool| on.then(|| config.image_encoder.init(device)).transpose();
        let own = |on: bool| encoder(on && !config.shared_image_encoder);
        let projection =
            |on: bool| on.then(|| Conv2dConfig::new([channels, config.width], [1, 1]).init(device));
        let embedding = |on: bool, rows: usize| {
            on.then(|| {
                Initializer::Normal {
                    mean: 0.0,
                    std: 0.02,
                }
                .init([rows, config.width], device)
            })
        };
        let text = config.text_encoder.as_ref();
        let filters = if config.filters_product() {
            config.filter_layers
        } else {
            0
        };
        Ok(Self {
            image_encoder: ImageEncoders {
                shared: encoder(config.shared_image_encoder)?,
                product: own(inputs.product)?,
                generated: own(inputs.generated)?,
                depth: own(inputs.depth)?,
                saliency: own(inputs.saliency)?,
            },
            projection: Projections {
                product: projection(inputs.product),
                generated: projection(inputs.generated),
                depth: projection(inputs.depth),
                saliency: projection(inputs.saliency),
            },
            text_encoder: text.map(|text| text.init(device)).transpose()?,
            caption_projection: text
                .map(|text| LinearConfig::new(text.hidden_size, config.width).init(device)),
            feature_filter: (0..filters)
                .map(|_| FeatureFilter::init(config, device))
                .collect(),
            position_embedding: embedding(config.position_embedding, config.image_tokens()),
            modality_embedding: embedding(config.modality_embedding, STREAMS),
            fusion: (0..config.fusion_layers)
                .map(|_| FusionLayer::init(config, device))
                .collect(),
            fusion_norm: (config.fusion_norm == FusionNorm::Pre)
                .then(|| LayerNormConfig::new(config.width).init(device)),
            dropout: DropoutConfig::new(config.dropout).init(),
            head: LinearConfig::new(config.width, config.classes.count()).init(device),
        })
    }

    /// Loads `config.json` and the weights beside it.
    ///
    /// # Errors
    /// An unreadable directory, an unsupported field, or any missing, unused or mis-shaped key.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<(Self, RfNetConfig)> {
        let config = RfNetConfig::from_json(&reliad_weights::read_config(dir, "config.json")?)?;
        let network = reliad_weights::load(config.init(device)?, dir, &Self::key_map())?;
        Ok((network, config))
    }

    /// The network of `config` with the weights of the RFNet in `dir`, as far as it has its parts: what belongs to inputs that
    /// `config` lacks stays behind, and a head for other classes is fresh.
    ///
    /// # Errors
    /// As [`load`](Self::load); a part of `config` that `dir` hasn't, or of another size, is a missing or mis-shaped key.
    pub fn begin_from(dir: &ModelDir, config: &RfNetConfig, device: &Device) -> Result<Self> {
        let theirs = RfNetConfig::from_json(&reliad_weights::read_config(dir, "config.json")?)?;
        let inputs = config.inputs;
        let absent: Vec<&str> = [
            (inputs.product, "image_encoder.product"),
            (inputs.product, "projection.product"),
            (inputs.generated, "image_encoder.generated"),
            (inputs.generated, "projection.generated"),
            (inputs.depth, "image_encoder.depth"),
            (inputs.depth, "projection.depth"),
            (inputs.saliency, "image_encoder.saliency"),
            (inputs.saliency, "projection.saliency"),
            (inputs.caption, "text_encoder"),
            (inputs.caption, "caption_projection"),
            (config.filters_product(), "feature_filter"),
        ]
        .into_iter()
        .filter_map(|(on, part)| (!on).then_some(part))
        .collect();
        let with_their_head = RfNetConfig {
            classes: theirs.classes,
            ..config.clone()
        };
        let keys = Self::key_map().ignoring(&absent);
        let network = reliad_weights::load(with_their_head.init(device)?, dir, &keys)?;
        Ok(if theirs.classes == config.classes {
            network
        } else {
            Self {
                head: LinearConfig::new(config.width, config.classes.count()).init(device),
                ..network
            }
        })
    }

    /// Names in the file to ours; see the table at the top of the file.
    pub fn key_map() -> KeyMap {
        KeyMap::new(&Roberta::RENAMED).ignoring(&["num_batches_tracked"])
    }

    /// Lets `change` work on each image encoder by itself, say to load weights pretrained on ImageNet.
    ///
    /// One network must not be put into several places: clones share the identities of their parameters, and an optimizer
    /// would take them for one.
    ///
    /// # Errors
    /// Whatever `change` says.
    pub fn map_image_encoders<E>(
        mut self,
        mut change: impl FnMut(ResNet) -> std::result::Result<ResNet, E>,
    ) -> std::result::Result<Self, E> {
        let encoders = &mut self.image_encoder;
        for slot in [
            &mut encoders.shared,
            &mut encoders.product,
            &mut encoders.generated,
            &mut encoders.depth,
            &mut encoders.saliency,
        ] {
            *slot = slot.take().map(&mut change).transpose()?;
        }
        Ok(self)
    }

    /// Lets `change` work on the text encoder, if there is one.
    ///
    /// # Errors
    /// Whatever `change` says.
    pub fn map_text_encoder<E>(
        mut self,
        change: impl FnOnce(Roberta) -> std::result::Result<Roberta, E>,
    ) -> std::result::Result<Self, E> {
        self.text_encoder = self.text_encoder.map(change).transpose()?;
        Ok(self)
    }

    /// The logits of the classes, in the order of [`Classes::class`](crate::classes::Classes::class).
    ///
    /// # Shapes
    /// - input: see [`RfNetInput`]; captions at most `max_caption_tokens` long
    /// - output: `[n, classes]`
    ///
    /// # Panics
    /// If an input that the config has is missing, or the inputs' batch sizes differ.
    pub fn forward(&self, input: RfNetInput) -> Tensor<2> {
        let images = self.encode_images(&input);
        let caption = self.encode_caption(input.caption);
        self.fuse(Features { images, caption })
    }

    /// What the image encoders make of product, generated picture, depth and saliency: `[n, channels, h, w]` each, none
    /// of an input that the config hasn't.
    ///
    /// # Panics
    /// If an input that the config has is missing.
    pub fn encode_images(&self, input: &RfNetInput) -> [Option<Tensor<4>>; 4] {
        let encoders = &self.image_encoder;
        let sources = [
            ("product", &input.product, &encoders.product),
            ("generated", &input.generated, &encoders.generated),
            ("depth", &input.depth, &encoders.depth),
            ("saliency", &input.saliency, &encoders.saliency),
        ];
        let image = |name: &str, image: &Option<Tensor<4>>| match image {
            Some(image) => image.clone(),
            None => panic!("RFNet's config has the input `{name}`, which is missing"),
        };
        let Some(shared) = &encoders.shared else {
            return sources.map(|(name, source, encoder)| {
                Some(encoder.as_ref()?.features(image(name, source)))
            });
        };
        // One pass for all images, so that batch statistics in training are those of the mixture that the running
        // statistics describe.
        let projections = &self.projection;
        let on = [
            projections.product.is_some(),
            projections.generated.is_some(),
            projections.depth.is_some(),
            projections.saliency.is_some(),
        ];
        let present: Vec<Tensor<4>> = sources
            .iter()
            .zip(on)
            .filter(|(_, on)| *on)
            .map(|((name, source, _), _)| image(name, source))
            .collect();
        let count = present.len();
        let mut maps = shared
            .features(Tensor::cat(present, 0))
            .chunk(count, 0)
            .into_iter();
        on.map(|on| if on { maps.next() } else { None })
    }

    /// What the text encoder makes of titles, `[n, tokens, hidden_size]`, and which tokens are real; `None` where the config
    /// has no caption.
    ///
    /// # Panics
    /// If the config has a caption and none is given.
    pub fn encode_caption(
        &self,
        caption: Option<CaptionTokens>,
    ) -> Option<(Tensor<3>, Tensor<2, Bool>)> {
        let encoder = self.text_encoder.as_ref()?;
        let Some(CaptionTokens { ids, mask }) = caption else {
            panic!("RFNet's config has the input `caption`, which is missing");
        };
        Some((encoder.forward(ids, mask.clone()), mask))
    }

    /// The logits `[n, classes]` of what the encoders have made.
    pub fn fuse(&self, features: Features) -> Tensor<2> {
        let (mut tokens, mask) = self.streams(features);
        for layer in &self.fusion {
            tokens = layer.forward(tokens, mask.clone());
        }
        if let Some(norm) = &self.fusion_norm {
            tokens = norm.forward(tokens);
        }
        let [n, length, width] = tokens.dims();
        let pooled = match mask {
            Some(mask) => {
                let real = mask.float().reshape([n, length, 1]);
                (tokens * real.clone()).sum_dim(1) / real.sum_dim(1)
            }
            None => tokens.mean_dim(1),
        };
        self.head
            .forward(dropout(&self.dropout, pooled.reshape([n, width])))
    }

    /// `concat(e_f, e_g, e_d, e_s)` with its embeddings, and a mask where some tokens are padding.
    fn streams(&self, features: Features) -> (Tensor<3>, Option<Tensor<2, Bool>>) {
        let projections = &self.projection;
        let [mut product, mut generated, mut depth, mut saliency] = features.images;
        for (map, projection) in [
            (&mut product, &projections.product),
            (&mut generated, &projections.generated),
            (&mut depth, &projections.depth),
            (&mut saliency, &projections.saliency),
        ] {
            let projection = projection.as_ref();
            *map = map.take().zip(projection).map(|(map, by)| by.forward(map));
        }
        let caption = features
            .caption
            .zip(self.caption_projection.as_ref())
            .map(|((hidden, mask), projection)| (projection.forward(hidden), mask));

        let mut streams = Vec::with_capacity(STREAMS);
        let mut caption_mask = None;
        match (product.take(), caption) {
            (Some(product), Some((caption, mask))) => {
                let filtered = self.feature_filter.iter().fold(product, |x, block| {
                    block.forward(x, caption.clone(), mask.clone())
                });
                streams.push(self.image_stream(filtered, 0));
            }
            (Some(product), None) => streams.push(self.image_stream(product, 0)),
            (None, Some((caption, mask))) => {
                streams.push(self.with_modality(caption, 0));
                caption_mask = Some(mask);
            }
            (None, None) => {}
        }
        for (index, map) in [generated, depth, saliency].into_iter().enumerate() {
            streams.extend(map.map(|map| self.image_stream(map, index + 1)));
        }
        let tokens = Tensor::cat(streams, 1);
        let mask = caption_mask.map(|mask| {
            let [n, caption] = mask.dims();
            let images =
                Tensor::<2, Bool>::full([n, tokens.dims()[1] - caption], true, &mask.device());
            Tensor::cat(vec![mask, images], 1)
        });
        (tokens, mask)
    }

    fn image_stream(&self, map: Tensor<4>, stream: usize) -> Tensor<3> {
        let [n, width, h, w] = map.dims();
        let mut tokens = map.reshape([n, width, h * w]).swap_dims(1, 2);
        if let Some(positions) = &self.position_embedding {
            tokens = tokens + positions.val().unsqueeze::<3>();
        }
        self.with_modality(tokens, stream)
    }

    fn with_modality(&self, tokens: Tensor<3>, stream: usize) -> Tensor<3> {
        match &self.modality_embedding {
            Some(embedding) => {
                let row = embedding.val().slice(stream..stream + 1);
                tokens + row.unsqueeze::<3>()
            }
            None => tokens,
        }
    }
}
