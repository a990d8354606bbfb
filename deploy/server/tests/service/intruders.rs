//! Every address, asked by those who may not: nobody, a client, another client, the holder of a key of another model.

use tenebra_circuit::QueryMode;
use tenebra_server::Limits;
use tenebra_server::store::Store;
use tenebra_server::tokens::Role;

use crate::models::{DataOwner, forest, linear};
use crate::support::{InProcess, add_token, ask};

/// Everybody but health, with no token and with a wrong one, with a client's token, and with the owner's.
#[test]
fn addresses_and_tokens() {
    let store = Store::in_memory();
    let owner = add_token(&store, "owner", Role::Owner);
    let client = add_token(&store, "client", Role::Client);
    let server = InProcess::start(store, Limits::default(), false);
    let model = linear(5);
    server
        .service(Some(&owner))
        .push("logreg", &model.server)
        .unwrap();
    let query = DataOwner::new(&model.client, 1).query(1).0;
    let key = format!("/v1/models/logreg/keys/{}", "0".repeat(32));
    let wrong = "tnb_".to_owned() + &"0".repeat(64);

    // Method, address, body, and the answer to a client and to the owner.
    let table: [(&str, &str, &[u8], u16, u16); 13] = [
        ("GET", "/v1/models", b"", 200, 200),
        ("GET", "/v1/models/logreg", b"", 200, 200),
        ("PUT", "/v1/models/logreg", &model.server, 403, 201),
        ("PUT", "/v1/models/new", &model.server, 403, 201),
        ("DELETE", "/v1/models/new", b"", 403, 204),
        ("GET", "/v1/models/logreg/keys", b"", 200, 200),
        ("PUT", "/v1/models/logreg/keys", b"", 422, 422),
        ("DELETE", &key, b"", 404, 404),
        ("POST", "/v1/models/logreg/predict", &query, 200, 200),
        ("GET", "/metrics", b"", 403, 200),
        ("GET", "/v1/openapi.json", b"", 200, 200),
        ("GET", "/no/such/address", b"", 404, 404),
        ("PATCH", "/v1/models", b"", 405, 405),
    ];
    for (method, path, body, to_client, to_owner) in table {
        let status = |token: Option<&str>| {
            let answer = ask(server.address, method, path, token, body);
            if answer.status >= 400 {
                answer.problem();
            }
            answer.status
        };
        for token in [
            None,
            Some(""),
            Some(wrong.as_str()),
            Some(&owner[..owner.len() - 1]),
        ] {
            assert_eq!(status(token), 401, "{method} {path} with {token:?}");
        }
        assert_eq!(
            status(Some(&client)),
            to_client,
            "{method} {path} as a client"
        );
        assert_eq!(
            status(Some(&owner)),
            to_owner,
            "{method} {path} as the owner"
        );
    }
}

/// Whose key, of which model, for which model.
#[test]
fn keys_belong_to_one_client_and_one_model() {
    let store = Store::in_memory();
    let owner = add_token(&store, "owner", Role::Owner);
    let [ada, eve] = ["ada", "eve"].map(|name| add_token(&store, name, Role::Client));
    let server = InProcess::start(store, Limits::default(), false);
    let (one, other) = (forest(4, QueryMode::Packed), forest(6, QueryMode::Packed));
    let owners = server.service(Some(&owner));
    owners.push("one", &one.server).unwrap();
    owners.push("other", &other.server).unwrap();

    let mut data = DataOwner::new(&one.client, 1);
    let file = data.evaluation_key().unwrap();
    let service = server.service(Some(&ada));
    let key = service.put_key("one", &file).unwrap().key;
    let (query, codes) = data.query(1);
    let other_query = DataOwner::new(&other.client, 2).query(1).0;

    let predict = |model: &str, key: &str| format!("/v1/models/{model}/predict?key={key}");
    let delete = |model: &str, key: &str| format!("/v1/models/{model}/keys/{key}");
    // Who, method, address, body, status, kind of problem.
    type Row<'a> = (&'a str, &'a str, String, &'a [u8], u16, &'a str);
    let table: [Row<'_>; 11] = [
        (
            &eve,
            "POST",
            predict("one", &key),
            &query,
            404,
            "key-not-found",
        ),
        (
            &owner,
            "POST",
            predict("one", &key),
            &query,
            404,
            "key-not-found",
        ),
        (
            &eve,
            "DELETE",
            delete("one", &key),
            b"",
            404,
            "key-not-found",
        ),
        (
            &owner,
            "DELETE",
            delete("one", &key),
            b"",
            404,
            "key-not-found",
        ),
        (
            &ada,
            "POST",
            predict("other", &key),
            &other_query,
            404,
            "key-not-found",
        ),
        (
            &ada,
            "POST",
            predict("other", &key),
            &query,
            409,
            "other-model",
        ),
        (
            &ada,
            "DELETE",
            delete("other", &key),
            b"",
            404,
            "key-not-found",
        ),
        (
            &ada,
            "PUT",
            "/v1/models/other/keys".into(),
            &file,
            409,
            "other-model",
        ),
        (
            &ada,
            "POST",
            predict("one", "../../eve"),
            &query,
            400,
            "bad-name",
        ),
        (
            &ada,
            "POST",
            predict("one", &"0".repeat(32)),
            &query,
            404,
            "key-not-found",
        ),
        (
            &ada,
            "POST",
            "/v1/models/one/predict".into(),
            &query,
            422,
            "key-needed",
        ),
    ];
    // Twice: the second time the key is in memory.
    for _ in 0..2 {
        for (token, method, path, body, status, kind) in &table {
            let answer = ask(server.address, method, path, Some(token), body);
            assert_eq!(
                (answer.status, answer.kind().as_str()),
                (*status, *kind),
                "{method} {path}"
            );
        }
        let response = service.predict("one", Some(&key), &query).unwrap();
        assert!(data.agrees(&one.circuit, &codes, &response));
    }
    // Others see nothing of it.
    assert!(server.service(Some(&eve)).keys("one").unwrap().is_empty());
    assert_eq!(service.keys("one").unwrap().len(), 1);
    // The same bytes are another key in other hands.
    server.service(Some(&eve)).put_key("one", &file).unwrap();
    server.service(Some(&eve)).delete_key("one", &key).unwrap();
    assert_eq!(service.keys("one").unwrap().len(), 1);
}

/// Names that would leave the store's folders.
#[test]
fn addresses_do_not_leave_the_store() {
    let server = InProcess::open(Limits::default());
    for name in [
        "..",
        "%2e%2e",
        "..%2f..%2fetc",
        "a%2fb",
        "A",
        "%00",
        ".hidden",
        "a%23",
    ] {
        for (method, path) in [
            ("GET", format!("/v1/models/{name}")),
            ("DELETE", format!("/v1/models/{name}")),
            ("GET", format!("/v1/models/{name}/keys")),
            ("POST", format!("/v1/models/{name}/predict")),
        ] {
            let answer = ask(server.address, method, &path, None, b"");
            assert!(
                [400, 404, 405].contains(&answer.status),
                "{method} {path}: {answer:?}"
            );
            answer.problem();
        }
    }
}

/// A server for everybody does not listen to everybody.
#[test]
fn open_means_loopback() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let app = tenebra_server::App::new(Store::in_memory(), Limits::default(), true)
            .await
            .unwrap();
        let refused = tenebra_server::Server::bind(app, ([0, 0, 0, 0], 0).into(), None).await;
        assert!(matches!(
            refused.err(),
            Some(tenebra_server::StartError::Arguments(_))
        ));
    });
}
