//! The recurrent loop: paint, paste the product back, judge, keep or draw again.

use std::collections::{HashMap, HashSet, VecDeque};
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
use crate::order::Order;
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
    order: usize,
    picture: u32,
    ordinal: usize,
    id: String,
    scale: f32,
    attempt: u32,
    placed: Option<PlacedProduct>,
}

struct Run<'a> {
    settings: &'a RunSettings,
    orders: &'a [Order],
    painter: &'a dyn Paint,
    judge: Option<&'a dyn Assess>,
    /// Where prompts were cut, by the prompts that were.
    cuts: HashMap<&'a str, String>,
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
/// or judge that fails. An order that fails alone is an [`Event::Failed`].
pub fn run(
    settings: &RunSettings,
    orders: &[Order],
    unusable: &[Unusable],
    painter: &dyn Paint,
    judge: Option<&dyn Assess>,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Event<'_>),
) -> Result<Outcome> {
    settings.check()?;
    orders.iter().try_for_each(|order| order.request.check())?;
    let manifest = Manifest::open(&settings.out)?;
    if settings.keep_rejected {
        files::prepare_directory(&settings.out.join(REJECTED))?;
    }
    files::prepare_directory(&settings.out.join(report::ASSETS))?;
    let requests = || orders.iter().map(|order| &order.request);
    let cuts = cuts(painter, requests().map(|wanted| wanted.prompt.as_str()))?;
    tell_cuts("prompt", &cuts, observe);
    let negative = requests().map(|wanted| wanted.negative_prompt.as_str());
    tell_cuts("negative prompt", &self::cuts(painter, negative)?, observe);
    let mut run = Run {
        settings,
        orders,
        painter,
        judge,
        cuts,
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

/// Where texts are too long for the painter, by those that are.
fn cuts<'a>(
    painter: &dyn Paint,
    texts: impl Iterator<Item = &'a str>,
) -> Result<HashMap<&'a str, String>> {
    let mut cuts = HashMap::new();
    for text in texts.collect::<HashSet<_>>() {
        if let Some(cut) = painter.cut(text)? {
            cuts.insert(text, cut);
        }
    }
    Ok(cuts)
}

/// One warning, however many texts were cut.
fn tell_cuts(what: &str, cuts: &HashMap<&str, String>, observe: &mut dyn FnMut(Event<'_>)) {
    let text = match cuts.iter().min() {
        None => return,
        Some((_, cut)) if cuts.len() == 1 => format!("the {what} is too long: {cut}"),
        Some((text, cut)) => {
            let begins: String = text.chars().take(40).collect();
            let count = cuts.len();
            format!("{count} {what}s are too long, one that begins \"{begins}\": {cut}")
        }
    };
    observe(Event::Warning(text));
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
                let next = match active.first() {
                    // Pictures painted together share their sampling.
                    Some(first) => waiting
                        .iter()
                        .position(|item| self.sampling(item) == self.sampling(first)),
                    None => Some(0),
                };
                let Some(mut item) = next.and_then(|place| waiting.remove(place)) else {
                    break;
                };
                if self.advance(&mut item, observe)? {
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
                } else if self.advance(&mut item, observe)? {
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

    /// The pictures wanted, each once.
    fn items(&self, observe: &mut dyn FnMut(Event<'_>)) -> Result<VecDeque<Item>> {
        let mut items = VecDeque::new();
        let mut seen = HashSet::new();
        let mut again = Vec::new();
        for (place, order) in self.orders.iter().enumerate() {
            let Order {
                product, request, ..
            } = order;
            let mut given_before = false;
            for picture in 0..request.count {
                let id = item_id(
                    &product.hash,
                    &request.prompt,
                    &request.negative_prompt,
                    picture,
                );
                let item = Item {
                    order: place,
                    picture,
                    ordinal: items.len(),
                    scale: request
                        .scale
                        .unwrap_or_else(|| drawn_placement(request.seed, &id)),
                    id,
                    attempt: 0,
                    placed: None,
                };
                let recipe = Recipe {
                    noise: None,
                    ..self.recipe(&item)
                };
                if seen.insert((recipe.name(), &product.title)) {
                    items.push_back(item);
                } else {
                    given_before = true;
                }
            }
            if given_before {
                again.push(order);
            }
        }
        if let Some(first) = again.first() {
            let others = match again.len() {
                1 => String::new(),
                count => format!(" (and {} more)", count - 1),
            };
            let row = match &first.row {
                None => String::new(),
                Some(row) => format!("{}, row {}: ", row.file, row.row),
            };
            observe(Event::Warning(format!(
                "{row}{}{others}: a product that was given before, with the same wishes; it is made once, and a higher count \
                 makes more of it",
                first.product.path.display()
            )));
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

    fn sampling(&self, item: &Item) -> &Sampling {
        &self.orders[item.order].request.sampling
    }

    fn recipe(&self, item: &Item) -> Recipe {
        let Order {
            product, request, ..
        } = &self.orders[item.order];
        Recipe {
            product: product.hash.clone(),
            model: self.painter.identity().digest.clone(),
            prompt: request.prompt.clone(),
            negative_prompt: request.negative_prompt.clone(),
            sampling: request.sampling.clone(),
            scale: item.scale,
            seed: request.seed,
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
    fn advance(&mut self, item: &mut Item, observe: &mut dyn FnMut(Event<'_>)) -> Result<bool> {
        while item.attempt < self.settings.attempts {
            let order = &self.orders[item.order];
            let key = AttemptKey {
                name: self.recipe(item).name(),
                judge: self.judge.map(|judge| judge.identity().digest.clone()),
                title: order.product.title.clone(),
            };
            let record = self.manifest.find(&key);
            let Some(record) = record.filter(|record| self.stands(record)) else {
                return Ok(self.place(item, observe));
            };
            let kept = record.kept;
            // The catalogue may say other things of the picture than it did.
            if kept && order.row.is_some() && order.row != record.catalogue {
                let catalogue = order.row.clone();
                let record = Record {
                    catalogue,
                    ..record.clone()
                };
                self.manifest.append(record)?;
            }
            if let Some(record) = self.manifest.find(&key) {
                observe(Event::Attempt {
                    record,
                    resumed: true,
                });
            }
            self.outcome.resumed += 1;
            item.attempt += 1;
            if kept {
                self.end(item, true, observe);
                return Ok(false);
            }
        }
        self.end(item, false, observe);
        Ok(false)
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
        let order = &self.orders[item.order];
        match place(&order.product, &order.request.sampling, item.scale) {
            Ok(placed) => item.placed = Some(placed),
            Err(error) => {
                self.outcome.failed += 1;
                observe(Event::Failed {
                    order,
                    error: &error,
                });
            }
        }
        item.placed.is_some()
    }

    fn end(&mut self, item: &Item, found: bool, observe: &mut dyn FnMut(Event<'_>)) {
        self.outcome.found += usize::from(found);
        observe(Event::Item {
            order: &self.orders[item.order],
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
        let Order {
            product,
            request,
            row,
        } = &self.orders[item.order];
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
            prompt_cut: self.cuts.get(request.prompt.as_str()).cloned(),
            photograph: product.photograph.clone(),
            catalogue: row.clone(),
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
