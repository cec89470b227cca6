//! Writes a contact sheet of samples: `contact_sheet OUT.png [columns] [rows] [size] [seed] [class|all] [studio]`.

use image::{RgbImage, imageops};
use rayon::prelude::*;
use reliad_imaging::Class;
use reliad_synth::{Scenes, World};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u64| {
        arguments
            .get(at)
            .and_then(|a| a.parse().ok())
            .unwrap_or(default)
    };
    let out = arguments.first().map_or("sheet.png", String::as_str);
    let (columns, rows, size, seed) = (
        number(1, 6),
        number(2, 4),
        number(3, 256) as u32,
        number(4, 1),
    );
    let class = arguments.get(5).and_then(|slug| Class::from_slug(slug));
    let scenes = match arguments.get(6).map(String::as_str) {
        Some("studio") => Scenes::Studio,
        _ => Scenes::Rich,
    };
    let world = World {
        class,
        scenes,
        ..World::default()
    };
    let samples: Vec<_> = (0..columns * rows)
        .into_par_iter()
        .map(|index| world.sample(seed, index, size))
        .collect();
    let mut sheet = RgbImage::new(size * columns as u32, size * rows as u32);
    for (index, sample) in samples.iter().enumerate() {
        let (x, y) = (index as u64 % columns, index as u64 / columns);
        imageops::replace(
            &mut sheet,
            &sample.picture,
            x as i64 * i64::from(size),
            y as i64 * i64::from(size),
        );
        println!(
            "{x},{y} {} | {} | {} | {:?}",
            sample.class.slug(),
            sample.title,
            sample.prompt,
            sample.parameters.failure
        );
        if sample.parameters.margins_kept != Some(true) || std::env::var_os("VERBOSE").is_some() {
            println!("    {:?}", sample.parameters);
        }
    }
    sheet.save(out)?;
    Ok(())
}
