//! The hex dumps in `docs/wire-format.md` are the files that they name.

use std::path::Path;

use crate::known_answers::read;

/// A dump: the path of its file under `tests/data`, and its lines.
struct Dump<'a> {
    file: &'a str,
    lines: Vec<&'a str>,
}

fn dumps(document: &str) -> Vec<Dump<'_>> {
    let mut dumps: Vec<Dump<'_>> = Vec::new();
    let mut inside = false;
    for line in document.lines() {
        if let Some(file) = line.strip_prefix("```hexdump ") {
            dumps.push(Dump {
                file,
                lines: vec![],
            });
            inside = true;
        } else if line.starts_with("```") {
            inside = false;
        } else if inside && let Some(dump) = dumps.last_mut() {
            dump.lines.push(line);
        }
    }
    dumps
}

/// `OFFSET  BYTES  what they are`, two spaces between columns; `OFFSET  ..  what` leaves bytes out.
fn check(dump: &Dump<'_>) {
    let (case, file) = dump.file.split_once('/').unwrap();
    let known = read(case, file);
    // Where the next line starts, unless bytes were left out.
    let mut next = Some(0);
    for line in &dump.lines {
        let mut columns = line
            .split("  ")
            .map(str::trim)
            .filter(|column| !column.is_empty());
        let offset = usize::from_str_radix(columns.next().unwrap(), 16).unwrap();
        let bytes = columns.next().unwrap();
        assert_eq!(offset, next.unwrap_or(offset), "{}: {line}", dump.file);
        if bytes == ".." {
            next = None;
            continue;
        }
        let bytes: Vec<u8> = bytes
            .split(' ')
            .map(|byte| u8::from_str_radix(byte, 16).unwrap())
            .collect();
        assert_eq!(
            known.get(offset..offset + bytes.len()),
            Some(&*bytes),
            "{}: {line}",
            dump.file
        );
        next = Some(offset + bytes.len());
    }
    assert_eq!(
        next,
        Some(known.len()),
        "the dump of {} ends early",
        dump.file
    );
}

#[test]
fn dumps_are_the_files() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/wire-format.md");
    let document = std::fs::read_to_string(path).unwrap();
    let dumps = dumps(&document);
    let files: Vec<&str> = dumps.iter().map(|dump| dump.file).collect();
    assert_eq!(
        files,
        [
            "single/client.tnb",
            "single/secret.tnb",
            "single/row.query.tnb",
            "single/row.response.tnb"
        ]
    );
    dumps.iter().for_each(check);
}
