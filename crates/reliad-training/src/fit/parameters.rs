//! Operations over all parameters of a network: exponential moving average, gradient norm,
//! variance-preserving initialisation.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};
use rand_distr::{Distribution, StandardNormal};

use crate::random;

/// Moves `average` (a copy of the network without gradients) towards `model`:
/// `average = decay * average + (1 - decay) * model`.
pub fn average_towards<M: Module>(average: M, model: &M, decay: f64) -> M {
    let mut collect = Collect {
        values: GradientsParams::new(),
    };
    model.visit(&mut collect);
    average.map(&mut Blend {
        values: collect.values,
        decay,
    })
}

struct Collect {
    values: GradientsParams,
}

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.values
            .register(param.id, param.val().without_autodiff());
    }
}

struct Blend {
    values: GradientsParams,
    decay: f64,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.values.remove::<D>(param.id) {
            Some(value) => {
                let decay = self.decay;
                param.map(|average| {
                    average.mul_scalar(decay as f32) + value.mul_scalar((1.0 - decay) as f32)
                })
            }
            None => param,
        }
    }
}

/// Scales all gradients so that their joint 2-norm is at most `limit`; returns that norm before
/// scaling. A norm that is not a number leaves the gradients as they are.
pub fn clip_norm<M: Module>(
    model: &M,
    gradients: GradientsParams,
    limit: f64,
) -> (GradientsParams, f64) {
    let mut norm = Norm {
        gradients: &gradients,
        squares: Vec::new(),
    };
    model.visit(&mut norm);
    if norm.squares.is_empty() {
        return (gradients, 0.0);
    }
    let total = f64::from(
        Tensor::cat(norm.squares, 0)
            .sum()
            .sqrt()
            .into_scalar::<f32>(),
    );
    if total.is_nan() || total <= limit {
        return (gradients, total);
    }
    let factor = (limit / total) as f32;
    (scaled(model, gradients, factor), total)
}

/// All gradients times `factor`.
pub fn scaled<M: Module>(model: &M, gradients: GradientsParams, factor: f32) -> GradientsParams {
    let mut scale = Scale { gradients, factor };
    model.visit(&mut scale);
    scale.gradients
}

struct Norm<'a> {
    gradients: &'a GradientsParams,
    squares: Vec<Tensor<1>>,
}

impl ModuleVisitor for Norm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.squares.push(gradient.square().sum());
        }
    }
}

struct Scale {
    gradients: GradientsParams,
    factor: f32,
}

impl ModuleVisitor for Scale {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients
                .register(param.id, gradient.mul_scalar(self.factor));
        }
    }
}

/// Redraws every convolution kernel (rank-4 parameter) from N(0, gain^2 / fan-in), where the gain of
/// the parameters whose path satisfies `is_residual_end` is `end_gain` and 1 elsewhere. Keeps the
/// signal's variance through depth, which a small autoencoder needs to leave the grey plateau.
pub fn preserve_variance<M: Module>(
    model: M,
    seed: u64,
    end_gain: f64,
    is_residual_end: impl Fn(&str) -> bool,
) -> M {
    model.map(&mut Redraw {
        path: Vec::new(),
        seed,
        count: 0,
        end_gain,
        is_residual_end,
    })
}

struct Redraw<F> {
    path: Vec<String>,
    seed: u64,
    count: u64,
    end_gain: f64,
    is_residual_end: F,
}

impl<F: Fn(&str) -> bool> ModuleMapper for Redraw<F> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if D != 4 {
            return param;
        }
        let gain = if (self.is_residual_end)(&self.path.join(".")) {
            self.end_gain
        } else {
            1.0
        };
        let mut rng = random::generator(self.seed, "init", self.count);
        self.count += 1;
        param.map(|kernel| {
            let shape = kernel.dims();
            let fan_in: usize = shape[1..].iter().product();
            let scale = (gain / (fan_in as f64).sqrt()) as f32;
            let values: Vec<f32> = StandardNormal
                .sample_iter(&mut rng)
                .take(shape.iter().product())
                .map(|value: f32| value * scale)
                .collect();
            let device = kernel.device().without_autodiff();
            let drawn = Tensor::<D>::from_data(TensorData::new(values, shape), &device);
            if kernel.is_autodiff() {
                let tracked = kernel.is_require_grad();
                Tensor::from_inner(drawn).set_require_grad(tracked)
            } else {
                drawn
            }
        })
    }
}
