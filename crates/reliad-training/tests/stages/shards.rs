//! Samples without pictures: the same latents, cover and edges as those of the pictures, appended, and safe from a kill.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use reliad_dataset::METADATA;
use reliad_synth::{RenderConfig, World, render_folder};
use reliad_training::data::pictures::Layout;
use reliad_training::data::regions::Cover;
use reliad_training::data::world;
use reliad_training::painter::latents::Latents;
use reliad_training::painter::rendered::{Rendering, render_latents};
use reliad_training::painter::shards::{SHARD, Shards};
use reliad_training::{Control, Stage};
use reliad_weights::ModelDir;

use crate::world::SIZE;

/// Samples that are compared with their pictures.
const COMPARED: usize = 160;

fn rendering(out: &Path, count: usize) -> Rendering {
    Rendering {
        count: count as u64,
        mirrored: false,
        seed: 5,
        size: SIZE,
        world: World::default(),
        out: out.to_owned(),
    }
}

/// `stage` has a trained autoencoder.
pub fn shards_hold_what_the_pictures_do(stage: &Stage) {
    let out = tempfile::tempdir().unwrap();
    let device = Device::flex();
    let model = ModelDir::open(&stage.out).unwrap();
    let render = |count| {
        let mut told = Vec::new();
        let rendering = rendering(out.path(), count);
        let whole = render_latents(
            &rendering,
            &model,
            &device,
            &mut |done| told.push((done.done, done.found)),
            &|| false,
        );
        assert!(whole.unwrap());
        told
    };
    let shard = SHARD as u64;
    assert_eq!(render(10), [(shard, 0)]);
    // As if killed after the second shard was written, within the metadata's lines.
    let metadata = out.path().join(METADATA);
    let first = std::fs::read_to_string(&metadata).unwrap();
    assert_eq!(first.lines().count(), SHARD);
    std::fs::write(out.path().join(Shards::name(1)), "not yet whole").unwrap();
    std::fs::write(&metadata, format!("{first}{}", &first[..1000])).unwrap();
    assert_eq!(render(SHARD + 1), [(2 * shard, shard)]);
    let both = std::fs::read_to_string(&metadata).unwrap();
    assert!(both.starts_with(&first) && both.lines().count() == 2 * SHARD);
    assert!(render(2 * SHARD).is_empty());

    let mirrored = tempfile::tempdir().unwrap();
    let twice = Rendering {
        mirrored: true,
        ..rendering(mirrored.path(), SHARD)
    };
    assert!(render_latents(&twice, &model, &device, &mut |_| {}, &|| false).unwrap());
    let lines = |folder: &Path| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(folder.join(METADATA)).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    };
    let (plain, pairs) = (lines(out.path()), lines(mirrored.path()));
    assert_eq!(pairs.len(), SHARD);
    for (number, pair) in pairs.chunks_exact(2).enumerate() {
        assert_eq!(pair[0]["prompt"], plain[number]["prompt"]);
        let prompt = plain[number]["prompt"].as_str().unwrap();
        assert_eq!(pair[1]["prompt"], reliad_synth::mirrored(prompt));
        assert_eq!(pair[1]["parameters"]["mirrored"], true);
        assert_eq!(pair[1]["index"], 2 * number + 1);
    }
    let first = |folder: &Path, index: usize| {
        let shards = Shards::open(folder).unwrap().unwrap();
        let edges = shards.edges(SIZE as usize, reliad_imaging::canny::THRESHOLDS, index + 1);
        edges.unwrap().batch(&[index], &device)
    };
    let (whole, turned) = (first(out.path(), 0), first(mirrored.path(), 1));
    // Canny looks at a mirrored picture from the other side: a few edges lie a pixel beside.
    let apart = (whole.clone().flip([3]) - turned)
        .abs()
        .sum()
        .into_scalar::<f32>();
    assert!(apart < 0.3 * whole.sum().into_scalar::<f32>());

    let data = tempfile::tempdir().unwrap();
    let pictures = RenderConfig {
        count: COMPARED as u64,
        seed: 5,
        size: SIZE,
        world: World::default(),
        out: data.path().to_owned(),
    };
    render_folder(&pictures, &|_| {}, &AtomicBool::new(false)).unwrap();
    let world = world::World::open(data.path(), None).unwrap();
    let shards = Shards::open(out.path()).unwrap().unwrap();
    let vae = model.sub("vae");
    let all: Vec<usize> = (0..COMPARED).collect();
    let stop = AtomicBool::new(false);
    let mut control = Control {
        on_report: &mut |_, _| {},
        stop: &stop,
    };
    for size in [SIZE as usize, SIZE as usize / 2] {
        let (latents, cover) = shards.read(&vae, size, COMPARED).unwrap();
        let from_pictures = Latents::of_world(stage, &world, size, &mut control);
        let from_pictures = from_pictures.unwrap().unwrap();
        // `metadata.jsonl` of pictures is in the order of the samples too.
        let values = |latents: &Latents| latents.batch(&all, &device).into_data();
        assert_eq!(values(&latents), values(&from_pictures));
        let products = world.pictures(&all, reliad_dataset::Modality::Product, Layout::Rgba, size);
        let expected = Cover::of(&products.unwrap(), latents.side());
        // Shares are kept in 8 bits; those at half size are means of rounded ones.
        for (&share, &expected) in cover.values().iter().zip(expected.values()) {
            assert!(
                (share - expected).abs() <= 2.1 / 255.0,
                "{share} {expected}"
            );
        }
    }
    let thresholds = reliad_imaging::canny::THRESHOLDS;
    let edges = shards.edges(SIZE as usize, thresholds, COMPARED).unwrap();
    let products = world.pictures(
        &all,
        reliad_dataset::Modality::Product,
        Layout::Rgba,
        SIZE as usize,
    );
    let expected = reliad_training::data::edges::Edges::of(&products.unwrap(), thresholds).unwrap();
    assert_eq!(edges.bits(), expected.bits());

    // Other latents than were asked for are refused.
    let refused = shards.read(&vae, SIZE as usize / 4, 1).unwrap_err();
    assert!(
        refused.to_string().contains("64 and 32 pixels"),
        "{refused}"
    );
    assert!(shards.edges(SIZE as usize, [1.0, 2.0], 1).is_err());
    let weights = "vae/diffusion_pytorch_model.safetensors";
    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir(other.path().join("vae")).unwrap();
    let mut bytes = std::fs::read(stage.out.join(weights)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(other.path().join(weights), bytes).unwrap();
    let other = ModelDir::open(other.path()).unwrap().sub("vae");
    let refused = shards.read(&other, SIZE as usize, 1).unwrap_err();
    assert!(
        refused.to_string().contains("another autoencoder"),
        "{refused}"
    );
    // Another decoder makes no other latents; its tensors stand first in the file.
    let path = stage.out.join(weights);
    let whole = std::fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    let first = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[first] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(shards.read(&vae, SIZE as usize, 1).is_ok());
    std::fs::write(&path, whole).unwrap();
    let otherwise = Rendering {
        seed: 6,
        ..rendering(out.path(), 1)
    };
    let refused = render_latents(&otherwise, &model, &device, &mut |_| {}, &|| false);
    assert!(refused.unwrap_err().to_string().contains("made otherwise"));
}
