//! From (seed, index) to a sample: drawn, checked on a preview, rendered.

mod check;
mod parameters;
mod plan;

use image::imageops::flip_horizontal;
use image::{GrayImage, RgbImage, RgbaImage};
use reliad_imaging::Class;
use serde::{Deserialize, Serialize};

use crate::parameters::Parameters;
use crate::render::render;
use crate::words::mirrored;
pub use check::{MIN_CLUTTER, MIN_SHADOW_CHANGE};
pub use plan::Plan;

/// Attempts after which a sample is taken as it is, with `margins_kept` false.
const ATTEMPTS: u64 = 960;

/// Available pictures keep at least this median Lab distance along the silhouette.
pub const CLEAR: f32 = 25.0;
/// Camouflaged products have at most this one.
pub const CLOSE: f32 = 13.0;

/// How big products are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sizes {
    /// As such things usually are, so that a look tells most of it.
    Usual,
    /// Miniatures and display pieces as well, of the same looks: only the title tells.
    #[default]
    Any,
}

/// Which scenes a world shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenes {
    /// Many families with many surfaces, props and patterns of light; prompts as a designer writes them.
    #[default]
    Rich,
    /// Five families as product photographers build them, with few textures and shallow focus; captions that name every
    /// factor, for networks that see few samples.
    Studio,
}

/// Which labels and products a world holds.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// Weights of classes 0 to 5.
    pub mix: [f32; 6],
    /// One class for all samples instead of the mix.
    pub class: Option<Class>,
    /// Identities of the products to draw from, of any [`Pool`](crate::Pool), at least one; absent: all of the world's.
    pub products: Option<Vec<u64>>,
    /// How big the products are.
    pub sizes: Sizes,
    /// Which scenes they stand in.
    pub scenes: Scenes,
}

impl Default for World {
    /// Half available, an eighth each failure, products in any size; no unsuitable source pictures, since the paper's heads
    /// have five classes.
    fn default() -> Self {
        World {
            mix: [4.0, 1.0, 1.0, 1.0, 1.0, 0.0],
            class: None,
            products: None,
            sizes: Sizes::Any,
            scenes: Scenes::Rich,
        }
    }
}

/// One sample: layers, exact maps, texts and the label.
pub struct Sample {
    /// The product on the canvas: straight alpha, centred, its larger side 0.56 to 0.775 of the canvas.
    pub product: RgbaImage,
    /// The product over the scene; equals the product's pixels where alpha is 255.
    pub picture: RgbImage,
    /// Inverse depth of the picture's visible surfaces, row by row, 0 (farthest) to 1 (nearest).
    pub depth: Vec<f32>,
    /// Coverage of the product and of what the scene adds to it.
    pub saliency: GrayImage,
    /// The product's catalogue title with its size.
    pub title: String,
    /// The scene's prompt.
    pub prompt: String,
    /// The label.
    pub class: Class,
    /// The product's identity, below [`POOL`](crate::POOL) unless others were asked for; split by it.
    pub product_id: u64,
    /// Everything that was drawn and measured.
    pub parameters: Parameters,
}

impl Sample {
    /// Its mirror image: left and right exchanged in the pictures and in the prompt.
    pub fn mirrored(&self) -> Self {
        let width = self.picture.width().max(1) as usize;
        let rows = self.depth.chunks(width);
        Self {
            product: flip_horizontal(&self.product),
            picture: flip_horizontal(&self.picture),
            depth: rows.flat_map(|row| row.iter().rev().copied()).collect(),
            saliency: flip_horizontal(&self.saliency),
            title: self.title.clone(),
            prompt: mirrored(&self.prompt),
            parameters: Parameters {
                mirrored: Some(!self.parameters.mirrored.unwrap_or(false)),
                ..self.parameters.clone()
            },
            ..*self
        }
    }

    /// The depth as 8-bit grey.
    pub fn depth_image(&self) -> GrayImage {
        let (w, h) = self.picture.dimensions();
        GrayImage::from_fn(w, h, |x, y| {
            image::Luma([(self.depth[(y * w + x) as usize] * 255.0 + 0.5) as u8])
        })
    }
}

/// The sample of the default world. A pure function: the same arguments give the same bytes on one
/// machine, whatever the threads; only pixels depend on `size` (of the square canvas).
pub fn sample(seed: u64, index: u64, size: u32) -> Sample {
    World::default().sample(seed, index, size)
}

impl World {
    /// The sample of this world; see [`sample`].
    pub fn sample(&self, seed: u64, index: u64, size: u32) -> Sample {
        self.drawn(seed, index, size).0
    }

    /// Titles and prompts of the first `count` samples, without rendering them. A prompt may differ
    /// from the sample's own where the preview rejects the first draw; the language is the same.
    pub fn corpus(&self, seed: u64, count: u64) -> Vec<(String, String)> {
        (0..count)
            .map(|index| {
                let plan = self.plan(seed, index, 0);
                (plan.product.title, plan.prompt)
            })
            .collect()
    }

    /// A sample with the plan that it was rendered from.
    pub(crate) fn drawn(&self, seed: u64, index: u64, size: u32) -> (Sample, Plan) {
        let mut attempt = 0;
        let (plan, measured, checked) = loop {
            let mut plan = self.plan(seed, index, attempt);
            let last = attempt + 1 == ATTEMPTS;
            if last || plan.is_promising() {
                let preview = plan.preview();
                let measured = plan.measure(&preview);
                let kept = plan.keeps_margins(&preview, &measured);
                if kept || last {
                    break (plan, measured, kept);
                }
            }
            attempt += 1;
        };
        let rendered = render(&plan.scene, size);
        let parameters = Parameters {
            seed: Some(seed),
            index: Some(index),
            attempt: Some(attempt),
            margins_kept: Some(checked),
            ..plan.parameters(&measured)
        };
        let sample = Sample {
            product: rendered.product,
            picture: rendered.picture,
            depth: rendered.depth,
            saliency: rendered.saliency,
            title: plan.product.title.clone(),
            prompt: plan.prompt.clone(),
            class: plan.class,
            product_id: plan.product.id,
            parameters,
        };
        (sample, plan)
    }
}
