//! The command line's specification: `cmd/*.trycmd` hold commands, what they print, and their exit status.

#[test]
fn commands() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd");
}
