//! Scenes: four families of surface and background, each with its words.

mod build;

pub use build::Built;

use crate::color::{Named, PALETTE, delta_e, lab_of_linear};
use crate::draw::Draw;
use crate::geometry::{Vec3, v3};

/// What kind of scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// A wooden table (or floor) before a painted wall, with or without a window.
    Wood,
    /// A marble counter (or floor) before tiles.
    Marble,
    /// A round podium before a seamless backdrop.
    Podium,
    /// Grass, a stone or a deck in a garden.
    Garden,
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 4] = [Family::Wood, Family::Marble, Family::Podium, Family::Garden];

    /// The word in parameters.
    pub fn name(self) -> &'static str {
        match self {
            Family::Wood => "wood",
            Family::Marble => "marble",
            Family::Podium => "podium",
            Family::Garden => "garden",
        }
    }
}

/// Where the key light stands, seen from the camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From the left.
    Left,
    /// From the right.
    Right,
    /// From the front.
    Front,
}

/// The drawn choices of a scene, before anything is built.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The family.
    pub family: Family,
    /// Which surface within the family, an index into [`Choice::surface`]'s words.
    pub variant: usize,
    /// Colour of wall, tiles or backdrop; in the garden the colour of the blossoms of light.
    pub wall: Named,
    /// The wall's linear colour, near its name's.
    pub wall_color: Vec3,
    /// Where the light comes from.
    pub side: Side,
    /// -1 cool, 0 neutral, 1 warm.
    pub warmth: i32,
    /// Whether the surface is a floor (large products).
    pub floor: bool,
    /// Distance of the wall behind the product.
    pub depth: f32,
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

const MOODS: [(&str, Vec3, Vec3, Vec3); 4] = [
    (
        "green trees",
        v3(0.03, 0.09, 0.025),
        v3(0.16, 0.32, 0.08),
        v3(0.75, 0.9, 0.45),
    ),
    (
        "golden autumn trees",
        v3(0.12, 0.07, 0.02),
        v3(0.5, 0.3, 0.07),
        v3(1.0, 0.78, 0.35),
    ),
    (
        "pink blossoms",
        v3(0.1, 0.11, 0.06),
        v3(0.55, 0.32, 0.32),
        v3(1.0, 0.72, 0.76),
    ),
    (
        "lavender flowers",
        v3(0.07, 0.09, 0.07),
        v3(0.3, 0.25, 0.44),
        v3(0.8, 0.7, 1.0),
    ),
];

impl Choice {
    /// Draws a scene whose wall keeps `clear` (CIE 1976) away from the product's colour.
    pub fn draw(draw: &mut Draw, family: Family, large: bool, product: Vec3, clear: f32) -> Choice {
        let lab = lab_of_linear(product);
        let walls: Vec<Named> = PALETTE
            .into_iter()
            .filter(|c| c.wall && delta_e(lab, lab_of_linear(c.linear())) >= clear)
            .collect();
        let wall = if walls.is_empty() {
            PALETTE[0]
        } else {
            *draw.pick(&walls)
        };
        let side = *draw.pick(&[Side::Left, Side::Right, Side::Front]);
        let variants = match family {
            Family::Wood | Family::Marble | Family::Garden => 3,
            Family::Podium => 4,
        };
        let variant = if family == Family::Garden && large {
            2
        } else {
            draw.below(variants)
        };
        Choice {
            family,
            variant,
            wall,
            wall_color: wall.linear() * draw.range(0.94, 1.03),
            side,
            warmth: draw.integer(0, 2) as i32 - 1,
            floor: large && matches!(family, Family::Wood | Family::Marble),
            depth: draw.range(1.3, 3.2),
            salt: draw.bits(),
        }
    }

    /// The surface in words, with the article.
    pub fn surface(&self) -> &'static str {
        match (self.family, self.floor) {
            (Family::Wood, false) => [
                "a light oak table",
                "a dark walnut table",
                "a pine wooden table",
            ][self.variant],
            (Family::Wood, true) => [
                "a light oak floor",
                "a dark walnut floor",
                "a pine wooden floor",
            ][self.variant],
            (Family::Marble, false) => [
                "a white marble counter",
                "a grey marble counter",
                "a black marble counter",
            ][self.variant],
            (Family::Marble, true) => [
                "a white marble floor",
                "a grey marble floor",
                "a black marble floor",
            ][self.variant],
            (Family::Podium, _) => [
                "a round white podium",
                "a round beige podium",
                "a round stone podium",
                "a round wooden podium",
            ][self.variant],
            (Family::Garden, _) => ["green grass", "a flat stone", "a wooden deck"][self.variant],
        }
    }

    /// The background in words; `named` tells its colour.
    pub fn background(&self, named: bool) -> String {
        let color = if named {
            format!("{} ", self.wall.name)
        } else {
            String::new()
        };
        match self.family {
            Family::Wood => format!("{color}wall"),
            Family::Marble => format!("{color}tiles"),
            Family::Podium => format!("{color}backdrop"),
            Family::Garden => MOODS[self.mood()].0.to_string(),
        }
    }

    /// Which garden background.
    fn mood(&self) -> usize {
        (self.salt >> 7) as usize % MOODS.len()
    }

    /// Whether a window stands in the wall.
    pub fn window(&self) -> bool {
        self.family == Family::Wood && self.side != Side::Front && self.salt & 3 != 0
    }

    /// Whether the support has edges within reach.
    pub fn has_edges(&self) -> bool {
        !(self.floor || self.family == Family::Garden && self.variant == 0)
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
            Family::Podium => {
                let foot = (half.x * half.x + half.z * half.z).sqrt();
                support.round = (draw.range(-0.06, 0.06), -0.1, foot + draw.range(0.16, 0.4));
            }
            _ if !self.has_edges() => support.front = 9.0,
            Family::Garden => {
                support.left = -half.x - draw.range(0.18, 0.6);
                support.right = half.x + draw.range(0.18, 0.6);
                support.front = half.z + draw.range(0.15, 0.5);
                if self.variant == 2 {
                    (support.left, support.right, support.front) =
                        (-9.0, 9.0, half.z + draw.range(0.3, 1.2));
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
