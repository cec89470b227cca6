//! Tensors of Burn's Flex backend, which the fused kernels read and make.

use burn::backend::{DispatchDevice, Flex, tensor::FloatTensor};
use burn::tensor::{DType, Shape, Tensor, TensorData};

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
