//! Prints how many samples a second the renderer makes: `throughput [count] [size] [studio]`.

use std::time::Instant;

use rayon::prelude::*;
use reliad_synth::{Scenes, World};

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter_map(|a| a.parse::<u64>().ok());
    let count = arguments.next().unwrap_or(40);
    let size = arguments.next().unwrap_or(256) as u32;
    let scenes = match std::env::args().nth(3).as_deref() {
        Some("studio") => Scenes::Studio,
        _ => Scenes::Rich,
    };
    let world = World {
        scenes,
        ..World::default()
    };
    let started = Instant::now();
    let slowest = (0..count)
        .into_par_iter()
        .map(|index| {
            let own = Instant::now();
            let sample = world.sample(7, index, size);
            std::hint::black_box(sample.picture.len());
            own.elapsed().as_secs_f64()
        })
        .reduce(|| 0.0, f64::max);
    let wall = started.elapsed().as_secs_f64();
    let threads = rayon::current_num_threads();
    println!(
        "{count} samples at {size} px on {threads} threads: {:.2} a second, slowest {:.0} ms",
        count as f64 / wall,
        slowest * 1e3
    );
}
