//! What bodies are made of: a colour pattern over the surface, a gloss, what lies under it,
//! and printed labels.

mod label;
mod pattern;
mod surface;

pub use label::{Label, Print};
pub use pattern::Pattern;
pub use surface::Surface;

use crate::geometry::{Vec3, v3};

/// How a surface takes light.
#[derive(Clone, Debug)]
pub struct Material {
    /// Colour over the surface, linear light.
    pub pattern: Pattern,
    /// 0 matte to 1 mirror-smooth.
    pub gloss: f32,
    /// Whether highlights take the body's own colour.
    pub metal: bool,
    /// Light of its own, as a multiple of its colour.
    pub glow: f32,
    /// What lies under the gloss.
    pub surface: Surface,
}

impl Material {
    /// Dull, of one colour.
    pub fn matte(color: Vec3) -> Self {
        Material {
            pattern: Pattern::Plain(color),
            gloss: 0.08,
            metal: false,
            glow: 0.0,
            surface: Surface::Coat,
        }
    }

    /// Polished, of one colour.
    pub fn glossy(color: Vec3, gloss: f32) -> Self {
        Material {
            pattern: Pattern::Plain(color),
            gloss,
            metal: false,
            glow: 0.0,
            surface: Surface::Coat,
        }
    }

    /// Smooth metal of this tint.
    pub fn metal(color: Vec3) -> Self {
        Material {
            pattern: Pattern::Plain(color),
            gloss: 0.6,
            metal: true,
            glow: 0.0,
            surface: Surface::Coat,
        }
    }

    /// A pattern with a gloss.
    pub fn of(pattern: Pattern, gloss: f32) -> Self {
        Material {
            pattern,
            gloss,
            metal: false,
            glow: 0.0,
            surface: Surface::Coat,
        }
    }

    /// The same colours and gloss on another surface.
    pub fn with(mut self, surface: Surface) -> Self {
        self.surface = surface;
        self
    }

    /// The same for a body `k` times as large.
    pub fn scaled(&self, k: f32) -> Self {
        let mut out = self.clone();
        match &mut out.pattern {
            Pattern::Plain(_) => {}
            Pattern::Labelled { label, .. } => {
                label.middle *= k;
                label.half_height *= k;
                label.half_width *= k;
            }
            Pattern::Pool { middle, radius, .. } => {
                *middle = (middle.0 * k, middle.1 * k);
                *radius *= k;
            }
            Pattern::TwoTone { at, .. } => *at *= k,
            Pattern::Wood { scale, plank, .. } => {
                *scale *= k;
                *plank *= k;
            }
            Pattern::Marble { scale, .. }
            | Pattern::Grass { scale, .. }
            | Pattern::Speckle { scale, .. } => *scale *= k,
            Pattern::Tiles { size, .. } => *size = (size.0 * k, size.1 * k),
            Pattern::Grille { pitch, .. } => *pitch *= k,
            Pattern::Folds { scale, calm, .. } => {
                *scale *= k;
                *calm *= k;
            }
            Pattern::Panes { half, width, .. } => {
                *half = (half.0 * k, half.1 * k);
                *width *= k;
            }
        }
        out
    }

    /// The colour that the surface has next to its base.
    pub fn main_color(&self) -> Vec3 {
        match &self.pattern {
            Pattern::Plain(c) => *c,
            Pattern::Folds { color, .. } | Pattern::Pool { color, .. } => *color,
            Pattern::Labelled { base, .. } | Pattern::Marble { base, .. } => *base,
            Pattern::Speckle { base, .. } | Pattern::Grille { base, .. } => *base,
            Pattern::TwoTone { low, .. } => *low,
            Pattern::Wood { light, dark, .. } | Pattern::Grass { light, dark, .. } => {
                light.mix(*dark, 0.4)
            }
            Pattern::Tiles { tile, .. } => *tile,
            Pattern::Panes { pane, .. } => *pane,
        }
    }

    /// Moves a surface painted in `before` (or near it) to `after`; others stay.
    pub fn repaint(&mut self, before: Vec3, after: Vec3) {
        let shift = |c: &mut Vec3| {
            let ratio = v3(
                after.x / before.x.max(1e-4),
                after.y / before.y.max(1e-4),
                after.z / before.z.max(1e-4),
            );
            let k = (c.x + c.y + c.z) / (before.x + before.y + before.z).max(1e-4);
            if (*c - before * k).length() < 1e-3 && (0.5..=1.2).contains(&k) {
                *c = *c * ratio;
            }
        };
        match &mut self.pattern {
            Pattern::Plain(c) => shift(c),
            Pattern::Folds { color, .. } | Pattern::Pool { color, .. } => shift(color),
            Pattern::Speckle { base, speck, .. } => {
                shift(base);
                shift(speck);
            }
            Pattern::Tiles { tile, grout, .. } => {
                shift(tile);
                shift(grout);
            }
            _ => {}
        }
    }
}
