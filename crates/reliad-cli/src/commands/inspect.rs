//! `reliad inspect`: pictures from any generator, judged and checked.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use reliad_evaluation::Watch;
use reliad_evaluation::inspect::{Inspection, Limits, Products, Titles};
use reliad_generation::assess::ModelJudge;

use crate::counter::Counters;
use crate::message::{self, Code};
use crate::{device, embedded, hints, interrupt};

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
    #[arg(long, value_name = "PATH")]
    products: PathBuf,

    /// What the products are and how big: a table (CSV, JSONL or parquet) with the columns `title` and `name`, `product` or
    /// `file`, such as a catalogue of `generate` [default: the cut-outs' names]
    #[arg(long, value_name = "FILE")]
    titles: Option<PathBuf>,

    /// Folder for the results
    #[arg(long, value_name = "DIR", default_value = "inspection")]
    out: PathBuf,

    /// Model that judges: `mini` or a directory with rfnet/, depth/ and saliency/
    #[arg(
        long,
        value_name = "DIR|mini",
        default_value = embedded::MINI
    )]
    judge: String,

    /// Largest mean colour distance (CIE76) of the product's pixels
    #[arg(long, default_value_t = 6.0)]
    max_altered: f32,

    /// Largest area that stands out joined to the product, as a share of its own
    #[arg(long, default_value_t = 0.25)]
    max_grown: f32,

    /// Largest part of a side along which the product may touch the picture's edge
    #[arg(long, default_value_t = 0.1)]
    max_cut: f32,

    /// Where to compute: cpu, gpu, cuda, vulkan or metal; `:1` picks the second one
    #[arg(long, default_value = "cpu")]
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
    let inspection = Inspection {
        pictures: &arguments.pictures,
        products: &products,
        titles: &titles,
        limits: Limits {
            altered: arguments.max_altered,
            grown: arguments.max_grown,
            cut: arguments.max_cut,
        },
        out: &arguments.out,
    };
    if judge.reads_titles() {
        let (untitled, all) = inspection.untitled();
        hints::of_titles(untitled, all, "--titles");
    }
    let counters = Counters::passing();
    let watch = Watch {
        on_event: &|event| counters.observe(event),
        stop: interrupt::flag()?,
    };
    let Some(summary) = inspection.run(&judge, &watch)? else {
        counters.clear();
        message::hint_line("stopped; the same command goes on from here");
        return Ok(Code::Interrupted);
    };
    for problem in titles.problems() {
        message::warning_line(&problem);
    }
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
