//! Turns compiled models into constants of the firmware: the spec's bytes, exact buffer lengths, and what each sensor's
//! integers mean. Cut points between reals become cut points between integers here, so that the device compares integers.
//!
//! `TENEBRA_MODELS` names a folder with `NAME.tnb`, a client spec, and `NAME.sensors`, a line for each column of the
//! model: the step of its sensor in real units, and the integer that stands for 0.
#![expect(clippy::unwrap_used, reason = "a build script fails by panicking")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tenebra_client::{ClientKey, ClientSpec};
use tenebra_client::{Codec, Input};

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    println!("cargo::rerun-if-env-changed=TENEBRA_MODELS");
    println!("cargo::rerun-if-changed=memory.x");
    std::fs::copy("memory.x", out.join("memory.x")).unwrap();
    // No interrupt has a handler of a name of its own.
    std::fs::write(out.join("device.x"), "").unwrap();
    println!("cargo::rustc-link-search={}", out.display());
    let models = std::env::var_os("TENEBRA_MODELS")
        .expect("TENEBRA_MODELS is not set; it names the folder of NAME.tnb and NAME.sensors, see deploy/embedded/README.md");
    for name in ["linear", "packed", "network"] {
        let text = model_constants(Path::new(&models), name);
        std::fs::write(out.join(format!("{name}.rs")), text).unwrap();
    }
}

/// A sensor that reports `x` has measured `lsb * (x - offset)`.
#[derive(Clone, Copy)]
struct Sensor {
    lsb: f64,
    offset: i32,
}

impl Sensor {
    fn real(self, x: i64) -> f64 {
        self.lsb * (x - i64::from(self.offset)) as f64
    }
}

fn model_constants(folder: &Path, name: &str) -> String {
    let spec_path = folder.join(format!("{name}.tnb")).canonicalize().unwrap();
    let sensors_path = folder.join(format!("{name}.sensors"));
    for path in [&spec_path, &sensors_path] {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    let bytes = std::fs::read(&spec_path).unwrap();
    let spec = ClientSpec::parse(&bytes).unwrap();
    let sensors = read_sensors(&std::fs::read_to_string(sensors_path).unwrap());
    assert_eq!(
        sensors.len(),
        spec.columns(),
        "a line for each column in {name}.sensors"
    );

    let mut text = String::new();
    for (constant, doc, value) in [
        ("COLUMNS", "Readings", spec.columns()),
        ("INPUTS", "Codes", spec.input_count()),
        ("OUTPUTS", "Integers of an answer", spec.output_count()),
        (
            "SCRATCH_WORDS",
            "Words to encrypt with",
            spec.scratch_len(1).unwrap(),
        ),
        (
            "QUERY_BYTES",
            "Bytes of a framed query",
            spec.query_len(1).unwrap(),
        ),
        (
            "SECRET_BYTES",
            "Bytes of a secret key file",
            ClientKey::secret_file_len(&spec),
        ),
    ] {
        writeln!(text, "/// {doc}.\npub const {constant}: usize = {value};").unwrap();
    }
    writeln!(
        text,
        "/// The model.\npub static MODEL: crate::Model = crate::Model {{ spec: include_bytes!({spec_path:?}), inputs: &["
    )
    .unwrap();
    assert!(
        spec.steps().next().is_none(),
        "the model preprocesses rows in floating point, which sensors' integers do not: train it without such steps"
    );
    for input in spec.inputs() {
        let column = input.column;
        let map = input_map(&input, sensors[column]);
        writeln!(
            text,
            "    crate::Input {{ column: {column}, map: crate::Map::{map} }},"
        )
        .unwrap();
    }
    text.push_str("] };\n");
    text
}

fn read_sensors(text: &str) -> Vec<Sensor> {
    text.lines()
        .map(|line| {
            let (lsb, offset) = line.split_once(' ').unwrap();
            Sensor {
                lsb: lsb.parse().unwrap(),
                offset: offset.parse().unwrap(),
            }
        })
        .collect()
}

fn input_map(input: &Input<'_>, sensor: Sensor) -> String {
    match &input.codec {
        Codec::Affine(_) => format!(
            "Affine(&crate::Sensor {{ lsb: {:?}, offset: {} }})",
            sensor.lsb, sensor.offset
        ),
        Codec::Bins { .. } => format!("Cuts(&{:?})", integer_cuts(input, sensor)),
    }
}

/// For each code from 1 on, the least integer of the sensor with this code: exact, for codes rise with the integer.
fn integer_cuts(input: &Input<'_>, sensor: Sensor) -> Vec<i32> {
    assert!(
        sensor.lsb > 0.0,
        "a sensor whose integers fall as the quantity rises needs its cut points reversed"
    );
    let code = |x: i64| -> i64 { input.quantize(sensor.real(x)).unwrap().code.into() };
    let (first, last) = (i64::from(i32::MIN), i64::from(i32::MAX));
    let cut = |wanted: i64| {
        let (mut low, mut high) = (first, last + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if code(middle) >= wanted {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        i32::try_from(low).expect("a cut point beyond the sensor's integers")
    };
    (1..=input.code_range().1).map(cut).collect()
}
