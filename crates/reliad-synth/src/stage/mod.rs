//! Scenes: families of surface and background, each with its words and its main colour.

mod bathroom;
mod build;
mod family;
mod indoor;
mod light;
mod outdoor;
mod studio;
mod tabletop;

pub use build::Built;
pub use family::Family;
pub use light::Side;

use crate::color::{Named, PALETTE, by_name, delta_e, lab_of_linear};
use crate::draw::Draw;
use crate::geometry::Vec3;

/// What a scene must know of its product.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    /// Its largest extent in centimetres, the unit of lengths in a scene.
    pub cm: f32,
    /// Its half sizes in that unit.
    pub half: Vec3,
}

impl Body {
    /// Products larger than this stand on floors.
    pub const LARGE_CM: f32 = 38.0;

    /// Whether it stands on floors (stools, suitcases, tall lamps), not on tables.
    pub fn large(&self) -> bool {
        self.cm > Self::LARGE_CM
    }
}

/// How the camera looks.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Angle above the product, radians.
    pub pitch: f32,
    /// Distance from its middle in product lengths.
    pub distance: f32,
    /// Lens blur; see [`crate::render::scene::Scene::aperture`].
    pub aperture: f32,
}

/// The drawn choices of a scene, before anything is built.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The family.
    pub family: Family,
    /// Which surface within the family, an index into [`Family::surfaces`].
    pub variant: usize,
    /// The main colour: of wall, tiles, paper or cloth; of a garden's foliage; of sea and sky.
    pub wall: Named,
    /// Its linear colour, near its name's.
    pub wall_color: Vec3,
    /// Where the light comes from.
    pub side: Side,
    /// -1 cool, 0 neutral, 1 warm.
    pub warmth: i32,
    /// Whether shadows have hard edges; `None`: anything between.
    pub hard: Option<bool>,
    /// Whether the surface is a floor (large products).
    pub floor: bool,
    /// Distance of the wall behind the product.
    pub depth: f32,
    /// The view.
    pub view: View,
    /// The product.
    pub body: Body,
    /// Everything else, drawn when built.
    pub salt: u64,
}

/// Where the product's support lies, in product lengths.
#[derive(Clone, Copy, Debug)]
pub struct Support {
    /// Height of its upper side.
    pub level: f32,
    /// Its left edge.
    pub left: f32,
    /// Its right edge.
    pub right: f32,
    /// Its front edge (z).
    pub front: f32,
    /// Podium: its middle and radius.
    pub round: (f32, f32, f32),
}

impl Choice {
    /// Draws a scene whose main colour keeps `clear` (CIE 1976) away from the product's colour.
    pub fn draw(draw: &mut Draw, family: Family, body: Body, product: Vec3, clear: f32) -> Choice {
        let lab = lab_of_linear(product);
        let apart = |c: &Named| delta_e(lab, lab_of_linear(c.linear()));
        let all: Vec<Named> = match family.colors() {
            [] => PALETTE.into_iter().filter(|c| c.wall).collect(),
            some => some.iter().map(|name| by_name(name)).collect(),
        };
        let clear: Vec<Named> = all.iter().copied().filter(|c| apart(c) >= clear).collect();
        let wall = if clear.is_empty() {
            all.into_iter()
                .max_by(|a, b| apart(a).total_cmp(&apart(b)))
                .unwrap_or(PALETTE[0])
        } else {
            *draw.pick(&clear)
        };
        let floor = body.large();
        let surfaces = family.surfaces(floor).len();
        let variant = if family == Family::Garden && floor {
            [0, 2][draw.below(2)]
        } else if family == Family::Beach && floor {
            0
        } else {
            draw.below(surfaces)
        };
        let (low, high) = family.pitches();
        let (distance, aperture) = if family.is_studio() {
            ((3.6, 4.4), (0.16, 0.2))
        } else {
            ((3.0, 6.0), (0.05, 0.14))
        };
        Choice {
            family,
            variant,
            wall,
            wall_color: wall.linear() * draw.range(0.94, 1.03),
            side: *draw.pick(Side::of(family)),
            warmth: draw.integer(0, 2) as i32 - 1,
            hard: None,
            floor,
            depth: match family {
                Family::Shelf => body.half.z + draw.range(0.25, 0.6),
                Family::Bathroom => draw.range(0.9, 2.0),
                Family::Desk => (draw.range(60.0, 85.0) / body.cm).clamp(1.6, 7.0),
                Family::Room => {
                    let (least, most) = if floor { (40.0, 120.0) } else { (20.0, 40.0) };
                    (draw.range(least, most) / body.cm).clamp(1.0, 4.0)
                }
                Family::Table => draw.range(0.9, 2.0),
                Family::Counter => draw.range(0.8, 1.4),
                Family::Cloth => draw.range(1.3, 2.2),
                Family::Lawn => draw.range(1.8, 4.0),
                _ => draw.range(1.3, 3.0),
            },
            view: View {
                pitch: draw.range(low, high),
                distance: draw.range(distance.0, distance.1),
                aperture: draw.range(aperture.0, aperture.1),
            },
            body,
            salt: draw.bits(),
        }
    }

    /// The surface in words, with the article.
    pub fn surface(&self) -> &'static str {
        self.family.surfaces(self.floor)[self.variant]
    }

    /// The word of the main colour, from the palette.
    pub fn main_color(&self) -> &'static str {
        self.wall.name
    }

    /// The background in words; `named` tells its colour.
    pub fn background(&self, named: bool) -> String {
        let noun = match self.family {
            Family::Window | Family::Marble | Family::Shelf | Family::Desk => "wall",
            Family::Table | Family::Counter => "wall",
            Family::Room => "wall with pictures",
            Family::Podium | Family::Studio | Family::Plinth => "backdrop",
            Family::Drape | Family::Cloth => "curtain",
            Family::Bathroom => "tiles",
            Family::Beach => "sea and sky",
            Family::Garden | Family::Lawn => match self.wall.name {
                "forest green" => "trees",
                "mustard yellow" => "autumn trees",
                "lavender" => "flowers",
                _ => "blossoms",
            },
        };
        if named {
            format!("{} {noun}", self.main_color())
        } else {
            noun.to_string()
        }
    }

    /// Whether a window stands in the wall.
    pub fn window(&self) -> bool {
        self.family == Family::Window
    }

    /// Whether the support is a single stone that lies on the ground.
    pub fn island(&self) -> bool {
        matches!(
            (self.family, self.variant),
            (Family::Garden | Family::Beach, 1)
        )
    }

    /// Whether the support has edges within reach.
    pub fn has_edges(&self) -> bool {
        match self.family {
            Family::Studio | Family::Drape | Family::Table | Family::Cloth | Family::Lawn => false,
            Family::Plinth | Family::Counter => true,
            Family::Garden | Family::Beach => self.variant != 0,
            _ => self.family == Family::Podium || !self.floor,
        }
    }

    /// The support under a product with these half sizes, standing well inside it.
    pub fn support(&self, draw: &mut Draw, half: Vec3) -> Support {
        let mut support = Support {
            level: 0.0,
            left: -9.0,
            right: 9.0,
            front: draw.range(1.0, 2.2) + half.z,
            round: (0.0, 0.0, 0.0),
        };
        match self.family {
            Family::Podium | Family::Plinth => {
                let foot = (half.x * half.x + half.z * half.z).sqrt();
                support.round = (draw.range(-0.06, 0.06), -0.1, foot + draw.range(0.16, 0.4));
            }
            Family::Counter => support.front = half.z + draw.range(0.2, 0.34),
            _ if !self.has_edges() => support.front = 9.0,
            _ if self.island() => {
                support.left = -half.x - draw.range(0.18, 0.6);
                support.right = half.x + draw.range(0.18, 0.6);
                support.front = half.z + draw.range(0.15, 0.5);
            }
            Family::Garden => support.front = half.z + draw.range(0.3, 1.2),
            Family::Shelf => {
                support.front = half.z + draw.range(0.13, 0.3);
                if draw.chance(0.25) {
                    let edge = half.x + draw.range(0.2, 0.45);
                    if draw.chance(0.5) {
                        support.left = -edge
                    } else {
                        support.right = edge
                    }
                }
            }
            _ => {
                // A side edge in sight now and then, so that an edge alone tells nothing.
                if draw.chance(0.3) {
                    let edge = half.x + draw.range(0.15, 0.45);
                    if draw.chance(0.5) {
                        support.left = -edge
                    } else {
                        support.right = edge
                    }
                }
                if draw.chance(0.3) {
                    support.front = half.z + draw.range(0.12, 0.4);
                }
            }
        }
        support
    }
}
