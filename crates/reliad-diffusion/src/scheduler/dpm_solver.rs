//! DPM-Solver and DPM-Solver++ (Lu et al. 2022), multistep and singlestep, also stochastic, with the conventions of
//! diffusers' `DPMSolverMultistepScheduler` and `DPMSolverSinglestepScheduler`.

use serde_json::json;

use super::plan::{Draft, Level, Source, Term};
use super::spacing::{SigmaSpacing, Sigmas, Spacing, solver_timesteps};
use super::{Fields, NoiseSchedule};

/// Timesteps and ratios of the solvers in the half logarithm of the signal-to-noise ratio, UniPC's included.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SolverRun {
    pub spacing: Spacing,
    pub steps_offset: usize,
    pub sigmas: SigmaSpacing,
    pub sigma_min: Option<f64>,
    pub sigma_max: Option<f64>,
    /// Noisiest timesteps with a smaller `log(signal / noise)` are left out.
    pub lambda_min: f64,
    pub ends_at_least: bool,
    /// Whether timesteps of ratios that don't belong to one are rounded rather than cut.
    pub rounds: bool,
}

impl SolverRun {
    /// Timestep and ratio of each of `steps` levels, and the ratio that the last step goes to.
    pub fn levels(&self, schedule: &NoiseSchedule, steps: usize) -> (Vec<(f64, f64)>, f64) {
        let table = Sigmas::of(schedule);
        let total = schedule.alphas().len();
        let log_snr = schedule.sigmas().into_iter().map(|sigma| -sigma.ln());
        let reach = total - log_snr.filter(|lambda| *lambda < self.lambda_min).count();
        let visited = solver_timesteps(self.spacing, (total, reach), steps, self.steps_offset);
        let (most, least) = table.ends();
        let (most, least) = (
            self.sigma_max.unwrap_or(most),
            self.sigma_min.unwrap_or(least),
        );
        let end = if self.ends_at_least { least } else { 0.0 };
        let whole = |timestep: f64| match self.rounds {
            true => timestep.round_ties_even(),
            false => timestep.trunc(),
        };
        let levels = match self.sigmas.between(most, least, steps) {
            None => visited.into_iter().map(|t| (t, table.at(t))).collect(),
            Some(sigmas) => {
                let sigmas = sigmas.into_iter();
                sigmas.map(|s| (whole(table.timestep(s)), s)).collect()
            }
        };
        (levels, end)
    }
}

/// What the integral is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Algorithm {
    /// Of the predicted clean sample (`++`) or of the predicted noise.
    plus_plus: bool,
    /// With fresh noise.
    sde: bool,
}

/// Settings that the two classes share.
#[derive(Debug, Clone, PartialEq)]
struct Solver {
    run: SolverRun,
    algorithm: Algorithm,
    order: usize,
    heun: bool,
}

impl Solver {
    fn take(fields: &mut Fields) -> Self {
        fields.refuse_thresholding();
        fields.refuse_flow();
        fields.only("variance_type", &[]);
        let order = fields.take("solver_order", 2);
        fields.check((1..=3).contains(&order), || {
            format!("`solver_order` = {order} must be 1, 2 or 3")
        });
        let algorithm: String = fields.take("algorithm_type", "dpmsolver++".to_owned());
        let algorithm = match algorithm.as_str() {
            "dpmsolver++" | "deis" => (true, false),
            "dpmsolver" => (false, false),
            "sde-dpmsolver++" => (true, true),
            "sde-dpmsolver" => (false, true),
            other => {
                fields.problem(format!("`algorithm_type` = {other:?} is unknown"));
                (true, false)
            }
        };
        let (plus_plus, sde) = algorithm;
        let ends_at_least = fields.take_ends_at_least();
        fields.check(plus_plus || ends_at_least, || {
            "`final_sigmas_type` = \"zero\" needs a `++` algorithm, or write \"sigma_min\""
                .to_owned()
        });
        let mut sigmas = fields.take_sigma_spacing();
        let lu: bool = fields.take("use_lu_lambdas", false);
        if lu {
            // With its exponent of 1 that spacing is the exponential one, but for the rounding.
            sigmas = SigmaSpacing::Exponential;
        }
        let lambda_min: Option<f64> = fields.take_infinite("lambda_min_clipped");
        Self {
            run: SolverRun {
                spacing: fields.take("timestep_spacing", Spacing::Linspace),
                steps_offset: fields.take("steps_offset", 0),
                rounds: lu || sigmas == SigmaSpacing::Karras,
                sigmas,
                sigma_min: None,
                sigma_max: None,
                lambda_min: lambda_min.unwrap_or(f64::NEG_INFINITY),
                ends_at_least,
            },
            algorithm: Algorithm { plus_plus, sde },
            order,
            // Names of other solvers mean the midpoint, as in diffusers.
            heun: fields.take::<String>("solver_type", "midpoint".to_owned()) == "heun",
        }
    }

    /// The step from the ratio `from` at `age` calls ago to `to`, along `slopes`: combinations of predictions by age, the
    /// value and the first and second derivatives.
    fn step(&self, (from, age): (f64, usize), to: f64, slopes: &Slopes) -> (Vec<Term>, f64) {
        let (from, to) = (Level::preserving_sigma(from), Level::preserving_sigma(to));
        let lambda = |level: &Level| level.signal.ln() - level.noise.ln();
        let h = lambda(&to) - lambda(&from);
        let Algorithm { plus_plus, sde } = self.algorithm;
        let middle = !self.heun && slopes.second.is_none();
        let (of_sample, factor, source) = match plus_plus {
            true => (to.noise / from.noise, to.signal, Source::Clean),
            false => (to.signal / from.signal, to.noise, Source::Noise),
        };
        // Integrals of the exponential times 1, t and t^2 / 2; the middle method takes half of the first for the second.
        let (of_sample, phi, sigma) = match (plus_plus, sde) {
            (true, false) => {
                let e = (-h).exp();
                let second = if middle {
                    0.5 * (1.0 - e)
                } else {
                    (e - 1.0) / h + 1.0
                };
                let third = -((e - 1.0 + h) / (h * h) - 0.5);
                (of_sample, [1.0 - e, second, third], 0.0)
            }
            (true, true) => {
                let e = (-2.0 * h).exp();
                let second = match middle {
                    true => 0.5 * (1.0 - e),
                    false => (1.0 - e) / (-2.0 * h) + 1.0,
                };
                let third = (1.0 - e - 2.0 * h) / (4.0 * h * h) - 0.5;
                let sigma = to.noise * (1.0 - e).max(0.0).sqrt();
                (of_sample * (-h).exp(), [1.0 - e, second, third], sigma)
            }
            (false, sde) => {
                let e = h.exp() - 1.0;
                let second = if middle { -0.5 * e } else { -(e / h - 1.0) };
                let third = -((e - h) / (h * h) - 0.5);
                let times = if sde { 2.0 } else { 1.0 };
                let sigma = match sde {
                    true => to.noise * ((2.0 * h).exp() - 1.0).max(0.0).sqrt(),
                    false => 0.0,
                };
                let phi = [-e, second, third].map(|phi| times * phi);
                (of_sample, phi, sigma)
            }
        };
        let mut mean = vec![Term::new(Source::Sample, age, of_sample)];
        for age in 0..slopes.value.len() {
            let mut share = phi[0] * slopes.value[age];
            if let Some(first) = slopes.first {
                share += phi[1] * first[age];
            }
            if let Some(second) = slopes.second {
                share += phi[2] * second[age];
            }
            if share != 0.0 {
                mean.push(Term::new(source, age, factor * share));
            }
        }
        (mean, sigma)
    }
}

/// The prediction and its derivatives as combinations of the predictions of 0, 1 and 2 calls ago.
struct Slopes {
    value: [f64; 3],
    first: Option<[f64; 3]>,
    second: Option<[f64; 3]>,
}

impl Slopes {
    /// The prediction of `age` calls ago alone.
    fn constant(age: usize) -> Self {
        let mut value = [0.0; 3];
        value[age] = 1.0;
        Self {
            value,
            first: None,
            second: None,
        }
    }
}

/// `a x + b y`, entry by entry.
fn mix(a: f64, x: [f64; 3], b: f64, y: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| a * x[i] + b * y[i])
}

/// `log(signal / noise)` of a noise-to-signal ratio.
fn lambda(sigma: f64) -> f64 {
    -sigma.ln()
}

/// Settings of the multistep solver.
#[derive(Debug, Clone, PartialEq)]
pub struct DpmMultistep {
    solver: Solver,
    lower_order_final: bool,
    euler_at_final: bool,
}

impl DpmMultistep {
    pub(super) fn take(fields: &mut Fields) -> Self {
        Self {
            solver: Solver::take(fields),
            lower_order_final: fields.take("lower_order_final", true),
            euler_at_final: fields.take("euler_at_final", false),
        }
    }

    pub(super) fn drafts(
        &self,
        schedule: &NoiseSchedule,
        steps: usize,
        begin: usize,
    ) -> Vec<Draft> {
        let run = &self.solver.run;
        let (levels, end) = run.levels(schedule, steps);
        let few = self.lower_order_final && steps < 15;
        let draft = |place: usize| {
            let (timestep, from) = levels[place];
            let to = levels.get(place + 1).map_or(end, |level| level.1);
            let left = steps - place;
            let highest = match left {
                1 if self.euler_at_final || few || !run.ends_at_least => 1,
                2 if few => 2,
                _ => 3,
            };
            let order = self.solver.order.min(highest);
            let order = order.min(place.saturating_sub(begin) + 1);
            let at = |age: usize| lambda(levels[place - age].1);
            let h = lambda(to) - at(0);
            let slopes = match order {
                1 => Slopes::constant(0),
                2 => {
                    let r = (at(0) - at(1)) / h;
                    Slopes {
                        first: Some([1.0 / r, -1.0 / r, 0.0]),
                        ..Slopes::constant(0)
                    }
                }
                _ => {
                    let (r0, r1) = ((at(0) - at(1)) / h, (at(1) - at(2)) / h);
                    let newer = [1.0 / r0, -1.0 / r0, 0.0];
                    let older = [0.0, 1.0 / r1, -1.0 / r1];
                    let second = mix(1.0 / (r0 + r1), newer, -1.0 / (r0 + r1), older);
                    Slopes {
                        first: Some(mix(1.0, newer, r0, second)),
                        second: Some(second),
                        ..Slopes::constant(0)
                    }
                }
            };
            let (mean, sigma) = self.solver.step((from, 0), to, &slopes);
            Draft::new(timestep, Level::preserving_sigma(from), mean, sigma)
        };
        (0..levels.len()).map(draft).collect()
    }
}

/// Settings of the singlestep solver.
#[derive(Debug, Clone, PartialEq)]
pub struct DpmSinglestep {
    solver: Solver,
    lower_order_final: bool,
}

impl DpmSinglestep {
    pub(super) fn take(fields: &mut Fields) -> Self {
        let mut solver = Solver::take(fields);
        // This class doesn't know them.
        solver.run.spacing = Spacing::Linspace;
        solver.run.steps_offset = 0;
        let Algorithm { plus_plus, sde } = solver.algorithm;
        fields.check(plus_plus || !sde, || {
            format!(
                "`algorithm_type` = {} is unknown to this class",
                json!("sde-dpmsolver")
            )
        });
        Self {
            solver,
            lower_order_final: fields.take("lower_order_final", false),
        }
    }

    /// The order of each call: the first of a step is of order 1.
    fn orders(&self, steps: usize) -> Vec<usize> {
        let order = self.solver.order;
        let ends_at_zero = !self.solver.run.ends_at_least;
        let mut orders: Vec<usize> = (0..steps).map(|place| place % order + 1).collect();
        // A whole last step is taken apart, its last call of order 1; so is the call that ends at no noise.
        if ends_at_zero || self.lower_order_final && steps.is_multiple_of(order) {
            orders[steps - 1] = 1;
        }
        orders
    }

    /// The first call of the step that `begin` falls into.
    pub(super) fn begin(&self, steps: usize, begin: usize) -> usize {
        let orders = self.orders(steps);
        let mut begin = begin.min(steps);
        while orders.get(begin).is_some_and(|order| *order > 1) {
            begin -= 1;
        }
        begin
    }

    pub(super) fn drafts(&self, schedule: &NoiseSchedule, steps: usize) -> Vec<Draft> {
        let (levels, end) = self.solver.run.levels(schedule, steps);
        let orders = self.orders(levels.len());
        let draft = |place: usize| {
            let (timestep, from) = levels[place];
            let to = levels.get(place + 1).map_or(end, |level| level.1);
            let age = orders[place] - 1;
            // All is measured from where the step began.
            let began = levels[place - age].1;
            let h = lambda(to) - lambda(began);
            let ratio = |age: usize| (lambda(levels[place - age].1) - lambda(began)) / h;
            let slopes = match age {
                0 => Slopes::constant(0),
                1 => Slopes {
                    first: Some([1.0 / ratio(0), -1.0 / ratio(0), 0.0]),
                    ..Slopes::constant(1)
                },
                _ => {
                    let (r0, r1) = (ratio(0), ratio(1));
                    let near = [0.0, 1.0 / r1, -1.0 / r1];
                    let far = [1.0 / r0, 0.0, -1.0 / r0];
                    let gap = r0 - r1;
                    match self.solver.heun {
                        true => Slopes {
                            first: Some(mix(r0 / gap, near, -r1 / gap, far)),
                            second: Some(mix(-2.0 / gap, near, 2.0 / gap, far)),
                            ..Slopes::constant(2)
                        },
                        false => Slopes {
                            first: Some(far),
                            // None, but of third order all the same.
                            second: Some([0.0; 3]),
                            ..Slopes::constant(2)
                        },
                    }
                }
            };
            let (mean, sigma) = self.solver.step((began, age), to, &slopes);
            Draft::new(timestep, Level::preserving_sigma(from), mean, sigma)
        };
        (0..levels.len()).map(draft).collect()
    }
}
