//! Colour over a surface: grain, veins, tiles, grass, folds.

use super::Label;
use crate::geometry::{Vec3, v3};
use crate::texture::{fbm, noise, smooth};

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
    /// One colour in a pool of light on a wall, in the xy plane.
    Pool {
        /// In the middle of the light.
        color: Vec3,
        /// The middle.
        middle: (f32, f32),
        /// From there to where it is darkest.
        radius: f32,
        /// Share of the light that is left there.
        least: f32,
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
        /// The sky behind.
        pane: Vec3,
        /// What lies below the sky.
        low: Vec3,
        /// The bars.
        bar: Vec3,
        /// Half sizes of the window.
        half: (f32, f32),
        /// Half width of a bar.
        width: f32,
    },
    /// Folds of cloth, as light and shade over a flat body: in the xy plane if `upright`, else in xz.
    Folds {
        /// The cloth.
        color: Vec3,
        /// The light's direction across and along the plane.
        light: (f32, f32),
        /// From fold to fold.
        scale: f32,
        /// Strength of light and shade, 0..1.
        depth: f32,
        /// Radius around the body's origin where the cloth lies flat.
        calm: f32,
        /// Whether it hangs.
        upright: bool,
        /// Direction of the folds against the second axis, radians.
        lean: f32,
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
            Pattern::Pool {
                color,
                middle,
                radius,
                least,
            } => {
                let off = ((p.x - middle.0).powi(2) + (p.y - middle.1).powi(2)).sqrt();
                *color * (1.0 - (1.0 - least) * smooth(0.0, *radius, off))
            }
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
                // Drawn out along a diagonal: veins run, they don't close.
                let q = v3(p.x * 0.45 + p.z * 0.3, p.y, p.z * 1.1 - p.x * 0.5) / *scale;
                let warp = v3(fbm(q * 0.8, 2), fbm(q * 0.8 + Vec3::splat(7.3), 2), 0.0)
                    - v3(0.5, 0.5, 0.0);
                let field = noise(q * 0.7 + v3(warp.x, 0.3, warp.y) * 2.6);
                let vein_line = (1.0 - (field - 0.5).abs() * 7.0).max(0.0).powi(2);
                let cloud = noise(q * 0.6) - 0.4;
                base.mix(*vein, (vein_line * 0.6 + cloud.max(0.0) * 0.35).min(0.8))
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
                let line = size.1.min(size.0) * 0.04;
                let tint = 0.96 + 0.07 * noise(v3(column * 3.7, row * 5.1, 0.5));
                // Grout fades into the tile's edge, so that it stays calm when it is a pixel wide.
                grout.mix(*tile * tint, smooth(line * 0.6, line * 1.3, edge))
            }
            Pattern::Grass { light, dark, scale } => {
                let q = p / *scale;
                let patch = fbm(v3(q.x * 0.4, 0.0, q.z * 0.4), 2);
                let blades = noise(v3(q.x * 5.0 + q.z, 0.0, q.z * 2.0));
                dark.mix(*light, (patch * 0.8 + blades * 0.5 - 0.15).clamp(0.0, 1.0))
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
                low,
                bar,
                half,
                width,
            } => {
                let (x, y) = (p.x.abs(), p.y);
                let frame = x > half.0 - width * 2.0 || y.abs() > half.1 - width * 2.0;
                let bars = x < *width || (y - half.1 * 0.3).abs() < *width;
                if frame || bars {
                    *bar
                } else {
                    low.mix(*pane, smooth(-0.6, 0.1, y / half.1))
                }
            }
            Pattern::Folds {
                color,
                light,
                scale,
                depth,
                calm,
                upright,
                lean,
            } => {
                let (x, y) = (p.x / scale, if *upright { p.y } else { p.z } / scale);
                let (s, c) = lean.sin_cos();
                let across = x * c + y * s;
                let along = y * c - x * s;
                let bend = noise(v3(across * 0.45, along * 0.3, 4.0)) * 4.0
                    + noise(v3(across * 0.9, along * 0.5, 9.0)) * 1.6;
                let (sin, cos) = (across * std::f32::consts::TAU + bend).sin_cos();
                // Slope of the first fold and of a finer one, lit from its side; valleys are dark.
                let fine = (across * 10.3 + bend * 1.7 + along).cos();
                let slope = cos + 0.35 * fine;
                let lit = slope * (light.0 * c + light.1 * s) + 0.45 * (sin - 1.0);
                let flat = if *calm > 0.0 {
                    smooth(*calm, calm + 0.7, (p.x * p.x + p.z * p.z).sqrt())
                } else {
                    1.0
                };
                *color * (1.0 + depth * flat * lit).max(0.2)
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
        if edge < plank * 0.015 {
            return dark * 0.7;
        }
        tint = 0.94 + 0.12 * noise(v3(board * 4.3, 0.7, 2.1));
        q += v3(board * 17.0, board * 3.0, 0.0);
    }
    let along = v3(q.x * 0.18, q.y * 1.5, q.z * 1.5);
    let warp = fbm(along * 1.1, 2);
    let rings = ((q.z * 1.6 + q.y * 0.9 + warp * 5.0) * 2.2).sin() * 0.5 + 0.5;
    let fibre = noise(v3(q.x * 1.2, q.y * 9.0, q.z * 9.0));
    let mixed = light.mix(
        dark,
        (rings * rings * 0.5 + fibre * 0.25 + (warp - 0.5) * 0.5).clamp(0.0, 1.0),
    );
    mixed * tint
}
