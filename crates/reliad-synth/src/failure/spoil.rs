//! Spoils a product's own picture: the photo cut it off, or it is damaged.

use super::{Border, Failure, Form, MAX_DAMAGED, MAX_TRUNCATED, MIN_DAMAGED, MIN_TRUNCATED};
use crate::camera::Camera;
use crate::draw::Draw;
use crate::geometry::Model;
use crate::render::damage::Damage;

/// A spoilt product picture.
pub struct Spoilt {
    /// What it lacks, in the canvas of `camera`.
    pub damage: Damage,
    /// The view in which the rest is centred and fills its share.
    pub camera: Camera,
    /// The same in words and numbers.
    pub failure: Failure,
}

/// Side of the coarse silhouette on which shares are measured.
const GRID: usize = 72;

/// The places of the canvas, 0..1, at which the product is seen.
fn silhouette(model: &Model, camera: &Camera) -> Vec<(f32, f32)> {
    let place = |i: usize| (i as f32 + 0.5) / GRID as f32;
    (0..GRID * GRID)
        .map(|i| (place(i % GRID), place(i / GRID)))
        .filter(|&(u, v)| {
            model
                .hit(camera.position, camera.ray(u, v), 1e-3, 1e9)
                .is_some()
        })
        .collect()
}

/// Draws what is missing of a product's picture that fills `share` of the camera's canvas. `kind`
/// (0..1) chooses between truncation and damage; bodies with flat sides are damaged, because a box
/// that is cut along a straight line is a smaller box. `None` where no place for it is found.
pub fn spoil(
    draw: &mut Draw,
    kind: f32,
    model: &Model,
    camera: &Camera,
    share: f32,
) -> Option<Spoilt> {
    let seen = silhouette(model, camera);
    if seen.is_empty() {
        return None;
    }
    let (damage, failure) = if kind < 0.5 && !model.is_boxy() {
        truncate(draw, &seen)?
    } else {
        harm(draw, &seen)?
    };
    let rest = seen.iter().filter(|p| damage.keeps(p.0, p.1));
    let half = 0.5 / GRID as f32;
    let (mut low, mut high) = ((1.0f32, 1.0f32), (0.0f32, 0.0f32));
    for &(u, v) in rest {
        low = (low.0.min(u - half), low.1.min(v - half));
        high = (high.0.max(u + half), high.1.max(v + half));
    }
    // The line is the border of what is left, wherever the grid's places lie.
    if let Damage::Border {
        horizontal,
        at,
        keeps_after,
    } = damage
    {
        let end = if keeps_after { &mut low } else { &mut high };
        *(if horizontal { &mut end.1 } else { &mut end.0 }) = at;
    }
    let size = (high.0 - low.0).max(high.1 - low.1);
    let middle = ((low.0 + high.0) * 0.5, (low.1 + high.1) * 0.5);
    Some(Spoilt {
        damage: damage.reframed(middle, share / size),
        camera: camera.reframed(low, high, share),
        failure,
    })
}

fn truncate(draw: &mut Draw, seen: &[(f32, f32)]) -> Option<(Damage, Failure)> {
    let side = *draw.pick(&[Border::Top, Border::Left, Border::Right]);
    let wanted = draw.range(MIN_TRUNCATED, MAX_TRUNCATED);
    let horizontal = side == Border::Top;
    let keeps_after = side != Border::Right;
    let mut along: Vec<f32> = seen
        .iter()
        .map(|p| if horizontal { p.1 } else { p.0 })
        .collect();
    along.sort_by(f32::total_cmp);
    let lost = (wanted * along.len() as f32) as usize;
    let place = if keeps_after {
        lost
    } else {
        along.len() - 1 - lost
    };
    let half = 0.5 / GRID as f32;
    let at = along.get(place)? + if keeps_after { -half } else { half };
    let damage = Damage::Border {
        horizontal,
        at,
        keeps_after,
    };
    let missing = touched(&damage, seen);
    (MIN_TRUNCATED..=MAX_TRUNCATED)
        .contains(&missing)
        .then_some((damage, Failure::Truncated { side, missing }))
}

fn harm(draw: &mut Draw, seen: &[(f32, f32)]) -> Option<(Damage, Failure)> {
    let form = *draw.pick(&[Form::Bite, Form::Block, Form::Strip, Form::Smear]);
    let wanted = draw.range(MIN_DAMAGED, MAX_DAMAGED);
    // A bite is taken from the outline: its middle is the outermost place of a row.
    let mut centre = *draw.pick(seen);
    if form == Form::Bite {
        let row = seen.iter().filter(|p| p.1 == centre.1);
        let ends = row.fold((1.0f32, 0.0f32), |(a, b), p| (a.min(p.0), b.max(p.0)));
        centre.0 = if draw.chance(0.5) { ends.0 } else { ends.1 };
    }
    let (upright, aspect) = (draw.chance(0.5), draw.range(0.5, 1.6));
    let mut grown = 0.03;
    while grown < 0.5 {
        let around = |x: f32, y: f32| ((centre.0 - x, centre.1 - y), (centre.0 + x, centre.1 + y));
        let damage = match form {
            Form::Bite => Damage::Disc {
                centre,
                radius: grown,
            },
            Form::Block => {
                let (low, high) = around(grown, grown * aspect);
                Damage::Block { low, high }
            }
            Form::Strip => {
                let (low, high) = if upright {
                    around(grown * 0.6, 2.0)
                } else {
                    around(2.0, grown * 0.6)
                };
                Damage::Block { low, high }
            }
            Form::Smear => {
                let (low, high) = around(grown * 1.3, grown);
                Damage::Smear { low, high }
            }
        };
        let missing = touched(&damage, seen);
        if missing >= wanted {
            return (missing <= MAX_DAMAGED)
                .then_some((damage, Failure::Damaged { form, missing }));
        }
        grown += 0.008;
    }
    None
}

/// Share of the silhouette that a fault touches.
fn touched(damage: &Damage, seen: &[(f32, f32)]) -> f32 {
    let count = seen.iter().filter(|p| damage.touches(p.0, p.1)).count();
    count as f32 / seen.len() as f32
}
