//! The seam between the loop and whoever judges, and the judge that stands behind it: RFNet.

use burn::tensor::Device;
use reliad_rfnet::judge::{Judge, JudgeItem, Verdict};
use reliad_weights::ModelDir;

use crate::error::{Error, Result};
use crate::identity::ModelIdentity;

/// Somebody who tells publishable pictures from the others.
pub trait Assess {
    /// The verdict on one finished picture.
    ///
    /// # Errors
    /// Whatever keeps the picture from being judged.
    fn assess(&self, item: JudgeItem<'_>) -> Result<Verdict>;

    /// The model that judges.
    fn identity(&self) -> &ModelIdentity;
}

/// RFNet with its depth and saliency networks, from a model directory.
pub struct ModelJudge {
    judge: Judge,
    identity: ModelIdentity,
}

impl ModelJudge {
    /// Loads the judge of `model`.
    ///
    /// # Errors
    /// [`MissingPart`](crate::Error::MissingPart) without `rfnet/`;
    /// [`Judge`](crate::Error::Judge) when a part is missing or can't be loaded.
    pub fn load(model: &ModelDir, device: &Device) -> Result<Self> {
        ModelIdentity::require_judge(model)?;
        Ok(Self {
            judge: Judge::load(model, device)?,
            identity: ModelIdentity::of_judge(model)?,
        })
    }

    /// Whether the judge reads products' titles.
    pub fn reads_titles(&self) -> bool {
        self.judge.config().inputs().caption
    }

    /// Checks that the parts of the judge of `model` are there and fit each other, without reading their weights.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn check(model: &ModelDir) -> Result<()> {
        ModelIdentity::require_judge(model)?;
        Ok(Judge::check(model)?)
    }
}

impl Assess for ModelJudge {
    fn assess(&self, item: JudgeItem<'_>) -> Result<Verdict> {
        let mut verdicts = self.judge.judge(&[item])?;
        verdicts.pop().ok_or_else(|| Error::Content {
            file: self.identity.name.clone(),
            message: "the judge gave no verdict".into(),
        })
    }

    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }
}
