//! What can hide a point from its lights: the few bodies that are worth asking, chosen once a pixel.
//!
//! Bodies are left out only where no ray of the pixel can meet them, so that the choice never shows.

use super::scene::Scene;
use crate::geometry::{Part, Sphere, Target, Vec3, slab};

/// Lengths by which bounds are widened, so that rounding leaves nothing out.
const MARGIN: f32 = 1e-3;
/// Bodies nearer than this along a ray are its own surface.
const NEAR: f32 = 1e-4;

/// The directions of a key light: up to `spread` beside its middle, as a tangent.
pub struct Cone {
    /// Unit vector to the middle of the light.
    pub axis: Vec3,
    /// Tangent of its angular radius.
    pub spread: f32,
}

impl Cone {
    /// Half width at a distance along the axis.
    fn width(&self, along: f32) -> f32 {
        along * self.spread * 1.01
    }

    /// Whether a ray of the cone may meet a sphere whose middle lies at `to` from the cone's point.
    fn touches(&self, to: Vec3, radius: f32) -> bool {
        let along = to.dot(self.axis);
        let reach = radius + self.width(along + radius);
        along > -radius && to.dot(to) - along * along <= reach * reach
    }
}

/// A body that can shade others.
struct Caster<'a> {
    part: &'a Part,
    sphere: Sphere,
    low: Vec3,
    high: Vec3,
}

/// A thing that can shade others: a sphere around a run of the casters.
struct Group {
    thing: usize,
    sphere: Sphere,
    casters: std::ops::Range<usize>,
}

/// What shades a layer, and the few bodies of it that matter at one pixel.
pub struct Casters<'a> {
    groups: Vec<Group>,
    casters: Vec<Caster<'a>>,
    /// What may hide the key light.
    ahead: Vec<Target<'a>>,
    /// What may lie within `reach`.
    around: Vec<Target<'a>>,
    reach: f32,
}

impl<'a> Casters<'a> {
    /// The things with the roles `shaders` that shade others within `reach`, and the key light from
    /// any distance.
    pub fn new(scene: &'a Scene, shaders: u8, reach: f32) -> Self {
        let (mut groups, mut casters) = (Vec::new(), Vec::new());
        for (index, thing) in scene.things.iter().enumerate() {
            if !thing.casts || thing.role as u8 & shaders == 0 {
                continue;
            }
            let first = casters.len();
            casters.extend(thing.model.parts.iter().enumerate().map(|(index, part)| {
                let (low, high) = part.shape.bounds();
                Caster {
                    part,
                    sphere: thing.model.part_sphere(index),
                    low: low - Vec3::splat(MARGIN),
                    high: high + Vec3::splat(MARGIN),
                }
            }));
            groups.push(Group {
                thing: index,
                sphere: thing.model.sphere(),
                casters: first..casters.len(),
            });
        }
        let most = casters.len();
        Casters {
            groups,
            casters,
            ahead: Vec::with_capacity(most),
            around: Vec::with_capacity(most),
            reach,
        }
    }

    /// Chooses what may matter, other than thing `skip`, at a point with the normal `n`: for rays on
    /// the normal's side, and for the key light those of the cone. Without one nothing is chosen for it.
    pub fn gather(&mut self, from: Vec3, n: Vec3, skip: Option<usize>, key: Option<&Cone>) {
        self.ahead.clear();
        self.around.clear();
        for group in &self.groups {
            let whole = self.may_meet(&group.sphere, from, n, key);
            if skip == Some(group.thing) || whole == (false, false) {
                continue;
            }
            let casters = &self.casters[group.casters.clone()];
            for caster in casters {
                let (mut ahead, mut around) = if casters.len() > 1 {
                    self.may_meet(&caster.sphere, from, n, key)
                } else {
                    whole
                };
                if !(ahead || around) {
                    continue;
                }
                let target = Target::new(caster.part, caster.sphere, from);
                if target.is_close() {
                    // From close by a box shows less than its sphere.
                    let local = target.local();
                    let normal = caster.part.rotation.invert(n);
                    if caster.part.shape.reach(normal) + MARGIN < local.dot(normal) {
                        continue;
                    }
                    around &= caster.gap(local) <= self.reach;
                    ahead &= key.is_some_and(|cone| caster.touches(local, from, cone));
                }
                if around {
                    self.around.push(target);
                }
                if ahead {
                    self.ahead.push(target);
                }
            }
        }
    }

    /// Whether rays on the normal's side may meet a sphere: those of the cone, those up to `reach`.
    fn may_meet(&self, sphere: &Sphere, from: Vec3, n: Vec3, key: Option<&Cone>) -> (bool, bool) {
        let to = sphere.centre - from;
        if to.dot(n) <= -sphere.radius {
            return (false, false);
        }
        let far = sphere.radius + self.reach;
        (
            key.is_some_and(|cone| cone.touches(to, sphere.radius)),
            to.dot(to) <= far * far,
        )
    }

    /// Whether something hides the key light in this direction.
    pub fn hide(&self, d: Vec3, far: f32) -> bool {
        self.ahead.iter().any(|target| target.blocks(d, NEAR, far))
    }

    /// Distance to what is nearest in this direction, at most `reach`.
    pub fn distance(&self, d: Vec3) -> f32 {
        self.around.iter().fold(self.reach, |far, target| {
            target.distance(d, NEAR, far).unwrap_or(far)
        })
    }
}

impl Caster<'_> {
    /// Distance from a point, in the body's own coordinates, to the box around it.
    fn gap(&self, p: Vec3) -> f32 {
        (self.low - p).max(p - self.high).max(Vec3::ZERO).length()
    }

    /// Whether a ray of the cone from a point, first in the body's own coordinates, may meet the box
    /// around the body.
    fn touches(&self, local: Vec3, from: Vec3, cone: &Cone) -> bool {
        let farthest = (self.sphere.centre - from).dot(cone.axis) + self.sphere.radius;
        let width = Vec3::splat(cone.width(farthest));
        let axis = self.part.rotation.invert(cone.axis);
        slab(self.low - width, self.high + width, local, axis).is_some()
    }
}
