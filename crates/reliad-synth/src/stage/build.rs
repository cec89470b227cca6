//! The bodies, walls and lights of each scene family.

use super::{Choice, Family, MOODS, Side, Support};
use crate::color::lab_of_linear;
use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Shape, Vec3, fillets, v3};
use crate::material::{Material, Pattern};
use crate::render::scene::{Backdrop, Light, Role, Seamless, Thing};

/// A scene, built.
pub struct Built {
    /// Surfaces and walls.
    pub things: Vec<Thing>,
    /// Behind them.
    pub backdrop: Backdrop,
    /// Whether the floor runs into it.
    pub seamless: Option<Seamless>,
    /// The light.
    pub light: Light,
    /// Height at which props beside the support stand.
    pub ground: f32,
    /// The most backward z for props.
    pub back: f32,
}

impl Choice {
    fn light(&self, draw: &mut Draw) -> Light {
        let azimuth: f32 = match self.side {
            Side::Left => -draw.range(0.9, 1.25),
            Side::Right => draw.range(0.9, 1.25),
            Side::Front => draw.range(-0.25, 0.25),
        };
        let height: f32 = draw.range(0.62, 0.95);
        let direction = v3(
            azimuth.sin() * height.cos(),
            height.sin(),
            azimuth.cos() * height.cos(),
        );
        let tint = match self.warmth {
            1 => v3(1.12, 0.99, 0.8),
            -1 => v3(0.89, 1.0, 1.14),
            _ => v3(1.0, 1.0, 0.99),
        };
        let outdoors = self.family == Family::Garden;
        let spread = if outdoors {
            draw.range(0.1, 0.22)
        } else {
            draw.range(0.16, 0.42)
        };
        let strength = draw.range(1.02, 1.22);
        let sky = if outdoors {
            v3(0.42, 0.46, 0.5)
        } else {
            v3(0.37, 0.37, 0.37)
        };
        let bounce = if outdoors {
            v3(0.2, 0.24, 0.16)
        } else {
            v3(0.24, 0.235, 0.23)
        };
        Light {
            direction,
            spread,
            key: tint * strength,
            sky: sky * Vec3::ONE.mix(tint, 0.5),
            bounce: bounce * Vec3::ONE.mix(tint, 0.5),
        }
    }

    /// Builds surfaces, background and light around the support.
    pub fn build(&self, support: &Support) -> Built {
        let mut draw = Draw::new(0x7374_6167, self.salt, 0);
        let light = self.light(&mut draw);
        let level = support.level;
        let back = -self.depth;
        let mut built = Built {
            things: Vec::new(),
            backdrop: Backdrop::Gradient {
                low: self.wall_color,
                high: self.wall_color,
                spot: (0.5, 0.5),
            },
            seamless: None,
            light,
            ground: level,
            back: back + 0.05,
        };
        match self.family {
            Family::Wood => self.wood(&mut draw, support, back, &mut built),
            Family::Marble => self.marble(&mut draw, support, back, &mut built),
            Family::Podium => self.podium(&mut draw, support, &mut built),
            Family::Garden => self.garden(&mut draw, support, &mut built),
        }
        built
    }

    fn slab(&self, support: &Support, back: f32, thick: f32, material: Material) -> Thing {
        let half = v3(
            (support.right - support.left) * 0.5,
            thick * 0.5,
            (support.front - back) * 0.5,
        );
        let middle = v3(
            (support.left + support.right) * 0.5,
            support.level - thick * 0.5,
            (support.front + back) * 0.5,
        );
        // Patterns are tied to the surface's place, not to its size.
        set(
            Part::new(Shape::Block { half, round: 0.012 }, material).at(middle),
            true,
        )
    }

    fn wall(&self, z: f32, material: Material) -> Thing {
        set(
            Part::new(
                Shape::Block {
                    half: v3(12.0, 8.0, 0.1),
                    round: 0.0,
                },
                material,
            )
            .at(v3(0.0, 1.0, z - 0.1)),
            false,
        )
    }

    fn lower_floor(&self, level: f32, color: Vec3) -> Thing {
        set(
            Part::new(
                Shape::Block {
                    half: v3(12.0, 0.1, 8.0),
                    round: 0.0,
                },
                Material::matte(color),
            )
            .at(v3(0.0, level - 2.6, 0.0)),
            false,
        )
    }

    fn wood(&self, draw: &mut Draw, support: &Support, back: f32, built: &mut Built) {
        let (light, dark) = [
            (v3(0.62, 0.43, 0.25), v3(0.43, 0.27, 0.135)),
            (v3(0.2, 0.108, 0.055), v3(0.095, 0.048, 0.024)),
            (v3(0.72, 0.52, 0.29), v3(0.58, 0.36, 0.16)),
        ][self.variant];
        let plank = if self.floor || draw.chance(0.5) {
            draw.range(0.25, 0.5)
        } else {
            0.0
        };
        let pattern = Pattern::Wood {
            light,
            dark,
            scale: draw.range(0.22, 0.34),
            plank,
        };
        built.things.push(self.slab(
            support,
            back,
            0.14,
            Material::of(pattern, draw.range(0.2, 0.5)),
        ));
        let gap = if self.floor {
            0.0
        } else {
            draw.range(0.0, 0.8)
        };
        let grain = Pattern::Speckle {
            base: self.wall_color,
            speck: self.wall_color * 0.95,
            scale: 0.05,
        };
        built
            .things
            .push(self.wall(back - gap, Material::of(grain, 0.05)));
        if self.floor {
            let board = Shape::Block {
                half: v3(12.0, 0.09, 0.02),
                round: 0.005,
            };
            built.things.push(set(
                Part::new(board, Material::glossy(v3(0.75, 0.74, 0.72), 0.3)).at(v3(
                    0.0,
                    support.level + 0.09,
                    back + 0.02,
                )),
                true,
            ));
        } else {
            built
                .things
                .push(self.lower_floor(support.level, v3(0.28, 0.24, 0.2)));
        }
        if self.window() {
            let half = (draw.range(0.42, 0.6), draw.range(0.6, 0.85));
            let x = draw.range(0.75, 1.05) * if self.side == Side::Left { -1.0 } else { 1.0 };
            let tint = [v3(0.72, 0.9, 1.1), v3(0.95, 0.98, 1.0), v3(1.1, 1.0, 0.78)]
                [(self.warmth + 1) as usize];
            let pattern = Pattern::Panes {
                pane: tint * 0.62,
                bar: v3(0.2, 0.16, 0.12),
                half,
                width: 0.022,
            };
            let shape = Shape::Block {
                half: v3(half.0, half.1, 0.03),
                round: 0.0,
            };
            let material = Material {
                glow: 0.45,
                ..Material::of(pattern, 0.05)
            };
            built.things.push(set(
                Part::new(shape, material).at(v3(
                    x,
                    support.level + half.1 + draw.range(0.3, 0.5),
                    back - gap + 0.02,
                )),
                false,
            ));
        }
    }

    fn marble(&self, draw: &mut Draw, support: &Support, back: f32, built: &mut Built) {
        let (base, vein) = [
            (v3(0.84, 0.84, 0.83), v3(0.4, 0.41, 0.43)),
            (v3(0.4, 0.405, 0.41), v3(0.8, 0.8, 0.79)),
            (v3(0.028, 0.028, 0.031), v3(0.5, 0.49, 0.46)),
        ][self.variant];
        let pattern = Pattern::Marble {
            base,
            vein,
            scale: draw.range(0.45, 0.8),
        };
        built
            .things
            .push(self.slab(support, back, 0.1, Material::of(pattern, 0.85)));
        let size = *draw.pick(&[(0.36, 0.18), (0.3, 0.3), (0.22, 0.22), (0.5, 0.25)]);
        let grout = if lab_of_linear(self.wall_color).x > 75.0 {
            self.wall_color * 0.72
        } else {
            v3(0.75, 0.74, 0.72)
        };
        let tiles = Pattern::Tiles {
            tile: self.wall_color,
            grout,
            size,
            brick: size.0 > size.1,
        };
        built.things.push(self.wall(back, Material::of(tiles, 0.3)));
        if !self.floor {
            let dark = v3(0.3, 0.3, 0.3);
            built.things.push(self.lower_floor(support.level, dark));
        }
    }

    fn podium(&self, draw: &mut Draw, support: &Support, built: &mut Built) {
        let (x, z, r) = support.round;
        let height = draw.range(0.1, 0.24);
        let ground = support.level - height;
        let material = match self.variant {
            0 => Material::glossy(v3(0.83, 0.83, 0.82), 0.15),
            1 => Material::glossy(v3(0.62, 0.5, 0.36), 0.15),
            2 => Material::of(
                Pattern::Speckle {
                    base: v3(0.42, 0.42, 0.41),
                    speck: v3(0.26, 0.26, 0.26),
                    scale: 0.02,
                },
                0.1,
            ),
            _ => {
                let pattern = Pattern::Wood {
                    light: v3(0.58, 0.39, 0.21),
                    dark: v3(0.4, 0.24, 0.11),
                    scale: 0.25,
                    plank: 0.0,
                };
                Material::of(pattern, 0.2)
            }
        };
        let profile = fillets(&[(0.0, -height), (r, -height), (r, 0.0), (0.0, 0.0)], 0.018);
        built.things.push(set(
            Part::new(Shape::Turned(Lathe::new(&profile)), material).at(v3(x, support.level, z)),
            true,
        ));
        if draw.chance(0.35) {
            // A second, lower step.
            let wide = r + draw.range(0.15, 0.35);
            let drum = Lathe::drum(wide, ground, ground + height * 0.45, 0.015);
            built.things.push(set(
                Part::new(Shape::Turned(drum), Material::matte(self.wall_color * 0.9))
                    .at(v3(x, 0.0, z)),
                true,
            ));
        }
        let floor = Shape::Block {
            half: v3(14.0, 0.1, 10.0),
            round: 0.0,
        };
        built.things.push(set(
            Part::new(floor, Material::matte(self.wall_color * 0.92)).at(v3(
                0.0,
                ground - 0.1,
                -4.0,
            )),
            true,
        ));
        built.things.push(set(
            Part::new(
                Shape::Block {
                    half: v3(14.0, 9.0, 0.1),
                    round: 0.0,
                },
                Material::matte(self.wall_color * 0.92),
            )
            .at(v3(0.0, ground + 0.5 - 1.0, -5.5)),
            false,
        ));
        let spot = (0.5 + draw.range(-0.25, 0.25), draw.range(0.2, 0.5));
        let low = self.wall_color * draw.range(0.9, 1.0);
        let high = self.wall_color * draw.range(0.72, 1.06);
        built.backdrop = Backdrop::Gradient { low, high, spot };
        built.seamless = Some(Seamless {
            start: draw.range(0.8, 1.2),
            end: draw.range(2.6, 3.6),
        });
        built.ground = ground;
        built.back = -2.4;
    }

    fn garden(&self, draw: &mut Draw, support: &Support, built: &mut Built) {
        let grass = Pattern::Grass {
            light: v3(0.26, 0.42, 0.09),
            dark: v3(0.05, 0.13, 0.025),
            scale: draw.range(0.13, 0.2),
        };
        let lift = match self.variant {
            0 => 0.0,
            1 => draw.range(0.12, 0.2),
            _ => draw.range(0.16, 0.26),
        };
        let ground = support.level - lift;
        let lawn = Shape::Block {
            half: v3(20.0, 0.1, 7.0),
            round: 0.0,
        };
        built.things.push(set(
            Part::new(lawn, Material::of(grass, 0.02)).at(v3(0.0, ground - 0.1, 0.5)),
            true,
        ));
        match self.variant {
            1 => {
                let back = -(support.front + 0.3).max(0.7);
                let pattern = Pattern::Speckle {
                    base: v3(0.44, 0.43, 0.4),
                    speck: v3(0.28, 0.28, 0.27),
                    scale: 0.03,
                };
                let half = v3(
                    (support.right - support.left) * 0.5,
                    lift,
                    (support.front - back) * 0.5,
                );
                let middle = v3(
                    (support.left + support.right) * 0.5,
                    support.level - lift,
                    (support.front + back) * 0.5,
                );
                built.things.push(set(
                    Part::new(
                        Shape::Block {
                            half,
                            round: lift * 0.5,
                        },
                        Material::of(pattern, 0.1),
                    )
                    .at(middle),
                    true,
                ));
            }
            2 => {
                let plank = draw.range(0.22, 0.36);
                let pattern = Pattern::Wood {
                    light: v3(0.46, 0.33, 0.21),
                    dark: v3(0.27, 0.18, 0.11),
                    scale: 0.24,
                    plank,
                };
                built.things.push(self.slab(
                    support,
                    -draw.range(1.3, 2.4),
                    lift.max(0.1),
                    Material::of(pattern, 0.15),
                ));
            }
            _ => {}
        }
        let (_, dark, middle, light) = MOODS[self.mood()];
        built.backdrop = Backdrop::Bokeh {
            dark,
            middle,
            light,
            radius: draw.range(0.035, 0.075),
            salt: (self.salt >> 20) as i32,
        };
        built.ground = ground;
        built.back = -2.0;
    }
}

fn set(part: Part, casts: bool) -> Thing {
    Thing {
        model: Model::new(vec![part]),
        role: Role::Set,
        casts,
    }
}
