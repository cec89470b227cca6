//! The ways a picture fails, each a change of the scene with a margin.

use reliad_imaging::Class;
use serde::Serialize;

use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Rotation, Shape, Vec3, v3};
use crate::material::Material;
use crate::stage::{Choice, Family, Support};

/// What is wrong with a picture, and by how much. Lengths are shares of the product's height.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Failure {
    /// Nothing.
    None,
    /// The surface lies below the product's base.
    Floats {
        /// Free height, at least [`MIN_GAP`].
        gap: f32,
    },
    /// The surface lies above the product's base.
    Sinks {
        /// Sunk height, at least [`MIN_SINK`].
        depth: f32,
    },
    /// The surface ends under the product.
    Hangs {
        /// Unsupported share of the base's width, at least [`MIN_OVERHANG`].
        share: f32,
    },
    /// The props are of the wrong size.
    Scale {
        /// How many times too large they are: at least [`MIN_SCALE`] or at most [`MAX_SCALE`].
        factor: f32,
    },
    /// Too many things around the product.
    Clutter {
        /// How many were asked for.
        count: usize,
    },
    /// The background takes the product's colour.
    Camouflage,
    /// The scene continues the product.
    Extends {
        /// In which way.
        part: Extension,
        /// How far, at least [`MIN_EXTENSION`].
        length: f32,
    },
}

/// The smallest gap under a floating product.
pub const MIN_GAP: f32 = 0.10;
/// The smallest depth of a sunk product.
pub const MIN_SINK: f32 = 0.13;
/// The smallest unsupported share of a hanging product's base.
pub const MIN_OVERHANG: f32 = 0.35;
/// The smallest factor of props that are too large.
pub const MIN_SCALE: f32 = 2.5;
/// The largest factor of props that are too small.
pub const MAX_SCALE: f32 = 0.4;
/// The smallest invented length.
pub const MIN_EXTENSION: f32 = 0.12;

/// An invented part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extension {
    /// The body goes on downwards.
    Base,
    /// A thin foot and a disc.
    Stand,
    /// Legs.
    Legs,
    /// A handle at the side.
    Handle,
    /// The top goes on upwards.
    Top,
}

impl Failure {
    /// Draws a failure of a class for a product of this size in product lengths, which fills `share` of
    /// the canvas and may stand on legs. Camouflage is drawn by the caller.
    pub fn draw(
        draw: &mut Draw,
        class: Class,
        choice: &Choice,
        share: f32,
        size: Vec3,
        legged: bool,
    ) -> Failure {
        // Canvas room above and below the product, as a share of its height.
        let room = ((1.0 - share * size.y) * 0.5 / (share * size.y)).max(0.02);
        match class {
            Class::SpaceMismatch => {
                // Without an edge in sight nothing would show that the surface lies too high.
                let kinds = if choice.has_edges() { 3 } else { 1 };
                match draw.below(kinds) {
                    0 => Failure::Floats {
                        gap: draw.range(MIN_GAP, (room * 0.85).clamp(MIN_GAP + 0.02, 0.32)),
                    },
                    1 => Failure::Sinks {
                        depth: draw.range(MIN_SINK, 0.32),
                    },
                    _ => Failure::Hangs {
                        share: draw.range(MIN_OVERHANG + 0.03, 0.62),
                    },
                }
            }
            Class::SizeMismatch => {
                let factor = if draw.chance(0.68) {
                    draw.log_range(MIN_SCALE, 4.5)
                } else {
                    draw.log_range(0.2, MAX_SCALE)
                };
                Failure::Scale { factor }
            }
            Class::Indistinctiveness => Failure::Clutter {
                count: draw.integer(15, 24),
            },
            Class::ShapeHallucination => {
                let side = (1.0 - share * size.x) * 0.5 / share;
                let part = match draw.below(6) {
                    n if legged => {
                        if n < 4 {
                            Extension::Base
                        } else {
                            Extension::Top
                        }
                    }
                    0 | 1 => Extension::Base,
                    2 => Extension::Stand,
                    3 => Extension::Legs,
                    4 => Extension::Top,
                    _ if side > 0.14 => Extension::Handle,
                    _ => Extension::Base,
                };
                Failure::Extends {
                    part,
                    length: draw.range(MIN_EXTENSION, (room * 1.1).clamp(0.16, 0.34)),
                }
            }
            Class::Available | Class::Unsuitable => Failure::None,
        }
    }

    /// Moves the support as the failure asks. `foot` is the half width of the product's base.
    pub fn move_support(
        &self,
        draw: &mut Draw,
        choice: &Choice,
        support: &mut Support,
        height: f32,
        foot: Foot,
    ) {
        match *self {
            Failure::Floats { gap } => support.level = -gap * height,
            Failure::Sinks { depth } => {
                support.level = depth * height;
                if choice.family != Family::Podium {
                    // The edge of the surface crosses the body.
                    support.front = draw.range(-0.3, 0.95) * foot.half.z;
                }
            }
            Failure::Hangs { share } => {
                let edge = foot.centre.x + foot.half.x * (1.0 - 2.0 * share);
                if choice.family == Family::Podium {
                    let side = draw.sign();
                    let (_, z, r) = support.round;
                    // At the base's middle depth the rim is at `edge`.
                    let reach = (r * r - (foot.centre.z - z).powi(2)).max(0.0).sqrt();
                    support.round.0 = side * (edge - reach);
                } else if draw.chance(0.5) {
                    support.right = edge;
                    support.left = -9.0;
                } else {
                    support.left = 2.0 * foot.centre.x - edge;
                    support.right = 9.0;
                }
            }
            Failure::Extends {
                part: Extension::Base | Extension::Stand | Extension::Legs,
                length,
            } => {
                support.level = -length * height;
            }
            _ => {}
        }
    }
}

/// The outline of a body near a height: its middle and half sizes.
#[derive(Clone, Copy, Debug)]
pub struct Foot {
    /// The middle; y is the height.
    pub centre: Vec3,
    /// Half sizes; y is 0.
    pub half: Vec3,
}

impl Foot {
    /// What touches the ground (`top` false) or the highest level.
    pub fn of(model: &Model, top: bool) -> Foot {
        let (low, high) = model.extent();
        let tolerance = (high.y - low.y) * 0.045;
        let at = if top { high.y } else { low.y };
        let (mut a, mut b) = (Vec3::splat(f32::INFINITY), Vec3::splat(f32::NEG_INFINITY));
        for p in model.outline() {
            if (p.y - at).abs() <= tolerance {
                a = a.min(p);
                b = b.max(p);
            }
        }
        let mut centre = (a + b) * 0.5;
        let mut half = (b - a) * 0.5;
        centre.y = at;
        half.y = 0.0;
        Foot { centre, half }
    }
}

/// The invented part's model, in the product's material. `turn` is the product's rotation.
pub fn extension(draw: &mut Draw, part: Extension, length: f32, model: &Model, turn: f32) -> Model {
    let (low, high) = model.extent();
    let height = high.y - low.y;
    let e = length * height;
    let bottom = Foot::of(model, false);
    let top = Foot::of(model, true);
    let material = |at_top: bool| {
        let reach = |p: &Part| {
            let one = Model::new(vec![p.clone()]).extent();
            if at_top { one.1.y } else { -one.0.y }
        };
        let nearest = model
            .parts
            .iter()
            .max_by(|a, b| reach(a).total_cmp(&reach(b)));
        nearest.map_or_else(
            || Material::matte(Vec3::ONE),
            |p| Material {
                pattern: crate::material::Pattern::Plain(p.material.main_color()),
                ..p.material.clone()
            },
        )
    };
    let boxy = matches!(
        model.parts.first().map(|p| &p.shape),
        Some(Shape::Block { .. })
    );
    let r = bottom.half.x.min(bottom.half.z);
    let paint = material(false);
    match part {
        Extension::Base if boxy => {
            let first = model
                .parts
                .first()
                .map(|p| p.shape.bounds().1)
                .unwrap_or(bottom.half);
            let half = v3(
                first.x * draw.range(0.96, 1.0),
                e * 0.5,
                first.z * draw.range(0.96, 1.0),
            );
            let block = Part::new(
                Shape::Block {
                    half,
                    round: e * 0.06,
                },
                paint,
            )
            .turned(Rotation::about_y(turn));
            Model::new(vec![block.at(v3(
                bottom.centre.x,
                -e * 0.5,
                bottom.centre.z,
            ))])
        }
        Extension::Base => {
            let r = bottom.half.x.max(bottom.half.z) * draw.range(0.98, 1.1);
            Model::new(vec![turned(
                Lathe::drum(r, -e, 0.0, e * 0.08),
                paint,
                bottom.centre,
            )])
        }
        Extension::Stand => {
            let thin = r * draw.range(0.2, 0.4);
            let disc = r * draw.range(0.85, 1.15);
            Model::new(vec![
                turned(
                    Lathe::drum(thin, -e, 0.0, 0.0),
                    paint.clone(),
                    bottom.centre,
                ),
                turned(
                    Lathe::drum(disc, -e, -e * 0.72, e * 0.08),
                    paint,
                    bottom.centre,
                ),
            ])
        }
        Extension::Legs => {
            let thin = r * draw.range(0.12, 0.2);
            let turn = Rotation::about_y(turn);
            let (x, z) = (bottom.half.x.min(r * 1.6) * 0.68, r * 0.68);
            let legs = [(x, z), (-x, z), (x, -z), (-x, -z)].map(|(x, z)| {
                let at = turn.apply(v3(x, 0.0, z)) + bottom.centre;
                turned(
                    Lathe::new(&[(0.0, -e), (thin * 0.7, -e), (thin, 0.0), (0.0, 0.0)]),
                    paint.clone(),
                    at,
                )
            });
            Model::new(legs.to_vec())
        }
        Extension::Top => {
            let r = top.half.x.min(top.half.z) * draw.range(0.55, 0.95);
            let knob = Lathe::drum(r, -e * 0.05, e, e * draw.range(0.1, 0.3));
            Model::new(vec![turned(knob, material(true), top.centre)])
        }
        Extension::Handle => {
            let side = draw.sign();
            let ring = (height * draw.range(0.15, 0.2)).max(0.09);
            let shape = Shape::Ring {
                major: ring,
                minor: ring * 0.22,
                stretch: ring * draw.range(0.0, 0.4),
                cut: -ring * 0.9,
            };
            let facing = Rotation::about_y(if side > 0.0 {
                0.0
            } else {
                std::f32::consts::PI
            });
            let at = v3(
                side * side_reach(model, height * 0.5, side),
                height * 0.5,
                0.0,
            );
            let color = model
                .parts
                .first()
                .map(|p| p.material.main_color())
                .unwrap_or(Vec3::ONE);
            Model::new(vec![
                Part::new(
                    shape,
                    Material {
                        pattern: crate::material::Pattern::Plain(color),
                        ..paint
                    },
                )
                .turned(facing)
                .at(at),
            ])
        }
    }
}

/// How far the body reaches to a side at a height, met by a ray from outside.
fn side_reach(model: &Model, height: f32, side: f32) -> f32 {
    let from = v3(side * 10.0, height, 0.0);
    model
        .hit(from, v3(-side, 0.0, 0.0), 1e-3, 20.0)
        .map_or(0.1, |hit| 10.0 - hit.t)
}

fn turned(lathe: Lathe, material: Material, at: Vec3) -> Part {
    Part::new(Shape::Turned(lathe), material).at(at)
}
