//! DDIM against diffusers: signal shares, timesteps, whole loops (`parity/diffusion/ddim.py`).

use reliad_diffusion::scheduler::{Ddim, SchedulerConfig};
use serde_json::Value;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_f64)
        .collect()
}

/// The reference keeps its tables in f32 (relative step 6e-8, summed over up to 1000 factors).
const TABLE: f64 = 2e-5;

#[test]
fn whole_loops_end_where_the_reference_ends() -> Outcome {
    let cases: Vec<Value> = serde_json::from_str(include_str!("fixtures/ddim.json"))?;
    assert_eq!(cases.len(), 8);
    for case in cases {
        let ddim = Ddim::new(SchedulerConfig::from_json(&case["config"])?);
        let steps = case["steps"].as_u64().ok_or("steps")? as usize;
        let eta = case["eta"].as_f64().ok_or("eta")?;
        let timesteps: Vec<f64> = ddim.timesteps(steps).iter().map(|&t| t as f64).collect();
        assert_eq!(timesteps, numbers(&case["timesteps"]));
        for (ours, golden) in ddim
            .alphas()
            .iter()
            .step_by(37)
            .zip(numbers(&case["alphas"]))
        {
            assert!(
                (ours - golden).abs() <= TABLE * golden.max(1e-3),
                "{ours} {golden}"
            );
        }
        let clip = ddim
            .config()
            .clip_sample
            .then_some(ddim.config().clip_sample_range);
        let mut sample = numbers(&case["start"]);
        for (index, step) in ddim.steps(steps, eta).into_iter().enumerate() {
            let fresh = numbers(&case["noises"][index]);
            for (i, x) in sample.iter_mut().enumerate() {
                let output = (0.7 * *x + step.timestep as f64 / 1000.0).tanh();
                let mut x0 = step.x0.of_sample * *x + step.x0.of_output * output;
                if let Some(range) = clip {
                    x0 = x0.clamp(-range, range);
                }
                let noise = step.noise.of_sample * *x + step.noise.of_output * output;
                let direction = (1.0 - step.alpha_next - step.sigma.powi(2)).max(0.0).sqrt();
                *x = step.alpha_next.sqrt() * x0
                    + direction * noise
                    + step.sigma * fresh.get(i).copied().unwrap_or(0.0);
            }
        }
        for (ours, golden) in sample.iter().zip(numbers(&case["end"])) {
            assert!(
                (ours - golden).abs() <= 1e-4 * golden.abs().max(1.0),
                "{ours} {golden}"
            );
        }
    }
    Ok(())
}

#[test]
fn targets_and_predictions_are_inverse() -> Outcome {
    for kind in ["epsilon", "v_prediction", "sample"] {
        let config = serde_json::json!({"prediction_type": kind, "clip_sample": false});
        let ddim = Ddim::new(SchedulerConfig::from_json(&config)?);
        for t in [0, 10, 500, 900] {
            let (clean, noise) = (0.37, -1.2);
            let (signal, spread) = ddim.add_noise(t);
            let sample = signal * clean + spread * noise;
            let (of_clean, of_noise) = ddim.target(t);
            let output = of_clean * clean + of_noise * noise;
            let (x0, eps) = ddim.predictions(t);
            assert!((x0.of_sample * sample + x0.of_output * output - clean).abs() < 1e-9);
            assert!((eps.of_sample * sample + eps.of_output * output - noise).abs() < 1e-9);
        }
    }
    Ok(())
}

#[test]
fn zero_terminal_snr_leaves_no_signal() -> Outcome {
    let config = serde_json::json!({
        "beta_schedule": "scaled_linear", "rescale_betas_zero_snr": true,
        "prediction_type": "v_prediction", "timestep_spacing": "trailing",
    });
    let ddim = Ddim::new(SchedulerConfig::from_json(&config)?);
    assert_eq!(ddim.alphas().last(), Some(&0.0));
    assert_eq!(ddim.timesteps(30)[0], 999);
    Ok(())
}

#[test]
fn what_changes_the_result_is_refused_by_name() {
    for (field, value) in [
        ("thresholding", serde_json::json!(true)),
        ("trained_betas", serde_json::json!([0.1])),
        ("beta_schedule", serde_json::json!("squaredcos_cap_v2")),
        ("prediction_type", serde_json::json!("flow_prediction")),
        ("use_karras_sigmas", serde_json::json!(true)),
    ] {
        let mut config = serde_json::json!({});
        config[field] = value;
        let message = SchedulerConfig::from_json(&config)
            .err()
            .map(|e| e.to_string());
        assert!(message.is_some_and(|m| m.contains(field)), "{field}");
    }
}
