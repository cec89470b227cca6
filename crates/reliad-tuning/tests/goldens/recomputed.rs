//! Blocks that run again for their gradients, against the whole graph.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use reliad_diffusion::perturbed::UnetParts;
use reliad_tuning::config::Beta;
use reliad_tuning::networks::Moment;
use reliad_tuning::query::{Drawn, Term};
use reliad_tuning::trainable::Trained;

use crate::bench::{Bench, sampling};

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
