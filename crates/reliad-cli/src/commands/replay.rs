//! `reliad replay`: recorded pictures made again, to the same bytes.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::Result;
use burn::tensor::Device;
use clap::Args;
use reliad_generation::adapters::AdapterFile;
use reliad_generation::files;
use reliad_generation::identity::ModelIdentity;
use reliad_generation::manifest::{self, Record};
use reliad_generation::noise_file::NoiseFile;
use reliad_generation::painter::ModelPainter;
use reliad_generation::replay::{self, Replayed};
use reliad_weights::ModelDir;

use crate::message::{self, Code, hinted};
use crate::{device, embedded, interrupt};

/// Make recorded pictures again, to the same bytes, or say which file or version differs.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The manifest of a run, or the directory it stands in
    #[arg(value_name = "MANIFEST")]
    manifest: PathBuf,

    /// Save the pictures here; without it they are only compared
    #[arg(long)]
    out: Option<PathBuf>,

    /// Also make rejected attempts again
    #[arg(long)]
    rejected: bool,

    /// Where the model stands now [default: where it stood]
    #[arg(long, value_name = "DIR|mini")]
    model: Option<String>,

    /// Directory in which the products stand now, under their names [default: where they stood]
    #[arg(long, value_name = "DIR")]
    products: Option<PathBuf>,

    /// Device to paint on; other devices than the recorded one may round differently
    #[arg(long, default_value = "cpu")]
    device: String,
}

/// Replays every recorded picture and counts. A painter that can't be loaded stops only its own pictures.
///
/// # Errors
/// When the manifest, the device or a model that was asked for can't be opened, or the output can't be written.
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
    let asked = arguments.model.as_deref().map(embedded::open).transpose()?;
    let (device, device_name) = device::open(&arguments.device)?;
    if let Some(out) = &arguments.out {
        files::prepare_directory(out)?;
    }
    let total = records.len();
    let mut same = 0;
    for (needs, group) in by_painter(records) {
        let painter = match load(&needs, asked.as_ref(), &device, &device_name) {
            Ok(painter) => painter,
            Err(error) => {
                for record in &group {
                    told("not made", record, &product(record, &arguments));
                }
                message::error(&error);
                continue;
            }
        };
        match replay_group(&group, &painter, &arguments)? {
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

/// What a painter is loaded from: the model with its components and adapters, and the noise file with its hash.
type Needs = (ModelIdentity, Option<(PathBuf, String)>);

/// Records in groups that one loaded painter can make, in their order.
fn by_painter(records: Vec<Record>) -> Vec<(Needs, Vec<Record>)> {
    let mut groups: Vec<(Needs, Vec<Record>)> = Vec::new();
    for record in records {
        let noise = record.recipe.noise.as_ref().map(|noise| noise.file.clone());
        let needs = (record.model.clone(), record.noise_path.clone().zip(noise));
        match groups.iter_mut().find(|(known, _)| *known == needs) {
            Some((_, group)) => group.push(record),
            None => groups.push((needs, vec![record])),
        }
    }
    groups
}

/// The painter that `needs` names, of the model `asked` for or the recorded one.
fn load(
    (identity, noise): &Needs,
    asked: Option<&ModelDir>,
    device: &Device,
    device_name: &str,
) -> Result<ModelPainter> {
    let model = match asked {
        Some(asked) => asked.clone(),
        None => embedded::open(&identity.name)?,
    };
    let model = identity.with_components(&model).map_err(|error| {
        let put_back = "put back the components that the run was made with";
        hinted(error.to_string(), put_back)
    })?;
    let noise = match noise {
        None => None,
        Some((path, hash)) => {
            let put_back = "put back the file that the run was made with";
            let found =
                NoiseFile::read(path).map_err(|error| hinted(error.to_string(), put_back))?;
            if found.hash != *hash {
                let path = path.display();
                let text = format!("noise file {path} differs from the recorded one");
                return Err(hinted(text, put_back));
            }
            Some(found)
        }
    };
    let mut adapters = Vec::new();
    for used in &identity.adapters {
        let put_back = "put back the adapters that the run was made with";
        let read = AdapterFile::read(&used.path, used.strength);
        adapters.push(read.map_err(|error| hinted(error.to_string(), put_back))?);
    }
    Ok(ModelPainter::load(&model, device, device_name, noise)?.with_adapters(adapters)?)
}

/// How many were made again to the same bytes, `None` when the user stopped it.
fn replay_group(
    records: &[Record],
    painter: &ModelPainter,
    arguments: &ReplayArgs,
) -> Result<Option<usize>> {
    let stop = interrupt::flag()?;
    let mut same = 0;
    for record in records {
        let product = product(record, arguments);
        let replayed = replay::replay(
            record,
            painter,
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
        let (state, lines) = match replayed {
            Replayed::Same => {
                same += 1;
                ("same", Vec::new())
            }
            Replayed::Other(lines) => ("differs", lines),
            Replayed::NotMade(lines) => ("not made", lines),
            Replayed::Interrupted => return Ok(None),
        };
        told(state, record, &product);
        for line in lines {
            message::error_line(&line);
        }
    }
    Ok(Some(same))
}

fn product(record: &Record, arguments: &ReplayArgs) -> PathBuf {
    replay::product_path(record, arguments.products.as_deref())
}

/// The line of one picture.
fn told(state: &str, record: &Record, product: &Path) {
    let title = product.file_name().unwrap_or_default().to_string_lossy();
    println!("{state:<8} {}.png  {title}", record.name);
}
