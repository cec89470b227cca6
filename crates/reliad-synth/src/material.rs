//! What bodies are made of: a colour pattern over the surface, a gloss, and printed labels.

use crate::geometry::{Vec3, v3};
use crate::texture::{fbm, noise};

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
}

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

impl Material {
    /// Dull, of one colour.
    pub fn matte(color: Vec3) -> Self {
        Material {
            pattern: Pattern::Plain(color),
            gloss: 0.08,
            metal: false,
            glow: 0.0,
        }
    }

    /// Polished, of one colour.
    pub fn glossy(color: Vec3, gloss: f32) -> Self {
        Material {
            pattern: Pattern::Plain(color),
            gloss,
            metal: false,
            glow: 0.0,
        }
    }

    /// Brushed metal of this tint.
    pub fn metal(color: Vec3) -> Self {
        Material {
            pattern: Pattern::Plain(color),
            gloss: 0.6,
            metal: true,
            glow: 0.0,
        }
    }

    /// A pattern with a gloss.
    pub fn of(pattern: Pattern, gloss: f32) -> Self {
        Material {
            pattern,
            gloss,
            metal: false,
            glow: 0.0,
        }
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
}

impl Pattern {
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

impl Label {
    fn color(&self, base: Vec3, around: bool, p: Vec3, n: Vec3) -> Vec3 {
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

impl Material {
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
