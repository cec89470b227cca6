//! What an adapter does to one layer, by its kind.
//!
//! | kind | change of the weight, as a matrix `[outputs, inputs * kernel]` | source |
//! |---|---|---|
//! | LoRA, LoCon | `scale * up down`; with `mid` the kernel's core between them | Hu et al. 2021; LyCORIS |
//! | LoHa | `scale * (w1_a w1_b) ⊙ (w2_a w2_b)`, each with a core `t1`, `t2` where there is one | Hyeon-Woo et al. 2022, arXiv 2108.06098 |
//! | LoKr | `scale * w1 ⊗ w2`, each whole or a product | LyCORIS, arXiv 2309.14859 |
//! | full | `diff` itself | LyCORIS |
//! | IA3 | `weight ⊙ w` along inputs or outputs | LyCORIS; Liu et al. 2022, arXiv 2205.05638 |
//!
//! `scale` is `alpha / rank`. With a magnitude `m` (DoRA, Liu et al. 2024, arXiv 2402.09353) the changed weight
//! `V = W + change` becomes `m * V / |V|`, the norm taken for each output or each input, and the change is what that differs
//! from `W`.

use burn::tensor::{Device, Tensor, TensorData};

/// The numbers of one tensor.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// A product `a b` of `[outputs, rank]` and `[rank, inputs]`, or Tucker's with a core `[rank, rank, kernel]` between them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chain {
    a: Array,
    b: Array,
    core: Option<Array>,
}

/// A matrix that is given or a product.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Factor {
    Whole(Array),
    Chain(Chain),
}

/// The change of a weight.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Delta {
    LowRank(Chain),
    Hadamard([Chain; 2]),
    Kronecker([Factor; 2]),
    Full(Array),
    Channels { by: Array, on_input: bool },
}

/// DoRA's norms.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Magnitude {
    pub(super) norms: Array,
    /// PEFT has one for each output; LyCORIS one for each output, `[outputs, 1, ..]`, or each input, `[1, inputs, ..]`.
    pub(super) of_outputs: bool,
}

/// All that an adapter changes of a layer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// `unet` or `text_encoder`.
    pub(super) component: &'static str,
    /// The layer's foreign name, with `_` for `.`: kohya's files know no other.
    pub(super) flat: String,
    /// As the file has it, for messages.
    pub(super) name: String,
    pub(super) weight: Option<Delta>,
    pub(super) scale: f64,
    pub(super) magnitude: Option<Magnitude>,
    pub(super) bias: Option<Array>,
}

/// A weight's sizes: a matrix of `outputs` rows and `inputs * kernel` columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sizes {
    pub(super) outputs: usize,
    pub(super) inputs: usize,
    pub(super) kernel: usize,
}

impl Sizes {
    fn columns(self) -> usize {
        self.inputs * self.kernel
    }
}

impl Array {
    fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    fn columns(&self) -> usize {
        self.values.len() / self.rows()
    }

    fn matrix(&self, device: &Device) -> Tensor<2> {
        let shape = [self.rows(), self.columns()];
        Tensor::from_data(TensorData::new(self.values.clone(), shape), device)
    }

    /// Rows for columns.
    pub(super) fn transposed(&self) -> Self {
        let (rows, columns) = (self.rows(), self.columns());
        let value = |at: usize| self.values[(at % rows) * columns + at / rows];
        Self {
            shape: vec![columns, rows],
            values: (0..rows * columns).map(value).collect(),
        }
    }

    fn told(&self) -> String {
        format!("{:?}", self.shape)
    }
}

impl Chain {
    /// `a` is `[outputs, rank]`, `b` `[rank, inputs]`.
    pub(super) fn new(a: Array, b: Array, core: Option<Array>) -> Result<Self, String> {
        let rank = b.rows();
        let fits = core.as_ref().is_none_or(|core| {
            core.shape.len() >= 2 && core.shape[0] == rank && core.shape[1] == rank
        });
        if a.columns() != rank || !fits {
            let between = core.map(|core| format!(" with {} between", core.told()));
            return Err(format!(
                "its factors {} and {}{} don't fit each other",
                a.told(),
                b.told(),
                between.unwrap_or_default()
            ));
        }
        Ok(Self { a, b, core })
    }

    pub(super) fn rank(&self) -> usize {
        self.b.rows()
    }

    /// Rows and columns of the product.
    fn sizes(&self) -> (usize, usize) {
        let kernel = self.core.as_ref().map_or(1, kernel_of);
        (self.a.rows(), self.b.columns() * kernel)
    }

    fn matrix(&self, device: &Device) -> Tensor<2> {
        let (a, b) = (self.a.matrix(device), self.b.matrix(device));
        let Some(core) = &self.core else {
            return a.matmul(b);
        };
        let (rank, inputs, kernel) = (self.rank(), self.b.columns(), kernel_of(core));
        let core = core.matrix(device).reshape([rank, rank, kernel]);
        // [rank, kernel, rank] [rank, inputs] -> [rank, inputs, kernel]
        let right = core
            .swap_dims(1, 2)
            .reshape([rank * kernel, rank])
            .matmul(b);
        let right = right.reshape([rank, kernel, inputs]).swap_dims(1, 2);
        a.matmul(right.reshape([rank, inputs * kernel]))
    }
}

fn kernel_of(core: &Array) -> usize {
    core.shape[2..].iter().product()
}

impl Factor {
    fn sizes(&self) -> (usize, usize) {
        match self {
            Self::Whole(array) => (array.rows(), array.columns()),
            Self::Chain(chain) => chain.sizes(),
        }
    }

    /// Of a product.
    pub(super) fn rank(&self) -> Option<usize> {
        match self {
            Self::Whole(_) => None,
            Self::Chain(chain) => Some(chain.rank()),
        }
    }

    fn matrix(&self, device: &Device) -> Tensor<2> {
        match self {
            Self::Whole(array) => array.matrix(device),
            Self::Chain(chain) => chain.matrix(device),
        }
    }
}

impl Delta {
    fn check(&self, sizes: Sizes) -> Result<(), String> {
        let wanted = (sizes.outputs, sizes.columns());
        let unless = |found: (usize, usize)| match found == wanted {
            true => Ok(()),
            false => Err(format!(
                "expected {} outputs of {} inputs, found {} of {}",
                wanted.0, wanted.1, found.0, found.1
            )),
        };
        match self {
            Self::LowRank(chain) => unless(chain.sizes()),
            Self::Hadamard(chains) => chains.iter().try_for_each(|chain| unless(chain.sizes())),
            Self::Kronecker([first, second]) => {
                let ((a, c), (b, d)) = (first.sizes(), second.sizes());
                unless((a.saturating_mul(b), c.saturating_mul(d)))
            }
            Self::Full(array) => unless((array.rows(), array.columns())),
            Self::Channels { by, on_input } => {
                let expected = if *on_input {
                    sizes.inputs
                } else {
                    sizes.outputs
                };
                match by.values.len() == expected {
                    true => Ok(()),
                    false => Err(format!(
                        "expected {expected} factors, found {}",
                        by.values.len()
                    )),
                }
            }
        }
    }

    fn matrix(&self, weight: &Tensor<2>, sizes: Sizes) -> Tensor<2> {
        let device = &weight.device();
        match self {
            Self::LowRank(chain) => chain.matrix(device),
            Self::Hadamard([first, second]) => first.matrix(device) * second.matrix(device),
            Self::Kronecker([first, second]) => {
                let ((a, c), (b, d)) = (first.sizes(), second.sizes());
                let first = first.matrix(device).reshape([a, 1, c, 1]);
                let second = second.matrix(device).reshape([1, b, 1, d]);
                let product: Tensor<4> = first * second;
                product.reshape([a * b, c * d])
            }
            Self::Full(array) => array.matrix(device),
            Self::Channels { by, on_input } => {
                let by = by.matrix(device);
                along(weight.clone(), by, sizes, *on_input)
            }
        }
    }
}

/// `weight` times a factor for each input, or each output.
fn along(weight: Tensor<2>, factors: Tensor<2>, sizes: Sizes, inputs: bool) -> Tensor<2> {
    let Sizes {
        outputs,
        inputs: ins,
        kernel,
    } = sizes;
    let factors = match inputs {
        true => factors.reshape([1, ins, 1]),
        false => factors.reshape([outputs, 1, 1]),
    };
    let product = weight.reshape([outputs, ins, kernel]) * factors;
    product.reshape([outputs, ins * kernel])
}

impl Magnitude {
    /// Whether the norms are of inputs; `None` where they fit neither.
    fn of_inputs(&self, sizes: Sizes) -> Option<bool> {
        let count = self.norms.values.len();
        let first = self.norms.rows();
        if count == sizes.outputs && (self.of_outputs || first == sizes.outputs) {
            return Some(false);
        }
        let second = self.norms.shape.get(1).copied();
        (!self.of_outputs && count == sizes.inputs && second == Some(sizes.inputs)).then_some(true)
    }

    /// `changed` with the norms that it should have. As LyCORIS does, something tiny keeps the divisor from zero.
    fn rescale(&self, changed: Tensor<2>, sizes: Sizes) -> Tensor<2> {
        let inputs = self.of_inputs(sizes).unwrap_or(false);
        let Sizes {
            outputs,
            inputs: ins,
            kernel,
        } = sizes;
        let squares = changed.clone().square();
        let found = match inputs {
            true => squares
                .reshape([outputs, ins, kernel])
                .sum_dim(0)
                .sum_dim(2)
                .reshape([1, ins]),
            false => squares.sum_dim(1).reshape([1, outputs]),
        };
        let wanted = self.norms.matrix(&changed.device());
        let wanted = wanted.reshape([1, self.norms.values.len()]);
        let factors = wanted / found.sqrt().add_scalar(f32::EPSILON);
        along(changed, factors, sizes, inputs)
    }
}

impl Change {
    /// Whether it fits a layer of these sizes; `None` for a weight or bias that the layer hasn't.
    pub(super) fn check(&self, weight: Option<Sizes>, bias: Option<Sizes>) -> Result<(), String> {
        let told = |reason: String| format!("{}: {reason}", self.name);
        if let Some(delta) = &self.weight {
            let sizes = weight.ok_or_else(|| told("the layer has no weight".to_owned()))?;
            delta.check(sizes).map_err(told)?;
            if let Some(magnitude) = &self.magnitude
                && magnitude.of_inputs(sizes).is_none()
            {
                return Err(told(format!(
                    "norms of the shape {} fit neither {} outputs nor {} inputs",
                    magnitude.norms.told(),
                    sizes.outputs,
                    sizes.inputs
                )));
            }
        }
        if let Some(change) = &self.bias {
            let sizes = bias.ok_or_else(|| told("the layer has no bias".to_owned()))?;
            Delta::Full(change.clone()).check(sizes).map_err(told)?;
        }
        Ok(())
    }

    /// The weight, `[outputs, inputs * kernel]`, with the change `strength` times; [`check`](Self::check) has passed.
    pub(super) fn weight(&self, weight: Tensor<2>, sizes: Sizes, strength: f64) -> Tensor<2> {
        let Some(delta) = &self.weight else {
            return weight;
        };
        let delta = delta.matrix(&weight, sizes);
        match &self.magnitude {
            None => weight + delta.mul_scalar((self.scale * strength) as f32),
            Some(magnitude) => {
                let changed = weight.clone() + delta.mul_scalar(self.scale as f32);
                let change = magnitude.rescale(changed, sizes) - weight.clone();
                weight + change.mul_scalar(strength as f32)
            }
        }
    }

    /// The bias with its change `strength` times.
    pub(super) fn bias(&self, bias: Tensor<2>, strength: f64) -> Tensor<2> {
        match &self.bias {
            Some(change) => {
                let change = change.matrix(&bias.device());
                bias + change.mul_scalar(strength as f32)
            }
            None => bias,
        }
    }
}
