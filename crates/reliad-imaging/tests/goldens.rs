//! Equality with OpenCV and Pillow, against files written by `parity/imaging/canny.py`.
//!
//! Every comparison is exact: the arithmetic is in integers on both sides.

use std::path::Path;

use image::{DynamicImage, GrayImage, RgbImage};
use reliad_imaging::{PlacedProduct, background_mask, canny, paste_back};

fn fixture(name: &str) -> DynamicImage {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{name}.png"));
    image::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fails with the place of the first differing pixel and the number of them.
fn assert_same(name: &str, ours: &GrayImage, golden: &GrayImage) {
    assert_eq!(ours.dimensions(), golden.dimensions(), "{name}");
    let differing: Vec<_> = ours
        .enumerate_pixels()
        .zip(golden.pixels())
        .filter(|((_, _, ours), golden)| ours != golden)
        .map(|((x, y, ours), golden)| (x, y, ours.0[0], golden.0[0]))
        .collect();
    if let Some((x, y, got, expected)) = differing.first() {
        panic!(
            "{name}: {} of {} pixels differ, the first at ({x}, {y}): {got} for {expected}",
            differing.len(),
            golden.pixels().len()
        );
    }
}

#[test]
fn canny_edges_are_those_of_opencv() {
    for name in [
        "shapes",
        "gradients",
        "noise",
        "text",
        "product",
        "steps",
        "ties",
        "row",
        "column",
        "tiny",
    ] {
        let picture = fixture(&format!("canny_{name}")).into_rgb8();
        let golden = fixture(&format!("canny_{name}_edges")).into_luma8();
        assert_same(name, &canny(&picture, 100.0, 200.0), &golden);
        // Fractions are dropped and the order of the thresholds doesn't matter.
        assert_same(name, &canny(&picture, 200.9, 100.5), &golden);
    }
}

#[test]
fn an_empty_picture_has_no_edges() {
    assert!(canny(&RgbImage::new(0, 3), 100.0, 200.0).is_empty());
}

#[test]
fn the_dilated_mask_is_that_of_opencv() {
    let alpha = fixture("mask_alpha").into_luma8();
    for kernel in [20, 7, 64] {
        let golden = fixture(&format!("mask_{kernel}")).into_luma8();
        assert_same(
            &format!("mask {kernel}"),
            &background_mask(&alpha, kernel),
            &golden,
        );
    }
}

#[test]
fn pasting_is_that_of_pillow() {
    let scene = fixture("paste_scene").into_rgb8();
    let product = PlacedProduct::from_canvas_rgba(fixture("paste_product").into_rgba8())
        .expect("the fixture is a canvas with something visible");
    let pasted = paste_back(&scene, &product);
    let golden = fixture("paste_result").into_rgb8();
    let same_colours = fixture("paste_product").into_rgba8();
    let mut compared = 0;
    for (x, y, golden) in golden.enumerate_pixels() {
        // Edge colours that were decontaminated aren't Pillow's any more.
        if product.rgba().get_pixel(x, y) == same_colours.get_pixel(x, y)
            || same_colours.get_pixel(x, y).0[3] == 0
        {
            assert_eq!(pasted.get_pixel(x, y), golden, "({x}, {y})");
            compared += 1;
        }
    }
    assert!(compared > 64 * 48, "only {compared} pixels were compared");
}
