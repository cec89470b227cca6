//! The operations as extensions of Burn's backends: Flex, and autodiff over Flex.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{
    Autodiff, Backend, Dispatch, DispatchDevice, Flex, TensorMetadata, backend_extension,
    tensor::FloatTensor,
};
use burn::tensor::{DType, Tensor, TensorData};

use crate::conv2d;
use crate::group_norm::kernel::{self, Geometry, Moments};

/// Whether the fused kernels serve this tensor: f32 on Flex, with or without autodiff.
pub(crate) fn fused<const D: usize>(tensor: &Tensor<D>) -> bool {
    fn flex(device: &DispatchDevice) -> bool {
        match device {
            DispatchDevice::Flex(_) => true,
            DispatchDevice::Autodiff(device) => flex(&device.clone().inner()),
            #[allow(
                unreachable_patterns,
                reason = "other backends exist only with their features"
            )]
            _ => false,
        }
    }
    tensor.dtype() == DType::F32 && flex(tensor.device().as_dispatch())
}

/// Fused operations of a backend.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait FusedOps: Backend {
    /// Group normalisation of `[n, c, *]`, with `SiLU` after it if asked.
    fn fused_group_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        groups: usize,
        epsilon: f64,
        silu: bool,
    ) -> FloatTensor<Self>;

    /// Convolution of `[n, c, h, w]` with a square kernel; `sides` is rows above, columns left, rows below, columns right.
    fn fused_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
        sides: [usize; 4],
    ) -> FloatTensor<Self>;
}

/// See [`FusedOps::fused_conv2d`].
pub(crate) fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    stride: usize,
    sides: [usize; 4],
) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_conv2d(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        stride,
        sides,
    ))
}

/// See [`FusedOps::fused_group_norm`].
pub(crate) fn group_norm<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    groups: usize,
    epsilon: f64,
    silu: bool,
) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_group_norm(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        groups,
        epsilon,
        silu,
    ))
}

type FlexTensor = FloatTensor<Flex>;

fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("made contiguous before")
}

fn tensor(values: Vec<f32>, shape: impl Into<burn::tensor::Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

fn geometry(x: &FlexTensor, groups: usize, epsilon: f64, silu: bool) -> Geometry {
    let shape = x.shape();
    Geometry {
        channels: shape[1],
        groups,
        pixels: shape.iter().skip(2).product(),
        epsilon: epsilon as f32,
        silu,
    }
}

fn group_norm_forward(
    x: FlexTensor,
    gamma: FlexTensor,
    beta: FlexTensor,
    groups: usize,
    epsilon: f64,
    silu: bool,
) -> (FlexTensor, Moments) {
    let shape = x.shape();
    let (x, gamma, beta) = (
        x.to_contiguous(),
        gamma.to_contiguous(),
        beta.to_contiguous(),
    );
    let geometry = geometry(&x, groups, epsilon, silu);
    let (y, moments) = kernel::forward(values(&x), values(&gamma), values(&beta), geometry);
    (tensor(y, shape), moments)
}

fn conv2d_geometry(
    x: &FlexTensor,
    weight: &FlexTensor,
    stride: usize,
    sides: [usize; 4],
) -> conv2d::kernel::Geometry {
    let (x, weight) = (x.shape(), weight.shape());
    let [above, left, below, right] = sides;
    conv2d::kernel::Geometry {
        samples: x[0],
        channels_in: x[1],
        channels_out: weight[0],
        input: [x[2], x[3]],
        kernel: weight[2],
        stride,
        before: [above, left],
        after: [below, right],
    }
}

impl FusedOps for Flex {
    fn fused_group_norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        groups: usize,
        epsilon: f64,
        silu: bool,
    ) -> FlexTensor {
        group_norm_forward(x, gamma, beta, groups, epsilon, silu).0
    }

    fn fused_conv2d(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        stride: usize,
        sides: [usize; 4],
    ) -> FlexTensor {
        let geometry = conv2d_geometry(&x, &weight, stride, sides);
        let (x, weight, bias) = (
            x.to_contiguous(),
            weight.to_contiguous(),
            bias.to_contiguous(),
        );
        let y = conv2d::kernel::forward(values(&x), values(&weight), Some(values(&bias)), geometry);
        let [height, width] = geometry.output();
        tensor(y, [geometry.samples, geometry.channels_out, height, width])
    }
}

#[derive(Debug)]
struct GroupNormBackward;

/// What the backward pass of a group norm keeps, next to the checkpointed inputs.
#[derive(Debug, Clone)]
struct GroupNormState {
    inputs: [NodeId; 3],
    moments: std::sync::Arc<Moments>,
    groups: usize,
    epsilon: f64,
    silu: bool,
}

impl Backward<Flex, 3> for GroupNormBackward {
    type State = GroupNormState;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let state = ops.state;
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let [x, gamma, beta] = state.inputs.map(|id| {
            checkpointer
                .retrieve_node_output::<FlexTensor>(id)
                .to_contiguous()
        });
        let geometry = geometry(&x, state.groups, state.epsilon, state.silu);
        let result = kernel::backward(
            values(&x),
            values(&dy),
            values(&gamma),
            values(&beta),
            &state.moments,
            geometry,
        );
        let results = [
            (result.x, x.shape()),
            (result.gamma, gamma.shape()),
            (result.beta, beta.shape()),
        ];
        for (parent, (gradient, shape)) in ops.parents.into_iter().zip(results) {
            if let Some(node) = parent {
                grads.register::<Flex>(node.id, tensor(gradient, shape));
            }
        }
    }
}

impl<C: CheckpointStrategy> FusedOps for Autodiff<Flex, C> {
    fn fused_group_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        groups: usize,
        epsilon: f64,
        silu: bool,
    ) -> FloatTensor<Self> {
        match GroupNormBackward
            .prepare::<C>([x.node(), gamma.node(), beta.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(mut prep) => {
                let inputs = [
                    prep.checkpoint(&x),
                    prep.checkpoint(&gamma),
                    prep.checkpoint(&beta),
                ];
                let (y, moments) = group_norm_forward(
                    x.into_primitive(),
                    gamma.into_primitive(),
                    beta.into_primitive(),
                    groups,
                    epsilon,
                    silu,
                );
                let state = GroupNormState {
                    inputs,
                    moments: moments.into(),
                    groups,
                    epsilon,
                    silu,
                };
                prep.finish(state, y)
            }
            OpsKind::UnTracked(prep) => prep.finish(Flex::fused_group_norm(
                x.into_primitive(),
                gamma.into_primitive(),
                beta.into_primitive(),
                groups,
                epsilon,
                silu,
            )),
        }
    }

    fn fused_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
        sides: [usize; 4],
    ) -> FloatTensor<Self> {
        let inputs = [x.node(), weight.node(), bias.node()];
        match Conv2dBackward
            .prepare::<C>(inputs)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(mut prep) => {
                let inputs = [prep.checkpoint(&x), prep.checkpoint(&weight)];
                let y = Flex::fused_conv2d(
                    x.into_primitive(),
                    weight.into_primitive(),
                    bias.into_primitive(),
                    stride,
                    sides,
                );
                prep.finish(
                    Conv2dState {
                        inputs,
                        stride,
                        sides,
                    },
                    y,
                )
            }
            OpsKind::UnTracked(prep) => prep.finish(Flex::fused_conv2d(
                x.into_primitive(),
                weight.into_primitive(),
                bias.into_primitive(),
                stride,
                sides,
            )),
        }
    }
}

#[derive(Debug)]
struct Conv2dBackward;

/// What the backward pass of a convolution keeps.
#[derive(Debug, Clone)]
struct Conv2dState {
    /// Input and weight.
    inputs: [NodeId; 2],
    stride: usize,
    sides: [usize; 4],
}

impl Backward<Flex, 3> for Conv2dBackward {
    type State = Conv2dState;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let state = ops.state;
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let [x, weight] = state.inputs.map(|id| {
            checkpointer
                .retrieve_node_output::<FlexTensor>(id)
                .to_contiguous()
        });
        let geometry = conv2d_geometry(&x, &weight, state.stride, state.sides);
        let [node_x, node_weight, node_bias] = ops.parents;
        if let Some(node) = node_x {
            let gradient = conv2d::kernel::input_gradient(values(&dy), values(&weight), geometry);
            grads.register::<Flex>(node.id, tensor(gradient, x.shape()));
        }
        if let Some(node) = node_weight {
            let gradient = conv2d::kernel::weight_gradient(values(&x), values(&dy), geometry);
            grads.register::<Flex>(node.id, tensor(gradient, weight.shape()));
        }
        if let Some(node) = node_bias {
            let pixels = geometry.output().iter().product();
            let gradient =
                conv2d::kernel::bias_gradient(values(&dy), geometry.channels_out, pixels);
            grads.register::<Flex>(node.id, tensor(gradient, [geometry.channels_out]));
        }
    }
}
