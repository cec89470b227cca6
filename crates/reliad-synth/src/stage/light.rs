//! The key light of a scene: its side, height, softness, tint, and the shadow pattern in it.

use super::{Choice, Family};
use crate::draw::Draw;
use crate::geometry::{Vec3, v3};
use crate::render::scene::{Gobo, Light};

/// Where the key light stands, seen from the camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From the left.
    Left,
    /// From the right.
    Right,
    /// From the front.
    Front,
    /// From above.
    Above,
    /// From behind the product.
    Behind,
}

impl Side {
    /// The sides that suit a family.
    pub fn of(family: Family) -> &'static [Side] {
        match family {
            studio if studio.is_studio() => &[
                Side::Left,
                Side::Right,
                Side::Left,
                Side::Right,
                Side::Above,
            ],
            Family::Window => &[Side::Left, Side::Right],
            Family::Garden | Family::Beach => &[
                Side::Left,
                Side::Right,
                Side::Left,
                Side::Right,
                Side::Front,
                Side::Behind,
            ],
            Family::Shelf | Family::Room | Family::Desk => &[Side::Left, Side::Right, Side::Front],
            _ => &[
                Side::Left,
                Side::Right,
                Side::Left,
                Side::Right,
                Side::Front,
                Side::Above,
            ],
        }
    }

    /// The words in prompts.
    pub fn words(self) -> &'static str {
        match self {
            Side::Left => "from the left",
            Side::Right => "from the right",
            Side::Front => "from the front",
            Side::Above => "from above",
            Side::Behind => "from behind",
        }
    }
}

impl Choice {
    /// The light's direction, softness, tint and pattern.
    pub(super) fn light(&self, draw: &mut Draw) -> Light {
        let (azimuth, height) = match self.side {
            Side::Left => (-draw.range(0.85, 1.25), draw.range(0.5, 0.95)),
            Side::Right => (draw.range(0.85, 1.25), draw.range(0.5, 0.95)),
            Side::Front => (draw.range(-0.25, 0.25), draw.range(0.6, 0.95)),
            Side::Above => (draw.range(-0.8, 0.8), draw.range(1.15, 1.35)),
            Side::Behind => (draw.sign() * draw.range(2.2, 2.6), draw.range(0.6, 0.85)),
        };
        // Shadows as long as the product, so that their side is plain.
        let studio = self.family.is_studio();
        let height = if studio && self.side != Side::Above {
            0.52 + 0.3 * (height - 0.5)
        } else {
            height
        };
        let direction = v3(
            azimuth.sin() * height.cos(),
            height.sin(),
            azimuth.cos() * height.cos(),
        );
        let tint = match self.warmth {
            1 => v3(1.12, 0.99, 0.8),
            -1 => v3(0.89, 1.0, 1.14),
            _ => v3(1.0, 1.0, 0.99),
        };
        let outdoors = self.family.outdoors();
        let gobo = self.gobo(draw);
        let spread = match self.hard {
            Some(true) => draw.range(0.05, 0.09),
            Some(false) => draw.range(0.26, 0.32),
            None if outdoors => draw.range(0.1, 0.22),
            None => draw.range(0.14, 0.42),
        };
        let (sky, bounce) = match self.family {
            Family::Garden | Family::Lawn => (v3(0.42, 0.46, 0.5), v3(0.2, 0.24, 0.16)),
            Family::Beach => (v3(0.46, 0.48, 0.52), v3(0.32, 0.29, 0.24)),
            _ => (Vec3::splat(0.38), v3(0.25, 0.245, 0.24)),
        };
        // Deeper shadows than elsewhere: they tell most of what is wrong in a picture.
        let (sky, bounce) = if studio {
            (sky * 0.8, bounce * 0.8)
        } else {
            (sky, bounce)
        };
        // What faces the camera lies in shade when the key is behind: open up the fill.
        let fill = if self.side == Side::Behind { 1.45 } else { 1.0 };
        Light {
            direction,
            spread,
            key: tint * draw.range(1.02, 1.22),
            sky: sky * Vec3::ONE.mix(tint, 0.5) * fill,
            bounce: bounce * Vec3::ONE.mix(tint, 0.5) * fill,
            gobo,
        }
    }

    /// The panes of a window or leaves before it, as shadows in the scene.
    fn gobo(&self, draw: &mut Draw) -> Gobo {
        let sideways = matches!(self.side, Side::Left | Side::Right);
        let (panes, leaves) = match self.family {
            Family::Window => (0.8, 0.0),
            Family::Room if sideways => (0.45, 0.1),
            Family::Marble | Family::Shelf | Family::Desk if sideways => (0.25, 0.12),
            Family::Studio | Family::Podium if sideways => (0.12, 0.22),
            Family::Garden => (0.0, 0.3),
            _ => (0.0, 0.0),
        };
        match draw.weighted(&[panes, leaves, 1.0 - panes - leaves]) {
            0 => Gobo::Panes {
                half: (draw.range(0.75, 1.0), draw.range(0.9, 1.2)),
                bar: draw.range(0.035, 0.06),
                soft: draw.range(0.05, 0.12),
                shift: (draw.range(-0.3, 0.3), draw.range(-0.3, 0.2)),
            },
            1 => Gobo::Leaves {
                scale: draw.range(0.3, 0.5),
                shift: draw.range(0.0, 50.0),
            },
            _ => Gobo::None,
        }
    }
}
