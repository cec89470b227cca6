//! Colours: sRGB, linear light, CIE Lab, and the named palette that titles and prompts use.

use crate::geometry::{Vec3, v3};

/// A colour with the word for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Named {
    /// The word in titles and prompts.
    pub name: &'static str,
    /// sRGB, 0 to 255.
    pub srgb: [u8; 3],
    /// Whether walls and backdrops come in it.
    pub wall: bool,
}

impl Named {
    /// Linear light.
    pub fn linear(&self) -> Vec3 {
        let [r, g, b] = self.srgb;
        to_linear(v3(f32::from(r), f32::from(g), f32::from(b)) / 255.0)
    }
}

const fn named(name: &'static str, srgb: [u8; 3], wall: bool) -> Named {
    Named { name, srgb, wall }
}

/// Every named colour; walls use those marked so.
pub const PALETTE: [Named; 19] = [
    named("white", [238, 237, 234], true),
    named("cream", [240, 226, 196], true),
    named("beige", [208, 184, 152], true),
    named("light grey", [186, 188, 190], true),
    named("charcoal", [66, 68, 72], false),
    named("black", [34, 34, 36], false),
    named("blush pink", [236, 184, 182], true),
    named("coral", [236, 116, 96], false),
    named("terracotta", [190, 98, 68], true),
    named("red", [190, 36, 40], false),
    named("mustard yellow", [222, 168, 48], true),
    named("orange", [234, 132, 38], false),
    named("sage green", [154, 174, 142], true),
    named("forest green", [44, 92, 62], false),
    named("teal", [34, 128, 130], true),
    named("sky blue", [148, 196, 226], true),
    named("navy", [38, 54, 98], true),
    named("lavender", [186, 168, 214], true),
    named("plum", [112, 48, 92], false),
];

/// The colour of that name; white for a word that isn't in the palette.
pub fn by_name(name: &str) -> Named {
    PALETTE
        .into_iter()
        .find(|c| c.name == name)
        .unwrap_or(PALETTE[0])
}

/// The palette's colour next to a linear-light colour, among walls only or all.
pub fn nearest(linear: Vec3, walls: bool) -> Named {
    let lab = lab_of_linear(linear);
    let mut best = PALETTE[0];
    let mut least = f32::INFINITY;
    for colour in PALETTE.into_iter().filter(|c| c.wall || !walls) {
        let distance = delta_e(lab, lab_of_linear(colour.linear()));
        if distance < least {
            least = distance;
            best = colour;
        }
    }
    best
}

/// sRGB in 0..1 to linear light (IEC 61966-2-1).
pub fn to_linear(srgb: Vec3) -> Vec3 {
    srgb.map(|c| {
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    })
}

/// Linear light to sRGB, both in 0..1 (IEC 61966-2-1).
#[inline]
pub fn to_srgb(linear: Vec3) -> Vec3 {
    linear.map(|c| {
        if c <= 0.003_130_8 {
            c * 12.92
        } else {
            1.055 * c.powf(1.0 / 2.4) - 0.055
        }
    })
}

/// CIE Lab (D65) of linear light.
pub fn lab_of_linear(c: Vec3) -> Vec3 {
    let x = (0.412_456 * c.x + 0.357_576 * c.y + 0.180_437 * c.z) / 0.950_47;
    let y = 0.212_673 * c.x + 0.715_152 * c.y + 0.072_175 * c.z;
    let z = (0.019_334 * c.x + 0.119_192 * c.y + 0.950_304 * c.z) / 1.088_83;
    let f = |t: f32| {
        if t > 0.008_856 {
            t.cbrt()
        } else {
            7.787 * t + 16.0 / 116.0
        }
    };
    v3(
        116.0 * f(y) - 16.0,
        500.0 * (f(x) - f(y)),
        200.0 * (f(y) - f(z)),
    )
}

/// CIE Lab of an 8-bit sRGB colour given as floats 0 to 255.
pub fn lab_of_srgb(srgb: Vec3) -> Vec3 {
    lab_of_linear(to_linear(srgb / 255.0))
}

/// Distance of two Lab colours, CIE 1976.
pub fn delta_e(a: Vec3, b: Vec3) -> f32 {
    (a - b).length()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lab_of_white_and_red_are_the_tables_values() {
        let white = lab_of_srgb(v3(255.0, 255.0, 255.0));
        assert!(delta_e(white, v3(100.0, 0.0, 0.0)) < 0.1);
        let red = lab_of_srgb(v3(255.0, 0.0, 0.0));
        assert!(delta_e(red, v3(53.24, 80.09, 67.20)) < 0.1);
    }

    #[test]
    fn the_nearest_name_of_a_palette_colour_is_its_own() {
        for colour in PALETTE {
            assert_eq!(nearest(colour.linear(), false).name, colour.name);
        }
    }
}
