//! Where props stand: beside and behind the product, on something, in sight, apart from each other.

mod spot;

pub use spot::Spot;

use crate::camera::Camera;
use crate::color::{Named, PALETTE};
use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Rotation, Shape, Vec3, v3};
use crate::material::Material;
use crate::prop::Kind;
use crate::stage::{Built, Choice, Family, Support};

/// Places that are taken, and the surroundings that decide what is free.
pub struct Ground<'a> {
    /// The scene's choices.
    pub choice: &'a Choice,
    /// The support under the product.
    pub support: &'a Support,
    /// The built surroundings.
    pub built: &'a Built,
    /// The view.
    pub camera: &'a Camera,
    /// The product's half sizes.
    pub half: Vec3,
    /// Circles already taken: x, z, radius.
    pub taken: Vec<(f32, f32, f32)>,
}

/// A prop that stands in the scene.
pub struct Placed {
    /// Which kind; none for bric-a-brac.
    pub kind: Option<Kind>,
    /// The model in its place, in product lengths.
    pub model: Model,
    /// Its colour, where a caption names it.
    pub color: Option<Named>,
    /// Its place, where a caption names it.
    pub spot: Option<Spot>,
}

impl Ground<'_> {
    /// Height of the surface under a circle, if it stands safely there.
    fn height_at(&self, x: f32, z: f32, r: f32) -> Option<f32> {
        let s = self.support;
        if z - r < self.built.back {
            return None;
        }
        match self.choice.family {
            Family::Podium | Family::Plinth => {
                // A second step may lie around a podium.
                let around = if self.choice.family == Family::Podium {
                    0.38
                } else {
                    0.03
                };
                let d = ((x - s.round.0).powi(2) + (z - s.round.1).powi(2)).sqrt();
                if d + r < s.round.2 - 0.02 {
                    Some(s.level)
                } else if d - r > s.round.2 + around {
                    Some(self.built.ground)
                } else {
                    None
                }
            }
            _ if self.choice.island() => {
                let inside = x - r > s.left + 0.05
                    && x + r < s.right - 0.05
                    && z + r < s.front - 0.03
                    && z - r > -s.front;
                let outside = x + r < s.left - 0.03
                    || x - r > s.right + 0.03
                    || z + r < -(s.front + 0.32).max(0.72);
                if inside {
                    Some(s.level)
                } else {
                    outside.then_some(self.built.ground)
                }
            }
            _ => {
                let inside = x - r * 0.8 > s.left && x + r * 0.8 < s.right && z + r < s.front;
                inside.then_some(s.level)
            }
        }
    }

    /// Tries to find room for a model of product-length scale standing at y = 0.
    fn place(&mut self, draw: &mut Draw, model: &Model, close: bool) -> Option<Model> {
        let (low, high) = model.extent();
        let half = (high - low) * 0.5;
        let r = half.x.max(half.z);
        for _ in 0..24 {
            let z = if r > 0.55 {
                draw.range(-1.9, -0.7 - r * 0.3)
            } else {
                draw.range(if close { -0.7 } else { -1.3 }, 0.08)
            };
            let point = v3(0.0, 0.0, z);
            let frame = 0.5 / self.camera.unit_at(self.camera.depth(point));
            let reach = (frame - half.x * 0.45).max(0.05);
            let x = draw.range(0.15, 1.0) * reach * draw.sign();
            let Some(y) = self.height_at(x, z, r.min(half.x.min(half.z) * 1.5)) else {
                continue;
            };
            let beside = x.abs() > self.half.x + half.x + 0.03;
            let behind = z + half.z < -self.half.z - 0.04;
            // In front of the product's middle line nothing may cover it.
            if !(beside
                || behind && x.abs() > self.half.x * 0.45
                || behind && half.y * 2.0 > self.half.y * 3.0)
            {
                continue;
            }
            if self
                .taken
                .iter()
                .any(|t| ((t.0 - x).powi(2) + (t.1 - z).powi(2)).sqrt() < t.2 + r * 0.92 + 0.02)
            {
                continue;
            }
            self.taken.push((x, z, r));
            return Some(model.placed(Rotation::IDENTITY, v3(x, y, z)));
        }
        None
    }

    /// Adds up to `count` props of known size, `scale` times their real one.
    pub fn props(&mut self, draw: &mut Draw, count: usize, cm: f32, scale: f32) -> Vec<Placed> {
        let unit = scale / cm;
        let wrong = !(0.5..=2.0).contains(&scale);
        let (least, most) = if wrong { (0.2, 1.7) } else { (0.14, 2.1) };
        let mut kinds: Vec<Kind> = suited(self.choice)
            .iter()
            .copied()
            .filter(|k| {
                let size = k.size_cm() * unit;
                let flat = *k == Kind::Pen;
                // A small plant, pebble or shell may just be a small one.
                let natural = matches!(k, Kind::Plant | Kind::Tree | Kind::Pebble | Kind::Shell);
                if scale < 0.5 && natural || scale > 2.0 && *k == Kind::Pebble {
                    return false;
                }
                (least..=most).contains(&size)
                    && (!k.furniture() || self.choice.floor)
                    && (!flat || size > 0.35)
            })
            .collect();
        draw.shuffle(&mut kinds);
        let mut placed = Vec::new();
        for kind in kinds {
            if placed.len() == count {
                break;
            }
            let own = unit * draw.range(0.92, 1.1);
            let model = kind.draw(draw).scaled(own);
            if let Some(model) = self.place(draw, &model, wrong) {
                placed.push(Placed {
                    kind: Some(kind),
                    model,
                    color: None,
                    spot: None,
                });
            }
        }
        placed
    }

    /// Adds up to `count` small coloured things of no known size.
    pub fn clutter(&mut self, draw: &mut Draw, count: usize) -> Vec<Placed> {
        let mut placed = Vec::new();
        let studio = self.choice.family.is_studio();
        for _ in 0..count * 3 {
            if placed.len() == count {
                break;
            }
            let size = draw.range(if studio { 0.22 } else { 0.13 }, 0.42);
            let paint = Material::glossy(draw.pick(&PALETTE).linear(), draw.range(0.05, 0.9));
            let h = size * draw.range(0.5, 1.0);
            let r = size * draw.range(0.25, 0.5);
            let part = match draw.below(4) {
                0 => Part::new(
                    Shape::Ellipsoid {
                        radii: Vec3::splat(r),
                    },
                    paint,
                )
                .at(v3(0.0, r, 0.0)),
                1 => {
                    let half = v3(r, h * 0.5, r * draw.range(0.5, 1.0));
                    Part::new(
                        Shape::Block {
                            half,
                            round: r * 0.08,
                        },
                        paint,
                    )
                    .turned(Rotation::about_y(draw.range(-0.8, 0.8)))
                    .at(v3(0.0, h * 0.5, 0.0))
                }
                2 => Part::new(Shape::Turned(Lathe::drum(r, 0.0, h, r * 0.15)), paint),
                _ => Part::new(
                    Shape::Turned(Lathe::new(&[(0.0, 0.0), (r, 0.0), (r * 0.35, h), (0.0, h)])),
                    paint,
                ),
            };
            let model = Model::new(vec![part]);
            if let Some(model) = self.place(draw, &model, true) {
                placed.push(Placed {
                    kind: None,
                    model,
                    color: None,
                    spot: None,
                });
            }
        }
        placed
    }
}

/// The props that a designer would set into a scene. Each list spans sizes, so that something fits every
/// product; furniture comes with floors only.
fn suited(choice: &Choice) -> &'static [Kind] {
    use Kind::*;
    match (choice.family, choice.floor) {
        (Family::Table | Family::Plinth | Family::Counter | Family::Cloth | Family::Lawn, _) => {
            &spot::KINDS
        }
        (Family::Window, _) => &[
            Book, Cup, Plant, Apple, Lemon, Vase, Glass, Candle, TeaLight,
        ],
        (Family::Marble, false) => &[
            Cup, Apple, Lemon, Plant, Glass, Vase, TeaLight, Candle, Book,
        ],
        (Family::Shelf, _) => &[Book, Plant, Vase, Candle, Clock, Cup, TeaLight, Lamp],
        (Family::Podium, false) => &[Vase, Pebble, Shell, Apple, Lemon, Candle, Plant, TeaLight],
        (Family::Studio, false) => &[Apple, Lemon, Plant, Vase, Book, Cup, Glass, TeaLight],
        (Family::Drape, false) => &[Candle, Vase, Lemon, Apple, Shell, Book, TeaLight, Glass],
        (Family::Garden, false) => &[Apple, Lemon, Plant, Cup, Glass, Candle, Book, TeaLight],
        (Family::Beach, false) => &[Shell, Pebble, Towels, Glass, Lemon, Book, Shell, TeaLight],
        (Family::Bathroom, _) => &[Soap, Towels, Candle, TeaLight, Glass, Plant, Vase, Cup],
        (Family::Room, false) => &[Book, Lamp, Vase, Plant, Candle, Clock, Cup, TeaLight],
        (Family::Desk, _) => &[Laptop, Notebook, Pen, Cup, Book, Lamp, Clock, Plant, Apple],
        (Family::Garden, true) => &[Chair, SideTable, Tree, Plant, Cushion, Apple, Cup, Book],
        (Family::Beach, true) => &[Chair, Towels, Cushion, Shell, Book, Lemon, Glass, SideTable],
        (Family::Room | Family::Marble, true) => &[
            Chair, Cabinet, SideTable, Cushion, Tree, Plant, Book, Cup, Vase, Clock,
        ],
        (_, true) => &[
            Chair, SideTable, Tree, Cushion, Plant, Book, Vase, Apple, Cup,
        ],
    }
}
