//! Labelled paintings in `docs/painted`: which products they show, so that no judge is measured on what it has learned from.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

use std::collections::BTreeSet;
use std::path::Path;

use reliad_imaging::Class;
use reliad_synth::Pool;
use serde::Deserialize;

#[derive(Deserialize)]
struct Line {
    sample: usize,
    painting: String,
    label: String,
    product: u64,
}

fn lines(file: &str) -> Vec<Line> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/painted");
    csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .from_path(path.join(file))
        .unwrap()
        .deserialize()
        .map(|line| line.unwrap())
        .collect()
}

#[test]
fn labelled_paintings_show_products_of_their_pool() {
    for (file, pool, count) in [
        ("fresh.csv", Pool::Labelling, 200),
        ("held-out.csv", Pool::HeldOut, HELD_OUT),
    ] {
        let lines = lines(file);
        let samples: BTreeSet<usize> = lines.iter().map(|line| line.sample).collect();
        assert_eq!((lines.len(), samples.len()), (count, count), "{file}");
        for line in &lines {
            let painting = &line.painting;
            assert_eq!(Pool::of(line.product), Some(pool), "{file}: {painting}");
            assert!(
                Class::from_slug(&line.label).is_some(),
                "{file}: {painting}"
            );
        }
    }
}

/// Labelled paintings that the held-out judge learns from.
const HELD_OUT: usize = 152;
