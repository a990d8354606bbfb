//! Second moments of what neurons read.

/// `E[(x_i - E x_i)(x_j - E x_j)]`, the diagonal a little larger, so that what rows do not tell keeps to the weights as they were.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    n: usize,
    values: Vec<f64>,
    pub(super) means: Vec<f64>,
    /// What the diagonal is larger by.
    pub(super) ridge: Vec<f64>,
}

/// Rows of values, one after the other, and how much each counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f64],
    pub(super) width: usize,
}

impl<'a> Rows<'a> {
    fn rows(self) -> impl Iterator<Item = &'a [f64]> {
        self.values.chunks_exact(self.width.max(1))
    }
}

impl Moments {
    /// Of the columns `read`; `shares` are what rows count, with the sum 1.
    pub(super) fn new(rows: Rows<'_>, read: &[u32], shares: &[f64], ridge: f64) -> Self {
        let n = read.len();
        let mut means = vec![0.0; n];
        let pick = |row: &[f64], out: &mut [f64]| {
            for (x, &at) in out.iter_mut().zip(read) {
                *x = row[at as usize];
            }
        };
        let mut x = vec![0.0; n];
        for (row, share) in rows.rows().zip(shares) {
            pick(row, &mut x);
            means.iter_mut().zip(&x).for_each(|(m, x)| *m += share * x);
        }
        let mut values = vec![0.0; n * n];
        for (row, share) in rows.rows().zip(shares) {
            pick(row, &mut x);
            x.iter_mut().zip(&means).for_each(|(x, m)| *x -= m);
            for i in 0..n {
                let by = share * x[i];
                if by != 0.0 {
                    let line = &mut values[i * n..=i * n + i];
                    line.iter_mut().zip(&x).for_each(|(h, x)| *h += by * x);
                }
            }
        }
        for i in 0..n {
            for j in 0..i {
                values[j * n + i] = values[i * n + j];
            }
        }
        let trace: f64 = (0..n).map(|i| values[i * n + i]).sum();
        // A value that does not vary in the rows keeps its weight small, not free.
        let floor = 1e-3 * trace / n.max(1) as f64;
        let ridge: Vec<f64> = (0..n)
            .map(|i| ridge * values[i * n + i] + floor.max(1e-300))
            .collect();
        for (i, ridge) in ridge.iter().enumerate() {
            values[i * n + i] += ridge;
        }
        Self {
            n,
            values,
            means,
            ridge,
        }
    }

    pub(super) fn at(&self, i: usize, j: usize) -> f64 {
        self.values[i * self.n + j]
    }

    pub(super) fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.n..(i + 1) * self.n]
    }
}

/// `E[(x_j - E x_j) y]` of the columns `read`.
pub(super) fn product(
    rows: Rows<'_>,
    read: &[u32],
    shares: &[f64],
    moments: &Moments,
    y: &[f64],
) -> Vec<f64> {
    let mut product = vec![0.0; read.len()];
    for ((row, share), y) in rows.rows().zip(shares).zip(y) {
        let by = share * y;
        for ((p, &at), mean) in product.iter_mut().zip(read).zip(&moments.means) {
            *p += by * (row[at as usize] - mean);
        }
    }
    product
}
