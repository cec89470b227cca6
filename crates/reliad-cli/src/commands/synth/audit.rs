//! `reliad synth audit`: whether labels and maps are right, and nothing but the picture tells the label.

use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use clap::Args;
use reliad_synth::World;
use reliad_synth::audit::{Audit, audit_folder, audit_world, html};

use super::{ScenesArg, SizesArg};
use crate::counter::Counter;
use crate::interrupt;
use crate::message::{self, Code};

/// Violations that are told; the files have all.
const SHOWN: usize = 10;

/// Check the world: labels follow from the parameters, maps agree with the geometry, every parameter
/// varies, and a linear classifier that doesn't see the picture can't tell the label.
///
/// Samples are drawn anew, or read from a folder with --data. Exits with 1 when a sample contradicts
/// its label or its maps.
#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// Folder of samples that `reliad synth render` wrote, instead of new ones
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Number of samples to draw
    #[arg(
        long,
        default_value_t = 1000,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    count: u64,

    /// Seed of the world
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Side of the pictures to draw in pixels
    #[arg(
        long,
        default_value_t = 64,
        value_parser = clap::value_parser!(u32).range(16..=4096)
    )]
    size: u32,

    #[command(flatten)]
    sizes: SizesArg,

    #[command(flatten)]
    scenes: ScenesArg,

    /// Page to write, with the values of every parameter over all samples and for each label
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Also write what was found to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Audits.
///
/// # Errors
/// When the folder can't be read or a file can't be written.
pub(super) fn run(arguments: AuditArgs) -> Result<Code> {
    let stop = interrupt::flag()?;
    // A folder tells its count only when it is read.
    let counter = OnceLock::new();
    let reach = |done, count| {
        counter
            .get_or_init(|| Counter::new("audited", count))
            .reach(done, 0);
    };
    let audit = match &arguments.data {
        Some(folder) => audit_folder(folder, &reach, stop)?,
        None => audit_world(
            &World {
                sizes: arguments.sizes.sizes,
                scenes: arguments.scenes.scenes,
                ..World::default()
            },
            arguments.seed,
            arguments.count,
            arguments.size,
            &|done| reach(done, arguments.count),
            stop,
        ),
    };
    if let Some(counter) = counter.get() {
        counter.clear();
    }
    let Some(audit) = audit else {
        return Ok(Code::Interrupted);
    };
    // Shown first: a file that can't be written must not cost the audit.
    print!("{}", text(&audit));
    if let Some(file) = &arguments.html {
        reliad_files::write(file, html(&audit).as_bytes())
            .with_context(|| file.display().to_string())?;
    }
    if let Some(file) = &arguments.json {
        reliad_weights::write_config(file, &audit)?;
    }
    let violations = audit.label_violations.len() + audit.map_violations.len();
    if violations > 0 {
        message::hint_line(
            "each of these samples contradicts itself: a fault of the world, or a folder of another one",
        );
        return Ok(Code::Missing);
    }
    Ok(Code::Complete)
}

fn text(audit: &Audit) -> String {
    let mut text = format!("{} samples at {} px", audit.count, audit.size);
    if let Some(rate) = audit.samples_a_second {
        text += &format!(", {rate:.1} a second on {} threads", audit.threads);
    }
    text.push('\n');
    for (what, found) in [
        ("labels", &audit.label_violations),
        ("maps", &audit.map_violations),
    ] {
        text += &format!("violations of {what}: {}\n", found.len());
        for one in found.iter().take(SHOWN) {
            text += &format!("  sample {}: {}\n", one.index, one.what);
        }
    }
    if !audit.constant.is_empty() {
        text += &format!(
            "parameters that never vary: {}\n",
            audit.constant.join(", ")
        );
    }
    text += "\n| told from | balanced accuracy | 95 % | guessing |\n|---|---|---|---|\n";
    for probe in &audit.probes {
        let [low, high] = probe.interval;
        text += &format!(
            "| {} | {:.3} | {low:.3} to {high:.3} | {:.3} |\n",
            probe.name, probe.balanced_accuracy, probe.chance
        );
    }
    text
}
