//! Paintings and verdicts kept in a folder by what they came from, so that long series resume after a kill.
//!
//! `<recipe>.png` is what was painted, before the product is pasted back; `<recipe>-<judge>.json` what a judge said of
//! the finished picture. A recipe's name is a hash of all that decides the picture but reliad's version and the
//! device, so a folder may serve several models and series; what another version or device painted is taken as it is.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use image::RgbImage;
use reliad_rfnet::judge::JudgeItem;

use crate::assess::Assess;
use crate::error::{Error, Result};
use crate::files;
use crate::identity::short;
use crate::manifest::VerdictRecord;
use crate::paint::{Drawing, Paint};
use crate::recipe::Recipe;

/// A folder of paintings.
#[derive(Clone, Debug)]
pub struct Gallery {
    dir: PathBuf,
}

impl Gallery {
    /// Opens `dir`, which is made where it isn't there.
    ///
    /// # Errors
    /// [`Error::Write`] when it can't be made or written to.
    pub fn open(dir: &Path) -> Result<Self> {
        files::prepare_directory(dir)?;
        Ok(Self {
            dir: dir.to_path_buf(),
        })
    }

    /// Where the painting of `recipe` lies, once there is one.
    pub fn path(&self, recipe: &Recipe) -> PathBuf {
        self.dir.join(format!("{}.png", recipe.name()))
    }

    /// The painting of `recipe`, if there is one.
    ///
    /// # Errors
    /// [`Error::Content`] when the file is damaged.
    pub fn painting(&self, recipe: &Recipe) -> Result<Option<RgbImage>> {
        let path = self.path(recipe);
        if !path.exists() {
            return Ok(None);
        }
        match image::open(&path) {
            Ok(picture) => Ok(Some(picture.into_rgb8())),
            Err(error) => Err(Error::Content {
                file: path.display().to_string(),
                message: format!("{error}; remove it to have it painted again"),
            }),
        }
    }

    /// Paints `drawing` and keeps it, unless its painting is there already. `None` once `on_step` breaks.
    ///
    /// # Errors
    /// The painter's, or [`Error::Write`] when the painting can't be kept.
    pub fn paint(
        &self,
        painter: &dyn Paint,
        drawing: &Drawing,
        on_step: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Option<RgbImage>> {
        if let Some(kept) = self.painting(&drawing.recipe)? {
            return Ok(Some(kept));
        }
        let painted = painter.paint(std::slice::from_ref(drawing), on_step)?;
        let Some(painting) = painted.and_then(|paintings| paintings.into_iter().next()) else {
            return Ok(None);
        };
        files::write_atomic(&self.path(&drawing.recipe), &files::encode_png(&painting)?)?;
        Ok(Some(painting))
    }

    /// What `judge` says of the finished `picture` of `drawing`, kept or asked for now.
    ///
    /// # Errors
    /// The judge's, [`Error::Content`] for a damaged file, or [`Error::Write`] when the verdict can't be kept.
    pub fn verdict(
        &self,
        judge: &dyn Assess,
        drawing: &Drawing,
        picture: &RgbImage,
        title: &str,
    ) -> Result<VerdictRecord> {
        let by = files::hash(format!("{} {title}", judge.identity().digest).as_bytes());
        let name = format!("{}-{}.json", drawing.recipe.name(), short(&by));
        let path = self.dir.join(name);
        let content = |error: serde_json::Error| Error::Content {
            file: path.display().to_string(),
            message: format!("{error}; remove it to have it judged again"),
        };
        if path.exists() {
            let bytes = std::fs::read(&path).map_err(Error::read(&path))?;
            return serde_json::from_slice(&bytes).map_err(content);
        }
        let verdict = judge.assess(JudgeItem {
            picture,
            product: drawing.product.rgba(),
            title,
        })?;
        let record = VerdictRecord::new(verdict.class, verdict.available, &verdict.probabilities);
        files::write_atomic(&path, &serde_json::to_vec(&record).map_err(content)?)?;
        Ok(record)
    }
}
