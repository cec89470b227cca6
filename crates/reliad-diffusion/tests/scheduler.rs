//! Schedulers and the step against diffusers: tables, timesteps, whole loops (`parity/diffusion/samplers.py`), and what is
//! refused.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use burn::tensor::{Device, Tensor, TensorData};
use proptest::prelude::*;
use reliad_diffusion::inpaint::Inpainting;
use reliad_diffusion::scheduler::{Sampler, Scheduler, parse};
use reliad_diffusion::step::{History, Stepped, step};
use serde_json::{Value, json};

fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().into_iter().flatten();
    values.filter_map(Value::as_f64).collect()
}

fn tensor(values: &[f64]) -> Tensor<4> {
    let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    let data = TensorData::new(values, [1, 1, 2, 3]);
    Tensor::from_data(data, &Device::flex())
}

/// The reference keeps its tables in f32 (relative step 6e-8, summed over up to 1000 factors).
const TABLE: f64 = 2e-5;
/// Fractional timesteps lie between f32 logarithms of neighbouring ratios, whose gaps are a thousandth of themselves: right
/// to a thousandth of a timestep.
const TIMESTEP: f64 = 5e-5;
/// f32 sums of numbers around 1 over at most 40 steps, with coefficients that the reference takes from its f32 tables.
const STATE: f64 = 5e-4;

fn close(ours: &[f64], golden: &[f64], tolerance: f64, least: f64, what: &str) {
    assert_eq!(ours.len(), golden.len(), "{what}");
    for (place, (ours, golden)) in ours.iter().zip(golden).enumerate() {
        assert!(
            (ours - golden).abs() <= tolerance * golden.abs().max(least),
            "{what}, {place}: {ours} is not {golden}"
        );
    }
}

#[test]
fn whole_loops_go_where_the_reference_goes() {
    let cases = parse(include_str!("fixtures/samplers.json")).unwrap();
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 71);
    for case in cases {
        let class = case["config"]["_class_name"].as_str().unwrap();
        let scheduler = Scheduler::from_json(&case["config"]).unwrap();
        let steps = case["steps"].as_u64().unwrap() as usize;
        let plan = scheduler
            .plan(steps, case["eta"].as_f64().unwrap())
            .unwrap();
        let what = format!("{class} in {steps} steps of {}", case["config"]);
        let alphas: Vec<f64> = scheduler.schedule().alphas().to_vec();
        // diffusers' samplers over ratios write this in the place of no signal.
        let least = case.get("sigmas").map_or(0.0, |_| f64::exp2(-24.0));
        let shown: Vec<f64> = alphas.iter().step_by(37).map(|a| a.max(least)).collect();
        close(&shown, &numbers(&case["alphas"]), TABLE, 1e-3, &what);
        let told: Vec<f64> = plan.steps.iter().map(|step| step.timestep).collect();
        close(&told, &numbers(&case["timesteps"]), TIMESTEP, 20.0, &what);
        if let Some(sigmas) = case.get("sigmas") {
            // Singlestep calls of DPM++ SDE stand between the levels of its table.
            let ratio = |level: reliad_diffusion::scheduler::Level| level.noise / level.signal;
            let ours: Vec<f64> = plan.steps.iter().map(|step| ratio(step.level)).collect();
            let golden = &numbers(sigmas)[..ours.len()];
            if class != "DPMSolverSDEScheduler" {
                close(&ours, golden, TABLE, 1e-3, &what);
            }
        }
        let noise = tensor(&numbers(&case["noise"]));
        let inpainting = Inpainting {
            known: tensor(&numbers(&case["known"])),
            paint: tensor(&[0.0, 1.0, 1.0, 0.0, 1.0, 1.0]),
        };
        let mut history = History::new(plan.memory());
        let mut sample = noise.clone().mul_scalar(plan.start);
        for (index, planned) in plan.steps.iter().enumerate() {
            let seen = sample.clone().div_scalar(planned.level.spread);
            let output = (seen * 0.7).add_scalar(planned.timestep / 1000.0).tanh();
            let fresh = tensor(&numbers(&case["fresh"][index]));
            let Stepped { next, seen, .. } = step(
                planned,
                plan.clip,
                &history,
                sample.clone(),
                output,
                Some(fresh),
            );
            history.push(seen);
            sample = inpainting.blend(next, noise.clone(), &planned.blend);
            let ours: Vec<f64> = sample.clone().into_data().iter::<f64>().collect();
            let golden = numbers(&case["states"][index]);
            // Latents of growing variance are as large as their noise.
            let least = planned.level.spread.max(1.0);
            close(
                &ours,
                &golden,
                STATE,
                least,
                &format!("{what}, step {index}"),
            );
        }
    }
}

fn sd15() -> Value {
    json!({
        "_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000, "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1,
        "trained_betas": null, "clip_sample": false,
    })
}

#[test]
fn every_sampler_runs_on_the_file_that_stable_diffusion_ships() {
    let own = Scheduler::from_json(&sd15()).unwrap();
    assert_eq!(own.plan(20, 0.0).unwrap().steps.len(), 21);
    for sampler in Sampler::ALL {
        let scheduler = own.with(sampler).unwrap();
        let plan = scheduler.plan(12, 1.0).unwrap();
        let calls = match sampler {
            Sampler::Heun | Sampler::DpmppSdeKarras => 23,
            Sampler::Model => 13,
            _ => 12,
        };
        assert_eq!(plan.steps.len(), calls, "{sampler}");
        let draws = [
            Sampler::Ddim,
            Sampler::EulerA,
            Sampler::DpmppSdeKarras,
            Sampler::Lcm,
            Sampler::Tcd,
        ];
        assert_eq!(
            plan.fresh_noise(),
            if draws.contains(&sampler) { calls } else { 0 },
            "{sampler}"
        );
        assert_eq!(sampler.name().parse(), Ok(sampler));
        assert_eq!(
            serde_json::to_value(sampler).unwrap(),
            json!(sampler.name())
        );
    }
    assert!(
        "ddpm"
            .parse::<Sampler>()
            .unwrap_err()
            .contains("dpmpp-2m-karras")
    );
}

/// A run that begins part-way takes the same calls of the network as the whole one from there on, and looks at nothing
/// before.
#[test]
fn a_run_may_begin_part_way() {
    let own = Scheduler::from_json(&sd15()).unwrap();
    for sampler in Sampler::ALL {
        let scheduler = own.with(sampler).unwrap();
        let whole = scheduler.plan(9, 0.5).unwrap();
        for begin in 0..=whole.total {
            let part = scheduler.plan_from(9, 0.5, begin).unwrap();
            assert_eq!(part.total, whole.total, "{sampler} from {begin}");
            let left = whole.total - part.steps.len();
            // At most one call is taken twice, or none where a step can't begin in its middle.
            assert!(left.abs_diff(begin) <= 1, "{sampler} from {begin}: {left}");
            for (ours, whole) in part.steps.iter().zip(&whole.steps[left..]) {
                assert_eq!(
                    (ours.index, ours.timestep, ours.level, ours.blend),
                    (whole.index, whole.timestep, whole.level, whole.blend)
                );
                let terms = ours.corrected.iter().chain(&ours.mean);
                let oldest = terms.map(|term| term.age).max().unwrap_or(0);
                assert!(oldest <= ours.index - left, "{sampler} from {begin}");
            }
        }
    }
}

proptest! {
    /// What a network that knows the clean sample and the noise would say leads to a clean sample: the coefficients of
    /// deterministic samplers are consistent with each other.
    #[test]
    fn a_perfect_network_is_followed_to_the_clean_sample(
        clean in -2.0f64..2.0, noise in -2.0f64..2.0, steps in 4usize..30, which in 0usize..6,
        prediction in prop::sample::select(vec!["epsilon", "v_prediction", "sample"]),
    ) {
        let samplers = [
            Sampler::Ddim, Sampler::Euler, Sampler::Dpmpp2m, Sampler::Dpmpp2mKarras, Sampler::UniPc, Sampler::Heun,
        ];
        let mut config = sd15();
        config["prediction_type"] = json!(prediction);
        config["set_alpha_to_one"] = json!(true);
        let scheduler = Scheduler::from_json(&config).unwrap().with(samplers[which]).unwrap();
        let plan = scheduler.plan(steps, 0.0).unwrap();
        let first = plan.steps[0].level;
        let mut sample = tensor(&[clean; 6]) * first.signal + tensor(&[noise; 6]) * first.noise;
        let mut history = History::new(plan.memory());
        for planned in &plan.steps {
            let level = planned.level;
            let (signal, spread) = (level.signal / level.spread, level.noise / level.spread);
            let output = match prediction {
                "epsilon" => noise,
                "v_prediction" => signal * noise - spread * clean,
                _ => clean,
            };
            let Stepped { next, seen, x0, .. } = step(
                planned, plan.clip, &history, sample, tensor(&[output; 6]), None,
            );
            let predicted = x0.into_data().iter::<f64>().next().unwrap();
            // f32, divided by the smallest signal share of the schedule, 0.068.
            prop_assert!((predicted - clean).abs() < 1e-4, "{predicted} {clean}");
            history.push(seen);
            sample = next;
        }
        let end = sample.into_data().iter::<f64>().next().unwrap();
        prop_assert!((end - clean).abs() < 1e-4, "{:?}: {end} is not {clean}", samplers[which]);
    }
}

#[test]
fn targets_and_predictions_are_inverse() {
    for kind in ["epsilon", "v_prediction", "sample"] {
        let config = json!({"prediction_type": kind});
        let scheduler = Scheduler::from_json(&config).unwrap();
        let schedule = scheduler.schedule();
        for t in [0, 10, 500, 900] {
            let (clean, noise) = (0.37, -1.2);
            let (signal, spread) = schedule.add_noise(t);
            let sample = signal * clean + spread * noise;
            let (of_clean, of_noise) = schedule.target(t);
            let output = of_clean * clean + of_noise * noise;
            let (x0, eps) = schedule.predictions(t);
            assert!((x0.of_sample * sample + x0.of_output * output - clean).abs() < 1e-9);
            assert!((eps.of_sample * sample + eps.of_output * output - noise).abs() < 1e-9);
        }
    }
}

#[test]
fn zero_terminal_snr_leaves_no_signal() {
    let config = json!({
        "beta_schedule": "scaled_linear", "rescale_betas_zero_snr": true,
        "prediction_type": "v_prediction", "timestep_spacing": "trailing",
    });
    let scheduler = Scheduler::from_json(&config).unwrap();
    assert_eq!(scheduler.schedule().alphas().last(), Some(&0.0));
    assert_eq!(scheduler.plan(30, 0.0).unwrap().steps[0].timestep, 999.0);
    // Samplers over noise-to-signal ratios start from a finite one.
    let euler = scheduler
        .with(Sampler::Euler)
        .unwrap()
        .plan(30, 0.0)
        .unwrap();
    assert!((euler.start - 4096.0).abs() < 1.0);
}

#[test]
fn a_file_that_says_nothing_of_clipping_wants_none() {
    for class in [
        "DDIMScheduler",
        "PNDMScheduler",
        "LCMScheduler",
        "HeunDiscreteScheduler",
    ] {
        let plan = |config: Value| Scheduler::from_json(&config).unwrap().plan(8, 0.0).unwrap();
        assert_eq!(plan(json!({"_class_name": class})).clip, None, "{class}");
        let asked = plan(json!({"_class_name": class, "clip_sample": true}));
        // PNDM doesn't know the field.
        assert_eq!(asked.clip.is_some(), class != "PNDMScheduler", "{class}");
    }
}

#[test]
fn what_changes_the_result_is_refused_by_name() {
    let dpm = "DPMSolverMultistepScheduler";
    let euler = "EulerDiscreteScheduler";
    for (class, field, value) in [
        ("DDIMScheduler", "thresholding", json!(true)),
        ("DDIMScheduler", "trained_betas", json!([0.1])),
        ("DDIMScheduler", "beta_schedule", json!("squaredcos_cap_v2")),
        ("DDIMScheduler", "prediction_type", json!("flow_prediction")),
        ("DDIMScheduler", "stepz", json!(3)),
        (euler, "use_beta_sigmas", json!(true)),
        (euler, "interpolation_type", json!("cubic")),
        (euler, "final_sigmas_type", json!("one")),
        (dpm, "use_flow_sigmas", json!(true)),
        (dpm, "solver_order", json!(4)),
        (dpm, "algorithm_type", json!("dpmsolver")),
        (dpm, "variance_type", json!("learned_range")),
        (dpm, "lambda_min_clipped", json!("low")),
        ("UniPCMultistepScheduler", "solver_p", json!({})),
        (
            "DPMSolverSinglestepScheduler",
            "algorithm_type",
            json!("sde-dpmsolver"),
        ),
    ] {
        let mut config = json!({"_class_name": class});
        config[field] = value;
        let message = Scheduler::from_json(&config)
            .map(|_| String::new())
            .unwrap_or_else(|error| error.to_string());
        let named = if field == "algorithm_type" && class == dpm {
            "final_sigmas_type"
        } else {
            field
        };
        assert!(message.contains(named), "{class} {field}: {message}");
    }
    // Of other classes' fields nothing is said, as diffusers says nothing.
    let other = json!({"_class_name": "DDIMScheduler", "use_karras_sigmas": true, "lambda_min_clipped": "-Infinity"});
    assert!(Scheduler::from_json(&other).is_ok());
    for (class, instead) in [
        ("LMSDiscreteScheduler", "EulerDiscreteScheduler"),
        ("KDPM2DiscreteScheduler", "HeunDiscreteScheduler"),
        ("DDPMScheduler", "eta of 1"),
        ("FlowMatchEulerDiscreteScheduler", "UniPCMultistepScheduler"),
    ] {
        let error = Scheduler::from_json(&json!({"_class_name": class})).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains(class) && message.contains(instead),
            "{message}"
        );
    }
}

#[test]
fn numbers_of_steps_that_a_sampler_cannot_take_are_named() {
    let own = Scheduler::from_json(&sd15()).unwrap();
    for (sampler, steps, word) in [
        (Sampler::Lcm, 51, "at most 50"),
        (Sampler::Ddim, 0, "between 1 and 1000"),
        (Sampler::Ddim, 1001, "between 1 and 1000"),
    ] {
        let error = own.with(sampler).unwrap().plan(steps, 0.0).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
    let warm_up = json!({"_class_name": "PNDMScheduler"});
    let error = Scheduler::from_json(&warm_up)
        .unwrap()
        .plan(3, 0.0)
        .unwrap_err();
    assert!(error.to_string().contains("skip_prk_steps"), "{error}");
}
