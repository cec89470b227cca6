//! `reliad bench`: what a picture, a judgement and a start cost on this machine.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Args;
use reliad_generation::assess::{Assess, ModelJudge};
use reliad_generation::defaults::sampling_of;
use reliad_generation::files;
use reliad_generation::paint::{Drawing, Paint};
use reliad_generation::painter::ModelPainter;
use reliad_generation::recipe::Recipe;
use reliad_imaging::{Cutout, PlacedProduct, paste_back};
use reliad_rfnet::judge::JudgeItem;
use serde::Serialize;

use crate::message::Code;
use crate::{device, embedded};

const PROMPT: &str = "on an oak table, grey wall, soft light from the left";
const TITLE: &str = "mug, 10 cm high";

/// Measure start-up, a picture, a judgement and memory with a model on this machine.
///
/// The CPU's threads are those of RAYON_NUM_THREADS, or all.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Model: `mini`, which is built in, or a directory in diffusers layout with rfnet/
    #[arg(
        long,
        value_name = "DIR|mini",
        default_value = embedded::MINI
    )]
    model: String,

    /// Device to paint on
    #[arg(long, default_value = "cpu")]
    device: String,

    /// Denoising steps of a picture [default: the model's]
    #[arg(long)]
    steps: Option<usize>,

    /// Measurements of each kind; the median is shown
    #[arg(long, default_value_t = 3)]
    repeat: usize,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The measurements.
#[derive(Clone, Debug, Serialize)]
struct Measurements {
    reliad: &'static str,
    model: String,
    device: String,
    threads: String,
    width: u32,
    height: u32,
    steps: usize,
    /// `reliad models show` as a process: start, open the model, read every header, print.
    start_up_seconds: f64,
    /// `reliad generate` as a process with one attempt, from its start to its end.
    first_picture_seconds: f64,
    load_seconds: f64,
    picture_seconds: f64,
    step_seconds: f64,
    judgement_seconds: f64,
    peak_memory_mib: Option<f64>,
}

/// Measures and prints.
///
/// # Errors
/// When the model can't be loaded or a measured process fails.
pub fn run(arguments: BenchArgs) -> Result<Code> {
    ensure!(arguments.repeat > 0, "--repeat is 0; it must be at least 1");
    let scratch = Scratch::new()?;
    let product = scratch.0.join("mug.png");
    let (rgba, _) = reliad_synth::render_product(7, reliad_synth::ProductFamily::Mug, 400);
    rgba.save(&product)
        .context("can't write the product to measure with")?;
    let measured = measure(&arguments, &scratch.0, &product)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&measured)?);
    } else {
        print!("{}", table(&measured));
    }
    Ok(Code::Complete)
}

fn measure(arguments: &BenchArgs, scratch: &Path, product: &Path) -> Result<Measurements> {
    let model = embedded::open(&arguments.model)?;
    let start_up_seconds = median(arguments.repeat, |_| {
        process(&["models", "show", &arguments.model])
    })?;
    let mut sampling = sampling_of(&model)?.normalised();
    sampling.steps = arguments.steps.unwrap_or(sampling.steps);
    let steps = sampling.steps.to_string();
    let first_picture_seconds = median(arguments.repeat, |round| {
        let out = scratch.join(format!("first-{round}"));
        process(&[
            "generate",
            &product.to_string_lossy(),
            "--prompt",
            PROMPT,
            "--title",
            TITLE,
            "--attempts",
            "1",
            "--steps",
            &steps,
            "--model",
            &arguments.model,
            "--device",
            &arguments.device,
            "--out",
            &out.to_string_lossy(),
        ])
    })?;

    let began = Instant::now();
    let (device, device_name) = device::open(&arguments.device)?;
    let painter = ModelPainter::load(&model, &device, &device_name, None)?;
    let judge = ModelJudge::load(&model, &device)?;
    let load_seconds = began.elapsed().as_secs_f64();

    let placed = PlacedProduct::place(&Cutout::read(product)?, sampling.canvas()?, 0.74);
    let mut drawing = Drawing {
        recipe: Recipe {
            product: files::hash_file(product)?,
            model: painter.identity().digest.clone(),
            prompt: PROMPT.into(),
            negative_prompt: String::new(),
            sampling: sampling.clone(),
            scale: 0.74,
            seed: 0,
            item: "bench".into(),
            picture: 0,
            attempt: 0,
            noise: None,
        },
        product: placed,
    };
    let mut picture = None;
    let picture_seconds = median(arguments.repeat, |round| {
        drawing.recipe.attempt = round as u32;
        let began = Instant::now();
        let painted = painter.paint(std::slice::from_ref(&drawing), &mut |_, _| {
            ControlFlow::Continue(())
        })?;
        picture = painted.into_iter().flatten().next();
        Ok(began.elapsed().as_secs_f64())
    })?;
    let picture = paste_back(
        &picture.context("the painter painted nothing")?,
        &drawing.product,
    );
    let judgement_seconds = median(arguments.repeat, |_| {
        let began = Instant::now();
        let product = drawing.product.rgba();
        judge.assess(JudgeItem {
            picture: &picture,
            product,
            title: TITLE,
        })?;
        Ok(began.elapsed().as_secs_f64())
    })?;
    Ok(Measurements {
        reliad: reliad_generation::VERSION,
        model: arguments.model.clone(),
        device: device_name,
        threads: threads(),
        width: sampling.width,
        height: sampling.height,
        steps: sampling.steps,
        start_up_seconds,
        first_picture_seconds,
        load_seconds,
        picture_seconds,
        step_seconds: picture_seconds / sampling.steps.max(1) as f64,
        judgement_seconds,
        peak_memory_mib: peak_memory_mib(),
    })
}

/// Seconds that this program takes with these arguments.
fn process(arguments: &[&str]) -> Result<f64> {
    let program = std::env::current_exe().context("can't find this program's own file")?;
    let began = Instant::now();
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("can't start this program a second time")?;
    let seconds = began.elapsed().as_secs_f64();
    // 1 says that the one attempt was rejected: painted and judged all the same.
    let ended = matches!(output.status.code(), Some(0 | 1));
    ensure!(
        ended,
        "`reliad {}` failed:\n{}",
        arguments[0],
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(seconds)
}

fn median(repeat: usize, mut once: impl FnMut(usize) -> Result<f64>) -> Result<f64> {
    let mut seconds = (0..repeat).map(&mut once).collect::<Result<Vec<_>>>()?;
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[seconds.len() / 2])
}

fn threads() -> String {
    std::env::var("RAYON_NUM_THREADS").unwrap_or_else(|_| {
        std::thread::available_parallelism().map_or("?".into(), |threads| threads.to_string())
    })
}

/// The most memory this process has held, in MiB, where the system tells (Unix).
fn peak_memory_mib() -> Option<f64> {
    #[cfg(unix)]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        // Apple counts bytes, the others KiB.
        let per_mib = if cfg!(target_vendor = "apple") {
            1024.0 * 1024.0
        } else {
            1024.0
        };
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
        Some(usage.max_rss() as f64 / per_mib)
    }
    #[cfg(not(unix))]
    None
}

fn table(measured: &Measurements) -> String {
    let Measurements {
        reliad,
        model,
        device,
        threads,
        width,
        height,
        steps,
        ..
    } = measured;
    let seconds = [
        ("start-up (`models show`)", measured.start_up_seconds),
        (
            "process start to first picture, judged",
            measured.first_picture_seconds,
        ),
        ("loading painter and judge", measured.load_seconds),
        ("a picture", measured.picture_seconds),
        ("a step of it", measured.step_seconds),
        ("a judgement", measured.judgement_seconds),
    ];
    let mut text = format!(
        "reliad {reliad} · {model} · {device}, {threads} threads · {width}x{height}, {steps} steps\n"
    );
    for (name, value) in seconds {
        text.push_str(&format!("{name:<40} {value:>9.3} s\n"));
    }
    if let Some(memory) = measured.peak_memory_mib {
        text.push_str(&format!("{:<40} {memory:>9.0} MiB\n", "peak memory"));
    }
    text
}

/// A directory that goes when the measurement ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("reliad-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path)
            .with_context(|| format!("can't create {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
