//! Under the sky: a garden with blurred foliage, a beach.

use super::build::{Built, block, set};
use super::{Choice, Support};
use crate::draw::Draw;
use crate::geometry::{Part, Shape, Vec3, v3};
use crate::material::{Material, Pattern};
use crate::render::scene::Backdrop;

impl Choice {
    /// A stone that lies on the ground, from its front edge as far back.
    fn stone(&self, support: &Support, lift: f32, base: Vec3) -> crate::render::scene::Thing {
        let back = -(support.front + 0.3).max(0.7);
        let pattern = Pattern::Speckle {
            base,
            speck: base * 0.75,
            scale: 0.07,
        };
        let half = v3(
            (support.right - support.left) * 0.5,
            lift,
            (support.front - back) * 0.5,
        );
        let middle = v3(
            (support.left + support.right) * 0.5,
            support.level - lift,
            (support.front + back) * 0.5,
        );
        let shape = Shape::Block {
            half,
            round: lift * 0.5,
        };
        set(
            Part::new(shape, Material::of(pattern, 0.1)).at(middle),
            true,
        )
    }

    pub(super) fn garden(&self, draw: &mut Draw, support: &Support, built: &mut Built) {
        let grass = Pattern::Grass {
            light: v3(0.24, 0.37, 0.09),
            dark: v3(0.09, 0.19, 0.04),
            scale: draw.range(0.16, 0.24),
        };
        let lift = match self.variant {
            0 => 0.0,
            1 => draw.range(0.12, 0.2),
            _ => draw.range(0.16, 0.26),
        };
        let ground = support.level - lift;
        built.things.push(block(
            v3(20.0, 0.1, 7.0),
            v3(0.0, ground - 0.1, 0.5),
            Material::of(grass, 0.02),
            true,
        ));
        match self.variant {
            1 => built
                .things
                .push(self.stone(support, lift, v3(0.44, 0.43, 0.4))),
            2 => {
                let deck = Pattern::Wood {
                    light: v3(0.44, 0.32, 0.21),
                    dark: v3(0.32, 0.22, 0.14),
                    scale: 0.34,
                    plank: draw.range(0.24, 0.38),
                };
                built.things.push(self.slab(
                    support,
                    -draw.range(1.3, 2.4),
                    lift.max(0.1),
                    Material::of(deck, 0.15),
                ));
            }
            _ => {}
        }
        let shade = v3(0.05, 0.09, 0.03);
        built.backdrop = Backdrop::Bokeh {
            dark: shade.mix(self.wall_color, 0.3),
            middle: shade.mix(self.wall_color, 0.85) * 1.1,
            light: self.wall_color.mix(v3(1.0, 0.97, 0.85), 0.45),
            radius: draw.range(0.055, 0.1),
            salt: (self.salt >> 20) as i32,
        };
        built.ground = ground;
        built.back = -2.0;
    }

    pub(super) fn beach(&self, draw: &mut Draw, support: &Support, built: &mut Built) {
        let lift = if self.variant == 1 {
            draw.range(0.1, 0.18)
        } else {
            0.0
        };
        let ground = support.level - lift;
        let shore = -draw.range(2.2, 3.2);
        let warm = v3(0.66, 0.52, 0.36) * draw.range(0.92, 1.08);
        let sand = Pattern::Speckle {
            base: warm,
            speck: warm * 0.86,
            scale: 0.22,
        };
        built.things.push(block(
            v3(30.0, 0.1, 10.0),
            v3(0.0, ground - 0.1, shore + 10.0),
            Material::of(sand, 0.02),
            true,
        ));
        // Foam, then water to the horizon, deeper in tone than the sky.
        built.things.push(block(
            v3(30.0, 0.1, 0.3),
            v3(0.0, ground - 0.105, shore - 0.25),
            Material::matte(v3(0.84, 0.86, 0.86)),
            false,
        ));
        let sea = self.wall_color.mix(v3(0.05, 0.2, 0.26), 0.2) * 0.85;
        built.things.push(block(
            v3(400.0, 0.1, 100.0),
            v3(0.0, ground - 0.11, shore - 100.5),
            Material::matte(sea),
            false,
        ));
        if self.variant == 1 {
            built
                .things
                .push(self.stone(support, lift, v3(0.4, 0.37, 0.34)));
        }
        built.backdrop = Backdrop::Gradient {
            low: self.wall_color.mix(v3(0.95, 0.91, 0.85), 0.6),
            high: self.wall_color.mix(v3(0.9, 0.92, 0.95), 0.15),
            spot: (0.5 + draw.range(-0.3, 0.3), draw.range(0.15, 0.4)),
        };
        built.ground = ground;
        built.back = -1.9;
    }
}
