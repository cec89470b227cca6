//! Small dense symmetric matrices in f64: a Cholesky factor that allows for deficient rank, and eigenvalues.

/// Sweeps of the Jacobi method after which rounding is all that is left; about ten are needed for 200 rows.
const SWEEPS: usize = 60;
/// Share of the greatest value below which what remains of a matrix is rounding.
const NEGLIGIBLE: f64 = 1e-14;

/// A symmetric matrix, all its values stored row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Symmetric {
    size: usize,
    values: Vec<f64>,
}

impl Symmetric {
    pub(super) fn zero(size: usize) -> Self {
        Self {
            size,
            values: vec![0.0; size * size],
        }
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.size..][..self.size]
    }

    /// Adds `factor * vector vector'`.
    pub(super) fn add_outer(&mut self, vector: &[f64], factor: f64) {
        for (row, &left) in self.values.chunks_exact_mut(self.size).zip(vector) {
            let left = left * factor;
            for (value, right) in row.iter_mut().zip(vector) {
                *value += left * right;
            }
        }
    }

    pub(super) fn trace(&self) -> f64 {
        (0..self.size).map(|i| self.values[i * self.size + i]).sum()
    }

    /// `L' self L` for the columns of `L`.
    pub(super) fn between(&self, columns: &[Vec<f64>]) -> Self {
        let mut product = Self::zero(columns.len());
        for (j, right) in columns.iter().enumerate() {
            let image: Vec<f64> = (0..self.size)
                .map(|row| dot(self.row(row), right))
                .collect();
            for (i, left) in columns.iter().enumerate().take(j + 1) {
                let value = dot(left, &image);
                product.values[i * product.size + j] = value;
                product.values[j * product.size + i] = value;
            }
        }
        product
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Columns of an `L` with `L L' = matrix`, as many as its rank: Cholesky with diagonal pivoting (Higham, *Accuracy and
/// Stability of Numerical Algorithms*, section 10.3). The matrix has no negative eigenvalue but by rounding.
pub(super) fn factor(matrix: &Symmetric) -> Vec<Vec<f64>> {
    let size = matrix.size;
    let mut rest = matrix.clone();
    let mut columns = Vec::new();
    let greatest = |rest: &Symmetric| {
        (0..size)
            .map(|i| (i, rest.values[i * size + i]))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or((0, 0.0))
    };
    let negligible = NEGLIGIBLE * size as f64 * greatest(&rest).1;
    while columns.len() < size {
        let (pivot, value) = greatest(&rest);
        if value <= negligible {
            break;
        }
        let scale = value.sqrt();
        let column: Vec<f64> = rest.row(pivot).iter().map(|value| value / scale).collect();
        rest.add_outer(&column, -1.0);
        columns.push(column);
    }
    columns
}

/// Eigenvalues by cyclic Jacobi rotations (Golub and Van Loan, *Matrix Computations*, section 8.5), in no order.
pub(super) fn eigenvalues(mut matrix: Symmetric) -> Vec<f64> {
    let size = matrix.size;
    let total: f64 = matrix.values.iter().map(|value| value * value).sum();
    let values = &mut matrix.values;
    for _ in 0..SWEEPS {
        let beside: f64 = (0..size)
            .flat_map(|row| (0..row).map(move |column| row * size + column))
            .map(|at| values[at] * values[at])
            .sum();
        if beside <= (NEGLIGIBLE * NEGLIGIBLE) * total {
            break;
        }
        for p in 0..size {
            for q in p + 1..size {
                rotate(values, size, p, q);
            }
        }
    }
    (0..size).map(|i| values[i * size + i]).collect()
}

/// The rotation that makes the value in row `p`, column `q` 0.
fn rotate(values: &mut [f64], size: usize, p: usize, q: usize) {
    let beside = values[p * size + q];
    if beside == 0.0 {
        return;
    }
    let (first, second) = (values[p * size + p], values[q * size + q]);
    let theta = (second - first) / (2.0 * beside);
    let tangent = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    let (above, below) = values.split_at_mut(q * size);
    let (row_p, row_q) = (&mut above[p * size..][..size], &mut below[..size]);
    for (a, b) in row_p.iter_mut().zip(row_q.iter_mut()) {
        (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    }
    // Rows now hold what columns will, but where both meet.
    row_p[p] = first - tangent * beside;
    row_q[q] = second + tangent * beside;
    (row_p[q], row_q[p]) = (0.0, 0.0);
    for other in (0..size).filter(|&other| other != p && other != q) {
        values[other * size + p] = values[p * size + other];
        values[other * size + q] = values[q * size + other];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: &[&[f64]]) -> Symmetric {
        Symmetric {
            size: rows.len(),
            values: rows.concat(),
        }
    }

    fn near(mut got: Vec<f64>, expected: &[f64]) -> bool {
        got.sort_by(f64::total_cmp);
        got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12)
    }

    #[test]
    fn eigenvalues_by_hand() {
        assert!(near(
            eigenvalues(matrix(&[&[2.0, 1.0], &[1.0, 2.0]])),
            &[1.0, 3.0]
        ));
        // The second difference on three points: 2 - sqrt(2), 2, 2 + sqrt(2).
        let second = matrix(&[&[2.0, -1.0, 0.0], &[-1.0, 2.0, -1.0], &[0.0, -1.0, 2.0]]);
        let root = 2f64.sqrt();
        assert!(near(eigenvalues(second), &[2.0 - root, 2.0, 2.0 + root]));
        let ones = matrix(&[&[1.0; 3], &[1.0; 3], &[1.0; 3]]);
        assert!(near(eigenvalues(ones), &[0.0, 0.0, 3.0]));
        assert!(eigenvalues(Symmetric::zero(0)).is_empty());
        assert!(near(eigenvalues(Symmetric::zero(2)), &[0.0, 0.0]));
    }

    #[test]
    fn a_factor_has_as_many_columns_as_the_rank_and_gives_the_matrix_back() {
        let mut wanted = Symmetric::zero(4);
        wanted.add_outer(&[1.0, 2.0, 0.5, -1.0], 1.0);
        wanted.add_outer(&[0.0, 1.0, 3.0, 2.0], 2.0);
        let columns = factor(&wanted);
        assert_eq!(columns.len(), 2);
        let mut got = Symmetric::zero(4);
        columns.iter().for_each(|column| got.add_outer(column, 1.0));
        let apart = got
            .values
            .iter()
            .zip(&wanted.values)
            .map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f64::max) < 1e-12);
        assert!(factor(&Symmetric::zero(3)).is_empty());
    }
}
