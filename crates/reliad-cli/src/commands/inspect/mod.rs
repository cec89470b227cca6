//! `reliad inspect`: pictures from any generator, judged and checked.

mod inputs;
mod look;
mod page;
mod results;

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use anyhow::{Result, ensure};
use clap::Args;
use rayon::prelude::*;
use reliad_generation::assess::{Assess, ModelJudge};

use inputs::{Products, Titles};
use look::{Limits, Prepared, prepare};
use results::Results;

use crate::counter::Counter;
use crate::message::{self, Code};
use crate::{device, embedded, interrupt};

/// Pictures that are decoded and compared with their products together.
const TOGETHER: usize = 8;

/// Judge finished pictures from any generator, and check that they show the product as it is.
///
/// Each picture needs its product's cut-out, whose name is the picture's or its beginning before `_`, `-` or `.`; the
/// product is looked for in the picture. Besides the judge's verdict: are the product's pixels altered, has it grown
/// something, is it cut off. Writes results.jsonl, results.csv and report.html into --out; the same command run again
/// goes on, and looks again only at what changed. Exits with 1 when some picture can't be published.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Pictures, or folders of them
    #[arg(required = true, value_name = "PICTURE")]
    pictures: Vec<PathBuf>,

    /// Folder of the products' cut-outs, or one cut-out for all pictures
    #[arg(
        long,
        env = "RELIAD_PRODUCTS",
        hide_env_values = true,
        value_name = "PATH"
    )]
    products: PathBuf,

    /// What the products are and how big: a CSV file with the columns `name` and `title` [default: the cut-outs' names]
    #[arg(
        long,
        env = "RELIAD_TITLES",
        hide_env_values = true,
        value_name = "FILE"
    )]
    titles: Option<PathBuf>,

    /// Folder for the results
    #[arg(
        long,
        env = "RELIAD_OUT",
        hide_env_values = true,
        value_name = "DIR",
        default_value = "inspection"
    )]
    out: PathBuf,

    /// Model that judges: `mini` or a directory with rfnet/, depth/ and saliency/
    #[arg(
        long,
        env = "RELIAD_JUDGE",
        hide_env_values = true,
        value_name = "DIR|mini",
        default_value = embedded::MINI
    )]
    judge: String,

    /// Largest mean colour distance (CIE76) of the product's pixels
    #[arg(
        long,
        env = "RELIAD_MAX_ALTERED",
        hide_env_values = true,
        default_value_t = 6.0
    )]
    max_altered: f32,

    /// Largest area that stands out joined to the product, as a share of its own
    #[arg(
        long,
        env = "RELIAD_MAX_GROWN",
        hide_env_values = true,
        default_value_t = 0.25
    )]
    max_grown: f32,

    /// Largest part of a side along which the product may touch the picture's edge
    #[arg(
        long,
        env = "RELIAD_MAX_CUT",
        hide_env_values = true,
        default_value_t = 0.1
    )]
    max_cut: f32,

    /// Where to compute: cpu, gpu, cuda, vulkan or metal; `:1` picks the second one
    #[arg(
        long,
        env = "RELIAD_DEVICE",
        hide_env_values = true,
        default_value = "cpu"
    )]
    device: String,
}

/// Inspects.
///
/// # Errors
/// When there is no picture or no product, the judge or the titles can't be read, or the results can't be written.
pub fn run(arguments: InspectArgs) -> Result<Code> {
    let products = Products::list(&arguments.products)?;
    let titles = Titles::read(arguments.titles.as_deref())?;
    let (device, _) = device::open(&arguments.device)?;
    let judge = ModelJudge::load(&embedded::open(&arguments.judge)?, &device)?;
    let limits = Limits {
        altered: arguments.max_altered,
        grown: arguments.max_grown,
        cut: arguments.max_cut,
    };
    let mut results = Results::open(&arguments.out)?;
    let pictures = inputs::pictures(&arguments.pictures);
    ensure!(!pictures.is_empty(), "there is no picture to inspect");
    let stop = interrupt::flag()?;
    let counter = Counter::new("inspected", pictures.len() as u64);
    for batch in pictures.chunks(TOGETHER) {
        if stop.load(Ordering::Relaxed) {
            counter.clear();
            message::hint_line("stopped; the same command goes on from here");
            return Ok(Code::Interrupted);
        }
        let prepared: Vec<_> = batch
            .par_iter()
            .map(|picture| {
                let picture = picture.as_ref().map_err(|error| look::Failed {
                    picture: String::new(),
                    reason: error.to_string(),
                })?;
                prepare(
                    picture,
                    &products,
                    &titles,
                    judge.identity(),
                    &limits,
                    &results,
                )
            })
            .collect();
        for prepared in prepared {
            let known = match prepared {
                Ok(Prepared::Known(key)) => {
                    results.keep(key);
                    true
                }
                Ok(Prepared::New(new)) => {
                    match new.finish(&judge, &limits) {
                        Ok(result) => results.add(&result)?,
                        Err(failed) => results.fail(&failed),
                    }
                    false
                }
                Err(failed) => {
                    results.fail(&failed);
                    false
                }
            };
            counter.advance(known);
        }
    }
    counter.clear();
    let summary = results.finish()?;
    page::write(&arguments.out, &summary, judge.identity())?;
    print!("{}", summary.text());
    println!("{}", arguments.out.join("report.html").display());
    Ok(if summary.failed > 0 {
        Code::Unusable
    } else if summary.publishable < summary.pictures {
        Code::Missing
    } else {
        Code::Complete
    })
}
