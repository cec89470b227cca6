//! From a choice to bodies, walls and light: what every family shares.

use super::{Choice, Family, Support};
use crate::draw::Draw;
use crate::geometry::{Model, Part, Shape, Vec3, v3};
use crate::material::{Material, Pattern};
use crate::render::scene::{Backdrop, Light, Role, Seamless, Thing};

/// A scene, built.
pub struct Built {
    /// Surfaces and walls.
    pub things: Vec<Thing>,
    /// Behind them.
    pub backdrop: Backdrop,
    /// Whether the floor runs into it.
    pub seamless: Option<Seamless>,
    /// The light.
    pub light: Light,
    /// Height at which props beside the support stand.
    pub ground: f32,
    /// The most backward z for props.
    pub back: f32,
    /// Where the ground ends (z), if a line shows it and a caption names it.
    pub ends: Option<f32>,
}

impl Choice {
    /// Builds surfaces, background and light around the support.
    pub fn build(&self, support: &Support) -> Built {
        let mut draw = Draw::new(0x7374_6167, self.salt, 0);
        let light = self.light(&mut draw);
        let back = -self.depth;
        let mut built = Built {
            things: Vec::new(),
            backdrop: Backdrop::Gradient {
                low: self.wall_color,
                high: self.wall_color,
                spot: (0.5, 0.5),
            },
            seamless: None,
            light,
            ground: support.level,
            back: back + 0.05,
            ends: None,
        };
        let draw = &mut draw;
        match self.family {
            Family::Window => self.window_table(draw, support, back, &mut built),
            Family::Marble => self.marble(draw, support, back, &mut built),
            Family::Shelf => self.shelf(draw, support, back, &mut built),
            Family::Podium => self.podium(draw, support, &mut built),
            Family::Studio => self.paper(draw, support, &mut built),
            Family::Drape => self.drape(draw, support, back, &mut built),
            Family::Garden => self.garden(draw, support, &mut built),
            Family::Beach => self.beach(draw, support, &mut built),
            Family::Bathroom => self.bathroom(draw, support, back, &mut built),
            Family::Room => self.room(draw, support, back, &mut built),
            Family::Desk => self.desk(draw, support, back, &mut built),
            Family::Table => self.table(support, back, &mut built),
            Family::Plinth => self.plinth(draw, support, &mut built),
            Family::Counter => self.counter(draw, support, back, &mut built),
            Family::Cloth => self.cloth(draw, support, back, &mut built),
            Family::Lawn => self.lawn(support, back, &mut built),
        }
        built
    }

    /// The support's slab from `back` to its front edge.
    pub(super) fn slab(
        &self,
        support: &Support,
        back: f32,
        thick: f32,
        material: Material,
    ) -> Thing {
        let half = v3(
            (support.right - support.left) * 0.5,
            thick * 0.5,
            (support.front - back) * 0.5,
        );
        let middle = v3(
            (support.left + support.right) * 0.5,
            support.level - thick * 0.5,
            (support.front + back) * 0.5,
        );
        set(
            Part::new(Shape::Block { half, round: 0.012 }, material).at(middle),
            true,
        )
    }

    /// A wall at `z` that faces the camera.
    pub(super) fn wall(&self, z: f32, material: Material) -> Thing {
        block(v3(12.0, 8.0, 0.1), v3(0.0, 1.0, z - 0.1), material, false)
    }

    /// The wall in the main colour, with the faint grain of plaster.
    pub(super) fn painted_wall(&self, z: f32) -> Thing {
        let grain = Pattern::Speckle {
            base: self.wall_color,
            speck: self.wall_color * 0.96,
            scale: 0.3,
        };
        self.wall(z, Material::of(grain, 0.05))
    }

    /// What is seen beneath tables and counters.
    pub(super) fn lower_floor(&self, level: f32, color: Vec3) -> Thing {
        block(
            v3(12.0, 0.1, 8.0),
            v3(0.0, level - 2.6, 0.0),
            Material::matte(color),
            false,
        )
    }
}

/// A plain box of the set around `at`.
pub(super) fn block(half: Vec3, at: Vec3, material: Material, casts: bool) -> Thing {
    set(
        Part::new(Shape::Block { half, round: 0.0 }, material).at(at),
        casts,
    )
}

/// One body of the set.
pub(super) fn set(part: Part, casts: bool) -> Thing {
    Thing {
        model: Model::new(vec![part]),
        role: Role::Set,
        casts,
    }
}

/// Wood for surfaces: 0 light, 1 dark, 2 pine; `plank` is the width of a board, 0 one piece.
pub(super) fn wood(kind: usize, scale: f32, plank: f32, gloss: f32) -> Material {
    let (light, dark) = match kind {
        0 => (v3(0.62, 0.44, 0.27), v3(0.48, 0.315, 0.17)),
        1 => (v3(0.2, 0.108, 0.055), v3(0.115, 0.06, 0.03)),
        _ => (v3(0.72, 0.53, 0.31), v3(0.62, 0.41, 0.2)),
    };
    Material::of(
        Pattern::Wood {
            light,
            dark,
            scale,
            plank,
        },
        gloss,
    )
}
