//! Writes cut-outs of one family beside each other on grey: `product_sheet OUT.png FAMILY [columns] [rows] [size]`.

use image::{Rgba, RgbaImage, imageops};
use rayon::prelude::*;
use reliad_synth::{ProductFamily, render_product};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u32| {
        arguments
            .get(at)
            .and_then(|a| a.parse().ok())
            .unwrap_or(default)
    };
    let out = arguments.first().map_or("products.png", String::as_str);
    let family = arguments
        .get(1)
        .and_then(|name| ProductFamily::ALL.into_iter().find(|f| f.name() == name));
    let (columns, rows, size) = (number(2, 6), number(3, 3), number(4, 256));
    let made: Vec<_> = (0..columns * rows)
        .into_par_iter()
        .map(|i| {
            render_product(
                u64::from(i),
                family.unwrap_or(ProductFamily::ALL[i as usize % ProductFamily::ALL.len()]),
                size,
            )
        })
        .collect();
    let mut sheet = RgbaImage::from_pixel(size * columns, size * rows, Rgba([150, 150, 150, 255]));
    for (i, (image, title)) in made.iter().enumerate() {
        let (x, y) = (i as u32 % columns, i as u32 / columns);
        imageops::overlay(&mut sheet, image, i64::from(x * size), i64::from(y * size));
        println!("{i}: {title}");
    }
    sheet.save(out)?;
    Ok(())
}
