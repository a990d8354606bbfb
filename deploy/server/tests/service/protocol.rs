//! The five steps: deploy, fetch the spec, send the key, send data, decrypt.

use core::time::Duration;
use std::time::Instant;

use tenebra_circuit::QueryMode;
use tenebra_client::{ClientSpec, SpecId};
use tenebra_server::store::Store;
use tenebra_server::{Limits, openapi_document};
use tenebra_service_client::ServiceError;

use crate::models::{Compiled, DataOwner, forest, hidden_linear, linear};
use crate::support::{InProcess, ask, location};

fn kind(error: ServiceError) -> String {
    match error {
        ServiceError::Refused(problem) => problem.kind.replace("urn:tenebra:problem:", ""),
        other => panic!("{other}"),
    }
}

fn spec_id(model: &Compiled) -> SpecId {
    ClientSpec::parse(&model.client).unwrap().id()
}

#[test]
fn a_linear_model_answers_without_keys() {
    let server = InProcess::open(Limits::default());
    let service = server.service(None);
    let model = linear(5);
    assert!(service.models().unwrap().is_empty());
    let pushed = service.push("logreg", &model.server).unwrap();
    assert_eq!(service.models().unwrap(), core::slice::from_ref(&pushed));
    assert_eq!(
        (pushed.columns, pushed.outputs, pushed.evaluation_key_bytes),
        (30, 1, 0)
    );
    assert_eq!(pushed.spec_id, spec_id(&model).to_string());
    assert_eq!(service.client_spec("logreg").unwrap(), model.client);

    let mut owner = DataOwner::new(&model.client, 1);
    let (query, codes) = owner.query(1);
    assert_eq!(query.len() as u64, pushed.query_bytes);
    let response = service.predict("logreg", None, &query).unwrap();
    assert_eq!(response.len() as u64, pushed.response_bytes);
    assert!(owner.agrees(&model.circuit, &codes, &response));

    // Many rows of one query, and many queries of one request.
    let most = usize::try_from(pushed.max_rows).unwrap();
    let (queries, codes): (Vec<_>, Vec<_>) = [1, most, 2, 1]
        .map(|rows| owner.query(rows))
        .into_iter()
        .unzip();
    let mut responses = Vec::new();
    service
        .predict_all("logreg", None, &queries, |response| {
            responses.push(response)
        })
        .unwrap();
    assert_eq!(responses.len(), 4);
    for (codes, response) in codes.iter().zip(&responses) {
        assert!(owner.agrees(&model.circuit, codes, response));
    }

    let refused = service.put_key("logreg", &query).unwrap_err();
    assert_eq!(kind(refused), "key-not-needed");
    let refused = service
        .predict("logreg", Some(&"0".repeat(32)), &query)
        .unwrap_err();
    assert_eq!(kind(refused), "key-not-needed");
    service.delete_model("logreg").unwrap();
    assert_eq!(
        kind(service.predict("logreg", None, &query).unwrap_err()),
        "model-not-found"
    );
    assert_eq!(
        kind(service.delete_model("logreg").unwrap_err()),
        "model-not-found"
    );
}

/// The responses are more than connections hold: who sent all queries before reading one would wait for ever.
#[test]
fn long_batches_do_not_stand_still() {
    const QUERIES: usize = 5000;
    let server = InProcess::open(Limits::default());
    let (service, model) = (server.service(None), linear(5));
    service.push("logreg", &model.server).unwrap();
    let mut owner = DataOwner::new(&model.client, 1);
    let (query, codes) = owner.query(1);
    let queries = vec![query; QUERIES];
    let (mut responses, mut bytes) = (0, 0);
    let count = |response: Vec<u8>| {
        responses += 1;
        bytes += response.len();
        if responses == QUERIES {
            assert!(owner.agrees(&model.circuit, &codes, &response));
        }
    };
    service
        .predict_all("logreg", None, &queries, count)
        .unwrap();
    assert_eq!(responses, QUERIES);
    assert!(bytes > 20_000_000, "{bytes}");
}

#[test]
fn a_single_response_tells_the_time_it_took() {
    let server = InProcess::open(Limits::default());
    let (service, model) = (server.service(None), forest(5, QueryMode::Direct));
    service.push("forest", &model.server).unwrap();
    let query = DataOwner::new(&model.client, 2).query(1).0;
    let start = Instant::now();
    let evaluated = service.predict_timed("forest", None, &query).unwrap();
    let time = evaluated.evaluate.unwrap();
    assert!(time > Duration::ZERO && time < start.elapsed(), "{time:?}");
}

#[test]
fn a_forest_answers_direct_queries() {
    let server = InProcess::open(Limits::default());
    let (service, model) = (server.service(None), forest(5, QueryMode::Direct));
    service.push("forest", &model.server).unwrap();
    let mut owner = DataOwner::new(&model.client, 2);
    let (query, codes) = owner.query(1);
    let response = service.predict("forest", None, &query).unwrap();
    assert!(owner.agrees(&model.circuit, &codes, &response));
}

/// Packed queries are unpacked with it, and the responses of a hidden model are hidden with it.
#[test]
fn what_is_evaluated_with_a_key_needs_it() {
    let server = InProcess::open(Limits::default());
    let service = server.service(None);
    let models = [
        ("forest", forest(5, QueryMode::Packed)),
        ("hidden", hidden_linear(5)),
    ];
    for (name, model) in models {
        let pushed = service.push(name, &model.server).unwrap();
        let [mut owner, mut other] = [3, 4].map(|seed| DataOwner::new(&model.client, seed));
        let most = usize::try_from(pushed.max_rows).unwrap();
        let (query, codes) = owner.query(1);
        let refused = |key: Option<&str>| kind(service.predict(name, key, &query).unwrap_err());
        assert_eq!(refused(None), "key-needed");
        let file = owner.evaluation_key().unwrap();
        assert_eq!(file.len() as u64, pushed.evaluation_key_bytes);
        let key = service.put_key(name, &file).unwrap();
        assert_eq!(service.put_key(name, &file).unwrap(), key);
        assert_eq!(service.keys(name).unwrap(), core::slice::from_ref(&key));
        let response = service.predict(name, Some(&key.key), &query).unwrap();
        assert!(owner.agrees(&model.circuit, &codes, &response));
        let (batch, codes) = owner.query(most);
        let response = service.predict(name, Some(&key.key), &batch).unwrap();
        assert!(owner.agrees(&model.circuit, &codes, &response));

        let others = other.evaluation_key().unwrap();
        let others = service.put_key(name, &others).unwrap().key;
        assert_eq!(refused(Some(&others)), "other-key");
        service.delete_key(name, &key.key).unwrap();
        assert_eq!(refused(Some(&key.key)), "key-not-found");
        assert_eq!(refused(None), "key-needed");
        let gone = service.delete_key(name, &key.key).unwrap_err();
        assert_eq!(kind(gone), "key-not-found");
        service.delete_key(name, &others).unwrap();
        assert!(service.keys(name).unwrap().is_empty());
    }
}

/// A response that is hidden is another one each time; one that is not is not.
#[test]
fn a_hidden_model_answers_a_query_differently_each_time() {
    let server = InProcess::open(Limits::default());
    let service = server.service(None);
    for (model, alike) in [(linear(5), true), (hidden_linear(5), false)] {
        service.push("logreg", &model.server).unwrap();
        let mut owner = DataOwner::new(&model.client, 1);
        let key = owner.evaluation_key();
        let key = key.map(|file| service.put_key("logreg", &file).unwrap().key);
        let (query, codes) = owner.query(1);
        let responses =
            [(); 2].map(|()| service.predict("logreg", key.as_deref(), &query).unwrap());
        assert_eq!(responses[0] == responses[1], alike);
        for response in responses {
            assert!(owner.agrees(&model.circuit, &codes, &response));
        }
    }
}

#[test]
fn a_key_serves_one_version_of_a_model() {
    let server = InProcess::open(Limits::default());
    let service = server.service(None);
    let (old, new) = (forest(4, QueryMode::Packed), forest(6, QueryMode::Packed));
    service.push("forest", &old.server).unwrap();
    let (mut before, mut after) = (
        DataOwner::new(&old.client, 4),
        DataOwner::new(&new.client, 5),
    );
    let old_key = service
        .put_key("forest", &before.evaluation_key().unwrap())
        .unwrap()
        .key;
    // Also in memory.
    service
        .predict("forest", Some(&old_key), &before.query(1).0)
        .unwrap();
    service.push("forest", &new.server).unwrap();
    let refused = service
        .predict("forest", Some(&old_key), &before.query(1).0)
        .unwrap_err();
    assert_eq!(kind(refused), "other-model");
    let (query, codes) = after.query(1);
    let refused = service
        .predict("forest", Some(&old_key), &query)
        .unwrap_err();
    assert_eq!(kind(refused), "key-outdated");
    let refused = service
        .put_key("forest", &before.evaluation_key().unwrap())
        .unwrap_err();
    assert_eq!(kind(refused), "other-model");
    let key = service
        .put_key("forest", &after.evaluation_key().unwrap())
        .unwrap()
        .key;
    let response = service.predict("forest", Some(&key), &query).unwrap();
    assert!(after.agrees(&new.circuit, &codes, &response));
    // Both are listed, and go with the model.
    assert_eq!(service.keys("forest").unwrap().len(), 2);
    service.delete_model("forest").unwrap();
    service.push("forest", &new.server).unwrap();
    assert!(service.keys("forest").unwrap().is_empty());
}

#[test]
fn a_batch_ends_where_a_query_is_refused() {
    let server = InProcess::open(Limits::default());
    let (service, model) = (server.service(None), linear(5));
    service.push("logreg", &model.server).unwrap();
    let mut owner = DataOwner::new(&model.client, 6);
    let mut queries: Vec<_> = (0..3).map(|_| owner.query(1).0).collect();
    *queries[1].last_mut().unwrap() ^= 1;
    let mut responses = 0;
    let refused = service
        .predict_all("logreg", None, &queries, |_| responses += 1)
        .unwrap_err();
    assert_eq!((kind(refused).as_str(), responses), ("malformed", 1));
}

#[test]
fn servers_of_one_store_agree() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Store::open(location(folder.path())).unwrap();
    let [one, other] = [(), ()].map(|()| InProcess::start(open(), Limits::default(), true));
    let (one, other) = (one.service(None), other.service(None));
    let (old, new) = (linear(5), linear(6));
    one.push("logreg", &old.server).unwrap();
    let mut owner = DataOwner::new(&old.client, 7);
    let (query, codes) = owner.query(1);
    let response = other.predict("logreg", None, &query).unwrap();
    assert!(owner.agrees(&old.circuit, &codes, &response));
    // The other server holds the old version in memory; a query of the new one makes it look.
    one.push("logreg", &new.server).unwrap();
    let mut owner = DataOwner::new(&new.client, 8);
    let (query, codes) = owner.query(1);
    let response = other.predict("logreg", None, &query).unwrap();
    assert!(owner.agrees(&new.circuit, &codes, &response));
    assert_eq!(one.models().unwrap(), other.models().unwrap());
}

#[test]
fn health_needs_no_token_and_no_model() {
    let server = InProcess::start(Store::in_memory(), Limits::default(), false);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask(server.address, "GET", path, None, b"").status, 200);
    }
    assert_eq!(
        ask(server.address, "GET", "/v1/models", None, b"").status,
        401
    );
}

#[test]
fn metrics_count_what_happened() {
    let server = InProcess::open(Limits::default());
    let (service, model) = (server.service(None), linear(5));
    service.push("logreg", &model.server).unwrap();
    let query = DataOwner::new(&model.client, 9).query(1).0;
    for _ in 0..3 {
        service.predict("logreg", None, &query).unwrap();
    }
    let answer = ask(server.address, "GET", "/metrics", None, b"");
    let page = String::from_utf8(answer.body).unwrap();
    for line in [
        r#"tenebra_evaluations_total{result="done"} 3"#,
        r#"tenebra_cache_total{cache="models",result="hit"} 3"#,
        r#"tenebra_requests_total{method="POST",route="/v1/models/{model}/predict",status="200"} 3"#,
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
}

/// `TENEBRA_BLESS=1` writes the file anew.
#[test]
fn the_openapi_description_is_in_the_docs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let document = format!("{}\n", openapi_document());
    if std::env::var_os("TENEBRA_BLESS").is_some() {
        std::fs::write(path, &document).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == document,
        "docs/openapi.json is out of date: run this test with TENEBRA_BLESS=1"
    );
}
