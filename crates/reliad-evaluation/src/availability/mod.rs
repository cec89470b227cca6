//! How often a painter's pictures can be published, for several ControlNets on the same products, prompts and noise: what
//! tells whether a tuning helped, and at what cost.

mod curve;
mod differences;
mod figures;
mod items;
mod labelled;
mod looks;
mod page;
mod painted;
mod people;
mod sheet;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use reliad_dataset::Label;
use reliad_diffusion::SamplingOverlay;
use reliad_generation::assess::{Assess, ModelJudge};
use reliad_generation::defaults::sampling_of;
use reliad_generation::gallery::Gallery;
use reliad_generation::identity::ModelIdentity;
use reliad_generation::paint::Paint;
use reliad_generation::painter::ModelPainter;
use reliad_generation::tuned::Tuned;
use reliad_rfnet::scene_network::{COMPONENT, SceneClassifier};

use self::figures::{Called, Common, Measures};
use self::items::{Hand, Items, Try};
use self::looks::Viewers;
use self::painted::{Clock, Painted, Studio};
use self::people::{Answer, Labelled, Saved};
use crate::error::{Error, Result};
use crate::measure::agreement::Asked;
use crate::measure::preference::preference;
use crate::measure::variety::Pair;
use crate::painter::{Model, Named};
use crate::progress::{Event, Watch};
use crate::rendered;

pub use differences::Differences;
pub use figures::{ByName, Comparison, Figures, OfPainter, Settings};
pub use items::Products;
pub use labelled::Written;
pub use painted::Timed;

/// A painter to compare: the model with something tuned in it.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// What figures call it.
    pub name: String,
    /// What was given for it.
    pub value: String,
    /// What that is.
    pub tuned: Tuned,
}

/// Files that people saved.
#[derive(Debug, Clone, Default)]
pub struct People {
    /// Labels of pictures, a file each person.
    pub labels: Vec<PathBuf>,
    /// Answers to pairs, a file each person.
    pub answers: Vec<PathBuf>,
    /// Names of the two painters whose pictures stand in pairs.
    pub compare: Option<[String; 2]>,
}

/// What is compared on what, and who looks at it.
#[derive(Debug, Clone)]
pub struct Evaluation<'a> {
    /// The model whose ControlNet is exchanged.
    pub model: Model<'a>,
    /// What is put in its place, by name; the others are held against the first.
    pub painters: Vec<Candidate>,
    /// Judges, and decides whether an item is drawn again.
    pub judge: Model<'a>,
    /// Judges for the report alone.
    pub held_out: Option<Model<'a>>,
    /// Its scene network tells what a picture shows.
    pub scene: Option<Model<'a>>,
    /// What is painted.
    pub products: Products,
    /// Settings in the place of the model's own.
    pub sampling: SamplingOverlay,
    /// Seed of items, noise and sheets.
    pub seed: u64,
    /// Items to paint.
    pub count: usize,
    /// Attempts at an item, at most.
    pub attempts: u32,
    /// Items that diversity is measured on.
    pub varied: usize,
    /// What people saved.
    pub people: People,
    /// Where networks stand.
    pub device: Device,
    /// What figures call the device.
    pub device_name: String,
    /// Folder for what is rendered and painted; what is there from before is used.
    pub work: PathBuf,
}

/// A finished comparison.
pub struct Evaluated {
    /// The figures.
    pub figures: Figures,
    names: Vec<String>,
    painted: Vec<Painted>,
    held_out: Vec<Vec<Option<bool>>>,
    /// People's, of each painter's first attempts.
    labels: Vec<Vec<Vec<Label>>>,
    compare: Option<[usize; 2]>,
    items: Items,
    gallery: Gallery,
    device: Device,
}

impl Evaluated {
    /// A page with the figures, curves and pictures; it opens without a server.
    ///
    /// # Errors
    /// A picture that can't be read any more.
    pub fn page(&self) -> Result<String> {
        page::page(self)
    }

    /// A page on which a person says of pairs which picture is better, blindly; `None` where no pair was asked for.
    ///
    /// # Errors
    /// As [`page`](Self::page).
    pub fn pair_sheet(&self) -> Result<Option<String>> {
        let sheet = |pair: [usize; 2]| sheet::pairs(self, pair);
        self.compare.map(sheet).transpose()
    }

    /// A page on which a person labels all first attempts, blindly.
    ///
    /// # Errors
    /// As [`page`](Self::page).
    pub fn label_sheet(&self) -> Result<String> {
        sheet::labels(self)
    }

    /// Writes the labelled pictures of first attempts as a data set that `train rfnet` learns from, each with the label that
    /// most people gave.
    ///
    /// # Errors
    /// As [`page`](Self::page), or a folder that can't be written.
    pub fn labelled(&self, dir: &Path) -> Result<Written> {
        labelled::write(self, dir)
    }

    /// Finds pictures again; looks at none.
    fn viewers(&self) -> Viewers<'_> {
        Viewers {
            items: &self.items,
            gallery: &self.gallery,
            held_out: None,
            scene: None,
            varied: 0,
            device: &self.device,
        }
    }
}

/// What people saved, read before anything is painted.
struct Said {
    labels: Vec<Saved<Labelled>>,
    answers: Vec<Saved<Answer>>,
}

impl Evaluation<'_> {
    /// Renders, paints, judges and measures. `None` when the caller asked to stop; the same call goes on from there.
    ///
    /// # Errors
    /// A model that can't be loaded or lacks a part, a setting out of its range, or a folder that can't be written.
    pub fn run(&self, watch: &Watch<'_>) -> Result<Option<Evaluated>> {
        let compare = self.check()?;
        let said = Said {
            labels: self
                .people
                .labels
                .iter()
                .map(|file| people::labels(file))
                .collect::<Result<_>>()?,
            answers: self
                .people
                .answers
                .iter()
                .map(|file| people::answers(file))
                .collect::<Result<_>>()?,
        };
        let device = &self.device;
        let own = sampling_of(self.model.dir)?;
        let sampling = match &self.products {
            Products::Rendered { .. } => rendered::sampling(&self.sampling, own)?,
            Products::Folder { .. } => {
                let sampling = self.sampling.over(own).normalised();
                sampling.check().map_err(reliad_generation::Error::from)?;
                sampling
            }
        };
        let scene = self
            .scene
            .map(|scene| SceneClassifier::load(scene.dir, device))
            .transpose()?;
        let held_out = self
            .held_out
            .map(|model| ModelJudge::load(model.dir, device))
            .transpose()?;
        let judge = ModelJudge::load(self.judge.dir, device)?;

        let opened = Items::open(
            &self.products,
            self.count,
            self.seed,
            &sampling,
            &self.work,
            watch,
        )?;
        let Some(items) = opened else {
            return Ok(None);
        };
        let gallery = Gallery::open(&self.work.join("painted"))?;
        let viewers = Viewers {
            items: &items,
            gallery: &gallery,
            held_out: held_out.as_ref(),
            scene: scene.as_ref(),
            varied: self.varied,
            device,
        };
        // A network of another world must not show after an hour of painting.
        let asked = viewers.asked()?;
        let studio = Studio {
            items: &items,
            gallery: &gallery,
            judge: &judge,
            attempts: self.attempts,
            varied: if scene.is_some() { self.varied } else { 0 },
            device,
        };
        let Some(painted) = self.paint(&studio, watch)? else {
            return Ok(None);
        };
        let groups = items.groups();
        let pairs = viewers.pairs(self.seed);
        let common = Common {
            groups: &groups,
            pairs: &pairs,
            attempts: self.attempts,
            seed: self.seed,
        };
        let Some(measures) = self.measure(&viewers, &painted, &asked, &pairs, &said, watch)? else {
            return Ok(None);
        };
        let named = |model: Model<'_>, digest: &str| Named {
            name: model.name.to_owned(),
            digest: digest.to_owned(),
        };
        let settings = Settings {
            reliad: reliad_generation::VERSION.to_owned(),
            world: Settings::WORLD,
            seed: self.seed,
            count: self.count,
            products: self.products.words(),
            attempts: self.attempts,
            varied: studio.varied,
            device: self.device_name.clone(),
            model: self.model.name.to_owned(),
            judge: named(self.judge, &judge.identity().digest),
            held_out: self
                .held_out
                .zip(held_out.as_ref())
                .map(|(model, judge)| named(model, &judge.identity().digest)),
            scene: match self.scene {
                Some(model) => Some(named(
                    model,
                    &ModelIdentity::of(model.dir, &[COMPONENT])?.digest,
                )),
                None => None,
            },
            sampling,
        };
        let figures = self.figures(
            settings, &painted, &measures, &common, compare, &said, &items,
        )?;
        let held_out = measures
            .iter()
            .map(|of| of.own.iter().map(|own| own.held_out).collect());
        let held_out = held_out.collect();
        Ok(Some(Evaluated {
            figures,
            names: self
                .painters
                .iter()
                .map(|painter| painter.name.clone())
                .collect(),
            painted,
            held_out,
            labels: measures.into_iter().map(|of| of.labels).collect(),
            compare,
            items,
            gallery,
            device: device.clone(),
        }))
    }

    /// Checks what is known before anything is loaded; the places of the two painters that stand in pairs.
    fn check(&self) -> Result<Option<[usize; 2]>> {
        let setting = |name: &'static str, reason: String| Err(Error::Setting { name, reason });
        self.products.check()?;
        if self.painters.is_empty() {
            return setting("controlnets", "there is none to measure".into());
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = self
            .painters
            .iter()
            .find(|painter| !seen.insert(&painter.name))
        {
            return setting("controlnets", format!("two are called {}", twice.name));
        }
        if self.count == 0 || self.attempts == 0 {
            return setting("count, attempts", "0 of them measure nothing".into());
        }
        if self.varied > self.count {
            let reason = format!("{} of {} products", self.varied, self.count);
            return setting("varied", reason);
        }
        let place = |name: &String| {
            let found = self
                .painters
                .iter()
                .position(|painter| painter.name == *name);
            found.ok_or_else(|| Error::Setting {
                name: "compare",
                reason: format!("there is no {name} among the controlnets"),
            })
        };
        let Some([first, second]) = &self.people.compare else {
            return Ok(None);
        };
        if first == second {
            return setting("compare", format!("{first} with itself"));
        }
        Ok(Some([place(first)?, place(second)?]))
    }

    /// What each painter paints, one after the other; no two are in memory together.
    fn paint(&self, studio: &Studio<'_>, watch: &Watch<'_>) -> Result<Option<Vec<Painted>>> {
        // What isn't there must not show after the first one's hour.
        let mut hands = Vec::new();
        for candidate in &self.painters {
            let tuned = &candidate.tuned;
            hands.push((
                candidate,
                tuned.over(self.model.dir)?,
                tuned.adapters()?,
                tuned.phrases()?,
            ));
        }
        let mut clock = Clock::open(&self.work.join("seconds.json"))?;
        let mut all = Vec::new();
        for (candidate, model, adapters, phrases) in hands {
            let painter = ModelPainter::load(&model, &self.device, &self.device_name, None)?
                .with_adapters(adapters)?;
            let hand = Hand {
                model: painter.identity().digest.clone(),
                phrases,
            };
            if all.is_empty() || hand.phrases.is_some() {
                warn_of_cuts(candidate, studio.items, &painter, &hand, watch)?;
            }
            let Some(painted) = studio.paint(&painter, hand, &mut clock, watch)? else {
                return Ok(None);
            };
            all.push(painted);
        }
        Ok(Some(all))
    }

    fn measure(
        &self,
        viewers: &Viewers<'_>,
        painted: &[Painted],
        asked: &[Option<Asked>],
        pairs: &[Pair],
        said: &Said,
        watch: &Watch<'_>,
    ) -> Result<Option<Vec<Measures>>> {
        let labels = people::labels_of(viewers.items, painted, &said.labels)?;
        let mut all = Vec::new();
        for (painted, labels) in painted.iter().zip(labels) {
            let Some(looks) = viewers.look(painted, asked, pairs, watch)? else {
                return Ok(None);
            };
            all.push(Measures::new(painted, &looks, labels));
        }
        Ok(Some(all))
    }

    #[expect(clippy::too_many_arguments, reason = "all that was found, once")]
    fn figures(
        &self,
        settings: Settings,
        painted: &[Painted],
        measures: &[Measures],
        common: &Common<'_>,
        compare: Option<[usize; 2]>,
        said: &Said,
        items: &Items,
    ) -> Result<Figures> {
        let of = |at: usize| {
            let called = Called {
                value: &self.painters[at].value,
                kind: kind(&self.painters[at].tuned),
                digest: &painted[at].hand.model,
            };
            let figures = OfPainter::new(&called, &painted[at], &measures[at], common);
            (self.painters[at].name.clone(), figures)
        };
        let more = |at: usize| {
            let differences = Differences::new(&measures[0], &measures[at], common);
            (self.painters[at].name.clone(), differences)
        };
        let comparison = match compare {
            Some(pair) => {
                let hands = pair.map(|at| &painted[at].hand);
                let answers = people::answers_of(items, hands, &said.answers)?;
                preference(&answers, self.seed).map(|preference| Comparison {
                    first: self.painters[pair[0]].name.clone(),
                    second: self.painters[pair[1]].name.clone(),
                    people: said.answers.len(),
                    preference,
                })
            }
            None => None,
        };
        Ok(Figures {
            settings,
            controlnets: ByName((0..painted.len()).map(of).collect()),
            differences: ByName((1..painted.len()).map(more).collect()),
            comparison,
        })
    }
}

fn kind(tuned: &Tuned) -> &'static str {
    match tuned {
        Tuned::Original => "original",
        Tuned::ControlNet(_) => "controlnet",
        Tuned::UNet(_) => "unet",
        Tuned::Adapters(_) => "lora",
        Tuned::Phrases(_) => "phrases",
    }
}

/// Tells how many prompts the text encoder cuts.
fn warn_of_cuts(
    candidate: &Candidate,
    items: &Items,
    painter: &ModelPainter,
    hand: &Hand,
    watch: &Watch<'_>,
) -> Result<()> {
    let count = items.records().len();
    let (mut cut, mut example) = (0, None);
    for item in 0..count {
        let recipe = items.recipe(hand, Try::first(item));
        let found = painter.cut(&recipe.prompt)?;
        let found = found.or(painter.cut(&recipe.negative_prompt)?);
        cut += usize::from(found.is_some());
        example = example.or(found);
    }
    if let Some(example) = example {
        watch.tell(Event::Warning(format!(
            "{}: {cut} of {count} prompts are too long for the text encoder, the first: {example}",
            candidate.name
        )));
    }
    Ok(())
}
