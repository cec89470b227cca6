//! What products are made of: the word for it, and how it takes light.

use crate::draw::Draw;
use crate::geometry::{Vec3, v3};
use crate::material::{Label, Material, Pattern, Surface};

/// A material with a finish.
#[derive(Clone, Copy, Debug)]
pub struct Make {
    /// The material's word in parameters.
    pub material: &'static str,
    /// The finish's word in titles.
    pub finish: &'static str,
    gloss: f32,
    metal: bool,
    surface: Surface,
}

impl Make {
    const fn new(material: &'static str, finish: &'static str, gloss: f32) -> Self {
        Make {
            material,
            finish,
            gloss,
            metal: false,
            surface: Surface::Coat,
        }
    }

    /// Matte, satin or glossy.
    pub fn plastic(draw: &mut Draw) -> Self {
        *draw.pick(&[
            Make::new("plastic", "matte", 0.1),
            Make::new("plastic", "satin", 0.45),
            Make::new("plastic", "glossy", 0.9),
        ])
    }

    /// Tinted glass, clear or frosted.
    pub fn glass(draw: &mut Draw) -> Self {
        if draw.chance(0.2) {
            return Make::new("glass", "frosted", 0.35);
        }
        Make {
            surface: Surface::Glass,
            ..Make::new("glass", "tinted", 0.95)
        }
    }

    /// Glazed or unglazed.
    pub fn ceramic(draw: &mut Draw) -> Self {
        if draw.chance(0.3) {
            return Make::new("ceramic", "matte", 0.12);
        }
        Make {
            surface: Surface::Glaze,
            ..Make::new("ceramic", "glazed", 0.9)
        }
    }

    /// Brushed, polished or painted.
    pub fn metal(draw: &mut Draw) -> Self {
        match draw.below(4) {
            0 | 1 => Make {
                metal: true,
                surface: Surface::Brushed,
                ..Make::new("metal", "brushed", 0.45)
            },
            2 => Make {
                metal: true,
                ..Make::new("metal", "polished", 0.7)
            },
            _ => Make::new("metal", "satin", 0.5),
        }
    }

    /// Cloth.
    pub fn fabric(draw: &mut Draw) -> Self {
        Self::cloth(draw, "fabric")
    }

    /// Cloth of plain strong threads.
    pub fn canvas(draw: &mut Draw) -> Self {
        Self::cloth(draw, "canvas")
    }

    fn cloth(draw: &mut Draw, material: &'static str) -> Self {
        Make {
            surface: Surface::Fabric,
            ..Make::new(material, draw.pick::<&str>(&["woven", "soft"]), 0.03)
        }
    }

    /// Smooth or grained.
    pub fn leather(draw: &mut Draw) -> Self {
        *draw.pick(&[
            Make::new("leather", "smooth", 0.5),
            Make::new("leather", "grained", 0.32),
        ])
    }

    /// Coated card.
    pub fn card(draw: &mut Draw) -> Self {
        *draw.pick(&[
            Make::new("card", "matte", 0.05),
            Make::new("card", "satin", 0.22),
            Make::new("card", "glossy", 0.45),
        ])
    }

    /// The material in this colour.
    pub fn paint(&self, color: Vec3) -> Material {
        let pattern = if self.finish == "grained" {
            Pattern::Speckle {
                base: color,
                speck: color * 0.86,
                scale: 0.22,
            }
        } else {
            Pattern::Plain(color)
        };
        self.over(pattern)
    }

    /// The material with this pattern.
    pub fn over(&self, pattern: Pattern) -> Material {
        Material {
            pattern,
            gloss: self.gloss,
            metal: self.metal,
            glow: 0.0,
            surface: self.surface,
        }
    }

    /// The material in this colour, with the label if there is one; `around` on turned bodies.
    pub fn labelled(&self, color: Vec3, label: Option<Label>, around: bool) -> Material {
        match label {
            Some(label) => self.over(Pattern::Labelled {
                base: color,
                label,
                around,
            }),
            None => self.paint(color),
        }
    }

    /// The thing's name with the material's, where shops say it.
    pub fn of(&self, noun: &str) -> String {
        match self.material {
            "plastic" | "card" => noun.to_string(),
            material => format!("{material} {noun}"),
        }
    }
}

/// Wood of one of three kinds with its palette colour; `size` is the body's.
pub fn wood(draw: &mut Draw, size: f32) -> (Material, &'static str) {
    let (light, dark, name) = *draw.pick(&[
        (v3(0.62, 0.44, 0.25), v3(0.42, 0.26, 0.12), "beige"),
        (v3(0.5, 0.3, 0.14), v3(0.28, 0.14, 0.06), "terracotta"),
        (v3(0.42, 0.22, 0.1), v3(0.24, 0.11, 0.05), "terracotta"),
    ]);
    let pattern = Pattern::Wood {
        light,
        dark,
        scale: size,
        plank: 0.0,
    };
    (Material::of(pattern, 0.25), name)
}

/// Steel, brass or rose gold with its word.
pub fn trim(draw: &mut Draw) -> (Material, &'static str) {
    let (tint, word) = *draw.pick(&[
        (v3(0.9, 0.9, 0.92), "silver"),
        (v3(1.0, 0.72, 0.3), "golden"),
        (v3(0.98, 0.68, 0.54), "rose gold"),
    ]);
    (Material::metal(tint), word)
}
