//! Two server processes on one S3-compatible server.

use core::time::Duration;
use std::process::Command;
use std::thread;

use tenebra_circuit::QueryMode;
use tenebra_client::ClientSpec;
use tenebra_service_client::{Service, ServiceError};

use crate::models::{DataOwner, forest, linear};
use crate::s3::S3;
use crate::support::Process;

const STORE: &str = "s3://tenebra/some/prefix";

fn try_add_token(environment: &[(&str, &str)], name: &str, role: &str) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_tenebra-server"))
        .args(["token", "add", name, "--role", role, "--store", STORE])
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().trim().to_owned();
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        Err(text(output.stderr))
    }
}

#[test]
fn servers_share_a_bucket() {
    let s3 = S3::start("tenebra");
    let environment = s3.environment();
    let environment: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let [owner, client] =
        ["owner", "client"].map(|name| try_add_token(&environment, name, name).unwrap());
    let refused = try_add_token(&environment, "client", "owner").unwrap_err();
    assert!(
        refused.contains("there is a token of that name"),
        "{refused}"
    );
    let [mut first, second] = [(), ()].map(|()| Process::start(STORE, &[], &environment));
    let (one, two) = (first.service(Some(&owner)), second.service(Some(&client)));

    // Deployed at one, used at the other.
    let (packed, line, newer) = (forest(4, QueryMode::Packed), linear(5), linear(6));
    one.push("packed", &packed.server).unwrap();
    let mut data = DataOwner::new(&packed.client, 1);
    let key = two
        .put_key("packed", &data.evaluation_key().unwrap())
        .unwrap()
        .key;
    let (query, codes) = data.query(1);
    for server in [&first, &second] {
        let response = server
            .service(Some(&client))
            .predict("packed", Some(&key), &query)
            .unwrap();
        assert!(data.agrees(&packed.circuit, &codes, &response));
    }

    // Both write the same name at once: it is one of the two, whole, and both say the same.
    let both = [first.service(Some(&owner)), second.service(Some(&owner))];
    thread::scope(|scope| {
        for (service, model) in both.iter().zip([&line, &newer]) {
            scope.spawn(move || {
                (0..10).for_each(|_| drop(service.push("line", &model.server).unwrap()))
            });
        }
    });
    let listed = one.models().unwrap();
    assert_eq!(listed, two.models().unwrap());
    let id = &listed
        .iter()
        .find(|info| info.model == "line")
        .unwrap()
        .spec_id;
    let is_winner = ClientSpec::parse(&line.client).unwrap().id().to_string() == *id;
    let winner = if is_winner { &line } else { &newer };
    agree_on(&both, winner);

    // Gone at one, gone at the other within a second or so; a key as well.
    both[1].push("line", &line.server).unwrap();
    both[0].delete_model("line").unwrap();
    two.delete_key("packed", &key).unwrap();
    thread::sleep(Duration::from_millis(1200));
    assert!(
        matches!(two.client_spec("line"), Err(ServiceError::Refused(problem)) if problem.status == 404)
    );
    let refused = first
        .service(Some(&client))
        .predict("packed", Some(&key), &query);
    assert!(matches!(refused, Err(ServiceError::Refused(problem)) if problem.status == 404));

    // One is killed, the other goes on, and a third takes its place.
    first.kill();
    let third = Process::start(STORE, &[], &environment);
    assert_eq!(
        third.service(Some(&client)).models().unwrap(),
        two.models().unwrap()
    );
}

/// Both servers evaluate the version that won, whichever they have in memory: what is there is believed for a second.
fn agree_on(services: &[Service], winner: &crate::models::Compiled) {
    let mut data = DataOwner::new(&winner.client, 2);
    let (query, codes) = data.query(1);
    for service in services {
        let answer = || service.predict("line", None, &query).ok();
        let wait = || thread::sleep(Duration::from_millis(250));
        let response = (0..20).find_map(|_| {
            answer().or_else(|| {
                wait();
                None
            })
        });
        assert!(data.agrees(&winner.circuit, &codes, &response.unwrap()));
    }
}
