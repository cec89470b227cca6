//! Where the studio's props stand: beside the product or behind it, one on each side, so that a caption can say it.

use super::{Ground, Placed};
use crate::draw::Draw;
use crate::geometry::{Model, Rotation, v3};
use crate::prop::Kind;

/// A place that a caption names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// On the right of the product as the camera sees it, else on the left.
    pub right: bool,
    /// Well behind it, else beside it.
    pub behind: bool,
}

impl Spot {
    /// The words in captions.
    pub fn words(self) -> &'static str {
        match (self.behind, self.right) {
            (false, false) => "beside it on the left",
            (false, true) => "beside it on the right",
            (true, false) => "behind it on the left",
            (true, true) => "behind it on the right",
        }
    }

    /// The word in parameters.
    pub fn name(self) -> &'static str {
        match (self.behind, self.right) {
            (false, false) => "left",
            (false, true) => "right",
            (true, false) => "left behind",
            (true, true) => "right behind",
        }
    }
}

/// The kinds that a look at 256 pixels names, from fruit to furniture.
pub(super) const KINDS: [Kind; 9] = [
    Kind::Apple,
    Kind::Lemon,
    Kind::Cup,
    Kind::Candle,
    Kind::Book,
    Kind::Plant,
    Kind::Vase,
    Kind::Chair,
    Kind::Tree,
];

/// Places that are tried for one prop in one spot.
const TRIES: usize = 6;

impl Ground<'_> {
    /// Adds up to `count` props, one on each side of the product, `scale` times their real size.
    pub fn spots(&mut self, draw: &mut Draw, count: usize, cm: f32, scale: f32) -> Vec<Placed> {
        let unit = scale / cm;
        let wrong = scale != 1.0;
        // Large enough to be named; a wrong size is far from anything that could be right.
        let (least, most) = match scale {
            1.0 => (0.32, 1.6),
            large if large > 1.0 => (0.9, 2.1),
            _ => (0.14, 0.42),
        };
        let mut kinds: Vec<Kind> = KINDS
            .into_iter()
            .filter(|kind| {
                let size = kind.size_cm() * unit;
                (least..=most).contains(&size)
                    && (!kind.furniture() || self.choice.floor)
                    && (!wrong || kind.tells_size(scale > 1.0))
            })
            .collect();
        draw.shuffle(&mut kinds);
        let first = draw.chance(0.5);
        let mut placed: Vec<Placed> = Vec::new();
        let mut kinds = kinds.into_iter();
        for right in [first, !first].into_iter().take(count) {
            for kind in kinds.by_ref() {
                let color = kind.color(draw, self.choice.wall_color);
                let own = unit * draw.range(0.94, 1.06);
                let model = kind.draw_in(draw, color).scaled(own);
                let behind = draw.chance(0.4);
                let spots = [behind, !behind].map(|behind| Spot { right, behind });
                let found = spots.into_iter().find_map(|spot| {
                    let model = self.stand(draw, &model, spot)?;
                    Some((model, spot))
                });
                if let Some((model, spot)) = found {
                    placed.push(Placed {
                        kind: Some(kind),
                        model,
                        color,
                        spot: Some(spot),
                    });
                    break;
                }
            }
        }
        placed
    }

    /// Tries to find room for a model of product-length scale, standing at y = 0, in a spot.
    fn stand(&mut self, draw: &mut Draw, model: &Model, spot: Spot) -> Option<Model> {
        let (low, high) = model.extent();
        let half = (high - low) * 0.5;
        let r = half.x.max(half.z);
        let side = if spot.right { 1.0 } else { -1.0 };
        for _ in 0..TRIES {
            let z = if spot.behind {
                draw.range(-1.2, -0.75) - r * 0.5
            } else {
                draw.range(-0.3, 0.05)
            };
            let frame = 0.5 / self.camera.unit_at(self.camera.depth(v3(0.0, 0.0, z)));
            // At most a quarter of it is cut off by the picture's edge.
            let reach = frame - half.x * 0.5;
            let beside = self.half.x + half.x + 0.04;
            let least = if spot.behind {
                self.half.x * 0.7 + half.x * 0.3
            } else {
                beside
            };
            let most = if spot.behind {
                reach
            } else {
                reach.min(beside + 0.16)
            };
            if most < least {
                return None;
            }
            let x = side * draw.range(least, most);
            let Some(y) = self.height_at(x, z, r.min(half.x.min(half.z) * 1.5)) else {
                continue;
            };
            let meets = |t: &(f32, f32, f32)| {
                ((t.0 - x).powi(2) + (t.1 - z).powi(2)).sqrt() < t.2 + r * 0.92 + 0.02
            };
            if self.taken.iter().any(meets) {
                continue;
            }
            self.taken.push((x, z, r));
            return Some(model.placed(Rotation::IDENTITY, v3(x, y, z)));
        }
        None
    }
}
