//! Printed fields on the front of bodies.

use crate::geometry::Vec3;

/// What is printed on a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Print {
    /// Lines from side to side.
    Stripes,
    /// A filled field with lines like small text below.
    Block,
    /// A grid of dots.
    Dots,
    /// A round emblem over one line.
    Emblem,
}

impl Print {
    /// All of them.
    pub const ALL: [Print; 4] = [Print::Stripes, Print::Block, Print::Dots, Print::Emblem];

    /// The word in titles.
    pub fn word(self) -> &'static str {
        match self {
            Print::Stripes => "striped",
            Print::Block => "printed",
            Print::Dots => "dotted",
            Print::Emblem => "round emblem",
        }
    }
}

/// A printed field on the front of a body.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// Colour under the print.
    pub paper: Vec3,
    /// Colour of the print.
    pub ink: Vec3,
    /// What is printed.
    pub print: Print,
    /// Height of its middle above the body's origin.
    pub middle: f32,
    /// Half height.
    pub half_height: f32,
    /// Half width along the surface; large values wrap around.
    pub half_width: f32,
}

impl Label {
    /// The colour at a point with a normal, both in the body's coordinates; `base` beside the field.
    pub fn color(&self, base: Vec3, around: bool, p: Vec3, n: Vec3) -> Vec3 {
        let u = if around {
            let r = (p.x * p.x + p.z * p.z).sqrt();
            if n.y.abs() > 0.6 {
                return base;
            }
            p.x.atan2(p.z) * r
        } else {
            if n.z < 0.6 {
                return base;
            }
            p.x
        };
        let v = p.y - self.middle;
        if u.abs() > self.half_width || v.abs() > self.half_height {
            return base;
        }
        let unit = self.half_height;
        let (s, t) = (u / unit, v / unit);
        let width = (self.half_width / unit).min(1.3);
        let inked = match self.print {
            Print::Stripes => (t * 3.2 + 0.5).rem_euclid(2.0) < 0.8 && t.abs() < 0.85,
            Print::Block => {
                let field = s.abs() < width * 0.7 && (0.05..0.72).contains(&t);
                let line = |at: f32, half: f32| (t - at).abs() < 0.06 && s.abs() < width * half;
                field || line(-0.22, 0.7) || line(-0.46, 0.5) || line(-0.68, 0.6)
            }
            Print::Dots => {
                let (a, b) = (
                    (s * 2.6).rem_euclid(1.0) - 0.5,
                    (t * 2.6).rem_euclid(1.0) - 0.5,
                );
                a * a + b * b < 0.075 && t.abs() < 0.9
            }
            Print::Emblem => {
                let r = (s * s + (t - 0.15) * (t - 0.15)).sqrt() / width.min(1.0);
                let line = (t + 0.75).abs() < 0.07 && s.abs() < width * 0.6;
                r < 0.28 || (0.42..0.56).contains(&r) || line
            }
        };
        if inked { self.ink } else { self.paper }
    }
}
