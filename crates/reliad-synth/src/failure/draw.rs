//! Which failure a class gets, and what it does to the support under the product.

use reliad_imaging::Class;

use super::{
    Extension, Failure, Foot, LARGEST_SCALE, MAX_DETACHED, MAX_EXTENSION, MAX_GAP, MAX_OVERHANG,
    MAX_SCALE, MAX_SINK, MIN_DETACHED, MIN_EXTENSION, MIN_GAP, MIN_OVERHANG, MIN_SCALE, MIN_SINK,
    SMALLEST_SCALE,
};
use crate::draw::Draw;
use crate::geometry::{Vec3, v3};
use crate::stage::{Choice, Support};

/// What a failure is drawn for.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// The label; [`Class::Unsuitable`] is drawn by [`spoil`](super::spoil).
    pub class: Class,
    /// Which of the class's kinds, 0..1: kept through redraws, so that they can't skew the kinds.
    pub kind: f32,
    /// Whether indistinctiveness is tried by camouflage.
    pub camouflage: bool,
    /// Share of the canvas that the product fills.
    pub share: f32,
    /// The product's size in product lengths.
    pub size: Vec3,
    /// Whether the product stands on legs.
    pub legged: bool,
}

impl Failure {
    /// Draws a failure of the wished class.
    pub fn draw(draw: &mut Draw, wish: &Wish, choice: &Choice) -> Failure {
        let Wish { share, size, .. } = *wish;
        // Canvas room above and below the product, as a share of its height.
        let room = ((1.0 - share * size.y) * 0.5 / (share * size.y)).max(0.02);
        let kind = |count: usize| ((wish.kind * count as f32) as usize).min(count - 1);
        if choice.family.is_studio() {
            return Self::draw_plain(draw, wish, room);
        }
        match wish.class {
            Class::SpaceMismatch => {
                // Without an edge in sight nothing would show that the surface lies too high.
                match kind(if choice.has_edges() { 4 } else { 2 }) {
                    0 => Failure::Floats {
                        gap: draw.range(MIN_GAP, (room * 0.85).clamp(MIN_GAP + 0.02, MAX_GAP)),
                    },
                    1 => Failure::Detached {
                        gap: draw.range(MIN_DETACHED, MAX_DETACHED),
                    },
                    2 => Failure::Sinks {
                        depth: draw.range(MIN_SINK, MAX_SINK),
                    },
                    _ => Failure::Hangs {
                        share: draw.range(MIN_OVERHANG, MAX_OVERHANG),
                    },
                }
            }
            Class::SizeMismatch => {
                let factor = if wish.kind < 0.68 {
                    draw.log_range(MIN_SCALE, LARGEST_SCALE)
                } else {
                    draw.log_range(SMALLEST_SCALE, MAX_SCALE)
                };
                Failure::Scale { factor }
            }
            Class::Indistinctiveness if wish.camouflage => Failure::Camouflage,
            Class::Indistinctiveness => Failure::Clutter {
                count: draw.integer(18, 28),
            },
            Class::ShapeHallucination => {
                let side = (1.0 - share * size.x) * 0.5 / share;
                let part = match kind(6) {
                    0..4 if wish.legged => Extension::Base,
                    _ if wish.legged => Extension::Top,
                    0 | 1 => Extension::Base,
                    2 => Extension::Stand,
                    3 => Extension::Legs,
                    4 => Extension::Top,
                    _ if side > 0.14 => Extension::Handle,
                    _ => Extension::Base,
                };
                let (least, most) = match part {
                    // A smaller ring reads as a knob.
                    Extension::Handle => (0.15, side * 0.9 / size.y),
                    _ => (MIN_EXTENSION, room * 1.1),
                };
                Failure::Extends {
                    part,
                    length: draw.range(least, most.clamp(least + 0.04, MAX_EXTENSION)),
                }
            }
            Class::Available | Class::Unsuitable => Failure::None,
        }
    }

    /// The studio's failures: fewer kinds, larger, so that a look tells them. `room` is the free height above and below
    /// the product, as a share of its own.
    fn draw_plain(draw: &mut Draw, wish: &Wish, room: f32) -> Failure {
        let Wish { share, size, .. } = *wish;
        match wish.class {
            Class::SpaceMismatch if wish.kind < 0.6 => Failure::Floats {
                gap: draw.range(0.1, (room * 0.85).clamp(0.13, MAX_GAP)),
            },
            Class::SpaceMismatch => Failure::Detached {
                gap: draw.range(0.12, MAX_DETACHED),
            },
            Class::SizeMismatch if wish.kind < 0.6 => Failure::Scale {
                factor: draw.log_range(MIN_SCALE, LARGEST_SCALE),
            },
            Class::SizeMismatch => Failure::Scale {
                factor: draw.log_range(SMALLEST_SCALE, MAX_SCALE),
            },
            Class::Indistinctiveness if wish.camouflage => Failure::Camouflage,
            Class::Indistinctiveness => Failure::Clutter {
                count: draw.integer(12, 18),
            },
            Class::ShapeHallucination => {
                let side = (1.0 - share * size.x) * 0.5 / share;
                let handle = wish.kind >= 0.6 && side > 0.18 && !wish.legged;
                let (part, least, most) = if handle {
                    (Extension::Handle, 0.16, side * 0.9 / size.y)
                } else {
                    (Extension::Base, 0.11, room * 1.1)
                };
                Failure::Extends {
                    part,
                    length: draw.range(least, most.clamp(least + 0.04, MAX_EXTENSION)),
                }
            }
            Class::Available | Class::Unsuitable => Failure::None,
        }
    }

    /// Moves the support as the failure asks, for a product of this height on this foot.
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
                if !choice.family.is_round() {
                    // The edge of the surface crosses the body.
                    support.front = draw.range(-0.3, 0.95) * foot.half.z;
                }
            }
            Failure::Hangs { share } => {
                let edge = foot.centre.x + foot.half.x * (1.0 - 2.0 * share);
                if choice.family.is_round() {
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

    /// How far the product's shadow lies beside it: away from the light, past the base.
    pub fn shadow_offset(&self, draw: &mut Draw, light: Vec3, height: f32, foot: Foot) -> Vec3 {
        let Failure::Detached { gap } = *self else {
            return Vec3::ZERO;
        };
        let side = if light.x.abs() > 0.3 {
            -light.x.signum()
        } else {
            draw.sign()
        };
        v3(side * (2.0 * foot.half.x + gap * height), 0.0, 0.0)
    }
}
