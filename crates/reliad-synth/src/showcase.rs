//! Products alone, cut out, at any size: the examples that come with the program.

use image::RgbaImage;

use crate::camera::Camera;
use crate::draw::Draw;
use crate::geometry::{Rotation, Vec3, v3};
use crate::product::{Family, Product};
use crate::render::scene::{Backdrop, Gobo, Light, Role, Scene, Thing};

/// A product of a family on a transparent square of `size` pixels, with its title. The number `seed`
/// chooses shape, colours and label.
pub fn render_product(seed: u64, family: Family, size: u32) -> (RgbaImage, String) {
    let mut draw = Draw::new(0x7368_6f77, seed, family as u64);
    let product = Product::draw(seed, family, &mut draw);
    let unit = 1.0 / product.largest_cm();
    let turn = Rotation::about_y(draw.range(0.15, 0.8) * product.turn * draw.sign());
    let model = product.model.scaled(unit).placed(turn, Vec3::ZERO);
    let target = v3(0.0, product.size_cm.y * unit * 0.5, 0.0);
    let camera = Camera::framing(target, 4.4, 0.2, &model.outline(), 0.94);
    let light = Light {
        direction: v3(-0.55, 0.62, 0.56).normalized(),
        spread: 0.35,
        key: Vec3::splat(1.05),
        sky: Vec3::splat(0.4),
        bounce: Vec3::splat(0.26),
        gobo: Gobo::None,
    };
    let scene = Scene {
        things: vec![Thing {
            model,
            role: Role::Product,
            casts: true,
        }],
        camera,
        light,
        backdrop: Backdrop::Gradient {
            low: Vec3::ONE,
            high: Vec3::ONE,
            spot: (0.5, 0.5),
        },
        seamless: None,
        focus: 4.4,
        aperture: 0.0,
        wide_open: false,
        vignette: 0.0,
        shadow_offset: Vec3::ZERO,
        damage: None,
    };
    (crate::render::render_product(&scene, size), product.title)
}
