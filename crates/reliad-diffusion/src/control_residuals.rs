//! What steers a UNet: the tensors that a ControlNet adds to those on its way.

use burn::tensor::Tensor;

/// What a ControlNet adds to a UNet.
#[derive(Debug, Clone)]
pub struct ControlResiduals {
    /// To everything that the UNet keeps on its way down, in order.
    pub down: Vec<Tensor<4>>,
    /// To the result of the UNet's middle.
    pub mid: Tensor<4>,
}

impl ControlResiduals {
    /// The residuals of one row.
    pub fn row(&self, row: usize) -> Self {
        let row = |tensor: &Tensor<4>| tensor.clone().narrow(0, row, 1);
        Self {
            down: self.down.iter().map(row).collect(),
            mid: row(&self.mid),
        }
    }
}
