//! Several files of one folder that appear together.

use std::fs::File;
use std::path::Path;

use super::new_file::{Access, NewFile};
use super::unfinished::{Files, NewFolders};
use crate::error::Error;

/// A file to be written.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Its name in the folder.
    pub name: &'a str,
    /// What it holds.
    pub bytes: &'a [u8],
    /// Who may read it.
    pub access: Access,
    /// Whether it may replace a file of that name.
    pub replace: bool,
}

/// Refuses a folder in which one of these files is. What is written there would make useless what was made with the old one.
///
/// # Errors
/// [`Error::Exists`].
pub fn check_free(folder: &Path, names: &[&str]) -> Result<(), Error> {
    let mut paths = names.iter().map(|name| folder.join(name));
    match paths.find(|path| path.exists()) {
        Some(path) => Err(Error::Exists { path }),
        None => Ok(()),
    }
}

/// Keeps other processes that write to the folder waiting, where the system can.
fn alone(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    folder.lock().ok()?;
    Some(folder)
}

impl Files {
    /// Makes the folder and writes the files; none takes its name before all are on the disk. After an error there are neither
    /// new files nor new folders.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Exists`] for a file that may not be replaced.
    pub fn write_folder(&self, folder: &Path, items: &[Item<'_>]) -> Result<(), Error> {
        let kept = items.iter().filter(|item| !item.replace);
        let kept: Vec<&str> = kept.map(|item| item.name).collect();
        check_free(folder, &kept)?;
        let made = NewFolders::create(self, folder).map_err(|e| Error::io(folder, &e))?;
        // Of two processes that make keys in one folder, the second finds those of the first.
        let _alone = alone(folder);
        check_free(folder, &kept)?;
        let mut whole = Vec::with_capacity(items.len());
        for item in items {
            let path = folder.join(item.name);
            let mut file = NewFile::create(self, &path, item.access)?;
            file.append(item.bytes)?;
            whole.push((file.complete()?, item));
        }
        let mut unfinished = self.unfinished();
        let mut new = Vec::new();
        for (file, item) in whole {
            let path = folder.join(item.name);
            let is_new = !path.exists();
            if let Err(error) = file.persist(item.replace, &mut unfinished) {
                for path in new {
                    let _ = std::fs::remove_file(path);
                }
                return Err(error);
            }
            new.extend(is_new.then_some(path));
        }
        made.keep(&mut unfinished);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::files::read;

    static FILES: Files = Files::new();

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn item<'a>(name: &'a str, bytes: &'a [u8], replace: bool) -> Item<'a> {
        Item {
            name,
            bytes,
            access: Access::Public,
            replace,
        }
    }

    /// Of many that write a pair of files at the same time, one does, and the pair is its own.
    #[test]
    fn who_is_first_keeps_the_folder() {
        let outer = tempfile::tempdir().unwrap();
        for round in 0..20 {
            let folder = outer.path().join(format!("keys{round}"));
            let write = |own: u8| {
                let bytes = [own; 1000];
                let both = [
                    item("evaluation", &bytes, true),
                    item("secret", &bytes, false),
                ];
                FILES.write_folder(&folder, &both).is_ok()
            };
            let wrote = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4u8)
                    .map(|own| scope.spawn(move || write(own)))
                    .collect();
                let wrote = threads.into_iter().map(|thread| thread.join().unwrap());
                wrote.filter(|wrote| *wrote).count()
            });
            assert_eq!(wrote, 1);
            let of = |name: &str| read(&folder.join(name)).unwrap();
            assert_eq!(*of("evaluation"), *of("secret"));
        }
    }

    #[test]
    fn files_appear_together_or_not_at_all() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("new/folder");
        // The second one cannot be written: there is no folder `no`.
        let both = [item("one", b"1", true), item("no/other", b"2", true)];
        assert!(matches!(
            FILES.write_folder(&folder, &both),
            Err(Error::Io {
                not_found: true,
                ..
            })
        ));
        assert!(names(outer.path()).is_empty());
        FILES.write_folder(&folder, &both[..1]).unwrap();
        FILES
            .write_folder(&folder, &[item("one", b"again", true)])
            .unwrap();
        assert_eq!(names(&folder), ["one"]);
        assert_eq!(*read(&folder.join("one")).unwrap(), b"again");
        // A folder of that name is not a file that may be replaced.
        fs::create_dir(folder.join("two")).unwrap();
        let both = [item("zero", b"0", true), item("two", b"2", true)];
        assert!(FILES.write_folder(&folder, &both).is_err());
        assert_eq!(names(&folder), ["one", "two"]);
        let file = folder.join("one");
        let message = FILES
            .write_folder(&file, &both[..1])
            .unwrap_err()
            .to_string();
        assert!(message.ends_with("one: not a directory"), "{message}");
    }

    #[test]
    #[cfg(unix)]
    fn secrets_are_private_and_are_not_replaced_unasked() {
        use std::os::unix::fs::PermissionsExt;
        let outer = tempfile::tempdir().unwrap();
        let (folder, path) = (outer.path(), outer.path().join("secret.key"));
        let secret = |bytes, replace| {
            let access = Access::Secret;
            let item = Item {
                access,
                ..item("secret.key", bytes, replace)
            };
            FILES.write_folder(folder, &[item])
        };
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        secret(b"1", false).unwrap();
        assert_eq!(mode(), 0o600);
        let refused = secret(b"2", false);
        assert!(matches!(refused, Err(Error::Exists { path: kept }) if kept == path));
        assert_eq!(*read(&path).unwrap(), b"1");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        secret(b"3", true).unwrap();
        assert_eq!(*read(&path).unwrap(), b"3");
        assert_eq!(mode(), 0o600);
        assert_eq!(names(folder), ["secret.key"]);
    }
}
