//! Operators in versions of their sets that mean something else, or that nobody knows yet.

use prost::Message;

use super::DOMAINS;
use crate::import::onnx::proto::{ModelProto, OperatorSetIdProto};
use crate::import::onnx::{OnnxError, read};

/// A file of the test data whose operator sets are these.
fn imported(file: &str, sets: &[(&str, i64)]) -> Result<(), OnnxError> {
    let path = format!("{}/tests/data/onnx/{file}.onnx", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(path).unwrap();
    let mut model = ModelProto::decode(bytes.as_slice()).unwrap();
    let sets = sets.iter().map(|&(domain, version)| OperatorSetIdProto {
        domain: domain.to_owned(),
        version: Some(version),
    });
    model.opset_import = sets.collect();
    read(&model.encode_to_vec()).map(|_| ())
}

#[test]
fn a_version_is_known_or_named() {
    for version in [13, 17, 28] {
        imported("torch_softmax", &[("", version)]).unwrap();
        imported("torch_softmax", &[("ai.onnx", version)]).unwrap();
    }
    for version in [29, i64::MAX, 0, -1] {
        let error = imported("torch_softmax", &[("", version)]).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&format!("version {version} of the operators of ai.onnx")),
            "{text}"
        );
        assert!(text.contains("1 to 28"), "{text}");
    }
    let error = imported("logistic", &[("", 17), ("ai.onnx.ml", 6)]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("version 6 of the operators of ai.onnx.ml"),
        "{error}"
    );
}

#[test]
fn a_domain_without_a_version_is_an_error() {
    for sets in [&[][..], &[("", 17)]] {
        let error = imported("logistic", sets).unwrap_err();
        assert!(error.to_string().contains("opset_import"), "{error}");
    }
}

/// A lookup finds the first entry of a name, so that a second one would be dead.
#[test]
fn every_operator_is_listed_once() {
    for domain in DOMAINS {
        let mut names: Vec<&str> = domain.operators.iter().map(|known| known.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{}", domain.name);
        assert!(
            domain
                .operators
                .iter()
                .all(|known| (1..=domain.latest).contains(&known.since))
        );
    }
}
