//! The recurrent loop: paint, paste the product back, judge, keep or draw again.

use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use image::RgbImage;
use reliad_diffusion::Sampling;
use reliad_imaging::{PlacedProduct, paste_back};
use reliad_rfnet::judge::{JudgeItem, Verdict};

use crate::assess::Assess;
use crate::error::{Error, Result};
use crate::files;
use crate::manifest::{AttemptKey, Manifest, Record, Seconds, VerdictRecord};
use crate::paint::{Drawing, Paint};
use crate::product::ProductFile;
use crate::recipe::{NoiseRow, Recipe, drawn_placement, item_id};
use crate::report::{self, Unusable};

mod event;
mod settings;

pub use event::{Event, Outcome};
pub use settings::{NoiseSource, RunSettings};

/// Directory of the rejected pictures, below the output directory.
pub const REJECTED: &str = "rejected";
/// How often the report is brought up to date during a run.
const REPORT_EVERY: Duration = Duration::from_secs(20);

/// A picture that is still wanted.
struct Item {
    product: usize,
    picture: u32,
    ordinal: usize,
    id: String,
    scale: f32,
    attempt: u32,
    placed: Option<PlacedProduct>,
}

struct Run<'a> {
    settings: &'a RunSettings,
    products: &'a [ProductFile],
    painter: &'a dyn Paint,
    judge: Option<&'a dyn Assess>,
    prompt_cut: Option<String>,
    manifest: Manifest,
    outcome: Outcome,
}

/// Makes the pictures that are wanted and not there yet.
///
/// Results, manifest and report stand in `settings.out`, which
/// [`prepare_directory`](files::prepare_directory) has made. `stop` is read after each denoising
/// step; everything finished until then is saved. `unusable` are inputs to mention in the report.
///
/// # Errors
/// What stops the whole run: a setting out of range, an output that can't be written, a painter
/// or judge that fails. A product that fails alone is an [`Event::Failed`].
pub fn run(
    settings: &RunSettings,
    products: &[ProductFile],
    unusable: &[Unusable],
    painter: &dyn Paint,
    judge: Option<&dyn Assess>,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<Outcome> {
    settings.check()?;
    let manifest = Manifest::open(&settings.out)?;
    if settings.keep_rejected {
        files::prepare_directory(&settings.out.join(REJECTED))?;
    }
    files::prepare_directory(&settings.out.join(report::ASSETS))?;
    let prompt_cut = painter.cut(&settings.prompt)?;
    if let Some(cut) = &prompt_cut {
        observe(Event::Warning(format!("the prompt is too long: {cut}")));
    }
    if let Some(cut) = painter.cut(&settings.negative_prompt)? {
        observe(Event::Warning(format!(
            "the negative prompt is too long: {cut}"
        )));
    }
    let mut run = Run {
        settings,
        products,
        painter,
        judge,
        prompt_cut,
        manifest,
        outcome: Outcome::default(),
    };
    let result = run.draw_all(unusable, stop, observe);
    // Also after an error: what is finished can be looked at.
    let reported = report::write(&settings.out, run.manifest.records(), unusable);
    result?;
    reported?;
    Ok(run.outcome)
}

impl Run<'_> {
    fn draw_all(
        &mut self,
        unusable: &[Unusable],
        stop: &AtomicBool,
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<()> {
        let mut waiting = self.items(observe)?;
        self.outcome.items = waiting.len();
        observe(Event::Began {
            items: waiting.len(),
        });
        let mut reported = Instant::now();
        let mut active: Vec<Item> = Vec::new();
        loop {
            while active.len() < self.settings.batch {
                let Some(mut item) = waiting.pop_front() else {
                    break;
                };
                if self.advance(&mut item, observe) {
                    active.push(item);
                }
            }
            if active.is_empty() {
                return Ok(());
            }
            if stop.load(Ordering::Relaxed) {
                self.outcome.interrupted = true;
                return Ok(());
            }
            // `advance` has placed the product of every active item.
            let drawings: Vec<Drawing> = active
                .iter()
                .filter_map(|item| self.drawing(item))
                .collect();
            let began = Instant::now();
            let pictures = self.painter.paint(&drawings, &mut |done, steps| {
                observe(Event::Step {
                    done,
                    steps,
                    drawings: &drawings,
                });
                if stop.load(Ordering::Relaxed) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
            let Some(pictures) = pictures else {
                self.outcome.interrupted = true;
                return Ok(());
            };
            let paint_seconds = began.elapsed().as_secs_f64() / drawings.len() as f64;
            let mut unfinished = Vec::new();
            for ((mut item, drawing), painted) in active.drain(..).zip(&drawings).zip(pictures) {
                let picture = paste_back(&painted, &drawing.product);
                let kept = self.finish(&item, drawing, &picture, paint_seconds, observe)?;
                self.outcome.painted += 1;
                item.attempt += 1;
                if kept {
                    self.end(&item, true, observe);
                } else if self.advance(&mut item, observe) {
                    unfinished.push(item);
                }
            }
            active = unfinished;
            if reported.elapsed() > REPORT_EVERY {
                report::write(&self.settings.out, self.manifest.records(), unusable)?;
                reported = Instant::now();
            }
        }
    }

    /// The pictures wanted, each product once.
    fn items(&self, observe: &mut dyn FnMut(Event<'_>)) -> Result<VecDeque<Item>> {
        let settings = self.settings;
        let mut items = VecDeque::new();
        let mut seen = HashSet::new();
        for (place, product) in self.products.iter().enumerate() {
            if !seen.insert((&product.hash, &product.title)) {
                observe(Event::Warning(format!(
                    "{} is a product that was given before; it is made once",
                    product.path.display()
                )));
                continue;
            }
            for picture in 0..self.settings.count {
                let id = item_id(
                    &product.hash,
                    &settings.prompt,
                    &settings.negative_prompt,
                    picture,
                );
                items.push_back(Item {
                    product: place,
                    picture,
                    ordinal: items.len(),
                    scale: self
                        .settings
                        .scale
                        .unwrap_or_else(|| drawn_placement(self.settings.seed, &id)),
                    id,
                    attempt: 0,
                    placed: None,
                });
            }
        }
        if let Some(noise) = &self.settings.noise {
            let needed = items.len() * self.settings.attempts as usize;
            if noise.rows < needed {
                return Err(Error::Noise {
                    path: noise.path.clone(),
                    message: format!(
                        "it has {} rows; {} pictures with {} attempts each need {needed}",
                        noise.rows,
                        items.len(),
                        self.settings.attempts
                    ),
                });
            }
        }
        Ok(items)
    }

    fn recipe(&self, item: &Item) -> Recipe {
        Recipe {
            product: self.products[item.product].hash.clone(),
            model: self.painter.identity().digest.clone(),
            prompt: self.settings.prompt.clone(),
            negative_prompt: self.settings.negative_prompt.clone(),
            sampling: self.settings.sampling.clone(),
            scale: item.scale,
            seed: self.settings.seed,
            item: item.id.clone(),
            picture: item.picture,
            attempt: item.attempt,
            noise: self.settings.noise.as_ref().map(|noise| NoiseRow {
                file: noise.hash.clone(),
                row: item.ordinal * self.settings.attempts as usize + item.attempt as usize,
            }),
        }
    }

    fn drawing(&self, item: &Item) -> Option<Drawing> {
        let product = item.placed.clone()?;
        Some(Drawing {
            recipe: self.recipe(item),
            product,
        })
    }

    /// Skips the attempts that an earlier run finished. Returns whether the item still has to be
    /// painted; its product is placed then.
    fn advance(&mut self, item: &mut Item, observe: &mut dyn FnMut(Event<'_>)) -> bool {
        while item.attempt < self.settings.attempts {
            let key = AttemptKey {
                name: self.recipe(item).name(),
                judge: self.judge.map(|judge| judge.identity().digest.clone()),
                title: self.products[item.product].title.clone(),
            };
            let Some(record) = self
                .manifest
                .find(&key)
                .filter(|record| self.stands(record))
            else {
                return self.place(item, observe);
            };
            observe(Event::Attempt {
                record,
                resumed: true,
            });
            let kept = record.kept;
            self.outcome.resumed += 1;
            item.attempt += 1;
            if kept {
                self.end(item, true, observe);
                return false;
            }
        }
        self.end(item, false, observe);
        false
    }

    /// Whether a recorded attempt needn't be made again: its picture is there with its bytes, or
    /// nobody wants it.
    fn stands(&self, record: &Record) -> bool {
        match &record.file {
            Some(file) => files::hash_file(&self.settings.out.join(file))
                .is_ok_and(|hash| hash == record.png_blake3),
            None => !record.kept && !self.settings.keep_rejected,
        }
    }

    fn place(&mut self, item: &mut Item, observe: &mut dyn FnMut(Event<'_>)) -> bool {
        if item.placed.is_some() {
            return true;
        }
        let product = &self.products[item.product];
        match place(product, &self.settings.sampling, item.scale) {
            Ok(placed) => item.placed = Some(placed),
            Err(error) => {
                self.outcome.failed += 1;
                observe(Event::Failed {
                    product,
                    error: &error,
                });
            }
        }
        item.placed.is_some()
    }

    fn end(&mut self, item: &Item, found: bool, observe: &mut dyn FnMut(Event<'_>)) {
        self.outcome.found += usize::from(found);
        let product = &self.products[item.product];
        observe(Event::Item {
            product,
            picture: item.picture,
            found,
        });
    }

    /// Judges a picture, saves it where it belongs and records it. Returns whether it is kept.
    fn finish(
        &mut self,
        item: &Item,
        drawing: &Drawing,
        picture: &RgbImage,
        paint_seconds: f64,
        observe: &mut dyn FnMut(Event<'_>),
    ) -> Result<bool> {
        let product = &self.products[item.product];
        let began = Instant::now();
        let verdict = self.judge_one(picture, drawing, &product.title)?;
        let judge_seconds = began.elapsed().as_secs_f64();
        let kept = verdict.as_ref().is_none_or(|verdict| verdict.available);
        let name = drawing.recipe.name();
        let png = files::encode_png(picture)?;
        let file = match (kept, self.settings.keep_rejected) {
            (true, _) => Some(format!("{name}.png")),
            (false, true) => Some(format!("{REJECTED}/{name}.png")),
            (false, false) => None,
        };
        if let Some(file) = &file {
            files::write_atomic(&self.settings.out.join(file), &png)?;
        }
        report::save_views(&self.settings.out, drawing, picture, verdict.as_ref())?;
        let record = Record {
            reliad: crate::VERSION.to_owned(),
            name,
            product_path: product.path.clone(),
            title: product.title.clone(),
            recipe: drawing.recipe.clone(),
            model: self.painter.identity().clone(),
            judge: self.judge.map(|judge| judge.identity().clone()),
            device: self.painter.device().to_owned(),
            noise_path: self.settings.noise.as_ref().map(|noise| noise.path.clone()),
            prompt_cut: self.prompt_cut.clone(),
            verdict: verdict.map(|verdict| {
                VerdictRecord::new(verdict.class, verdict.available, &verdict.probabilities)
            }),
            kept,
            file,
            png_blake3: files::hash(&png),
            seconds: Seconds {
                paint: paint_seconds,
                judge: judge_seconds,
            },
        };
        self.manifest.append(record.clone())?;
        observe(Event::Attempt {
            record: &record,
            resumed: false,
        });
        Ok(kept)
    }

    fn judge_one(
        &self,
        picture: &RgbImage,
        drawing: &Drawing,
        title: &str,
    ) -> Result<Option<Verdict>> {
        let Some(judge) = self.judge else {
            return Ok(None);
        };
        judge
            .assess(JudgeItem {
                picture,
                product: drawing.product.rgba(),
                title,
            })
            .map(Some)
    }
}

/// The product on the canvas, taking `scale` of it.
///
/// # Errors
/// [`Error::Imaging`] when the product can't be read (any more), [`Error::Changed`] when it isn't
/// the one that was hashed.
pub(crate) fn place(
    product: &ProductFile,
    sampling: &Sampling,
    scale: f32,
) -> Result<PlacedProduct> {
    if files::hash_file(&product.path)? != product.hash {
        return Err(Error::Changed(product.path.clone()));
    }
    Ok(PlacedProduct::place(
        &product.cutout()?,
        sampling.canvas()?,
        scale,
    ))
}
