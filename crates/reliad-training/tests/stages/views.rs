//! What a judge is trained on is what it looks at in use.

use std::path::Path;

use burn::tensor::Tensor;
use image::{Rgb, RgbImage, Rgba, RgbaImage};
use reliad_dataset::Modality;
use reliad_rfnet::judge::{Judge, JudgeItem};
use reliad_training::data::world::World;
use reliad_training::judge::samples::{Samples, input};
use reliad_training::judge::settings::RfNetTraining;
use reliad_training::judge::views::Viewer;
use reliad_training::{Control, Stage};
use reliad_weights::ModelDir;

use crate::world::write_world;

/// Sides of the pictures: larger than the judge's, its own, and smaller.
const SIDES: [u32; 3] = [72, 32, 24];

/// Noise, and a product whose alpha is noise too: every rounding on the way would show.
fn write_noise(dir: &Path) {
    write_world(dir);
    for (index, side) in SIDES.into_iter().enumerate() {
        let value = |x: u32, y: u32, channel: u32| {
            let mixed = (x * 7919 + y * 104_729 + channel * 1_299_709 + index as u32 * 31)
                .wrapping_mul(2_654_435_761);
            (mixed >> 24) as u8
        };
        let file = |part: &str| dir.join(format!("{part}/{index:08}.png"));
        RgbImage::from_fn(side, side, |x, y| {
            Rgb([0, 1, 2].map(|channel| value(x, y, channel)))
        })
        .save(file("images"))
        .unwrap();
        RgbaImage::from_fn(side, side, |x, y| {
            Rgba([3, 4, 5, 6].map(|channel| value(x, y, channel)))
        })
        .save(file("products"))
        .unwrap();
    }
}

/// Every input of training is use's, but that training keeps a view in 8 bits: half a step of 1/255, before `(x - mean) /
/// std`. Where use's view is of 8 bits by itself, the two are equal.
pub fn training_and_use_look_at_the_same(
    config: &RfNetTraining,
    stage: &Stage,
    control: &mut Control<'_>,
) {
    let data = tempfile::tempdir().unwrap();
    write_noise(data.path());
    let tokenizer = config.tokenizer(stage).unwrap();
    let network = config.network(&tokenizer).unwrap();
    let stage = Stage {
        data: data.path().to_owned(),
        ..stage.clone()
    };
    let world = World::open(&stage.data, None).unwrap();
    let places: Vec<usize> = (0..SIDES.len()).collect();
    let viewer = Viewer::load(&stage, &network, None).unwrap();
    let views = viewer.views(&stage, &world, &places, 0, control);
    let views = views.unwrap().unwrap();
    let samples = Samples::to_judge(world, tokenizer);
    let judge = Judge::load(&ModelDir::open(&stage.out).unwrap(), &stage.device).unwrap();
    let std = network.preprocess().image_std;
    for (place, side) in SIDES.into_iter().enumerate() {
        let trained = input(config, &samples, &views, &[place], &stage).unwrap();
        let picture = samples
            .world
            .picture(place, Modality::Image)
            .unwrap()
            .into_rgb8();
        let product = samples
            .world
            .picture(place, Modality::Product)
            .unwrap()
            .into_rgba8();
        let item = JudgeItem {
            picture: &picture,
            product: &product,
            title: &samples.world.records()[place].title,
        };
        let (used, _) = judge.input(&item).unwrap();
        let (trained_caption, used_caption) = (trained.caption.unwrap(), used.caption.unwrap());
        assert_eq!(
            trained_caption.ids.into_data(),
            used_caption.ids.into_data()
        );
        assert_eq!(
            trained_caption.mask.into_data(),
            used_caption.mask.into_data()
        );
        for (name, trained, used) in [
            ("product", trained.product, used.product),
            ("generated", trained.generated, used.generated),
            ("depth", trained.depth, used.depth),
            ("saliency", trained.saliency, used.saliency),
        ] {
            let values = |tensor: Option<Tensor<4>>| -> Vec<f32> {
                tensor.unwrap().into_data().iter::<f32>().collect()
            };
            let (trained, used) = (values(trained), values(used));
            if name == "generated" && side == 32 {
                assert_eq!(trained, used, "{name} of side {side}");
            }
            let plane = trained.len() / 3;
            let mut farthest = 0f32;
            for (at, (trained, used)) in trained.iter().zip(&used).enumerate() {
                farthest = farthest.max((trained - used).abs() * std[at / plane]);
            }
            // f32 keeps values of up to 3 to 2e-7.
            assert!(
                farthest <= 1.0 / 510.0 + 1e-6,
                "{name} of side {side}: {farthest}"
            );
        }
    }
}
