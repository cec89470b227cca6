//! Samples on disk: four PNG folders and one `metadata.jsonl`, written in parallel, resumable.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use rayon::prelude::*;
use reliad_imaging::Class;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::world::{Sample, Scenes, Sizes, World};

/// Samples between two writes of the metadata.
const CHUNK: u64 = 64;

/// What to render.
#[derive(Clone, Debug)]
pub struct RenderConfig {
    /// Samples `0..count` of the seed.
    pub count: u64,
    /// The seed.
    pub seed: u64,
    /// Side of the square pictures in pixels, 16 to 4096.
    pub size: u32,
    /// The world's labels.
    pub world: World,
    /// Where to.
    pub out: PathBuf,
}

/// How far a rendering is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Samples that are complete, those of earlier calls included.
    pub done: u64,
    /// Samples asked for.
    pub count: u64,
    /// Samples that were there before this call.
    pub found: u64,
}

/// Number of the world: raised with every change that gives a seed's samples other draws or pixels, so that no folder
/// mixes two worlds.
pub const WORLD: u32 = 2;

/// The settings that all samples of a folder share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Run {
    generator: String,
    #[serde(default)]
    world: u32,
    seed: u64,
    size: u32,
    mix: [f32; 6],
    class: Option<Class>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    products: Option<Vec<u64>>,
    /// Folders of before there was a choice hold usual sizes.
    #[serde(default = "usual")]
    sizes: Sizes,
    #[serde(default, skip_serializing_if = "is_rich")]
    scenes: Scenes,
}

fn is_rich(scenes: &Scenes) -> bool {
    *scenes == Scenes::Rich
}

fn usual() -> Sizes {
    Sizes::Usual
}

/// Renders the samples that `config.out` lacks. Samples already recorded in its `metadata.jsonl` are
/// kept; a killed or cancelled call is continued by calling again, with a larger `count` if wanted.
/// Uses the current rayon pool; files don't depend on its size.
///
/// # Errors
/// [`Error::Cancelled`] once `cancel` is set, [`Error::OtherRun`] if the folder was rendered with
/// other settings, [`Error::Setting`] for an unusable size, and those of the file system and of the
/// encoder.
pub fn render_folder(
    config: &RenderConfig,
    progress: &(dyn Fn(Progress) + Sync),
    cancel: &AtomicBool,
) -> Result<()> {
    if !(16..=4096).contains(&config.size) {
        return Err(Error::Setting(format!(
            "size {} is outside 16 to 4096 pixels",
            config.size
        )));
    }
    for part in ["images", "products", "depth", "saliency"] {
        let path = config.out.join(part);
        reliad_files::prepare_directory(&path).map_err(|source| Error::Io { path, source })?;
    }
    check_run(config)?;
    let metadata = config.out.join("metadata.jsonl");
    let present = recorded(&metadata)?;
    let missing: Vec<u64> = (0..config.count)
        .filter(|index| !present.contains(index))
        .collect();
    let found = config.count - missing.len() as u64;
    let done = AtomicU64::new(found);
    progress(Progress {
        done: found,
        count: config.count,
        found,
    });
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&metadata)
        .map_err(|source| Error::Io {
            path: metadata.clone(),
            source,
        })?;
    for chunk in missing.chunks(CHUNK as usize) {
        let lines: Vec<Option<String>> = chunk
            .par_iter()
            .map(|&index| {
                if cancel.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                let sample = config.world.sample(config.seed, index, config.size);
                let line = write_sample(&config.out, index, &sample)?.to_string();
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                progress(Progress {
                    done,
                    count: config.count,
                    found,
                });
                Ok(Some(line))
            })
            .collect::<Result<_>>()?;
        let text: String = lines
            .into_iter()
            .flatten()
            .map(|line| line + "\n")
            .collect();
        let io = |source| Error::Io {
            path: metadata.clone(),
            source,
        };
        file.write_all(text.as_bytes()).map_err(io)?;
        file.flush().map_err(io)?;
        if cancel.load(Ordering::Relaxed) {
            return Err(Error::Cancelled {
                done: done.load(Ordering::Relaxed),
                count: config.count,
            });
        }
    }
    Ok(())
}

/// Writes a sample's four pictures under `dir` and returns its line for `metadata.jsonl`. The
/// folders must exist.
///
/// # Errors
/// If a picture can't be encoded or written.
pub fn write_sample(dir: &Path, index: u64, sample: &Sample) -> Result<Value> {
    let name = format!("{index:08}.png");
    let (w, h) = sample.picture.dimensions();
    let put = |folder: &str, data: &[u8], color: ExtendedColorType| -> Result<String> {
        let relative = format!("{folder}/{name}");
        write_png(&dir.join(&relative), data, w, h, color)?;
        Ok(relative)
    };
    let image = put("images", sample.picture.as_raw(), ExtendedColorType::Rgb8)?;
    let product = put(
        "products",
        sample.product.as_raw(),
        ExtendedColorType::Rgba8,
    )?;
    let depth = put(
        "depth",
        sample.depth_image().as_raw(),
        ExtendedColorType::L8,
    )?;
    let saliency = put("saliency", sample.saliency.as_raw(), ExtendedColorType::L8)?;
    let mut line = record(index, sample, &image);
    line["product"] = json!(product);
    line["depth"] = json!(depth);
    line["saliency"] = json!(saliency);
    Ok(line)
}

/// The line of `metadata.jsonl` for a sample of which only `image` is kept.
pub fn record(index: u64, sample: &Sample, image: &str) -> Value {
    json!({
        "index": index,
        "image": image,
        "title": sample.title,
        "prompt": sample.prompt,
        "label": sample.class.slug(),
        "product_id": sample.product_id,
        "seed": sample.parameters.seed,
        "parameters": sample.parameters,
    })
}

fn write_png(path: &Path, data: &[u8], w: u32, h: u32, color: ExtendedColorType) -> Result<()> {
    let bytes = encode(data, w, h, color).map_err(|source| Error::Encode {
        path: path.to_path_buf(),
        source,
    })?;
    write(path, &bytes)
}

/// The bytes of a PNG file.
pub(crate) fn encode(
    data: &[u8],
    w: u32,
    h: u32,
    color: ExtendedColorType,
) -> std::result::Result<Vec<u8>, image::ImageError> {
    let mut bytes = Vec::with_capacity(data.len() / 2);
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(data, w, h, color)?;
    Ok(bytes)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    reliad_files::write(path, bytes).map_err(|source| Error::Io {
        path: path.to_path_buf(),
        source,
    })
}

fn check_run(config: &RenderConfig) -> Result<()> {
    let path = config.out.join("world.json");
    let run = Run {
        generator: concat!("reliad-synth ", env!("CARGO_PKG_VERSION")).to_string(),
        world: WORLD,
        seed: config.seed,
        size: config.size,
        mix: config.world.mix,
        class: config.world.class,
        products: config.world.products.clone(),
        sizes: config.world.sizes,
        scenes: config.world.scenes,
    };
    let wanted = serde_json::to_string(&run).unwrap_or_default();
    match fs::read_to_string(&path) {
        Ok(found) => {
            let found = match serde_json::from_str::<Run>(&found) {
                Ok(found) if found == run => return Ok(()),
                Ok(found) => json!(found),
                Err(_) => serde_json::from_str(&found).unwrap_or(Value::String(found)),
            };
            let (found, wanted) = differences(&found, &json!(run));
            Err(Error::OtherRun {
                path,
                found,
                wanted,
            })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            write(&path, format!("{wanted}\n").as_bytes())
        }
        Err(source) => Err(Error::Io { path, source }),
    }
}

/// What two runs have apart, each side in one short line.
fn differences(found: &Value, wanted: &Value) -> (String, String) {
    let (Some(a), Some(b)) = (found.as_object(), wanted.as_object()) else {
        return (found.to_string(), wanted.to_string());
    };
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let side = |run: &serde_json::Map<String, Value>| {
        let parts: Vec<String> = keys
            .iter()
            .filter(|key| a.get(**key) != b.get(**key))
            .map(|key| match run.get(*key) {
                None | Some(Value::Null) => format!("{key}: all"),
                Some(Value::Array(values)) if values.len() > 8 => {
                    let ends = [values.first(), values.last()];
                    let [first, last] =
                        ends.map(|value| value.map_or(String::new(), Value::to_string));
                    format!("{key}: {} from {first} to {last}", values.len())
                }
                Some(value) => format!("{key}: {value}"),
            })
            .collect();
        parts.join(", ")
    };
    (side(a), side(b))
}

/// The indices that the metadata records. Lines that are no record, as a last one that was cut off,
/// and repeated ones are removed from the file.
fn recorded(path: &Path) -> Result<BTreeSet<u64>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(source) => {
            return Err(Error::Io {
                path: path.to_path_buf(),
                source,
            });
        }
    };
    let mut indices = BTreeSet::new();
    let mut whole = String::with_capacity(text.len());
    for line in text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
    {
        let index = serde_json::from_str::<Value>(line)
            .ok()
            .and_then(|record| record["index"].as_u64());
        if let Some(index) = index
            && indices.insert(index)
        {
            whole.push_str(line);
        }
    }
    if whole != text {
        write(path, whole.as_bytes())?;
    }
    Ok(indices)
}
