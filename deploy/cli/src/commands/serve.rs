//! `tenebra serve`: the arguments are those of the program `tenebra-server`.

pub(crate) use tenebra_server::arguments::ServeArguments as Arguments;

use crate::output::{Failure, start_failure};

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.run().map_err(|e| start_failure(&e))?;
    Ok(())
}
