//! `tenebra token`: the arguments are those of the program `tenebra-server`.

pub(crate) use tenebra_server::arguments::TokenArguments as Arguments;

use crate::output::{self, Failure, start_failure};

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    output::data(&arguments.run().map_err(|e| start_failure(&e))?)
}
