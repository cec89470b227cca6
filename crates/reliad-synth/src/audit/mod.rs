//! Checks of a world by the program itself: labels against parameters, maps against geometry, how
//! much every parameter varies, and how well texts, product and totals of the picture tell the label.

mod labels;
mod maps;
mod observe;
mod page;
mod probe;
mod statistics;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use rayon::prelude::*;
use serde::Serialize;

use crate::error::Result;
use crate::world::World;
use observe::Observation;

pub use page::html;
pub use probe::Probe;
pub use statistics::{Group, Spread};

/// Something that contradicts a sample's label or its maps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The sample.
    pub index: u64,
    /// What is wrong.
    pub what: String,
}

/// What an audit found.
#[derive(Clone, Debug, Serialize)]
pub struct Audit {
    /// Samples looked at.
    pub count: u64,
    /// Side of their pictures in pixels.
    pub size: u32,
    /// Samples made a second, all threads together; `None` for a folder.
    pub samples_a_second: Option<f64>,
    /// Processor threads used.
    pub threads: usize,
    /// Labels and severities that don't follow from the parameters, and margins that aren't kept.
    pub label_violations: Vec<Violation>,
    /// Depth and saliency that disagree with the geometry.
    pub map_violations: Vec<Violation>,
    /// Paths of parameters that have one value in all samples.
    pub constant: Vec<String>,
    /// How well the label can be told without seeing where in the picture anything is.
    pub probes: Vec<Probe>,
    /// The values of every parameter, over all samples and for each label.
    pub parameters: Vec<Spread>,
}

/// Draws samples `0..count` of `seed` at `size` pixels (at least 16) and audits them, their geometry
/// traced anew. `progress` is told the number of samples done; `None` once `cancel` is set.
pub fn audit_world(
    world: &World,
    seed: u64,
    count: u64,
    size: u32,
    progress: &(dyn Fn(u64) + Sync),
    cancel: &AtomicBool,
) -> Option<Audit> {
    let started = Instant::now();
    let done = AtomicU64::new(0);
    let drawn: Option<Vec<Observation>> = (0..count)
        .into_par_iter()
        .map(|index| {
            if cancel.load(Ordering::Relaxed) {
                return None;
            }
            let (sample, plan) = world.drawn(seed, index, size);
            let mut seen = Observation::of(index, &sample);
            seen.violations.extend(maps::retrace(&sample, &plan, index));
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
            Some(seen)
        })
        .collect();
    let seconds = started.elapsed().as_secs_f64();
    Some(conclude(
        &drawn?,
        size,
        Some(count as f64 / seconds.max(1e-9)),
    ))
}

/// Audits a folder that [`render_folder`](crate::render_folder) wrote. `progress` is told the number of samples read and
/// how many there are; `None` once `cancel` is set.
///
/// # Errors
/// If the metadata or a picture can't be read, or the folder holds no samples.
pub fn audit_folder(
    folder: &Path,
    progress: &(dyn Fn(u64, u64) + Sync),
    cancel: &AtomicBool,
) -> Result<Option<Audit>> {
    let read = observe::read(folder, progress, cancel)?;
    Ok(read.map(|(seen, size)| conclude(&seen, size, None)))
}

fn conclude(seen: &[Observation], size: u32, samples_a_second: Option<f64>) -> Audit {
    let violations = |found: &dyn Fn(&Observation) -> Vec<String>| {
        seen.iter()
            .flat_map(|one| {
                found(one).into_iter().map(|what| Violation {
                    index: one.index,
                    what,
                })
            })
            .collect::<Vec<_>>()
    };
    let parameters = statistics::spreads(seen);
    let constant = parameters
        .iter()
        .filter(|spread| spread.is_constant())
        .map(|spread| spread.path.clone())
        .collect();
    Audit {
        count: seen.len() as u64,
        size,
        samples_a_second,
        threads: rayon::current_num_threads(),
        label_violations: violations(&|one| labels::violations(one.class, &one.parameters)),
        map_violations: violations(&|one| one.violations.clone()),
        constant,
        probes: probe::all(seen),
        parameters,
    }
}
