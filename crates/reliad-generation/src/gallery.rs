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
        match reliad_imaging::open(&path) {
            Ok(opened) => Ok(Some(opened.picture.into_rgb8())),
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use std::cell::Cell;

    use image::{Rgb, Rgba, RgbaImage};
    use reliad_diffusion::Sampling;
    use reliad_imaging::{Class, PlacedProduct};
    use reliad_rfnet::judge::Verdict;

    use super::*;
    use crate::identity::ModelIdentity;

    /// Paints or judges, and counts how often.
    struct Counting {
        identity: ModelIdentity,
        asked: Cell<u8>,
    }

    impl Counting {
        fn new(digest: &str) -> Self {
            let identity = ModelIdentity {
                name: digest.into(),
                digest: digest.into(),
                files: Default::default(),
                components: Default::default(),
                adapters: Vec::new(),
            };
            let asked = Cell::new(0);
            Self { identity, asked }
        }

        fn count(&self) -> u8 {
            self.asked.set(self.asked.get() + 1);
            self.asked.get()
        }
    }

    impl Paint for Counting {
        fn paint(
            &self,
            drawings: &[Drawing],
            on_step: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
        ) -> Result<Option<Vec<RgbImage>>> {
            if on_step(1, 1).is_break() {
                return Ok(None);
            }
            let picture = |_| RgbImage::from_pixel(16, 16, Rgb([self.count(), 0, 0]));
            Ok(Some(drawings.iter().map(picture).collect()))
        }

        fn cut(&self, _: &str) -> Result<Option<String>> {
            Ok(None)
        }

        fn identity(&self) -> &ModelIdentity {
            &self.identity
        }

        fn device(&self) -> &str {
            "cpu"
        }
    }

    impl Assess for Counting {
        fn assess(&self, _: JudgeItem<'_>) -> Result<Verdict> {
            self.count();
            Ok(Verdict {
                logits: Vec::new(),
                probabilities: vec![0.2, 0.8],
                class: Class::SpaceMismatch,
                available: false,
                depth: None,
                saliency: None,
            })
        }

        fn identity(&self) -> &ModelIdentity {
            &self.identity
        }
    }

    fn drawing(attempt: u32) -> Drawing {
        let canvas = RgbaImage::from_pixel(16, 16, Rgba([9, 9, 9, 255]));
        Drawing {
            recipe: Recipe {
                product: "product".into(),
                model: "model".into(),
                prompt: "on a beach".into(),
                negative_prompt: String::new(),
                sampling: Sampling::default(),
                scale: 0.7,
                seed: 1,
                item: "item".into(),
                picture: 0,
                attempt,
                noise: None,
            },
            product: PlacedProduct::from_canvas_rgba(canvas).unwrap(),
        }
    }

    #[test]
    fn what_is_there_is_not_painted_again_and_a_stopped_painting_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let gallery = Gallery::open(dir.path()).unwrap();
        let painter = Counting::new("painter");
        let paint = |attempt, on_step: &mut dyn FnMut(usize, usize) -> ControlFlow<()>| {
            gallery.paint(&painter, &drawing(attempt), on_step).unwrap()
        };
        assert!(paint(0, &mut |_, _| ControlFlow::Break(())).is_none());
        assert!(!gallery.path(&drawing(0).recipe).exists());
        let first = paint(0, &mut |_, _| ControlFlow::Continue(())).unwrap();
        let again = paint(0, &mut |_, _| ControlFlow::Continue(())).unwrap();
        let other = paint(1, &mut |_, _| ControlFlow::Continue(())).unwrap();
        assert_eq!(first, again);
        assert_ne!(first, other);
        assert_eq!(painter.asked.get(), 2);
    }

    #[test]
    fn a_verdict_is_kept_for_its_judge_and_title() {
        let dir = tempfile::tempdir().unwrap();
        let gallery = Gallery::open(dir.path()).unwrap();
        let (one, other) = (Counting::new("one"), Counting::new("other"));
        let picture = RgbImage::new(16, 16);
        let ask = |judge: &Counting, title: &str| {
            gallery
                .verdict(judge, &drawing(0), &picture, title)
                .unwrap()
        };
        let first = ask(&one, "a mug");
        assert_eq!(ask(&one, "a mug").class, first.class);
        assert_eq!(one.asked.get(), 1, "kept");
        ask(&one, "a red mug");
        assert_eq!(one.asked.get(), 2, "another title");
        ask(&other, "a mug");
        assert_eq!(other.asked.get(), 1, "another judge");
    }
}
