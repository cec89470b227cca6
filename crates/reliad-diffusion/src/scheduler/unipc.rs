//! UniPC (Zhao et al. 2023): a multistep solver whose steps are corrected by the next call of the network, with the
//! conventions of diffusers' `UniPCMultistepScheduler`.

use super::dpm_solver::SolverRun;
use super::plan::{Draft, Level, Source, Term};
use super::spacing::Spacing;
use super::{Fields, NoiseSchedule};

/// Settings of UniPC.
#[derive(Debug, Clone, PartialEq)]
pub struct UniPc {
    run: SolverRun,
    order: usize,
    of_clean: bool,
    bh1: bool,
    lower_order_final: bool,
    disable_corrector: Vec<usize>,
}

impl UniPc {
    pub(super) fn take(fields: &mut Fields) -> Self {
        fields.refuse_thresholding();
        fields.refuse_flow();
        fields.only("solver_p", &[]);
        fields.only("shift_terminal", &[]);
        let order = fields.take("solver_order", 2);
        fields.check((1..=3).contains(&order), || {
            format!("`solver_order` = {order} must be 1, 2 or 3")
        });
        Self {
            run: SolverRun {
                spacing: fields.take("timestep_spacing", Spacing::Linspace),
                steps_offset: fields.take("steps_offset", 0),
                sigmas: fields.take_sigma_spacing(),
                sigma_min: fields.take("sigma_min", None),
                sigma_max: fields.take("sigma_max", None),
                lambda_min: f64::NEG_INFINITY,
                ends_at_least: fields.take_ends_at_least(),
                rounds: true,
            },
            order,
            of_clean: fields.take("predict_x0", true),
            // Names of other solvers mean bh2, as in diffusers.
            bh1: fields.take::<String>("solver_type", "bh2".to_owned()) == "bh1",
            lower_order_final: fields.take("lower_order_final", true),
            disable_corrector: fields.take("disable_corrector", Vec::new()),
        }
    }

    pub(super) fn drafts(
        &self,
        schedule: &NoiseSchedule,
        steps: usize,
        begin: usize,
    ) -> Vec<Draft> {
        let (levels, end) = self.run.levels(schedule, steps);
        let order = |place: usize| {
            let highest = match self.lower_order_final {
                true => self.order.min(steps - place),
                false => self.order,
            };
            highest.min(place.saturating_sub(begin) + 1)
        };
        let draft = |place: usize| {
            let (timestep, from) = levels[place];
            let to = levels.get(place + 1).map_or(end, |level| level.1);
            // Ratios of this call and those before it.
            let past = |age: usize| levels[place - age].1;
            let corrected = match place.checked_sub(1) {
                Some(before) if place > begin && !self.disable_corrector.contains(&before) => {
                    let nodes: Vec<f64> = (1..=order(before)).map(past).collect();
                    self.step(&nodes, from, 1, true)
                }
                _ => Vec::new(),
            };
            let nodes: Vec<f64> = (0..order(place)).map(past).collect();
            Draft {
                corrected,
                ..Draft::new(
                    timestep,
                    Level::preserving_sigma(from),
                    self.step(&nodes, to, 0, false),
                    0.0,
                )
            }
        };
        (0..levels.len()).map(draft).collect()
    }

    /// The step from the first of `nodes` (noise-to-signal ratios, newest first, the first of them seen `age` calls ago) to
    /// `to`; a corrector also knows the prediction there, which is that of this call.
    fn step(&self, nodes: &[f64], to: f64, age: usize, corrects: bool) -> Vec<Term> {
        let lambda = |sigma: f64| -sigma.ln();
        let (from, to_level) = (
            Level::preserving_sigma(nodes[0]),
            Level::preserving_sigma(to),
        );
        let h = lambda(to) - lambda(nodes[0]);
        let hh = if self.of_clean { -h } else { h };
        let first = hh.exp_m1();
        let b_h = if self.bh1 { hh } else { first };
        // Where predictions are known, in units of the step, and what weighs their differences from the first one.
        let mut places: Vec<f64> = nodes[1..]
            .iter()
            .map(|&node| (lambda(node) - lambda(nodes[0])) / h)
            .collect();
        if corrects {
            places.push(1.0);
        }
        let weights = match (places.len(), corrects) {
            // diffusers' shortcuts for low orders.
            (1, _) => vec![0.5],
            _ => weights(&places, hh, b_h),
        };
        let (of_sample, factor, source) = match self.of_clean {
            true => (to_level.noise / from.noise, to_level.signal, Source::Clean),
            false => (to_level.signal / from.signal, to_level.noise, Source::Noise),
        };
        let mut of_first = -factor * first;
        let mut terms = vec![Term::new(Source::Sample, age, of_sample)];
        for (place, (weight, at)) in weights.iter().zip(&places).enumerate() {
            let share = factor * b_h * weight / at;
            of_first += share;
            let known = match corrects && place + 1 == places.len() {
                true => 0,
                false => age + place + 1,
            };
            terms.push(Term::new(source, known, -share));
        }
        terms.push(Term::new(source, age, of_first));
        terms
    }
}

/// Solves `sum_j places_j^(i - 1) w_j = b_i` for i = 1.. with the integrals `b` of UniPC's equation 9.
fn weights(places: &[f64], hh: f64, b_h: f64) -> Vec<f64> {
    let n = places.len();
    let (mut phi, mut factorial) = (hh.exp_m1() / hh - 1.0, 1.0);
    let mut rows: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            let mut row: Vec<f64> = places.iter().map(|place| place.powi(i as i32)).collect();
            row.push(phi * factorial / b_h);
            factorial *= (i + 2) as f64;
            phi = phi / hh - 1.0 / factorial;
            row
        })
        .collect();
    // Gauss-Jordan; at most three rows, and the places differ, so no pivot is zero.
    for pivot in 0..n {
        let scale = rows[pivot][pivot];
        rows[pivot].iter_mut().for_each(|entry| *entry /= scale);
        for other in (0..n).filter(|&other| other != pivot) {
            let times = rows[other][pivot];
            let pivot_row = rows[pivot].clone();
            let entries = rows[other].iter_mut().zip(pivot_row);
            entries.for_each(|(entry, above)| *entry -= times * above);
        }
    }
    rows.iter().map(|row| row[n]).collect()
}
