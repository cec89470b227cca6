//! What the held-out judge and the scene network see in a painter's pictures: what figures are made of besides the judge's
//! verdicts.

use burn::tensor::Device;
use image::{GrayImage, Luma, RgbImage};
use reliad_generation::assess::ModelJudge;
use reliad_generation::gallery::Gallery;
use reliad_generation::paint::Drawing;
use reliad_imaging::paste_back;
use reliad_rfnet::scene_network::SceneClassifier;
use reliad_training::threads;

use super::items::{Hand, Items, Try};
use super::painted::{AGAIN, Painted};
use crate::error::{Error, Result};
use crate::measure::agreement::{Asked, Unasked};
use crate::measure::diversity;
use crate::measure::variety::{self, Pair};
use crate::progress::Watch;

/// Who looks.
pub struct Viewers<'a> {
    /// The items.
    pub items: &'a Items,
    /// Their paintings.
    pub gallery: &'a Gallery,
    /// Reports, and teaches nothing.
    pub held_out: Option<&'a ModelJudge>,
    /// Tells what a picture shows.
    pub scene: Option<&'a SceneClassifier>,
    /// Items that were painted several times.
    pub varied: usize,
    /// Where networks stand.
    pub device: &'a Device,
}

/// What was seen of one painter's pictures.
#[derive(Debug, Default)]
pub struct Looks {
    /// What was seen of each item.
    pub own: Vec<Own>,
    /// Mean distance between the pictures of each of the first items, under several noises.
    pub diversity: Vec<f64>,
    /// Distance of each of [`Viewers::pairs`].
    pub variety: Vec<f64>,
}

/// What was seen of one item's pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Own {
    /// Whether the held-out judge calls the first attempt available.
    pub held_out: Option<bool>,
    /// Whether it says so of the first one that the judge calls available.
    pub published_held_out: Option<bool>,
    /// Whether the first attempt shows the scene family that its prompt asks for.
    pub family: Option<bool>,
    /// Whether it shows the main colour that its prompt asks for.
    pub color: Option<bool>,
}

impl Own {
    /// Whether the first attempt shows all that its prompt asks for.
    pub fn agrees(&self) -> Option<bool> {
        Some(self.family? && self.color.unwrap_or(true))
    }
}

impl Viewers<'_> {
    /// Pairs of items whose pictures are compared, the same for every painter.
    pub fn pairs(&self, seed: u64) -> Vec<Pair> {
        match self.scene {
            Some(_) => variety::pairs(&self.items.groups(), seed),
            None => Vec::new(),
        }
    }

    /// What the prompt of each item asks for; `None` where there is no scene network, or the sample doesn't tell.
    ///
    /// # Errors
    /// A scene or colour that the network has never seen.
    pub fn asked(&self) -> Result<Vec<Option<Asked>>> {
        let asked = |record| {
            let Some(scene) = self.scene else {
                return Ok(None);
            };
            match Asked::of(record, scene.config()) {
                Ok(asked) => Ok(Some(asked)),
                Err(Unasked::Untold) => Ok(None),
                Err(Unasked::Unknown(name)) => Err(Error::UnknownScene(name)),
            }
        };
        self.items.records().iter().map(asked).collect()
    }

    /// Looks at all of a painter's pictures. `None` when the caller asked to stop.
    ///
    /// # Errors
    /// A picture that can't be read any more, or a network that fails.
    pub fn look(
        &self,
        painted: &Painted,
        asked: &[Option<Asked>],
        pairs: &[Pair],
        watch: &Watch<'_>,
    ) -> Result<Option<Looks>> {
        let varied = self.scene.map_or(0, |_| self.varied);
        let (items, pictures) = (asked.len(), asked.len() + varied);
        let total = pictures + pairs.len();
        let count = watch.count("looked at", total as u64);
        let seen = threads::each(total, threads::at_once(self.device), |at| {
            if watch.stopped() {
                return Ok::<_, Error>(None);
            }
            let seen = if at < items {
                Seen::Own(self.own(painted, at, asked[at].as_ref())?)
            } else if at < pictures {
                Seen::Distance(self.diversity(&painted.hand, at - items)?)
            } else {
                Seen::Distance(self.pair(&painted.hand, pairs[at - pictures])?)
            };
            count.advance(false);
            Ok(Some(seen))
        })?;
        let mut looks = Looks::default();
        for (at, seen) in seen.into_iter().enumerate() {
            match seen {
                None => return Ok(None),
                Some(Seen::Own(own)) => looks.own.push(own),
                Some(Seen::Distance(distance)) if at < pictures => looks.diversity.push(distance),
                Some(Seen::Distance(distance)) => looks.variety.push(distance),
            }
        }
        count.end();
        Ok(Some(looks))
    }

    /// A picture with the product pasted back, and what it was made from.
    ///
    /// # Errors
    /// A painting that isn't there or can't be read.
    pub fn finished(&self, hand: &Hand, of: Try) -> Result<(Drawing, RgbImage)> {
        let drawing = self.items.drawing(hand, of)?;
        let painting = self.gallery.painting(&drawing.recipe)?;
        let painting = painting.ok_or_else(|| Error::Gone(self.gallery.path(&drawing.recipe)))?;
        let picture = paste_back(&painting, &drawing.product);
        Ok((drawing, picture))
    }

    fn own(&self, painted: &Painted, item: usize, asked: Option<&Asked>) -> Result<Own> {
        let (drawing, picture) = self.finished(&painted.hand, Try::first(item))?;
        let mut own = Own::default();
        if let Some(judge) = self.held_out {
            let title = &self.items.records()[item].title;
            let available = |drawing: &Drawing, picture: &RgbImage| -> Result<bool> {
                let verdict = self.gallery.verdict(judge, drawing, picture, title)?;
                Ok(verdict.available)
            };
            own.held_out = Some(available(&drawing, &picture)?);
            let tries = &painted.tries[item];
            if tries.last().is_some_and(|verdict| verdict.available) {
                let published = Try {
                    attempt: tries.len() as u32 - 1,
                    ..Try::first(item)
                };
                let (drawing, picture) = self.finished(&painted.hand, published)?;
                own.published_held_out = Some(available(&drawing, &picture)?);
            }
        }
        if let (Some(scene), Some(asked)) = (self.scene, asked) {
            let cover = scene.config().cover(&drawing.product.alpha());
            let seen = scene.classify(&picture, &cover)?;
            own.family = Some(asked.has_family(&seen));
            own.color = asked.has_color(&seen);
        }
        Ok(own)
    }

    /// Mean distance over all pairs of an item's pictures under several noises.
    fn diversity(&self, hand: &Hand, item: usize) -> Result<f64> {
        let Some(scene) = self.scene else {
            return Ok(0.0);
        };
        let mut stages = Vec::new();
        let mut cover = GrayImage::new(1, 1);
        for picture in 0..=AGAIN {
            let of = Try {
                picture,
                ..Try::first(item)
            };
            let (drawing, picture) = self.finished(hand, of)?;
            cover = scene.config().cover(&drawing.product.alpha());
            stages.push(scene.stages(&picture, &cover)?);
        }
        let mut distances = Vec::new();
        for (at, first) in stages.iter().enumerate() {
            for second in &stages[at + 1..] {
                distances.push(diversity::distance(first, second, &cover));
            }
        }
        Ok(distances.iter().sum::<f64>() / distances.len().max(1) as f64)
    }

    /// Distance of the first attempts at two items, both pictures covered where either product is.
    fn pair(&self, hand: &Hand, pair: Pair) -> Result<f64> {
        let Some(scene) = self.scene else {
            return Ok(0.0);
        };
        let [first, second] = pair.items.map(|item| self.finished(hand, Try::first(item)));
        let ((drawing, first), (other, second)) = (first?, second?);
        let cover = |drawing: &Drawing| scene.config().cover(&drawing.product.alpha());
        let cover = either(cover(&drawing), &cover(&other));
        let stages = |picture| scene.stages(picture, &cover);
        let (first, second) = (stages(&first)?, stages(&second)?);
        Ok(diversity::distance(&first, &second, &cover))
    }
}

/// One thing seen.
enum Seen {
    Own(Own),
    Distance(f64),
}

fn either(mut first: GrayImage, second: &GrayImage) -> GrayImage {
    for (pixel, other) in first.pixels_mut().zip(second.pixels()) {
        *pixel = Luma([pixel.0[0].max(other.0[0])]);
    }
    first
}
