//! From an item's terms to gradients of the weights, in two stages: of the cost at the networks' predictions, and from
//! there through the networks.
//!
//! So the graph of decoder and judge is gone before the networks' own is walked, terms can be weighed by their gradients at
//! the predictions, and several queries need the graph of one at a time.

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Gradients, Tensor};
use reliad_diffusion::guidance::Predicted;
use reliad_diffusion::predictor::Predictor;
use reliad_diffusion::recompute::Tape;
use reliad_training::error::Result;

use crate::config::Beta;
use crate::query::{Drawn, Query};

/// The gradients of an item's loss, and its value.
pub struct Descent {
    /// Of the weights that train.
    pub gradients: GradientsParams,
    /// The loss.
    pub total: f64,
    /// Its terms, unweighted, and what they report.
    pub parts: Vec<(&'static str, f64)>,
}

/// Gradients of `drawn` for `model`, which is part of `tracked`; `plain` has the same weights without gradients. With
/// `recompute` painter and decoder run again block by block for their gradients, which takes longer and far less memory.
///
/// # Errors
/// What a term's cost says.
pub fn descend<M: Module>(
    drawn: &Drawn<'_>,
    model: &M,
    tracked: &Predictor,
    plain: &Predictor,
    recompute: bool,
    device: &Device,
) -> Result<Descent> {
    let asked = |query: &Query| recorded(recompute, || query.ask(tracked));
    // One query keeps its graph; of several, each is asked again when its turn comes.
    let kept = match drawn.queries.as_slice() {
        [query] => Some(asked(query)),
        _ => None,
    };
    let answers: Vec<Predicted> = match &kept {
        Some((answer, _)) => vec![map(answer, |part| part.clone().without_autodiff())],
        None => drawn.queries.iter().map(|query| query.ask(plain)).collect(),
    };
    let mut parts = Vec::new();
    let mut total = 0.0;
    let mut slopes: Option<Vec<Predicted>> = None;
    for term in &drawn.terms {
        let leaves: Vec<Predicted> = answers
            .iter()
            .map(|answer| map(answer, |part| leaf(part.clone(), device)))
            .collect();
        let (valued, tape) = recorded(recompute, || (term.cost)(&leaves));
        let valued = valued?;
        let value = f64::from(valued.value.clone().into_scalar::<f32>());
        parts.push((term.name, value));
        parts.extend(valued.parts);
        let none = |part: &Tensor<4>| part.clone().without_autodiff().zeros_like();
        let mut own: Vec<Predicted> = leaves.iter().map(|leaf| map(leaf, none)).collect();
        tape.backward(valued.value, |gradients| {
            for (slope, leaf) in own.iter_mut().zip(&leaves) {
                more(slope, leaf, &gradients);
            }
        });
        let factor = match (term.weight, &slopes) {
            (Beta::Number(factor), _) => factor,
            (Beta::Ratio { ratio }, Some(slopes)) => {
                let own = norm(&own);
                let factor = if own > 0.0 {
                    ratio * norm(slopes) / own
                } else {
                    0.0
                };
                parts.push(("beta", factor));
                factor
            }
            (Beta::Ratio { .. }, None) => 1.0,
        };
        total += factor * value;
        let own = own
            .iter()
            .map(|slope| map(slope, |part| part.clone().mul_scalar(factor)));
        slopes = Some(match slopes {
            None => own.collect(),
            Some(sum) => sum.into_iter().zip(own).map(|(a, b)| add(a, b)).collect(),
        });
    }
    let mut gradients = GradientsAccumulator::new();
    let slopes = slopes.unwrap_or_default();
    let mut kept = kept;
    for (query, slope) in drawn.queries.iter().zip(slopes) {
        let (answer, tape) = kept.take().unwrap_or_else(|| asked(query));
        tape.backward(pull(answer, slope), |own| {
            gradients.accumulate(model, GradientsParams::from_grads(own, model));
        });
    }
    Ok(Descent {
        gradients: gradients.grads(),
        total,
        parts,
    })
}

/// What `run` returns, and the tape of its blocks where these are to run again.
fn recorded<T>(recompute: bool, run: impl FnOnce() -> T) -> (T, Tape) {
    match recompute {
        true => Tape::record(run),
        false => (run(), Tape::default()),
    }
}

/// Adds to `slope` what `gradients` has of `leaf`.
fn more(slope: &mut Predicted, leaf: &Predicted, gradients: &Gradients) {
    let add = |slope: &mut Tensor<4>, leaf: &Tensor<4>| {
        if let Some(more) = leaf.grad(gradients) {
            *slope = slope.clone() + more;
        }
    };
    add(&mut slope.conditional, &leaf.conditional);
    for (slope, leaf) in [
        (&mut slope.unconditional, &leaf.unconditional),
        (&mut slope.perturbed, &leaf.perturbed),
    ] {
        if let (Some(slope), Some(leaf)) = (slope, leaf) {
            add(slope, leaf);
        }
    }
}

/// A tensor of one element whose gradients are those of a loss with these `slopes` at `answer`.
fn pull(answer: Predicted, slopes: Predicted) -> Tensor<1> {
    let against = |part: Tensor<4>, slope: Tensor<4>| (part * Tensor::from_inner(slope)).sum();
    let mut sum = against(answer.conditional, slopes.conditional);
    for (part, slope) in [
        (answer.unconditional, slopes.unconditional),
        (answer.perturbed, slopes.perturbed),
    ] {
        if let (Some(part), Some(slope)) = (part, slope) {
            sum = sum + against(part, slope);
        }
    }
    sum
}

fn leaf(part: Tensor<4>, device: &Device) -> Tensor<4> {
    debug_assert_eq!(&part.device().autodiff(), device);
    Tensor::from_inner(part).require_grad()
}

fn map(predicted: &Predicted, f: impl Fn(&Tensor<4>) -> Tensor<4>) -> Predicted {
    Predicted {
        conditional: f(&predicted.conditional),
        unconditional: predicted.unconditional.as_ref().map(&f),
        perturbed: predicted.perturbed.as_ref().map(&f),
    }
}

fn add(a: Predicted, b: Predicted) -> Predicted {
    let both = |a: Option<Tensor<4>>, b: Option<Tensor<4>>| match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    };
    Predicted {
        conditional: a.conditional + b.conditional,
        unconditional: both(a.unconditional, b.unconditional),
        perturbed: both(a.perturbed, b.perturbed),
    }
}

fn norm(slopes: &[Predicted]) -> f64 {
    let square = |part: &Tensor<4>| part.clone().square().sum().into_scalar::<f32>();
    let squares = slopes.iter().map(|slope| {
        let optional = [&slope.unconditional, &slope.perturbed];
        let optional: f32 = optional.into_iter().flatten().map(square).sum();
        f64::from(square(&slope.conditional) + optional)
    });
    squares.sum::<f64>().sqrt()
}

/// Asks `query` without gradients what `predictor` says.
pub fn asked_plainly(query: &Query, predictor: &Predictor) -> Predicted {
    map(&query.ask(predictor), |part| {
        part.clone().without_autodiff()
    })
}
