//! Bad input and bad settings: one clear line each, and the other items run.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod program;

use std::fs;

use image::{DynamicImage, GrayImage, ImageBuffer, Rgb, RgbImage, Rgba, RgbaImage};
use program::{Scene, fixture, product};

#[test]
fn every_bad_input_has_its_line_and_the_others_are_made() {
    let scene = Scene::with_products(0.0, 1);
    let at = |name: &str| scene.path("products").join(name);
    RgbImage::from_pixel(60, 60, Rgb([90, 120, 60]))
        .save(at("no-ground.png"))
        .unwrap();
    RgbaImage::new(50, 50).save(at("transparent.png")).unwrap();
    RgbaImage::from_pixel(1, 1, Rgba([9, 9, 9, 255]))
        .save(at("one-pixel.png"))
        .unwrap();
    GrayImage::new(20_000, 4).save(at("wide.png")).unwrap();
    fs::copy(fixture("reliad-imaging", "cmyk.jpg"), at("cmyk.jpg")).unwrap();
    let whole = fs::read(at("box-0.png")).unwrap();
    fs::write(at("truncated.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(at("empty.png"), b"").unwrap();
    fs::write(at("text.png"), b"not a picture").unwrap();
    let sixteen: ImageBuffer<Rgba<u16>, Vec<u16>> = ImageBuffer::from_fn(90, 120, |x, y| {
        Rgba(
            product(3)
                .get_pixel(x, y)
                .0
                .map(|value| u16::from(value) * 257),
        )
    });
    DynamicImage::ImageRgba16(sixteen)
        .save(at("sixteen-bit.png"))
        .unwrap();
    fs::create_dir(scene.path("empty-directory")).unwrap();

    let ran = scene
        .generate(&["products", "empty-directory", "missing.png"])
        .expect(2);
    let errors = ran.errors();
    let expected = [
        "cmyk.jpg",
        "empty.png",
        "no-ground.png",
        "one-pixel.png",
        "text.png",
        "transparent.png",
        "truncated.png",
        "wide.png",
        "empty-directory",
        "missing.png",
    ];
    assert_eq!(errors.len(), expected.len(), "{}", ran.err);
    for (error, name) in errors.iter().zip(expected) {
        assert!(error.contains(name), "{error:?} is not about {name}");
    }
    assert_eq!(
        scene.pictures().len(),
        2,
        "box-0.png and the 16-bit one:\n{}",
        ran.err
    );
    let report = fs::read_to_string(scene.path("out/report.html")).unwrap();
    assert!(report.contains("transparent.png") && report.contains("missing.png"));
}

#[test]
fn nothing_is_loaded_when_no_input_can_be_used() {
    let scene = Scene::new(0.0);
    fs::write(
        scene.path("model/unet/diffusion_pytorch_model.safetensors"),
        b"broken",
    )
    .unwrap();
    let ran = scene.generate(&["missing.png", "products"]).expect(2);
    assert_eq!(ran.errors().len(), 2, "{}", ran.err);
    assert!(ran.errors()[0].contains("missing.png"));
    assert!(ran.errors()[1].contains("holds no pictures"));
}

#[test]
fn settings_out_of_range_are_named_before_anything_is_loaded() {
    let scene = Scene::with_products(0.0, 1);
    fs::write(
        scene.path("model/unet/diffusion_pytorch_model.safetensors"),
        b"broken",
    )
    .unwrap();
    let cases: [(&[&str], &str); 11] = [
        (&["--size", "100x64"], "multiples of 8"),
        (&["--size", "64"], "WIDTHxHEIGHT"),
        (&["--attempts", "0"], "attempts is 0"),
        (&["--count", "0"], "count is 0"),
        (&["--batch", "0"], "batch is 0"),
        (&["--steps", "0"], "steps is 0"),
        (&["--guidance", "NaN"], "guidance is NaN"),
        (
            &["--guidance-interval", "0.7:0.1"],
            "0.7:0.1 isn't START:STOP",
        ),
        (&["--control-scale", "inf"], "control-scale is inf"),
        (&["--scale", "1.5"], "scale is 1.5"),
        (&["--device", "abacus"], "no device `abacus`"),
    ];
    for (arguments, expected) in cases {
        let ran = scene
            .generate(&[&["products"], arguments].concat())
            .expect(2);
        assert!(
            ran.errors()[0].contains(expected),
            "{arguments:?}: {}",
            ran.err
        );
        assert!(!scene.path("out").exists(), "{arguments:?}");
    }
    let ran = scene.run(&[
        "generate", "products", "--prompt", "x", "--model", "nowhere",
    ]);
    assert!(ran.expect(2).errors()[0].contains("nowhere: there is no such model directory"));
}

#[test]
fn a_damaged_model_is_named() {
    let scene = Scene::with_products(0.0, 1);
    fs::write(
        scene.path("model/unet/diffusion_pytorch_model.safetensors"),
        b"broken",
    )
    .unwrap();
    let ran = scene.generate(&["products"]).expect(2);
    assert!(
        ran.errors()[0].contains("unet/diffusion_pytorch_model.safetensors"),
        "{}",
        ran.err
    );
    fs::remove_dir_all(scene.path("model/vae")).unwrap();
    let ran = scene.generate(&["products"]).expect(2);
    assert_eq!(ran.errors(), ["model has no vae/"]);
}

#[test]
fn an_output_that_cannot_be_written_is_told_before_the_model_is_loaded() {
    let scene = Scene::with_products(0.0, 1);
    fs::write(
        scene.path("model/unet/diffusion_pytorch_model.safetensors"),
        b"broken",
    )
    .unwrap();
    fs::write(scene.path("file"), b"in the way").unwrap();
    let ran = scene.generate(&["products", "--out", "file/out"]).expect(2);
    assert!(
        ran.errors()[0].starts_with("can't write file/out: "),
        "{}",
        ran.err
    );
    assert!(ran.hints().contains("--out"));
}

#[test]
fn a_prompt_of_ten_thousand_words_is_cut_where_the_warning_says() {
    let scene = Scene::with_products(0.0, 1);
    let prompt: String = (0..10_000).map(|word| format!("marble{word} ")).collect();
    let ran = scene
        .run(&[
            "generate", "products", "--model", "model", "--size", "64x64", "--steps", "1",
            "--prompt", &prompt,
        ])
        .expect(0);
    let warning = ran
        .err
        .lines()
        .find(|line| line.starts_with("warning: "))
        .unwrap();
    assert!(warning.contains("the prompt is too long"), "{warning}");
    let cut = scene.records()[0].prompt_cut.clone().unwrap();
    assert!(
        cut.contains("cut after its word") && cut.contains("\"marble"),
        "{cut}"
    );
    assert!(warning.ends_with(&cut));
}
