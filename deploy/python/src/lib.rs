//! `tenebra._tenebra`: what the Python package calls. Tables come as the bytes of rows of float64 and predictions go as such, so that
//! neither the build nor the import of the extension needs numpy; `python/tenebra` makes arrays of them. The work itself is
//! [`tenebra_app`]'s.

mod client;
mod compiled;
mod error;
mod model;
mod remote;
mod server;
mod settings;
mod table;

use pyo3::prelude::*;
use tenebra_app::files::Files;

/// Writes all files of this process.
static FILES: Files = Files::new();

#[pymodule]
mod _tenebra {
    #[pymodule_export]
    use crate::client::{Client, Keys};
    #[pymodule_export]
    use crate::compiled::{Compiled, compile};
    #[pymodule_export]
    use crate::model::Model;
    #[pymodule_export]
    use crate::remote::Remote;
    #[pymodule_export]
    use crate::server::{PreparedKey, Server};
    #[pymodule_export]
    use crate::table::Predictions;
}
