//! Matrices with all singular values made one, as Muon's steps are; for the CPU in products that the threads share.
//!
//! Jordan et al., "Muon", 2024, <https://kellerjordan.github.io/posts/muon/>.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use crate::flex;
use crate::product::{Matrix, product};

/// Of the polynomial `a x + b x^3 + c x^5`, which takes singular values from 0 to 1 towards one.
const COEFFICIENTS: [f32; 3] = [3.4445, -4.775, 2.0315];

/// The least norm that a matrix is divided by.
const LEAST: f32 = 1e-7;

/// A matrix with its singular values made one, nearly: Newton-Schulz iterations `X <- (a + b X X^T + c (X X^T)^2) X` with
/// Muon's coefficients, from the matrix over its norm.
///
/// Each factor is a polynomial in the first `X X^T`, so the factors are multiplied among themselves, small squares, and
/// touch the matrix once, at the end: two to three times fewer products for a kernel of 3x3. Of a transposed matrix the
/// result is the transpose.
pub fn orthogonal(matrix: Tensor<2>, iterations: usize) -> Tensor<2> {
    let shape = matrix.dims();
    if !flex::fused(&matrix) {
        return by_tensors(matrix, iterations);
    }
    let device = matrix.device();
    let data = matrix.into_data();
    let values = data.as_slice::<f32>().expect("f32 by `fused`");
    let values = by_products(values, shape, iterations);
    Tensor::from_data(TensorData::new(values, shape), &device)
}

fn by_tensors(matrix: Tensor<2>, iterations: usize) -> Tensor<2> {
    let [a, b, c] = COEFFICIENTS;
    let [rows, columns] = matrix.dims();
    let norm = matrix.clone().square().sum().sqrt().clamp_min(LEAST);
    let matrix = matrix / norm.unsqueeze();
    let transposed = matrix.clone().transpose();
    let mut square = if rows > columns {
        transposed.matmul(matrix.clone())
    } else {
        matrix.clone().matmul(transposed)
    };
    let one = Tensor::<2>::eye(rows.min(columns), &matrix.device());
    let mut factors: Option<Tensor<2>> = None;
    for iteration in 1..=iterations {
        let factor =
            one.clone() * a + square.clone() * b + square.clone().matmul(square.clone()) * c;
        if iteration < iterations {
            square = factor.clone().matmul(square).matmul(factor.clone());
        }
        factors = Some(match factors {
            Some(factors) => factor.matmul(factors),
            None => factor,
        });
    }
    match factors {
        None => matrix,
        Some(factors) if rows > columns => matrix.matmul(factors),
        Some(factors) => factors.matmul(matrix),
    }
}

fn by_products(values: &[f32], [rows, columns]: [usize; 2], iterations: usize) -> Vec<f32> {
    let [a, b, c] = COEFFICIENTS;
    let norm = values
        .iter()
        .map(|&value| f64::from(value).powi(2))
        .sum::<f64>()
        .sqrt();
    let share = 1.0 / (norm as f32).max(LEAST);
    if iterations == 0 {
        return values.iter().map(|value| value * share).collect();
    }
    let whole = dense(values, [rows, columns]);
    let size = rows.min(columns);
    let mut square = if rows > columns {
        multiply(share * share, whole.transposed(), whole)
    } else {
        multiply(share * share, whole, whole.transposed())
    };
    let of =
        |values: &[f32], by: &[f32]| multiply(1.0, dense(values, [size; 2]), dense(by, [size; 2]));
    let mut factors: Option<Vec<f32>> = None;
    for iteration in 1..=iterations {
        let mut factor = of(&square, &square);
        for (factor, square) in factor.iter_mut().zip(&square) {
            *factor = c * *factor + b * square;
        }
        for diagonal in factor.iter_mut().step_by(size + 1) {
            *diagonal += a;
        }
        if iteration < iterations {
            square = of(&of(&factor, &square), &factor);
        }
        factors = Some(match factors {
            Some(factors) => of(&factor, &factors),
            None => factor,
        });
    }
    let factors = factors.expect("at least one iteration");
    let factors = dense(&factors, [size; 2]);
    if rows > columns {
        multiply(share, whole, factors)
    } else {
        multiply(share, factors, whole)
    }
}

fn dense(values: &[f32], [rows, columns]: [usize; 2]) -> Matrix<'_> {
    Matrix {
        values,
        rows,
        columns,
        strides: [columns, 1],
    }
}

/// Rows of a product that are the fewest a thread takes: fewer cost more to hand out than to compute.
const ROWS: usize = 48;

/// `scale * left * right`, its rows shared by the threads.
fn multiply(scale: f32, left: Matrix<'_>, right: Matrix<'_>) -> Vec<f32> {
    let mut out = vec![0.0; left.rows * right.columns];
    let rows = left.rows.div_ceil(rayon::current_num_threads()).max(ROWS);
    out.par_chunks_mut(rows * right.columns)
        .enumerate()
        .for_each(|(part, out)| {
            let first = part * rows;
            let left = Matrix {
                values: &left.values[first * left.strides[0]..],
                rows: rows.min(left.rows - first),
                ..left
            };
            product(out, right.columns, false, scale, left, right);
        });
    out
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution};

    use super::*;

    #[test]
    fn both_ways_agree_and_make_singular_values_one() {
        let device = Device::flex();
        device.seed(3);
        for shape in [[6, 40], [40, 6], [100, 100], [120, 500], [1, 3]] {
            let matrix = Tensor::<2>::random(shape, Distribution::Normal(0.0, 2.0), &device);
            let made = orthogonal(matrix.clone(), 5);
            let apart = (made.clone() - by_tensors(matrix, 5)).abs().max();
            // The same polynomials of numbers near one in f32, summed in another order.
            assert!(apart.into_scalar::<f32>() < 1e-4, "{shape:?}");
            let square = if shape[0] > shape[1] {
                made.clone().transpose().matmul(made)
            } else {
                made.clone().matmul(made.transpose())
            };
            let size = shape[0].min(shape[1]);
            let energy = square.mul(Tensor::eye(size, &device)).sum();
            // Muon's polynomial leaves singular values between 0.68 and 1.2, but for the smallest of a square matrix.
            let mean = energy.into_scalar::<f32>() / size as f32;
            assert!((0.45..1.5).contains(&mean), "{shape:?}: {mean}");
        }
    }

    #[test]
    fn nothing_stays_nothing() {
        let zeros = Tensor::<2>::zeros([4, 9], &Device::flex());
        assert_eq!(orthogonal(zeros, 5).abs().max().into_scalar::<f32>(), 0.0);
    }
}
