//! Made-up data sets: the same at every call.

use core::f64::consts::{PI, TAU};

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use tenebra_models::DataError;
use tenebra_models::data::{DataSet, Table, TargetColumn};

const SEED: u64 = 0;

struct Source(ChaCha8Rng);

impl Source {
    fn new(stream: u64) -> Self {
        let mut source = ChaCha8Rng::seed_from_u64(SEED);
        source.set_stream(stream);
        Self(source)
    }

    /// Uniform in `[0, 1)`.
    fn unit(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / 2.0_f64.powi(32)
    }

    fn between(&mut self, min: f64, max: f64) -> f64 {
        min + (max - min) * self.unit()
    }

    /// Normal with mean 0 and variance 1 (Box and Muller 1958).
    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (TAU * self.unit()).cos()
    }

    /// Exponential with mean 1.
    fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// Events in a time in which `mean` are expected.
    fn poisson(&mut self, mean: f64) -> f64 {
        let (mut time, mut count) = (self.exponential(), 0.0);
        while time < mean {
            count += 1.0;
            time += self.exponential();
        }
        count
    }

    /// Gamma with this mean and shape 2.
    fn gamma(&mut self, mean: f64) -> f64 {
        0.5 * mean * (self.exponential() + self.exponential())
    }
}

fn data_set(
    columns: &[&str],
    target: &str,
    rows: impl Iterator<Item = (Vec<f64>, String)>,
) -> Result<DataSet, DataError> {
    let (values, cells): (Vec<Vec<f64>>, Vec<String>) = rows.unzip();
    let columns = columns.iter().map(|&name| name.to_owned()).collect();
    Ok(DataSet {
        table: Table::new(columns, values.concat())?,
        targets: vec![TargetColumn {
            name: target.to_owned(),
            cells,
        }],
        weights: None,
    })
}

/// A line with noise: `y = 3 x + 1 + ε`.
///
/// # Errors
/// None that occurs.
pub fn line(rows: usize) -> Result<DataSet, DataError> {
    let mut source = Source::new(1);
    let row = |_| {
        let x = source.between(-3.0, 3.0);
        (vec![x], (3.0 * x + 1.0 + 2.0 * source.normal()).to_string())
    };
    data_set(&["x"], "y", (0..rows).map(row))
}

/// Two clouds in the plane that overlap.
///
/// # Errors
/// None that occurs.
pub fn clouds(rows: usize) -> Result<DataSet, DataError> {
    let mut source = Source::new(2);
    let row = |at: usize| {
        let second = at % 2 == 1;
        let (cx, cy) = if second { (1.2, 0.6) } else { (-0.8, -0.6) };
        let point = vec![cx + source.normal(), cy + source.normal()];
        (point, if second { "orange" } else { "blue" }.to_owned())
    };
    data_set(&["x", "y"], "colour", (0..rows).map(row))
}

/// Two half moons in the plane, one in the other (scikit-learn's `make_moons`).
///
/// # Errors
/// None that occurs.
pub fn moons(rows: usize) -> Result<DataSet, DataError> {
    let mut source = Source::new(3);
    let row = |at: usize| {
        let second = at % 2 == 1;
        let angle = source.between(0.0, PI);
        let (x, y) = if second {
            (1.0 - angle.cos(), 0.5 - angle.sin())
        } else {
            (angle.cos(), angle.sin())
        };
        let point = vec![x + 0.15 * source.normal(), y + 0.15 * source.normal()];
        (point, if second { "orange" } else { "blue" }.to_owned())
    };
    data_set(&["x", "y"], "colour", (0..rows).map(row))
}

/// Friedman's first function of ten uniform features, five of which matter (1991, eq. 61; scikit-learn's `make_friedman1`).
///
/// # Errors
/// None that occurs.
pub fn friedman(rows: usize) -> Result<DataSet, DataError> {
    let mut source = Source::new(4);
    let row = |_| {
        let x: Vec<f64> = (0..10).map(|_| source.unit()).collect();
        let y = 10.0 * (PI * x[0] * x[1]).sin()
            + 20.0 * (x[2] - 0.5) * (x[2] - 0.5)
            + 10.0 * x[3]
            + 5.0 * x[4]
            + source.normal();
        (x, y.to_string())
    };
    let names = ["x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9"];
    data_set(&names, "y", (0..rows).map(row))
}

/// What is asked of a policy of car insurance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claims {
    /// Claims in a year.
    Frequency,
    /// Amount of a claim; every policy has one.
    Severity,
    /// Amount of all claims in a year, 0 for most policies.
    Premium,
}

/// Policies of car insurance: age of the driver, power and age of the car, a bonus, and the density of the place.
///
/// # Errors
/// None that occurs.
pub fn claims(rows: usize, asked: Claims) -> Result<DataSet, DataError> {
    let mut source = Source::new(match asked {
        Claims::Frequency => 5,
        Claims::Severity => 6,
        Claims::Premium => 7,
    });
    let row = |_| {
        let age = source.between(18.0, 85.0).floor();
        let power = source.between(4.0, 13.0).floor();
        let car_age = source.between(0.0, 15.0).floor();
        let bonus = (50.0 + 30.0 * source.exponential()).min(200.0).floor();
        let density = source.between(1.0, 9.0);
        let young = (age - 30.0).min(0.0).abs() / 12.0;
        let frequency = (-1.6 + 0.5 * young + 0.012 * (bonus - 60.0) + 0.1 * (density - 5.0)).exp();
        let severity = (7.0 + 0.08 * (power - 8.0) - 0.03 * car_age + 0.2 * young).exp();
        let target = match asked {
            Claims::Frequency => source.poisson(frequency),
            Claims::Severity => source.gamma(severity),
            Claims::Premium => {
                let mut sum = 0.0;
                let mut left = source.poisson(frequency);
                while left > 0.0 {
                    sum += source.gamma(severity);
                    left -= 1.0;
                }
                sum
            }
        };
        (
            vec![age, power, car_age, bonus, density],
            target.to_string(),
        )
    };
    let names = ["driver_age", "power", "car_age", "bonus", "density"];
    data_set(&names, "claims", (0..rows).map(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_sets_repeat_and_are_what_they_say() {
        assert_eq!(friedman(50).unwrap(), friedman(50).unwrap());
        let numbers = |data: &DataSet| data.targets[0].to_numbers().unwrap();
        let mean = |list: &[f64]| list.iter().sum::<f64>() / list.len() as f64;
        // E[3x + 1] over a symmetric range is 1, to five standard deviations of (3 * sqrt(3) and 2) over 4000 rows.
        let y = numbers(&line(4000).unwrap());
        assert!((mean(&y) - 1.0).abs() < 5.0 * (27.0_f64 + 4.0).sqrt() / 4000.0_f64.sqrt());
        let counts = numbers(&claims(4000, Claims::Frequency).unwrap());
        assert!(counts.iter().all(|x| *x >= 0.0 && x.fract() == 0.0));
        assert!(
            numbers(&claims(4000, Claims::Severity).unwrap())
                .iter()
                .all(|x| *x > 0.0)
        );
        let premiums = numbers(&claims(4000, Claims::Premium).unwrap());
        let zeros = premiums.iter().filter(|x| **x == 0.0).count();
        assert!((2000..3900).contains(&zeros), "{zeros}");
        for data in [clouds(100).unwrap(), moons(100).unwrap()] {
            let classes = data.targets[0].to_classes().unwrap();
            assert_eq!(classes.labels, ["blue", "orange"]);
        }
    }
}
