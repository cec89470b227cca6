//! What a method asks the networks with gradients, and what it makes of their answers.

use burn::tensor::Tensor;
use reliad_diffusion::conditions::Conditions;
use reliad_diffusion::guidance::{Parts, Predicted};
use reliad_diffusion::predictor::Predictor;
use reliad_training::error::Result;

use crate::config::Beta;

/// One call of the networks.
#[derive(Debug, Clone)]
pub struct Query {
    /// What the network sees, `[1, channels, h, w]`.
    pub sample: Tensor<4>,
    /// The timestep that it is told.
    pub timestep: f64,
    /// Texts and edges, of one item.
    pub conditions: Conditions,
    /// Factor of the ControlNet's residuals.
    pub control_scale: f64,
    /// What is predicted beside the conditional part.
    pub parts: Parts,
}

impl Query {
    /// The answer of `predictor`.
    pub fn ask(&self, predictor: &Predictor) -> Predicted {
        let control = predictor.control(&self.conditions, 0, self.control_scale);
        predictor.predict(
            &self.sample,
            self.timestep,
            &self.conditions,
            0,
            &control,
            &self.parts,
        )
    }
}

/// The value of a term, with its graph, and what should be reported of it.
pub struct Valued {
    /// One element.
    pub value: Tensor<1>,
    /// Further figures.
    pub parts: Vec<(&'static str, f64)>,
}

impl From<Tensor<1>> for Valued {
    fn from(value: Tensor<1>) -> Self {
        Self {
            value,
            parts: Vec::new(),
        }
    }
}

/// What a term costs, from the answers to all queries in their order, which carry gradients.
pub type Cost<'a> = Box<dyn Fn(&[Predicted]) -> Result<Valued> + Send + Sync + 'a>;

/// A summand of a loss.
pub struct Term<'a> {
    /// What reports call it.
    pub name: &'static str,
    /// How much it counts. The first term of an item must be a number.
    pub weight: Beta,
    /// What it costs.
    pub cost: Cost<'a>,
}

/// What a method has drawn for one item.
pub struct Drawn<'a> {
    /// What the networks are to be asked.
    pub queries: Vec<Query>,
    /// What their answers cost; the first term is what others are weighed by ([`Beta::Ratio`]).
    pub terms: Vec<Term<'a>>,
}
