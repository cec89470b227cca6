//! What is seen of one picture.

use std::path::{Path, PathBuf};

use image::RgbImage;
use reliad_generation::assess::Assess;
use reliad_generation::files;
use reliad_generation::identity::ModelIdentity;
use reliad_generation::manifest::VerdictRecord;
use reliad_imaging::checks::{altered, cut_off, grown};
use reliad_imaging::locate::{Located, locate};
use reliad_imaging::{Cutout, Problem, Warnings};
use reliad_rfnet::judge::JudgeItem;

use super::finding::Finding;
use super::inputs::{Products, Titles};
use super::inspected::{Checks, Failed, Inspected};
use super::results::Results;

/// Mean distance of colours (levels of 255) from which on the product is taken not to be in the picture.
const LOST: f32 = 40.0;

/// What the checks let pass.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest mean colour distance (CIE76) of the product's pixels.
    pub altered: f32,
    /// Largest area that stands out joined to the product, as a share of its own.
    pub grown: f32,
    /// Largest part of a side along which the product may touch the picture's edge.
    pub cut: f32,
}

/// A picture before it is judged.
pub enum Prepared {
    /// Inspected by an earlier run, under this key.
    Known(String),
    New(Box<New>),
}

/// A picture with its product at its place.
pub struct New {
    key: String,
    picture: PathBuf,
    product: PathBuf,
    title: String,
    pixels: RgbImage,
    located: Located,
    /// What is doubtful about the picture and the cut-out.
    pub warnings: Warnings,
}

/// Reads a picture and finds its product in it, unless `results` know it.
///
/// # Errors
/// What is missing or can't be read.
pub fn prepare(
    picture: &Path,
    products: &Products,
    titles: &Titles,
    judge: &ModelIdentity,
    limits: &Limits,
    results: &Results,
) -> Result<Prepared, Failed> {
    let failed = |reason: String| Failed {
        picture: picture.display().to_string(),
        reason,
    };
    let product = products.of(picture).map_err(failed)?;
    let title = titles.of(picture, product);
    let hash = |path: &Path| files::hash_file(path).map_err(|error| failed(error.to_string()));
    let recipe = format!(
        "{}\n{}\n{}\n{title}\n{}\n{limits:?}",
        picture.display(),
        hash(picture)?,
        hash(product)?,
        judge.digest
    );
    let key = files::hash(recipe.as_bytes())[..32].to_owned();
    if results.knows(&key) {
        return Ok(Prepared::Known(key));
    }
    // These errors name their file.
    let unread = |error: reliad_imaging::Error| Failed {
        picture: String::new(),
        reason: error.to_string(),
    };
    let opened = reliad_imaging::open(picture).map_err(unread)?;
    let pixels = opened.picture.into_rgb8();
    let cutout = Cutout::read(product).map_err(|error| {
        let photograph = matches!(
            error,
            reliad_imaging::Error::File {
                problem: Problem::NoGround,
                ..
            }
        );
        let what_to_do = match photograph {
            true => {
                "; `reliad generate --cutout` cuts products out of photographs, into cutouts/ of its --out"
            }
            false => "",
        };
        failed(format!("its cut-out can't be used: {error}{what_to_do}"))
    })?;
    let mut warnings = Warnings::default();
    warnings.add(picture, opened.warning.as_slice());
    warnings.add(product, cutout.warnings());
    let located = locate(&pixels, &cutout)
        .ok_or_else(|| failed("it is smaller than 16 pixels".to_owned()))?;
    Ok(Prepared::New(Box::new(New {
        key,
        picture: picture.to_owned(),
        product: product.to_owned(),
        title,
        pixels,
        located,
        warnings,
    })))
}

impl New {
    /// Judges and checks the picture.
    ///
    /// # Errors
    /// What the judge can't work with.
    pub fn finish(self, judge: &impl Assess, limits: &Limits) -> Result<Inspected, Failed> {
        let product = &self.located.rgba;
        let verdict = judge
            .assess(JudgeItem {
                picture: &self.pixels,
                product,
                title: &self.title,
            })
            .map_err(|error| Failed {
                picture: self.picture.display().to_string(),
                reason: error.to_string(),
            })?;
        let same = altered(&self.pixels, product);
        let bounds = self.located.bounds;
        let checks = Checks {
            product_box: [bounds.x, bounds.y, bounds.width, bounds.height],
            altered: same.map_or(0.0, |same| same.mean),
            altered_share: same.map_or(0.0, |same| same.share),
            grown: verdict.saliency.as_ref().map(|map| grown(map, product)),
            cut_off: cut_off(product),
        };
        let told = VerdictRecord::new(verdict.class, verdict.available, &verdict.probabilities);
        let mut findings: Vec<Finding> = Finding::of_verdict(&told).into_iter().collect();
        if self.located.distance > LOST {
            findings.push(Finding::NotFound);
        } else if checks.altered > limits.altered {
            findings.push(Finding::Altered {
                mean: checks.altered,
                share: checks.altered_share,
            });
        }
        if let Some(share) = checks.grown.filter(|grown| *grown > limits.grown) {
            findings.push(Finding::Grown { share });
        }
        if checks.cut_off > limits.cut {
            findings.push(Finding::CutOff {
                share: checks.cut_off,
            });
        }
        Ok(Inspected {
            key: self.key,
            picture: self.picture.display().to_string(),
            product: self.product.display().to_string(),
            title: self.title,
            findings,
            verdict: told,
            checks,
        })
    }
}
