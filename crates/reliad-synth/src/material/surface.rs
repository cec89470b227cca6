//! What light meets beside colour and gloss: glass, woven threads, glaze, brushed lines.

use crate::geometry::{Vec3, v3};
use crate::texture::noise;

/// How light enters and leaves a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// Light is scattered by the colour under a coat that shines as the gloss says.
    Coat,
    /// Tinted glass that is too dark or thick to show what is behind it.
    Glass,
    /// Threads: a soft rim, no highlights.
    Fabric,
    /// A thick smooth glaze.
    Glaze,
    /// Fine lines around the y axis, which draw highlights out along it.
    Brushed,
}

/// Threads a unit of length, where a product is one unit long: visible at 256 pixels, no moire.
const THREADS: f32 = 84.0;

impl Surface {
    /// A factor on the colour at a point with a normal, both in the body's coordinates.
    #[inline]
    pub fn texture(self, p: Vec3, n: Vec3) -> f32 {
        match self {
            Surface::Fabric => {
                let a = n.abs();
                let (u, v) = if a.z >= a.x && a.z >= a.y {
                    (p.x, p.y)
                } else if a.x >= a.y {
                    (p.z, p.y)
                } else {
                    (p.x, p.z)
                };
                let turn = std::f32::consts::PI * THREADS;
                let over = (u * turn).sin() * (v * turn).sin();
                0.98 + 0.045 * over + 0.1 * (noise(p * 60.0) - 0.5)
            }
            Surface::Brushed => 0.93 + 0.14 * noise(v3(p.x * 4.0, p.y * 130.0, p.z * 4.0)),
            _ => 1.0,
        }
    }
}
