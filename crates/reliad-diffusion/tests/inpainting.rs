//! The whole inpainting pipeline against diffusers' (`parity/diffusion/inpaint.py`, `perturbed.py`), and what the loop promises.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod golden;

use burn::tensor::{Device, Tensor};
use golden::{Golden, component, relative_error};
use reliad_diffusion::Sampling;
use reliad_diffusion::denoise::Denoising;
use reliad_diffusion::guidance::GuidanceInterval;
use reliad_diffusion::noise::ItemSeed;
use reliad_diffusion::painter::{ItemNoise, PaintRequest, Painter};
use reliad_diffusion::perturbed::UnetParts;
use reliad_diffusion::scheduler::{Sampler, Scheduler};

/// Six steps of two networks and a decoder amplify the differences of single layers (1e-6).
const PIPELINE: f64 = 1e-3;

fn settings() -> Sampling {
    Sampling {
        steps: 6,
        guidance: 4.0,
        control_scale: 0.8,
        ..Sampling::default()
    }
}

/// A run over the items of `requests`.
fn denoise(painter: &Painter, requests: &[PaintRequest], sampling: &Sampling) -> Denoising {
    let plan = painter.plan(sampling).unwrap();
    let conditions = painter.condition(requests, &plan).unwrap();
    painter.denoise(conditions, plan, sampling)
}

fn painter(schedule: &str, device: &Device) -> Painter {
    let model = component("inpaint");
    let mut painter = Painter::load(&model, device).unwrap();
    let json = model
        .read_json(&format!("scheduler/{schedule}.json"))
        .unwrap();
    painter.scheduler = Scheduler::from_json(&json).unwrap();
    painter
}

fn request(golden: &Golden, noise: ItemNoise, device: &Device) -> PaintRequest {
    PaintRequest {
        prompt: "a small red ceramic vase on a white marble table".to_owned(),
        negative_prompt: "plain wall".to_owned(),
        edges: golden.float("edges", device),
        known: golden.float("known", device),
        paint: golden.float("paint", device),
        noise,
    }
}

fn seeded(item: &str) -> ItemNoise {
    ItemNoise::Seed(ItemSeed {
        run: 3,
        item: item.to_owned(),
        attempt: 0,
    })
}

#[test]
fn pictures_equal_diffusers() {
    let device = Device::flex();
    let golden = Golden::read("inpaint");
    for schedule in ["epsilon", "velocity"] {
        let painter = painter(schedule, &device);
        let noise = ItemNoise::Given {
            latents: golden.float("start", &device),
            steps: None,
        };
        let request = request(&golden, noise, &device);
        let last = denoise(&painter, &[request], &settings()).last().unwrap();
        let picture = painter.decode(last.latents);
        let error = relative_error(
            picture,
            golden.float(&format!("{schedule}.picture"), &device),
        );
        println!("{schedule}: relative error {error:.1e}");
        assert!(error <= PIPELINE, "{schedule}: relative error {error:e}");
    }
}

/// As many calls of the networks as samplers make, Heun and DPM++ SDE eleven; noise-to-signal ratios up to 14 before the
/// first.
const SAMPLED: f64 = 2e-3;

#[test]
fn pictures_of_every_sampler_equal_diffusers() {
    let device = Device::flex();
    let (inputs, golden) = (Golden::read("inpaint"), Golden::read("sampled"));
    let painter = painter("shipped", &device);
    let mut pictures = Vec::new();
    for sampler in Sampler::ALL {
        let mut sampling = Sampling {
            sampler,
            eta: 0.4,
            ..settings()
        };
        // The model's own is PNDM.
        if !matches!(sampler, Sampler::Ddim | Sampler::Tcd) {
            // It would be passed over in silence.
            let refused = painter.plan(&sampling).unwrap_err().to_string();
            assert!(refused.contains("eta is 0.4"), "{sampler}: {refused}");
            sampling.eta = 0.0;
        }
        let plan = painter.plan(&sampling).unwrap();
        let fresh = golden.float::<4>("fresh", &device);
        let noise = ItemNoise::Given {
            latents: inputs.float("start", &device),
            steps: match plan.fresh_noise() {
                0 => None,
                calls => Some(fresh.narrow(0, 0, calls)),
            },
        };
        let request = request(&inputs, noise, &device);
        let last = denoise(&painter, &[request], &sampling).last().unwrap();
        let picture = painter.decode(last.latents);
        let error = relative_error(picture.clone(), golden.float(sampler.name(), &device));
        println!("{sampler}: relative error {error:.1e}");
        assert!(error <= SAMPLED, "{sampler}: relative error {error:e}");
        pictures.push(picture);
    }
    // None of them is another under a second name.
    for (place, picture) in pictures.iter().enumerate() {
        for other in &pictures[..place] {
            assert!(relative_error(picture.clone(), other.clone()) > 2.0 * SAMPLED);
        }
    }
}

#[test]
fn perturbed_attention_equals_diffusers() {
    let device = Device::flex();
    let (inputs, golden) = (Golden::read("inpaint"), Golden::read("perturbed"));
    let painter = painter("velocity", &device);
    let paint = |settings: &Sampling| {
        let noise = ItemNoise::Given {
            latents: inputs.float("start", &device),
            steps: None,
        };
        let request = request(&inputs, noise, &device);
        let last = denoise(&painter, &[request], settings).last();
        painter.decode(last.unwrap().latents)
    };
    let plain = paint(&settings());
    for (case, parts, scale, guidance) in [
        ("all", "down,mid,up", 2.0, 4.0),
        ("mid_alone", "mid", 3.0, 1.0),
    ] {
        let settings = Sampling {
            guidance,
            perturbed_attention: scale,
            perturbed_parts: parts.parse().unwrap(),
            ..settings()
        };
        let expected = golden.float(case, &device);
        let picture = paint(&settings);
        let error = relative_error(picture, expected.clone());
        println!("{case}: relative error {error:.1e}");
        assert!(error <= PIPELINE, "{case}: relative error {error:e}");
        assert!(relative_error(plain.clone(), expected) > 10.0 * PIPELINE);
    }
    assert!("mid,middle".parse::<UnetParts>().is_err());
}

#[test]
fn an_item_is_the_same_alone_and_in_a_batch() {
    let device = Device::flex();
    let golden = Golden::read("inpaint");
    let painter = painter("velocity", &device);
    let settings = Sampling {
        eta: 0.5,
        guidance_rescale: 0.7,
        perturbed_attention: 1.5,
        ..settings()
    };
    let run = |items: &[&str]| -> Tensor<4> {
        let requests: Vec<_> = items
            .iter()
            .map(|item| request(&golden, seeded(item), &device))
            .collect();
        let last = denoise(&painter, &requests, &settings).last().unwrap();
        painter.decode(last.latents)
    };
    let alone = run(&["b"]);
    let together = run(&["a", "b", "c"]);
    assert_eq!(
        alone.into_data(),
        together.clone().narrow(0, 1, 1).into_data()
    );
    assert_ne!(
        together.clone().narrow(0, 0, 1).into_data(),
        together.narrow(0, 2, 1).into_data()
    );
}

#[test]
fn guidance_starts_and_stops_where_it_should() {
    let device = Device::flex();
    let golden = Golden::read("inpaint");
    let painter = painter("velocity", &device);
    let run = |guidance: f64, interval: [f64; 2]| -> Vec<_> {
        let settings = Sampling {
            guidance,
            guidance_interval: interval.into(),
            ..settings()
        };
        let request = request(&golden, seeded("a"), &device);
        let steps = denoise(&painter, &[request], &settings);
        steps.map(|step| step.latents.into_data()).collect()
    };
    let guided = run(4.0, [0.0, 1.0]);
    let plain = run(1.0, [0.0, 1.0]);
    let stopped = run(4.0, [0.0, 0.5]);
    assert_eq!(stopped[..3], guided[..3]);
    assert_ne!(stopped[3], guided[3]);
    let late = run(4.0, [0.5, 1.0]);
    assert_eq!(late[..3], plain[..3]);
    assert_ne!(late[3], plain[3]);
    assert_eq!(run(4.0, [0.5, 0.5]), plain);
}

/// Steps as diffusers 0.42's `ClassifierFreeGuidance` counts them: `int(start * n) <= i < int(stop * n)`.
#[test]
fn shares_of_a_run_are_counted_as_in_diffusers() {
    for (interval, steps, guided) in [
        ([0.0, 1.0], 15, 0..15),
        ([0.1, 0.7], 15, 1..10),
        ([0.14, 0.74], 15, 2..11),
        ([0.3, 0.3], 40, 12..12),
        ([0.99, 1.0], 1, 0..1),
    ] {
        let interval = GuidanceInterval::from(interval);
        for step in 0..steps {
            assert_eq!(
                interval.covers(step, steps),
                guided.contains(&step),
                "{interval}, step {step} of {steps}"
            );
        }
    }
}

#[test]
fn gradients_flow_through_the_chosen_step_only() {
    let device = Device::flex().autodiff();
    let golden = Golden::read("inpaint");
    let tracked = painter("epsilon", &device);
    let plain = painter("epsilon", &Device::flex());
    let start = |painter: &Painter, device: &Device| {
        let request = request(&golden, seeded("a"), device);
        denoise(painter, &[request], &settings())
    };
    let reference: Vec<_> = start(&plain, &Device::flex()).collect();
    let weight = tracked.predictor.unet.conv_in.weight.val();
    for (step, expected) in start(&tracked, &device).with_gradients_at(4).zip(reference) {
        let difference = relative_error(step.latents.without_autodiff(), expected.latents);
        // Attention keeps its score matrix under autodiff and streams it without.
        assert!(difference < 1e-4, "step {}: {difference:e}", step.index);
        if step.index == 4 {
            let gradients = step.x0.powi_scalar(2).sum().backward();
            let norm = weight
                .grad(&gradients)
                .unwrap()
                .abs()
                .sum()
                .into_scalar::<f32>();
            assert!(norm > 0.0);
        } else {
            assert!(!step.x0.is_autodiff());
        }
    }
}
