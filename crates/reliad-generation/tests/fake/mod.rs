//! A painter and a judge made of arithmetic.

use std::cell::Cell;
use std::ops::ControlFlow;

use image::{GrayImage, Rgb, RgbImage};
use reliad_generation::Result;
use reliad_generation::assess::Assess;
use reliad_generation::identity::ModelIdentity;
use reliad_generation::paint::{Drawing, Paint};
use reliad_imaging::Class;
use reliad_rfnet::judge::{JudgeItem, Verdict};

/// Paints the attempt's number as red and the first byte of the item's id as green.
pub struct FakePainter {
    pub identity: ModelIdentity,
    /// Pictures so far.
    pub painted: Cell<usize>,
}

impl FakePainter {
    pub fn new() -> Self {
        let files = [("unet/model".to_owned(), "hash".to_owned())].into();
        let identity = ModelIdentity {
            name: "fake".into(),
            digest: "painter".into(),
            files,
            components: Default::default(),
            adapters: Vec::new(),
        };
        Self {
            identity,
            painted: Cell::new(0),
        }
    }
}

impl Paint for FakePainter {
    fn paint(
        &self,
        drawings: &[Drawing],
        on_step: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Option<Vec<RgbImage>>> {
        for step in 0..2 {
            if on_step(step + 1, 2).is_break() {
                return Ok(None);
            }
        }
        self.painted.set(self.painted.get() + drawings.len());
        let picture = |drawing: &Drawing| {
            let recipe = &drawing.recipe;
            let color = Rgb([recipe.attempt as u8, recipe.item.as_bytes()[0], 90]);
            RgbImage::from_pixel(recipe.sampling.width, recipe.sampling.height, color)
        };
        Ok(Some(drawings.iter().map(picture).collect()))
    }

    fn cut(&self, text: &str) -> Result<Option<String>> {
        Ok((text.len() > 50).then(|| "cut".to_owned()))
    }

    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn device(&self) -> &str {
        "cpu"
    }
}

/// Finds pictures available from the attempt `from` on.
pub struct FakeJudge {
    identity: ModelIdentity,
    from: u8,
}

impl FakeJudge {
    pub fn from_attempt(from: u8) -> Self {
        let identity = ModelIdentity {
            name: "fake".into(),
            digest: format!("judge {from}"),
            files: Default::default(),
            components: Default::default(),
            adapters: Vec::new(),
        };
        Self { identity, from }
    }
}

impl Assess for FakeJudge {
    fn assess(&self, item: JudgeItem<'_>) -> Result<Verdict> {
        let available = item.picture.get_pixel(0, 0).0[0] >= self.from;
        let (good, bad) = if available { (0.9, 0.025) } else { (0.2, 0.2) };
        Ok(Verdict {
            logits: Vec::new(),
            probabilities: vec![good, bad, bad, bad, bad],
            class: if available {
                Class::Available
            } else {
                Class::SizeMismatch
            },
            available,
            depth: Some(GrayImage::new(64, 64)),
            saliency: None,
        })
    }

    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }
}
