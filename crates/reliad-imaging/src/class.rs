//! The verdict classes: whether a picture can be published, and if not, why.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether an advertising picture can be published, and if not, what is wrong with it.
///
/// The numbers are those of the RF1M label file: 0 to 4 are the paper's classes, 5 is the label
/// file's extra one. Serde reads and writes the [`slug`](Class::slug).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Class {
    /// Fit to publish.
    Available = 0,
    /// Wrong spatial relation of product and scene: it floats, sinks, leans on nothing.
    SpaceMismatch = 1,
    /// Wrong scale of the product against the scene.
    SizeMismatch = 2,
    /// The product doesn't stand out: clutter, similar colours.
    Indistinctiveness = 3,
    /// The scene extends the product: an invented base, stand, handle or leg.
    ShapeHallucination = 4,
    /// The source picture itself is truncated or damaged.
    Unsuitable = 5,
}

impl Class {
    /// Every class, in the order of its number.
    pub const ALL: [Class; 6] = [
        Class::Available,
        Class::SpaceMismatch,
        Class::SizeMismatch,
        Class::Indistinctiveness,
        Class::ShapeHallucination,
        Class::Unsuitable,
    ];

    /// The class's number, 0 to 5: its place among the logits of a head.
    pub const fn id(self) -> usize {
        self as usize
    }

    /// The class with number `id`, `None` above 5.
    pub fn from_id(id: usize) -> Option<Self> {
        Self::ALL.get(id).copied()
    }

    /// The class with this [`slug`](Class::slug), if there is one.
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.slug() == slug)
    }

    /// The class's name as the paper writes it, e.g. `Space Mismatch`.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Available => "Available",
            Class::SpaceMismatch => "Space Mismatch",
            Class::SizeMismatch => "Size Mismatch",
            Class::Indistinctiveness => "Indistinctiveness",
            Class::ShapeHallucination => "Shape Hallucination",
            Class::Unsuitable => "Unsuitable",
        }
    }

    /// The class's name in files and on the command line, e.g. `space_mismatch`.
    pub const fn slug(self) -> &'static str {
        match self {
            Class::Available => "available",
            Class::SpaceMismatch => "space_mismatch",
            Class::SizeMismatch => "size_mismatch",
            Class::Indistinctiveness => "indistinctiveness",
            Class::ShapeHallucination => "shape_hallucination",
            Class::Unsuitable => "unsuitable",
        }
    }

    /// One sentence that tells a person what the class says about a picture.
    pub const fn reason(self) -> &'static str {
        match self {
            Class::Available => "The picture is fit to publish.",
            Class::SpaceMismatch => {
                "The product doesn't stand in the scene: it floats, sinks or leans on nothing."
            }
            Class::SizeMismatch => "The product has the wrong size against the things around it.",
            Class::Indistinctiveness => {
                "The product doesn't stand out: clutter or similar colours surround it."
            }
            Class::ShapeHallucination => {
                "The scene extends the product with a part it doesn't have, such as a base or a handle."
            }
            Class::Unsuitable => "The product's own picture is truncated or damaged.",
        }
    }

    /// Whether a picture of this class can be published.
    pub const fn is_available(self) -> bool {
        matches!(self, Class::Available)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a failed conversion is the test's failure"
    )]

    use super::*;

    #[test]
    fn ids_and_slugs_lead_back_to_their_class() {
        for (id, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class.id(), id);
            assert_eq!(Class::from_id(id), Some(class));
            assert_eq!(Class::from_slug(class.slug()), Some(class));
            let written = serde_json::to_string(&class).unwrap();
            assert_eq!(written, format!("\"{}\"", class.slug()));
            assert_eq!(serde_json::from_str::<Class>(&written).unwrap(), class);
        }
        assert_eq!(Class::from_id(6), None);
        assert_eq!(Class::from_slug("Available"), None);
    }

    #[test]
    fn only_the_first_class_is_available() {
        let available: Vec<_> = Class::ALL
            .into_iter()
            .filter(|c| c.is_available())
            .collect();
        assert_eq!(available, [Class::Available]);
    }
}
