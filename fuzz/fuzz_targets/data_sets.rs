//! Data sets of one file: the first byte says of which layout.
#![no_main]

use std::sync::atomic::AtomicBool;

use libfuzzer_sys::fuzz_target;
use reliad_dataset::{LabelMap, Layout, Source, import};

const FILES: [&str; 6] = [
    "label.txt",
    "metadata.jsonl",
    "metadata.csv",
    "a.parquet",
    "a.tar",
    "0.zip",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    let kind = usize::from(*kind) % FILES.len();
    let dir = tempfile::tempdir().expect("a folder for the data");
    let input = dir.path().join("in");
    std::fs::create_dir_all(input.join("00")).expect("a folder for pictures");
    for picture in ["0.png", "00/1.jpg", "00/2.jpg"] {
        std::fs::write(input.join(picture), b"").expect("room for a picture");
    }
    if FILES[kind] == "0.zip" {
        std::fs::write(input.join("label.txt"), "00/1.jpg 0 mug\n1.jpg 1 lamp\n")
            .expect("room for labels");
    }
    std::fs::write(input.join(FILES[kind]), bytes).expect("room for the file");
    let Ok(layout) = Layout::detect(&input) else {
        return;
    };
    let source = Source {
        path: input,
        layout,
        products: None,
        labels: LabelMap::default(),
        fields: Default::default(),
        product_by: Default::default(),
        unlabelled: true,
    };
    let _ = import(
        &[source],
        &dir.path().join("out"),
        &|_| {},
        &AtomicBool::new(false),
    );
});
