//! Edges of products, one bit a pixel: a full set of samples stays in memory.

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use reliad_imaging::{self as imaging, PlacedProduct, Problem};

use crate::data::pictures::Pictures;
use crate::error::{Error, Result};

/// Square maps of edges, row by row, the first pixel of eight in the highest bit.
#[derive(Debug, Clone)]
pub struct Edges {
    size: usize,
    bits: Vec<u8>,
}

impl Edges {
    /// Canny edges of products (RGBA) on their canvases, taken as the painter's own products are. One of which nothing is
    /// visible has none.
    ///
    /// # Errors
    /// A picture that can't be placed.
    pub fn of(products: &Pictures, thresholds: [f32; 2]) -> Result<Self> {
        let size = products.size();
        let mut bits = vec![0u8; products.len() * Self::stride_of(size)];
        bits.par_chunks_mut(Self::stride_of(size))
            .enumerate()
            .try_for_each(|(index, out)| {
                let edges = match PlacedProduct::from_canvas_rgba(products.rgba(index)) {
                    Ok(product) => product.edges(thresholds),
                    Err(imaging::Error::Picture(Problem::Transparent)) => return Ok(()),
                    Err(error) => return Err(Error::component("product")(error)),
                };
                for (at, &edge) in edges.as_raw().iter().enumerate() {
                    if edge > 0 {
                        out[at / 8] |= 0x80 >> (at % 8);
                    }
                }
                Ok(())
            })?;
        Ok(Self { size, bits })
    }

    /// The same maps as those of the samples `places` among `count`; the others have no edges.
    pub fn among(self, places: &[usize], count: usize) -> Self {
        let stride = Self::stride_of(self.size);
        let mut bits = vec![0u8; count * stride];
        for (map, &place) in self.bits.chunks_exact(stride).zip(places) {
            bits[place * stride..][..stride].copy_from_slice(map);
        }
        Self { bits, ..self }
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
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use image::{Rgb, RgbImage};
    use reliad_imaging::canny::{THRESHOLDS, canny};

    use super::*;
    use crate::data::pictures::Layout;

    #[test]
    fn packed_edges_are_those_of_the_picture() {
        // A white square on an empty canvas.
        let size = 24;
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
        let edges = Edges::of(&products, [100.0, 200.0]).unwrap();
        let square = RgbImage::from_fn(size as u32, size as u32, |x, y| {
            let inside = (5..13).contains(&x) && (6..14).contains(&y);
            Rgb([if inside { 255 } else { 0 }; 3])
        });
        let expected: Vec<f32> = canny(&square, 100.0, 200.0)
            .as_raw()
            .iter()
            .map(|&edge| f32::from(edge) / 255.0)
            .collect();
        assert!(expected.contains(&1.0));
        let batch = edges.batch(&[1, 0], &Device::flex());
        assert_eq!(batch.dims(), [2, 1, size, size]);
        let found: Vec<f32> = batch.into_data().iter::<f32>().collect();
        assert_eq!(found[..plane], expected);
        assert!(found[plane..].iter().all(|&edge| edge == 0.0));
    }

    #[test]
    fn edges_are_those_of_placed_products() {
        let side = 32;
        let product = image::RgbaImage::from_fn(side, side, |x, y| {
            let alpha = match (x, y) {
                (8..24, 6..26) => 255,
                // A soft rim with white in it, as cut-outs have it.
                (7 | 24, 6..26) => 128,
                _ => 0,
            };
            let value = if alpha == 128 { 230 } else { 90 };
            image::Rgba([value, value, value, alpha])
        });
        let planes = |picture: &image::RgbaImage| -> Vec<u8> {
            let bytes = picture.as_raw();
            (0..4)
                .flat_map(|channel| bytes.iter().skip(channel).step_by(4).copied())
                .collect()
        };
        let mut bytes = planes(&product);
        bytes.extend(vec![0; bytes.len()]);
        let products = Pictures::from_bytes(Layout::Rgba, side as usize, bytes);
        let drawn = Edges::of(&products, THRESHOLDS).unwrap();
        let drawn = drawn.batch(&[0, 1], &Device::flex()).into_data();
        let drawn: Vec<u8> = drawn.iter::<f32>().map(|edge| edge as u8 * 255).collect();
        let (shown, nothing) = drawn.split_at((side * side) as usize);
        let placed = PlacedProduct::from_canvas_rgba(product).unwrap();
        assert_eq!(shown, placed.edges(THRESHOLDS).as_raw());
        assert!(shown.contains(&255));
        assert!(!nothing.contains(&255));
    }
}
