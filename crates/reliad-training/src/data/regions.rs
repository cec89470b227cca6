//! Where on the latent grid a loss counts: the scene, the product, the ring around the product.

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use crate::data::pictures::Pictures;

/// Weights of a place by what it shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegionWeights {
    /// Places that the product covers.
    pub product: f32,
    /// Places within `ring_cells` of the product.
    pub ring: f32,
    /// Width of the ring in latent cells.
    pub ring_cells: usize,
}

/// How much of each cell of the latent grid the products cover, 0 to 1, `side * side` values a sample in row order.
#[derive(Debug, Clone)]
pub struct Cover {
    side: usize,
    values: Vec<f32>,
}

impl Cover {
    /// Of products on their canvases (RGBA), on a grid of `side` cells.
    pub fn of(products: &Pictures, side: usize) -> Self {
        let mut values = vec![0f32; products.len() * side * side];
        values
            .par_chunks_mut(side * side)
            .enumerate()
            .for_each(|(index, map)| map.copy_from_slice(&cover(products, index, side)));
        Self { side, values }
    }

    /// The same maps as those of the samples `places` among `count`; products cover nothing of the others.
    pub fn among(self, places: &[usize], count: usize) -> Self {
        let stride = self.side * self.side;
        let mut values = vec![0f32; count * stride];
        for (map, &place) in self.values.chunks_exact(stride).zip(places) {
            values[place * stride..][..stride].copy_from_slice(map);
        }
        Self { values, ..self }
    }

    /// Of shares at hand.
    pub fn new(side: usize, values: Vec<f32>) -> Self {
        Self { side, values }
    }

    /// The shares of all samples.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// On a grid of half as many cells a side.
    pub fn halved(&self) -> Self {
        let (side, half) = (self.side, self.side / 2);
        let maps = self.values.chunks_exact(side * side);
        let values = maps.flat_map(|map| {
            (0..half * half).map(move |at| {
                let first = 2 * (at / half) * side + 2 * (at % half);
                let cells = [first, first + 1, first + side, first + side + 1];
                cells.iter().map(|&cell| map[cell]).sum::<f32>() / 4.0
            })
        });
        Self {
            side: half,
            values: values.collect(),
        }
    }
}

/// One weight map a sample, `side * side` values in row order.
#[derive(Debug, Clone)]
pub struct Regions {
    side: usize,
    weights: Vec<f32>,
}

impl Regions {
    /// Weight maps on the grid of `cover`. The scene counts 1; a cell that the product covers in part lies between.
    pub fn new(cover: &Cover, weights: RegionWeights) -> Self {
        let side = cover.side;
        let mut maps = vec![0f32; cover.values.len()];
        maps.par_chunks_mut(side * side)
            .zip(cover.values.par_chunks(side * side))
            .for_each(|(map, cover)| {
                for row in 0..side {
                    for column in 0..side {
                        let covered = cover[row * side + column];
                        let outside = if near(cover, side, row, column, weights.ring_cells) {
                            weights.ring
                        } else {
                            1.0
                        };
                        map[row * side + column] =
                            covered * weights.product + (1.0 - covered) * outside;
                    }
                }
            });
        Self {
            side,
            weights: maps,
        }
    }

    /// The maps `indices` as `[n, 1, side, side]`.
    pub fn batch(&self, indices: &[usize], device: &Device) -> Tensor<4> {
        let stride = self.side * self.side;
        let values: Vec<f32> = indices
            .iter()
            .flat_map(|&index| &self.weights[index * stride..][..stride])
            .copied()
            .collect();
        let shape = [indices.len(), 1, self.side, self.side];
        Tensor::from_data(TensorData::new(values, shape), device)
    }
}

/// Mean alpha of each cell, 0 to 1.
fn cover(products: &Pictures, index: usize, side: usize) -> Vec<f32> {
    let size = products.size();
    let cell = size / side;
    let alpha = &products.bytes(index)[3 * size * size..];
    (0..side * side)
        .map(|at| {
            let (row, column) = (at / side, at % side);
            let sum: u32 = (0..cell * cell)
                .map(|i| {
                    let (y, x) = (row * cell + i / cell, column * cell + i % cell);
                    u32::from(alpha[y * size + x])
                })
                .sum();
            sum as f32 / (255 * cell * cell) as f32
        })
        .collect()
}

fn near(cover: &[f32], side: usize, row: usize, column: usize, reach: usize) -> bool {
    let span = |at: usize| at.saturating_sub(reach)..(at + reach + 1).min(side);
    span(row).any(|r| span(column).any(|c| cover[r * side + c] > 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::pictures::Layout;

    #[test]
    fn product_ring_and_scene_have_their_weights() {
        // 8x8 pixels, 4x4 cells; the product covers the cell in row 0, column 0 and half of its
        // neighbour below.
        let mut planes = vec![0u8; 4 * 64];
        for (row, column) in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)] {
            planes[3 * 64 + row * 8 + column] = 255;
        }
        let products = Pictures::from_bytes(Layout::Rgba, 8, planes);
        let weights = RegionWeights {
            product: 0.2,
            ring: 2.0,
            ring_cells: 1,
        };
        let map = Regions::new(&Cover::of(&products, 4), weights).weights;
        assert!((map[0] - 0.2).abs() < 1e-6);
        assert!((map[4] - 1.1).abs() < 1e-6);
        assert_eq!((map[1], map[8], map[3], map[12]), (2.0, 2.0, 1.0, 1.0));
        let halved = Cover::of(&products, 4).halved();
        assert_eq!(halved.values(), [0.375, 0.0, 0.0, 0.0]);
    }
}
