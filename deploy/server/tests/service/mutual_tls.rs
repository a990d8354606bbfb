//! Clients that show a certificate, and those that do not.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tenebra_server::store::Store;
use tenebra_server::tokens::Role;
use tenebra_service_client::{Certificates, Service, ServiceError};

use crate::models::linear;
use crate::support::{Process, add_token, location};

/// An authority that signs certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(parameters, key),
        }
    }

    /// A certificate and its private key.
    fn sign(&self, name: &str) -> [String; 2] {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        [certificate.pem(), key.serialize_pem()]
    }
}

/// A certificate lets nobody in without a token, nor a token without a certificate, nor a certificate of another authority.
#[test]
fn clients_show_a_certificate_besides_their_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let store = Store::open(location(&path("store"))).unwrap();
    let token = add_token(&store, "ada", Role::Owner);
    let (bank, stranger) = (Authority::new("bank"), Authority::new("stranger"));
    let [chain, key] = bank.sign("127.0.0.1");
    for (name, pem) in [
        ("chain.pem", &chain),
        ("key.pem", &key),
        ("clients.pem", &bank.pem),
    ] {
        fs::write(path(name), pem).unwrap();
    }
    let files = ["chain.pem", "key.pem", "clients.pem"].map(path);
    let [chain, key, clients] = files.each_ref().map(|path| location(path));
    let arguments = [
        "--tls-certificate",
        chain,
        "--tls-key",
        key,
        "--tls-client-ca",
        clients,
    ];
    let server = Process::start(location(&path("store")), &arguments, &[]);
    let service = |token: Option<&str>, shown: Option<&[String; 2]>| {
        let certificates = Certificates {
            trusted: Some(bank.pem.as_bytes()),
            shown: shown.map(|[chain, key]| (chain.as_bytes(), key.as_bytes())),
        };
        let url = format!("https://{}", server.address);
        Service::with_certificates(&url, token, certificates).unwrap()
    };
    let client = bank.sign("client");
    let good = service(Some(&token), Some(&client));
    good.push("line", &linear(5).server).unwrap();
    assert_eq!(good.models().unwrap().len(), 1);
    let no_token = service(None, Some(&client)).models();
    assert!(matches!(no_token, Err(ServiceError::Refused(problem)) if problem.status == 401));
    let foreign = stranger.sign("client");
    for shown in [None, Some(&foreign)] {
        let refused = service(Some(&token), shown).models();
        assert!(
            matches!(refused, Err(ServiceError::Transport { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(good.models().unwrap().len(), 1);
}
