//! Products of matrices in bf16, as convolutions of one pixel: the rows are output channels, the inner index counts input
//! channels, the columns are pixels.

use std::borrow::Cow;

use super::kernel::{Correlation, correlate};
use super::planes::{Layout, lay};
use super::tiles::Weights;
use super::weight_gradient::transpose;
use crate::Arithmetic;

/// `a` `[rows, inner]`, its strides given, times `b` `[inner, columns]`; factors in bf16, sums in f32.
pub(crate) fn product(
    a: &[f32],
    strides: [usize; 2],
    b: &[f32],
    [rows, inner, columns]: [usize; 3],
) -> Vec<f32> {
    let planes = lay(
        b,
        Layout {
            channels: inner,
            size: [1, columns],
            before: [0, 0],
            into: [1, columns],
            stride: 1,
            phases: 1,
            exact: true,
        },
    );
    let weights = Weights {
        values: Cow::Borrowed(a),
        row: strides[0],
        channels: inner,
        channel: strides[1],
        taps: vec![0],
    };
    let shape = Correlation {
        samples: 1,
        outs: rows,
        output: [1, columns],
        taps: &[0],
        arithmetic: Arithmetic::Bf16,
    };
    correlate(&planes, &weights, None, shape)
}

/// A matrix of rows of `columns` values with rows for columns.
pub(crate) fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let mut to = vec![0.0; values.len()];
    transpose(values, columns, &mut to, values.len() / columns);
    to
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::bf16;

    #[test]
    fn products_are_those_of_rounded_factors() {
        if !Arithmetic::Bf16.is_here() {
            return;
        }
        let scattered = |len: usize, seed: usize| -> Vec<f32> {
            let mix = |i: usize| (i * 31 + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            (0..len)
                .map(|i| mix(i) as f32 / 8_388_608.0 - 1.0)
                .collect()
        };
        for [rows, inner, columns] in [[1, 1, 1], [3, 7, 5], [40, 33, 100], [17, 64, 48]] {
            let (a, b) = (scattered(rows * inner, 1), scattered(inner * columns, 2));
            let sizes = [rows, inner, columns];
            let got = product(&a, [inner, 1], &b, sizes);
            assert_eq!(product(&transposed(&a, inner), [1, rows], &b, sizes), got);
            let across = transposed(&b, columns);
            let rounded = |value: f32| f64::from(f32::from_bits(u32::from(bf16(value)) << 16));
            for (index, got) in got.iter().enumerate() {
                let (a, b) = (
                    &a[index / columns * inner..][..inner],
                    &across[index % columns * inner..][..inner],
                );
                let wanted: f64 = a
                    .iter()
                    .zip(b)
                    .map(|(a, b)| rounded(*a) * rounded(*b))
                    .sum();
                // Up to 64 products of numbers within 1, each rounded once or twice.
                assert!(
                    (f64::from(*got) - wanted).abs() < 1e-5,
                    "{got}, not {wanted}"
                );
            }
        }
    }
}
