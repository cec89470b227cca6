//! Colour over a surface: grain, veins, tiles, grass.

use super::Label;
use crate::geometry::{Vec3, v3};
use crate::texture::{fbm, noise};

/// A colour for each point of a body's surface.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// One colour.
    Plain(Vec3),
    /// One colour with a printed field in front; `around` unrolls a turned body.
    Labelled {
        /// Colour beside the field.
        base: Vec3,
        /// The field.
        label: Label,
        /// Whether the body is turned.
        around: bool,
    },
    /// Two colours that meet at a height.
    TwoTone {
        /// Below.
        low: Vec3,
        /// Above.
        high: Vec3,
        /// Where they meet.
        at: f32,
    },
    /// Grain along x.
    Wood {
        /// Between the grain.
        light: Vec3,
        /// The grain.
        dark: Vec3,
        /// Size of a feature.
        scale: f32,
        /// Width of a plank along z; 0 is one piece.
        plank: f32,
    },
    /// Veins in a pale ground.
    Marble {
        /// The ground.
        base: Vec3,
        /// The veins.
        vein: Vec3,
        /// Size of a feature.
        scale: f32,
    },
    /// Tiles in the xy plane.
    Tiles {
        /// The tiles.
        tile: Vec3,
        /// Between them.
        grout: Vec3,
        /// Width and height of one.
        size: (f32, f32),
        /// Whether rows are shifted by half a tile.
        brick: bool,
    },
    /// Blades seen from above.
    Grass {
        /// Tips.
        light: Vec3,
        /// Depths.
        dark: Vec3,
        /// Size of a tuft.
        scale: f32,
    },
    /// Grain as of stone, plaster or fabric.
    Speckle {
        /// Ground.
        base: Vec3,
        /// Specks.
        speck: Vec3,
        /// Size of a speck.
        scale: f32,
    },
    /// Small round holes in the xy plane.
    Grille {
        /// Between the holes.
        base: Vec3,
        /// In them.
        hole: Vec3,
        /// From hole to hole.
        pitch: f32,
    },
    /// Panes in the xy plane, with the colour of the bars.
    Panes {
        /// The light behind.
        pane: Vec3,
        /// The bars.
        bar: Vec3,
        /// Half sizes of the window.
        half: (f32, f32),
        /// Half width of a bar.
        width: f32,
    },
}

impl Pattern {
    /// Whether a colour that [`Pattern::color`] gave is a label's.
    pub fn is_label(&self, color: Vec3) -> bool {
        matches!(self, Pattern::Labelled { base, .. } if *base != color)
    }

    /// The colour at a point with a normal, both in the body's coordinates.
    pub fn color(&self, p: Vec3, n: Vec3) -> Vec3 {
        match self {
            Pattern::Plain(c) => *c,
            Pattern::Labelled {
                base,
                label,
                around,
            } => label.color(*base, *around, p, n),
            Pattern::TwoTone { low, high, at } => {
                if p.y < *at {
                    *low
                } else {
                    *high
                }
            }
            Pattern::Wood {
                light,
                dark,
                scale,
                plank,
            } => wood(*light, *dark, *scale, *plank, p),
            Pattern::Marble { base, vein, scale } => {
                let q = p / *scale;
                let warp = v3(fbm(q * 0.8, 3), fbm(q * 0.8 + Vec3::splat(7.3), 3), 0.0)
                    - v3(0.5, 0.5, 0.0);
                let field = noise(q * 0.7 + v3(warp.x, 0.3, warp.y) * 2.6);
                let vein_line = (1.0 - (field - 0.5).abs() * 9.0).max(0.0).powi(2);
                let field = noise(q * 1.9 + v3(warp.y, 1.3, warp.x) * 3.0);
                let fine = (1.0 - (field - 0.5).abs() * 12.0).max(0.0).powi(2);
                let cloud = fbm(q * 0.5, 3) - 0.4;
                base.mix(
                    *vein,
                    (vein_line * 0.55 + fine * 0.25 + cloud.max(0.0) * 0.3).min(0.85),
                )
            }
            Pattern::Tiles {
                tile,
                grout,
                size,
                brick,
            } => {
                let row = (p.y / size.1).floor();
                let shift = if *brick && (row as i64) & 1 != 0 {
                    0.5
                } else {
                    0.0
                };
                let x = p.x / size.0 + shift;
                let column = x.floor();
                let (u, v) = ((x - column) * size.0, p.y - row * size.1);
                let edge = u.min(size.0 - u).min(v).min(size.1 - v);
                let line = size.1.min(size.0) * 0.035;
                let tint = 0.94 + 0.12 * noise(v3(column * 3.7, row * 5.1, 0.5));
                if edge < line { *grout } else { *tile * tint }
            }
            Pattern::Grass { light, dark, scale } => {
                let q = p / *scale;
                let patch = fbm(v3(q.x * 0.35, 0.0, q.z * 0.35), 3);
                let blades = noise(v3(q.x * 5.0, 0.0, q.z * 2.2)) * 0.6
                    + noise(v3(q.x * 11.0, 3.0, q.z * 4.0)) * 0.4;
                let lean = noise(v3(q.x * 7.0 + q.z * 3.0, 9.0, q.z * 3.0));
                dark.mix(
                    *light,
                    (patch * 0.7 + blades * 0.65 + lean * 0.3 - 0.35).clamp(0.0, 1.0),
                )
            }
            Pattern::Speckle { base, speck, scale } => {
                let q = p / *scale;
                let grain = noise(q) * 0.6 + noise(q * 2.3) * 0.4;
                base.mix(*speck, ((grain - 0.45) * 2.2).clamp(0.0, 1.0))
            }
            Pattern::Grille { base, hole, pitch } => {
                if n.z < 0.7 {
                    return *base;
                }
                let row = (p.y / (pitch * 0.866)).round();
                let shift = if (row as i64) & 1 != 0 { 0.5 } else { 0.0 };
                let u = p.x / pitch + shift;
                let (du, dv) = ((u - u.round()) * pitch, p.y - row * pitch * 0.866);
                if du * du + dv * dv < pitch * pitch * 0.085 {
                    *hole
                } else {
                    *base
                }
            }
            Pattern::Panes {
                pane,
                bar,
                half,
                width,
            } => {
                let (x, y) = (p.x.abs(), p.y);
                let frame = x > half.0 - width * 2.0 || y.abs() > half.1 - width * 2.0;
                let bars = x < *width || (y - half.1 * 0.3).abs() < *width;
                if frame || bars { *bar } else { *pane }
            }
        }
    }
}

fn wood(light: Vec3, dark: Vec3, scale: f32, plank: f32, p: Vec3) -> Vec3 {
    let mut q = p / scale;
    let mut tint = 1.0;
    if plank > 0.0 {
        let board = (p.z / plank).floor();
        let edge = (p.z / plank - board).min(board + 1.0 - p.z / plank) * plank;
        if edge < plank * 0.012 {
            return dark * 0.55;
        }
        tint = 0.9 + 0.2 * noise(v3(board * 4.3, 0.7, 2.1));
        q += v3(board * 17.0, board * 3.0, 0.0);
    }
    let along = v3(q.x * 0.18, q.y * 1.5, q.z * 1.5);
    let warp = fbm(along * 1.1, 3);
    let rings = ((q.z * 1.6 + q.y * 0.9 + warp * 5.0) * 2.2).sin() * 0.5 + 0.5;
    let fibre = noise(v3(q.x * 1.2, q.y * 22.0, q.z * 22.0));
    let mixed = light.mix(
        dark,
        (rings * rings * 0.55 + fibre * 0.3 + (warp - 0.5) * 0.5).clamp(0.0, 1.0),
    );
    mixed * tint
}
