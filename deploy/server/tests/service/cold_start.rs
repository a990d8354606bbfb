//! From the start of the process to the first answer, with many models in the store.

use core::time::Duration;
use std::time::Instant;

use tenebra_circuit::QueryMode;

use crate::models::{DataOwner, forest, linear};
use crate::support::{Process, location};

#[test]
fn a_hundred_models_do_not_delay_the_first_answer() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    std::fs::create_dir_all(&models).unwrap();
    let (line, trees) = (linear(5), forest(60, QueryMode::Direct));
    for index in 0..100 {
        let model = if index % 2 == 0 { &line } else { &trees };
        std::fs::write(models.join(format!("m{index}.tnb")), &model.server).unwrap();
    }
    let mut owner = DataOwner::new(&line.client, 1);
    let (query, codes) = owner.query(1);
    let start = Instant::now();
    let server = Process::start(location(folder.path()), &["--open"], &[]);
    let service = server.service(None);
    let response = service.predict("m42", None, &query).unwrap();
    let first_answer = start.elapsed();
    assert!(owner.agrees(&line.circuit, &codes, &response));
    let start = Instant::now();
    assert_eq!(service.models().unwrap().len(), 100);
    println!(
        "first answer after {first_answer:?}, list of 100 models after another {:?}",
        start.elapsed()
    );
    assert!(first_answer <= Duration::from_secs(1), "{first_answer:?}");
}
