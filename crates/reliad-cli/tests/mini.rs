//! The main job with the models that are built in: README's first command, in few steps.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod program;

use std::path::{Path, PathBuf};

use program::Scene;
use reliad_generation::identity::ModelIdentity;
use reliad_imaging::{Canvas, Cutout, PlacedProduct};
use reliad_weights::ModelDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// README's product and prompt, from its first command.
fn of_the_readme() -> (String, String) {
    let root = root();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let command = readme
        .lines()
        .find_map(|line| line.strip_prefix("reliad generate "))
        .expect("README's first screen has `reliad generate`");
    let (product, prompt) = command.split_once(" --prompt \"").unwrap();
    let prompt = prompt.strip_suffix('"').unwrap();
    (
        root.join(product).to_string_lossy().into_owned(),
        prompt.to_owned(),
    )
}

#[test]
fn mini_paints_and_judges_the_product_of_the_readme() {
    let scene = Scene::new(0.0);
    let (product, prompt) = of_the_readme();
    let ran = scene.run(&[
        "generate",
        &product,
        "--prompt",
        &prompt,
        "--steps",
        "6",
        "--attempts",
        "1",
        "--keep-rejected",
    ]);
    assert!(
        matches!(ran.code, Some(0 | 1)),
        "{:?}\n{}",
        ran.code,
        ran.err
    );
    let records = scene.records();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record.model.name, "mini");
    assert_eq!(record.judge.as_ref().unwrap().name, "mini");
    let probabilities = &record.verdict.as_ref().unwrap().probabilities;
    let sum: f32 = probabilities.iter().map(|class| class.probability).sum();
    assert!(probabilities.len() == 5 && (sum - 1.0).abs() < 1e-4);
    assert_eq!(ran.code == Some(0), record.kept);

    let file = scene.path("out").join(record.file.as_ref().unwrap());
    let picture = image::open(file).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (256, 256));
    let canvas = Canvas::new(256, 256).unwrap();
    let cutout = Cutout::read(Path::new(&product)).unwrap();
    let placed = PlacedProduct::place(&cutout, canvas, record.recipe.scale);
    let mut scenery = Vec::new();
    for (x, y, pixel) in placed.rgba().enumerate_pixels() {
        let painted = picture.get_pixel(x, y).0;
        match pixel.0[3] {
            255 => assert_eq!(painted, pixel.0[..3], "the product, at {x}, {y}"),
            0 => scenery.push(f64::from(painted[1])),
            _ => {}
        }
    }
    // A wall and a table in daylight: neither black nor one colour.
    let mean = scenery.iter().sum::<f64>() / scenery.len() as f64;
    let spread = scenery
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>();
    let spread = (spread / scenery.len() as f64).sqrt();
    assert!(
        (60.0..230.0).contains(&mean) && spread > 8.0,
        "{mean} {spread}"
    );
}

#[test]
fn the_held_out_judge_of_mini_judges_what_mini_paints() {
    let scene = Scene::new(0.0);
    let (product, prompt) = of_the_readme();
    let ran = scene.run(&[
        "generate",
        &product,
        "--prompt",
        &prompt,
        "--steps",
        "2",
        "--attempts",
        "1",
        "--keep-rejected",
        "--judge",
        "mini-held-out",
    ]);
    assert!(
        matches!(ran.code, Some(0 | 1)),
        "{:?}\n{}",
        ran.code,
        ran.err
    );
    let records = scene.records();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].model.name, "mini");
    let judge = records[0].judge.as_ref().unwrap();
    assert_eq!(judge.name, "mini-held-out");
    // It shares no weights with the judge that painters are tuned by.
    let tuned_by = ModelIdentity::of_judge(&ModelDir::open(root().join("models/mini")).unwrap());
    let tuned_by = tuned_by.unwrap().files;
    let weights = |file: &String| file.ends_with(".safetensors");
    assert!(judge.files.keys().any(weights));
    for (file, hash) in judge.files.iter().filter(|(file, _)| weights(file)) {
        assert!(tuned_by.values().all(|other| other != hash), "{file}");
    }
    let verdict = records[0].verdict.as_ref().unwrap();
    let sum: f32 = verdict.probabilities.iter().map(|of| of.probability).sum();
    assert!(verdict.probabilities.len() == 5 && (sum - 1.0).abs() < 1e-4);
}
