//! The studio's own families, as product photographers build them: plain bodies, few textures, everything but the
//! product's place soft by the lens.

use super::build::{Built, block, set};
use super::{Choice, Support};
use crate::draw::Draw;
use crate::geometry::{Lathe, Part, Shape, Vec3, fillets, v3};
use crate::material::{Material, Pattern};
use crate::render::scene::Backdrop;

/// From the back edge of a table to the wall: far enough for the lens to blur the wall.
const BEHIND_TABLE: f32 = 1.1;

/// Wood with a wide and faint grain: 0 oak, 1 walnut.
fn calm_wood(kind: usize) -> Material {
    let (light, dark) = [
        (v3(0.64, 0.46, 0.28), v3(0.46, 0.3, 0.165)),
        (v3(0.2, 0.11, 0.057), v3(0.115, 0.06, 0.03)),
    ][kind.min(1)];
    let grain = Pattern::Wood {
        light,
        dark,
        scale: 0.55,
        plank: 0.0,
    };
    Material::of(grain, 0.4)
}

impl Choice {
    /// The wall at `z`, brighter on the light's side.
    fn lit_wall(&self, z: f32, support: &Support, built: &mut Built) {
        let light = Pattern::Pool {
            color: self.wall_color * 1.12,
            middle: (built.light.direction.x * 1.3, support.level + 0.7),
            radius: 2.6,
            least: 0.55,
        };
        // The pool's place is given from the wall's own middle.
        let wall = block(
            v3(12.0, 8.0, 0.1),
            v3(0.0, 0.0, z - 0.1),
            Material::of(light, 0.05),
            false,
        );
        built.things.push(wall);
    }

    pub(super) fn table(&self, support: &Support, back: f32, built: &mut Built) {
        let top = match self.variant {
            0 => Material::glossy(Vec3::splat(0.8), 0.4),
            kind => calm_wood(kind - 1),
        };
        built.things.push(self.slab(support, back, 0.14, top));
        self.lit_wall(back - BEHIND_TABLE, support, built);
        built.ends = Some(back);
    }

    pub(super) fn plinth(&self, draw: &mut Draw, support: &Support, built: &mut Built) {
        let (x, z, radius) = support.round;
        let height = draw.range(0.16, 0.24);
        let material = match self.variant {
            0 => Material::glossy(Vec3::splat(0.82), 0.35),
            _ => calm_wood(0),
        };
        let profile = fillets(
            &[(0.0, -height), (radius, -height), (radius, 0.0), (0.0, 0.0)],
            0.018,
        );
        let drum = Shape::Turned(Lathe::new(&profile));
        let place = v3(x, support.level, z);
        built
            .things
            .push(set(Part::new(drum, material).at(place), true));
        self.sweep(draw, support.level - height, 0.08, built);
    }

    pub(super) fn counter(&self, draw: &mut Draw, support: &Support, back: f32, built: &mut Built) {
        let stone = [0.82, 0.3, 0.022][self.variant];
        let polished = Material::glossy(Vec3::splat(stone), 0.9);
        built
            .things
            .push(self.slab(support, back, draw.range(0.1, 0.14), polished));
        // Its body stands back under the slab, in shade.
        let body = v3(12.0, 2.0, (support.front - 0.08 - back) * 0.5);
        let middle = v3(
            0.0,
            support.level - 2.05,
            (support.front - 0.08 + back) * 0.5,
        );
        let front = Material::matte(self.wall_color * 0.55);
        built.things.push(block(body, middle, front, false));
        self.lit_wall(back, support, built);
        built.ends = Some(back);
    }

    pub(super) fn cloth(&self, draw: &mut Draw, support: &Support, back: f32, built: &mut Built) {
        let d = built.light.direction;
        let folds = |upright: bool, scale: f32, depth: f32, lean: f32| Pattern::Folds {
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
        let under = folds(false, 0.8, 0.2, 0.8 * draw.sign());
        let behind = folds(true, 0.62, 0.3, 0.0);
        built.things.push(block(
            v3(14.0, 0.1, 10.0),
            v3(0.0, support.level - 0.1, 0.0),
            Material::of(under, 0.12),
            true,
        ));
        built
            .things
            .push(self.wall(back, Material::of(behind, 0.12)));
        built.ends = Some(back);
    }

    pub(super) fn lawn(&self, support: &Support, back: f32, built: &mut Built) {
        let grass = Pattern::Grass {
            light: v3(0.24, 0.42, 0.07),
            dark: v3(0.1, 0.23, 0.035),
            scale: 0.3,
        };
        let front = 7.0;
        built.things.push(block(
            v3(20.0, 0.1, (front - back) * 0.5),
            v3(0.0, support.level - 0.1, (front + back) * 0.5),
            Material::of(grass, 0.02),
            true,
        ));
        let shade = v3(0.05, 0.09, 0.03);
        built.backdrop = Backdrop::Bokeh {
            dark: shade.mix(self.wall_color, 0.4),
            middle: shade.mix(self.wall_color, 0.85) * 1.1,
            light: self.wall_color.mix(v3(1.0, 0.97, 0.85), 0.5),
            radius: 0.17,
            salt: (self.salt >> 20) as i32,
        };
        built.ends = Some(back);
    }
}
