//! A store on a disk that is full, and on one that takes no writes: real ones, mounted by root; others skip these tests.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

use tenebra_service_client::{Service, ServiceError};

use crate::models::{DataOwner, forest, linear};
use crate::support::{Process, ask, location};

/// A disk of its own, until this is dropped.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    /// In memory; `None` if this user may not mount.
    #[expect(clippy::print_stdout, reason = "what was not tested is said")]
    fn mount(at: &'a Path, options: &str) -> Option<Self> {
        let disk = Self(at);
        if mount(&["-t", "tmpfs", "-o", options, "tenebra-test"], at) {
            return Some(disk);
        }
        core::mem::forget(disk);
        println!("skipped: mounting needs root");
        None
    }

    fn remount(&self, options: &str) {
        assert!(mount(&["-o", options], self.0));
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    let done = Command::new("mount").args(arguments).arg(at).output();
    done.is_ok_and(|done| done.status.success())
}

fn kind(result: Result<impl core::fmt::Debug, ServiceError>) -> (u16, String) {
    match result {
        Err(ServiceError::Refused(problem)) => {
            let kind = problem.kind.rsplit(':').next().unwrap_or_default();
            (problem.status, kind.to_owned())
        }
        other => panic!("{other:?}"),
    }
}

/// Deploys models until there is no room; how many were acknowledged.
fn fill(service: &Service) -> usize {
    let trees = forest(40, tenebra_circuit::QueryMode::Direct);
    for count in 0..10_000 {
        match service.push(&format!("m{count}"), &trees.server) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(kind(Err::<(), _>(error)), (507, "store-full".to_owned()));
                return count;
            }
        }
    }
    panic!("the disk was never full");
}

#[test]
fn a_full_disk_refuses_uploads_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = Disk::mount(folder.path(), "size=2m") else {
        return;
    };
    let server = Process::start(location(folder.path()), &["--open"], &[]);
    let (service, line) = (server.service(None), linear(5));
    service.push("line", &line.server).unwrap();
    let count = fill(&service);
    assert!(count > 3, "{count}");
    let mut owner = DataOwner::new(&line.client, 1);
    let (query, codes) = owner.query(1);
    let response = service.predict("line", None, &query).unwrap();
    assert!(owner.agrees(&line.circuit, &codes, &response));
    assert_eq!(service.models().unwrap().len(), count + 1);
    assert_eq!(ask(server.address, "GET", "/readyz", None, b"").status, 200);
    // There is room again.
    service.delete_model("m0").unwrap();
    service.push("again", &line.server).unwrap();
    drop(server);
    let server = Process::start(location(folder.path()), &["--open"], &[]);
    let found = server.service(None).models().unwrap();
    assert_eq!(found.len(), count + 1);
    for info in found {
        server.service(None).client_spec(&info.model).unwrap();
    }
}

#[test]
fn a_read_only_disk_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(folder.path(), "size=8m") else {
        return;
    };
    let start = || Process::start(location(folder.path()), &["--open"], &[]);
    let (server, line) = (start(), linear(5));
    server.service(None).push("line", &line.server).unwrap();
    disk.remount("remount,ro");
    let mut owner = DataOwner::new(&line.client, 1);
    // The one that runs, and one that is started now.
    for server in [server, start()] {
        let service = server.service(None);
        let (query, codes) = owner.query(1);
        let response = service.predict("line", None, &query).unwrap();
        assert!(owner.agrees(&line.circuit, &codes, &response));
        let put = ask(server.address, "PUT", "/v1/models/new", None, &line.server);
        assert_eq!((put.status, put.kind().as_str()), (503, "store-read-only"));
        let delete = ask(server.address, "DELETE", "/v1/models/line", None, b"");
        assert_eq!(
            (delete.status, delete.kind().as_str()),
            (503, "store-read-only")
        );
        assert_eq!(service.models().unwrap().len(), 1);
        assert_eq!(ask(server.address, "GET", "/readyz", None, b"").status, 200);
    }
    disk.remount("remount,rw");
    start().service(None).push("new", &line.server).unwrap();
}
