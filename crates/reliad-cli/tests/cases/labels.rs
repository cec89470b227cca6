//! Labels, splits, captions and encodings of image folders and parquet files: `reliad data import`.

use std::fs;

use crate::case::{CASE, Case};
use crate::imported::{imported, set_aside};
use crate::program::{Scene, copy_dir, fixture};

const IMPORT: &str = "data import input --out data";

/// Three pictures with this `metadata.csv`.
fn table(scene: &Scene, text: &str) {
    fs::remove_file(scene.path("input/metadata.jsonl")).unwrap();
    fs::write(scene.path("input/metadata.csv"), text).unwrap();
}

/// Three pictures with these labels, in a `metadata.csv`.
fn labels(scene: &Scene, labels: [&str; 3]) {
    let lines = labels.iter().enumerate();
    let lines: String = lines
        .map(|(number, label)| format!("{number}.png,{label}\n"))
        .collect();
    table(scene, &format!("file_name,label\n{lines}"));
}

/// Writes the input's index anew.
fn rewritten(scene: &Scene, change: impl Fn(String) -> Vec<u8>) {
    let path = scene.path("input/metadata.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, change(text)).unwrap();
}

fn utf_16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

const IN_ORDER: [&str; 3] = ["available", "space_mismatch", "size_mismatch"];

#[test]
fn label_meaning_is_never_guessed() {
    Case::hold(&[
        Case {
            name: "ClassLabel names in the file's own metadata",
            input: "labels/class-names",
            run: IMPORT,
            then: |scene| {
                let expected = [
                    "available",
                    "indistinctiveness",
                    "shape_hallucination",
                    "size_mismatch",
                    "space_mismatch",
                ];
                assert_eq!(imported(scene, "label"), expected);
            },
            ..CASE
        },
        Case {
            name: "ClassLabel names in a dataset_info.json; -1 is no label",
            input: "labels/display-names",
            prepare: |scene| {
                labels(scene, ["1", "0", "-1"]);
                let info = r#"{"features": {"label": {"names": ["size_mismatch", "available"], "_type": "ClassLabel"}}}"#;
                fs::write(scene.path("input/dataset_info.json"), info).unwrap();
            },
            run: IMPORT,
            code: 1,
            says: &["1 × no label"],
            then: |scene| assert_eq!(imported(scene, "label"), ["available", "size_mismatch"]),
            ..CASE
        },
        Case {
            name: "true and false",
            input: "labels/bool",
            run: IMPORT,
            code: 2,
            says: &["--labels true=available,false=unavailable"],
            then: |scene| assert!(!scene.path("data/metadata.jsonl").exists()),
            ..CASE
        },
        Case {
            name: "true and false, told",
            input: "labels/bool",
            run: "data import input --out data --labels true=unavailable,false=available",
            then: |scene| assert_eq!(imported(scene, "label"), ["unavailable", "available"]),
            ..CASE
        },
        Case {
            name: "numbers with decimals, one of them empty",
            input: "labels/float",
            run: IMPORT,
            code: 1,
            says: &[
                "3 samples as parquet, 1 set aside",
                "set aside: 1 × no label: ",
            ],
            then: |scene| {
                assert_eq!(imported(scene, "label"), IN_ORDER);
                assert!(set_aside(scene)[0].contains("a.parquet#image.bytes@2"));
            },
            ..CASE
        },
        Case {
            name: "numbers with decimals, the one without a label wanted",
            input: "labels/float",
            run: "data import input --out data --unlabelled",
            then: |scene| {
                let expected = ["available", "space_mismatch", "-", "size_mismatch"];
                assert_eq!(imported(scene, "label"), expected);
            },
            ..CASE
        },
        Case {
            name: "names for people",
            input: "labels/display-names",
            run: IMPORT,
            then: |scene| assert_eq!(imported(scene, "label"), IN_ORDER),
            ..CASE
        },
        Case {
            name: "names in other writing, and a number as text among them",
            input: "labels/display-names",
            prepare: |scene| labels(scene, ["0", " SPACE-mismatch ", "sizeMismatch"]),
            run: IMPORT,
            then: |scene| assert_eq!(imported(scene, "label"), IN_ORDER),
            ..CASE
        },
        Case {
            name: "numbers without a 0",
            input: "labels/display-names",
            prepare: |scene| labels(scene, ["1", "2", "5"]),
            run: IMPORT,
            code: 2,
            says: &[
                "from 1 to 5 and 0 never occurs",
                "--labels from-0",
                "--labels from-1",
            ],
            then: |scene| assert!(!scene.path("data/metadata.jsonl").exists()),
            ..CASE
        },
        Case {
            name: "numbers without a 0, told",
            input: "labels/display-names",
            prepare: |scene| labels(scene, ["1", "2", "3"]),
            run: "data import input --out data --labels from-1",
            then: |scene| assert_eq!(imported(scene, "label"), IN_ORDER),
            ..CASE
        },
        Case {
            name: "numbers without a 0, but with a 6",
            input: "labels/display-names",
            prepare: |scene| labels(scene, ["1", "2", "6"]),
            run: IMPORT,
            then: |scene| {
                let expected = ["available", "space_mismatch", "unsuitable"];
                assert_eq!(imported(scene, "label"), expected);
            },
            ..CASE
        },
        Case {
            name: "words of another kind",
            input: "labels/display-names",
            prepare: |scene| labels(scene, ["good", "bad", "good"]),
            run: IMPORT,
            code: 2,
            says: &["`good`, `bad`", "--labels good=available,bad=unavailable"],
            ..CASE
        },
        Case {
            name: "one word of another kind among known ones",
            input: "labels/display-names",
            prepare: |scene| labels(scene, ["0", "oops", "2"]),
            run: IMPORT,
            code: 1,
            says: &["set aside: 1 × label without meaning", "1.png (`oops`)"],
            then: |scene| assert_eq!(imported(scene, "label"), ["available", "size_mismatch"]),
            ..CASE
        },
        Case {
            name: "labels in a field of another name",
            input: "labels/display-names",
            run: "data import input --out data --fields label=verdict",
            code: 2,
            says: &["no sample has a label (verdict)", "label, title"],
            ..CASE
        },
    ]);
}

/// Imports the input, and puts a painter and the configuration of a training beside it.
fn imported_beside_a_painter(scene: &Scene, name: &str, config: &str) {
    copy_dir(
        &fixture("reliad-diffusion", "inpaint"),
        &scene.path("model"),
    );
    fs::write(scene.path(name), config).unwrap();
    scene
        .run(&["data", "import", "input", "--out", "data"])
        .expect(0);
}

#[test]
fn splits_and_captions_are_kept() {
    Case::hold(&[
        Case {
            name: "splits in the names of files",
            input: "labels/splits-in-names",
            run: IMPORT,
            says: &["by the names of files 2 train, 2 validation, 2 test"],
            then: |scene| {
                let expected = ["test", "test", "train", "train", "validation", "validation"];
                assert_eq!(imported(scene, "split"), expected);
            },
            ..CASE
        },
        Case {
            name: "splits in the names of files, counted",
            input: "labels/splits-in-names",
            prepare: |scene| {
                scene
                    .run(&["data", "import", "input", "--out", "data"])
                    .expect(0);
            },
            run: "data stat data",
            says: &["products: 2 train, 2 validation, 2 test"],
            ..CASE
        },
        Case {
            name: "splits in the names of folders",
            input: "labels/bom",
            prepare: |scene| {
                for part in ["train", "val", "test"] {
                    copy_dir(&scene.path("input"), &scene.path(&format!("parts/{part}")));
                }
            },
            run: "data import parts --out data",
            then: |scene| {
                let expected = ["test", "train", "validation"].map(|split| [split; 3]);
                assert_eq!(imported(scene, "split"), expected.concat());
            },
            ..CASE
        },
        Case {
            name: "parts as sources",
            input: "labels/bom",
            prepare: |scene| {
                copy_dir(&scene.path("input"), &scene.path("train"));
                copy_dir(&scene.path("input"), &scene.path("test"));
            },
            run: "data import train test --out data",
            says: &["`reliad data split data` divides them"],
            then: |scene| {
                let expected = ["train", "test"].map(|split| [split; 3]);
                assert_eq!(imported(scene, "split"), expected.concat());
            },
            ..CASE
        },
        Case {
            name: "captions and no labels",
            input: "labels/captions-only",
            run: IMPORT,
            says: &["3 samples as folder, 0 set aside", "no sample has a label"],
            then: |scene| {
                let prompts = ["0", "1", "2"].map(|n| format!("a blue mug on table {n}"));
                assert_eq!(imported(scene, "prompt"), prompts);
                assert_eq!(imported(scene, "label"), ["-"; 3]);
            },
            ..CASE
        },
        Case {
            name: "captions and no labels, counted and checked",
            input: "labels/captions-only",
            prepare: |scene| {
                scene
                    .run(&["data", "import", "input", "--out", "data"])
                    .expect(0);
                // Plain pictures look alike: copies are told, and nothing else.
                let ran = scene.run(&["data", "check", "data"]);
                assert!(ran.out.contains("0 in quarantine"), "{}", ran.err);
                let export = [
                    "data", "export", "data", "--layout", "parquet", "--out", "again",
                ];
                scene.run(&export).expect(0);
                scene
                    .run(&["data", "import", "again", "--out", "data2"])
                    .expect(0);
            },
            run: "data stat data2 --html page.html",
            says: &["3 samples have no label"],
            ..CASE
        },
        Case {
            name: "captions and no labels, learned by adapters",
            input: "labels/captions-only",
            prepare: |scene| {
                let lora = r#"{"rank": 2, "recipe": {"size": 32}, "fit": {"batch_size": 2}}"#;
                imported_beside_a_painter(scene, "lora.json", lora);
            },
            run: "train lora --data data --out model --config lora.json --steps 2",
            says: &[
                "3 of 3 samples have no picture of the product alone",
                "64x48 pixels; of pictures that aren't square the middle is taken",
            ],
            then: |scene| {
                let written = scene.path("model/lora/pytorch_lora_weights.safetensors");
                assert!(written.exists());
            },
            ..CASE
        },
        Case {
            name: "captions and no products, where a ControlNet should learn from edges",
            input: "labels/captions-only",
            prepare: |scene| {
                let config = r#"{"network": {}, "recipe": {"size": 32}}"#;
                imported_beside_a_painter(scene, "controlnet.json", config);
                let lines = fs::read_to_string(scene.path("data/metadata.jsonl")).unwrap();
                let parts = ["train", "validation", "train"];
                let lines = lines
                    .lines()
                    .zip(parts)
                    .map(|(line, part)| line.replacen('{', &format!("{{\"split\":\"{part}\","), 1));
                let lines: Vec<_> = lines.collect();
                fs::write(scene.path("data/metadata.jsonl"), lines.join("\n")).unwrap();
            },
            run: "train controlnet --data data --out model --config controlnet.json --steps 2",
            code: 2,
            says: &[
                "3 of 3 samples have no picture of the product alone",
                "--products",
            ],
            ..CASE
        },
        Case {
            name: "a painter's training without any prompt",
            prepare: |scene| {
                copy_dir(
                    &fixture("reliad-diffusion", "inpaint"),
                    &scene.path("model"),
                );
                fs::create_dir(scene.path("data")).unwrap();
                fs::write(scene.path("lora.json"), r#"{"rank": 2}"#).unwrap();
                let lines = ["train", "validation"].map(|split| {
                    format!(r#"{{"image": "{split}.png", "product_id": 1, "split": "{split}"}}"#)
                });
                fs::write(scene.path("data/metadata.jsonl"), lines.join("\n")).unwrap();
            },
            run: "train lora --data data --out model --config lora.json --steps 2",
            code: 2,
            says: &["no sample to train on has a prompt", "--fields prompt=NAME"],
            ..CASE
        },
    ]);
}

#[test]
fn texts_are_read_in_every_encoding() {
    const TITLES: [&str; 3] = ["mug 0", "mug 1", "mug 2"];
    Case::hold(&[
        Case {
            name: "a byte order mark",
            input: "labels/bom",
            run: IMPORT,
            silent_of: &["warning"],
            then: |scene| assert_eq!(imported(scene, "title"), TITLES),
            ..CASE
        },
        Case {
            name: "GBK",
            input: "labels/gbk",
            run: IMPORT,
            says: &["1 × text that isn't UTF-8 and is read as GBK"],
            then: |scene| assert_eq!(imported(scene, "title"), ["马克杯", "mug 1", "mug 2"]),
            ..CASE
        },
        Case {
            name: "a line that is no text at all",
            input: "labels/bom",
            prepare: |scene| {
                rewritten(scene, |text| {
                    // Two titles are GBK, the one between them is nothing.
                    let titles: [&[u8]; 3] =
                        [b"\xcc\xa8\xb5\xc6", b"\xff\xff", b"\xb5\xca\xd7\xd3"];
                    let mut lines = text.into_bytes();
                    for (number, title) in titles.into_iter().enumerate() {
                        let old = format!("mug {number}").into_bytes();
                        let at = lines.windows(old.len()).position(|part| part == old);
                        let at = at.unwrap();
                        lines.splice(at..at + old.len(), title.iter().copied());
                    }
                    lines
                });
            },
            run: IMPORT,
            code: 1,
            says: &["2 samples as folder, 1 set aside", "line 2"],
            then: |scene| assert_eq!(imported(scene, "title"), ["台灯", "凳子"]),
            ..CASE
        },
        Case {
            name: "UTF-16 with a byte order mark",
            input: "labels/bom",
            prepare: |scene| rewritten(scene, |text| utf_16(&text)),
            run: IMPORT,
            then: |scene| assert_eq!(imported(scene, "title"), TITLES),
            ..CASE
        },
        Case {
            name: "UTF-16 without",
            input: "labels/bom",
            prepare: |scene| rewritten(scene, |text| utf_16(text.trim_start_matches('\u{feff}'))),
            run: IMPORT,
            then: |scene| assert_eq!(imported(scene, "title"), TITLES),
            ..CASE
        },
        Case {
            name: "lines that end as on Windows",
            input: "labels/bom",
            prepare: |scene| rewritten(scene, |text| text.replace('\n', "\r\n").into_bytes()),
            run: IMPORT,
            then: |scene| assert_eq!(imported(scene, "title"), TITLES),
            ..CASE
        },
        Case {
            name: "a spreadsheet with quotes, line breaks and semicolons",
            input: "labels/display-names",
            prepare: |scene| {
                let text = "file_name;Label;title\r\n0.png;0;\"Mug; \"\"big\"\"\r\nblue\"\r\n1.png;1;\"Lamp\r\n2.png;2;Stool\r\n";
                table(scene, text);
            },
            run: IMPORT,
            code: 1,
            says: &["1 × quote that isn't closed"],
            then: |scene| {
                assert_eq!(imported(scene, "title"), ["Mug; \"big\"\nblue", "Stool"]);
                assert!(set_aside(scene)[0].contains("metadata.csv, line 4"));
            },
            ..CASE
        },
        Case {
            name: "lines that are no samples",
            input: "labels/bom",
            prepare: |scene| {
                rewritten(scene, |text| {
                    let odd =
                        "[1]\n{\"file_name\": \"0.png\", \"label\": [0, 1]}\n{\"file_name\"\n";
                    [text.as_bytes(), odd.as_bytes()].concat()
                });
            },
            run: IMPORT,
            code: 1,
            says: &[
                "3 samples as folder, 3 set aside",
                "2 × no JSON object",
                "1 × field that is neither text nor number: ",
            ],
            ..CASE
        },
    ]);
}
