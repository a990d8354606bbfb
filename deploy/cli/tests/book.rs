//! The commands of the book (`docs/book`) print what the book says.

#[test]
fn book() {
    trycmd::TestCases::new().case("../../docs/book/src/*.md");
}
