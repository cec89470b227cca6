//! The Feature Filter Module: what the caption says about the product, laid on the product's own feature.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Bool, Device, Tensor};

use super::RfNetConfig;
use crate::attention::Attention;

/// One block of the feature filter:
/// `e_f = Conv(Conv(CrossAttn(Q = e_o, K = V = e_c)) * Conv(e_o)) + e_o` (2408.00418).
#[derive(Module, Debug)]
pub struct FeatureFilter {
    attention: Attention,
    attended_conv: Conv2d,
    product_conv: Conv2d,
    output_conv: Conv2d,
}

impl FeatureFilter {
    pub(super) fn init(config: &RfNetConfig, device: &Device) -> Self {
        let (width, kernel) = (config.width, config.filter_kernel);
        let pad = kernel / 2;
        let conv = || {
            Conv2dConfig::new([width, width], [kernel, kernel])
                .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
                .init(device)
        };
        Self {
            attention: Attention::init(width, config.heads, config.dropout, device),
            attended_conv: conv(),
            product_conv: conv(),
            output_conv: conv(),
        }
    }

    /// # Shapes
    /// - product: `[n, width, h, w]`
    /// - caption: `[n, tokens, width]`; mask: `[n, tokens]`, true where a token is real
    /// - output: `[n, width, h, w]`
    pub fn forward(
        &self,
        product: Tensor<4>,
        caption: Tensor<3>,
        mask: Tensor<2, Bool>,
    ) -> Tensor<4> {
        let [n, width, h, w] = product.dims();
        let queries = product.clone().reshape([n, width, h * w]).swap_dims(1, 2);
        let attended = self
            .attention
            .forward(queries, caption, Some(mask))
            .swap_dims(1, 2)
            .reshape([n, width, h, w]);
        let filter = self.attended_conv.forward(attended);
        let filtered = filter * self.product_conv.forward(product.clone());
        self.output_conv.forward(filtered) + product
    }
}
