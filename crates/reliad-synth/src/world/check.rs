//! Whether a plan keeps the margins of its label, seen on a small preview.

use image::RgbImage;

use super::{CLEAR, CLOSE, Plan};
use crate::color::{nearest, to_linear};
use crate::failure::{Extension, Failure, MIN_COVER, MIN_DAMAGED, Seen};
use crate::geometry::{Vec3, v3};
use crate::measure::{Separation, changed, changed_near, separation};
use crate::render::scene::{Backdrop, Role};
use crate::render::{Rendered, render, render_behind, render_product, visible};

const PREVIEW: u32 = 48;

/// The least number of unnamed things in sight that make clutter.
pub const MIN_CLUTTER: usize = 8;
/// Share of the pixels around the base that a floating product's or a detached shadow has to change.
pub const MIN_SHADOW_CHANGE: f32 = 0.05;

/// What a preview shows of a plan.
pub struct Measured {
    pub(super) separation: Separation,
    /// Unnamed things in sight.
    pub(super) clutter: usize,
    /// Share of the picture that they cover.
    pub(super) cover: f32,
    /// Share of the pixels around the base in which the shadow differs from that of the standing
    /// product; 0 where the label isn't about it.
    pub(super) shadow_change: f32,
    /// Share of the product's pixels that the damage to its picture changes.
    pub(super) spoilt: f32,
}

impl Measured {
    pub(super) fn seen(&self) -> Seen {
        Seen {
            separation: self.separation.median,
            cover: self.cover,
        }
    }
}

impl Plan {
    /// Whether nothing that is known without a preview speaks against the plan.
    pub(super) fn is_promising(&self) -> bool {
        if self.failure.class() != self.class || self.named_props < self.least_props {
            return false;
        }
        match self.failure {
            Failure::Clutter { .. } => {
                let standing = self.scene.things.iter();
                let props = standing.filter(|thing| thing.role == Role::Prop).count();
                if props < self.named_props + MIN_CLUTTER {
                    return false;
                }
            }
            Failure::Floats { gap } => {
                let below = v3(0.0, -gap * self.height(), 0.0);
                if self.scene.camera.project(below).1 > 0.97 {
                    return false;
                }
            }
            Failure::Camouflage => {
                // No wall can match a body of several colours.
                let size = PREVIEW * 3 / 4;
                let product = render_product(&self.scene, size);
                if separation(&product, &RgbImage::new(size, size)).variety > CLOSE {
                    return false;
                }
            }
            _ => {}
        }
        self.shows(&visible(&self.scene, PREVIEW))
    }

    /// Whether the picture shows what the label and the prompt are about, given the number of
    /// preview pixels in which each thing is seen.
    fn shows(&self, visible: &[u32]) -> bool {
        let area = (PREVIEW * PREVIEW) as f32;
        let seen = |index: usize| visible[index] as f32 / area;
        let extensions = usize::from(matches!(self.failure, Failure::Extends { .. }));
        let mut props = 1 + extensions..1 + extensions + self.named_props;
        // What the prompt names can be seen.
        let named = if self.choice.family.is_studio() {
            0.012
        } else {
            0.004
        };
        if props.clone().take(2).any(|i| seen(i) < named) {
            return false;
        }
        match self.failure {
            Failure::Scale { factor } => {
                let least = if factor > 1.0 { 0.03 } else { 0.007 };
                let first = props.start;
                props.any(|index| {
                    seen(index) >= least && self.kinds[index - first].tells_size(factor > 1.0)
                })
            }
            Failure::Clutter { .. } => {
                let (count, cover) = self.clutter(visible);
                count >= MIN_CLUTTER && cover >= MIN_COVER
            }
            Failure::Extends { part, .. } => {
                let thin = matches!(part, Extension::Legs | Extension::Handle);
                seen(1) >= if thin { 0.004 } else { 0.008 }
            }
            _ => true,
        }
    }

    /// How many unnamed things are in sight, and which share of the picture they cover.
    fn clutter(&self, visible: &[u32]) -> (usize, f32) {
        let area = (PREVIEW * PREVIEW) as f32;
        let props = self.scene.things.iter().zip(visible);
        let unnamed = props
            .filter(|(thing, _)| thing.role == Role::Prop)
            .skip(self.named_props)
            .map(|(_, &pixels)| pixels as f32 / area);
        unnamed.fold((0, 0.0), |(count, cover), seen| {
            (count + usize::from(seen > 0.002), cover + seen)
        })
    }

    /// A small picture; for camouflage, with the background pulled to the product's colour.
    pub(super) fn preview(&mut self) -> Rendered {
        let mut preview = render(&self.scene, PREVIEW);
        if self.failure == Failure::Camouflage {
            for _ in 0..3 {
                let seen = separation(&preview.product, &preview.scene);
                if seen.median <= CLOSE * 0.6 || seen.variety > CLOSE {
                    break;
                }
                let wanted = to_linear(seen.product / 255.0);
                let found = to_linear(seen.behind / 255.0);
                let ratio = |a: f32, b: f32| ((a + 0.004) / (b + 0.004)).clamp(0.4, 2.5);
                let pull = v3(
                    ratio(wanted.x, found.x),
                    ratio(wanted.y, found.y),
                    ratio(wanted.z, found.z),
                );
                let before = self.choice.wall_color;
                self.choice.wall_color = (before * pull).min(Vec3::splat(0.95));
                self.repaint(before);
                preview = render(&self.scene, PREVIEW);
            }
            self.choice.wall = nearest(self.choice.wall_color, !self.choice.family.is_studio());
            self.prompt = Plan::words(
                &mut self.words.clone(),
                &self.choice,
                &self.kinds,
                &self.told,
                self.horizon,
            );
        }
        preview
    }

    /// Gives the walls the choice's colour.
    fn repaint(&mut self, before: Vec3) {
        let after = self.choice.wall_color;
        let pull = v3(
            after.x / before.x.max(1e-4),
            after.y / before.y.max(1e-4),
            after.z / before.z.max(1e-4),
        );
        if let Backdrop::Gradient { low, high, .. } = &mut self.scene.backdrop {
            *low = *low * pull;
            *high = *high * pull;
        }
        // The podium keeps its own material; walls, tiles and paper follow.
        for thing in self.scene.things.iter_mut().filter(|t| t.role == Role::Set) {
            for part in &mut thing.model.parts {
                part.material.repaint(before, after);
            }
        }
    }

    /// Measures the preview.
    pub(super) fn measure(&self, preview: &Rendered) -> Measured {
        let (clutter, cover) = self.clutter(&preview.visible);
        Measured {
            separation: separation(&preview.product, &preview.scene),
            clutter,
            cover,
            shadow_change: self.shadow_change(preview),
            spoilt: self.spoilt(preview),
        }
    }

    /// Compares the scene around the base with what it would be if the product stood there: its
    /// shadow on the surface and under the base.
    fn shadow_change(&self, preview: &Rendered) -> f32 {
        let offset = match self.failure {
            Failure::Floats { gap } => v3(0.0, -gap * self.height(), 0.0),
            Failure::Detached { .. } => Vec3::ZERO,
            _ => return 0.0,
        };
        let mut standing = self.scene.clone();
        standing.shadow_offset = offset;
        let seen = render_behind(&self.scene, PREVIEW);
        let usual = render_behind(&standing, PREVIEW);
        let base = self.scene.camera.project(offset).1;
        changed_near(&preview.product, &seen, &usual, base)
    }

    fn spoilt(&self, preview: &Rendered) -> f32 {
        if self.scene.damage.is_none() {
            return 0.0;
        }
        let mut whole = self.scene.clone();
        whole.damage = None;
        changed(&preview.product, &render_product(&whole, PREVIEW))
    }

    /// Whether the picture keeps every margin of its label.
    pub(super) fn keeps_margins(&self, preview: &Rendered, measured: &Measured) -> bool {
        let separation = &measured.separation;
        let apart = match self.failure {
            Failure::Camouflage => separation.median <= CLOSE && separation.upper <= CLOSE * 1.6,
            Failure::Clutter { .. } => true,
            _ => separation.median >= CLEAR,
        };
        let noticed = match self.failure {
            Failure::Floats { .. } | Failure::Detached { .. } => {
                measured.shadow_change >= MIN_SHADOW_CHANGE
            }
            Failure::Truncated { .. } | Failure::Damaged { .. } => {
                measured.spoilt >= MIN_DAMAGED * 0.75
            }
            _ => true,
        };
        self.failure.class() == self.class
            && self.named_props >= usize::from(matches!(self.failure, Failure::Scale { .. }))
            && self.shows(&preview.visible)
            && apart
            && noticed
    }

    /// The product's height in product lengths.
    pub(super) fn height(&self) -> f32 {
        self.product.size_cm.y / self.product.largest_cm()
    }
}
