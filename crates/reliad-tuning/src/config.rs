//! Settings of a tuning (`configs/*/tuning/METHOD.json`).

use std::collections::BTreeMap;

use reliad_training::FitConfig;
use reliad_training::error::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::guard::GuardConfig;
use crate::method::MethodConfig;
use crate::trainable::Trained;

/// Settings of a tuning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuningConfig {
    /// The method and what is its own.
    pub method: MethodConfig,
    /// What trains.
    #[serde(default)]
    pub train: Trained,
    /// Rank of the adapters, where these train.
    #[serde(default = "default_rank")]
    pub rank: usize,
    /// What a picture is rewarded for, and how much each counts.
    #[serde(default)]
    pub rewards: Rewards,
    /// Whether depth and saliency carry gradients from the judge to the picture (METHOD: not published; ours: no).
    #[serde(default)]
    pub differentiable_maps: bool,
    /// Whether the judge looks at the mirrored picture as well; absent: as it is calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirrored: Option<bool>,
    /// Denoising steps while tuning; absent: the model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling_steps: Option<usize>,
    /// Whether the blocks of painter and decoder run again for their gradients instead of keeping what these need: about a
    /// third more time, and a model of Stable Diffusion's size fits into memory.
    #[serde(default)]
    pub recompute: bool,
    /// Guidance scale while tuning; absent: the model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guidance: Option<f64>,
    /// Optimizer steps when the caller sets no other budget.
    pub steps: u64,
    /// The shared loop.
    #[serde(default)]
    pub fit: FitConfig,
    /// What is watched meanwhile, and what ends the training.
    #[serde(default)]
    pub guard: GuardConfig,
}

fn default_rank() -> usize {
    8
}

impl TuningConfig {
    /// Checks every range.
    ///
    /// # Errors
    /// [`Error::Setting`] with the first setting outside its range.
    pub fn check(&self) -> Result<()> {
        self.fit.check()?;
        self.method.check()?;
        self.guard.check()?;
        let wrong = |name, reason: &str| {
            Err(Error::Setting {
                name,
                reason: reason.to_owned(),
            })
        };
        if self.rank == 0 {
            return wrong("rank", "must be at least 1");
        }
        if self.steps == 0 {
            return wrong("steps", "must be at least 1");
        }
        if self.sampling_steps == Some(0) {
            return wrong("sampling_steps", "must be at least 1");
        }
        if self
            .guidance
            .is_some_and(|scale| !(scale.is_finite() && scale >= 0.0))
        {
            return wrong("guidance", "must be a finite number, 0 or more");
        }
        self.rewards.check()
    }
}

/// Weights of rewards by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rewards(pub BTreeMap<String, f64>);

impl Default for Rewards {
    /// The judge alone.
    fn default() -> Self {
        Self(BTreeMap::from([(crate::reward::JUDGE.to_owned(), 1.0)]))
    }
}

impl Rewards {
    fn check(&self) -> Result<()> {
        let known = crate::reward::NAMES;
        let wrong = |reason: String| {
            Err(Error::Setting {
                name: "rewards",
                reason,
            })
        };
        for (name, weight) in &self.0 {
            if !known.contains(&name.as_str()) {
                return wrong(format!(
                    "there is no reward {name}; there are {}",
                    known.join(", ")
                ));
            }
            if !weight.is_finite() {
                return wrong(format!("{name}={weight} is no weight"));
            }
        }
        match self.0.values().any(|weight| *weight != 0.0) {
            true => Ok(()),
            false => wrong("at least one must count".to_owned()),
        }
    }
}

impl std::str::FromStr for Rewards {
    type Err = String;

    /// `judge=1,aesthetic=0.2`.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let pairs = text.split(',').map(|pair| {
            let (name, weight) = pair.split_once('=').unwrap_or((pair, "1"));
            let weight: f64 = weight
                .trim()
                .parse()
                .map_err(|_| format!("{weight} in {pair} is no number"))?;
            Ok((name.trim().to_owned(), weight))
        });
        let rewards = Self(pairs.collect::<std::result::Result<_, String>>()?);
        rewards.check().map_err(|error| error.to_string())?;
        Ok(rewards)
    }
}

/// How much a term of a loss counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Beta {
    /// A factor.
    Number(f64),
    /// `{"ratio": r}`: the term's gradient at the networks' predictions is brought to this share of the reward's in 2-norm, at
    /// every step (ours: what a term weighs depends on the model's scale, and at the start both regularisers are zero).
    Ratio {
        /// The share.
        ratio: f64,
    },
}

impl Beta {
    /// Checks the range.
    ///
    /// # Errors
    /// [`Error::Setting`] under `name`.
    pub fn check(self, name: &'static str) -> Result<()> {
        let (Self::Number(value) | Self::Ratio { ratio: value }) = self;
        match value.is_finite() && value >= 0.0 {
            true => Ok(()),
            false => Err(Error::Setting {
                name,
                reason: format!("{value} is no finite number of 0 or more"),
            }),
        }
    }
}

impl std::str::FromStr for Beta {
    type Err = String;

    /// `300`, or `ratio:0.5`.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (make, number): (fn(f64) -> Self, _) = match text.strip_prefix("ratio:") {
            Some(number) => (|ratio| Self::Ratio { ratio }, number),
            None => (Self::Number, text),
        };
        let value = number
            .parse()
            .map_err(|_| format!("{text} is neither a number nor ratio:NUMBER"))?;
        let beta = make(value);
        beta.check("beta").map_err(|error| error.to_string())?;
        Ok(beta)
    }
}

impl std::fmt::Display for Beta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(value) => write!(f, "{value}"),
            Self::Ratio { ratio } => write!(f, "ratio:{ratio}"),
        }
    }
}

/// Steps of the denoising schedule, counted from 0, the second not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "[usize; 2]", into = "[usize; 2]")]
pub struct Window {
    /// The first step.
    pub begin: usize,
    /// The step after the last.
    pub end: usize,
}

impl Window {
    /// Whether it holds a step, and none beyond `steps`.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(self, steps: usize) -> Result<()> {
        match self.begin < self.end && self.end <= steps {
            true => Ok(()),
            false => Err(Error::Setting {
                name: "window",
                reason: format!(
                    "{self} holds none of the {steps} steps, or more than these; they count from 0"
                ),
            }),
        }
    }
}

impl From<[usize; 2]> for Window {
    fn from([begin, end]: [usize; 2]) -> Self {
        Self { begin, end }
    }
}

impl From<Window> for [usize; 2] {
    fn from(window: Window) -> Self {
        [window.begin, window.end]
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.begin, self.end)
    }
}

impl std::str::FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let parts = text
            .split_once(':')
            .and_then(|(begin, end)| Some([begin.parse().ok()?, end.parse().ok()?]));
        parts
            .map(Self::from)
            .ok_or_else(|| format!("{text} isn't BEGIN:END, two steps counted from 0"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn a_configuration_names_its_method() {
        let config: TuningConfig = serde_json::from_value(serde_json::json!({
            "method": {"refl": {"window": [0, 1]}}, "steps": 1
        }))
        .unwrap();
        assert!(matches!(config.method, MethodConfig::Refl(_)));
        assert_eq!(config.method.slug(), "refl");
    }

    #[test]
    fn what_a_user_writes_is_understood_or_named() {
        assert_eq!("300".parse(), Ok(Beta::Number(300.0)));
        assert_eq!("ratio:0.5".parse(), Ok(Beta::Ratio { ratio: 0.5 }));
        assert!("-1".parse::<Beta>().is_err() && "much".parse::<Beta>().is_err());
        assert_eq!("2:15".parse(), Ok(Window { begin: 2, end: 15 }));
        assert!("2".parse::<Window>().is_err());
        assert!(Window { begin: 2, end: 16 }.check(15).is_err());
        assert!(Window { begin: 3, end: 3 }.check(15).is_err());
        let rewards: Rewards = "judge=1,aesthetic=0.2".parse().unwrap();
        assert_eq!(rewards.0["aesthetic"], 0.2);
        assert_eq!("judge".parse::<Rewards>().unwrap(), Rewards::default());
        assert!(
            "beauty=1"
                .parse::<Rewards>()
                .unwrap_err()
                .contains("beauty")
        );
        assert!("judge=0".parse::<Rewards>().is_err());
    }
}
