//! What reward tuning takes from the denoising loop, against diffusers and PyTorch (`parity/diffusion/guided.py`): guided
//! steps as `mini` takes them, and gradients of the ControlNet's weights through the predicted clean latents.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod golden;

use burn::tensor::{Device, Tensor};
use golden::{Golden, component, relative_error};
use reliad_diffusion::Sampling;
use reliad_diffusion::conditions::Conditions;
use reliad_diffusion::inpaint::{Inpainting, mask_to_latents};
use reliad_diffusion::painter::Painter;
use reliad_diffusion::scheduler::Scheduler;

/// Seven steps of two networks amplify the differences of single layers (1e-6).
const RUN: f64 = 1e-3;
/// Sums of f32 products over both networks, there and back.
const GRADIENT: f64 = 1e-3;

fn painter(device: &Device) -> Painter {
    let model = component("inpaint");
    let mut painter = Painter::load(&model, device).unwrap();
    let json = model.read_json("scheduler/sample.json").unwrap();
    painter.scheduler = Scheduler::from_json(&json).unwrap();
    painter
}

/// As `models/mini/sampling.json` says, but for the number of steps and the scale.
fn sampling() -> Sampling {
    Sampling {
        steps: 7,
        guidance: 3.0,
        guidance_rescale: 0.8,
        guidance_interval: [0.14, 0.74].into(),
        control_scale: 0.8,
        eta: 1.0,
        ..Sampling::default()
    }
}

fn conditions(device: &Device) -> Conditions {
    let (inputs, golden) = (Golden::read("inpaint"), Golden::read("guided"));
    let texts = golden.float::<3>("texts", device);
    let fresh = golden.float::<4>("fresh", device);
    Conditions {
        text: texts.clone().narrow(0, 1, 1),
        negative: texts.narrow(0, 0, 1),
        control: inputs.float("edges", device),
        noise: inputs.float("start", device),
        step_noise: (0..7)
            .map(|step| fresh.clone().narrow(0, step, 1))
            .collect(),
        inpainting: Some(Inpainting {
            known: golden.float("known", device),
            paint: mask_to_latents(inputs.float("paint", device), 8),
        }),
    }
}

#[test]
fn a_run_as_mini_takes_it_equals_diffusers() {
    let device = Device::flex();
    let golden = Golden::read("guided");
    let (painter, sampling) = (painter(&device), sampling());
    let plan = painter.plan(&sampling).unwrap();
    let run = painter.denoise(conditions(&device), plan, &sampling);
    let steps: Vec<_> = run.collect();
    for (latents, name) in [
        (&steps[2].latents, "before"),
        (&steps[6].latents, "latents"),
    ] {
        let error = relative_error(latents.clone(), golden.float(name, &device));
        println!("{name}: relative error {error:.1e}");
        assert!(error <= RUN, "{name}: relative error {error:e}");
    }
    // The parts of a prediction are there where the step needs them.
    for step in &steps {
        let is_guided = (0..5).contains(&step.index);
        assert_eq!(step.prediction.unconditional.is_some(), is_guided);
        let guided = step.prediction.guided.clone();
        let plain = relative_error(guided, step.prediction.conditional.clone());
        assert_eq!(plain > 0.0, is_guided, "step {}", step.index);
        // What was drawn lies `sigma` times the fresh noise from the mean.
        let fresh = conditions(&device).step_noise[step.index].clone() * step.sigma;
        let gap = relative_error(step.drawn.clone(), step.mean.clone() + fresh);
        assert!(gap < 1e-6, "step {}: {gap:e}", step.index);
    }
}

/// A run that begins part-way, from the latents that stand there, goes on as the whole run does.
#[test]
fn a_run_goes_on_from_its_middle() {
    let device = Device::flex();
    let (painter, sampling) = (painter(&device), sampling());
    let run = |begin: usize, latents: Tensor<4>| {
        let scheduler = painter.scheduler.with(sampling.sampler).unwrap();
        let plan = scheduler.plan_from(7, 1.0, begin).unwrap();
        let run = painter.denoise_from(latents, conditions(&device), plan, &sampling);
        run.collect::<Vec<_>>()
    };
    let whole = run(0, conditions(&device).noise);
    // The third step of the whole run is guided, and the first of a run of four isn't: a part that counted its own steps would guide others.
    let part = run(3, whole[2].latents.clone());
    assert_eq!(part.len(), 4);
    for (ours, whole) in part.iter().zip(&whole[3..]) {
        assert_eq!((ours.index, ours.timestep), (whole.index, whole.timestep));
        assert_eq!(ours.latents.to_data(), whole.latents.to_data());
    }
}

#[test]
fn gradients_of_the_controlnet_equal_torch() {
    let golden = Golden::read("guided");
    let device = Device::flex().autodiff();
    let plain = Device::flex();
    let (painter, sampling) = (painter(&device), sampling());
    let plan = painter
        .scheduler
        .with(sampling.sampler)
        .unwrap()
        .plan_from(7, 1.0, 3)
        .unwrap();
    let before = golden.float("before", &plain);
    let mut run = painter
        .denoise_from(before, conditions(&plain), plan, &sampling)
        .with_gradients_at(3);
    let step = run.next().unwrap();
    assert_eq!(step.index, 3);
    let x0 = step.x0;
    let error = relative_error(x0.clone().without_autodiff(), golden.float("x0", &plain));
    assert!(error < 1e-4, "x0: {error:e}");
    let weights = Tensor::from_inner(golden.float::<4>("weights", &plain));
    let loss = (x0.clone() * weights).sum() + x0.square().sum() * 0.5;
    let gradients = loss.backward();
    let net = painter.predictor.controlnet.as_ref().unwrap();
    macro_rules! check {
        ($name:literal, $tensor:expr) => {
            check!($name = $tensor.grad(&gradients).expect($name));
        };
        ($name:literal = $gradient:expr) => {{
            let expected = golden.float(concat!("gradient.", $name), &plain);
            let error = relative_error($gradient, expected);
            println!("{}: relative error {error:.1e}", $name);
            assert!(error <= GRADIENT, "{}: {error:e}", $name);
        }};
    }
    // PyTorch stores a linear layer's weight as [output, input], Burn as [input, output].
    macro_rules! check_linear {
        ($name:literal, $linear:expr) => {
            let gradient = $linear.weight.val().grad(&gradients).expect($name);
            check!($name = gradient.transpose());
        };
    }
    check!("conv_in", net.conv_in.weight.val());
    check_linear!("time", net.time_embedding.linear_1);
    let embedding = &net.controlnet_cond_embedding;
    check!("embedding_in", embedding.conv_in.weight.val());
    check!("embedding_out", embedding.conv_out.weight.val());
    check!("resnet", net.down_blocks[0].resnets[0].conv1.weight.val());
    let norm = &net.down_blocks[1].resnets[0].norm1;
    check!("norm", norm.gamma.as_ref().unwrap().val());
    let mid = &net.mid_block.attentions[0].transformer_blocks[0];
    check_linear!("to_k", mid.attn2.to_k);
    let down = &net.down_blocks[1].attentions[0].transformer_blocks[0];
    check_linear!("to_q", down.attn1.to_q);
    check!("zero_0", net.controlnet_down_blocks[0].weight.val());
    let zero = &net.controlnet_mid_block;
    check!("zero_mid", zero.weight.val());
    check!("zero_mid_bias", zero.bias.as_ref().unwrap().val());
}
