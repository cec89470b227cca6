//! A tiny model on one side, what PyTorch made of its twin on the other.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use reliad_diffusion::Sampling;
use reliad_diffusion::conditions::Conditions;
use reliad_diffusion::guidance::GuidanceInterval;
use reliad_diffusion::inpaint::Inpainting;
use reliad_training::fit::parameters::scaled;
use reliad_tuning::TuningConfig;
use reliad_tuning::descent::descend;
use reliad_tuning::networks::{Item, Networks};
use reliad_tuning::query::Drawn;
use reliad_tuning::trainable::{Trainable, Trained};
use reliad_weights::ModelDir;
use safetensors::SafeTensors;

pub const TOLERANCE: f64 = 1e-3;
pub const PROMPTS: [&str; 2] = [
    "a small red ceramic vase on a white marble table",
    "a lamp on a desk, soft light",
];
pub const TITLES: [&str; 2] = [
    "ceramic mug 350 ml with a round handle",
    "desk lamp, brushed steel",
];

pub fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

pub struct Golden(Vec<u8>);

impl Golden {
    pub fn read(name: &str) -> Self {
        Self(std::fs::read(fixtures().join(name)).expect("the fixture is there"))
    }

    pub fn values(&self, name: &str) -> (Vec<f32>, Vec<usize>) {
        let file = SafeTensors::deserialize(&self.0).expect("the fixture is a safetensors file");
        let view = file
            .tensor(name)
            .unwrap_or_else(|_| panic!("the fixture holds {name}"));
        let numbers = view.data().chunks_exact(4);
        let numbers = numbers.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        (numbers.collect(), view.shape().to_vec())
    }

    pub fn tensor<const D: usize>(&self, name: &str) -> Tensor<D> {
        let (values, shape) = self.values(name);
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    pub fn number(&self, name: &str) -> f64 {
        f64::from(self.values(name).0[0])
    }

    pub fn row<const D: usize>(&self, name: &str, row: usize) -> Tensor<D> {
        self.tensor::<D>(name).narrow(0, row, 1)
    }

    /// Norm of the difference over the norm of the golden.
    pub fn error<const D: usize>(&self, name: &str, got: Tensor<D>) -> f64 {
        let (want, shape) = self.values(name);
        assert_eq!(got.dims().to_vec(), shape, "shape of {name}");
        let square = |x: f32| f64::from(x) * f64::from(x);
        let got: Vec<f32> = got.into_data().iter::<f32>().collect();
        let apart: f64 = want.iter().zip(&got).map(|(w, g)| square(w - g)).sum();
        let norm: f64 = want.iter().map(|w| square(*w)).sum();
        let error = if norm == 0.0 {
            apart.sqrt()
        } else {
            (apart / norm).sqrt()
        };
        println!("{name}: relative error {error:.2e}");
        error
    }

    /// The gradients `gradient.<loss>.*` are those of `gradients`.
    pub fn check(&self, loss: &str, model: &Trainable, gradients: &GradientsParams) {
        let net = model.controlnet.as_ref().expect("the ControlNet trains");
        macro_rules! check {
            ($name:literal, $param:expr, $dims:literal $(, $transposed:ident)?) => {
                let gradient: Tensor<$dims> = gradients
                    .get($param.id)
                    .expect(concat!("a gradient of ", $name));
                $(let gradient = gradient.$transposed();)?
                let name = format!("gradient.{loss}.{}", $name);
                let error = self.error(&name, gradient);
                assert!(error < TOLERANCE, "{name}: {error:.2e}");
            };
        }
        let embedding = &net.controlnet_cond_embedding;
        let down = &net.down_blocks[1];
        let attention = &down.attentions[0].transformer_blocks[0].attn2;
        check!("conv_in", net.conv_in.weight, 4);
        // PyTorch stores a linear layer's weight as [output, input], Burn as [input, output].
        check!("time", net.time_embedding.linear_1.weight, 2, transpose);
        check!("embedding_in", embedding.conv_in.weight, 4);
        check!("embedding_block", embedding.blocks[1].weight, 4);
        check!(
            "norm",
            down.resnets[0].norm1.gamma.as_ref().expect("affine"),
            1
        );
        check!("to_k", attention.to_k.weight, 2, transpose);
        check!("zero_0", net.controlnet_down_blocks[0].weight, 4);
        check!("zero_mid", net.controlnet_mid_block.weight, 4);
        check!(
            "zero_mid_bias",
            net.controlnet_mid_block.bias.as_ref().expect("biased"),
            1
        );
    }
}

/// The tiny model with another scheduler, and with the reference's ControlNet if `reference`.
pub fn model(kind: &str, reference: bool) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("the fixture") {
            let path = entry.expect("the fixture").path();
            let target = to.join(path.file_name().expect("a name"));
            match path.is_dir() {
                true => copy(&path, &target),
                false => drop(std::fs::copy(&path, &target).expect("a copy")),
            }
        }
    }
    let dir = tempfile::tempdir().expect("a folder");
    copy(&fixtures().join("model"), dir.path());
    let schedulers = dir.path().join("scheduler");
    let of_kind = schedulers.join(format!("{kind}.json"));
    std::fs::copy(of_kind, schedulers.join("scheduler_config.json")).expect("a copy");
    if reference {
        copy(
            &fixtures().join("reference"),
            &dir.path().join("controlnet"),
        );
    }
    dir
}

/// The reference as what is frozen, and what trains.
pub struct Bench {
    pub networks: Networks,
    pub model: Trainable,
    pub given: Golden,
    pub encoded: Golden,
}

impl Bench {
    pub fn new(kind: &str, sampling: Sampling, maps: bool) -> Self {
        Self::of(kind, sampling, maps, Trained::Controlnet)
    }

    pub fn of(kind: &str, sampling: Sampling, maps: bool, trained: Trained) -> Self {
        let device = Device::flex();
        let (frozen, tuned) = (model(kind, true), model(kind, false));
        let open = |dir: &tempfile::TempDir| ModelDir::open(dir.path()).expect("a model");
        let config = config(maps);
        let networks = Networks::load(&open(&frozen), &open(&frozen), sampling, &config, &device)
            .expect("the tiny model loads");
        let model = Trainable::load(&open(&tuned), &networks.base, trained, 2, &networks.device)
            .expect("the tiny ControlNet loads");
        Self {
            networks,
            model,
            given: Golden::read("given.safetensors"),
            encoded: Golden::read("encoded.safetensors"),
        }
    }

    pub fn item(&self, row: usize) -> Item {
        let (given, encoded) = (&self.given, &self.encoded);
        let fresh = given.tensor::<5>("fresh");
        let steps = fresh.dims()[0];
        let step = |index: usize| -> Tensor<4> {
            let [_, _, channels, height, width] = fresh.dims();
            let step = fresh.clone().narrow(0, index, 1).narrow(1, row, 1);
            step.reshape([1, channels, height, width])
        };
        Item {
            conditions: Conditions {
                text: encoded.row("text", row),
                negative: encoded.row("negative", row),
                control: given.row("edges", row),
                noise: given.row("noise", row),
                step_noise: (0..steps).map(step).collect(),
                inpainting: Some(Inpainting {
                    known: encoded.row("known", row),
                    paint: encoded.row("paint", row),
                }),
            },
            product: given.row("product", row),
            title: TITLES[row].to_owned(),
            prompt: PROMPTS[row].to_owned(),
        }
    }

    /// Mean loss and gradients over both items of what `drawn` draws: of the whole graph, and of blocks that run again.
    pub fn descents<'a>(
        &self,
        drawn: impl Fn(usize) -> Drawn<'a>,
    ) -> impl Iterator<Item = (f64, GradientsParams)> {
        [false, true]
            .map(|recompute| self.descent(&drawn, recompute))
            .into_iter()
    }

    pub fn descent<'a>(
        &self,
        drawn: impl Fn(usize) -> Drawn<'a>,
        recompute: bool,
    ) -> (f64, GradientsParams) {
        let networks = &self.networks;
        let tracked = self.model.predictor(&networks.base);
        let plain = self.model.valid().predictor(&networks.painter.predictor);
        let mut sum = burn::optim::GradientsAccumulator::new();
        let mut total = 0.0;
        for row in 0..2 {
            let device = &networks.device;
            let own = descend(
                &drawn(row),
                &self.model,
                &tracked,
                &plain,
                recompute,
                device,
            );
            let own = own.expect("the loss can be computed");
            total += own.total / 2.0;
            sum.accumulate(&self.model, own.gradients);
        }
        (total, scaled(&self.model, sum.grads(), 0.5))
    }
}

pub fn config(maps: bool) -> TuningConfig {
    serde_json::from_value(serde_json::json!({
        "method": {"refl": {"window": [0, 1]}}, "steps": 1, "differentiable_maps": maps
    }))
    .expect("a configuration")
}

pub fn sampling(
    steps: usize,
    eta: f64,
    guidance: f64,
    rescale: f64,
    interval: [f64; 2],
) -> Sampling {
    Sampling {
        width: 40,
        height: 48,
        steps,
        eta,
        guidance,
        guidance_rescale: rescale,
        guidance_interval: GuidanceInterval::from(interval),
        control_scale: 0.8,
        ..Sampling::default()
    }
}

pub fn near(golden: &Golden, name: &str, found: f64) {
    let wanted = golden.number(name);
    assert!(
        (found - wanted).abs() < TOLERANCE * wanted.abs().max(1e-6),
        "{name}: {found} instead of {wanted}"
    );
}
