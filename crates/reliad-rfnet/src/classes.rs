//! What the logits of a judge stand for.

use reliad_imaging::Class;
use serde::{Deserialize, Serialize};

/// The classes of a judge's head, as their number: 5 (the paper's), 6 (with Unsuitable), or 2 (available or not).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Classes(pub usize);

impl Classes {
    /// Logits.
    pub const fn count(self) -> usize {
        self.0
    }

    /// Whether a judge can have so many.
    pub fn is_supported(self) -> bool {
        [2, 5, 6].contains(&self.0)
    }

    /// The class that logit `index` stands for. A head of two classes knows no reason: its second one reads
    /// [`Class::Unsuitable`].
    pub fn class(self, index: usize) -> Class {
        match (self.0, index) {
            (2, 1) => Class::Unsuitable,
            _ => Class::from_id(index).unwrap_or(Class::Unsuitable),
        }
    }

    /// The logit that stands for `class`; `None` where the head can't express it.
    pub fn index(self, class: Class) -> Option<usize> {
        match self.0 {
            2 => Some(usize::from(!class.is_available())),
            classes => Some(class.id()).filter(|&id| id < classes),
        }
    }
}
