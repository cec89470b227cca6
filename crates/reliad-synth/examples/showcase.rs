//! Writes the example products: `showcase DIR [size]`, with `products.csv` beside them.

use std::fmt::Write as _;
use std::path::PathBuf;

use image::ImageEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use reliad_synth::{ProductFamily, render_product};

/// File name, seed of the shape, family, scene prompt.
const PRODUCTS: [(&str, u64, ProductFamily, &str); 8] = [
    (
        "bottle",
        7,
        ProductFamily::Bottle,
        "on a light oak table, a sage green wall with a window, warm daylight from the left, with a lemon",
    ),
    (
        "jar",
        22,
        ProductFamily::Jar,
        "on a white marble counter before sky blue tiles, soft light from the right, a tea light beside it",
    ),
    (
        "mug",
        9,
        ProductFamily::Mug,
        "on a dark walnut table before a cream wall, warm light from the right, with a book",
    ),
    (
        "carton",
        10,
        ProductFamily::Carton,
        "on a round white podium in front of a seamless lavender backdrop, soft light from the front",
    ),
    (
        "speaker",
        11,
        ProductFamily::Speaker,
        "on a light oak table before a white wall, cool light from the left, with a potted plant",
    ),
    (
        "lamp",
        19,
        ProductFamily::Lamp,
        "on a dark walnut table, a teal wall with a window, warm golden window light from the left",
    ),
    (
        "stool",
        6,
        ProductFamily::Stool,
        "on a light oak floor before a beige wall, soft light from the right, with a potted plant",
    ),
    (
        "soap",
        14,
        ProductFamily::Bottle,
        "on a flat stone in front of blurred green trees in a garden, bright sunlight from the right",
    ),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(
        arguments
            .next()
            .unwrap_or_else(|| "examples/products".to_string()),
    );
    let size: u32 = arguments.next().and_then(|a| a.parse().ok()).unwrap_or(800);
    let mut table = String::from("file,title,prompt\n");
    for (name, seed, family, prompt) in PRODUCTS {
        let (image, title) = render_product(seed, family, size);
        let mut bytes = Vec::new();
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::Adaptive)
            .write_image(image.as_raw(), size, size, image::ExtendedColorType::Rgba8)?;
        std::fs::write(dir.join(format!("{name}.png")), &bytes)?;
        writeln!(table, "{name}.png,\"{title}\",\"{prompt}\"")?;
        println!("{name}: {title} ({} kB)", bytes.len() / 1000);
    }
    std::fs::write(dir.join("products.csv"), table)?;
    Ok(())
}
