use super::*;

fn assert_close(what: &str, got: f64, wanted: f64) {
    assert!(
        (got / wanted - 1.0).abs() < 1e-6,
        "{what}: {got}, not {wanted}"
    );
}

#[test]
fn probabilities_add_up() {
    assert_close("equal", log2_sum(-128.0, -128.0), -127.0);
    assert_close("3/4", log2_sum(-1.0, -2.0), 0.75f64.log2());
    assert_close("3/4", log2_sum(-2.0, -1.0), 0.75f64.log2());
    assert_eq!(log2_sum(-1.0, f64::NEG_INFINITY), -1.0);
    let never = log2_sum(f64::NEG_INFINITY, f64::NEG_INFINITY);
    assert_eq!(never, f64::NEG_INFINITY);
}
