use super::*;

/// `x0`: below 1 adds 10, then 20, from 3 on 40, missing 5; `x2`: below 0 adds -1, then 1.
fn parts() -> AdditiveParts {
    let values = |values: &[f64]| values.iter().map(|&v| vec![v]).collect();
    AdditiveParts {
        estimator: "test".to_owned(),
        feature_names: None,
        n_features: 3,
        round_to_f32: false,
        terms: vec![
            Term {
                feature: 0,
                cuts: vec![1.0, 3.0],
                values: values(&[10.0, 20.0, 40.0]),
                missing: Some(vec![5.0]),
            },
            Term {
                feature: 2,
                cuts: vec![0.0],
                values: values(&[-1.0, 1.0]),
                missing: None,
            },
        ],
        bias: vec![100.0],
        inverse_link: InverseLink::Identity,
        decision: Decision::None,
        classes: Vec::new(),
        params: BTreeMap::new(),
    }
}

#[test]
fn terms_add_up() {
    let model = AdditiveModel::new(parts()).unwrap();
    let score = |x0: f64, x2: f64| model.decision_function(&[x0, f64::NAN, x2]).unwrap()[0];
    assert_eq!(score(0.0, -0.5), 109.0);
    assert_eq!(score(1.0, 0.0), 121.0);
    assert_eq!(score(2.9, 0.0), 121.0);
    assert_eq!(score(3.0, 7.0), 141.0);
    assert_eq!(score(f64::NAN, 7.0), 106.0);
    assert_eq!(
        model.decision_function(&[0.0, 0.0, f64::NAN]),
        Err(ForestError::MissingValue { feature: 2 })
    );
}

#[test]
fn the_door_names_the_term() {
    type Spoil = fn(&mut AdditiveParts);
    let cases: [(Spoil, &str); 8] = [
        (
            |p| p.terms.clear(),
            "the model has no terms; it needs at least one",
        ),
        (
            |p| p.terms[1].feature = 0,
            "term 1: feature 0 has a term already",
        ),
        (
            |p| p.terms[1].feature = 3,
            "tree 1, node 0: feature 3, counted from 0, is out of range; the model has 3 features",
        ),
        (
            |p| p.terms[0].values.truncate(2),
            "term 0 has values for 2 intervals, its cut points make 3",
        ),
        (
            |p| p.terms[1].values[1] = vec![1.0; 2],
            "tree 1, node 2: the leaf has 2 values, the other leaves of this tree have 1",
        ),
        (
            |p| {
                p.bias.push(0.0);
            },
            "term 0 has 1 values in one of its intervals, the model has 2 outputs",
        ),
        (
            |p| p.terms[0].missing = Some(vec![f64::NAN]),
            "tree 0, node 6: leaf value NaN is not finite",
        ),
        (
            |p| p.classes = vec!["a".to_owned()],
            "1 classes do not fit 1 outputs; a threshold needs 2 classes and 1 output, an arg max as many classes as outputs and at least 2, a regression none",
        ),
    ];
    for (spoil, expected) in cases {
        let mut parts = parts();
        spoil(&mut parts);
        assert_eq!(AdditiveModel::new(parts).unwrap_err().to_string(), expected);
    }
    let mut unsorted = parts();
    unsorted.terms[0].cuts.reverse();
    assert!(matches!(
        AdditiveModel::new(unsorted),
        Err(AdditiveError::Cuts { term: 0, .. })
    ));
}

#[test]
fn long_terms_are_balanced() {
    let mut long = parts();
    let cuts: Vec<f64> = (0..1000).map(f64::from).collect();
    long.terms[0].values = (0..=1000).map(|i| vec![f64::from(i)]).collect();
    long.terms[0].cuts = cuts;
    let model = AdditiveModel::new(long).unwrap();
    assert!(model.as_forest().trees[0].depth() <= 11);
    for x in [-1.0_f64, 0.0, 0.5, 499.0, 998.9, 999.0] {
        let interval = if x < 0.0 { 0.0 } else { x.floor() + 1.0 };
        assert_eq!(
            model.decision_function(&[x, 0.0, 0.0]).unwrap()[0],
            101.0 + interval
        );
    }
}
