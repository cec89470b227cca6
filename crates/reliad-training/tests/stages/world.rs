//! A folder of noise with labels, and settings from JSON.

use std::path::Path;

use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub const SIZE: u32 = 64;

pub fn write_world(dir: &Path) {
    let mut lines = String::new();
    for part in ["images", "products", "depth", "saliency"] {
        std::fs::create_dir_all(dir.join(part)).unwrap();
    }
    for index in 0..60u32 {
        let shade = |x: u32, y: u32, channel: u32| (x * 3 + y * 2 + index * 7 + channel * 40) as u8;
        let file = |part: &str| format!("{part}/{index:08}.png");
        RgbImage::from_fn(SIZE, SIZE, |x, y| {
            Rgb([shade(x, y, 0), shade(x, y, 1), shade(x, y, 2)])
        })
        .save(dir.join(file("images")))
        .unwrap();
        RgbaImage::from_fn(SIZE, SIZE, |x, y| {
            let inside = (16..48).contains(&x) && (12..52).contains(&y);
            Rgba([shade(y, x, 0), 90, 200, if inside { 255 } else { 0 }])
        })
        .save(dir.join(file("products")))
        .unwrap();
        GrayImage::from_fn(SIZE, SIZE, |_, y| Luma([(y * 4) as u8]))
            .save(dir.join(file("depth")))
            .unwrap();
        GrayImage::from_fn(SIZE, SIZE, |x, _| Luma([if x > 32 { 255 } else { 0 }]))
            .save(dir.join(file("saliency")))
            .unwrap();
        let label = ["available", "space_mismatch", "size_mismatch"][index as usize % 3];
        let family = ["marble", "garden"][index as usize % 2];
        // Some samples don't tell their colour.
        let color = ["navy", "teal", "sky blue"].get(index as usize % 4);
        let light = ["left", "above", "right"][index as usize % 3];
        let record = json!({
            "image": file("images"), "product": file("products"), "depth": file("depth"),
            "saliency": file("saliency"), "title": format!("A red mug, {index} cm"),
            "prompt": "a product on marble, warm light", "label": label, "product_id": index,
            "parameters": {
                "scene_family": family, "main_color": color, "product_family": "mug",
                "props": if index % 3 == 0 { vec![] } else { vec!["book"] }, "prop_scale": 1.0,
                "share": 0.6, "product_cm": [8.0, 10.0, 8.0], "light_side": light,
            },
        });
        lines += &format!("{record}\n");
    }
    std::fs::write(dir.join("metadata.jsonl"), lines).unwrap();
}

pub fn config<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).unwrap()
}
