//! The operations as extensions of Burn's backends: Flex, and autodiff over Flex.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::{
    Autodiff, Backend, Dispatch, DispatchDevice, Flex, backend_extension, tensor::FloatTensor,
};
use burn::tensor::{DType, Shape, Tensor, TensorData};

use crate::{
    attention, batch_norm, conv2d, dropout, geglu, gelu, group_norm, max_pool, residual, unary,
};

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

/// The tensor of the Flex backend.
pub(crate) type FlexTensor = FloatTensor<Flex>;

/// The values of a contiguous tensor.
pub(crate) fn values(tensor: &FlexTensor) -> &[f32] {
    tensor
        .as_slice()
        .expect("f32 by `fused`, and made contiguous by the caller")
}

/// A tensor of these values.
pub(crate) fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// Fused operations of a backend.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait FusedOps: Backend {
    /// Group normalisation of `[n, c, *]`.
    fn fused_group_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        options: group_norm::Options,
    ) -> FloatTensor<Self>;

    /// Batch normalisation of `[n, c, *]` under given statistics.
    fn fused_batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        options: batch_norm::Options,
    ) -> FloatTensor<Self>;

    /// Mean and variance of every channel of `[n, c, *]`, `[2, c]`; no gradient flows through them.
    fn fused_batch_statistics(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Convolution of `[n, c, h, w]` with a square kernel.
    fn fused_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: conv2d::Options,
    ) -> FloatTensor<Self>;

    /// Attention of `[n, length, channels]`.
    fn fused_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        heads: usize,
        causal: bool,
    ) -> FloatTensor<Self>;

    /// Gated activation of `[.., 2 * width]`.
    fn fused_geglu(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Gaussian error linear unit.
    fn fused_gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Dropout.
    fn fused_dropout(x: FloatTensor<Self>, options: dropout::kernel::Options) -> FloatTensor<Self>;

    /// `relu(x + identity)`.
    fn fused_add_relu(x: FloatTensor<Self>, identity: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Maximum pooling of `[n, c, h, w]`.
    fn fused_max_pool(x: FloatTensor<Self>, window: max_pool::Window) -> FloatTensor<Self>;
}

impl FusedOps for Flex {
    fn fused_group_norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        options: group_norm::Options,
    ) -> FlexTensor {
        group_norm::node::forward([x, gamma, beta], options).0
    }

    fn fused_batch_norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        mean: FlexTensor,
        variance: FlexTensor,
        options: batch_norm::Options,
    ) -> FlexTensor {
        batch_norm::node::forward([x, gamma, beta], [mean, variance], options)
    }

    fn fused_batch_statistics(x: FlexTensor) -> FlexTensor {
        batch_norm::node::statistics(x)
    }

    fn fused_conv2d(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        options: conv2d::Options,
    ) -> FlexTensor {
        conv2d::node::forward([x, weight, bias], options)
    }

    fn fused_attention(
        q: FlexTensor,
        k: FlexTensor,
        v: FlexTensor,
        heads: usize,
        causal: bool,
    ) -> FlexTensor {
        attention::node::forward([q, k, v], heads, causal).0
    }

    fn fused_geglu(x: FlexTensor) -> FlexTensor {
        unary::forward(&geglu::node::Geglu, x)
    }

    fn fused_gelu(x: FlexTensor) -> FlexTensor {
        unary::forward(&gelu::node::Gelu, x)
    }

    fn fused_dropout(x: FlexTensor, options: dropout::kernel::Options) -> FlexTensor {
        unary::forward(&options, x)
    }

    fn fused_add_relu(x: FlexTensor, identity: FlexTensor) -> FlexTensor {
        residual::node::forward([x, identity])
    }

    fn fused_max_pool(x: FlexTensor, window: max_pool::Window) -> FlexTensor {
        unary::forward(&window, x)
    }
}

impl<C: CheckpointStrategy> FusedOps for Autodiff<Flex, C> {
    fn fused_batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        options: batch_norm::Options,
    ) -> FloatTensor<Self> {
        batch_norm::node::record::<C>([x, gamma, beta], [mean, variance], options)
    }

    fn fused_batch_statistics(x: FloatTensor<Self>) -> FloatTensor<Self> {
        <Self as burn::backend::AutodiffBackend>::from_inner(batch_norm::node::statistics(
            x.into_primitive(),
        ))
    }

    fn fused_group_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        options: group_norm::Options,
    ) -> FloatTensor<Self> {
        group_norm::node::record::<C>([x, gamma, beta], options)
    }

    fn fused_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: conv2d::Options,
    ) -> FloatTensor<Self> {
        conv2d::node::record::<C>([x, weight, bias], options)
    }

    fn fused_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        heads: usize,
        causal: bool,
    ) -> FloatTensor<Self> {
        attention::node::record::<C>([q, k, v], heads, causal)
    }

    fn fused_geglu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        unary::record::<_, C>(geglu::node::Geglu, x)
    }

    fn fused_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        unary::record::<_, C>(gelu::node::Gelu, x)
    }

    fn fused_dropout(x: FloatTensor<Self>, options: dropout::kernel::Options) -> FloatTensor<Self> {
        unary::record::<_, C>(options, x)
    }

    fn fused_add_relu(x: FloatTensor<Self>, identity: FloatTensor<Self>) -> FloatTensor<Self> {
        residual::node::record::<C>([x, identity])
    }

    fn fused_max_pool(x: FloatTensor<Self>, window: max_pool::Window) -> FloatTensor<Self> {
        unary::record::<_, C>(window, x)
    }
}

/// See [`FusedOps::fused_group_norm`].
pub(crate) fn group_norm<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    options: group_norm::Options,
) -> Tensor<D> {
    let [gamma, beta] = [gamma, beta].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_group_norm(
        x.into_dispatch(),
        gamma,
        beta,
        options,
    ))
}

/// See [`FusedOps::fused_batch_norm`].
pub(crate) fn batch_norm<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    statistics: [Tensor<1>; 2],
    options: batch_norm::Options,
) -> Tensor<D> {
    let [gamma, beta] = [gamma, beta].map(Tensor::into_dispatch);
    let [mean, variance] = statistics.map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_batch_norm(
        x.into_dispatch(),
        gamma,
        beta,
        mean,
        variance,
        options,
    ))
}

/// See [`FusedOps::fused_batch_statistics`].
pub(crate) fn batch_statistics<const D: usize>(x: Tensor<D>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_batch_statistics(
        x.into_dispatch(),
    ))
}

/// See [`FusedOps::fused_conv2d`].
pub(crate) fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    options: conv2d::Options,
) -> Tensor<4> {
    let [x, weight] = [x, weight].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_conv2d(
        x,
        weight,
        bias.into_dispatch(),
        options,
    ))
}

/// See [`FusedOps::fused_attention`].
pub(crate) fn attention(
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    heads: usize,
    causal: bool,
) -> Tensor<3> {
    let [q, k, v] = [q, k, v].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_attention(
        q, k, v, heads, causal,
    ))
}

/// See [`FusedOps::fused_geglu`].
pub(crate) fn geglu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_geglu(x.into_dispatch()))
}

/// See [`FusedOps::fused_dropout`].
pub(crate) fn dropout<const D: usize>(
    x: Tensor<D>,
    options: dropout::kernel::Options,
) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_dropout(
        x.into_dispatch(),
        options,
    ))
}

/// See [`FusedOps::fused_add_relu`].
pub(crate) fn add_relu<const D: usize>(x: Tensor<D>, identity: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_add_relu(
        x.into_dispatch(),
        identity.into_dispatch(),
    ))
}

/// See [`FusedOps::fused_max_pool`].
pub(crate) fn max_pool(x: Tensor<4>, window: max_pool::Window) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_max_pool(
        x.into_dispatch(),
        window,
    ))
}

/// See [`FusedOps::fused_gelu`].
pub(crate) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_gelu(x.into_dispatch()))
}
