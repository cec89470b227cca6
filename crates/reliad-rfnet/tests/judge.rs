//! The judge as its users call it: loading, verdicts, independence of the batch, calibration, gradients.

mod golden;

use std::path::Path;

use burn::tensor::Device;
use golden::{Outcome, folder};
use image::{RgbImage, RgbaImage, imageops};
use reliad_imaging::Class;
use reliad_pictures::{rgb_tensor, rgba_tensor};
use reliad_rfnet::calibration::Calibration;
use reliad_rfnet::classes::Classes;
use reliad_rfnet::judge::{Judge, JudgeItem};
use reliad_rfnet::rfnet::{RfNet, RfNetConfig};
use reliad_weights::{ModelDir, Precision};

/// A model directory of random tiny networks, with the fixtures' tokenizer, depth and saliency networks.
fn judge_dir(
    change: impl Fn(&mut RfNetConfig),
) -> Result<tempfile::TempDir, Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let device = Device::default();
    device.seed(5);
    let config = std::fs::read(folder("rfnet").join("config.json"))?;
    let mut config = RfNetConfig::from_json(&serde_json::from_slice(&config)?)?;
    if let Some(text) = &mut config.text_encoder {
        text.vocab_size = 360;
    }
    change(&mut config);
    let rfnet = dir.path().join("rfnet");
    reliad_weights::write_config(&rfnet.join("config.json"), &config)?;
    let file = rfnet.join("model.safetensors");
    reliad_weights::save(
        &config.init(&device)?,
        &file,
        Precision::F32,
        &RfNet::key_map(),
    )?;
    copy(&folder("roberta"), &rfnet, &["vocab.json", "merges.txt"])?;
    let parts = ["config.json", "model.safetensors"];
    copy(&folder("dpt_add_norm"), &dir.path().join("depth"), &parts)?;
    copy(&folder("u2net_tiny"), &dir.path().join("saliency"), &parts)?;
    Ok(dir)
}

fn copy(from: &Path, to: &Path, files: &[&str]) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for file in files {
        std::fs::copy(from.join(file), to.join(file))?;
    }
    Ok(())
}

fn picture(seed: u32) -> (RgbImage, RgbaImage) {
    let value = |x: u32, y: u32, c: u32| ((x * 37 + y * 91 + c * 53) * (seed + 3) % 251) as u8;
    let rgb = RgbImage::from_fn(60, 44, |x, y| {
        image::Rgb([value(x, y, 0), value(x, y, 1), value(x, y, 2)])
    });
    let rgba = RgbaImage::from_fn(60, 44, |x, y| {
        image::Rgba([value(x, y, 1), 90, 10, value(y, x, 2)])
    });
    (rgb, rgba)
}

#[test]
fn a_verdict_does_not_depend_on_its_batch() -> Outcome {
    let dir = judge_dir(|_| {})?;
    let judge = Judge::load(&ModelDir::open(dir.path())?, &Device::default())?;
    let pictures: Vec<_> = (0..3).map(picture).collect();
    let titles = ["walnut side table, 60 cm wide", "", "a mug"];
    let items: Vec<_> = pictures
        .iter()
        .zip(titles)
        .map(|((picture, product), title)| JudgeItem {
            picture,
            product,
            title,
        })
        .collect();
    let together = judge.judge(&items)?;
    for (item, verdict) in items.iter().zip(&together) {
        let alone = judge.judge(&[*item])?;
        assert_eq!(alone[0].probabilities, verdict.probabilities);
        assert_eq!(alone[0].depth, verdict.depth);
        assert_eq!(verdict.probabilities.len(), 5);
        assert!((verdict.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert_eq!(verdict.available, verdict.class == Class::Available);
        for map in [&verdict.depth, &verdict.saliency] {
            assert_eq!(map.as_ref().map(|map| map.dimensions()), Some((60, 44)));
        }
    }
    assert_ne!(together[0].probabilities, together[1].probabilities);

    let other = RgbaImage::new(60, 45);
    let item = JudgeItem {
        picture: &pictures[0].0,
        product: &other,
        title: "",
    };
    let message = judge.judge(&[item]).expect_err("sizes differ").to_string();
    assert!(
        message.contains("(60, 44)") && message.contains("(60, 45)"),
        "{message}"
    );
    Ok(())
}

#[test]
fn gradients_reach_the_picture_and_agree_with_the_verdict() -> Outcome {
    let dir = judge_dir(|_| {})?;
    let device = Device::default().autodiff();
    let judge = Judge::load(&ModelDir::open(dir.path())?, &device)?;
    let (rgb, rgba) = picture(1);
    let item = JudgeItem {
        picture: &rgb,
        product: &rgba,
        title: "desk lamp",
    };
    let verdict = &judge.judge(&[item])?[0];
    let mut gradients = Vec::new();
    for detach_maps in [true, false] {
        let x = rgb_tensor(&rgb, &device).require_grad();
        let captions = judge.captions(&["desk lamp"])?;
        let product = rgba_tensor(&rgba, &device);
        let log_p = judge.log_probabilities(x.clone(), product, captions, detach_maps);
        let p: Vec<f32> = log_p.clone().exp().into_data().try_to_vec()?;
        for (p, q) in p.iter().zip(&verdict.probabilities) {
            assert!((p - q).abs() < 1e-5, "{p} {q}");
        }
        let back = log_p.narrow(1, 0, 1).sum().backward();
        let gradient = x.grad(&back).ok_or("no gradient reached the picture")?;
        assert!(gradient.clone().abs().sum().into_scalar::<f32>() > 0.0);
        gradients.push(gradient);
    }
    let difference = (gradients[0].clone() - gradients[1].clone()).abs().sum();
    assert!(
        difference.into_scalar::<f32>() > 0.0,
        "maps carry gradients only when asked to"
    );
    Ok(())
}

#[test]
fn inputs_that_are_off_need_no_network() -> Outcome {
    let dir = judge_dir(|config| {
        config.inputs.depth = false;
        config.inputs.saliency = false;
        config.inputs.caption = false;
        config.text_encoder = None;
        config.classes = Classes(2);
    })?;
    std::fs::remove_dir_all(dir.path().join("depth"))?;
    std::fs::remove_file(dir.path().join("rfnet/vocab.json"))?;
    let judge = Judge::load(&ModelDir::open(dir.path())?, &Device::default())?;
    let (rgb, rgba) = picture(2);
    let verdict = &judge.judge(&[JudgeItem {
        picture: &rgb,
        product: &rgba,
        title: "x",
    }])?[0];
    assert_eq!(verdict.probabilities.len(), 2);
    assert!(verdict.depth.is_none() && verdict.saliency.is_some());
    Ok(())
}

#[test]
fn a_second_look_sees_the_mirror_image() -> Outcome {
    // Without maps, since those of a mirrored picture are estimated anew.
    let dir = judge_dir(|config| {
        config.inputs.depth = false;
        config.inputs.saliency = false;
    })?;
    let load = || Judge::load(&ModelDir::open(dir.path())?, &Device::default());
    let (rgb, rgba) = picture(4);
    let mirrored = (
        imageops::flip_horizontal(&rgb),
        imageops::flip_horizontal(&rgba),
    );
    let logits = |judge: &Judge, (picture, product): (&RgbImage, &RgbaImage)| {
        let item = JudgeItem {
            picture,
            product,
            title: "a mug",
        };
        judge
            .judge(&[item])
            .map(|verdicts| verdicts[0].logits.clone())
    };
    let once = load()?;
    let plain = logits(&once, (&rgb, &rgba))?;
    let mirror = logits(&once, (&mirrored.0, &mirrored.1))?;
    let apart = plain.iter().zip(&mirror).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f32::max) > 1e-3, "{plain:?} {mirror:?}");
    std::fs::write(
        dir.path().join("rfnet/calibration.json"),
        r#"{"version": 1, "mirrored": true}"#,
    )?;
    let twice = logits(&load()?, (&rgb, &rgba))?;
    for ((twice, a), b) in twice.iter().zip(&plain).zip(&mirror) {
        // Resizing sums the same pixels in another order.
        assert!((twice - (a + b) / 2.0).abs() < 1e-4, "{twice} {a} {b}");
    }
    assert_eq!(logits(&load()?.looking(false), (&rgb, &rgba))?, plain);
    Ok(())
}

#[test]
fn a_judge_that_lacks_a_part_says_which() -> Outcome {
    let dir = judge_dir(|_| {})?;
    std::fs::remove_dir_all(dir.path().join("saliency"))?;
    let message = Judge::load(&ModelDir::open(dir.path())?, &Device::default())
        .expect_err("no saliency network")
        .to_string();
    assert!(message.contains("saliency"), "{message}");

    let dir = judge_dir(|config| {
        if let Some(text) = &mut config.text_encoder {
            text.vocab_size = 100;
        }
    })?;
    let message = Judge::load(&ModelDir::open(dir.path())?, &Device::default())
        .expect_err("a vocabulary larger than its table")
        .to_string();
    assert!(message.contains("vocab_size is 100"), "{message}");
    Ok(())
}

#[test]
fn calibration_changes_probabilities_and_decisions() -> Outcome {
    let bytes = std::fs::read(folder("rfnet").join("config.json"))?;
    let config = RfNetConfig::from_json(&serde_json::from_slice(&bytes)?)?;
    let identity = Calibration::default();
    let p = identity.probabilities(&[2.0, 1.0, 0.0, 1.5, -1.0]);
    assert_eq!(identity.decide(&p, config.classes), Class::Available);
    assert!((p[0] / p[1] - 1f32.exp()).abs() < 1e-4);

    let mut cooler = identity.clone();
    cooler.temperature = 2.0;
    let q = cooler.probabilities(&[2.0, 1.0, 0.0, 1.5, -1.0]);
    assert!((q[0] / q[1] - 0.5f32.exp()).abs() < 1e-4);

    let mut strict = identity.clone();
    strict.thresholds.insert(Class::Available, 0.6);
    assert_eq!(strict.decide(&p, config.classes), Class::Indistinctiveness);
    strict.thresholds.insert(Class::Indistinctiveness, 0.3);
    assert_eq!(strict.decide(&p, config.classes), Class::SpaceMismatch);
    strict.thresholds.insert(Class::Available, 0.05);
    assert_eq!(strict.decide(&p, config.classes), Class::Available);
    Ok(())
}

#[test]
fn a_damaged_calibration_is_refused_by_field() -> Outcome {
    let dir = tempfile::tempdir()?;
    let model = ModelDir::open(dir.path())?;
    assert_eq!(Calibration::load(&model)?, Calibration::default());
    for (text, named) in [
        (r#"{"version": 2}"#, "version"),
        (r#"{"version": 1, "temperature": 0}"#, "temperature"),
        (
            r#"{"version": 1, "thresholds": {"size_mismatch": 2.0}}"#,
            "thresholds.size_mismatch",
        ),
        (r#"{"version": 1, "thresholds": {"big": 0.5}}"#, "big"),
        (r#"{"version": 1, "heat": 3}"#, "heat"),
    ] {
        std::fs::write(dir.path().join("calibration.json"), text)?;
        let message = Calibration::load(&model).expect_err(text).to_string();
        assert!(message.contains(named), "{message}");
    }
    Ok(())
}
