//! Props: everyday things whose size people know, in centimetres.

use crate::color::{PALETTE, by_name};
use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Rotation, Shape, Vec3, fillets, v3};
use crate::material::{Material, Pattern};

/// What kind of thing a prop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A closed book, 21 cm.
    Book,
    /// A cup, 9 cm.
    Cup,
    /// A pen, 14 cm.
    Pen,
    /// A potted plant, 30 cm.
    Plant,
    /// An apple, 7.5 cm.
    Apple,
    /// A tea light, 4 cm across.
    TeaLight,
    /// A lemon, 8 cm.
    Lemon,
    /// A chair, 84 cm.
    Chair,
    /// A cabinet, 75 cm.
    Cabinet,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 9] = [
        Kind::Book,
        Kind::Cup,
        Kind::Pen,
        Kind::Plant,
        Kind::Apple,
        Kind::TeaLight,
        Kind::Lemon,
        Kind::Chair,
        Kind::Cabinet,
    ];

    /// The words in prompts, with the article.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Book => "a book",
            Kind::Cup => "a cup",
            Kind::Pen => "a pen",
            Kind::Plant => "a potted plant",
            Kind::Apple => "an apple",
            Kind::TeaLight => "a tea light",
            Kind::Lemon => "a lemon",
            Kind::Chair => "a chair",
            Kind::Cabinet => "a cabinet",
        }
    }

    /// Largest extent in centimetres.
    pub fn size_cm(self) -> f32 {
        match self {
            Kind::Book => 21.0,
            Kind::Cup => 9.0,
            Kind::Pen => 14.0,
            Kind::Plant => 30.0,
            Kind::Apple => 7.5,
            Kind::TeaLight => 4.0,
            Kind::Lemon => 8.0,
            Kind::Chair => 84.0,
            Kind::Cabinet => 75.0,
        }
    }

    /// Whether it stands on the floor, not on tables.
    pub fn furniture(self) -> bool {
        matches!(self, Kind::Chair | Kind::Cabinet)
    }

    /// A model of its real size: base at y = 0, around x = z = 0.
    pub fn draw(self, draw: &mut Draw) -> Model {
        let any = |draw: &mut Draw| draw.pick(&PALETTE).linear();
        match self {
            Kind::Book => book(draw),
            Kind::Cup => cup(draw),
            Kind::Pen => {
                let color = any(draw);
                let body = Lathe::new(&fillets(
                    &[
                        (0.0, 0.0),
                        (0.15, 1.2),
                        (0.45, 2.4),
                        (0.5, 14.0),
                        (0.0, 14.0),
                    ],
                    0.3,
                ));
                let cap = Lathe::drum(0.56, 9.0, 13.2, 0.1);
                let lie = Rotation::about_y(draw.range(-0.6, 0.6))
                    .after(&Rotation::about_z(std::f32::consts::FRAC_PI_2));
                let lying = |shape| {
                    Part::new(shape, Material::glossy(color, 0.6))
                        .turned(lie)
                        .at(lie.apply(v3(0.0, -7.0, 0.0)) + v3(0.0, 0.56, 0.0))
                };
                let mut parts = vec![lying(Shape::Turned(body)), lying(Shape::Turned(cap))];
                parts[1].material = Material::metal(v3(0.75, 0.75, 0.78));
                Model::new(parts)
            }
            Kind::Plant => plant(draw),
            Kind::Apple => {
                let color = *draw.pick(&[
                    v3(0.55, 0.04, 0.04),
                    v3(0.35, 0.5, 0.08),
                    v3(0.62, 0.25, 0.05),
                ]);
                let profile = [
                    (0.0, 0.5),
                    (1.2, 0.05),
                    (2.3, 0.3),
                    (3.4, 1.8),
                    (3.8, 3.6),
                    (3.5, 5.2),
                    (2.4, 6.5),
                    (1.2, 6.8),
                    (0.5, 6.3),
                    (0.0, 5.8),
                ];
                let stalk = Lathe::drum(0.16, 5.8, 7.6, 0.05);
                Model::new(vec![
                    Part::new(
                        Shape::Turned(Lathe::new(&fillets(&profile, 0.5))),
                        Material::glossy(color, 0.5),
                    ),
                    Part::new(Shape::Turned(stalk), Material::matte(v3(0.12, 0.07, 0.03))),
                ])
            }
            Kind::TeaLight => {
                let wax = Lathe::drum(1.75, 0.1, 1.5, 0.1);
                let tin = [(0.0, 0.0), (1.9, 0.0), (1.95, 1.7), (1.8, 1.7), (1.8, 1.4)];
                Model::new(vec![
                    Part::new(
                        Shape::Turned(Lathe::new(&tin)),
                        Material::metal(v3(0.8, 0.8, 0.82)),
                    ),
                    Part::new(
                        Shape::Turned(wax),
                        Material::matte(by_name("cream").linear()),
                    ),
                    Part::new(
                        Shape::Ellipsoid {
                            radii: v3(0.3, 0.75, 0.3),
                        },
                        Material {
                            glow: 3.0,
                            ..Material::matte(v3(1.0, 0.7, 0.3))
                        },
                    )
                    .at(v3(0.0, 2.3, 0.0)),
                ])
            }
            Kind::Lemon => {
                let turn = Rotation::about_y(draw.range(-1.0, 1.0)).after(&Rotation::about_z(1.5));
                let profile = [
                    (0.0, -4.0),
                    (0.5, -3.7),
                    (1.4, -2.9),
                    (2.4, -1.6),
                    (2.8, 0.0),
                    (2.4, 1.6),
                    (1.4, 2.9),
                    (0.5, 3.7),
                    (0.0, 4.0),
                ];
                let skin = Pattern::Speckle {
                    base: v3(0.8, 0.58, 0.06),
                    speck: v3(0.7, 0.48, 0.03),
                    scale: 0.3,
                };
                Model::new(vec![
                    Part::new(
                        Shape::Turned(Lathe::new(&fillets(&profile, 0.6))),
                        Material::of(skin, 0.4),
                    )
                    .turned(turn)
                    .at(v3(0.0, 2.8, 0.0)),
                ])
            }
            Kind::Chair => chair(draw),
            Kind::Cabinet => cabinet(draw),
        }
    }
}

fn book(draw: &mut Draw) -> Model {
    let cover = draw.pick(&PALETTE).linear();
    let pages = by_name("cream").linear();
    let (w, h, t) = (14.5, 21.0, draw.range(2.0, 3.6));
    let standing = draw.chance(0.45);
    let turn = Rotation::about_y(draw.range(-0.5, 0.5));
    let half = if standing {
        v3(t * 0.5, h * 0.5, w * 0.5)
    } else {
        v3(h * 0.5, t * 0.5, w * 0.5)
    };
    let mut inner = half * 0.985;
    if standing {
        inner.x = half.x * 0.82;
    } else {
        inner.y = half.y * 0.82;
    }
    let centre = v3(0.0, half.y, 0.0);
    // Two covers and a spine around a block of pages.
    let mut parts = vec![
        Part::new(
            Shape::Block {
                half: inner,
                round: 0.0,
            },
            Material::matte(pages),
        )
        .at(centre),
    ];
    let board = if standing {
        v3(half.x * 0.09, half.y, half.z)
    } else {
        v3(half.x, half.y * 0.09, half.z)
    };
    for side in [-1.0, 1.0] {
        let shift = if standing {
            v3(side * half.x * 0.91, 0.0, 0.0)
        } else {
            v3(0.0, side * half.y * 0.91, 0.0)
        };
        parts.push(
            Part::new(
                Shape::Block {
                    half: board,
                    round: 0.0,
                },
                Material::glossy(cover, 0.3),
            )
            .at(centre + shift),
        );
    }
    let spine = v3(half.x, half.y, half.z * 0.03);
    parts.push(
        Part::new(
            Shape::Block {
                half: spine,
                round: 0.0,
            },
            Material::glossy(cover, 0.3),
        )
        .at(centre + v3(0.0, 0.0, half.z * 0.97)),
    );
    Model::new(parts).placed(turn, Vec3::ZERO)
}

fn cup(draw: &mut Draw) -> Model {
    let color = if draw.chance(0.5) {
        by_name("white").linear()
    } else {
        draw.pick(&PALETTE).linear()
    };
    let (r, foot) = (draw.range(3.8, 4.4), draw.range(2.6, 3.8));
    let mut profile = fillets(&[(0.0, 0.0), (foot, 0.0), (r, 5.0), (r, 9.0)], 1.2);
    profile.extend([
        (r - 0.2, 9.1),
        (r - 0.4, 9.0),
        (r - 0.45, 5.0),
        (foot * 0.9, 1.0),
        (0.0, 0.8),
    ]);
    let handle = Shape::Ring {
        major: 2.0,
        minor: 0.45,
        stretch: 0.4,
        cut: -0.4,
    };
    let turn = Rotation::about_y(
        draw.range(-0.7, 0.7)
            + if draw.chance(0.5) {
                std::f32::consts::PI
            } else {
                0.0
            },
    );
    let coffee = Lathe::new(&[(0.0, 7.6), (r - 0.42, 7.6)]);
    Model::new(vec![
        Part::new(
            Shape::Turned(Lathe::new(&profile)),
            Material::glossy(color, 0.7),
        ),
        Part::new(
            Shape::Turned(coffee),
            Material::glossy(v3(0.1, 0.045, 0.02), 0.7),
        ),
        Part::new(handle, Material::glossy(color, 0.7)).at(v3(r - 0.2, 4.9, 0.0)),
    ])
    .placed(turn, Vec3::ZERO)
}

fn plant(draw: &mut Draw) -> Model {
    let pot = *draw.pick(&["terracotta", "white", "charcoal", "beige"]);
    let profile = fillets(
        &[
            (0.0, 0.0),
            (4.6, 0.0),
            (6.2, 10.5),
            (6.7, 10.5),
            (6.8, 12.0),
            (6.0, 12.0),
            (5.8, 11.0),
        ],
        0.5,
    );
    let soil = Lathe::new(&[(0.0, 11.0), (6.0, 11.0)]);
    let mut parts = vec![
        Part::new(
            Shape::Turned(Lathe::new(&profile)),
            Material::glossy(by_name(pot).linear(), 0.15),
        ),
        Part::new(Shape::Turned(soil), Material::matte(v3(0.05, 0.032, 0.02))),
    ];
    let leaves = draw.integer(12, 17);
    for i in 0..leaves {
        let around = i as f32 * 2.4 + draw.range(-0.3, 0.3);
        let lift = draw.range(0.5, 1.35);
        let length = draw.range(6.0, 9.5);
        let (s, c) = around.sin_cos();
        let along = v3(c * lift.cos(), lift.sin(), s * lift.cos());
        let green = v3(0.05, 0.17, 0.045).mix(v3(0.16, 0.34, 0.09), draw.unit());
        let leaf = Shape::Ellipsoid {
            radii: v3(length * 0.3, length * 0.56, length * 0.06),
        };
        parts.push(
            Part::new(leaf, Material::glossy(green, 0.3))
                .turned(Rotation::up_to(along).after(&Rotation::about_y(draw.range(-0.8, 0.8))))
                .at(v3(0.0, 11.5, 0.0) + along * (length * 0.75 + 1.0)),
        );
    }
    Model::new(parts)
}

fn chair(draw: &mut Draw) -> Model {
    let color = if draw.chance(0.5) {
        v3(0.42, 0.25, 0.12)
    } else {
        draw.pick(&PALETTE).linear()
    };
    let paint = Material::glossy(color, 0.25);
    let mut parts = Vec::new();
    for (x, z) in [(-19.0, -18.0), (19.0, -18.0), (-19.0, 18.0), (19.0, 18.0)] {
        let high = if z < 0.0 { 84.0 } else { 44.0 };
        parts.push(
            Part::new(
                Shape::Block {
                    half: v3(1.8, high * 0.5, 1.8),
                    round: 0.6,
                },
                paint.clone(),
            )
            .at(v3(x, high * 0.5, z)),
        );
    }
    parts.push(
        Part::new(
            Shape::Block {
                half: v3(22.0, 1.8, 21.0),
                round: 1.2,
            },
            paint.clone(),
        )
        .at(v3(0.0, 45.0, 0.0)),
    );
    for y in [60.0, 76.0] {
        parts.push(
            Part::new(
                Shape::Block {
                    half: v3(19.0, 4.0, 1.0),
                    round: 0.6,
                },
                paint.clone(),
            )
            .at(v3(0.0, y, -18.0)),
        );
    }
    Model::new(parts).placed(Rotation::about_y(draw.range(-0.7, 0.7)), Vec3::ZERO)
}

fn cabinet(draw: &mut Draw) -> Model {
    let color = *draw.pick(&[
        v3(0.45, 0.28, 0.14),
        v3(0.75, 0.73, 0.68),
        v3(0.3, 0.38, 0.33),
    ]);
    let paint = Material::glossy(color, 0.25);
    let mut parts = vec![
        Part::new(
            Shape::Block {
                half: v3(30.0, 34.0, 18.0),
                round: 0.8,
            },
            paint.clone(),
        )
        .at(v3(0.0, 41.0, 0.0)),
    ];
    for (x, z) in [(-26.0, 14.0), (26.0, 14.0), (-26.0, -14.0), (26.0, -14.0)] {
        parts.push(
            Part::new(
                Shape::Block {
                    half: v3(1.8, 4.0, 1.8),
                    round: 0.4,
                },
                paint.clone(),
            )
            .at(v3(x, 4.0, z)),
        );
    }
    for (y, h) in [(22.0, 13.0), (53.0, 15.0)] {
        parts.push(
            Part::new(
                Shape::Block {
                    half: v3(27.5, h, 0.7),
                    round: 0.5,
                },
                Material::glossy(color * 1.1, 0.25),
            )
            .at(v3(0.0, y, 18.2)),
        );
        parts.push(
            Part::new(
                Shape::Ellipsoid {
                    radii: v3(1.6, 1.6, 1.6),
                },
                Material::metal(v3(0.75, 0.6, 0.35)),
            )
            .at(v3(0.0, y + h * 0.5, 20.0)),
        );
    }
    Model::new(parts).placed(Rotation::about_y(draw.range(-0.35, 0.35)), Vec3::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn props_have_their_stated_size_and_stand_on_the_ground() {
        for kind in Kind::ALL {
            for index in 0..20 {
                let model = kind.draw(&mut Draw::new(1, 2, index));
                let (low, high) = model.extent();
                let size = high - low;
                let largest = size.max_component();
                assert!(
                    (largest / kind.size_cm() - 1.0).abs() < 0.3,
                    "{kind:?}: {size:?}"
                );
                assert!(low.y.abs() < 0.4, "{kind:?}: {low:?}");
            }
        }
    }
}
