//! WebDataset shards: `reliad data import`.

use std::fs;

use crate::case::{CASE, Case};
use crate::imported::imported;

const IMPORT: &str = "data import input --out data";

#[test]
fn shards_as_other_programs_write_them() {
    Case::hold(&[
        Case {
            name: "Macs' notes among the members",
            input: "shards/apple-double",
            run: IMPORT,
            says: &["2 samples as webdataset, 0 set aside"],
            ..CASE
        },
        Case {
            name: "upper-case extensions",
            input: "shards/upper-case",
            prepare: |scene| {
                fs::rename(scene.path("input/a.tar"), scene.path("input/A.TAR")).unwrap();
            },
            run: IMPORT,
            says: &["1 samples as webdataset, 0 set aside"],
            ..CASE
        },
        Case {
            name: "splits in the names of shards",
            input: "shards/splits",
            run: IMPORT,
            then: |scene| assert_eq!(imported(scene, "split"), ["test", "train"]),
            ..CASE
        },
        Case {
            name: "a compressed shard",
            input: "shards/compressed",
            prepare: |scene| {
                scene
                    .run(&["data", "import", "input", "--out", "data"])
                    .expect(0);
                scene.run(&["data", "check", "data"]).expect(0);
            },
            run: IMPORT,
            says: &["1 samples as webdataset, 0 set aside"],
            then: |scene| {
                let unpacked = fs::read_dir(scene.path("data/.unpacked")).unwrap();
                assert_eq!(unpacked.count(), 1);
            },
            ..CASE
        },
        Case {
            name: "a compressed shard that breaks off, beside a whole one",
            input: "shards/compressed",
            prepare: |scene| {
                let whole = fs::read(scene.path("input/train-000.tar.gz")).unwrap();
                fs::write(scene.path("input/cut.tgz"), &whole[..whole.len() / 2]).unwrap();
            },
            run: IMPORT,
            code: 1,
            says: &[
                "1 samples as webdataset, 1 set aside",
                "1 × shard that can't be read",
            ],
            ..CASE
        },
    ]);
}
