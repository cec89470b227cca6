//! Products of strided matrices on one thread.
#![expect(
    unsafe_code,
    reason = "the product takes pointers; the views it reads and writes are checked first"
)]

/// A strided matrix inside a slice.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Distance between rows, and between columns.
    pub(crate) strides: [usize; 2],
}

impl Matrix<'_> {
    /// The same values with rows for columns.
    pub(crate) fn transposed(self) -> Self {
        let [row, column] = self.strides;
        Self {
            rows: self.columns,
            columns: self.rows,
            strides: [column, row],
            ..self
        }
    }

    fn reach(&self) -> usize {
        reach(self.rows, self.columns, self.strides)
    }
}

fn reach(rows: usize, columns: usize, strides: [usize; 2]) -> usize {
    if rows * columns == 0 {
        0
    } else {
        (rows - 1) * strides[0] + (columns - 1) * strides[1] + 1
    }
}

/// `out = scale * a b`, plus what `out` held if `add`; rows of `out` are `stride` apart.
pub(crate) fn product(
    out: &mut [f32],
    stride: usize,
    add: bool,
    scale: f32,
    a: Matrix<'_>,
    b: Matrix<'_>,
) {
    assert_eq!(a.columns, b.rows);
    assert!(a.reach() <= a.values.len() && b.reach() <= b.values.len());
    assert!(stride >= b.columns && reach(a.rows, b.columns, [stride, 1]) <= out.len());
    // SAFETY: every element of the three views lies in its slice, by the asserts; `out` doesn't overlap itself.
    unsafe {
        gemm::gemm(
            a.rows,
            b.columns,
            a.columns,
            out.as_mut_ptr(),
            1,
            stride as isize,
            add,
            a.values.as_ptr(),
            a.strides[1] as isize,
            a.strides[0] as isize,
            b.values.as_ptr(),
            b.strides[1] as isize,
            b.strides[0] as isize,
            1.0,
            scale,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
