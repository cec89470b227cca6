//! Detectors compared as the paper's two tables do: the same samples and budget, several seeds.

mod report;
mod score;
mod tables;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use reliad_dataset::Label;
use reliad_imaging::Class;
use reliad_rfnet::detector::DetectorConfig;
use reliad_training::data::world::World;
use reliad_training::fingerprint::fingerprint;
use reliad_training::judge::encoder::{self, EncoderTraining};
use reliad_training::judge::metrics::{JudgeMetrics, most_probable};
use reliad_training::judge::rfnet::train_on;
use reliad_training::judge::samples::{Samples, judged, test_views};
use reliad_training::judge::settings::RfNetTraining;
use reliad_training::judge::views::Views;
use reliad_training::{Budget, Control, Ended, Outcome, Report, Stage, read_config};
use serde_json::json;

use crate::error::{Error, Result};

pub use report::{Tested, page, table};
pub use score::{Row, Score};
pub use tables::{Detector, tables};

/// What [`compare`] trains and measures.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'a> {
    /// Says which samples and views all detectors get.
    pub rfnet: &'a RfNetTraining,
    /// How the image encoders are pretrained that detectors begin with: one for each architecture, once for all seeds, as
    /// the paper's begin with one set of ImageNet weights.
    pub encoder: Option<&'a EncoderTraining>,
    /// The rows.
    pub detectors: &'a [Detector],
    /// Seeds of each.
    pub seeds: &'a [u64],
    /// Folder whose test part they are measured on; absent: that of the stage's data.
    pub test: Option<&'a Path>,
    /// Which of how many equal parts of the trainings, seed by seed and row by row, is done now, from 0; of the others only what
    /// has been measured already is told. One of several parts begins with the encoders that an earlier run has pretrained;
    /// without `seeds` a run does only that.
    pub part: (usize, usize),
}

/// Trains each detector with each seed, seed by seed, and measures it on the test part. What an earlier run with the same settings, views
/// and labels has measured is taken from `.training/detectors`. `None` when the caller asked to stop.
///
/// # Errors
/// As [`Samples::prepare`]; a detector that looks at pictures of another size than `rfnet`; no sample to test on.
pub fn compare(
    comparison: Comparison<'_>,
    stage: &Stage,
    control: &mut Control<'_>,
) -> Result<Option<Vec<Row>>> {
    let Comparison {
        rfnet,
        encoder,
        detectors,
        seeds,
        test,
        part: (part, parts),
    } = comparison;
    // Now, and not after an hour of views.
    let tokenizer = rfnet.tokenizer(stage)?;
    let seen = rfnet.network(&tokenizer)?;
    for Detector { name, config } in detectors {
        let network = config.network(&tokenizer)?;
        shares_views(name, &network, &seen)?;
        let pretraining = encoder.filter(|_| config.pretrained.encoder_stage);
        pretraining.map_or(Ok(0.0), epochs)?;
        config.check(&network, stage)?;
    }
    let tested = World::open_to_test(test.unwrap_or(&stage.data))?;
    let Some(samples) = Samples::prepare(rfnet, stage, control)? else {
        return Ok(None);
    };
    let shared = shared_products(&samples.world, &tested);
    if shared > 0 {
        tracing::warn!(
            "{shared} samples of the test part show products that are learned from as well, if equal identities mean that"
        );
    }
    let tested = Samples::to_judge(tested, tokenizer);
    let Some(test) = test_views(rfnet, &tested, stage, control)? else {
        return Ok(None);
    };
    let made_of = |views: &[&Views], samples: &Samples| {
        let records = samples.world.records().iter();
        let labels: String = records
            .filter_map(|record| record.label)
            .map(Label::slug)
            .collect();
        let views: Vec<u64> = views.iter().map(|views| views.fingerprint()).collect();
        fingerprint(format!("{views:x?} {labels}").as_bytes())
    };
    let contest = Contest {
        learned: made_of(&[&samples.train, &samples.held_out], &samples),
        measured: made_of(&[&test], &tested),
        samples: &samples,
        tested: &tested,
        test: &test,
        stage,
    };
    let contenders: Vec<Contender<'_>> = detectors
        .iter()
        .map(|detector| contest.contender(detector, encoder))
        .collect::<Result<_>>()?;
    for contender in &contenders {
        if let Some(config) = &contender.pretraining {
            let (name, dir) = pretraining(config, contest.learned, stage);
            if parts > 1 && !is_pretrained(&dir) {
                return Err(Error::NoEncoder(contender.detector.name.clone()));
            }
            if !pretrain(config, &name, stage, control)? {
                return Ok(None);
            }
        }
    }
    // All rows with one seed before the next seed: what a stopped run leaves compares.
    let mut number = 0;
    for &seed in seeds {
        for contender in &contenders {
            if number % parts == part && !contest.measure(contender, seed, control)? {
                return Ok(None);
            }
            number += 1;
        }
    }
    let row = |contender: &Contender<'_>| {
        let scores = seeds.iter().map(|&seed| contest.measured(contender, seed));
        Ok(Row {
            name: contender.detector.name.clone(),
            scores: scores
                .filter_map(Result::transpose)
                .collect::<Result<_>>()?,
        })
    };
    contenders.iter().map(row).collect::<Result<_>>().map(Some)
}

const SCORE: &str = "score.json";

/// What all detectors are trained and measured on.
struct Contest<'a> {
    samples: &'a Samples,
    tested: &'a Samples,
    test: &'a Views,
    stage: &'a Stage,
    /// Tells the samples to learn from, their labels and views from others.
    learned: u64,
    /// The same of the test part.
    measured: u64,
}

/// A detector that is ready to be trained.
struct Contender<'a> {
    detector: &'a Detector,
    network: DetectorConfig,
    /// How the encoder that it begins with is trained.
    pretraining: Option<EncoderTraining>,
    /// Tells settings, samples and labels from others.
    key: u64,
}

impl Contest<'_> {
    fn contender<'d>(
        &self,
        detector: &'d Detector,
        encoder: Option<&EncoderTraining>,
    ) -> Result<Contender<'d>> {
        let Detector { name, config } = detector;
        let network = config.network(&self.samples.tokenizer)?;
        let pretraining = match (config.pretrained.encoder_stage, encoder) {
            (false, _) => None,
            (true, Some(encoder)) => Some(EncoderTraining {
                network: network.image_encoder().with_classes(1),
                ..encoder.clone()
            }),
            (true, None) => {
                return Err(Error::Setting {
                    name: "pretrained",
                    reason: format!(
                        "{name} begins with an encoder, and nothing says how it is trained"
                    ),
                });
            }
        };
        let settings = json!([
            serde_json::to_value(&network).map_err(Error::Detector)?,
            serde_json::to_value(config.fit).map_err(Error::Detector)?,
            format!(
                "{:?} {:?} {:?}",
                config.recipe, config.pretrained, config.fusion
            ),
            format!(
                "{:?} {:016x} {:016x} {pretraining:?}",
                self.stage.budget, self.learned, self.measured
            ),
            config.pretrained.fingerprint(self.stage)?,
        ]);
        Ok(Contender {
            detector,
            network,
            pretraining,
            key: fingerprint(settings.to_string().as_bytes()),
        })
    }

    /// Name of the checkpoints of a training.
    fn name(contender: &Contender<'_>, seed: u64) -> String {
        let row = &contender.detector.name;
        format!("detectors/{row}-{:016x}/seed-{seed}", contender.key)
    }

    /// What has been measured, by this run or an earlier one.
    fn measured(&self, contender: &Contender<'_>, seed: u64) -> Result<Option<Score>> {
        let dir = self.stage.checkpoints(&Self::name(contender, seed));
        read(&dir.join(SCORE))
    }

    /// Trains and measures with one seed, unless an earlier run has. `false` when the caller asked to stop.
    fn measure(
        &self,
        contender: &Contender<'_>,
        seed: u64,
        control: &mut Control<'_>,
    ) -> Result<bool> {
        let Detector { name: row, config } = contender.detector;
        if self.measured(contender, seed)?.is_some() {
            return Ok(true);
        }
        let name = Self::name(contender, seed);
        let dir = self.stage.checkpoints(&name);
        let stage = Stage {
            seed,
            ..self.stage.clone()
        };
        let weights = contender.pretraining.as_ref();
        let weights = weights.map(|config| pretraining(config, self.learned, &stage).1);
        let mut report = |_: &str, report: &Report| {
            (control.on_report)(&format!("{row} seed {seed}"), report);
        };
        let mut inner = Control {
            on_report: &mut report,
            stop: control.stop,
        };
        let weights = weights.as_deref();
        let outcome = train_on(config, self.samples, &stage, &name, weights, &mut inner)?;
        let Outcome::Finished { model, state, .. } = outcome else {
            return Ok(false);
        };
        let verdicts = judged(config, &model, self.tested, self.test, &stage)?;
        let classes = contender.network.classes();
        let available = classes.index(Class::Available).unwrap_or(0);
        let verdicts: Vec<(usize, usize, f64)> = verdicts
            .iter()
            .map(|(label, p)| (*label, most_probable(p), f64::from(p[available])))
            .collect();
        let metrics = JudgeMetrics::new(classes.count(), available, &verdicts);
        let score = Score {
            seed,
            precision: metrics.precision,
            recall: metrics.recall,
            f1: metrics.f1,
            ap: metrics.average_precision,
            accuracy: metrics.accuracy,
            samples: metrics.samples,
            steps: state.step,
            minutes: state.elapsed_seconds / 60.0,
        };
        reliad_weights::write_config(&dir.join(SCORE), &score)?;
        forget_weights(&dir)?;
        if config.fusion.is_some() && dir.join("fusion").exists() {
            forget_weights(&dir.join("fusion"))?;
        }
        let measured = Report {
            step: score.steps,
            progress: 1.0,
            elapsed_seconds: state.elapsed_seconds,
            figures: vec![("f1".to_owned(), score.f1), ("ap".to_owned(), score.ap)],
            ..Report::default()
        };
        (control.on_report)(&format!("{row} seed {seed}, measured:"), &measured);
        Ok(true)
    }
}

/// Samples of the test part of `tested` whose products the training part of `learned` shows.
fn shared_products(learned: &World, tested: &World) -> usize {
    let product = |world: &World, index: usize| world.records()[index].product_id;
    let (train, _) = learned.split();
    let known: HashSet<u64> = train.iter().map(|&index| product(learned, index)).collect();
    let test = tested.test();
    let shared = test
        .iter()
        .filter(|&&index| known.contains(&product(tested, index)));
    shared.count()
}

/// All detectors are given RFNet's views; how they are normalised is each network's own affair.
fn shares_views(name: &str, network: &DetectorConfig, seen: &DetectorConfig) -> Result<()> {
    let shown = |config: &DetectorConfig| {
        let preprocess = config.preprocess();
        (preprocess.image_size, preprocess.product_background)
    };
    if shown(network) != shown(seen) {
        return Err(Error::Setting {
            name: "preprocess",
            reason: format!("{name} sees pictures of another size or background than rfnet"),
        });
    }
    let (theirs, ours) = (network.inputs(), seen.inputs());
    for (input, theirs, ours) in [
        ("product", theirs.product, ours.product),
        ("generated", theirs.generated, ours.generated),
        ("depth", theirs.depth, ours.depth),
        ("saliency", theirs.saliency, ours.saliency),
    ] {
        if theirs && !ours {
            return Err(Error::Setting {
                name: "inputs",
                reason: format!("{name} looks at `{input}`, which rfnet doesn't"),
            });
        }
    }
    Ok(())
}

/// How long an encoder is pretrained.
fn epochs(config: &EncoderTraining) -> Result<f64> {
    config.fit.epochs.ok_or_else(|| Error::Setting {
        name: "epochs",
        reason: "the encoder's fit.epochs must say how long it is trained".to_owned(),
    })
}

/// Name of the checkpoints of an encoder's pretraining on what `learned` tells, and the folder of its weights.
fn pretraining(config: &EncoderTraining, learned: u64, stage: &Stage) -> (String, PathBuf) {
    let key = fingerprint(format!("{config:?} {learned:016x}").as_bytes());
    let name = format!("detectors/encoder-{key:016x}");
    let dir = encoder::weights(stage, &name);
    (name, dir)
}

fn is_pretrained(weights: &Path) -> bool {
    weights.join("config.json").exists()
}

/// Trains the encoder of `config` unless an earlier run or row has. `false` when the caller asked to stop.
fn pretrain(
    config: &EncoderTraining,
    name: &str,
    stage: &Stage,
    control: &mut Control<'_>,
) -> Result<bool> {
    let epochs = epochs(config)?;
    if is_pretrained(&encoder::weights(stage, name)) {
        return Ok(true);
    }
    let stage = Stage {
        seed: 1,
        budget: Budget::Epochs(epochs),
        ..stage.clone()
    };
    let ended = encoder::train_as(config, &stage, name, control)?;
    Ok(matches!(ended, Ended::Finished(_)))
}

fn read(file: &Path) -> Result<Option<Score>> {
    if !file.exists() {
        return Ok(None);
    }
    Ok(Some(read_config(file)?))
}

/// Removes the checkpoints of a training that is measured.
fn forget_weights(dir: &Path) -> Result<()> {
    for entry in std::fs::read_dir(dir).map_err(Error::io(dir))? {
        let path: PathBuf = entry.map_err(Error::io(dir))?.path();
        let is_checkpoint = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("step-"));
        if is_checkpoint {
            std::fs::remove_dir_all(&path).map_err(Error::io(&path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn products_on_both_sides_are_counted() {
        let world = |lines: &[(u64, &str)]| {
            let dir = tempfile::tempdir().unwrap();
            let line = |&(product, split): &(u64, &str)| {
                json!({
                    "image": "a.png", "product": "b.png", "title": "A mug", "prompt": "on grass", "label": "available",
                    "product_id": product, "split": split,
                })
                .to_string()
            };
            let lines: Vec<String> = lines.iter().map(line).collect();
            std::fs::write(dir.path().join("metadata.jsonl"), lines.join("\n")).unwrap();
            World::open_to_test(dir.path()).unwrap()
        };
        let learned = world(&[(1, "train"), (2, "validation"), (3, "test")]);
        let tested = world(&[
            (1, "test"),
            (1, "test"),
            (2, "test"),
            (1, "train"),
            (4, "test"),
        ]);
        assert_eq!(shared_products(&learned, &tested), 2);
        assert_eq!(shared_products(&learned, &learned), 0);
    }
}
