//! Digests: computed once, again when the file is another, and never wrong for want of a memory.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use reliad_weights::Digests;

/// The size from which a file is remembered.
const LARGE: usize = 1 << 20;

struct Scene {
    dir: tempfile::TempDir,
    digests: Digests,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let digests = Digests::remembered_in(dir.path().join("cache/digests"));
        Self { dir, digests }
    }

    /// Writes a file, so many seconds ago.
    fn write(&self, bytes: &[u8], ago: u64) -> PathBuf {
        let path = self.dir.path().join("model.safetensors");
        fs::write(&path, bytes).unwrap();
        let then = SystemTime::now() - Duration::from_secs(ago);
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(then).unwrap();
        path
    }

    fn records(&self) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.dir.path().join("cache/digests"));
        let entries = folder.into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

fn plain(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[test]
fn a_file_is_hashed_once_until_it_changes() {
    let scene = Scene::new();
    let mut bytes = vec![7; LARGE];
    let path = scene.write(&bytes, 60);
    assert_eq!(scene.digests.file(&path).unwrap(), plain(&bytes));
    let [record] = &scene.records()[..] else {
        panic!("{:?}", scene.records())
    };
    // A record that says something else shows whether the file was read.
    let forged = "f".repeat(64);
    let told = fs::read_to_string(record).unwrap();
    fs::write(record, told.replace(&plain(&bytes), &forged)).unwrap();
    assert_eq!(scene.digests.file(&path).unwrap(), forged);
    // The same size, another time.
    bytes[LARGE / 2] = 8;
    let path = scene.write(&bytes, 30);
    assert_eq!(scene.digests.file(&path).unwrap(), plain(&bytes));
    // Another size, the same time.
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    bytes.push(1);
    fs::write(&path, &bytes).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(time).unwrap();
    assert_eq!(scene.digests.file(&path).unwrap(), plain(&bytes));
    // Another file in its place, of the same size and time.
    let other = scene.dir.path().join("other");
    bytes[0] = 9;
    fs::write(&other, &bytes).unwrap();
    let file = File::options().write(true).open(&other).unwrap();
    file.set_modified(time).unwrap();
    fs::rename(&other, &path).unwrap();
    assert_eq!(scene.digests.file(&path).unwrap(), plain(&bytes));
}

#[test]
fn a_record_that_isnt_whole_is_replaced() {
    let scene = Scene::new();
    let bytes = vec![3; LARGE];
    let path = scene.write(&bytes, 60);
    let expected = scene.digests.file(&path).unwrap();
    let record = scene.records().remove(0);
    let whole = fs::read_to_string(&record).unwrap();
    for damaged in [
        String::new(),
        whole[..whole.len() / 2].to_owned(),
        "[]".to_owned(),
        whole.replace(&expected, "short"),
        whole.replace(&expected, &"x".repeat(64)),
    ] {
        fs::write(&record, damaged).unwrap();
        assert_eq!(scene.digests.file(&path).unwrap(), expected);
        assert_eq!(fs::read_to_string(&record).unwrap(), whole);
    }
}

#[test]
fn small_and_just_written_files_are_not_remembered() {
    let scene = Scene::new();
    let small = scene.write(b"{}", 60);
    assert_eq!(scene.digests.file(&small).unwrap(), plain(b"{}"));
    let bytes = vec![1; LARGE];
    let fresh = scene.write(&bytes, 0);
    assert_eq!(scene.digests.file(&fresh).unwrap(), plain(&bytes));
    assert!(scene.records().is_empty());
}

#[test]
fn a_memory_that_cant_be_written_is_no_error() {
    let scene = Scene::new();
    let bytes = vec![1; LARGE];
    let path = scene.write(&bytes, 60);
    // A file where the folder should be: as true for root as for anyone.
    fs::write(scene.dir.path().join("cache"), "taken").unwrap();
    assert_eq!(scene.digests.file(&path).unwrap(), plain(&bytes));
    let nowhere = scene.dir.path().join("nowhere");
    assert!(scene.digests.file(&nowhere).is_err());
}

#[test]
fn many_at_once_agree() {
    let scene = Scene::new();
    let bytes = vec![5; LARGE];
    let path = scene.write(&bytes, 60);
    let digests: Vec<String> = std::thread::scope(|scope| {
        let starts = (0..8).map(|_| scope.spawn(|| scene.digests.file(&path).unwrap()));
        let starts: Vec<_> = starts.collect();
        let ends = starts.into_iter().map(|start| start.join().unwrap());
        ends.collect()
    });
    assert!(digests.iter().all(|digest| *digest == plain(&bytes)));
    // Whoever came last left a whole record, which the next one finds.
    let whole = scene
        .records()
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "json"));
    let whole = fs::read_to_string(whole.unwrap()).unwrap();
    let told: serde_json::Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(told["blake3"], plain(&bytes));
}
