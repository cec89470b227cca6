//! Losses of the methods and their gradients of the ControlNet's weights, against diffusers and PyTorch
//! (`parity/tuning/*.py`, computed in f64). Tolerance 1e-3: f32 rounding over the whole chain of roll-out, decoder, judge and
//! back; PyTorch's own f32 is off by up to 4e-5.
#![expect(clippy::expect_used, reason = "a failed step is a failed test")]

mod bench;
mod recomputed;

use burn::module::Module;
use reliad_tuning::config::{Beta, Window};
use reliad_tuning::descent::descend;
use reliad_tuning::method::noised::Noised;
use reliad_tuning::method::{Anchor, Decision, Form, RewardStep, dpo_loss, nft_loss};
use reliad_tuning::networks::Moment;
use reliad_tuning::query::{Drawn, Query, Term};

use bench::{Bench, Golden, near, sampling};

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
