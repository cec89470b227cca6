//! Placement and paste-back: size, centre, untouched opaque pixels, and no white halo.

#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;
use reliad_imaging::{
    Bounds, Canvas, Cutout, Error, PlacedProduct, Warning, background_mask, canny, paste_back,
};

fn solid(width: u32, height: u32, colour: [u8; 3]) -> Cutout {
    let [red, green, blue] = colour;
    let picture = RgbaImage::from_fn(width + 4, height + 6, |x, y| {
        let inside = (1..=width).contains(&x) && (5..5 + height).contains(&y);
        Rgba([red, green, blue, if inside { 255 } else { 0 }])
    });
    Cutout::from_rgba(picture).unwrap()
}

/// A red disc, antialiased against white: with that as its straight colour under alpha, or opaque.
fn red_disc(size: u32, with_alpha: bool) -> RgbaImage {
    let centre = f64::from(size) / 2.0;
    RgbaImage::from_fn(size, size, |x, y| {
        let inside = |i: u32| {
            let at = |pixel: u32, sample: u32| f64::from(pixel) + (f64::from(sample) + 0.5) / 8.0;
            (at(x, i % 8) - centre).hypot(at(y, i / 8) - centre) < centre * 0.83
        };
        let share = f64::from((0..64).filter(|&i| inside(i)).count() as u32) / 64.0;
        let [red, green, blue] = [200.0, 20.0, 20.0]
            .map(|value: f64| (value * share + 255.0 * (1.0 - share)).round() as u8);
        Rgba([
            red,
            green,
            blue,
            if with_alpha {
                (share * 255.0).round() as u8
            } else {
                255
            },
        ])
    })
}

#[test]
fn no_white_halo_stays_on_black() {
    // Green and blue are a tenth of red in the product. White would pull them up to red's value.
    // Bound: 3 values for the rounding of alpha, colour and blend, and of the 8-bit input, in
    // which a faint pixel's own colour is only coarsely contained.
    let canvas = Canvas::new(256, 192).unwrap();
    for size in [60, 150, 400, 1100] {
        for with_alpha in [true, false] {
            let cutout = Cutout::from_rgba(red_disc(size, with_alpha)).unwrap();
            let placed = PlacedProduct::place(&cutout, canvas, 0.74);
            let pasted = paste_back(&RgbImage::new(256, 192), &placed);
            let mut soft = 0;
            for (pixel, product) in pasted.pixels().zip(placed.rgba().pixels()) {
                let [red, green, blue] = pixel.0.map(f32::from);
                let worst = green.max(blue) - 0.1 * red;
                assert!(
                    worst <= 3.0,
                    "{size} {with_alpha}: {pixel:?} of {product:?}"
                );
                soft += u32::from((1..255).contains(&product.0[3]));
            }
            assert!(
                soft > 100,
                "{size} {with_alpha}: only {soft} soft pixels were seen"
            );
        }
    }
}

#[test]
fn the_last_row_and_column_arrive() {
    // A frame of blue, one pixel wide, around red: every side of it must be on the canvas.
    let picture = RgbaImage::from_fn(60, 50, |x, y| {
        let inside = (5..55).contains(&x) && (5..45).contains(&y);
        let frame = x == 5 || x == 54 || y == 5 || y == 44;
        let [red, blue] = if frame { [0, 250] } else { [250, 0] };
        Rgba([red, 0, blue, if inside { 255 } else { 0 }])
    });
    let cutout = Cutout::from_rgba(picture).unwrap();
    let placed = PlacedProduct::place(&cutout, Canvas::new(200, 200).unwrap(), 0.75);
    let Bounds {
        x,
        y,
        width,
        height,
    } = placed.bounds();
    assert_eq!((x, y, width, height), (25, 40, 150, 120));
    for (x, y) in [
        (x, 100),
        (x + width - 1, 100),
        (100, y),
        (100, y + height - 1),
    ] {
        let pixel = placed.rgba().get_pixel(x, y).0;
        assert!(pixel[2] > 200 && pixel[3] == 255, "({x}, {y}): {pixel:?}");
    }
    // At its own size the product isn't resampled at all.
    let placed = PlacedProduct::place(&cutout, Canvas::new(40, 40).unwrap(), 1.0);
    assert_eq!(
        placed.bounds(),
        Bounds {
            x: 0,
            y: 4,
            width: 40,
            height: 32
        }
    );
    let placed = PlacedProduct::place(&solid(64, 16, [1, 2, 3]), Canvas::new(64, 64).unwrap(), 1.0);
    assert_eq!(
        placed.bounds(),
        Bounds {
            x: 0,
            y: 24,
            width: 64,
            height: 16
        }
    );
    assert!(
        placed
            .rgba()
            .pixels()
            .filter(|p| p.0 == [1, 2, 3, 255])
            .count()
            == 64 * 16
    );
}

/// A solid box of 100 x 200 at (50, 40) of 600 x 600, and what `faint` says of alpha elsewhere.
fn with_faint(faint: impl Fn(u32, u32) -> u8) -> Cutout {
    let picture = RgbaImage::from_fn(600, 600, |x, y| {
        let inside = (50..150).contains(&x) && (40..240).contains(&y);
        Rgba([200, 40, 30, if inside { 255 } else { faint(x, y) }])
    });
    Cutout::from_rgba(picture).unwrap()
}

#[test]
fn dust_changes_neither_size_nor_place_and_is_told_of() {
    let canvas = Canvas::new(400, 400).unwrap();
    let clean = PlacedProduct::place(&with_faint(|_, _| 0), canvas, 0.7);
    let dusty = with_faint(|x, y| u8::from((x, y) == (0, 0) || (x, y) == (599, 599)) * 90);
    assert_eq!(
        dusty.warnings(),
        [Warning::Faint {
            distance: 450,
            dropped: 2
        }]
    );
    assert_eq!(PlacedProduct::place(&dusty, canvas, 0.7), clean);
    assert_eq!(clean.bounds().height, 280);
}

#[test]
fn a_soft_edge_and_a_glow_stay_with_the_product() {
    let canvas = Canvas::new(400, 400).unwrap();
    let edge = with_faint(|x, y| u8::from((48..152).contains(&x) && (38..242).contains(&y)) * 60);
    assert_eq!(edge.warnings(), []);
    let placed = PlacedProduct::place(&edge, canvas, 0.5);
    let Bounds {
        x,
        y,
        width,
        height,
    } = placed.bounds();
    assert_eq!((x, y, width, height), (150, 100, 100, 200));
    // At its own size nothing is resampled.
    assert_eq!(placed.rgba().get_pixel(149, 200).0[3], 60);
    assert_eq!(placed.rgba().get_pixel(148, 98).0[3], 60);
    assert_eq!(placed.rgba().get_pixel(147, 200).0[3], 0);
    // A glow that is wider than the canvas is cut by it; the box stays where it is.
    let glow = with_faint(|_, _| 30);
    assert_eq!(
        glow.warnings(),
        [Warning::Faint {
            distance: 450,
            dropped: 0
        }]
    );
    let placed = PlacedProduct::place(&glow, canvas, 0.9);
    assert_eq!(placed.bounds().height, 360);
    assert_eq!(placed.rgba().get_pixel(200, 2).0[3], 30);
    assert_eq!(placed.rgba().get_pixel(200, 200).0, [200, 40, 30, 255]);
    assert_eq!(placed.rgba().get_pixel(200, 15).0[3], 30);
    assert_eq!(placed.rgba().get_pixel(200, 24).0[3], 255);
}

#[test]
fn what_is_faint_all_over_is_measured_by_all_of_it() {
    let picture = RgbaImage::from_fn(80, 80, |x, y| {
        let inside = (10..60).contains(&x) && (20..70).contains(&y);
        let dot = (30..34).contains(&x) && (30..34).contains(&y);
        Rgba([90, 140, 200, if dot { 200 } else { u8::from(inside) * 70 }])
    });
    let cutout = Cutout::from_rgba(picture).unwrap();
    assert_eq!((cutout.bounds().width, cutout.bounds().height), (50, 50));
    assert_eq!(cutout.warnings(), []);
}

#[test]
fn odd_scales_are_clamped() {
    let canvas = Canvas::new(64, 64).unwrap();
    let cutout = solid(30, 30, [9, 9, 9]);
    for (scale, side) in [
        (f32::NAN, 64),
        (7.0, 64),
        (f32::INFINITY, 64),
        (-1.0, 1),
        (0.0, 1),
    ] {
        let placed = PlacedProduct::place(&cutout, canvas, scale);
        assert_eq!(
            (placed.bounds().width, placed.bounds().height),
            (side, side),
            "{scale}"
        );
    }
}

#[test]
fn a_placed_product_needs_a_canvas_and_something_visible() {
    let odd = PlacedProduct::from_canvas_rgba(RgbaImage::from_pixel(20, 16, Rgba([255; 4])));
    assert!(matches!(
        odd,
        Err(Error::Canvas {
            width: 20,
            height: 16
        })
    ));
    let empty = PlacedProduct::from_canvas_rgba(RgbaImage::new(16, 16));
    assert!(matches!(empty, Err(Error::Picture(_))));
}

#[test]
#[should_panic(expected = "differ in size")]
fn a_scene_of_another_size_is_a_programming_error() {
    let placed = PlacedProduct::place(&solid(9, 9, [1; 3]), Canvas::new(16, 16).unwrap(), 0.7);
    paste_back(&RgbImage::new(16, 24), &placed);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_product_is_centred_and_of_the_size_asked_for(
        product in (1_u32..300, 8_u32..300), turned: bool,
        canvas in (1_u32..24, 1_u32..24), scale in 0.05_f32..=1.0,
    ) {
        let (width, height) = if turned { (product.1, product.0) } else { product };
        let cutout = solid(width, height, [180, 60, 20]);
        let canvas = Canvas::new(canvas.0 * 8, canvas.1 * 8).unwrap();
        let placed = PlacedProduct::place(&cutout, canvas, scale);
        let bounds = placed.bounds();
        prop_assert_eq!(placed.rgba().dimensions(), (canvas.width, canvas.height));
        prop_assert!(bounds.width >= 1 && bounds.height >= 1);
        prop_assert!(bounds.x + bounds.width <= canvas.width);
        prop_assert!(bounds.y + bounds.height <= canvas.height);
        let off = |start: u32, side: u32, whole: u32| {
            (f64::from(start) + f64::from(side) / 2.0 - f64::from(whole) / 2.0).abs()
        };
        prop_assert!(off(bounds.x, bounds.width, canvas.width) <= 0.5);
        prop_assert!(off(bounds.y, bounds.height, canvas.height) <= 0.5);
        // The side that decides is exact to half a pixel; the other can only be smaller.
        let wanted = [canvas.width, canvas.height].map(|side| (f64::from(scale) * f64::from(side)).max(1.0));
        let got = [bounds.width, bounds.height].map(f64::from);
        prop_assert!((0..2).any(|i| (got[i] - wanted[i]).abs() <= 0.5 + 1e-9));
        prop_assert!((0..2).all(|i| got[i] <= wanted[i] + 0.5 + 1e-9));
        // A solid product fills its box, and nothing is outside.
        for (x, y, pixel) in placed.rgba().enumerate_pixels() {
            if bounds.contains(x, y) {
                prop_assert_eq!(pixel.0[3], 255);
                prop_assert!(pixel.0[0].abs_diff(180) <= 1 && pixel.0[1].abs_diff(60) <= 1);
            } else {
                prop_assert_eq!(pixel.0, [0; 4]);
            }
        }
    }

    #[test]
    fn opaque_pixels_are_intact_and_invisible_ones_are_the_scene(
        pixels in proptest::collection::vec(any::<[u8; 4]>(), 16 * 24), level in 0_u8..3,
    ) {
        let mut product = RgbaImage::from_fn(16, 24, |x, y| {
            let mut pixel = pixels[(y * 16 + x) as usize];
            pixel[3] = match level { 0 => pixel[3], 1 => (pixel[3] / 128) * 255, _ => pixel[3].saturating_mul(2) };
            Rgba(pixel)
        });
        product.put_pixel(3, 3, Rgba([7, 8, 9, 255]));
        let scene = RgbImage::from_fn(16, 24, |x, y| Rgb([x as u8 * 9, y as u8 * 7, 200]));
        let placed = PlacedProduct::from_canvas_rgba(product.clone()).unwrap();
        let pasted = paste_back(&scene, &placed);
        for (x, y, pixel) in product.enumerate_pixels() {
            let [red, green, blue, alpha] = pixel.0;
            match alpha {
                255 => prop_assert_eq!(pasted.get_pixel(x, y).0, [red, green, blue]),
                0 => prop_assert_eq!(pasted.get_pixel(x, y), scene.get_pixel(x, y)),
                _ => {
                    // The edge's colour may get darker, never lighter.
                    let clean = placed.rgba().get_pixel(x, y).0;
                    prop_assert!((0..3).all(|i| clean[i] <= pixel.0[i]));
                    prop_assert_eq!(clean[3], alpha);
                }
            }
        }
        prop_assert_eq!(placed.on_black(), paste_back(&RgbImage::new(16, 24), &placed));
    }

    #[test]
    fn any_product_can_be_placed_and_drawn(
        size in (1_u32..40, 8_u32..40), seed: u32, scale in 0.0_f32..=1.0, kernel in 0_u32..40,
    ) {
        let picture = RgbaImage::from_fn(size.0, size.1, |x, y| {
            Rgba((x * 31 + y * 17 + 1).wrapping_mul(seed | 1).wrapping_mul(2_654_435_761).to_be_bytes())
        });
        let Ok(cutout) = Cutout::from_rgba(picture) else { return Ok(()) };
        let placed = PlacedProduct::place(&cutout, Canvas::new(40, 24).unwrap(), scale);
        let again = PlacedProduct::place(&cutout, Canvas::new(40, 24).unwrap(), scale);
        prop_assert_eq!(&placed, &again);
        // The box is that of the half opaque; both of its ends are rounded to a pixel, and where the product is enlarged, a
        // faint pixel beside it may become half opaque by the filter's overshoot.
        let Bounds { x: left, y: top, width, height } = placed.bounds();
        let own = cutout.bounds();
        let reach = 1 + width.div_ceil(own.width).max(height.div_ceil(own.height));
        for (x, y, pixel) in placed.rgba().enumerate_pixels() {
            let near = (left..left + width + 2 * reach).contains(&(x + reach))
                && (top..top + height + 2 * reach).contains(&(y + reach));
            prop_assert!(pixel.0[3] < 128 || near, "{x} {y} {:?} {:?}", placed.bounds(), pixel);
        }
        let edges = canny(&placed.on_black(), 100.0, 200.0);
        prop_assert!(edges.pixels().all(|pixel| pixel.0[0] == 0 || pixel.0[0] == 255));
        let alpha: GrayImage = placed.alpha();
        let mask = background_mask(&alpha, kernel);
        for (Luma([mask]), Luma([alpha])) in mask.pixels().zip(alpha.pixels()) {
            prop_assert!(*mask >= 255 - alpha, "dilation only adds background");
        }
    }
}
