//! What a client spec may say, field by field, and that it says it again when it is read.

use tenebra_client::branching::{Digits, Radix};
use tenebra_client::hiding::read_public_key;
use tenebra_client::linear::OwnedLinear;
use tenebra_client::scheme::cipher::{Cipher, KeySection, split_sections};
use tenebra_client::{ClientSpec, Kind, OwnedScheme, OwnedSpec};
use tenebra_quant::{Codec, Decision, Output};

use crate::cases;
use crate::known_answers::{payload, read};

fn changed(case: &cases::Case, change: impl FnOnce(&mut OwnedSpec)) -> bool {
    let mut spec = case.spec.clone();
    change(&mut spec);
    spec.encode().is_ok()
}

#[test]
fn what_is_read_is_what_was_written() {
    for case in cases::all() {
        let file = case.spec.encode().unwrap();
        let spec = ClientSpec::parse(&file).unwrap();
        let interface = &case.spec.interface;
        assert_eq!(spec.p_fail_log2(), case.spec.p_fail_log2);
        assert_eq!(spec.estimator(), interface.estimator);
        assert_eq!(spec.columns(), interface.columns);
        assert_eq!(spec.input_count(), interface.inputs.len());
        assert_eq!(spec.output_count(), interface.readout.outputs.len());
        assert_eq!(
            spec.outputs().collect::<Vec<_>>(),
            interface.readout.outputs
        );
        for (index, output) in interface.readout.outputs.iter().enumerate() {
            assert_eq!(spec.output(index), Some(*output));
        }
        assert_eq!(spec.output(interface.readout.outputs.len()), None);
        assert_eq!(spec.decision(), interface.readout.decision);
        assert_eq!(spec.inverse_link(), interface.readout.inverse_link);
        assert_eq!(
            spec.classes().collect::<Vec<_>>(),
            interface.readout.classes
        );
        let name = match case.spec.scheme {
            OwnedScheme::Linear(_) => "linear",
            OwnedScheme::Branching(_) => "branching",
            _ => "network",
        };
        assert_eq!(spec.scheme().linear().is_some(), name == "linear");
        assert_eq!(spec.scheme().branching().is_some(), name == "branching");
        assert_eq!(spec.scheme().network().is_some(), name == "network");
        assert_eq!(spec.hiding().is_some(), case.name == "hidden");
        let mode = if case.name.ends_with("packed") {
            "packed"
        } else {
            "direct"
        };
        assert_eq!(
            (spec.scheme().name(), spec.scheme().query_mode()),
            (name, mode)
        );
    }
}

#[test]
fn lengths_are_those_of_the_messages() {
    for case in cases::all() {
        let file = read(case.name, "client.tnb");
        let spec = ClientSpec::parse(&file).unwrap();
        let scheme = spec.scheme();
        let mut taken = Vec::new();
        scheme.each_query_len(&mut |len| taken.push(len));
        for query in &case.queries {
            let payload = |kind, what: &str| {
                let name = format!("{}.{what}.tnb", query.name);
                payload(&spec, kind, &read(case.name, &name)).len()
            };
            let rows = query.rows.len();
            let sent = payload(Kind::Query, "query");
            assert_eq!(scheme.query_len(rows), sent);
            assert!(taken.contains(&sent));
            assert_eq!(
                scheme.response_len(rows),
                payload(Kind::Response, "response")
            );
        }
        // Of a linear model, one row by the first plan; any number of rows by the second.
        let of_batches = spec.scheme().linear().is_some() && spec.max_rows() > 1;
        let expected = usize::from(of_batches) + spec.max_rows();
        assert_eq!(taken.len(), expected, "{}", case.name);
    }
}

#[test]
fn evaluation_keys_are_split_into_their_sections() {
    for (name, lens) in [
        ("hidden", vec![32 + 8 * 1024; 2]),
        ("packed", vec![32 + 15 * 512 * 20 / 8]),
    ] {
        let file = read(name, "client.tnb");
        let spec = ClientSpec::parse(&file).unwrap();
        let scheme = spec.scheme();
        let sections = scheme.key_sections();
        let key = payload(&spec, Kind::EvaluationKey, &read(name, "evaluation.tnb"));
        let found = split_sections(&sections, &key).unwrap();
        let found = found.iter().filter(|section| !section.is_empty());
        let mut at = 0;
        for (section, len) in found.zip(&lens) {
            assert_eq!(*section, &key[at + KeySection::HEADER_LEN..][..*len]);
            at += KeySection::HEADER_LEN + len;
        }
        assert_eq!(at, key.len());
        for len in (0..40).chain(key.len() - 40..key.len()) {
            assert_eq!(split_sections(&sections, &key[..len]), None, "{len} bytes");
        }
        assert_eq!(split_sections(&sections, &[&*key, &[0]].concat()), None);
        // Kind and length of each section.
        let heads = [0, KeySection::HEADER_LEN + lens[0]];
        for head in &heads[..lens.len()] {
            for byte in 0..KeySection::HEADER_LEN {
                let mut other = key.clone();
                other[head + byte] ^= 1;
                assert_eq!(split_sections(&sections, &other), None, "byte {byte}");
            }
        }
        // In memory every coefficient of masks and bodies is a word: two limbs of `k` zeros of `k + 1` polynomials, or of two
        // polynomials of 15 rows.
        let words: u64 = match name {
            "hidden" => 2 * (4 * 5 * 256 + 2 * 3 * 512),
            _ => 2 * (15 * 2 * 512),
        };
        let prepared = scheme.prepared_key_bytes();
        assert!((8 * words..16 * words).contains(&prepared), "{prepared}");
        if name == "hidden" {
            // As if both plans had the four masks of the first.
            assert_eq!(prepared, 2 * (1 + 4) * lens.iter().sum::<usize>() as u64);
        }
    }
    let file = read("single", "client.tnb");
    let spec = ClientSpec::parse(&file).unwrap();
    assert_eq!(spec.scheme().prepared_key_bytes(), 0);
}

#[test]
fn failure_probabilities_are_below_one() {
    for (p_fail, fits) in [
        (-128.0, true),
        (-1e-9, true),
        (0.0, false),
        (-0.0, false),
        (1.0, false),
        (f64::NAN, false),
        (f64::NEG_INFINITY, false),
    ] {
        let accepted = changed(&cases::single(), |spec| spec.p_fail_log2 = p_fail);
        assert_eq!(accepted, fits, "{p_fail}");
    }
}

#[test]
fn outputs_fit_their_bits() {
    let limit = 1i64 << 62;
    // Integers of 7 bits, and digit sums within 62.
    for (case, min, max, fits) in [
        (cases::single(), 0, 0, true),
        (cases::single(), 1, 0, false),
        (cases::single(), -20, 107, true),
        (cases::single(), -20, 108, false),
        (cases::single(), limit - 127, limit, true),
        (cases::single(), limit - 126, limit + 1, false),
        (cases::single(), -limit, 127 - limit, true),
        (cases::single(), -limit - 1, 126 - limit, false),
        (cases::single(), i64::MIN, i64::MAX, false),
        (cases::forest(), 1, limit, true),
        (cases::forest(), 0, limit, false),
        (cases::forest(), -limit, -1, true),
        (cases::forest(), -limit, 0, false),
    ] {
        let accepted = changed(&case, |spec| {
            let output = &mut spec.interface.readout.outputs[0];
            (output.min, output.max) = (min, max);
        });
        assert_eq!(accepted, fits, "{} {min} to {max}", case.name);
    }
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for change in [
            (|output, number| output.scale = number) as fn(&mut Output, f64),
            |output, number| output.offset = number,
        ] {
            let case = cases::single();
            let with = |number| {
                changed(&case, |spec| {
                    change(&mut spec.interface.readout.outputs[0], number)
                })
            };
            assert!(with(-1e300) && !with(number), "{number}");
        }
    }
}

#[test]
fn decisions_have_their_classes() {
    let with = |case: &cases::Case, decision, classes: usize| {
        changed(case, |spec| {
            spec.interface.readout.decision = decision;
            spec.interface.readout.classes = vec!["c".into(); classes];
        })
    };
    // One output, three and two.
    let (one, three, two) = (cases::single(), cases::classes(), cases::forest());
    for (case, decision, classes) in [
        (&one, Decision::None, Some(0)),
        (&three, Decision::None, Some(0)),
        (&one, Decision::Threshold, Some(2)),
        (&two, Decision::Threshold, None),
        (&three, Decision::Threshold, None),
        (&one, Decision::ArgMax, None),
        (&two, Decision::ArgMax, Some(2)),
        (&three, Decision::ArgMax, Some(3)),
    ] {
        for count in 0..5 {
            let accepted = with(case, decision, count);
            assert_eq!(
                accepted,
                classes == Some(count),
                "{}: {decision:?}, {count}",
                case.name
            );
        }
    }
}

#[test]
fn columns_have_a_name_each_or_none() {
    let case = cases::single();
    for (names, fits) in [(0, true), (1, false), (2, true), (3, false)] {
        let accepted = changed(&case, |spec| {
            spec.interface.column_names = vec!["x".into(); names];
        });
        assert_eq!(accepted, fits, "{names} names of 2 columns");
    }
    for (columns, fits) in [
        (0, false),
        (1, false),
        (2, true),
        (65_536, true),
        (65_537, false),
    ] {
        let accepted = changed(&case, |spec| {
            spec.interface.column_names = vec![];
            spec.interface.columns = columns;
        });
        assert_eq!(
            accepted, fits,
            "{columns} columns, of which the second is used"
        );
    }
}

#[test]
fn cut_points_increase_and_are_finite() {
    let nan = f64::NAN;
    for (cuts, fits) in [
        (vec![0.1, 0.2, 0.3], true),
        (vec![0.1, 0.2, 0.2], false),
        (vec![0.1, 0.3, 0.2], false),
        (vec![0.2, 0.1, 0.3], false),
        (vec![0.1, 0.2, f64::INFINITY], false),
        (vec![f64::NEG_INFINITY, 0.2, 0.3], false),
        (vec![nan, 0.2, 0.3], false),
        (vec![0.1, nan, 0.3], false),
        (vec![0.1, 0.2, nan], false),
        (vec![nan], false),
    ] {
        let accepted = changed(&cases::classes(), |spec| {
            let Codec::Bins { cuts: its, .. } = &mut spec.interface.inputs[2].codec else {
                panic!("input 2 has bins")
            };
            its.clone_from(&cuts);
        });
        assert_eq!(accepted, fits, "{cuts:?}");
    }
}

/// The bits of the codes are those that a forest's parameters were chosen for.
#[test]
fn input_bits_are_those_of_the_inputs() {
    for case in [cases::forest(), cases::packed()] {
        for (bits, fits) in [(2, false), (3, true), (4, false)] {
            let accepted = changed(&case, |spec| {
                let OwnedScheme::Branching(branching) = &mut spec.scheme else {
                    panic!("it is a forest")
                };
                branching.layout.input_bits = bits;
            });
            assert_eq!(accepted, fits, "{}: {bits} bits", case.name);
        }
    }
}

/// One or two, all with the inputs and outputs of the spec.
#[test]
fn plans_are_one_or_two() {
    let case = cases::classes();
    let OwnedScheme::Linear(OwnedLinear { plans, .. }) = &case.spec.scheme else {
        panic!("classes is linear")
    };
    for count in 0..4 {
        let plans: Vec<_> = plans.iter().copied().cycle().take(count).collect();
        let accepted = changed(&case, |spec| {
            spec.scheme = OwnedScheme::Linear(OwnedLinear::plain(plans));
        });
        assert_eq!(accepted, (1..=2).contains(&count), "{count} plans");
    }
}

/// `D ≥ 1`, `D·2^t ≤ 62`, `(D − 1)·u + p + t ≤ 61`, the base within ±2^62, and as many digit sums as the parameters say.
#[test]
fn digits_are_those_of_the_document() {
    let limit = 1i64 << 62;
    let mut accepted = 0;
    for log in [0, 1, 2, 19, 20, 28, 29, 31] {
        for parts_log in [0, 1, 2, 5, 6] {
            for count in [0, 1, 2, 3, 4, 6, 8, 32, 60, 61, 62, 63, 64] {
                for base in [0, limit, -limit, limit + 1, -limit - 1] {
                    let fits = changed(&cases::forest(), |spec| {
                        let OwnedScheme::Branching(branching) = &mut spec.scheme else {
                            panic!("it is a forest")
                        };
                        branching.radix = Radix { log, parts_log };
                        let other = Digits {
                            count: 1 << parts_log,
                            base: 0,
                        };
                        branching.digits = vec![Digits { count, base }, other];
                        branching.layout.coefficients = u32::from(count) + u32::from(other.count);
                    });
                    // p = 6, and at most 64 digit sums in a polynomial of 64 coefficients.
                    let [u, t, sums] = [log, parts_log, count].map(i64::from);
                    let digits = sums >> t;
                    let sound = (1..=31).contains(&u)
                        && digits >= 1
                        && digits << t == sums
                        && sums <= 62
                        && 1 << t <= 62
                        && (digits - 1) * u + 6 + t <= 61
                        && sums + (1 << t) <= 64
                        && (-limit..=limit).contains(&base);
                    assert_eq!(
                        fits, sound,
                        "u {log}, t {parts_log}, {count} sums, base {base}"
                    );
                    accepted += usize::from(sound);
                }
            }
        }
    }
    assert!(accepted > 100, "{accepted}");
    for coefficients in [2, 3, 4] {
        let fits = changed(&cases::forest(), |spec| {
            if let OwnedScheme::Branching(branching) = &mut spec.scheme {
                branching.layout.coefficients = coefficients;
            }
        });
        assert_eq!(fits, coefficients == 3, "{coefficients} digit sums of 3");
    }
}

/// output = base + Σ_i 2^(u·(i mod D)) · digit sum i.
#[test]
fn digit_sums_make_up_their_output() {
    for (log, parts_log, digits) in [(1, 0, 3), (3, 1, 2), (4, 2, 3), (20, 3, 1)] {
        let count = digits << parts_log;
        let sums: Vec<u64> = (0..count).map(|i| u64::from(17 * i + 5)).collect();
        let value = Digits {
            count: u8::try_from(count).unwrap(),
            base: -1000,
        }
        .value(Radix { log, parts_log }, &sums);
        let terms = (0..count).zip(&sums);
        let terms = terms.map(|(i, sum)| (*sum << (u32::from(log) * (i % digits))).cast_signed());
        assert_eq!(
            value,
            -1000 + terms.sum::<i64>(),
            "{log}, {parts_log}, {digits}"
        );
    }
}

#[test]
fn a_public_key_has_a_seed_and_its_bodies() {
    let file = read("hidden", "client.tnb");
    let spec = ClientSpec::parse(&file).unwrap();
    for layout in spec.scheme().linear().unwrap().plans() {
        let len = layout.public_key_len();
        assert_eq!(len, 32 + 8 * 1024);
        let key = vec![7; len];
        let (seed, bodies) = read_public_key(layout, &key).unwrap();
        assert_eq!((seed.0, bodies.len()), ([7; 32], 8 * 1024));
        for wrong in [0, 31, 32, len - 1, len + 1] {
            assert_eq!(read_public_key(layout, &vec![7; wrong]), None);
        }
    }
}
