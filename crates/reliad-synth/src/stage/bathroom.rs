//! The bathroom: a ledge before large tiles.

use super::build::{Built, block};
use super::{Choice, Support};
use crate::color::lab_of_linear;
use crate::draw::Draw;
use crate::geometry::v3;
use crate::material::{Material, Pattern};

impl Choice {
    pub(super) fn bathroom(
        &self,
        draw: &mut Draw,
        support: &Support,
        back: f32,
        built: &mut Built,
    ) {
        let size = *draw.pick(&[(0.42, 0.42), (0.5, 0.25), (0.34, 0.34), (0.3, 0.6)]);
        // Pale joints between dark tiles, dark ones between pale.
        let grout = if lab_of_linear(self.wall_color).x > 70.0 {
            self.wall_color * 0.74
        } else {
            self.wall_color.mix(v3(0.75, 0.74, 0.72), 0.5)
        };
        let tiles = Pattern::Tiles {
            tile: self.wall_color,
            grout,
            size,
            brick: size.0 > size.1,
        };
        let ledge = match self.variant {
            0 => Material::glossy(v3(0.84, 0.84, 0.83), 0.8),
            1 => Material::glossy(self.wall_color * 0.92, 0.7),
            _ => Material::of(
                Pattern::Speckle {
                    base: v3(0.42, 0.42, 0.41),
                    speck: v3(0.34, 0.34, 0.335),
                    scale: 0.06,
                },
                0.5,
            ),
        };
        built
            .things
            .push(self.slab(support, back, draw.range(0.1, 0.18), ledge));
        built
            .things
            .push(self.wall(back, Material::of(tiles, 0.25)));
        built
            .things
            .push(self.lower_floor(support.level, v3(0.3, 0.3, 0.3)));
        if draw.chance(0.4) {
            // A towel rail or the rim of a mirror would be larger than the frame; a chrome strip reads.
            let y = support.level + draw.range(0.75, 1.2);
            built.things.push(block(
                v3(12.0, 0.02, 0.012),
                v3(0.0, y, back + 0.012),
                Material::metal(v3(0.78, 0.79, 0.8)),
                false,
            ));
        }
    }
}
