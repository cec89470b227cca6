//! A tiny look-alike of RF1M as it is released, and configurations so small that training takes no time.
#![allow(dead_code, reason = "every test file uses a part of it")]

use std::fs;
use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use reliad_dataset::ShardWriter;
use serde_json::{Value, json};

use crate::program::{Scene, product, write_judge};

/// Pictures of the look-alike: two of each product.
pub const PICTURES: u32 = 120;
/// Every so-many-th has a product picture.
pub const WITH_PRODUCT: u32 = 3;

/// `rf1m/` with `label.txt`, the folder `00/` and the archive `01.tar`, and `rgba/` with the products of a third of them.
pub fn write_rf1m(scene: &Scene) {
    for folder in ["rf1m/00", "rgba"] {
        fs::create_dir_all(scene.path(folder)).unwrap();
    }
    let mut archive = ShardWriter::create(&scene.path("rf1m/01.tar")).unwrap();
    let mut labels = String::new();
    for number in 0..PICTURES {
        let picture = RgbImage::from_fn(90, 120, |x, y| {
            Rgb([0, 1, 2].map(|channel| (x * 3 + y * 2 + number * 29 + channel * 40) as u8))
        });
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        let name = format!("{number:04}.jpg");
        if number < PICTURES / 2 {
            fs::write(scene.path("rf1m/00").join(&name), bytes.into_inner()).unwrap();
        } else {
            archive.add(&format!("01/{name}"), bytes.get_ref()).unwrap();
        }
        if number % WITH_PRODUCT == 0 {
            let file = scene.path(&format!("rgba/{number:04}.png"));
            product(number as u8).save(file).unwrap();
        }
        labels += &format!("{name}\t{}\ta red mug, {} cm\n", number % 5, number / 2);
    }
    archive.finish().unwrap();
    fs::write(scene.path("rf1m/label.txt"), labels).unwrap();
}

/// The look-alike imported into `data/` and divided, and a model `judge/` with depth, saliency and a vocabulary.
pub fn prepared(scene: &Scene, with_products: bool) {
    write_rf1m(scene);
    let mut import = vec!["data", "import", "rf1m", "--out", "data"];
    if with_products {
        import.extend(["--products", "rgba"]);
    }
    scene.run(&import).expect(0);
    let split = [
        "data",
        "split",
        "data",
        "--validation",
        "0.2",
        "--test",
        "0.2",
    ];
    scene.run(&split).expect(0);
    write_networks(scene);
    write_configs(scene);
}

/// `judge/` with depth, saliency and a vocabulary, and no judge yet.
pub fn write_networks(scene: &Scene) {
    write_judge(&scene.path("judge"), 0.0);
    for file in ["config.json", "model.safetensors", "calibration.json"] {
        fs::remove_file(scene.path("judge/rfnet").join(file)).unwrap();
    }
}

/// `rfnet.json`, `without-product.json` and `text.json`.
pub fn write_configs(scene: &Scene) {
    let write = |file: &str, value: &Value| {
        reliad_weights::write_config(&scene.path(file), value).unwrap();
    };
    let text = json!({
        "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 8, "max_position_embeddings": 18
    });
    let fit = json!({ "batch_size": 8, "validations": 1 });
    let mut rfnet = json!({
        "network": {
            "_class_name": "RFNet", "preprocess": { "image_size": 32 },
            "image_encoder": { "block": "basic", "layers": [1, 1, 1, 1], "base_width": 2 },
            "text_encoder": text, "max_caption_tokens": 16, "width": 8, "heads": 2,
            "fusion_feed_forward": 8, "classes": 5
        },
        "fit": fit,
        "recipe": { "repaint_every": 0 }
    });
    write("rfnet.json", &rfnet);
    rfnet["network"]["inputs"] = json!({ "product": false });
    write("without-product.json", &rfnet);
    let text = json!({ "network": text, "fit": fit, "recipe": { "max_tokens": 16 } });
    write("text.json", &text);
}

/// `reliad train rfnet` with one of the configurations.
pub fn train(config: &str) -> Vec<&str> {
    let begin = ["train", "rfnet", "--data", "data", "--out", "judge"];
    [&begin[..], &["--steps", "2", "--config", config]].concat()
}

/// The shards of the judge's views.
pub fn shards(scene: &Scene) -> Vec<std::path::PathBuf> {
    let Ok(folders) = fs::read_dir(scene.path("judge/.training/views")) else {
        return Vec::new();
    };
    let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}
