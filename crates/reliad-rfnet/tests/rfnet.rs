//! RFNet and its preprocessing against a plain PyTorch implementation (`parity/rfnet/rfnet.py`).
//! Logits and preprocessing 1e-4, gradients 1e-3: f32 sums in another order, which backpropagation accumulates.

mod golden;

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor};
use golden::{Golden, Outcome, folder, model, real};
use reliad_imaging::Class;
use reliad_rfnet::classes::Classes;
use reliad_rfnet::preprocess::Preprocess;
use reliad_rfnet::rfnet::{RfNet, RfNetConfig, RfNetInput};
use reliad_rfnet::roberta::CaptionTokens;
use reliad_weights::{ModelDir, Precision};

const CASES: [&str; 4] = ["rfnet", "rfnet_shared", "rfnet_no_caption", "rfnet_filters"];

fn input(
    golden: &Golden,
    preprocess: &Preprocess,
    picture: Tensor<4>,
    device: &Device,
) -> RfNetInput {
    let ids = golden.int::<2>("ids", device);
    let map = |name: &str| Some(preprocess.map(golden.float(name, device)));
    RfNetInput {
        product: Some(preprocess.product(golden.float("product", device))),
        generated: Some(preprocess.generated(picture)),
        depth: map("depth"),
        saliency: map("saliency"),
        caption: Some(CaptionTokens {
            mask: real(&ids),
            ids,
        }),
    }
}

#[test]
fn preprocessing_equals_torch() -> Outcome {
    let device = Device::default();
    let golden = Golden::read("rfnet")?;
    let (_, config) = RfNet::load(&model("rfnet")?, &device)?;
    let preprocess = config.preprocess.init()?;
    let seen = input(
        &golden,
        &preprocess,
        golden.float("picture", &device),
        &device,
    );
    for (name, image) in [
        ("preprocessed_generated", seen.generated),
        ("preprocessed_product", seen.product),
        ("preprocessed_depth", seen.depth),
        ("preprocessed_saliency", seen.saliency),
    ] {
        let image = image.ok_or("an image is missing")?;
        assert!(golden.error(name, image) < 1e-5, "{name}");
    }
    Ok(())
}

#[test]
fn logits_equal_torch() -> Outcome {
    let device = Device::default();
    for case in CASES {
        println!("{case}");
        let golden = Golden::read(case)?;
        let (network, config) = RfNet::load(&model(case)?, &device)?;
        let preprocess = config.preprocess.init()?;
        let picture = golden.float("picture", &device);
        let logits = network.forward(input(&golden, &preprocess, picture, &device));
        assert!(golden.error("logits", logits) < 1e-4, "{case}");
    }
    Ok(())
}

#[test]
fn the_gradient_of_log_p_available_reaches_the_picture_as_in_torch() -> Outcome {
    let device = Device::default().autodiff();
    for case in CASES {
        println!("{case}");
        let golden = Golden::read(case)?;
        let (network, config) = RfNet::load(&model(case)?, &device)?;
        let network = network.freeze();
        let preprocess = config.preprocess.init()?;
        let picture = golden.float::<4>("picture", &device).require_grad();
        let logits = network.forward(input(&golden, &preprocess, picture.clone(), &device));
        let gradients = log_softmax(logits, 1).narrow(1, 0, 1).sum().backward();
        let gradient = picture.grad(&gradients).ok_or("no gradient")?;
        assert!(golden.error("gradient", gradient) < 1e-3, "{case}");
    }
    Ok(())
}

#[test]
fn a_saved_network_has_public_names_and_loads_again() -> Outcome {
    let device = Device::default();
    let golden = Golden::read("rfnet")?;
    let (network, config) = RfNet::load(&model("rfnet")?, &device)?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("model.safetensors");
    reliad_weights::save(&network, &file, Precision::F32, &RfNet::key_map())?;
    reliad_weights::write_config(&dir.path().join("config.json"), &config)?;
    let (again, same) = RfNet::load(&ModelDir::open(dir.path())?, &device)?;
    assert_eq!(config, same);
    let preprocess = config.preprocess.init()?;
    let picture = golden.float("picture", &device);
    let logits = again.forward(input(&golden, &preprocess, picture, &device));
    assert!(golden.error("logits", logits) < 1e-4);
    let names = reliad_weights::named_shapes(&network, &RfNet::key_map());
    for name in [
        "image_encoder.depth.layer1.0.conv1.weight",
        "text_encoder.encoder.layer.0.attention.self.query.weight",
        "text_encoder.embeddings.LayerNorm.weight",
    ] {
        assert!(names.contains_key(name), "{name}");
    }
    Ok(())
}

#[test]
fn a_network_begins_with_the_parts_of_another() -> Outcome {
    let device = Device::default();
    let golden = Golden::read("rfnet")?;
    let dir = model("rfnet")?;
    let (whole, config) = RfNet::load(&dir, &device)?;
    let preprocess = config.preprocess.init()?;
    let seen = || {
        let picture = golden.float("picture", &device);
        input(&golden, &preprocess, picture, &device)
    };
    let alike = |a: Tensor<4>, b: Tensor<4>| (a - b).abs().max().into_scalar::<f32>() == 0.0;
    let theirs = whole.encode_images(&seen());

    let same = RfNet::begin_from(&dir, &config, &device)?;
    assert!(golden.error("logits", same.forward(seen())) < 1e-4);

    let mut less = config.clone();
    less.inputs.product = false;
    less.inputs.caption = false;
    less.text_encoder = None;
    less.classes = Classes(2);
    let network = RfNet::begin_from(&dir, &less, &device)?;
    let [product, generated, depth, saliency] = network.encode_images(&seen());
    assert!(product.is_none());
    let ours = [generated, depth, saliency].into_iter().flatten();
    for (ours, theirs) in ours.zip(theirs.into_iter().skip(1).flatten()) {
        assert!(alike(ours, theirs));
    }
    assert_eq!(network.forward(seen()).dims()[1], 2);

    // What the other hasn't is missed by name.
    let part = tempfile::tempdir()?;
    let file = part.path().join("model.safetensors");
    reliad_weights::save(&network, &file, Precision::F32, &RfNet::key_map())?;
    reliad_weights::write_config(&part.path().join("config.json"), &less)?;
    let message = RfNet::begin_from(&ModelDir::open(part.path())?, &config, &device)
        .expect_err("it has no product encoder")
        .to_string();
    assert!(message.contains("image_encoder.product"), "{message}");
    Ok(())
}

#[test]
fn unsupported_configs_name_the_field() -> Outcome {
    let bytes = std::fs::read(folder("rfnet").join("config.json"))?;
    let good: serde_json::Value = serde_json::from_slice(&bytes)?;
    RfNetConfig::from_json(&good)?;
    let cases = [
        ("/classes", serde_json::json!(4), "classes"),
        ("/heads", serde_json::json!(3), "heads"),
        (
            "/preprocess/image_size",
            serde_json::json!(100),
            "preprocess.image_size",
        ),
        (
            "/preprocess/image_std",
            serde_json::json!([0.1, 0.0, 0.1]),
            "preprocess.image_std",
        ),
        ("/inputs/caption", serde_json::json!(false), "text_encoder"),
        ("/fusion_norm", serde_json::json!("middle"), "middle"),
        ("/filter_kernel", serde_json::json!(2), "filter_kernel"),
        (
            "/max_caption_tokens",
            serde_json::json!(19),
            "max_caption_tokens",
        ),
        (
            "/text_encoder/num_attention_heads",
            serde_json::json!(5),
            "num_attention_heads",
        ),
    ];
    for (pointer, value, named) in cases {
        let mut config = good.clone();
        *config.pointer_mut(pointer).ok_or(pointer)? = value;
        let message = RfNetConfig::from_json(&config)
            .expect_err(pointer)
            .to_string();
        assert!(message.contains(named), "{message}");
    }
    let mut unknown = good.clone();
    unknown["pooling"] = serde_json::json!("max");
    let message = RfNetConfig::from_json(&unknown)
        .expect_err("unknown field")
        .to_string();
    assert!(message.contains("pooling"), "{message}");
    Ok(())
}

#[test]
fn heads_name_their_classes() -> Outcome {
    let bytes = std::fs::read(folder("rfnet").join("config.json"))?;
    let mut config = RfNetConfig::from_json(&serde_json::from_slice(&bytes)?)?;
    assert_eq!(config.classes.index(Class::Unsuitable), None);
    assert_eq!(config.classes.index(Class::SizeMismatch), Some(2));
    config.classes = Classes(2);
    assert_eq!(config.classes.index(Class::SizeMismatch), Some(1));
    assert_eq!(config.classes.class(0), Class::Available);
    assert!(!config.classes.class(1).is_available());
    Ok(())
}
