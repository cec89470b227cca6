//! What the measuring networks see in the painted and in the rendered pictures: everything that figures are made of.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use image::{GrayImage, Luma, RgbImage};
use reliad_dataset::Record;
use reliad_generation::assess::ModelJudge;
use reliad_generation::gallery::Gallery;
use reliad_generation::manifest::VerdictRecord;
use reliad_generation::paint::Drawing;
use reliad_imaging::canny::{THRESHOLDS, canny};
use reliad_imaging::paste_back;
use reliad_pictures::{gray_image, rgb_tensor};
use reliad_rfnet::saliency_network::SaliencyNetwork;
use reliad_rfnet::scene_network::{Scene, SceneClassifier, SceneNetworkConfig};
use reliad_training::random;

use super::series::{Job, Purpose, Series};
use crate::error::{Error, Result};
use crate::measure::agreement::{Asked, Unasked};
use crate::measure::{diversity, edges, second_copy};
use crate::progress::Watch;

/// Who looks, and at what.
pub struct Viewers {
    /// The samples.
    pub series: Series,
    /// Their paintings.
    pub gallery: Gallery,
    /// Tells what a picture shows.
    pub scene: SceneClassifier,
    /// Finds second copies.
    pub saliency: SaliencyNetwork,
    /// Gives verdicts.
    pub judge: ModelJudge,
    /// Where the saliency network stands.
    pub device: Device,
}

/// One item's own picture.
pub struct Own {
    /// What its prompt asks for.
    pub asked: Asked,
    /// What the painted picture shows.
    pub painted: Scene,
    /// What the rendered picture shows.
    pub rendered: Scene,
    /// Pooled features of the painted picture.
    pub painted_features: Vec<f32>,
    /// Pooled features of the rendered picture.
    pub rendered_features: Vec<f32>,
    /// The judge's verdict on the painted picture.
    pub verdict: VerdictRecord,
    /// Whether the painted picture has a second salient thing.
    pub second_copy: bool,
}

/// One picture with another item's prompt, held against what the item's own prompt asks for.
pub struct Swapped {
    /// The item.
    pub item: usize,
    pub asked: Asked,
    pub painted: Scene,
}

/// How far pictures of one product and prompt lie from one another.
pub struct Varied {
    /// The item.
    pub item: usize,
    /// Mean over all pairs.
    pub distance: f64,
}

/// Two rendered pictures whose prompts share family, surface and main colour.
pub struct RenderedPair {
    pub items: [usize; 2],
    pub distance: f64,
}

/// How a painting without inpainting follows the product's edges.
pub struct Followed {
    /// The item.
    pub item: usize,
    /// Edge recall with the ControlNet, 0 to 1.
    pub controlled: f64,
    /// Edge recall without it, 0 to 1.
    pub uncontrolled: f64,
}

/// All that was seen.
#[derive(Default)]
pub struct Looks {
    pub own: Vec<Own>,
    pub swapped: Vec<Swapped>,
    pub varied: Vec<Varied>,
    pub rendered_pairs: Vec<RenderedPair>,
    pub followed: Vec<Followed>,
}

/// Pairs of rendered pictures that are compared, at most.
const RENDERED_PAIRS: usize = 200;

impl Viewers {
    /// Looks at everything that `jobs` painted. `None` when the caller asked to stop; verdicts are kept until then.
    ///
    /// # Errors
    /// A picture that can't be read, or a sample whose scene the network doesn't know.
    pub fn look(&self, jobs: &[Job], watch: &Watch<'_>) -> Result<Option<Looks>> {
        let mut looks = Looks::default();
        let count = watch.count("measured", jobs.len() as u64);
        for &job in jobs {
            if watch.stopped() {
                return Ok(None);
            }
            match job.purpose {
                Purpose::Own => looks.own.push(self.own(job)?),
                Purpose::Swapped => looks.swapped.push(self.swapped(job)?),
                // One of an item's repeated pictures stands for all of them.
                Purpose::Again if job.picture == 1 => looks.varied.push(self.varied(job, jobs)?),
                Purpose::Free => looks.followed.extend(self.followed(job)?),
                Purpose::Again | Purpose::Uncontrolled => {}
            }
            count.advance(false);
        }
        count.end();
        let pairs = self.rendered_pairs(&looks.own);
        let count = watch.count("compared", pairs.len() as u64);
        for pair in pairs {
            if watch.stopped() {
                return Ok(None);
            }
            looks.rendered_pairs.push(self.rendered_pair(pair)?);
            count.advance(false);
        }
        count.end();
        Ok(Some(looks))
    }

    /// The painting of a job as it came out of the painter.
    ///
    /// # Errors
    /// A painting that isn't there or can't be read.
    pub fn painting(&self, drawing: &Drawing) -> Result<RgbImage> {
        let painting = self.gallery.painting(&drawing.recipe)?;
        painting.ok_or_else(|| Error::Gone(self.gallery.path(&drawing.recipe)))
    }

    /// A job's picture with the product pasted back, and what it was made from.
    ///
    /// # Errors
    /// As [`painting`](Self::painting).
    pub fn finished(&self, job: Job) -> Result<(Drawing, RgbImage)> {
        let drawing = self.series.drawing(job)?;
        let picture = paste_back(&self.painting(&drawing)?, &drawing.product);
        Ok((drawing, picture))
    }

    fn cover(&self, drawing: &Drawing) -> GrayImage {
        self.scene.config().cover(&drawing.product.alpha())
    }

    fn asked(&self, item: usize) -> Result<Asked> {
        asked(&self.series.records()[item], self.scene.config())
    }

    fn own(&self, job: Job) -> Result<Own> {
        let (drawing, picture) = self.finished(job)?;
        let cover = self.cover(&drawing);
        let rendered = self.series.rendered(job.item)?;
        let title = &self.series.records()[job.item].title;
        let map = gray_image(&self.saliency.estimate(rgb_tensor(&picture, &self.device)))?;
        Ok(Own {
            asked: self.asked(job.item)?,
            painted: self.scene.classify(&picture, &cover)?,
            rendered: self.scene.classify(&rendered, &cover)?,
            painted_features: self.scene.features(&picture),
            rendered_features: self.scene.features(&rendered),
            verdict: self
                .gallery
                .verdict(&self.judge, &drawing, &picture, title)?,
            second_copy: second_copy::has_second_copy(&map, &drawing.product.alpha()),
        })
    }

    fn swapped(&self, job: Job) -> Result<Swapped> {
        let (drawing, picture) = self.finished(job)?;
        Ok(Swapped {
            item: job.item,
            asked: self.asked(job.item)?,
            painted: self.scene.classify(&picture, &self.cover(&drawing))?,
        })
    }

    /// Mean distance over all pairs of an item's own picture and those painted again.
    fn varied(&self, job: Job, jobs: &[Job]) -> Result<Varied> {
        let alike = jobs.iter().filter(|other| {
            other.item == job.item && matches!(other.purpose, Purpose::Own | Purpose::Again)
        });
        let mut stages: Vec<[Tensor<4>; 4]> = Vec::new();
        let mut cover = GrayImage::new(1, 1);
        for &job in alike {
            let (drawing, picture) = self.finished(job)?;
            cover = self.cover(&drawing);
            stages.push(self.scene.stages(&picture, &cover)?);
        }
        let mut distances = Vec::new();
        for (at, first) in stages.iter().enumerate() {
            for second in &stages[at + 1..] {
                distances.push(diversity::distance(first, second, &cover));
            }
        }
        Ok(Varied {
            item: job.item,
            distance: distances.iter().sum::<f64>() / distances.len().max(1) as f64,
        })
    }

    /// Pairs among the rendered samples that share family, surface and main colour, drawn by lot; each sample is in one
    /// pair at most.
    fn rendered_pairs(&self, own: &[Own]) -> Vec<[usize; 2]> {
        let mut alike: BTreeMap<(usize, String, String), Vec<usize>> = BTreeMap::new();
        for (item, record) in self.series.records().iter().enumerate() {
            let parameters = record.parameters.clone().unwrap_or_default();
            if let (Some(surface), Some(color)) = (parameters.surface, parameters.main_color) {
                let key = (own[item].asked.family, surface, color);
                alike.entry(key).or_default().push(item);
            }
        }
        let pairs: Vec<[usize; 2]> = alike
            .values()
            .flat_map(|items| items.chunks_exact(2))
            .map(|pair| [pair[0], pair[1]])
            .collect();
        // The first ones would be those of the first families.
        let mut rng = random::generator(self.series.seed(), "rendered pairs", 0);
        let order = random::shuffled(pairs.len(), &mut rng);
        order
            .into_iter()
            .take(RENDERED_PAIRS)
            .map(|at| pairs[at])
            .collect()
    }

    /// Both pictures are covered where either product is, so that products don't count.
    fn rendered_pair(&self, items: [usize; 2]) -> Result<RenderedPair> {
        let cover = |item| -> Result<GrayImage> {
            let job = Job {
                item,
                prompt_of: item,
                picture: 0,
                purpose: Purpose::Own,
            };
            Ok(self.cover(&self.series.drawing(job)?))
        };
        let cover = either(cover(items[0])?, &cover(items[1])?);
        let stages = |item| -> Result<[Tensor<4>; 4]> {
            Ok(self.scene.stages(&self.series.rendered(item)?, &cover)?)
        };
        Ok(RenderedPair {
            items,
            distance: diversity::distance(&stages(items[0])?, &stages(items[1])?, &cover),
        })
    }

    /// `None` for a product without edges.
    fn followed(&self, job: Job) -> Result<Option<Followed>> {
        let recall = |purpose: Purpose| -> Result<Option<f64>> {
            let drawing = self.series.drawing(Job { purpose, ..job })?;
            let product = product_edges(&drawing);
            let painting = picture_edges(&self.painting(&drawing)?);
            Ok(edges::recall(&product, &painting, edges::REACH))
        };
        let both = recall(Purpose::Free)?.zip(recall(Purpose::Uncontrolled)?);
        Ok(both.map(|(controlled, uncontrolled)| Followed {
            item: job.item,
            controlled,
            uncontrolled,
        }))
    }
}

/// The product's own edges, over black as the ControlNet sees them.
pub fn product_edges(drawing: &Drawing) -> GrayImage {
    drawing.product.edges(THRESHOLDS)
}

/// Edges of a picture, by the thresholds of the paper's reference.
pub fn picture_edges(picture: &RgbImage) -> GrayImage {
    canny(picture, THRESHOLDS[0], THRESHOLDS[1])
}

fn either(mut first: GrayImage, second: &GrayImage) -> GrayImage {
    for (pixel, other) in first.pixels_mut().zip(second.pixels()) {
        *pixel = Luma([pixel.0[0].max(other.0[0])]);
    }
    first
}

/// What a sample's prompt asks for, in the words of the scene network.
///
/// # Errors
/// A sample that doesn't tell, or a scene or colour that the network doesn't know.
pub fn asked(record: &Record, network: &SceneNetworkConfig) -> Result<Asked> {
    match Asked::of(record, network) {
        Ok(asked) => Ok(asked),
        Err(Unasked::Untold) => Err(Error::Untold {
            image: record.image.to_string(),
        }),
        Err(Unasked::Unknown(name)) => Err(Error::UnknownScene(name)),
    }
}
