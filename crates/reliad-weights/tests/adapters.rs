//! Files of adapters: what is refused and how it is told, and that no file makes the program panic.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod files;

use std::fs;
use std::path::Path;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::Device;
use files::file;
use proptest::prelude::*;
use reliad_weights::KeyMap;
use reliad_weights::lora::Lora;
use safetensors::tensor::Dtype;

/// A network with one layer of each kind: `linear` of 3 to 2, `conv` of 2 to 4 by 3x3, `norm` of 5.
#[derive(Module, Debug)]
struct Network {
    linear: Linear,
    conv: Conv2d,
    norm: LayerNorm,
}

fn network() -> Network {
    let device = Device::flex();
    Network {
        linear: LinearConfig::new(3, 2).init(&device),
        conv: Conv2dConfig::new([2, 4], [3, 3])
            .with_bias(false)
            .init(&device),
        norm: LayerNormConfig::new(5).init(&device),
    }
}

fn merged(lora: &Lora) -> Result<Network, reliad_weights::Error> {
    lora.merge(network(), "unet", &KeyMap::identity(), 0.5)
}

/// Names, types and shapes.
type Tensors<'a> = &'a [(&'a str, Dtype, &'a [usize])];

/// Opens and merges a file with these tensors.
fn told(tensors: Tensors<'_>) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.safetensors");
    fs::write(&path, file(tensors)).unwrap();
    let merged = Lora::open(&path).and_then(|lora| merged(&lora));
    merged.map(drop).map_err(|error| error.to_string())
}

#[test]
fn what_is_not_understood_is_refused_with_file_and_tensor() {
    const F: Dtype = Dtype::F32;
    let accepted = told(&[
        ("lora_unet_linear.lora_down.weight", F, &[1, 3]),
        ("lora_unet_linear.lora_up.weight", F, &[2, 1]),
        ("lora_unet_linear.alpha", F, &[]),
        ("unet.conv.diff", F, &[4, 2, 3, 3]),
        ("lora_unet_norm.w_norm", F, &[5]),
        ("lora_unet_norm.b_norm", F, &[5]),
    ]);
    assert_eq!(accepted, Ok(()));
    let cases: [(Tensors<'_>, &[&str]); 15] = [
        (
            &[("lora_unet_linear.oft_blocks", F, &[2, 2])],
            &["lora_unet_linear.oft_blocks", "understood"],
        ),
        (&[], &["no adapters"]),
        (
            &[("lora_unet_linear.lora_down.weight", F, &[1, 3])],
            &["lora_unet_linear", "`lora_up` is missing"],
        ),
        (
            &[
                ("linear.hada_w1_a", F, &[2, 1]),
                ("linear.hada_w1_b", F, &[1, 3]),
                ("linear.hada_w2_a", F, &[2, 1]),
            ],
            &["`hada_w2_b` is missing"],
        ),
        (
            &[
                ("linear.hada_w1_a", F, &[2, 1]),
                ("linear.hada_w1_b", F, &[1, 3]),
                ("linear.hada_w2_a", F, &[2, 2]),
                ("linear.hada_w2_b", F, &[2, 3]),
            ],
            &["linear", "rank"],
        ),
        (
            &[
                ("linear.lora_A.weight", F, &[2, 3]),
                ("linear.lora_B.weight", F, &[2, 1]),
            ],
            &["[2, 1] and [2, 3]", "don't fit"],
        ),
        (
            &[
                ("linear.lora_A.weight", F, &[1, 3]),
                ("linear.lora_B.weight", F, &[2, 1]),
                ("linear.lokr_w1", F, &[1, 1]),
            ],
            &["`lokr_w1`", "isn't known"],
        ),
        (
            &[
                ("linear.lokr_w1", F, &[2, 1]),
                ("linear.lokr_w2", F, &[1, 2]),
            ],
            &["expected 2 outputs of 3 inputs, found 2 of 2"],
        ),
        (
            &[("linear.diff", F, &[3, 2])],
            &["expected 2 outputs of 3 inputs, found 3 of 2"],
        ),
        (&[("conv.diff_b", F, &[4])], &["conv", "no bias"]),
        (&[("other.diff_b", F, &[4])], &["unused", "other"]),
        (
            &[
                ("linear.lora_A.weight", F, &[1, 3]),
                ("linear.lora_B.weight", F, &[2, 1]),
                ("linear.dora_scale", F, &[4, 1]),
            ],
            &["norms of the shape [4, 1]"],
        ),
        (&[("linear.dora_scale", F, &[2, 1])], &["no change"]),
        (
            &[
                ("linear.diff_b", F, &[2]),
                ("lora_unet_linear.diff_b", F, &[2]),
            ],
            &["linear", "two tensors"],
        ),
        (
            &[("base_model.model.linear.lora_A.weight", F, &[1, 3])],
            &["adapter_config.json", "is missing"],
        ),
    ];
    for (tensors, parts) in cases {
        let error = told(tensors).unwrap_err();
        assert!(error.contains("x.safetensors"), "{error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}

#[test]
fn a_directory_is_peft_s_or_diffusers_and_only_one_of_them() {
    const F: Dtype = Dtype::F32;
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let error = |path: &Path| Lora::open(path).unwrap_err().to_string();
    assert!(error(dir.path()).contains("holds no adapters"));
    write("unet/adapter_config.json", br#"{"r": 1, "lora_alpha": 3}"#);
    assert!(error(dir.path()).contains("adapter_model.safetensors"));
    let tensors = file(&[
        ("base_model.model.linear.lora_A.weight", F, &[1, 3]),
        ("base_model.model.linear.lora_B.weight", F, &[2, 1]),
    ]);
    write("unet/adapter_model.safetensors", &tensors);
    let lora = Lora::open(dir.path()).unwrap();
    assert!(lora.has("unet") && !lora.has("text_encoder"));
    merged(&lora).unwrap();
    // The configuration is part of what is told apart.
    let inner = Lora::open(&dir.path().join("unet/adapter_model.safetensors")).unwrap();
    assert_eq!(inner.digest(), lora.digest());
    write("unet/adapter_config.json", br#"{"r": 1, "lora_alpha": 4}"#);
    assert_ne!(Lora::open(dir.path()).unwrap().digest(), lora.digest());
    write("text_encoder/adapter_config.json", br#"{"r": 1}"#);
    write("text_encoder/adapter_model.safetensors", &tensors);
    assert!(Lora::open(dir.path()).unwrap().has("text_encoder"));
    write("unet/adapter_config.json", br#"{"r": 2, "lora_alpha": 3}"#);
    let told = error(dir.path());
    assert!(
        told.contains("rank is 1") && told.contains("says 2"),
        "{told}"
    );
    write(
        "unet/adapter_config.json",
        br#"{"r": 1, "lora_bias": true}"#,
    );
    let told = error(dir.path());
    assert!(
        told.contains("adapter_config.json") && told.contains("`lora_bias` = true"),
        "{told}"
    );
    write("pytorch_lora_weights.safetensors", &tensors);
    assert!(error(dir.path()).contains("name the one that is meant"));
}

/// Names of all parts of all kinds, for layers that there are and others.
fn names() -> impl Strategy<Value = String> {
    let layers = [
        "linear",
        "conv",
        "norm",
        "lora_unet_linear",
        "unet.conv",
        "x.y",
        "",
    ];
    let parts = [
        "lora_A.weight",
        "lora_B.weight",
        "lora_mid.weight",
        "alpha",
        "dora_scale",
        "lora_magnitude_vector",
        "hada_w1_a",
        "hada_w1_b",
        "hada_w2_a",
        "hada_w2_b",
        "hada_t1",
        "hada_t2",
        "lokr_w1",
        "lokr_w1_a",
        "lokr_w1_b",
        "lokr_w2",
        "lokr_w2_a",
        "lokr_w2_b",
        "lokr_t2",
        "diff",
        "diff_b",
        "w_norm",
        "b_norm",
        "on_input",
        "weight",
        "lora_A.default.weight",
        "other",
        "",
    ];
    let name = (
        prop::sample::select(layers.to_vec()),
        prop::sample::select(parts.to_vec()),
    );
    name.prop_map(|(layer, part)| format!("{layer}.{part}"))
}

fn shapes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        prop::collection::vec(0usize..5, 0..6),
        prop::sample::select(vec![
            vec![2, 1],
            vec![1, 3],
            vec![2, 3],
            vec![1, 18],
            vec![4, 1],
            vec![1, 1],
            vec![4, 2, 3, 3],
            vec![1, 1, 3, 3],
            vec![5],
            vec![2],
        ]),
    ]
}

proptest! {
    /// Whatever the tensors and the configuration are, and whatever bytes are damaged, there is a network or an error.
    #[test]
    fn no_file_makes_it_panic(
        tensors in prop::collection::btree_map(names(), (shapes(), any::<bool>()), 0..9),
        config in prop::option::of("[\\{\\[]\"(r|lora_alpha|alpha_pattern|use_dora|bias)\": ?(1|-1|0|1e999|true|\\{\"(.*|\\(|a)\": 2\\}|null)[\\}\\]]"),
        changes in prop::collection::vec((0usize..400, any::<u8>()), 0..3),
    ) {
        let tensors: Vec<_> = tensors
            .iter()
            .map(|(name, (shape, half))| {
                (&**name, if *half { Dtype::F16 } else { Dtype::F32 }, &shape[..])
            })
            .collect();
        let mut bytes = file(&tensors);
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("adapter_model.safetensors");
        fs::write(&path, bytes).unwrap();
        if let Some(config) = config {
            fs::write(dir.path().join("adapter_config.json"), config).unwrap();
        }
        if let Ok(lora) = Lora::open(&path) {
            drop(merged(&lora));
        }
    }
}
