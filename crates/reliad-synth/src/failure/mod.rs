//! The ways a picture fails, each a change of the scene with a margin and a severity.

mod draw;
mod extension;
mod spoil;

pub use draw::Wish;
pub use extension::{Extension, Foot, extension};
pub use spoil::spoil;

use reliad_imaging::Class;
use serde::{Deserialize, Serialize};

/// What is wrong with a picture, and by how much. Lengths are shares of the product's height.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Failure {
    /// Nothing.
    None,
    /// The surface lies below the product's base.
    Floats {
        /// Free height, at least [`MIN_GAP`].
        gap: f32,
    },
    /// The surface lies above the product's base.
    Sinks {
        /// Sunk height, at least [`MIN_SINK`].
        depth: f32,
    },
    /// The surface ends under the product.
    Hangs {
        /// Unsupported share of the base's width, at least [`MIN_OVERHANG`].
        share: f32,
    },
    /// The product stands, but its shadow lies beside it.
    Detached {
        /// Free width between the base and where its shadow starts, at least [`MIN_DETACHED`].
        gap: f32,
    },
    /// The props are of the wrong size.
    Scale {
        /// How many times too large they are: at least [`MIN_SCALE`] or at most [`MAX_SCALE`].
        factor: f32,
    },
    /// Too many things around the product.
    Clutter {
        /// How many were asked for.
        count: usize,
    },
    /// The background takes the product's colour.
    Camouflage,
    /// The scene continues the product.
    Extends {
        /// In which way.
        part: Extension,
        /// How far, at least [`MIN_EXTENSION`].
        length: f32,
    },
    /// The product's own photo ended within the product.
    Truncated {
        /// At which side of the product.
        side: Border,
        /// Share of the product's silhouette that is missing, at least [`MIN_TRUNCATED`].
        missing: f32,
    },
    /// The product's own photo has a hole or a smear.
    Damaged {
        /// Which.
        form: Form,
        /// Share of the silhouette that is touched, at least [`MIN_DAMAGED`].
        missing: f32,
    },
}

/// The smallest gap under a floating product.
pub const MIN_GAP: f32 = 0.06;
/// The largest gap under a floating product.
pub const MAX_GAP: f32 = 0.32;
/// The smallest depth of a sunk product.
pub const MIN_SINK: f32 = 0.08;
/// The largest depth of a sunk product.
pub const MAX_SINK: f32 = 0.32;
/// The smallest unsupported share of a hanging product's base.
pub const MIN_OVERHANG: f32 = 0.35;
/// The largest unsupported share of a hanging product's base.
pub const MAX_OVERHANG: f32 = 0.62;
/// The smallest free width between a product's base and a detached shadow.
pub const MIN_DETACHED: f32 = 0.08;
/// The largest free width between a product's base and a detached shadow.
pub const MAX_DETACHED: f32 = 0.35;
/// The smallest factor of props that are too large.
pub const MIN_SCALE: f32 = 2.2;
/// The largest factor of props that are too large.
pub const LARGEST_SCALE: f32 = 6.0;
/// The largest factor of props that are too small.
pub const MAX_SCALE: f32 = 0.45;
/// The smallest factor of props that are too small.
pub const SMALLEST_SCALE: f32 = 0.17;
/// The smallest invented length.
pub const MIN_EXTENSION: f32 = 0.08;
/// The largest invented length.
pub const MAX_EXTENSION: f32 = 0.34;
/// The smallest share of a truncated silhouette that is missing.
pub const MIN_TRUNCATED: f32 = 0.15;
/// The largest share of a truncated silhouette that is missing.
pub const MAX_TRUNCATED: f32 = 0.45;
/// The smallest share of a damaged silhouette that is touched.
pub const MIN_DAMAGED: f32 = 0.08;
/// The largest share of a damaged silhouette that is touched.
pub const MAX_DAMAGED: f32 = 0.35;
/// The smallest share of a picture that clutter covers.
pub const MIN_COVER: f32 = 0.10;
/// The share of a picture that the densest clutter covers.
pub const MAX_COVER: f32 = 0.20;

/// The side of a product at which its photo ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Border {
    /// Above.
    Top,
    /// On the left.
    Left,
    /// On the right.
    Right,
}

/// How a photo is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A round hole at the outline.
    Bite,
    /// A rectangular hole.
    Block,
    /// A hole from one side to the other.
    Strip,
    /// A rectangle of dragged colours.
    Smear,
}

/// What a failure looks like, as measured on the preview.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Median Lab distance (CIE 1976) along the silhouette.
    pub separation: f32,
    /// Share of the picture that unnamed things cover, 0..1.
    pub cover: f32,
}

impl Failure {
    /// The label.
    pub fn class(&self) -> Class {
        match self {
            Failure::None => Class::Available,
            Failure::Floats { .. }
            | Failure::Sinks { .. }
            | Failure::Hangs { .. }
            | Failure::Detached { .. } => Class::SpaceMismatch,
            Failure::Scale { .. } => Class::SizeMismatch,
            Failure::Clutter { .. } | Failure::Camouflage => Class::Indistinctiveness,
            Failure::Extends { .. } => Class::ShapeHallucination,
            Failure::Truncated { .. } | Failure::Damaged { .. } => Class::Unsuitable,
        }
    }

    /// How bad it is: 0 at the kind's margin to 1 at the end of its range, `None` for nothing.
    ///
    /// Linear in what the kind measures (gap, depth, share, length, missing share; covered share of
    /// the picture for clutter, colour distance for camouflage, from [`CLOSE`](crate::CLOSE) down to
    /// 0), and in the logarithm of the factor for sizes.
    pub fn severity(&self, seen: &Seen) -> Option<f32> {
        let along = |x: f32, margin: f32, end: f32| (x - margin) / (end - margin);
        let severity = match *self {
            Failure::None => return None,
            Failure::Floats { gap } => along(gap, MIN_GAP, MAX_GAP),
            Failure::Sinks { depth } => along(depth, MIN_SINK, MAX_SINK),
            Failure::Hangs { share } => along(share, MIN_OVERHANG, MAX_OVERHANG),
            Failure::Detached { gap } => along(gap, MIN_DETACHED, MAX_DETACHED),
            Failure::Scale { factor } if factor > 1.0 => {
                along(factor.ln(), MIN_SCALE.ln(), LARGEST_SCALE.ln())
            }
            Failure::Scale { factor } => along(factor.ln(), MAX_SCALE.ln(), SMALLEST_SCALE.ln()),
            Failure::Clutter { .. } => along(seen.cover, MIN_COVER, MAX_COVER),
            Failure::Camouflage => along(seen.separation, crate::CLOSE, 0.0),
            Failure::Extends { length, .. } => along(length, MIN_EXTENSION, MAX_EXTENSION),
            Failure::Truncated { missing, .. } => along(missing, MIN_TRUNCATED, MAX_TRUNCATED),
            Failure::Damaged { missing, .. } => along(missing, MIN_DAMAGED, MAX_DAMAGED),
        };
        Some(severity.clamp(0.0, 1.0))
    }
}
