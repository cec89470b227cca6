//! The photographer's studio: podium, seamless paper, draped cloth.

use super::build::{Built, block, set, wood};
use super::{Choice, Support};
use crate::draw::Draw;
use crate::geometry::{Lathe, Part, Shape, fillets, v3};
use crate::material::{Material, Pattern};
use crate::render::scene::{Backdrop, Seamless};

impl Choice {
    /// Paper in the main colour at height `ground` that runs up into the backdrop.
    pub(super) fn sweep(&self, draw: &mut Draw, ground: f32, gloss: f32, built: &mut Built) {
        let paper = self.wall_color * 0.92;
        built.things.push(block(
            v3(14.0, 0.1, 10.0),
            v3(0.0, ground - 0.1, -4.0),
            Material::glossy(paper, gloss),
            true,
        ));
        built.things.push(block(
            v3(14.0, 9.0, 0.1),
            v3(0.0, ground - 0.5, -5.5),
            Material::matte(paper),
            false,
        ));
        let spot = (0.5 + draw.range(-0.25, 0.25), draw.range(0.2, 0.5));
        let low = self.wall_color * draw.range(0.9, 1.0);
        let high = self.wall_color * draw.range(0.7, 1.06);
        built.backdrop = Backdrop::Gradient { low, high, spot };
        built.seamless = Some(Seamless {
            start: draw.range(0.8, 1.2),
            end: draw.range(2.6, 3.6),
        });
        built.ground = ground;
        built.back = -2.4;
    }

    pub(super) fn podium(&self, draw: &mut Draw, support: &Support, built: &mut Built) {
        let (x, z, r) = support.round;
        let height = draw.range(0.12, 0.26);
        let ground = support.level - height;
        let material = match self.variant {
            0 => Material::glossy(v3(0.83, 0.83, 0.82), 0.15),
            1 => Material::glossy(v3(0.62, 0.5, 0.36), 0.15),
            2 => Material::of(
                Pattern::Speckle {
                    base: v3(0.42, 0.42, 0.41),
                    speck: v3(0.32, 0.32, 0.32),
                    scale: 0.05,
                },
                0.1,
            ),
            _ => wood(0, 0.35, 0.0, 0.2),
        };
        let profile = fillets(&[(0.0, -height), (r, -height), (r, 0.0), (0.0, 0.0)], 0.018);
        built.things.push(set(
            Part::new(Shape::Turned(Lathe::new(&profile)), material).at(v3(x, support.level, z)),
            true,
        ));
        if draw.chance(0.35) {
            // A second, lower step.
            let wide = r + draw.range(0.15, 0.35);
            let drum = Lathe::drum(wide, ground, ground + height * 0.45, 0.015);
            built.things.push(set(
                Part::new(Shape::Turned(drum), Material::matte(self.wall_color * 0.9))
                    .at(v3(x, 0.0, z)),
                true,
            ));
        }
        if draw.chance(0.35) {
            // A large disc behind, in a deeper tone.
            let disc = Shape::Ellipsoid {
                radii: v3(0.85, 0.85, 0.03) * draw.range(0.75, 1.0),
            };
            let paint = Material::matte(self.wall_color * draw.range(0.72, 0.85));
            built.things.push(set(
                Part::new(disc, paint).at(v3(
                    draw.range(-0.35, 0.35),
                    draw.range(0.6, 0.8),
                    -draw.range(1.2, 1.7),
                )),
                false,
            ));
        }
        self.sweep(draw, ground, 0.08, built);
    }

    pub(super) fn paper(&self, draw: &mut Draw, support: &Support, built: &mut Built) {
        let gloss = if self.variant == 1 { 0.8 } else { 0.08 };
        self.sweep(draw, support.level, gloss, built);
    }

    pub(super) fn drape(&self, draw: &mut Draw, support: &Support, back: f32, built: &mut Built) {
        let sheen = if self.variant == 0 { 0.12 } else { 0.22 };
        let d = built.light.direction;
        let folds = |scale: f32, depth: f32, upright: bool, lean: f32| Pattern::Folds {
            color: self.wall_color,
            light: (d.x, if upright { d.y * 0.3 } else { d.z * 0.6 }),
            scale,
            depth,
            // Pulled flat under the product.
            calm: if upright {
                0.0
            } else {
                self.body.half.x.max(self.body.half.z) + 0.15
            },
            upright,
            lean,
        };
        let under = folds(
            draw.range(0.5, 0.75),
            draw.range(0.16, 0.24),
            false,
            draw.range(0.4, 1.1) * draw.sign(),
        );
        let behind = folds(
            draw.range(0.34, 0.55),
            draw.range(0.26, 0.38),
            true,
            draw.range(-0.12, 0.12),
        );
        // Its origin lies under the product, where the cloth is flat.
        built.things.push(block(
            v3(14.0, 0.1, 10.0),
            v3(0.0, support.level - 0.1, 0.0),
            Material::of(under, sheen),
            true,
        ));
        built
            .things
            .push(self.wall(back, Material::of(behind, sheen)));
    }
}
