//! Losses of the methods and their gradients of the ControlNet's weights, against diffusers and PyTorch
//! (`parity/tuning/*.py`, computed in f64). Tolerance 1e-3: f32 rounding over the whole chain of roll-out, decoder, judge and
//! back; PyTorch's own f32 is off by up to 4e-5.
#![expect(clippy::expect_used, reason = "a failed step is a failed test")]

use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use reliad_diffusion::Sampling;
use reliad_diffusion::conditions::Conditions;
use reliad_diffusion::guidance::GuidanceInterval;
use reliad_diffusion::inpaint::Inpainting;
use reliad_diffusion::perturbed::UnetParts;
use reliad_training::fit::parameters::scaled;
use reliad_tuning::TuningConfig;
use reliad_tuning::config::{Beta, Window};
use reliad_tuning::descent::descend;
use reliad_tuning::method::noised::Noised;
use reliad_tuning::method::{Anchor, Decision, Form, MethodConfig, RewardStep, dpo_loss, nft_loss};
use reliad_tuning::networks::{Item, Moment, Networks};
use reliad_tuning::query::{Drawn, Query, Term};
use reliad_tuning::trainable::{Trainable, Trained};
use reliad_weights::ModelDir;
use safetensors::SafeTensors;

const TOLERANCE: f64 = 1e-3;
const PROMPTS: [&str; 2] = [
    "a small red ceramic vase on a white marble table",
    "a lamp on a desk, soft light",
];
const TITLES: [&str; 2] = [
    "ceramic mug 350 ml with a round handle",
    "desk lamp, brushed steel",
];

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

struct Golden(Vec<u8>);

impl Golden {
    fn read(name: &str) -> Self {
        Self(std::fs::read(fixtures().join(name)).expect("the fixture is there"))
    }

    fn values(&self, name: &str) -> (Vec<f32>, Vec<usize>) {
        let file = SafeTensors::deserialize(&self.0).expect("the fixture is a safetensors file");
        let view = file
            .tensor(name)
            .unwrap_or_else(|_| panic!("the fixture holds {name}"));
        let numbers = view.data().chunks_exact(4);
        let numbers = numbers.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        (numbers.collect(), view.shape().to_vec())
    }

    fn tensor<const D: usize>(&self, name: &str) -> Tensor<D> {
        let (values, shape) = self.values(name);
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    fn number(&self, name: &str) -> f64 {
        f64::from(self.values(name).0[0])
    }

    fn row<const D: usize>(&self, name: &str, row: usize) -> Tensor<D> {
        self.tensor::<D>(name).narrow(0, row, 1)
    }

    /// Norm of the difference over the norm of the golden.
    fn error<const D: usize>(&self, name: &str, got: Tensor<D>) -> f64 {
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
    fn check(&self, loss: &str, model: &Trainable, gradients: &GradientsParams) {
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
fn model(kind: &str, reference: bool) -> tempfile::TempDir {
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
struct Bench {
    networks: Networks,
    model: Trainable,
    given: Golden,
    encoded: Golden,
}

impl Bench {
    fn new(kind: &str, sampling: Sampling, maps: bool) -> Self {
        Self::of(kind, sampling, maps, Trained::Controlnet)
    }

    fn of(kind: &str, sampling: Sampling, maps: bool, trained: Trained) -> Self {
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

    fn item(&self, row: usize) -> Item {
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
    fn descents<'a>(
        &self,
        drawn: impl Fn(usize) -> Drawn<'a>,
    ) -> impl Iterator<Item = (f64, GradientsParams)> {
        [false, true]
            .map(|recompute| self.descent(&drawn, recompute))
            .into_iter()
    }

    fn descent<'a>(
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

fn config(maps: bool) -> TuningConfig {
    serde_json::from_value(serde_json::json!({
        "method": {"refl": {"window": [0, 1]}}, "steps": 1, "differentiable_maps": maps
    }))
    .expect("a configuration")
}

fn sampling(steps: usize, eta: f64, guidance: f64, rescale: f64, interval: [f64; 2]) -> Sampling {
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

fn near(golden: &Golden, name: &str, found: f64) {
    let wanted = golden.number(name);
    assert!(
        (found - wanted).abs() < TOLERANCE * wanted.abs().max(1e-6),
        "{name}: {found} instead of {wanted}"
    );
}

#[test]
fn an_iteration_of_reward_tuning_equals_torch() {
    let kinds = [
        ("sample", sampling(7, 1.0, 3.0, 0.8, [0.2, 0.74]), 3),
        ("velocity", sampling(6, 0.5, 4.0, 0.0, [0.0, 0.5]), 4),
        ("epsilon", sampling(6, 0.0, 4.0, 0.0, [0.0, 1.0]), 4),
    ];
    for (kind, sampling, index) in kinds {
        let golden = Golden::read(&format!("iteration/{kind}.safetensors"));
        for maps in [false, true] {
            let bench = Bench::new(kind, sampling.clone(), maps);
            let plain = bench.model.valid();
            let current = plain.predictor(&bench.networks.painter.predictor);
            let drawn = |row: usize, form: Form, only: &str| {
                let anchor = Some(Anchor {
                    beta: Beta::Number(1.0),
                    form,
                });
                let step = RewardStep {
                    window: Window { begin: 0, end: 1 },
                    consistent_condition: anchor,
                    kl: anchor,
                    denoising: None,
                    bank: Default::default(),
                };
                let mut drawn = step.at(&bench.networks, &current, bench.item(row), index);
                let latents = golden.row::<4>("before", row) - drawn.queries[0].sample.clone();
                assert!(
                    latents.abs().max().into_scalar::<f32>() < 1e-4,
                    "{kind}: the roll-out"
                );
                drawn.terms.retain(|term| term.name == only);
                drawn
            };
            let losses = match maps {
                true => vec![("f_ac_maps", Form::Code, "reward_loss")],
                false => vec![
                    ("f_ac", Form::Code, "reward_loss"),
                    ("cc", Form::Code, "consistent_condition"),
                    ("cc_paper", Form::Paper, "consistent_condition"),
                    ("kl", Form::Code, "kl"),
                ],
            };
            for (loss, form, term) in losses {
                for (total, gradients) in bench.descents(|row| drawn(row, form, term)) {
                    println!("{kind} {loss}");
                    near(&golden, &format!("loss.{loss}"), total);
                    golden.check(loss, &bench.model, &gradients);
                }
            }
        }
    }
}

#[test]
fn a_ratio_weighs_a_term_by_its_slope() {
    let bench = Bench::new("sample", sampling(7, 1.0, 3.0, 0.8, [0.2, 0.74]), false);
    let current = bench
        .model
        .valid()
        .predictor(&bench.networks.painter.predictor);
    let of = |beta: Beta, terms: &[&str]| {
        let step = RewardStep {
            window: Window { begin: 0, end: 1 },
            consistent_condition: Some(Anchor {
                beta,
                form: Form::Code,
            }),
            kl: None,
            denoising: None,
            bank: Default::default(),
        };
        let mut drawn = step.at(&bench.networks, &current, bench.item(0), 3);
        drawn.terms.retain(|term| terms.contains(&term.name));
        let tracked = bench.model.predictor(&bench.networks.base);
        let device = &bench.networks.device;
        descend(&drawn, &bench.model, &tracked, &current, false, device).expect("a loss")
    };
    const BOTH: [&str; 2] = ["reward_loss", "consistent_condition"];
    let weighed = of(Beta::Ratio { ratio: 0.5 }, &BOTH);
    let beta = weighed
        .parts
        .iter()
        .find(|(name, _)| *name == "beta")
        .expect("it is told")
        .1;
    assert!(beta > 0.0 && beta.is_finite(), "{beta}");
    let by_number = of(Beta::Number(beta), &BOTH);
    assert!((weighed.total - by_number.total).abs() < 1e-4 * by_number.total.abs());
    // Twice the share, twice the factor.
    let twice = of(Beta::Ratio { ratio: 1.0 }, &BOTH);
    let doubled = twice
        .parts
        .iter()
        .find(|(name, _)| *name == "beta")
        .expect("it is told")
        .1;
    assert!((doubled / beta - 2.0).abs() < 1e-4, "{beta} {doubled}");
}

#[test]
fn a_clipped_decision_equals_torch() {
    let golden = Golden::read("ddpo.safetensors");
    let bench = Bench::new("sample", sampling(7, 1.0, 3.0, 0.0, [0.0, 1.0]), false);
    let networks = &bench.networks;
    for loss in ["inside", "clipped"] {
        let (advantages, _) = golden.values(&format!("{loss}.advantages"));
        let (before, _) = golden.values(&format!("{loss}.log_p_old"));
        let descents = bench.descents(|row| {
            let conditions = bench.item(row).conditions;
            let moment = Moment {
                latents: golden.row("before", row),
                step: networks.plan.steps[3].clone(),
            };
            let query = networks.query(&moment, &conditions, false);
            let decision = Decision {
                moment,
                drawn: golden.row("drawn", row),
                before: f64::from(before[row]),
                known: conditions.inpainting,
                advantage: f64::from(advantages[row]),
            };
            let term = Term {
                name: "ppo_loss",
                weight: Beta::Number(1.0),
                cost: Box::new(move |answers| {
                    let (guidance, plan) = (networks.guidance(), &networks.plan);
                    Ok(decision.loss(&answers[0], &guidance, plan, 1e-4).into())
                }),
            };
            Drawn {
                queries: vec![query],
                terms: vec![term],
            }
        });
        for (total, gradients) in descents {
            near(&golden, &format!("loss.{loss}"), total);
            golden.check(loss, &bench.model, &gradients);
        }
    }
}

const TIMESTEPS: [usize; 2] = [250, 600];

#[test]
fn preferences_equal_torch() {
    let golden = Golden::read("dpo.safetensors");
    for kind in ["sample", "velocity", "epsilon"] {
        let bench = Bench::new(kind, sampling(6, 0.0, 1.0, 0.0, [0.0, 1.0]), false);
        let networks = &bench.networks;
        let descents = bench.descents(|row| {
            let conditions = bench.item(row).conditions;
            let noised = ["clean", "other"].map(|name| {
                let (latents, noise) = (bench.given.row(name, row), bench.given.row("noise", row));
                Noised::new(networks, latents, noise, TIMESTEPS[row])
            });
            let queries: Vec<Query> = noised
                .iter()
                .map(|noised| noised.query(networks, &conditions))
                .collect();
            let reference = [0, 1].map(|place: usize| {
                let said = queries[place].ask(&networks.painter.predictor).conditional;
                let apart = said - noised[place].target.clone();
                apart.square().mean().into_scalar::<f64>()
            });
            let term = Term {
                name: "preference_loss",
                weight: Beta::Number(1.0),
                cost: Box::new(move |answers| {
                    let tuned = [0, 1].map(|place: usize| {
                        let said = answers[place].conditional.clone();
                        (said - noised[place].target.clone()).square().mean()
                    });
                    Ok(dpo_loss(tuned, reference, 5.0).into())
                }),
            };
            Drawn {
                queries,
                terms: vec![term],
            }
        });
        for (total, gradients) in descents {
            near(&golden, &format!("loss.{kind}"), total);
            golden.check(kind, &bench.model, &gradients);
        }
    }
}

#[test]
fn contrasts_equal_torch() {
    let golden = Golden::read("nft.safetensors");
    for kind in ["sample", "velocity", "epsilon"] {
        let bench = Bench::new(kind, sampling(6, 0.0, 1.0, 0.0, [0.0, 1.0]), false);
        let networks = &bench.networks;
        let descents = bench.descents(|row| {
            let conditions = bench.item(row).conditions;
            let (latents, noise) = (bench.given.row("clean", row), bench.given.row("noise", row));
            let noised = Noised::new(networks, latents, noise, TIMESTEPS[row]);
            let query = noised.query(networks, &conditions);
            let before = query.ask(&networks.painter.predictor).conditional;
            let term = Term {
                name: "nft_loss",
                weight: Beta::Number(1.0),
                cost: Box::new(move |answers| {
                    let said = answers[0].conditional.clone();
                    let target = noised.target.clone();
                    Ok(nft_loss(said, before.clone(), target, [0.8, 0.3][row], 0.5).into())
                }),
            };
            Drawn {
                queries: vec![query],
                terms: vec![term],
            }
        });
        for (total, gradients) in descents {
            near(&golden, &format!("loss.{kind}.plain"), total);
            golden.check(&format!("{kind}.plain"), &bench.model, &gradients);
        }
    }
}

/// Adds to every parameter that trains: fresh adapters are zero, and half of their gradients, too.
struct Shift;

impl ModuleMapper for Shift {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|value| Tensor::from_inner(value.without_autodiff() + 0.02).require_grad())
    }
}

/// Of every parameter with a gradient: the norm of one's, and of its difference from the other's.
struct Apart<'a> {
    one: &'a GradientsParams,
    other: &'a GradientsParams,
    norms: Vec<[f64; 2]>,
}

impl ModuleVisitor for Apart<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let [one, other] = [self.one, self.other].map(|of| of.get::<D>(param.id));
        assert_eq!(one.is_some(), other.is_some());
        if let (Some(one), Some(other)) = (one, other) {
            let norm = |x: Tensor<D>| x.square().sum().sqrt().into_scalar::<f64>();
            self.norms.push([norm(one.clone()), norm(one - other)]);
        }
    }
}

#[test]
fn blocks_that_run_again_give_the_gradients_of_the_whole_graph() {
    for trained in Trained::ALL {
        let sampling = sampling(7, 1.0, 3.0, 0.8, [0.0, 1.0]);
        let mut bench = Bench::of("sample", sampling, false, trained);
        bench.model = bench.model.map(&mut Shift);
        let networks = &bench.networks;
        // Every part of a prediction, once more than the other, and twice what the decoder made of it.
        let drawn = |row: usize| {
            let item = bench.item(row);
            let moment = Moment {
                latents: bench.given.row("noise", row),
                step: networks.plan.steps[3].clone(),
            };
            let mut query = networks.query(&moment, &item.conditions, true);
            query.parts.perturbed = Some(UnetParts::MID);
            let queries = vec![query.clone(), query];
            let term = Term {
                name: "any",
                weight: Beta::Number(1.0),
                cost: Box::new(move |answers| {
                    let [first, second] = [0, 1].map(|place: usize| answers[place].clone());
                    let both = first.unconditional.expect("asked for") * 0.5 + second.conditional;
                    let perturbed = second.perturbed.expect("asked for").square().mean();
                    let (reward, _) = networks.reward(both, &item)?;
                    Ok((perturbed - reward.square()).into())
                }),
            };
            Drawn {
                queries,
                terms: vec![term],
            }
        };
        let [(whole, one), (again, other)] =
            [false, true].map(|recompute| bench.descent(drawn, recompute));
        let mut apart = Apart {
            one: &one,
            other: &other,
            norms: Vec::new(),
        };
        bench.model.visit(&mut apart);
        let norms = apart.norms;
        let largest = norms
            .iter()
            .fold(0.0, |largest: f64, [norm, _]| largest.max(*norm));
        assert!((whole - again).abs() < 1e-5 * whole.abs());
        assert!(norms.len() > 20 && largest > 0.0);
        for [norm, apart] in norms {
            // Sums of f32 in another order. Some gradients are zero but for rounding, such as those that move all logits of a
            // softmax alike: these are held against the largest.
            let limit = 1e-4 * norm.max(1e-3 * largest);
            assert!(
                apart < limit,
                "{trained:?}: {apart:.1e} of {norm:.1e}, at most {largest:.1e}"
            );
        }
    }
}

#[test]
fn a_configuration_names_its_method() {
    let method = config(false).method;
    assert!(matches!(method, MethodConfig::Refl(_)));
    assert_eq!(method.slug(), "refl");
}
