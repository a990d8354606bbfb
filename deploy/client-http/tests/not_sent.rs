//! A secret key must not leave the machine by mistake.

use tenebra_client::{KeyTag, Kind, SpecId, to_frame};
use tenebra_service_client::{Service, ServiceError};

/// Nobody listens at that address: an attempt to send is another error.
#[test]
fn secret_keys_are_never_sent() {
    let service = Service::new("http://127.0.0.1:1", None).unwrap();
    let frame = |kind| to_frame(kind, SpecId([1; 16]), KeyTag::NONE, b"abc");
    let secret = frame(Kind::SecretKey);
    let mut damaged = secret.clone();
    damaged[4] ^= 1; // the version
    damaged[41] ^= 1;
    let secrets = [
        secret.as_slice(),
        damaged.as_slice(),
        &secret[..10],
        &[secret.as_slice(), b"more"].concat(),
    ];
    let send = |bytes: &[u8]| {
        [
            service.push("m", bytes).map(drop),
            service.put_key("m", bytes).map(drop),
            service.predict("m", None, bytes).map(drop),
            service.predict_all("m", None, &[bytes.to_vec()], drop),
        ]
    };
    for bytes in secrets {
        for outcome in send(bytes) {
            assert!(
                matches!(outcome, Err(ServiceError::SecretKey)),
                "{outcome:?}"
            );
        }
    }
    for kind in [Kind::EvaluationKey, Kind::Query, Kind::ServerProgram] {
        for outcome in send(&frame(kind)) {
            assert!(
                matches!(outcome, Err(ServiceError::Transport { .. })),
                "{outcome:?}"
            );
        }
    }
}
