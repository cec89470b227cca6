//! Pictures and verdicts of one painter: drawn again until one is available, as `generate` does it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::tensor::Device;
use image::RgbImage;
use reliad_diffusion::Sampling;
use reliad_generation::assess::{Assess, ModelJudge};
use reliad_generation::files;
use reliad_generation::gallery::Gallery;
use reliad_generation::manifest::VerdictRecord;
use reliad_generation::paint::{Drawing, Paint};
use reliad_generation::painter::ModelPainter;
use reliad_imaging::paste_back;
use reliad_training::threads;
use serde::{Deserialize, Serialize};

use super::items::{Hand, Items, Try};
use crate::error::{Error, Result};
use crate::measure::recurrence::Found;
use crate::progress::Watch;

/// Further pictures of one product and prompt, of those items that diversity is measured on.
pub const AGAIN: u32 = 2;

/// Who paints what, who judges, and where all of it is kept.
pub struct Studio<'a> {
    /// What is painted.
    pub items: &'a Items,
    /// Paintings and verdicts.
    pub gallery: &'a Gallery,
    /// Decides whether an item is drawn again.
    pub judge: &'a ModelJudge,
    /// Attempts at an item, at most.
    pub attempts: u32,
    /// Items that are painted `1 + AGAIN` times.
    pub varied: usize,
    /// Where networks stand.
    pub device: &'a Device,
}

/// What a painter painted, and what the judge said.
pub struct Painted {
    /// Its part of the recipes.
    pub hand: Hand,
    /// The verdicts of each item's attempts, in their order; the last one alone may be available.
    pub tries: Vec<Vec<VerdictRecord>>,
    /// What a picture took.
    pub time: Timed,
}

impl Painted {
    /// At which attempt each item had its available picture.
    pub fn found(&self) -> Vec<Found> {
        let found = |tries: &Vec<VerdictRecord>| {
            let at = tries.iter().position(|verdict| verdict.available)?;
            u32::try_from(at).ok()
        };
        self.tries.iter().map(found).collect()
    }

    /// The verdict on an item's first attempt.
    pub fn first(&self, item: usize) -> &VerdictRecord {
        &self.tries[item][0]
    }
}

impl Studio<'_> {
    /// Paints what `painter` hasn't painted yet. `None` when the caller asked to stop.
    ///
    /// # Errors
    /// A painter or judge that fails, or a painting that can't be kept.
    pub fn paint(
        &self,
        painter: &ModelPainter,
        hand: Hand,
        clock: &mut Clock,
        watch: &Watch<'_>,
    ) -> Result<Option<Painted>> {
        let count = self.items.records().len();
        let mut tries: Vec<Vec<VerdictRecord>> = vec![Vec::new(); count];
        let mut open: Vec<usize> = (0..count).collect();
        let key = clock.key(painter, &hand, self.judge, self.items.sampling());
        for attempt in 0..self.attempts {
            let jobs: Vec<Try> = open
                .iter()
                .map(|&item| Try {
                    attempt,
                    ..Try::first(item)
                })
                .collect();
            let Some(verdicts) = self.round(painter, &hand, &jobs, &key, clock, watch)? else {
                return Ok(None);
            };
            for (&item, verdict) in open.iter().zip(verdicts) {
                tries[item].push(verdict);
            }
            open.retain(|&item| !tries[item][attempt as usize].available);
            if open.is_empty() {
                break;
            }
        }
        if !self.again(painter, &hand, watch)? {
            return Ok(None);
        }
        Ok(Some(Painted {
            hand,
            tries,
            time: clock.timed(&key),
        }))
    }

    /// One attempt at each of some items: painted and judged.
    fn round(
        &self,
        painter: &ModelPainter,
        hand: &Hand,
        jobs: &[Try],
        key: &str,
        clock: &mut Clock,
        watch: &Watch<'_>,
    ) -> Result<Option<Vec<VerdictRecord>>> {
        let count = watch.count("painted", jobs.len() as u64);
        let began = Instant::now();
        let results = threads::each(jobs.len(), threads::at_once(self.device), |at| {
            let Some((drawing, painting, found)) = self.one(painter, hand, jobs[at], watch)? else {
                return Ok::<_, Error>(None);
            };
            let picture = paste_back(&painting, &drawing.product);
            let title = &self.items.records()[jobs[at].item].title;
            let verdict = self
                .gallery
                .verdict(self.judge, &drawing, &picture, title)?;
            count.advance(found);
            Ok(Some((verdict, found)))
        })?;
        let painted = results.iter().flatten().filter(|(_, found)| !found).count();
        clock.add(key, painted as u64, began.elapsed().as_secs_f64())?;
        let verdicts: Vec<VerdictRecord> = results
            .into_iter()
            .flatten()
            .map(|(verdict, _)| verdict)
            .collect();
        if verdicts.len() < jobs.len() {
            return Ok(None);
        }
        count.end();
        Ok(Some(verdicts))
    }

    /// The pictures that diversity is measured on. Returns whether all are there.
    fn again(&self, painter: &ModelPainter, hand: &Hand, watch: &Watch<'_>) -> Result<bool> {
        let jobs: Vec<Try> = (0..self.varied)
            .flat_map(|item| {
                (1..=AGAIN).map(move |picture| Try {
                    picture,
                    ..Try::first(item)
                })
            })
            .collect();
        let count = watch.count("painted again", jobs.len() as u64);
        let there = threads::each(jobs.len(), threads::at_once(self.device), |at| {
            let one = self.one(painter, hand, jobs[at], watch)?;
            let found = one.map(|(_, _, found)| found);
            found.into_iter().for_each(|found| count.advance(found));
            Ok::<_, Error>(found.is_some())
        })?;
        let all = !there.contains(&false);
        if all {
            count.end();
        }
        Ok(all)
    }

    /// A drawing with its painting, and whether that was there. `None` when the caller asked to stop.
    fn one(
        &self,
        painter: &ModelPainter,
        hand: &Hand,
        of: Try,
        watch: &Watch<'_>,
    ) -> Result<Option<(Drawing, RgbImage, bool)>> {
        if watch.stopped() {
            return Ok(None);
        }
        let mut on_step = |_, _| match watch.stopped() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let drawing = self.items.drawing(hand, of)?;
        let found = self.gallery.path(&drawing.recipe).exists();
        let painting = self.gallery.paint(painter, &drawing, &mut on_step)?;
        Ok(painting.map(|painting| (drawing, painting, found)))
    }
}

/// What painting and judging took, over all runs that a folder has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Timed {
    /// Pictures painted and judged.
    pub pictures: u64,
    /// Seconds of the clock for all of them.
    pub seconds: f64,
    /// How many of the pictures this run painted.
    #[serde(default)]
    pub this_run: u64,
}

impl Timed {
    /// Seconds a picture; `None` where no picture was painted.
    pub fn each(&self) -> Option<f64> {
        (self.pictures > 0).then(|| self.seconds / self.pictures as f64)
    }
}

/// Remembers what pictures took, so that a run that finds all of them can tell.
pub struct Clock {
    file: PathBuf,
    kept: BTreeMap<String, Timed>,
}

impl Clock {
    /// The memory in `file`, which need not exist.
    ///
    /// # Errors
    /// A file that can't be read.
    pub fn open(file: &Path) -> Result<Self> {
        let mut kept: BTreeMap<String, Timed> = match std::fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(Error::json(file))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(Error::io(file)(error)),
        };
        for timed in kept.values_mut() {
            timed.this_run = 0;
        }
        Ok(Self {
            file: file.to_owned(),
            kept,
        })
    }

    /// What a painter's time depends on, but for what else the machine does.
    fn key(
        &self,
        painter: &ModelPainter,
        hand: &Hand,
        judge: &ModelJudge,
        sampling: &Sampling,
    ) -> String {
        let sampling = serde_json::to_string(&(sampling, &hand.phrases)).unwrap_or_default();
        let parts = [
            &painter.identity().digest,
            painter.device(),
            &judge.identity().digest,
            &sampling,
        ];
        let mut key = files::hash(parts.join(" ").as_bytes());
        key.truncate(32);
        key
    }

    fn add(&mut self, key: &str, pictures: u64, seconds: f64) -> Result<()> {
        if pictures == 0 {
            return Ok(());
        }
        let timed = self.kept.entry(key.to_owned()).or_default();
        timed.pictures += pictures;
        timed.seconds += seconds;
        timed.this_run += pictures;
        let bytes = serde_json::to_vec_pretty(&self.kept).map_err(Error::json(&self.file))?;
        reliad_files::write(&self.file, &bytes).map_err(Error::io(&self.file))
    }

    fn timed(&self, key: &str) -> Timed {
        self.kept.get(key).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn a_clock_adds_up_runs_and_tells_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("seconds.json");
        let mut clock = Clock::open(&file).unwrap();
        assert_eq!(clock.timed("a").each(), None);
        clock.add("a", 4, 10.0).unwrap();
        clock.add("a", 0, 99.0).unwrap();
        clock.add("b", 1, 1.0).unwrap();
        let mut clock = Clock::open(&file).unwrap();
        let found = clock.timed("a");
        assert_eq!((found.each(), found.this_run), (Some(2.5), 0));
        clock.add("a", 1, 5.0).unwrap();
        let found = clock.timed("a");
        assert_eq!((found.each(), found.this_run), (Some(3.0), 1));
        std::fs::write(&file, "{").unwrap();
        assert!(Clock::open(&file).is_err());
    }
}
