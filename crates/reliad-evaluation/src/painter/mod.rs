//! How well a model paints products that no training saw: samples of the rendered world painted, looked at and measured.

mod figures;
mod looks;
mod page;
mod series;
mod sheet;
mod traced;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use image::RgbImage;
use reliad_diffusion::SamplingOverlay;
use reliad_generation::assess::{Assess, ModelJudge};
use reliad_generation::defaults::sampling_of;
use reliad_generation::gallery::Gallery;
use reliad_generation::identity::ModelIdentity;
use reliad_generation::paint::Paint;
use reliad_generation::painter::ModelPainter;
use reliad_imaging::Class;
use reliad_rfnet::saliency_network::SaliencyNetwork;
use reliad_rfnet::scene_network::{COMPONENT, SceneClassifier};
use reliad_synth::{RenderConfig, Scenes, Sizes, UNSEEN, World};
use reliad_training::threads;
use reliad_weights::ModelDir;

use self::looks::{Looks, Viewers};
use self::series::{Job, Series, jobs};
use crate::error::{Error, Result};
use crate::progress::{Event, Watch};
use crate::rendered;

pub use figures::{Confusion, Figures, Named, Settings};

/// A model and what the user calls it.
#[derive(Debug, Clone, Copy)]
pub struct Model<'a> {
    /// What figures call it.
    pub name: &'a str,
    /// Its files.
    pub dir: &'a ModelDir,
}

/// What is painted, by what, and who looks at it.
#[derive(Debug, Clone)]
pub struct Evaluation<'a> {
    /// Paints.
    pub model: Model<'a>,
    /// Judges; second copies of products are found by its saliency network, or that of `scene` where it has none.
    pub judge: Model<'a>,
    /// Its scene network tells what a picture shows.
    pub scene: Model<'a>,
    /// Seed of the samples and of the noise.
    pub seed: u64,
    /// Samples to paint.
    pub count: usize,
    /// Sampling settings that differ from the model's own; the canvas is a square.
    pub sampling: SamplingOverlay,
    /// Sizes that products have.
    pub sizes: Sizes,
    /// Scenes that prompts ask for.
    pub scenes: Scenes,
    /// Where networks stand.
    pub device: Device,
    /// What figures call the device.
    pub device_name: String,
    /// Folder for what is rendered and painted; what is there from before is used.
    pub work: PathBuf,
}

/// A measured painter.
pub struct Evaluated {
    /// The figures.
    pub figures: Figures,
    looks: Looks,
    viewers: Viewers,
    jobs: Vec<Job>,
}

impl Evaluated {
    /// A page with the figures and pictures; it opens without a server.
    ///
    /// # Errors
    /// A picture that can't be read any more.
    pub fn page(&self) -> Result<String> {
        page::page(&self.figures, &self.looks, &self.viewers, &self.jobs)
    }

    /// The first 96 pictures side by side at their full size, none chosen, a strip beneath each in the colour of its verdict.
    ///
    /// # Errors
    /// A picture that can't be read any more.
    pub fn contact_sheet(&self) -> Result<RgbImage> {
        sheet::sheet(self)
    }
}

impl Evaluation<'_> {
    /// Renders, paints and measures. `None` when the caller asked to stop; the same call goes on from there.
    ///
    /// # Errors
    /// A model that can't be loaded or lacks a part, or a folder that can't be written.
    pub fn run(&self, watch: &Watch<'_>) -> Result<Option<Evaluated>> {
        let device = &self.device;
        let scene = SceneClassifier::load(self.scene.dir, device)?;
        let scene_identity = ModelIdentity::of(self.scene.dir, &[COMPONENT])?;
        // A judge that looks at no map may have no network for it.
        let with_saliency = [self.judge, self.scene]
            .into_iter()
            .find(|model| model.dir.contains("saliency/config.json"))
            .ok_or_else(|| Error::NoSaliency(self.judge.name.to_owned()))?;
        let saliency = SaliencyNetwork::load(&with_saliency.dir.sub("saliency"), device)?;
        let judge = ModelJudge::load(self.judge.dir, device)?;
        let painter = ModelPainter::load(self.model.dir, device, &self.device_name, None)?;
        let sampling = rendered::sampling(&self.sampling, sampling_of(self.model.dir)?)?;

        let rendered = self.work.join("rendered");
        if !self.render(&rendered, sampling.width, watch)? {
            return Ok(None);
        }
        let series = Series::open(
            &rendered,
            self.count,
            sampling.clone(),
            &painter.identity().digest,
            self.seed,
        )?;
        if series.records().iter().all(|record| {
            let told = record.parameters.as_ref();
            told.is_none_or(|parameters| parameters.main_color.is_none())
        }) {
            watch.tell(Event::Warning(format!(
                "no sample in {} tells its main colour, so only scene families are compared; remove the folder if an older \
                 reliad rendered it",
                rendered.display()
            )));
        }
        // A network of another world must not show after an hour of painting.
        for record in series.records() {
            looks::asked(record, scene.config())?;
        }
        let gallery = Gallery::open(&self.work.join("painted"))?;
        let jobs = jobs(self.count);
        if !paint(&series, &gallery, &painter, &jobs, device, watch)? {
            return Ok(None);
        }
        let named = |model: Model<'_>, digest: &str| Named {
            name: model.name.to_owned(),
            digest: digest.to_owned(),
        };
        let settings = Settings {
            reliad: reliad_generation::VERSION.to_owned(),
            seed: self.seed,
            count: self.count,
            size: sampling.width,
            sizes: self.sizes,
            scenes: self.scenes,
            device: self.device_name.clone(),
            model: named(self.model, &painter.identity().digest),
            judge: named(self.judge, &judge.identity().digest),
            scene: named(self.scene, &scene_identity.digest),
            sampling,
        };
        let viewers = Viewers {
            series,
            gallery,
            scene,
            saliency,
            judge,
            device: device.clone(),
        };
        let Some(looks) = viewers.look(&jobs, watch)? else {
            return Ok(None);
        };
        let records = viewers.series.records().iter();
        let products: Vec<u64> = records.map(|record| record.product_id).collect();
        let classes = viewers.scene.config();
        let figures = Figures::new(
            &looks,
            &products,
            &classes.families,
            &classes.colors,
            settings,
        );
        Ok(Some(Evaluated {
            figures,
            looks,
            viewers,
            jobs,
        }))
    }

    /// Renders the samples that are missing. Returns whether all are there.
    fn render(&self, out: &Path, size: u32, watch: &Watch<'_>) -> Result<bool> {
        let config = RenderConfig {
            count: self.count as u64,
            seed: self.seed,
            size,
            world: World {
                // What merchants ask for: no prompt asks for a wall in the product's own colour.
                class: Some(Class::Available),
                products: Some(UNSEEN.collect()),
                sizes: self.sizes,
                scenes: self.scenes,
                ..World::default()
            },
            out: out.to_owned(),
        };
        rendered::render(&config, watch)
    }
}

/// Paints the pictures that are missing. Returns whether all are there.
fn paint(
    series: &Series,
    gallery: &Gallery,
    painter: &ModelPainter,
    jobs: &[Job],
    device: &Device,
    watch: &Watch<'_>,
) -> Result<bool> {
    let count = watch.count("painted", jobs.len() as u64);
    let painted = threads::each(jobs.len(), threads::at_once(device), |place| {
        let mut on_step = |_, _| match watch.stopped() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        if watch.stopped() {
            return Ok(false);
        }
        let drawing = series.drawing(jobs[place])?;
        let found = gallery.path(&drawing.recipe).exists();
        let there = found || gallery.paint(painter, &drawing, &mut on_step)?.is_some();
        if there {
            count.advance(found);
        }
        Ok::<_, Error>(there)
    })?;
    if painted.contains(&false) {
        return Ok(false);
    }
    count.end();
    Ok(true)
}
