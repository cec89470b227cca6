//! What stands beside a tuned part: `finetune.json` and the model card.

use std::path::Path;

use burn::module::Module;
use reliad_generation::files;
use reliad_generation::identity::ModelIdentity;
use reliad_rfnet::scene_network::COMPONENT;
use reliad_training::error::{Error, Result};
use reliad_training::fit::checkpoint::State;
use reliad_weights::ModelDir;
use serde::{Deserialize, Serialize};

use crate::config::TuningConfig;
use crate::guard::Seen;
use crate::trainable::Trainable;
use crate::tune::Tuning;

/// The file that says what a tuned part is of.
pub const FILE: &str = "finetune.json";

/// The digest of a network's directory: of all its files but prose.
fn whole(dir: &ModelDir) -> Result<String> {
    let failed = || Error::component::<reliad_weights::Error>("clip");
    let mut hashes = String::new();
    for file in dir.files().map_err(failed())? {
        if !file.ends_with(".md") {
            hashes += &format!("{}  {file}\n", dir.digest(&file).map_err(failed())?);
        }
    }
    Ok(files::hash(hashes.as_bytes()))
}

/// What decides a tuning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Version of reliad.
    pub reliad: String,
    /// The painter's digest; a tuned part is of this model.
    pub model: String,
    /// Digest of the part that was tuned, as it was: the reference.
    pub reference: String,
    /// The judge's digest.
    pub judge: String,
    /// The held-out judge's digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<String>,
    /// The digest of the scene network that looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene: Option<String>,
    /// The digest of the CLIP that looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<String>,
    /// Items that it was tuned on.
    pub items: usize,
    /// Seed of items, steps and noise.
    pub seed: u64,
    /// Settings.
    pub config: TuningConfig,
}

impl Card {
    /// Of a tuning that begins.
    ///
    /// # Errors
    /// A model file that can't be read.
    pub fn new(tuning: &Tuning<'_>) -> Result<Self> {
        let failed = Error::component::<reliad_generation::Error>;
        let scene = |dir| ModelIdentity::of(dir, &[COMPONENT]).map(|identity| identity.digest);
        let judge = |dir| ModelIdentity::of_judge(dir).map(|identity| identity.digest);
        let part = match tuning.config.train {
            crate::trainable::Trained::Controlnet => "controlnet",
            _ => "unet",
        };
        Ok(Self {
            reliad: env!("CARGO_PKG_VERSION").to_owned(),
            model: ModelIdentity::of_painter(tuning.model)
                .map_err(failed("model"))?
                .digest,
            reference: ModelIdentity::of(tuning.model, &[part])
                .map_err(failed("model"))?
                .digest,
            judge: judge(tuning.judge).map_err(failed("judge"))?,
            held_out: tuning
                .held_out
                .map(judge)
                .transpose()
                .map_err(failed("held-out judge"))?,
            scene: tuning
                .scene
                .map(scene)
                .transpose()
                .map_err(failed("scene"))?,
            clip: tuning.clip.map(whole).transpose()?,
            items: tuning.briefs.len(),
            seed: tuning.seed,
            config: tuning.config.clone(),
        })
    }

    /// Writes it beside the checkpoints in `dir`, or holds it against what stands there: a training never goes on from another's
    /// checkpoint, nor takes a tuned part for the reference.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] naming what differs.
    pub fn begin(&self, dir: &Path) -> Result<()> {
        let path = dir.join(FILE);
        if !path.exists() {
            return reliad_weights::write_config(&path, self).map_err(Error::component(FILE));
        }
        let text = std::fs::read(&path).map_err(Error::io(&path))?;
        let found: Self = serde_json::from_slice(&text).map_err(|source| Error::Json {
            path: path.clone(),
            source,
        })?;
        let differs = [
            ("the model", found.model != self.model),
            ("the reference", found.reference != self.reference),
            ("the judge", found.judge != self.judge),
            ("the held-out judge", found.held_out != self.held_out),
            ("the scene network", found.scene != self.scene),
            ("the CLIP", found.clip != self.clip),
            ("the items", found.items != self.items),
            ("the seed", found.seed != self.seed),
            ("the configuration", found.config != self.config),
        ];
        let differs: Vec<&str> = differs
            .iter()
            .filter(|(_, differs)| *differs)
            .map(|(what, _)| *what)
            .collect();
        match differs.is_empty() {
            true => Ok(()),
            false => Err(Error::Checkpoint {
                path: dir.to_owned(),
                reason: format!(
                    "it was begun with other settings: {} differ",
                    differs.join(", ")
                ),
                source: None,
            }),
        }
    }

    /// What will happen, in words.
    pub fn intention(&self, tuning: &Tuning<'_>, trainable: &Trainable, watched: usize) -> String {
        let weights = trainable.num_params();
        // Weights, gradients, two moments and the average, in f32; the frozen networks come on top.
        let state = (weights * 4 * 5) as f64 / 1e6;
        let config = &self.config;
        format!(
            "{} of the {} ({:.1} million weights; {state:.0} MB for them, their gradients, moments and average) on {} items, {} \
             a step at once, watched by {watched} others",
            config.method.slug(),
            config.train.slug(),
            weights as f64 / 1e6,
            tuning.briefs.len(),
            config.fit.batch_size * config.fit.accumulate,
        )
    }

    /// Writes `finetune.json` and the model card into `out`.
    ///
    /// # Errors
    /// A file that can't be written.
    pub fn finish(
        &self,
        out: &Path,
        start: &Seen,
        figures: &[(String, f64)],
        state: &State,
    ) -> Result<()> {
        #[derive(Serialize)]
        struct Told<'a> {
            #[serde(flatten)]
            card: &'a Card,
            steps: u64,
            kept_step: u64,
            minutes: f64,
            #[serde(skip_serializing_if = "Option::is_none")]
            alarm: &'a Option<String>,
            start: std::collections::BTreeMap<String, f64>,
            end: std::collections::BTreeMap<String, f64>,
        }
        let kept = state.best.as_ref().map_or(state.step, |best| best.step);
        let told = Told {
            card: self,
            steps: state.step,
            kept_step: kept,
            minutes: state.elapsed_seconds / 60.0,
            alarm: &state.alarm,
            start: start.figures().into_iter().collect(),
            end: figures.iter().cloned().collect(),
        };
        reliad_weights::write_config(&out.join(FILE), &told).map_err(Error::component(FILE))?;
        let path = out.join("README.md");
        let text = self.readme(start, figures, state, kept);
        reliad_files::write(&path, text.as_bytes()).map_err(Error::io(&path))
    }

    fn readme(&self, start: &Seen, figures: &[(String, f64)], state: &State, kept: u64) -> String {
        let config = &self.config;
        let part = config.train.slug();
        let mut text = format!(
            "# {part}, tuned by feedback ({method})\n\n\
             Written by `reliad finetune {method}` {version}. It belongs to the model with the digest `{model}` and replaces or \
             joins its own {part}; the reference it was held to is `{reference}`. diffusers opens `{part}/` as it is.\n\n\
             - {steps} steps of {batch} items in {minutes:.0} minutes; the weights are those of step {kept}\n\
             - Items: {items}; seed {seed}\n\
             - Rewarded by the judge `{judge}`\n",
            method = config.method.slug(),
            version = self.reliad,
            model = self.model,
            reference = self.reference,
            steps = state.step,
            batch = config.fit.batch_size * config.fit.accumulate,
            minutes = state.elapsed_seconds / 60.0,
            items = self.items,
            seed = self.seed,
            judge = self.judge,
        );
        if let Some(alarm) = &state.alarm {
            text += &format!("- The guard ended the training: {alarm}\n");
        }
        text += "\n| on items that it wasn't tuned on | before | after |\n|---|---|---|\n";
        for (name, before) in start.figures() {
            let after = figures.iter().find(|(known, _)| *known == name);
            let after = after.map_or("as before".to_owned(), |(_, value)| format!("{value:.3}"));
            text += &format!("| {name} | {before:.3} | {after} |\n");
        }
        text += "\nThese few pictures only watch the training; measure by `reliad evaluate availability`.\n";
        text
    }
}
