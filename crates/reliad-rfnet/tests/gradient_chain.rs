//! Gradients of the reward: UNet (guided) -> x0 -> VAE decoder -> preprocessing -> RFNet -> -log p(Available), against
//! diffusers and PyTorch (`parity/rfnet/gradient_chain.py`). Tolerance 1e-3: f32 rounding, accumulated over the chain.

mod golden;

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor};
use golden::{Golden, Outcome, model, real};
use reliad_diffusion::conditions::Conditions;
use reliad_diffusion::guidance::{Guidance, Prediction};
use reliad_diffusion::predictor::Predictor;
use reliad_diffusion::scheduler::{Level, PlanStep, PredictionType};
use reliad_diffusion::step::{History, step};
use reliad_diffusion::{AutoencoderKl, UNet2DConditionModel};
use reliad_rfnet::rfnet::{RfNet, RfNetInput};
use reliad_rfnet::roberta::CaptionTokens;

const ALPHA: f64 = 0.7;
const GUIDANCE: f64 = 2.5;
const TIMESTEP: f64 = 81.0;
const TOLERANCE: f64 = 1e-3;

#[test]
fn gradients_equal_torch() -> Outcome {
    let device = Device::default().autodiff();
    let golden = Golden::read("gradient_chain")?;
    let predictor = Predictor {
        unet: UNet2DConditionModel::load(&model("gradient_chain/unet")?, &device)?,
        controlnet: None,
    };
    let vae = AutoencoderKl::load(&model("gradient_chain/vae")?, &device)?.freeze();
    let (rfnet, config) = RfNet::load(&model("rfnet")?, &device)?;
    let (rfnet, preprocess) = (rfnet.freeze(), config.preprocess.init()?);

    let latents = golden.float::<4>("latents", &device).require_grad();
    let rows = latents.dims()[0];
    let conditions = Conditions {
        text: golden.float("text", &device),
        negative: golden.float("no_text", &device),
        // Nothing steers here.
        control: Tensor::zeros([rows, 3, 1, 1], &device),
        noise: latents.clone(),
        step_noise: Vec::new(),
        inpainting: None,
    };
    let guidance = Guidance {
        scale: GUIDANCE,
        ..Guidance::NONE
    };
    let parts = guidance.parts(0, 1);
    let items = (0..rows).map(|item| {
        let control = predictor.control(&conditions, item, 1.0);
        let predicted = predictor.predict(&latents, TIMESTEP, &conditions, item, &control, &parts);
        guidance.guide(predicted, &parts)
    });
    let output = Prediction::stack(items.collect()).guided;
    let level = Level::preserving(ALPHA);
    let (x0, noise) = level.predictions(PredictionType::Epsilon);
    let plan = PlanStep {
        index: 0,
        timestep: TIMESTEP,
        level,
        blend: Level::CLEAN,
        x0,
        noise,
        corrected: Vec::new(),
        mean: Vec::new(),
        sigma: 0.0,
    };
    let history = History::new(0);
    let x0 = step(&plan, None, &history, latents.clone(), output, None).x0;
    let picture = vae.decode(x0 / vae.scaling_factor());
    let picture = (picture / 2.0 + 0.5).clamp(0.0, 1.0);
    assert!(golden.error("picture", picture.clone()) < 1e-4);

    let ids = golden.int::<2>("ids", &device);
    let logits = rfnet.forward(RfNetInput {
        product: Some(preprocess.product(golden.float("product", &device))),
        generated: Some(preprocess.generated(picture)),
        depth: Some(preprocess.map(golden.float("depth", &device))),
        saliency: Some(preprocess.map(golden.float("saliency", &device))),
        caption: Some(CaptionTokens {
            mask: real(&ids),
            ids,
        }),
    });
    let loss = -log_softmax(logits, 1).narrow(1, 0, 1).mean();
    assert!(golden.error("loss", loss.clone()) < 1e-4);
    let gradients = loss.backward();

    macro_rules! check {
        ($name:literal, $tensor:expr) => {{
            let gradient = $tensor
                .grad(&gradients)
                .ok_or(concat!("no gradient: ", $name))?;
            check!($name = gradient);
        }};
        ($name:literal = $gradient:expr) => {
            let error = golden.error(concat!("gradient.", $name), $gradient);
            assert!(error < TOLERANCE, "{}: {error:.2e}", $name);
        };
    }
    // PyTorch stores a linear layer's weight as [output, input], Burn as [input, output].
    macro_rules! check_linear {
        ($name:literal, $linear:expr) => {
            let weight = $linear.weight.val();
            let gradient = weight
                .grad(&gradients)
                .ok_or(concat!("no gradient: ", $name))?;
            check!($name = gradient.transpose());
        };
    }
    check!("latents", latents);
    let unet = &predictor.unet;
    check!("conv_in", unet.conv_in.weight.val());
    check_linear!("time", unet.time_embedding.linear_1);
    let block = &unet.mid_block.attentions[0].transformer_blocks[0];
    check_linear!("to_k", block.attn2.to_k);
    check!("up_conv", unet.up_blocks[1].resnets[0].conv1.weight.val());
    let norm = &unet.down_blocks[0].resnets[0].norm1;
    let gamma = norm.gamma.as_ref().ok_or("the norm is affine")?;
    check!("norm", gamma.val());
    let bias = unet.conv_out.bias.as_ref().ok_or("conv_out has a bias")?;
    check!("conv_out", bias.val());
    Ok(())
}
