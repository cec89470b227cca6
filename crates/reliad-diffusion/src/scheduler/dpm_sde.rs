//! DPM++ SDE (Lu et al. 2022 with Karras et al.'s ancestral noise), two calls of the network a step, with the conventions of
//! diffusers' `DPMSolverSDEScheduler`.

use super::euler::{SigmaRun, ancestral, towards_clean, with_next};
use super::plan::{Draft, Level, Source, Term};
use super::spacing::Sigmas;
use super::{Fields, NoiseSchedule};

/// Settings of DPM++ SDE.
#[derive(Debug, Clone, PartialEq)]
pub struct DpmSde {
    run: SigmaRun,
}

impl DpmSde {
    pub(super) fn take(fields: &mut Fields) -> Self {
        Self {
            run: SigmaRun::take(fields),
        }
    }

    pub(super) fn drafts(&self, schedule: &NoiseSchedule, steps: usize) -> (Vec<Draft>, f64) {
        let table = Sigmas::of(schedule);
        let levels = self.run.levels(schedule, steps);
        let start = self.run.start(&levels);
        let mut drafts = Vec::new();
        for ((timestep, from), to) in with_next(&levels, 0.0) {
            if to == 0.0 {
                let mean = towards_clean(0, from, to);
                drafts.push(Draft::new(timestep, Level::exploding(from), mean, 0.0));
                continue;
            }
            // First half way, in the logarithm of the ratio; then the whole way with what the network says there.
            let middle = (from * to).sqrt();
            let (down, up) = ancestral(from, middle);
            let mean = towards_clean(0, from, down);
            drafts.push(Draft {
                // As in diffusers, the known part of a picture is already noised to where the whole step ends.
                blend: Some(Level::exploding(to)),
                ..Draft::new(timestep, Level::exploding(from), mean, up)
            });
            let (down, up) = ancestral(from, to);
            // Both halves are pieces of one Brownian path, so the noise of the first is part of that of the whole.
            let share = |piece: f64| up * (piece / (from - to)).sqrt();
            let mut mean = towards_clean(1, from, down);
            mean.push(Term::new(Source::Fresh, 1, share(from - middle)));
            drafts.push(Draft::new(
                table.timestep(middle),
                Level::exploding(middle),
                mean,
                share(middle - to),
            ));
        }
        (drafts, start)
    }
}
