//! `kill -9` at random moments during uploads and predictions: nothing acknowledged is lost, nothing half-written is visible.
//!
//! `TENEBRA_FAULT_ROUNDS=200` is the figure of `docs/deployment.md`; without it a few rounds keep the test quick.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use tenebra_circuit::QueryMode;
use tenebra_client::ClientSpec;
use tenebra_server::names::KeyId;
use tenebra_service_client::Service;

use crate::models::{Compiled, DataOwner, forest, linear};
use crate::support::{Process, location};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What clients know of the store: of each model the version acknowledged last, and those that were sent since and may be
/// there too; the keys that were acknowledged.
#[derive(Default)]
struct Known {
    models: HashMap<&'static str, Option<String>>,
    sent: HashMap<&'static str, HashSet<String>>,
    keys: HashSet<String>,
    acknowledged: usize,
}

struct Material {
    versions: Vec<(String, Compiled)>,
    packed: Compiled,
    owners: Vec<Packed>,
}

/// A data owner of the packed model, with a query and the codes it encrypts.
struct Packed {
    data: DataOwner,
    key: Vec<u8>,
    key_id: String,
    query: Vec<u8>,
    codes: Vec<i64>,
}

impl Packed {
    fn new(model: &Compiled, seed: u64) -> Self {
        let mut data = DataOwner::new(&model.client, seed);
        let (query, codes) = data.query(1);
        let key = data.evaluation_key().unwrap();
        Self {
            key_id: KeyId::of(&key).to_string(),
            data,
            key,
            query,
            codes,
        }
    }
}

impl Material {
    fn new() -> Self {
        let version = |bias| {
            let model = linear(bias);
            (
                ClientSpec::parse(&model.client).unwrap().id().to_string(),
                model,
            )
        };
        let packed = forest(4, QueryMode::Packed);
        Self {
            versions: (0..6).map(version).collect(),
            owners: (0..8).map(|seed| Packed::new(&packed, seed)).collect(),
            packed,
        }
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let rounds = std::env::var("TENEBRA_FAULT_ROUNDS").map_or(12, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let material = Material::new();
    let known = Mutex::new(Known::default());
    let mut rng = ChaCha20Rng::seed_from_u64(42);
    let mut slowest = Duration::ZERO;
    let (server, _) = start(folder.path());
    server
        .service(None)
        .push("packed", &material.packed.server)
        .unwrap();
    drop(server);
    for round in 0..rounds {
        let (mut server, took) = start(folder.path());
        slowest = slowest.max(took);
        check(&server.service(None), &mut known.lock().unwrap(), &material);
        let stop = AtomicBool::new(false);
        let pause = Duration::from_micros(rng.next_u64() % 120_000);
        thread::scope(|scope| {
            for worker in 0..3 {
                let (service, seed) = (server.service(None), rng.next_u64());
                let (known, material, stop) = (&known, &material, &stop);
                scope.spawn(move || work(worker, &service, seed, known, material, stop));
            }
            thread::sleep(pause);
            server.kill();
            stop.store(true, Ordering::Relaxed);
        });
        assert!(
            slowest <= Duration::from_secs(1),
            "round {round}: a restart took {slowest:?}"
        );
    }
    let (server, took) = start(folder.path());
    let mut known = known.into_inner().unwrap();
    check(&server.service(None), &mut known, &material);
    assert!(
        known.acknowledged > rounds,
        "only {} uploads in {rounds} rounds",
        known.acknowledged
    );
    println!(
        "{rounds} rounds, {} uploads acknowledged, slowest restart {:?}",
        known.acknowledged,
        slowest.max(took)
    );
}

/// A server, and the time until it answered its first question.
fn start(folder: &Path) -> (Process, Duration) {
    let start = Instant::now();
    let server = Process::start(
        location(folder),
        &["--open", "--keys-per-client", "1000"],
        &[],
    );
    server.service(None).models().unwrap();
    (server, start.elapsed())
}

/// Uploads and asks until the server is gone. Worker 0 replaces models, 1 sends and deletes keys, 2 asks.
fn work(
    worker: usize,
    service: &Service,
    seed: u64,
    known: &Mutex<Known>,
    material: &Material,
    stop: &AtomicBool,
) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut draw = |count: usize| usize::try_from(rng.next_u64() % count as u64).unwrap();
    while !stop.load(Ordering::Relaxed) {
        match worker {
            0 => {
                let name = NAMES[draw(NAMES.len())];
                let (id, model) = &material.versions[draw(material.versions.len())];
                known
                    .lock()
                    .unwrap()
                    .sent
                    .entry(name)
                    .or_default()
                    .insert(id.clone());
                if service.push(name, &model.server).is_ok() {
                    let mut known = known.lock().unwrap();
                    known.models.insert(name, Some(id.clone()));
                    known.sent.insert(name, HashSet::new());
                    known.acknowledged += 1;
                }
            }
            1 => {
                let owner = &material.owners[draw(material.owners.len())];
                if draw(4) == 0 {
                    // From now on it may be there or not, until the deletion is acknowledged.
                    let had = known.lock().unwrap().keys.remove(&owner.key_id);
                    if had && service.delete_key("packed", &owner.key_id).is_ok() {
                        known.lock().unwrap().acknowledged += 1;
                    }
                } else if service.put_key("packed", &owner.key).is_ok() {
                    let mut known = known.lock().unwrap();
                    known.keys.insert(owner.key_id.clone());
                    known.acknowledged += 1;
                }
            }
            _ => {
                let owner = &material.owners[draw(material.owners.len())];
                // Whether the key is there or was deleted: an answer is right, or there is none.
                if let Ok(response) = service.predict("packed", Some(&owner.key_id), &owner.query) {
                    assert!(
                        owner
                            .data
                            .agrees(&material.packed.circuit, &owner.codes, &response)
                    );
                }
            }
        }
    }
}

/// Compares the store with what is known.
fn check(service: &Service, known: &mut Known, material: &Material) {
    let listed = service.models().unwrap();
    for name in NAMES {
        let found = listed
            .iter()
            .find(|info| info.model == name)
            .map(|info| info.spec_id.clone());
        let acknowledged = known.models.get(name).cloned().flatten();
        let sent = known.sent.remove(name).unwrap_or_default();
        let explained = found == acknowledged || found.as_ref().is_some_and(|id| sent.contains(id));
        assert!(
            explained,
            "{name} is {found:?}; {acknowledged:?} was acknowledged, {sent:?} sent since"
        );
        if let Some(id) = &found {
            // Whole, and evaluates.
            let spec = service.client_spec(name).unwrap();
            assert_eq!(ClientSpec::parse(&spec).unwrap().id().to_string(), *id);
            let (_, model) = material
                .versions
                .iter()
                .find(|(version, _)| version == id)
                .unwrap();
            let mut owner = DataOwner::new(&spec, 1);
            let (query, codes) = owner.query(1);
            let response = service.predict(name, None, &query).unwrap();
            assert!(owner.agrees(&model.circuit, &codes, &response));
        }
        known.models.insert(name, found);
    }
    let keys: HashSet<String> = service
        .keys("packed")
        .unwrap()
        .into_iter()
        .map(|key| key.key)
        .collect();
    for key in &known.keys {
        assert!(keys.contains(key), "key {key} was acknowledged and is lost");
    }
    // Every key that is there is whole, whether it was acknowledged or not.
    for owner in material
        .owners
        .iter()
        .filter(|owner| keys.contains(&owner.key_id))
    {
        let response = service
            .predict("packed", Some(&owner.key_id), &owner.query)
            .unwrap();
        assert!(
            owner
                .data
                .agrees(&material.packed.circuit, &owner.codes, &response)
        );
    }
    known.keys = keys;
}
