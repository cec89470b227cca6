//! Sources of named tensors: mapped, at hand, embedded and sharded ones give the same; damaged ones say so.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod files;

use std::fs;
use std::path::Path;

use burn::nn::{Linear, LinearConfig};
use burn::tensor::Device;
use files::{file, with_header};
use include_dir::{Dir, DirEntry, File};
use proptest::prelude::*;
use reliad_weights::{KeyMap, ModelDir, Source, inspect, load, load_source};
use safetensors::tensor::Dtype;
use serde_json::json;

const TENSORS: [(&str, Dtype, &[usize]); 6] = [
    ("a.weight", Dtype::F32, &[3, 5]),
    ("a.bias", Dtype::F16, &[7]),
    ("b.weight", Dtype::BF16, &[2, 2, 3, 3]),
    ("b.empty", Dtype::F32, &[0, 4]),
    ("b.scalar", Dtype::I64, &[]),
    ("c.mask", Dtype::U8, &[9]),
];

/// Everything that a source tells, numbers included.
fn told(source: &Source) -> Vec<String> {
    let tensors = source.tensors().map(|(name, entry)| {
        let data = source.read(name).unwrap();
        format!("{name} {entry:?} {:?}", data.bytes())
    });
    tensors.collect()
}

/// A directory compiled into the program.
fn embedded(files: &[(&'static str, Vec<u8>)]) -> ModelDir {
    let entries: Vec<DirEntry<'static>> = files
        .iter()
        .map(|(name, bytes)| DirEntry::File(File::new(name, bytes.clone().leak())))
        .collect();
    let dir = Dir::new("", entries.leak());
    ModelDir::embedded("built-in", Box::leak(Box::new(dir)))
}

#[test]
fn a_mapped_source_equals_one_that_was_read_and_an_embedded_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let bytes = file(&TENSORS);
    fs::write(&path, &bytes).unwrap();
    let mapped = Source::open(&path).unwrap();
    let read = Source::from_bytes(bytes.clone(), "at hand").unwrap();
    let static_bytes = embedded(&[("model.safetensors", bytes)]);
    let compiled_in = Source::of_component(&static_bytes).unwrap();
    let expected = told(&read);
    assert_eq!(expected.len(), TENSORS.len());
    assert_eq!(told(&mapped), expected);
    assert_eq!(told(&compiled_in), expected);
    for source in [&mapped, &read, &compiled_in] {
        assert_eq!(source.note("format"), Some("pt"));
    }
    assert!(mapped.file().ends_with("model.safetensors"));
    assert_eq!(compiled_in.file(), "built-in/model.safetensors");
    assert_eq!(mapped.get("b.weight").unwrap().count(), 36);

    // What was opened stays as it was when a file is replaced as this program and most others do it.
    reliad_files::write(&path, b"other").unwrap();
    assert_eq!(told(&mapped), expected);
}

#[test]
fn a_part_of_a_source_has_the_names_behind_its_prefix() {
    let source = Source::from_bytes(file(&TENSORS), "file").unwrap();
    let names = |source: &Source| {
        let names = source.tensors().map(|(name, _)| name.to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&source.under("b")), ["empty", "scalar", "weight"]);
    assert_eq!(names(&source.under("b.s")), [""; 0]);
    assert_eq!(source.under("a").get("bias").unwrap().shape, [7]);
    let missing = source.under("a").read("mask").unwrap_err().to_string();
    assert!(
        missing.contains("file") && missing.contains("mask"),
        "{missing}"
    );
}

#[test]
fn headers_alone_are_read_to_inspect() {
    let dir = tempfile::tempdir().unwrap();
    let unet = dir.path().join("unet");
    fs::create_dir(&unet).unwrap();
    // A hundred gigabytes that take no place on the disk, and would take minutes to read.
    let count = 25_000_000_000_u64;
    let header = json!({"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, count * 4]}});
    let path = unet.join("diffusion_pytorch_model.safetensors");
    fs::write(&path, with_header(&header.to_string(), 0)).unwrap();
    let length = fs::metadata(&path).unwrap().len() + count * 4;
    let sparse = fs::OpenOptions::new().write(true).open(&path).unwrap();
    sparse.set_len(length).unwrap();
    let found = inspect(&ModelDir::open(dir.path()).unwrap()).unwrap();
    assert_eq!(found[0].parameters as u64, count);
    assert_eq!(found[0].dtypes["F32"] as u64, count);
    assert_eq!(found[0].bytes as u64, length);
}

#[test]
fn one_tensor_under_two_names_is_told() {
    let device = Device::flex();
    let module = || -> Linear { LinearConfig::new(3, 2).init(&device) };
    let keys = KeyMap::identity().optional_prefixes(&["model"]);
    let linear = |more: &[(&'static str, Dtype, &'static [usize])]| {
        let tensors: [(&str, Dtype, &[usize]); 2] =
            [("weight", Dtype::F16, &[2, 3]), ("bias", Dtype::F32, &[2])];
        Source::from_bytes(file(&[&tensors, more].concat()), "file").unwrap()
    };
    load_source(module(), &linear(&[]), &keys).unwrap();
    let twice = linear(&[("model.bias", Dtype::F32, &[2])]);
    let error = load_source(module(), &twice, &keys).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("bias and model.bias are the same parameter"),
        "{error}"
    );
    let complex = linear(&[("other", Dtype::F8_E4M3, &[2])]);
    let error = load_source(module(), &complex, &keys).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("other has the unsupported type F8_E4M3")
    );
}

/// An index beside two files of one tensor each, `first` and `second`.
fn sharded(dir: &Path, index: serde_json::Value, second: &[(&str, Dtype, &[usize])]) -> String {
    let one = file(&[("weight", Dtype::F32, &[2, 3])]);
    fs::write(dir.join("one.safetensors"), one).unwrap();
    fs::write(dir.join("two.safetensors"), file(second)).unwrap();
    let name = dir.join("model.safetensors.index.json");
    fs::write(&name, json!({"weight_map": index}).to_string()).unwrap();
    name.display().to_string()
}

const BIAS: [(&str, Dtype, &[usize]); 1] = [("bias", Dtype::F32, &[2])];

#[test]
fn a_sharded_source_is_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let index = json!({"weight": "one.safetensors", "bias": "two.safetensors"});
    sharded(dir.path(), index.clone(), &BIAS);
    let whole = file(&[("weight", Dtype::F32, &[2, 3]), BIAS[0]]);
    let whole = told(&Source::from_bytes(whole, "whole").unwrap());
    let model = ModelDir::open(dir.path()).unwrap();
    assert_eq!(told(&Source::of_component(&model).unwrap()), whole);
    let linear: Linear = LinearConfig::new(3, 2).init(&Device::flex());
    load(linear, &model, &KeyMap::identity()).unwrap();
    let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
    let model = embedded(&[
        ("one.safetensors", read("one.safetensors")),
        ("two.safetensors", read("two.safetensors")),
        (
            "model.safetensors.index.json",
            read("model.safetensors.index.json"),
        ),
    ]);
    assert_eq!(told(&Source::of_component(&model).unwrap()), whole);
}

#[test]
fn an_index_that_its_files_dont_fit_names_them() {
    for (index, second, named) in [
        (
            json!({"weight": "one.safetensors", "bias": "gone.safetensors"}),
            &BIAS[..],
            &["gone.safetensors is missing"][..],
        ),
        (
            json!({"weight": "one.safetensors", "bias": "two.safetensors"}),
            &[BIAS[0], ("weight", Dtype::F32, &[2, 3])],
            &["weight is in both one.safetensors and two.safetensors"],
        ),
        (
            json!({"weight": "one.safetensors", "bias": "two.safetensors", "more": "two.safetensors"}),
            &BIAS,
            &["more should be in two.safetensors, but isn't"],
        ),
        (
            json!({"weight": "one.safetensors", "bias": "one.safetensors", "x": "two.safetensors"}),
            &[BIAS[0], ("x", Dtype::F32, &[1])],
            &["bias should be in one.safetensors, but is in two.safetensors"],
        ),
        (
            json!({"weight": "../one.safetensors", "bias": "model.safetensors.index.json"}),
            &BIAS,
            &["\"../one.safetensors\" is not", "index.json\" is not"],
        ),
        (
            json!({"a": "gone.safetensors", "b": "lost.safetensors", "weight": "two.safetensors"}),
            &BIAS,
            &[
                "gone.safetensors is missing",
                "lost.safetensors is missing",
                "weight should be in two",
            ],
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let file = sharded(dir.path(), index, second);
        let error = Source::of_component(&ModelDir::open(dir.path()).unwrap()).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with(&file), "{error}");
        for named in named {
            assert!(error.contains(named), "{error}");
        }
        assert_eq!(error.lines().count(), 1 + named.len(), "{error}");
    }
    let dir = tempfile::tempdir().unwrap();
    let index = json!({"weight": "one.safetensors", "bias": "two.safetensors"});
    sharded(dir.path(), index, &BIAS);
    fs::write(dir.path().join("two.safetensors"), b"two").unwrap();
    let error = Source::of_component(&ModelDir::open(dir.path()).unwrap()).unwrap_err();
    assert!(error.to_string().contains("two.safetensors"), "{error}");
    fs::write(dir.path().join("model.safetensors.index.json"), "[]").unwrap();
    let error = Source::of_component(&ModelDir::open(dir.path()).unwrap()).unwrap_err();
    assert!(error.to_string().contains("index.json"), "{error}");
}

#[test]
fn damaged_files_are_told_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let whole = file(&TENSORS);
    let tensor = |shape: serde_json::Value, from: u64, to: u64| json!({"dtype": "F32", "shape": shape, "data_offsets": [from, to]});
    let of = |header: serde_json::Value, bytes: usize| with_header(&header.to_string(), bytes);
    let huge = |length: u64| [&length.to_le_bytes()[..], b"{}"].concat();
    for (what, bytes, said) in [
        ("no bytes", vec![], "too short for a header"),
        ("no header", whole[..5].to_vec(), "too short for a header"),
        (
            "half a header",
            whole[..40].to_vec(),
            "ends within its header",
        ),
        (
            "half the tensors",
            whole[..whole.len() - 9].to_vec(),
            "follow",
        ),
        ("bytes behind", [&whole[..], b"x"].concat(), "follow"),
        ("a huge header", huge(u64::MAX), "too long"),
        ("a large header", huge(99_999_999), "ends within its header"),
        ("no JSON", with_header("{\"a\":", 0), "header"),
        (
            "overlapping",
            of(
                json!({"a": tensor(json!([2]), 0, 8), "b": tensor(json!([2]), 4, 12)}),
                12,
            ),
            "header",
        ),
        (
            "a gap",
            of(
                json!({"a": tensor(json!([1]), 0, 4), "b": tensor(json!([1]), 8, 12)}),
                12,
            ),
            "header",
        ),
        (
            "backwards",
            of(json!({"a": tensor(json!([1]), 4, 0)}), 4),
            "header",
        ),
        (
            "another shape",
            of(json!({"a": tensor(json!([3]), 0, 8)}), 8),
            "header",
        ),
        (
            "a shape beyond numbers",
            of(
                json!({"a": tensor(json!([u64::MAX / 2, u64::MAX / 2]), 0, 8)}),
                8,
            ),
            "header",
        ),
        (
            "beyond its end",
            of(json!({"a": tensor(json!([1u64 << 40]), 0, 1u64 << 42)}), 8),
            "follow",
        ),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = Source::open(&path).expect_err(what).to_string();
        assert!(
            error.contains("model.safetensors") && error.contains(said),
            "{what}: {error}"
        );
    }
    fs::create_dir(dir.path().join("folder.safetensors")).unwrap();
    let error = Source::open(&dir.path().join("folder.safetensors")).unwrap_err();
    assert!(error.to_string().contains("folder.safetensors"));
}

proptest! {
    /// Whatever a file holds, opening it and reading all of it ends in numbers or an error, never in a panic.
    #[test]
    fn any_damage_is_an_error_or_harmless(
        changes in prop::collection::vec((0usize..400, any::<u8>()), 0..6),
        length in prop::option::of(0usize..600),
        end in prop::option::of(any::<u64>()),
    ) {
        let mut bytes = file(&TENSORS);
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        if let Some(length) = length {
            bytes.resize(length, 0);
        }
        if let (Some(end), true) = (end, bytes.len() >= 8) {
            bytes[..8].copy_from_slice(&end.to_le_bytes());
        }
        if let Ok(source) = Source::from_bytes(bytes, "file") {
            for (name, entry) in source.tensors() {
                if let Ok(data) = source.read(name) {
                    prop_assert_eq!(data.shape().as_slice(), &entry.shape[..]);
                }
            }
        }
    }

    /// The same of headers that are JSON of the right form.
    #[test]
    fn any_places_are_refused_or_read(
        tensors in prop::collection::vec((prop::collection::vec(0u64..5, 0..4), 0u64..64, 0u64..64), 0..4),
        bytes in 0usize..64,
    ) {
        let fields = tensors.iter().enumerate().map(|(number, (shape, from, to))| {
            (number.to_string(), json!({"dtype": "F32", "shape": shape, "data_offsets": [from, to]}))
        });
        let header = serde_json::Value::Object(fields.collect());
        if let Ok(source) = Source::from_bytes(with_header(&header.to_string(), bytes), "file") {
            let mut sum = 0;
            for (name, entry) in source.tensors() {
                sum += entry.count() * 4;
                prop_assert!(source.read(name).is_ok());
            }
            prop_assert_eq!(sum, bytes);
        }
    }
}
