//! Tables: the first byte says of which kind, CSV, JSONL or parquet.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reliad_dataset::Rows;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    let name = ["t.csv", "t.jsonl", "t.parquet"][usize::from(*kind) % 3];
    let dir = tempfile::tempdir().expect("a folder for the table");
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).expect("room for the table");
    let _ = Rows::read(&path);
});
