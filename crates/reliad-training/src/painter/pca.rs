//! Principal components of 8x8 RGB blocks: the teacher of the autoencoder's latents.
//!
//! A linear code of four numbers a block already reconstructs a picture at about 26 dB; an encoder
//! that regresses it first, and a decoder trained from it, leave the grey plateau at once.

use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use nalgebra::{DMatrix, SymmetricEigen};

/// Side of a block in pixels: the autoencoder's reduction.
pub const BLOCK: usize = 8;
/// Numbers in a block of three channels.
pub const DIMENSIONS: usize = 3 * BLOCK * BLOCK;

/// The first components of a set of blocks, scaled so that each coordinate has unit variance.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockPca {
    /// Mean block, `DIMENSIONS` values ordered channel, row, column.
    pub mean: Vec<f64>,
    /// Orthonormal components, most important first, `DIMENSIONS` values each.
    pub components: Vec<Vec<f64>>,
    /// Standard deviation along each component.
    pub deviations: Vec<f64>,
}

impl BlockPca {
    /// Fits `count` components to blocks of `DIMENSIONS` values each.
    pub fn fit(blocks: &[f32], count: usize) -> Self {
        let rows = blocks.len() / DIMENSIONS;
        let values = blocks[..rows * DIMENSIONS]
            .iter()
            .map(|&value| f64::from(value));
        // A block a column, as nalgebra stores them.
        let mut centred = DMatrix::from_iterator(DIMENSIONS, rows, values);
        let mean = centred.column_sum() / rows.max(1) as f64;
        for mut block in centred.column_iter_mut() {
            block -= &mean;
        }
        let covariance = &centred * centred.transpose() / rows.max(1) as f64;
        let SymmetricEigen {
            eigenvalues,
            eigenvectors,
        } = SymmetricEigen::new(covariance);
        let mut order: Vec<usize> = (0..DIMENSIONS).collect();
        order.sort_by(|&a, &b| eigenvalues[b].total_cmp(&eigenvalues[a]));
        order.truncate(count);
        let component = |&at: &usize| {
            let vector = eigenvectors.column(at);
            // Of the two directions the one whose largest value is positive.
            let sign = vector[vector.iamax()].signum();
            vector.iter().map(|value| sign * value).collect()
        };
        Self {
            mean: mean.iter().copied().collect(),
            components: order.iter().map(component).collect(),
            deviations: order
                .iter()
                .map(|&at| eigenvalues[at].max(1e-8).sqrt())
                .collect(),
        }
    }

    /// The coding as a strided convolution on `device`.
    pub fn to_device(&self, device: &Device) -> BlockCode {
        let count = self.components.len();
        let mut encode = Vec::with_capacity(count * DIMENSIONS);
        let mut decode = vec![0.0f32; count * DIMENSIONS];
        let mut bias = Vec::with_capacity(count);
        for (k, (component, deviation)) in self.components.iter().zip(&self.deviations).enumerate()
        {
            encode.extend(component.iter().map(|value| (value / deviation) as f32));
            let offset: f64 = component.iter().zip(&self.mean).map(|(c, m)| c * m).sum();
            bias.push((-offset / deviation) as f32);
            for (d, value) in component.iter().enumerate() {
                decode[d * count + k] = (value * deviation) as f32;
            }
        }
        let mean: Vec<f32> = self.mean.iter().map(|value| *value as f32).collect();
        BlockCode {
            encode: Tensor::from_data(TensorData::new(encode, [count, 3, BLOCK, BLOCK]), device),
            encode_bias: Tensor::from_data(TensorData::new(bias, [count]), device),
            decode: Tensor::from_data(TensorData::new(decode, [DIMENSIONS, count, 1, 1]), device),
            decode_bias: Tensor::from_data(TensorData::new(mean, [DIMENSIONS]), device),
        }
    }
}

/// A [`BlockPca`] as tensors.
#[derive(Debug, Clone)]
pub struct BlockCode {
    encode: Tensor<4>,
    encode_bias: Tensor<1>,
    decode: Tensor<4>,
    decode_bias: Tensor<1>,
}

impl BlockCode {
    /// # Shapes
    /// - picture: `[n, 3, h, w]`, h and w divisible by 8
    /// - output: `[n, components, h / 8, w / 8]`, unit variance over the fitted blocks
    pub fn encode(&self, picture: Tensor<4>) -> Tensor<4> {
        conv2d(
            picture,
            self.encode.clone(),
            Some(self.encode_bias.clone()),
            ConvOptions::new([BLOCK, BLOCK], [0, 0], [1, 1], 1),
        )
    }

    /// The picture that the code stands for; the inverse of [`encode`](Self::encode) up to what
    /// the left-out components held.
    pub fn decode(&self, code: Tensor<4>) -> Tensor<4> {
        let blocks = conv2d(
            code,
            self.decode.clone(),
            Some(self.decode_bias.clone()),
            ConvOptions::new([1, 1], [0, 0], [1, 1], 1),
        );
        let [n, _, rows, columns] = blocks.dims();
        blocks
            .reshape([n, 3, BLOCK, BLOCK, rows, columns])
            .permute([0, 1, 4, 2, 5, 3])
            .reshape([n, 3, rows * BLOCK, columns * BLOCK])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    fn low_rank_picture(seed: u64) -> (Tensor<4>, Vec<f32>) {
        let device = Device::flex();
        let code = random::normal(
            &mut random::generator(seed, "code", 0),
            [2, 4, 8, 8],
            &device,
        );
        let basis = random::normal(
            &mut random::generator(1, "basis", 0),
            [DIMENSIONS, 4, 1, 1],
            &device,
        );
        let blocks = conv2d(
            code,
            basis,
            None,
            ConvOptions::new([1, 1], [0, 0], [1, 1], 1),
        );
        let rows: Vec<f32> = blocks
            .clone()
            .permute([0, 2, 3, 1])
            .into_data()
            .iter::<f32>()
            .collect();
        let picture = blocks
            .reshape([2, 3, BLOCK, BLOCK, 8, 8])
            .permute([0, 1, 4, 2, 5, 3])
            .reshape([2, 3, 64, 64]);
        (picture, rows)
    }

    #[test]
    fn four_components_rebuild_blocks_of_rank_four() {
        let (picture, rows) = low_rank_picture(7);
        let code = BlockPca::fit(&rows, 4).to_device(&Device::flex());
        let latents = code.encode(picture.clone());
        assert_eq!(latents.dims(), [2, 4, 8, 8]);
        let rebuilt = code.decode(latents.clone());
        let error = (rebuilt - picture.clone())
            .square()
            .mean()
            .into_scalar::<f32>();
        let power = picture.square().mean().into_scalar::<f32>();
        assert!(error / power < 1e-6, "{error} of {power}");
        let variance = latents.square().mean().into_scalar::<f32>();
        assert!((variance - 1.0).abs() < 1e-3, "{variance}");
    }

    #[test]
    fn components_are_orthonormal_and_ordered() {
        let (_, rows) = low_rank_picture(9);
        let pca = BlockPca::fit(&rows, 4);
        for (i, a) in pca.components.iter().enumerate() {
            for (j, b) in pca.components.iter().enumerate() {
                let expected = if i == j { 1.0 } else { 0.0 };
                let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                assert!((product - expected).abs() < 1e-9);
            }
        }
        assert!(pca.deviations.windows(2).all(|pair| pair[0] >= pair[1]));
    }
}
