//! Files that people take for a model, and what to write instead.

use core::fmt;

/// A kind of file that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// A Python pickle, or what `joblib` makes of one.
    Pickle,
    /// Compressed, perhaps by `joblib` or `skops`.
    Compressed,
    /// XGBoost's binary form, which version 3.1 gave up.
    XgboostBinary,
    /// XGBoost's trees for people, by `dump_model` or `get_dump`.
    XgboostDump,
    /// LightGBM's trees for people, by `dump_model`.
    LightgbmDump,
    /// CatBoost's own form.
    Catboost,
    /// PMML.
    Pmml,
}

impl Foreign {
    /// What the file is, by how it starts; `None` for a model, or what cannot be told.
    pub(super) fn detect(bytes: &[u8]) -> Option<Self> {
        let text = bytes.trim_ascii_start();
        let starts = |word: &[u8]| bytes.starts_with(word);
        // Lengths as 64-bit numbers before the names of objective and booster.
        let is_xgboost =
            find(bytes, b"\x06\0\0\0\0\0\0\0gbtree") || find(bytes, b"\x08\0\0\0\0\0\0\0gblinear");
        match bytes {
            [0x80, 2..=5, ..] => Some(Self::Pickle),
            _ if starts(b"ccopy_reg\n") || starts(b"c__builtin__\n") => Some(Self::Pickle),
            // gzip, zip, and zlib as joblib writes it.
            [0x1f, 0x8b, ..] | [b'P', b'K', 3, 4, ..] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => {
                Some(Self::Compressed)
            }
            _ if starts(b"binf") || starts(b"bs64") => Some(Self::XgboostBinary),
            _ if starts(b"CBM1") => Some(Self::Catboost),
            _ if text.starts_with(b"{") => Self::detect_json(text),
            _ if text.starts_with(b"[") && find(text, b"\"nodeid\"") => Some(Self::XgboostDump),
            _ if text.starts_with(b"booster[0]") || text.starts_with(b"0:[") => {
                Some(Self::XgboostDump)
            }
            _ if text.starts_with(b"<?xml") || text.starts_with(b"<PMML") => Some(Self::Pmml),
            _ if is_xgboost => Some(Self::XgboostBinary),
            _ => None,
        }
    }

    fn detect_json(text: &[u8]) -> Option<Self> {
        if find(text, b"\"oblivious_trees\"") {
            Some(Self::Catboost)
        } else if find(text, b"\"num_tree_per_iteration\"") {
            Some(Self::LightgbmDump)
        } else {
            None
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pickle => {
                "this is a Python pickle, which is not read; write the model by its library: `model.save_model(\"model.json\")` of XGBoost, `model.booster_.save_model(\"model.txt\")` of LightGBM, skl2onnx for scikit-learn"
            }
            Self::Compressed => {
                "the file is compressed; if it is a model in JSON, text or ONNX, unpack it; a pickle is not read in any form"
            }
            Self::XgboostBinary => {
                "this is XGBoost's old binary form; load it in XGBoost before 3.1 and write it by `save_model(\"model.json\")`"
            }
            Self::XgboostDump => {
                "this is a dump of XGBoost's trees for people, without what a prediction needs; write the model by `save_model(\"model.json\")`"
            }
            Self::LightgbmDump => {
                "this is what LightGBM's `dump_model` writes; write the model by `booster.save_model(\"model.txt\")`"
            }
            Self::Catboost => {
                "this is CatBoost's own form; write the model by `save_model(\"model.onnx\", format=\"onnx\")`"
            }
            Self::Pmml => "PMML is not read; write the model as ONNX",
        })
    }
}

/// Whether `bytes` contain `word` early on.
pub(super) fn find(bytes: &[u8], word: &[u8]) -> bool {
    const EARLY: usize = 1 << 16;
    let early = &bytes[..bytes.len().min(EARLY)];
    early.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::read;

    #[test]
    fn kinds_are_told_by_how_they_start_and_say_what_to_write_instead() {
        let old = b"\0\0\0\x3f\x05\0\0\0\x10\0\0\0\0\0\0\0reg:squarederror\x06\0\0\0\0\0\0\0gbtree";
        for (bytes, kind, instead) in [
            (&b"\x80\x04\x95\xe3"[..], Foreign::Pickle, "save_model"),
            (b"ccopy_reg\n_reconstructor\n", Foreign::Pickle, "skl2onnx"),
            (b"\x1f\x8b\x08\0", Foreign::Compressed, "unpack"),
            (b"x\x9c\xed\xbd", Foreign::Compressed, "unpack"),
            (b"PK\x03\x04", Foreign::Compressed, "unpack"),
            (b"binf\x27\x26", Foreign::XgboostBinary, "before 3.1"),
            (old, Foreign::XgboostBinary, "before 3.1"),
            (b"[\n{ \"nodeid\": 0", Foreign::XgboostDump, "model.json"),
            (b"booster[0]:\n0:[f0<1]", Foreign::XgboostDump, "model.json"),
            (b"0:[f0<1] yes=1", Foreign::XgboostDump, "model.json"),
            (
                b"{\"name\":\"tree\",\"num_tree_per_iteration\":1",
                Foreign::LightgbmDump,
                "model.txt",
            ),
            (b"CBM1\x20", Foreign::Catboost, "model.onnx"),
            (b"{\"oblivious_trees\":[]", Foreign::Catboost, "model.onnx"),
            (b"<?xml version=\"1.0\"?>", Foreign::Pmml, "ONNX"),
        ] {
            assert_eq!(Foreign::detect(bytes), Some(kind), "{bytes:?}");
            let message = read(bytes, None).unwrap_err().to_string();
            assert!(message.contains(instead), "{message}");
        }
        for bytes in [&b"{\"learner\":{}}"[..], b"tree\n", b"\x08\x0a", b"", b"{}"] {
            assert_eq!(Foreign::detect(bytes), None, "{bytes:?}");
        }
    }
}
