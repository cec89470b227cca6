//! Parts that the scene invents: grown from the product, in its material.

use serde::{Deserialize, Serialize};

use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Rotation, Shape, Vec3, v3};
use crate::material::Material;

/// An invented part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    let r = bottom.half.x.min(bottom.half.z);
    let paint = material(false);
    match part {
        Extension::Base if model.is_boxy() => {
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
            // The ring's outer edge lies `length` beside the body.
            let ring = e / 1.22;
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
