//! The stand-in of the embedded model, from its directory.

mod golden;

use burn::tensor::{Device, Tensor};
use golden::Outcome;
use reliad_rewards::AestheticReward;
use reliad_weights::ModelDir;

#[test]
fn mini_has_a_stand_in_that_moves_pictures() -> Outcome {
    let device = Device::flex().autodiff();
    let mini = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/mini");
    let reward = AestheticReward::load(&ModelDir::open(mini)?, &device)?;
    assert_eq!(reward.class(), "SceneAesthetic");
    // Two flat pictures and one of noise: nothing that was ever called whole.
    let flat = Tensor::<4>::full([2, 3, 256, 256], 0.5, &device);
    let noise = Tensor::random(
        [1, 3, 256, 256],
        burn::tensor::Distribution::Default,
        &device,
    );
    let pictures = Tensor::cat(vec![flat, noise], 0).require_grad();
    let rewards = reward.rewards(pictures.clone(), &["a", "b", "c"])?;
    let gradients = rewards.clone().sum().backward();
    let gradient = pictures.grad(&gradients).ok_or("no gradient")?;
    assert!(gradient.abs().sum().into_scalar::<f32>() > 0.0);
    let rewards: Vec<f32> = rewards.into_data().iter::<f32>().collect();
    assert!(rewards.iter().all(|&reward| reward < 0.0), "{rewards:?}");
    assert_eq!(rewards[0], rewards[1]);
    Ok(())
}
