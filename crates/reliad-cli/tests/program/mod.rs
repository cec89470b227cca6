//! The program as a process, a tiny complete model of random weights, and products to give it.
#![allow(dead_code, reason = "every test file uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use burn::tensor::Device;
use image::{Rgba, RgbaImage};
use reliad_generation::manifest::{self, Record};
use reliad_rfnet::rfnet::{RfNet, RfNetConfig};
use reliad_rfnet::scene_network::{SceneNetwork, SceneNetworkConfig};
use reliad_synth::SceneFamily;
use reliad_weights::Precision;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

/// A scratch directory with a model in `model/`, products in `products/` and results in `out/`.
pub struct Scene {
    dir: tempfile::TempDir,
}

impl Scene {
    /// A scene with nothing in it.
    pub fn empty() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// A scene whose judge finds every picture available from this probability on: 0 accepts all,
    /// 1 rejects all.
    pub fn new(threshold: f32) -> Self {
        let scene = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        copy_dir(
            &fixture("reliad-diffusion", "inpaint"),
            &scene.path("model"),
        );
        write_judge(&scene.path("model"), threshold);
        fs::create_dir(scene.path("products")).unwrap();
        scene
    }

    /// The scene with `count` products, `products/box-N.png`.
    pub fn with_products(threshold: f32, count: u8) -> Self {
        let scene = Self::new(threshold);
        for number in 0..count {
            product(number)
                .save(scene.path(&format!("products/box-{number}.png")))
                .unwrap();
        }
        scene
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// `reliad` with these arguments, run in the scene, deaf to the tester's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reliad"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("RELIAD_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// `reliad generate` with the scene's model, small and quick, and further arguments.
    pub fn generate(&self, arguments: &[&str]) -> Ran {
        self.run(&generate_arguments(arguments))
    }

    pub fn records(&self) -> Vec<Record> {
        manifest::read(&self.path("out").join(manifest::FILE_NAME)).unwrap()
    }

    /// Names and bytes of the pictures directly in `out/`, sorted.
    pub fn pictures(&self) -> Vec<(String, Vec<u8>)> {
        pictures_in(&self.path("out"))
    }
}

/// The arguments of a small and quick `reliad generate`.
pub fn generate_arguments<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec![
        "generate",
        "--model",
        "model",
        "--prompt",
        "a vase on a table",
    ];
    for (name, value) in [("--size", "64x64"), ("--steps", "2"), ("--guidance", "2")] {
        if !arguments.contains(&name) {
            all.extend([name, value]);
        }
    }
    all.extend(arguments);
    all
}

/// What a process said.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.out,
            self.err
        );
        self
    }

    /// The lines of stderr that begin with `error: `.
    pub fn errors(&self) -> Vec<&str> {
        self.err
            .lines()
            .filter_map(|line| line.strip_prefix("error: "))
            .collect()
    }

    /// The lines of stderr that begin with `hint: `.
    pub fn hints(&self) -> String {
        let hints: Vec<_> = self
            .err
            .lines()
            .filter_map(|line| line.strip_prefix("hint: "))
            .collect();
        hints.join("\n")
    }
}

pub fn pictures_in(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    found.sort();
    found
}

/// A box with a soft edge, of a colour of its own.
pub fn product(number: u8) -> RgbaImage {
    RgbaImage::from_fn(90, 120, |x, y| {
        let inside = x.min(89 - x).min(y).min(119 - y);
        let alpha = match inside {
            0..10 => 0,
            10 => 120,
            _ => 255,
        };
        Rgba([
            200 - number,
            (x * 2) as u8,
            (y + u32::from(number)) as u8,
            alpha,
        ])
    })
}

pub fn fixture(name: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(name)
        .join("tests/fixtures")
        .join(file)
}

/// Writes `rfnet/`, `depth/` and `saliency/`: random weights from the crate's own configs.
pub fn write_judge(model: &Path, threshold: f32) {
    let device = Device::flex();
    device.seed(5);
    let fixtures = |part: &str| fixture("reliad-rfnet", part);
    let json = fs::read(fixtures("rfnet").join("config.json")).unwrap();
    let mut config = RfNetConfig::from_json(&serde_json::from_slice(&json).unwrap()).unwrap();
    if let Some(text) = &mut config.text_encoder {
        text.vocab_size = 360;
    }
    let rfnet = model.join("rfnet");
    reliad_weights::write_config(&rfnet.join("config.json"), &config).unwrap();
    let weights = rfnet.join("model.safetensors");
    let network = config.init(&device).unwrap();
    reliad_weights::save(&network, &weights, Precision::F32, &RfNet::key_map()).unwrap();
    write_threshold(model, threshold);
    for file in ["vocab.json", "merges.txt"] {
        fs::copy(fixtures("roberta").join(file), rfnet.join(file)).unwrap();
    }
    for (from, to) in [("dpt_add_norm", "depth"), ("u2net_tiny", "saliency")] {
        fs::create_dir_all(model.join(to)).unwrap();
        for file in ["config.json", "model.safetensors"] {
            fs::copy(fixtures(from).join(file), model.join(to).join(file)).unwrap();
        }
    }
}

/// Writes the model's ControlNet, its weights `factor` times as large, to the scene's directory `to`.
pub fn write_tuned(scene: &Scene, to: &str, factor: f32) {
    let own = scene.path("model/controlnet");
    let to = scene.path(to);
    fs::create_dir_all(&to).unwrap();
    fs::copy(own.join("config.json"), to.join("config.json")).unwrap();
    let file = "diffusion_pytorch_model.safetensors";
    let bytes = fs::read(own.join(file)).unwrap();
    let read = SafeTensors::deserialize(&bytes).unwrap();
    let scaled: Vec<(String, Vec<usize>, Vec<u8>)> = read
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            assert_eq!(view.dtype(), Dtype::F32);
            let (numbers, _) = view.data().as_chunks::<4>();
            let numbers = numbers
                .iter()
                .flat_map(|&number| (factor * f32::from_le_bytes(number)).to_le_bytes());
            (name, view.shape().to_vec(), numbers.collect())
        })
        .collect();
    let views = scaled.iter().map(|(name, shape, bytes)| {
        (
            name,
            TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap(),
        )
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    fs::write(to.join(file), bytes).unwrap();
}

pub fn write_threshold(model: &Path, threshold: f32) {
    let calibration = format!(r#"{{"version": 1, "thresholds": {{"available": {threshold}}}}}"#);
    fs::write(model.join("rfnet/calibration.json"), calibration).unwrap();
}

pub fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Writes a `scene/` of random weights that knows the world's families and these colours.
pub fn write_scene_network(model: &Path, colors: &[String]) {
    let device = Device::flex();
    device.seed(3);
    let config: SceneNetworkConfig = serde_json::from_value(json!({
        "preprocess": { "image_size": 32 }, "product_margin": 0.05,
        "image_encoder": { "block": "basic", "layers": [1, 1, 1, 1], "base_width": 2 },
        "families": SceneFamily::ALL.map(SceneFamily::name), "colors": colors
    }))
    .unwrap();
    let dir = model.join("scene");
    reliad_weights::write_config(&dir.join("config.json"), &config).unwrap();
    let file = dir.join("model.safetensors");
    let network = config.init(&device).unwrap();
    reliad_weights::save(&network, &file, Precision::F32, &SceneNetwork::key_map()).unwrap();
}

/// What the samples rendered in the folder `work` have for a parameter.
pub fn rendered_names(scene: &Scene, work: &str, key: &str) -> Vec<String> {
    let metadata = scene.path(work).join("rendered/metadata.jsonl");
    let mut names: Vec<String> = fs::read_to_string(metadata)
        .unwrap()
        .lines()
        .filter_map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            record["parameters"][key].as_str().map(str::to_owned)
        })
        .collect();
    names.sort();
    names.dedup();
    names
}
