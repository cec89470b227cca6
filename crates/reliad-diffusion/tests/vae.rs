//! AutoencoderKL against diffusers.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod golden;

use burn::tensor::Device;
use golden::{Golden, assert_close, component, fixture};
use reliad_diffusion::{AutoencoderKl, AutoencoderKlConfig};
use reliad_weights::ModelDir;
use safetensors::SafeTensors;

fn check(vae: &AutoencoderKl, name: &str, device: &Device) {
    let golden = Golden::read(name);
    let posterior = vae.encode(golden.float("picture", device));
    assert_close("mean", posterior.mean, golden.float("mean", device));
    assert_close("logvar", posterior.logvar, golden.float("logvar", device));
    let decoded = vae.decode(golden.float("latents", device));
    assert_close("decoded", decoded, golden.float("decoded", device));
}

#[test]
fn encode_and_decode_equal_diffusers() {
    // The second has no quant convolutions and no attention, three latent channels, and a picture of odd size.
    for name in ["vae", "vae_bare"] {
        for device in [Device::flex(), Device::flex().autodiff()] {
            let vae = AutoencoderKl::load(&component(name), &device).unwrap();
            check(&vae, name, &device);
        }
    }
}

#[test]
fn files_with_the_old_names_of_attention_load() {
    let file = "diffusion_pytorch_model.safetensors";
    let bytes = std::fs::read(fixture("vae").join(file)).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let renamed: Vec<_> = tensors
        .iter()
        .map(|(name, view)| {
            let name = name
                .replace("to_q", "query")
                .replace("to_k", "key")
                .replace("to_v", "value")
                .replace("to_out.0", "proj_attn");
            (name, view)
        })
        .collect();
    assert!(
        renamed
            .iter()
            .any(|(name, _)| name.ends_with("attentions.0.proj_attn.bias"))
    );
    let dir = tempfile::tempdir().unwrap();
    safetensors::serialize_to_file(renamed, None, &dir.path().join(file)).unwrap();
    std::fs::copy(fixture("vae/config.json"), dir.path().join("config.json")).unwrap();
    let device = Device::flex();
    let vae = AutoencoderKl::load(&ModelDir::open(dir.path()).unwrap(), &device).unwrap();
    check(&vae, "vae", &device);
}

#[test]
fn the_posterior_is_clamped_and_its_divergence_is_zero_for_the_standard_normal() {
    let device = Device::flex();
    let config = AutoencoderKlConfig::from_json(&golden::config("vae")).unwrap();
    let picture = burn::tensor::Tensor::full([1, 3, 8, 8], 1e6, &device);
    let posterior = config.init(&device).encode(picture);
    let range = posterior.logvar.into_data();
    assert!(range.iter::<f32>().all(|v| (-30.0..=20.0).contains(&v)));
    let zeros = burn::tensor::Tensor::zeros([2, 4, 3, 3], &device);
    let standard = reliad_diffusion::Posterior {
        mean: zeros.clone(),
        logvar: zeros,
    };
    assert_eq!(
        standard.kl().into_data().try_to_vec::<f32>().unwrap(),
        [0.0, 0.0]
    );
}
