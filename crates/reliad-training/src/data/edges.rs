//! Edges of products, one bit a pixel: a full set of samples stays in memory.

use burn::tensor::{Device, Tensor, TensorData};
use image::{Rgb, RgbImage};
use rayon::prelude::*;
use reliad_imaging::canny::canny;

use crate::data::pictures::Pictures;

/// Square maps of edges, row by row, the first pixel of eight in the highest bit.
#[derive(Debug, Clone)]
pub struct Edges {
    size: usize,
    bits: Vec<u8>,
}

impl Edges {
    /// Canny edges of products (RGBA) over black, with these thresholds.
    pub fn of(products: &Pictures, [low, high]: [f32; 2]) -> Self {
        let size = products.size();
        let plane = size * size;
        let mut bits = vec![0u8; products.len() * Self::stride_of(size)];
        bits.par_chunks_mut(Self::stride_of(size))
            .enumerate()
            .for_each(|(index, out)| {
                let planes = products.bytes(index);
                let over_black = RgbImage::from_fn(size as u32, size as u32, |x, y| {
                    let at = y as usize * size + x as usize;
                    let alpha = u32::from(planes[3 * plane + at]);
                    let value = |channel: usize| {
                        ((u32::from(planes[channel * plane + at]) * alpha + 127) / 255) as u8
                    };
                    Rgb([value(0), value(1), value(2)])
                });
                for (at, &edge) in canny(&over_black, low, high).as_raw().iter().enumerate() {
                    if edge > 0 {
                        out[at / 8] |= 0x80 >> (at % 8);
                    }
                }
            });
        Self { size, bits }
    }

    /// Edges from packed bits at hand.
    pub fn new(size: usize, bits: Vec<u8>) -> Self {
        Self { size, bits }
    }

    /// The packed bits of all maps.
    pub fn bits(&self) -> &[u8] {
        &self.bits
    }

    /// Bytes of one map of this size.
    pub fn stride_of(size: usize) -> usize {
        (size * size).div_ceil(8)
    }

    /// The maps `indices` as `[n, 1, size, size]`, 0 or 1.
    pub fn batch(&self, indices: &[usize], device: &Device) -> Tensor<4> {
        let stride = Self::stride_of(self.size);
        let plane = self.size * self.size;
        let mut values = Vec::with_capacity(indices.len() * plane);
        for &index in indices {
            let bits = &self.bits[index * stride..][..stride];
            values.extend((0..plane).map(|at| f32::from(bits[at / 8] >> (7 - at % 8) & 1)));
        }
        let shape = [indices.len(), 1, self.size, self.size];
        Tensor::from_data(TensorData::new(values, shape), device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::pictures::Layout;

    #[test]
    fn packed_edges_are_those_of_the_picture() {
        // A white square on an empty canvas of 20 pixels, whose rows end within a byte.
        let size = 20;
        let plane = size * size;
        let mut planes = vec![0u8; 2 * 4 * plane];
        for row in 6..14 {
            for column in 5..13 {
                for channel in 0..4 {
                    planes[4 * plane + channel * plane + row * size + column] = 255;
                }
            }
        }
        let products = Pictures::from_bytes(Layout::Rgba, size, planes);
        let edges = Edges::of(&products, [100.0, 200.0]);
        let square = RgbImage::from_fn(size as u32, size as u32, |x, y| {
            let inside = (5..13).contains(&x) && (6..14).contains(&y);
            Rgb([if inside { 255 } else { 0 }; 3])
        });
        let expected: Vec<f32> = canny(&square, 100.0, 200.0)
            .as_raw()
            .iter()
            .map(|&edge| f32::from(edge) / 255.0)
            .collect();
        assert!(expected.iter().any(|&edge| edge == 1.0));
        let batch = edges.batch(&[1, 0], &Device::flex());
        assert_eq!(batch.dims(), [2, 1, size, size]);
        let found: Vec<f32> = batch.into_data().iter::<f32>().collect();
        assert_eq!(found[..plane], expected);
        assert!(found[plane..].iter().all(|&edge| edge == 0.0));
    }
}
