//! `reliad replay`: recorded pictures made again, to the same bytes.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::Result;
use clap::Args;
use reliad_generation::adapters::AdapterFile;
use reliad_generation::files;
use reliad_generation::manifest::{self, Record};
use reliad_generation::noise_file::NoiseFile;
use reliad_generation::painter::ModelPainter;
use reliad_generation::replay::{self, Replayed};

use crate::message::{self, Code, hinted};
use crate::{device, embedded, interrupt};

/// Make recorded pictures again, to the same bytes, or say which file or version differs.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The manifest of a run, or the directory it stands in
    #[arg(value_name = "MANIFEST")]
    manifest: PathBuf,

    /// Save the pictures here; without it they are only compared
    #[arg(long, env = "RELIAD_OUT", hide_env_values = true)]
    out: Option<PathBuf>,

    /// Also make rejected attempts again
    #[arg(long, env = "RELIAD_REJECTED", hide_env_values = true)]
    rejected: bool,

    /// Where the model stands now [default: where it stood]
    #[arg(
        long,
        env = "RELIAD_MODEL",
        hide_env_values = true,
        value_name = "DIR|mini"
    )]
    model: Option<String>,

    /// Directory in which the products stand now, under their names [default: where they stood]
    #[arg(
        long,
        env = "RELIAD_PRODUCTS",
        hide_env_values = true,
        value_name = "DIR"
    )]
    products: Option<PathBuf>,

    /// Device to paint on; other devices than the recorded one may round differently
    #[arg(
        long,
        env = "RELIAD_DEVICE",
        hide_env_values = true,
        default_value = "cpu"
    )]
    device: String,
}

/// Replays every recorded picture and counts.
///
/// # Errors
/// When the manifest can't be read, a model can't be opened or the output can't be written.
pub fn run(arguments: ReplayArgs) -> Result<Code> {
    let path = if arguments.manifest.is_dir() {
        arguments.manifest.join(manifest::FILE_NAME)
    } else {
        arguments.manifest.clone()
    };
    let records: Vec<Record> = manifest::read(&path)?
        .into_iter()
        .filter(|record| record.kept || arguments.rejected)
        .collect();
    if records.is_empty() {
        return Err(hinted(
            format!("{}: no kept picture is recorded in it", path.display()),
            "--rejected also replays rejected attempts",
        ));
    }
    if let Some(out) = &arguments.out {
        files::prepare_directory(out)?;
    }
    let total = records.len();
    let mut same = 0;
    for group in by_painter(records).into_values() {
        match replay_group(&group, &arguments)? {
            Some(count) => same += count,
            None => return Ok(Code::Interrupted),
        }
    }
    eprintln!("{same} of {total} pictures made again, byte for byte");
    Ok(if same == total {
        Code::Complete
    } else {
        Code::Missing
    })
}

/// Records that one loaded painter can make.
fn by_painter(records: Vec<Record>) -> BTreeMap<(String, String, Option<PathBuf>), Vec<Record>> {
    let mut groups: BTreeMap<_, Vec<Record>> = BTreeMap::new();
    for record in records {
        // The digest tells adapters apart, too.
        let (name, digest) = (record.model.name.clone(), record.model.digest.clone());
        let key = (name, digest, record.noise_path.clone());
        groups.entry(key).or_default().push(record);
    }
    groups
}

/// How many were made again to the same bytes, `None` when the user stopped it.
fn replay_group(records: &[Record], arguments: &ReplayArgs) -> Result<Option<usize>> {
    let Some(first) = records.first() else {
        return Ok(Some(0));
    };
    let model = embedded::open(arguments.model.as_deref().unwrap_or(&first.model.name))?;
    let noise = first
        .noise_path
        .as_deref()
        .map(NoiseFile::read)
        .transpose()?;
    if let (Some(noise), Some(recorded)) = (&noise, &first.recipe.noise)
        && noise.hash != recorded.file
    {
        return Err(hinted(
            format!(
                "noise file {} differs from the recorded one",
                noise.path.display()
            ),
            "put back the file that the run was made with",
        ));
    }
    let (device, device_name) = device::open(&arguments.device)?;
    let mut adapters = Vec::new();
    for used in &first.model.adapters {
        adapters.push(
            AdapterFile::read(&used.path, used.strength).map_err(|error| {
                hinted(
                    error.to_string(),
                    "put back the adapters that the run was made with",
                )
            })?,
        );
    }
    let painter =
        ModelPainter::load(&model, &device, &device_name, noise)?.with_adapters(adapters)?;
    let stop = interrupt::flag()?;
    let mut same = 0;
    for record in records {
        let product = replay::product_path(record, arguments.products.as_deref());
        let replayed = replay::replay(
            record,
            &painter,
            &product,
            arguments.out.as_deref(),
            &mut |_, _| {
                if stop.load(Ordering::Relaxed) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        )?;
        match replayed {
            Replayed::Same => {
                same += 1;
                println!("same     {}.png  {}", record.name, title(&product));
            }
            Replayed::Other(lines) => differs("differs", record, &product, &lines),
            Replayed::NotMade(lines) => differs("not made", record, &product, &lines),
            Replayed::Interrupted => return Ok(None),
        }
    }
    Ok(Some(same))
}

fn differs(state: &str, record: &Record, product: &Path, lines: &[String]) {
    println!("{state:<8} {}.png  {}", record.name, title(product));
    for line in lines {
        message::error_line(line);
    }
}

fn title(product: &Path) -> String {
    product
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
