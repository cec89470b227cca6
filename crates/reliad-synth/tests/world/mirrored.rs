//! Mirror images of samples.

use image::imageops::flip_horizontal;
use reliad_synth::{Scenes, World, mirrored};

#[test]
fn a_mirror_image_exchanges_left_and_right_and_comes_back() {
    let world = World {
        scenes: Scenes::Studio,
        ..World::default()
    };
    // Light from a side, so that the prompt has something to exchange.
    let sample = (0..)
        .map(|index| world.sample(7, index, 32))
        .find(|sample| sample.prompt.contains("from the left"))
        .unwrap_or_else(|| unreachable!("the numbers don't end"));
    let other = sample.mirrored();
    assert_eq!(other.picture, flip_horizontal(&sample.picture));
    assert_eq!(other.product, flip_horizontal(&sample.product));
    assert_eq!(other.depth_image(), flip_horizontal(&sample.depth_image()));
    assert_eq!(other.saliency, flip_horizontal(&sample.saliency));
    assert_eq!(other.prompt, mirrored(&sample.prompt));
    assert!(other.prompt.contains("from the right"));
    assert_eq!(other.parameters.mirrored, Some(true));
    assert_eq!(
        (other.class, other.product_id),
        (sample.class, sample.product_id)
    );
    let back = other.mirrored();
    assert_eq!(back.picture, sample.picture);
    assert_eq!(back.prompt, sample.prompt);
    assert_eq!(back.parameters.mirrored, Some(false));
}
