//! Every door that bytes from outside come through: no panic, whatever they are.
//!
//! An input is a file. It is read as it is, and its payload once more behind a header and a checksum that are right, for
//! chance finds neither.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_circuit::{Circuit, verify};
use tenebra_client::frame::{HEADER_LEN, TRAILER_LEN};
use tenebra_client::{ClientKey, ClientSpec, Kind, to_frame};
use tenebra_tfhe::Program;

/// A model with everything its two sides hold.
struct Model {
    spec: ClientSpec<'static>,
    key: ClientKey,
    /// The server's side, where the scheme's arithmetic is quick enough.
    program: Option<Program>,
}

macro_rules! model {
    ($name:literal, $circuit:expr) => {
        Model::new(
            include_bytes!(concat!(
                "../../fhe-backend/client/tests/data/",
                $name,
                "/client.tnb"
            )),
            include_bytes!(concat!(
                "../../fhe-backend/client/tests/data/",
                $name,
                "/secret.tnb"
            )),
            $circuit,
        )
    };
}

static MODELS: LazyLock<[Model; 7]> = LazyLock::new(|| {
    [
        model!(
            "single",
            Some(
                "circuit v1
                %0 = input x: [0, 15]^2
                %1 = linear %0, dense [[3, -2]], bias [10]
                output y: %1"
            )
        ),
        model!(
            "classes",
            Some(
                "circuit v1
                %0 = input x: [-7, 7], [0, 15], [-1, 3], [0, 1], [0, 7]
                %1 = linear %0, dense [[7, -3, 5, 0, 4], [-7, 6, -2, 1, 0], [1, -6, 3, -7, 7]], bias [-20, 9, 60]
                output y: %1"
            )
        ),
        model!(
            "hidden",
            Some(
                "circuit v1
                %0 = input x: [-7, 7], [0, 15], [-1, 3], [0, 1], [0, 7]
                %1 = linear %0, dense [[7, -3, 5, 0, 4], [-7, 6, -2, 1, 0], [1, -6, 3, -7, 7]], bias [-20, 9, 60]
                output y: %1"
            )
        ),
        model!("forest", None),
        model!("packed", None),
        model!("network", None),
        model!("network-packed", None),
    ]
});

impl Model {
    fn new(spec: &'static [u8], secret: &[u8], circuit: Option<&str>) -> Self {
        let spec = ClientSpec::parse(spec).unwrap();
        let program = circuit.map(|text| {
            let circuit = verify(&text.parse::<Circuit>().unwrap()).unwrap();
            Program::for_spec(&circuit, &spec).unwrap()
        });
        Self {
            key: ClientKey::read_secret_file(&spec, secret).unwrap(),
            spec,
            program,
        }
    }

    /// Whether any door of this model let the bytes in.
    fn read(&self, bytes: &[u8]) -> bool {
        let key = ClientKey::read_secret_file(&self.spec, bytes).is_ok();
        let response = self.spec.decrypt_rows(&self.key, bytes).is_ok();
        let query = self.program.as_ref().is_some_and(|program| {
            program.evaluate(self.spec.id(), None, bytes).is_ok()
                | program.prepare_key(self.spec.id(), bytes).is_ok()
        });
        key | response | query
    }

    /// The doors behind the frame.
    fn read_payload(&self, payload: &[u8]) -> bool {
        let mut found = false;
        for kind in [
            Kind::SecretKey,
            Kind::EvaluationKey,
            Kind::Query,
            Kind::Response,
        ] {
            found |= self.read(&to_frame(kind, self.spec.id(), self.key.tag(), payload));
        }
        if let Some(branching) = self.spec.scheme().branching() {
            let layout = branching.layout();
            found |= layout.read_query(payload).is_some();
            let keys = layout.switch_keys();
            found |= keys.is_some_and(|keys| keys.read(payload).is_some());
        }
        if let Some(network) = self.spec.scheme().network() {
            let layout = network.layout();
            found |= layout.read_query(payload).is_some();
            let keys = layout.switch_keys();
            found |= keys.is_some_and(|keys| keys.read(payload).is_some());
        }
        found
    }
}

/// Uses all that a spec says, as a client would.
fn use_spec(spec: &ClientSpec<'_>) {
    assert_eq!(spec.inputs().count(), spec.input_count());
    assert_eq!(spec.outputs().count(), spec.output_count());
    let _ = (
        spec.classes().count(),
        spec.column_names().count(),
        spec.scheme().branching().map(|scheme| scheme.digits(spec.ports()).count()),
        spec.scheme().network().map(|scheme| scheme.digits(spec.ports()).count()),
    );
    let mut codes = vec![0; spec.input_count()];
    for value in [0.0, -1e300, 1e300, 0.1, f64::NAN, f64::INFINITY] {
        let _ = spec.quantize(&vec![value; spec.columns()], &mut codes);
    }
    let mut scores = vec![0.0; spec.output_count()];
    spec.scores(&vec![1; spec.output_count()], &mut scores);
    spec.inverse_link().apply(&mut scores);
    let _ = spec.decision().decide(&scores);
    // Large messages only take long.
    let small = spec.query_len(1).is_ok_and(|len| len < 100_000);
    if small
        && spec
            .quantize(&vec![0.0; spec.columns()], &mut codes)
            .is_ok()
    {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let key = ClientKey::generate(spec, &mut rng);
        let query = spec.encrypt_codes(&key, &codes, &mut rng);
        assert!(
            query.is_ok(),
            "codes that the spec quantized are refused: {query:?}"
        );
    }
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if let Ok(spec) = ClientSpec::parse(bytes) {
        use_spec(&spec);
    }
    for model in MODELS.iter() {
        model.read(bytes);
    }
    let payload = bytes.get(HEADER_LEN..bytes.len().saturating_sub(TRAILER_LEN));
    let Some(payload) = payload else {
        return Corpus::Reject;
    };
    if let Ok(spec) = ClientSpec::parse_payload(payload) {
        use_spec(&spec);
    }
    for model in MODELS.iter() {
        model.read_payload(payload);
    }
    Corpus::Keep
});
