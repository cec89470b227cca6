//! What is to be shown: tunings, and parts of the report that hold them against each other.

use std::collections::BTreeMap;

use reliad_synth::Scenes;
use reliad_training::error::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::config::{Beta, Rewards, TuningConfig, Window};
use crate::trainable::Trained;

/// The whole evidence (`paper.json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Products that are tuned on.
    pub items: usize,
    /// Products that results are reported on.
    pub count: usize,
    /// Of these, painted twice more for diversity.
    pub varied: usize,
    /// Which scenes there are; absent: the rich world's.
    #[serde(default)]
    pub scenes: Scenes,
    /// Scene families that prompts ask for; empty: all. Chosen so that the untuned painter fails often enough to learn from, on
    /// products that aren't reported on.
    #[serde(default)]
    pub families: Vec<String>,
    /// Tunings by name.
    pub runs: BTreeMap<String, Run>,
    /// Parts of the report, in their order.
    pub parts: Vec<Part>,
}

/// A tuning: a method's configuration with some of it changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The method, whose configuration stands below the plan's in `tuning/`.
    pub method: String,
    /// See [`TuningConfig`]; absent: the configuration's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Weight of the method's regulariser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beta: Option<Beta>,
    /// Denoising steps from which one is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Learning rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// Rewards and their weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewards: Option<Rewards>,
    /// What trains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<Trained>,
    /// Looks at the watched pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validations: Option<u32>,
    /// Whether the guard ends it; absent: yes. Without it a collapse is shown to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guarded: Option<bool>,
}

impl Run {
    /// `config` with what this run changes.
    ///
    /// # Errors
    /// [`Error::Setting`] for what the method hasn't.
    pub fn over(&self, mut config: TuningConfig) -> Result<TuningConfig> {
        config.steps = self.steps.unwrap_or(config.steps);
        if let Some(beta) = self.beta {
            config.method.set_beta(beta)?;
        }
        if let Some(window) = self.window {
            config.method.set_window(window)?;
        }
        if let Some(rate) = self.learning_rate {
            config.fit.learning_rate.base = rate;
        }
        if let Some(rewards) = &self.rewards {
            config.rewards = rewards.clone();
        }
        config.train = self.train.unwrap_or(config.train);
        config.fit.validations = self.validations.unwrap_or(config.fit.validations);
        config.guard.ends = self.guarded.unwrap_or(config.guard.ends);
        config.check()?;
        Ok(config)
    }
}

/// A part of the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its name on the command line and of its files.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// What it asks, for readers.
    #[serde(default)]
    pub text: String,
    /// Names of tunings, `original`, or `prompteng`; the others are held against the first.
    pub runs: Vec<String>,
    /// Seeds of each tuning, 1 to this.
    #[serde(default = "one")]
    pub seeds: u64,
    /// Attempts at each product.
    #[serde(default = "first")]
    pub attempts: u32,
    /// How many products, if not the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// All scene families, whatever the plan says.
    #[serde(default)]
    pub all_families: bool,
    /// Painted by another painter than the one that was tuned (`--other`): whether a tuning carries over.
    #[serde(default)]
    pub other: bool,
    /// What the guard saw at each look is told, too.
    #[serde(default)]
    pub looks: bool,
    /// Nothing is painted: only whether and when the guard ended each tuning is told.
    #[serde(default)]
    pub alarms: bool,
}

fn one() -> u64 {
    1
}

fn first() -> u32 {
    1
}

/// The painter as it is.
pub const ORIGINAL: &str = "original";
/// The painter as it is, with phrases added to the prompts.
pub const PROMPTENG: &str = "prompteng";

impl Plan {
    /// Checks that every part names what there is.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<()> {
        let wrong = |reason: String| {
            Err(Error::Setting {
                name: "parts",
                reason,
            })
        };
        for part in &self.parts {
            let Part { name, runs, .. } = part;
            let known = |run: &&String| {
                [ORIGINAL, PROMPTENG].contains(&run.as_str()) || self.runs.contains_key(*run)
            };
            if let Some(run) = runs.iter().find(|run| !known(run)) {
                return wrong(format!("{name} names the run {run}, which there isn't"));
            }
            if runs.is_empty() || part.seeds == 0 || part.attempts == 0 {
                return wrong(format!("{name} needs at least one run, seed and attempt"));
            }
            let measured = |run: &&String| {
                let others = self.parts.iter().filter(|other| !other.alarms);
                part.alarms
                    && others
                        .flat_map(|other| &other.runs)
                        .any(|other| other == *run)
            };
            if let Some(run) = runs.iter().find(measured) {
                // The held-out judge may end what alarms are counted of, and so can't report on it.
                return wrong(format!(
                    "the run {run} of {name} stands in a part that is measured, too; alarms want runs of their own"
                ));
            }
            let named = self.parts.iter().filter(|other| other.name == *name);
            if named.count() > 1 {
                return wrong(format!("there are two parts {name}"));
            }
        }
        Ok(())
    }

    /// The parts of these names, all where none is named.
    ///
    /// # Errors
    /// [`Error::Setting`] for a name that there isn't.
    pub fn chosen(&self, names: &[String]) -> Result<Vec<&Part>> {
        if names.is_empty() {
            return Ok(self.parts.iter().collect());
        }
        let found = names.iter().map(|name| {
            let part = self.parts.iter().find(|part| part.name == *name);
            part.ok_or_else(|| Error::Setting {
                name: "parts",
                reason: {
                    let known: Vec<&str> =
                        self.parts.iter().map(|part| part.name.as_str()).collect();
                    format!("there is no part {name}; there are {}", known.join(", "))
                },
            })
        });
        found.collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn a_plan_names_what_there_is() {
        let json = serde_json::json!({
            "items": 4, "count": 4, "varied": 2,
            "runs": {"hot": {"method": "refl", "learning_rate": 1e-3, "guarded": false}},
            "parts": [{"name": "a", "title": "A", "runs": ["original", "hot"]}]
        });
        let plan: Plan = serde_json::from_value(json).unwrap();
        plan.check().unwrap();
        assert_eq!(plan.chosen(&[]).unwrap().len(), 1);
        assert!(
            plan.chosen(&["b".to_owned()])
                .unwrap_err()
                .to_string()
                .contains("there are a")
        );
        let mut ended = plan.clone();
        ended.parts.push(Part {
            name: "b".to_owned(),
            alarms: true,
            ..plan.parts[0].clone()
        });
        assert!(
            ended
                .check()
                .unwrap_err()
                .to_string()
                .contains("runs of their own")
        );
        let mut broken = plan.clone();
        broken.parts[0].runs.push("cold".to_owned());
        assert!(broken.check().unwrap_err().to_string().contains("cold"));
        let base: TuningConfig = serde_json::from_value(serde_json::json!({
            "method": {"refl": {"window": [0, 1]}}, "steps": 5
        }))
        .unwrap();
        let changed = plan.runs["hot"].over(base.clone()).unwrap();
        assert_eq!(changed.fit.learning_rate.base, 1e-3);
        assert!(!changed.guard.ends && base.guard.ends);
        let mut beta = plan.runs["hot"].clone();
        beta.beta = Some(Beta::Number(1.0));
        assert!(beta.over(base).is_err());
    }
}
