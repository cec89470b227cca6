//! `reliad generate` and `reliad replay` as a user runs them.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod program;

use std::fs;

use image::RgbImage;
use program::{Scene, pictures_in, write_threshold};
use reliad_imaging::{Canvas, Cutout, PlacedProduct};
use safetensors::tensor::TensorView;

fn example_product() -> std::path::PathBuf {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/products");
    let mut found: Vec<_> = fs::read_dir(examples)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
        .collect();
    found.sort();
    found
        .into_iter()
        .next()
        .expect("examples/products holds products")
}

fn open(bytes: &[u8]) -> RgbImage {
    image::load_from_memory(bytes).unwrap().to_rgb8()
}

#[test]
fn an_example_product_becomes_a_picture_that_replays_to_the_same_bytes() {
    let scene = Scene::new(0.0);
    let example = example_product();
    let product = example.to_string_lossy();
    let ran = scene
        .generate(&[&product, "--size", "96x64", "--scale", "0.75"])
        .expect(0);
    let pictures = scene.pictures();
    assert_eq!(pictures.len(), 1);
    assert_eq!(ran.out.trim(), format!("out/{}", pictures[0].0));

    let picture = open(&pictures[0].1);
    assert_eq!(picture.dimensions(), (96, 64));
    let canvas = Canvas::new(96, 64).unwrap();
    let placed = PlacedProduct::place(&Cutout::read(&example).unwrap(), canvas, 0.75);
    let mut intact = 0;
    for (x, y, pixel) in placed.rgba().enumerate_pixels() {
        if pixel.0[3] == 255 {
            assert_eq!(picture.get_pixel(x, y).0, pixel.0[..3], "at {x}, {y}");
            intact += 1;
        }
    }
    assert!(intact > 200, "{intact} opaque pixels");

    let record = &scene.records()[0];
    assert_eq!(format!("{}.png", record.name), pictures[0].0);
    assert!(
        record
            .model
            .files
            .keys()
            .any(|file| file.starts_with("unet/"))
    );
    let verdict = record.verdict.as_ref().unwrap();
    assert_eq!(verdict.probabilities.len(), 5);
    let report = fs::read_to_string(scene.path("out/report.html")).unwrap();
    assert_eq!(
        report.matches("data:image/jpeg").count(),
        3,
        "picture, depth and saliency"
    );
    assert!(!report.contains("http"), "it opens without a server");

    let ran = scene
        .run(&["replay", "out/manifest.jsonl", "--out", "again"])
        .expect(0);
    assert!(
        ran.err.contains("1 of 1 pictures made again"),
        "{}",
        ran.err
    );
    assert_eq!(pictures_in(&scene.path("again")), pictures);
}

#[test]
fn a_picture_is_the_same_alone_in_a_batch_and_on_any_number_of_threads() {
    let alone = Scene::with_products(0.0, 3);
    for number in ["0", "1", "2"] {
        let product = format!("products/box-{number}.png");
        let arguments = [&product, "-n", "2"];
        let mut command = alone.command(&program::generate_arguments(&arguments));
        program::Ran::of(command.env("RAYON_NUM_THREADS", "1").output().unwrap()).expect(0);
    }
    let together = Scene::with_products(0.0, 3);
    let arguments = ["products", "-n", "2", "--batch", "4"];
    let mut command = together.command(&program::generate_arguments(&arguments));
    program::Ran::of(command.env("RAYON_NUM_THREADS", "2").output().unwrap()).expect(0);
    assert_eq!(alone.pictures().len(), 6);
    assert!(
        alone.pictures() == together.pictures(),
        "the same names and the same bytes"
    );
}

#[test]
fn pictures_of_one_product_differ_by_seed_and_index() {
    let scene = Scene::with_products(0.0, 1);
    scene.generate(&["products/box-0.png", "-n", "2"]).expect(0);
    scene
        .generate(&["products/box-0.png", "--seed", "9"])
        .expect(0);
    let mut bytes: Vec<_> = scene
        .pictures()
        .into_iter()
        .map(|(_, bytes)| bytes)
        .collect();
    bytes.sort();
    bytes.dedup();
    assert_eq!(bytes.len(), 3);
}

#[test]
fn rejected_attempts_are_drawn_again_and_never_among_the_results() {
    let scene = Scene::with_products(1.0, 1);
    let ran = scene
        .generate(&["products", "--attempts", "4", "--keep-rejected"])
        .expect(1);
    assert!(ran.out.is_empty());
    assert!(scene.pictures().is_empty());
    assert_eq!(pictures_in(&scene.path("out/rejected")).len(), 4);
    let shares: Vec<f32> = scene
        .records()
        .iter()
        .map(|record| record.verdict.as_ref().unwrap().probabilities[0].probability)
        .collect();
    assert_eq!(shares.len(), 4);

    // A judge whose threshold only the best attempt reaches: the loop ends there.
    let best = shares.iter().copied().fold(0.0, f32::max);
    let place = shares.iter().position(|&share| share == best).unwrap();
    write_threshold(&scene.path("model"), best);
    let ran = scene.generate(&["products", "--attempts", "4"]).expect(0);
    assert_eq!(scene.pictures().len(), 1);
    assert_eq!(scene.records().len(), 4 + place + 1);
    assert!(
        ran.err.contains(&format!("after {} attempts", place + 1)),
        "{}",
        ran.err
    );
    let (name, bytes) = &scene.pictures()[0];
    let before = fs::read(scene.path("out/rejected").join(name)).unwrap();
    assert!(&before == bytes, "another judge judges the same picture");
}

#[test]
fn a_model_without_a_judge_needs_one_or_none() {
    let scene = Scene::with_products(0.0, 1);
    let judge = scene.path("judge");
    fs::create_dir(&judge).unwrap();
    for part in ["rfnet", "depth", "saliency"] {
        fs::rename(scene.path("model").join(part), judge.join(part)).unwrap();
    }
    let ran = scene.generate(&["products"]).expect(2);
    assert_eq!(
        ran.errors(),
        ["model has no rfnet/, so it can't judge what is painted"]
    );
    assert!(
        ran.hints()
            .contains("--judge DIR or --judge mini, or --no-judge"),
        "{}",
        ran.err
    );
    assert!(!scene.path("out").exists(), "nothing has started");

    scene.generate(&["products", "--judge", "judge"]).expect(0);
    assert!(
        scene.records()[0]
            .judge
            .as_ref()
            .unwrap()
            .name
            .ends_with("judge")
    );
    let judged = scene.pictures();
    fs::remove_dir_all(scene.path("out")).unwrap();
    scene.generate(&["products", "--no-judge"]).expect(0);
    assert!(scene.pictures() == judged, "the judge changes no pixel");
    scene
        .generate(&["products", "--no-judge", "--judge", "judge"])
        .expect(2);
}

#[test]
fn noise_from_a_file_replaces_the_drawn_one() {
    let scene = Scene::with_products(0.0, 1);
    let values: Vec<u8> = (0..2 * 4 * 8 * 8)
        .flat_map(|place| (f32::from((place * 37 % 101) as u8) / 50.0 - 1.0).to_le_bytes())
        .collect();
    let view = TensorView::new(safetensors::Dtype::F32, vec![2, 4, 8, 8], &values).unwrap();
    let bytes = safetensors::serialize([("latents", view)], None).unwrap();
    fs::write(scene.path("noise.safetensors"), bytes).unwrap();

    let noise = ["products", "--noise", "noise.safetensors", "--scale", "0.7"];
    let with = |more: &[&'static str]| [&noise[..], more].concat();
    scene.generate(&with(&["--seed", "1"])).expect(0);
    scene.generate(&with(&["--seed", "2"])).expect(0);
    let records = scene.records();
    assert_eq!(
        records[0].png_blake3, records[1].png_blake3,
        "the seed draws nothing"
    );
    assert_ne!(records[0].name, records[1].name);
    scene.run(&["replay", "out"]).expect(0);

    let ran = scene.generate(&with(&["-n", "3"])).expect(2);
    assert!(ran.errors()[0].contains("it has 2 rows"), "{}", ran.err);
    let ran = scene.generate(&with(&["--size", "64x72"])).expect(2);
    assert!(ran.hints().contains("--size 64x64"), "{}", ran.err);

    scene.generate(&["products"]).expect(0);
    fs::remove_file(scene.path("noise.safetensors")).unwrap();
    let ran = scene.run(&["replay", "out"]).expect(1);
    assert!(
        ran.err.contains("1 of 3 pictures made again"),
        "{}",
        ran.err
    );
    assert!(ran.hints().contains("put back the file"), "{}", ran.err);
}

#[test]
fn replay_names_the_file_that_differs() {
    let scene = Scene::with_products(0.0, 2);
    scene.generate(&["products"]).expect(0);
    program::product(9)
        .save(scene.path("products/box-1.png"))
        .unwrap();
    let ran = scene.run(&["replay", "out"]).expect(1);
    assert!(
        ran.err.contains("1 of 2 pictures made again"),
        "{}",
        ran.err
    );
    assert!(
        ran.errors()[0].contains("box-1.png differs: recorded "),
        "{}",
        ran.err
    );

    let config = scene.path("model/scheduler/scheduler_config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text + "\n").unwrap();
    let ran = scene.run(&["replay", "out"]).expect(1);
    assert!(ran.errors()[0].starts_with("model file scheduler/scheduler_config.json differs"));
    assert!(ran.err.contains("0 of 2"), "{}", ran.err);
    fs::rename(scene.path("model"), scene.path("moved")).unwrap();
    let ran = scene.run(&["replay", "out"]).expect(1);
    assert!(ran.errors()[0].contains("no such model"), "{}", ran.err);
    assert!(ran.err.contains("0 of 2"), "{}", ran.err);
    // A model that was asked for and isn't there is a mistake of usage.
    scene
        .run(&["replay", "out", "--model", "nowhere"])
        .expect(2);
    scene.run(&["replay", "nothing.jsonl"]).expect(2);
}
