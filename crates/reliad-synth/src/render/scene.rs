//! What the renderer is given: things with roles, one key light, an environment, a camera.

use super::damage::Damage;
use crate::camera::Camera;
use crate::geometry::{Model, Vec3, v3};
use crate::texture::{lattice, noise, smooth};

/// What part a thing plays in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// The product: a layer of its own, which casts shadows into the scene.
    Product = 1,
    /// An invented continuation of the product, part of the scene.
    Extension = 2,
    /// A thing of known size beside the product.
    Prop = 4,
    /// Surfaces and walls.
    Set = 8,
}

/// A model with its role.
#[derive(Clone, Debug)]
pub struct Thing {
    /// Where and what it is.
    pub model: Model,
    /// Its part in the picture.
    pub role: Role,
    /// Whether it can shade others.
    pub casts: bool,
}

/// What stands in the key light, out of the picture, and patterns the scene with its shadow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gobo {
    /// Nothing.
    None,
    /// A row of windows of two by two panes.
    Panes {
        /// Half sizes of a window.
        half: (f32, f32),
        /// Half width of a bar.
        bar: f32,
        /// Width of the shadow's edge.
        soft: f32,
        /// The product's place in its window.
        shift: (f32, f32),
    },
    /// Leaves.
    Leaves {
        /// Size of a gap.
        scale: f32,
        /// Which leaves.
        shift: f32,
    },
}

impl Gobo {
    /// The word in parameters.
    pub fn name(&self) -> &'static str {
        match self {
            Gobo::None => "none",
            Gobo::Panes { .. } => "panes",
            Gobo::Leaves { .. } => "leaves",
        }
    }

    /// Share of the key light from `direction` that passes to a point.
    pub fn share(&self, point: Vec3, direction: Vec3) -> f32 {
        if *self == Gobo::None {
            return 1.0;
        }
        let a = Vec3::UP.cross(direction).normalized();
        let b = direction.cross(a);
        let p = point - v3(0.0, 0.4, 0.0);
        let (u, v) = (p.dot(a), p.dot(b));
        match *self {
            Gobo::None => 1.0,
            Gobo::Panes {
                half,
                bar,
                soft,
                shift,
            } => {
                let period = half.0 * 2.0 + 0.5;
                let u = u + shift.0;
                let (u, v) = ((u - (u / period).round() * period).abs(), v + shift.1);
                let inside = |x: f32, h: f32| 1.0 - smooth(h - soft, h + soft, x);
                let open = inside(u, half.0) * inside(v.abs(), half.1);
                let bars = smooth(bar - soft * 0.5, bar + soft * 0.5, u)
                    * smooth(bar - soft * 0.5, bar + soft * 0.5, v.abs());
                0.42 + 0.58 * open * (0.35 + 0.65 * bars)
            }
            Gobo::Leaves { scale, shift } => {
                let q = v3(u / scale + shift, v / scale, shift);
                let cover = noise(q) * 0.65 + noise(q * 2.1) * 0.35;
                0.5 + 0.5 * smooth(0.38, 0.58, cover)
            }
        }
    }
}

/// The light of a scene, linear.
#[derive(Clone, Copy, Debug)]
pub struct Light {
    /// Unit vector to the middle of the key light.
    pub direction: Vec3,
    /// Tangent of the key light's angular radius: softness of shadows.
    pub spread: f32,
    /// Key light on a surface that faces it.
    pub key: Vec3,
    /// Ambient light from above.
    pub sky: Vec3,
    /// Ambient light from below.
    pub bounce: Vec3,
    /// What patterns the key light.
    pub gobo: Gobo,
}

impl Light {
    /// Ambient light on a surface with this normal.
    #[inline]
    pub fn ambient(&self, n: Vec3) -> Vec3 {
        self.bounce.mix(self.sky, 0.5 + 0.5 * n.y)
    }

    /// What a polished surface reflects from this direction: sky, a soft box, a strip opposite.
    pub fn environment(&self, d: Vec3) -> Vec3 {
        let base = self.bounce.mix(self.sky, smooth(-0.3, 0.7, d.y));
        let (a, b) = self.direction.tangents();
        let ahead = d.dot(self.direction);
        let mut light = base * 0.75;
        if ahead > 0.0 {
            let (u, v) = (d.dot(a) / ahead, d.dot(b) / ahead);
            let inside = (1.0 - smooth(0.3, 0.5, u.abs())) * (1.0 - smooth(0.45, 0.75, v.abs()));
            light += self.key * (3.2 * inside);
        }
        let fill = v3(-self.direction.x, 0.25, self.direction.z).normalized();
        let strip = smooth(0.86, 0.97, d.dot(fill));
        light + self.sky * (1.1 * strip)
    }
}

/// What lies behind everything.
#[derive(Clone, Debug)]
pub enum Backdrop {
    /// From bottom to top of the canvas, brighter around a spot.
    Gradient {
        /// Colour at the bottom.
        low: Vec3,
        /// Colour at the top.
        high: Vec3,
        /// Middle of the brighter spot, 0..1 from left and top.
        spot: (f32, f32),
    },
    /// Blurred foliage with discs of light.
    Bokeh {
        /// Shade.
        dark: Vec3,
        /// Foliage.
        middle: Vec3,
        /// Discs of light.
        light: Vec3,
        /// Radius of a disc as a share of the canvas.
        radius: f32,
        /// Which discs.
        salt: i32,
    },
}

impl Backdrop {
    /// The colour at a place of the canvas, 0..1 from left and top.
    pub fn color(&self, u: f32, v: f32) -> Vec3 {
        match self {
            Backdrop::Gradient { low, high, spot } => {
                let d = ((u - spot.0).powi(2) + (v - spot.1).powi(2)).sqrt();
                low.mix(*high, smooth(1.0, 0.0, v)) * (1.08 - 0.22 * smooth(0.1, 0.9, d))
            }
            Backdrop::Bokeh {
                dark,
                middle,
                light,
                radius,
                salt,
            } => {
                let cloud = crate::texture::fbm(v3(u * 3.5, v * 3.0, *salt as f32 * 1.37), 3);
                let mut color = dark.mix(*middle, smooth(0.25, 0.75, cloud + (0.55 - v) * 0.35));
                for layer in 0..2i32 {
                    let r = radius * if layer == 0 { 1.0 } else { 0.6 };
                    let cell = r * 1.9;
                    let (cx, cy) = ((u / cell).floor() as i32, (v / cell).floor() as i32);
                    for dx in -1..=1 {
                        for dy in -1..=1 {
                            let (x, y) = (cx + dx, cy + dy);
                            let pick = |k: i32| {
                                lattice(x, y, salt.wrapping_mul(31).wrapping_add(layer * 7 + k))
                            };
                            if pick(0) > 0.55 {
                                continue;
                            }
                            let centre = ((x as f32 + pick(1)) * cell, (y as f32 + pick(2)) * cell);
                            let d = ((u - centre.0).powi(2) + (v - centre.1).powi(2)).sqrt();
                            let own = r * (0.6 + 0.4 * pick(3));
                            let disc = 1.0 - smooth(own * 0.82, own * 1.05, d);
                            let rim = 0.75 + 0.25 * smooth(own * 0.5, own * 0.95, d);
                            color =
                                color.mix(*light, disc * rim * (0.12 + 0.45 * pick(4) * pick(4)));
                        }
                    }
                }
                color
            }
        }
    }
}

/// How far surfaces dissolve into the backdrop, as of a curved paper background.
#[derive(Clone, Copy, Debug)]
pub struct Seamless {
    /// Where the dissolving starts, as -z.
    pub start: f32,
    /// Where it is complete.
    pub end: f32,
}

/// Everything that one picture shows.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The things; the product stands with its base on y = 0 in the middle.
    pub things: Vec<Thing>,
    /// The view.
    pub camera: Camera,
    /// The light.
    pub light: Light,
    /// Behind everything.
    pub backdrop: Backdrop,
    /// Whether the floor runs into the backdrop.
    pub seamless: Option<Seamless>,
    /// Distance in focus.
    pub focus: f32,
    /// Blur radius at infinity, as a share of the canvas times the focus distance.
    pub aperture: f32,
    /// Whether most of the picture is blurred by the lens, so that its discs must be fine.
    pub wide_open: bool,
    /// Darkening of the corners, 0..1.
    pub vignette: f32,
    /// How far the product's shadow and reflection are moved away from it.
    pub shadow_offset: Vec3,
    /// What the product's own picture lacks.
    pub damage: Option<Damage>,
}

/// Where a ray met the scene.
#[derive(Clone, Copy, Debug)]
pub struct Hit {
    /// Distance along the ray.
    pub t: f32,
    /// Unit normal, towards the ray's origin.
    pub normal: Vec3,
    /// The thing.
    pub thing: usize,
    /// The part of its model.
    pub part: usize,
}

impl Hit {
    /// The same place with the normal on the side that the ray `d` comes from.
    #[inline]
    pub fn towards(self, d: Vec3) -> Self {
        if self.normal.dot(d) > 0.0 {
            Hit {
                normal: -self.normal,
                ..self
            }
        } else {
            self
        }
    }
}

/// Radius of the largest disc of lens blur, as a share of the canvas.
pub const LARGEST_BLUR: f32 = 0.04;

impl Scene {
    /// Radius of the lens blur at an inverse depth, as a share of the canvas, up to [`LARGEST_BLUR`].
    pub fn blur_radius(&self, inverse: f32) -> f32 {
        let off = (1.0 - self.focus * inverse).abs() - 0.08;
        (off.max(0.0) * self.aperture).min(LARGEST_BLUR)
    }

    /// First thing among `roles` (a union of [`Role`] bits) that the ray meets.
    #[inline]
    pub fn trace(&self, o: Vec3, d: Vec3, near: f32, far: f32, roles: u8) -> Option<Hit> {
        let mut best: Option<Hit> = None;
        let mut limit = far;
        for (index, thing) in self.things.iter().enumerate() {
            if thing.role as u8 & roles == 0 {
                continue;
            }
            if let Some(hit) = thing.model.hit(o, d, near, limit) {
                limit = hit.t;
                best = Some(Hit {
                    t: hit.t,
                    normal: hit.normal,
                    thing: index,
                    part: hit.part,
                });
            }
        }
        best.map(|hit| hit.towards(d))
    }
}
