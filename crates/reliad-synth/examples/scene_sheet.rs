//! Writes a sheet with a row of samples for each scene family: `scene_sheet OUT.png [columns] [size] [seed] [family...]`.

use image::{RgbImage, imageops};
use rayon::prelude::*;
use reliad_imaging::Class;
use reliad_synth::{SceneFamily, World};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u64| {
        arguments
            .get(at)
            .and_then(|a| a.parse().ok())
            .unwrap_or(default)
    };
    let out = arguments.first().map_or("scenes.png", String::as_str);
    let (columns, size, seed) = (number(1, 6) as usize, number(2, 256) as u32, number(3, 1));
    let asked = arguments.get(4..).unwrap_or_default();
    let families: Vec<_> = SceneFamily::ALL
        .into_iter()
        .map(SceneFamily::name)
        .filter(|name| asked.is_empty() || asked.iter().any(|a| a == name))
        .collect();
    let world = World {
        class: Some(Class::Available),
        ..World::default()
    };
    // A few pixels suffice to know a sample's family.
    let found: Vec<Option<String>> = (0..columns as u64 * 25)
        .into_par_iter()
        .map(|index| world.sample(seed, index, 8).parameters.scene_family)
        .collect();
    let mut sheet = RgbImage::new(size * columns as u32, size * families.len() as u32);
    for (row, name) in families.iter().enumerate() {
        let own: Vec<u64> = (0u64..)
            .zip(&found)
            .filter(|(_, f)| f.as_deref() == Some(*name))
            .map(|(index, _)| index)
            .take(columns)
            .collect();
        let samples: Vec<_> = own
            .into_par_iter()
            .map(|index| world.sample(seed, index, size))
            .collect();
        for (column, sample) in samples.iter().enumerate() {
            let (x, y) = (column as i64, row as i64);
            let at = i64::from(size);
            imageops::replace(&mut sheet, &sample.picture, x * at, y * at);
            println!("{name} {column}: {} | {}", sample.title, sample.prompt);
        }
    }
    sheet.save(out)?;
    Ok(())
}
