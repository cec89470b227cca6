//! Rooms: a table by a window, a marble counter, a shelf, a room, a desk.

use super::build::{Built, block, set, wood};
use super::{Choice, Side, Support};
use crate::color::lab_of_linear;
use crate::draw::Draw;
use crate::geometry::{Part, Rotation, Shape, Vec3, v3};
use crate::material::{Material, Pattern};

impl Choice {
    pub(super) fn window_table(
        &self,
        draw: &mut Draw,
        support: &Support,
        back: f32,
        built: &mut Built,
    ) {
        let plank = if draw.chance(0.4) {
            draw.range(0.3, 0.5)
        } else {
            0.0
        };
        let top = wood(
            self.variant,
            draw.range(0.3, 0.45),
            plank,
            draw.range(0.2, 0.5),
        );
        built.things.push(self.slab(support, back, 0.14, top));
        let wall = back - draw.range(0.0, 0.6);
        built.things.push(self.painted_wall(wall));
        built
            .things
            .push(self.lower_floor(support.level, v3(0.28, 0.24, 0.2)));
        let half = (draw.range(0.5, 0.64), draw.range(0.66, 0.9));
        // Beside the product at that depth, most of it inside the canvas.
        let reach = 0.5 / 0.7 * (self.view.distance - wall) / self.view.distance;
        let side = if self.side == Side::Left { -1.0 } else { 1.0 };
        let x = side * (reach - half.0 * draw.range(0.6, 0.95));
        let tint = [v3(0.72, 0.9, 1.1), v3(0.95, 0.98, 1.0), v3(1.1, 1.0, 0.78)]
            [(self.warmth + 1) as usize];
        let y = support.level + half.1 + draw.range(0.2, 0.4);
        // A white frame, or a dark one on pale walls.
        let bar = if lab_of_linear(self.wall_color).x > 82.0 {
            v3(0.16, 0.1, 0.06)
        } else {
            Vec3::splat(0.55)
        };
        let panes = Pattern::Panes {
            pane: tint * 0.8,
            low: tint * v3(0.42, 0.58, 0.36),
            bar,
            half,
            width: 0.04,
        };
        let glowing = Material {
            glow: 0.45,
            ..Material::of(panes, 0.05)
        };
        built.things.push(block(
            v3(half.0, half.1, 0.03),
            v3(x, y, wall + 0.02),
            glowing,
            false,
        ));
        let sill = v3(half.0 + 0.08, 0.035, 0.12);
        built.things.push(block(
            sill,
            v3(x, y - half.1 - 0.03, wall + 0.1),
            Material::matte(Vec3::splat(0.7)),
            true,
        ));
    }

    pub(super) fn marble(&self, draw: &mut Draw, support: &Support, back: f32, built: &mut Built) {
        let (base, vein) = [
            (v3(0.84, 0.84, 0.83), v3(0.46, 0.47, 0.49)),
            (v3(0.36, 0.365, 0.37), v3(0.6, 0.6, 0.59)),
            (v3(0.028, 0.028, 0.031), v3(0.24, 0.235, 0.22)),
        ][self.variant];
        let stone = Material::of(
            Pattern::Marble {
                base,
                vein,
                scale: draw.range(0.7, 1.1),
            },
            0.85,
        );
        built
            .things
            .push(self.slab(support, back, 0.1, stone.clone()));
        built.things.push(self.painted_wall(back));
        // The same stone a hand's breadth up the wall.
        let high = draw.range(0.12, 0.26);
        built.things.push(block(
            v3(12.0, high * 0.5, 0.03),
            v3(0.0, support.level + high * 0.5, back + 0.03),
            stone,
            true,
        ));
        if !self.floor {
            let dark = v3(0.3, 0.3, 0.3);
            built.things.push(self.lower_floor(support.level, dark));
        }
    }

    pub(super) fn shelf(&self, draw: &mut Draw, support: &Support, back: f32, built: &mut Built) {
        let board = |turn: usize, draw: &mut Draw| match turn {
            0 => Material::glossy(v3(0.78, 0.78, 0.77), 0.25),
            n => wood(n - 1, draw.range(0.3, 0.45), 0.0, 0.25),
        };
        let paint = board(self.variant, draw);
        let thick = draw.range(0.08, 0.12);
        built
            .things
            .push(self.slab(support, back, thick, paint.clone()));
        built.things.push(self.painted_wall(back));
        // The next board above and an upright: they don't cast, or the product would stand in shade.
        let above = self.body.half.y * 2.0 + draw.range(0.14, 0.22);
        // Shallower than the board below: nothing but the surface is nearer than the product.
        let front = support.front.min(0.0);
        let half = v3(
            (support.right - support.left) * 0.5,
            thick * 0.5,
            (front - back) * 0.5,
        );
        let middle = v3(
            (support.left + support.right) * 0.5,
            above + thick * 0.5,
            (front + back) * 0.5,
        );
        built.things.push(block(half, middle, paint.clone(), false));
        if draw.chance(0.55) {
            let x = draw.sign() * (self.body.half.x.max(0.3) + draw.range(0.4, 0.6));
            if x > support.left && x < support.right {
                let upright = v3(thick * 0.5, (above - support.level) * 0.5, half.z);
                let at = v3(x, (above + support.level) * 0.5, middle.z);
                built.things.push(block(upright, at, paint, false));
            }
        }
        built.back = back + 0.03;
    }

    pub(super) fn room(&self, draw: &mut Draw, support: &Support, back: f32, built: &mut Built) {
        let gap = if self.floor {
            0.0
        } else {
            draw.range(0.0, 0.3)
        };
        let surface = match (self.floor, self.variant) {
            (true, 2) => Material::of(
                Pattern::Speckle {
                    base: v3(0.44, 0.43, 0.42),
                    speck: v3(0.36, 0.35, 0.34),
                    scale: 0.05,
                },
                0.02,
            ),
            (true, n) => wood(n, 0.4, draw.range(0.25, 0.45), draw.range(0.2, 0.45)),
            (false, 0) => Material::glossy(v3(0.78, 0.78, 0.77), 0.4),
            (false, n) => wood(n - 1, 0.4, 0.0, 0.4),
        };
        built.things.push(self.slab(support, back, 0.1, surface));
        built.things.push(self.painted_wall(back - gap));
        let unit = 1.0 / self.body.cm;
        if self.floor {
            let high = 10.0 * unit;
            built.things.push(block(
                v3(12.0, high * 0.5, 1.0 * unit),
                v3(0.0, support.level + high * 0.5, back + 1.0 * unit),
                Material::glossy(v3(0.75, 0.74, 0.72), 0.3),
                true,
            ));
        } else {
            built
                .things
                .push(self.lower_floor(support.level, v3(0.3, 0.26, 0.22)));
        }
        if !self.floor {
            // The sideboard's body under its top.
            let half = v3(
                (support.right - support.left) * 0.5 - 0.03,
                1.2,
                (support.front - back) * 0.5 - 0.03,
            );
            let middle = v3(
                (support.left + support.right) * 0.5,
                support.level - 1.3,
                (support.front + back) * 0.5,
            );
            let front = if self.variant == 0 {
                Material::glossy(v3(0.7, 0.7, 0.69), 0.2)
            } else {
                wood(self.variant - 1, 0.4, 0.0, 0.2)
            };
            built.things.push(block(half, middle, front, true));
        }
        // Pictures hang where the camera sees the wall, above the line of the surface.
        let reach = 0.65 * (self.view.distance - back) / self.view.distance;
        let size = (
            draw.range(0.26, 0.36) * reach,
            draw.range(0.34, 0.48) * reach,
        );
        let frame = *draw.pick(&[
            v3(0.04, 0.04, 0.042),
            v3(0.42, 0.27, 0.14),
            v3(0.8, 0.8, 0.79),
        ]);
        let art = [v3(0.5, 0.3, 0.2), v3(0.2, 0.3, 0.34), v3(0.55, 0.46, 0.3)][draw.below(3)];
        let first = draw.sign();
        let low = support.level + reach * draw.range(0.3, 0.5);
        for side in [first, -first].into_iter().take(draw.integer(1, 2)) {
            let at = v3(
                side * reach * draw.range(0.5, 0.68),
                low + size.1,
                back - gap,
            );
            for (k, depth, color) in [
                (1.0, 0.02, frame),
                (0.9, 0.025, v3(0.78, 0.77, 0.74)),
                (0.5, 0.03, art),
            ] {
                built.things.push(block(
                    v3(size.0 * k, size.1 * k, depth),
                    at,
                    Material::matte(color),
                    false,
                ));
            }
        }
    }

    pub(super) fn desk(&self, draw: &mut Draw, support: &Support, back: f32, built: &mut Built) {
        let top = match self.variant {
            0 => Material::glossy(v3(0.78, 0.78, 0.77), 0.3),
            1 => wood(0, 0.4, 0.0, 0.3),
            _ => Material::glossy(v3(0.085, 0.088, 0.095), 0.3),
        };
        built.things.push(self.slab(support, back, 0.1, top));
        built.things.push(self.painted_wall(back - 0.05));
        built
            .things
            .push(self.lower_floor(support.level, v3(0.24, 0.23, 0.22)));
        let unit = 1.0 / self.body.cm;
        let side = draw.sign();
        let z = back * 0.72;
        let reach = 0.68 * (self.view.distance - z) / self.view.distance;
        // Of its real size; only a near corner is seen behind small products.
        let half = v3(22.0 * unit, 13.0 * unit, 1.2 * unit);
        let x = side * (half.x + reach * draw.range(0.02, 0.2)).min(reach * 0.9 + half.x * 0.25);
        let foot = draw.range(6.0, 10.0) * unit;
        let y = support.level + foot + half.y;
        let shell = Material::glossy(v3(0.03, 0.03, 0.033), 0.25);
        let glow = *draw.pick(&[v3(0.45, 0.6, 0.75), v3(0.72, 0.72, 0.7), v3(0.62, 0.5, 0.6)]);
        let screen = Material {
            glow: 0.6,
            ..Material::matte(glow)
        };
        built
            .things
            .push(block(half, v3(x, y, z), shell.clone(), true));
        built.things.push(block(
            v3(half.x - 1.2 * unit, half.y - 1.2 * unit, 0.1 * unit),
            v3(x, y, z + half.z),
            screen,
            false,
        ));
        built.things.push(block(
            v3(3.0 * unit, foot * 0.5 + half.y * 0.4, 1.0 * unit),
            v3(x, support.level + foot * 0.5 + half.y * 0.4, z - 2.0 * unit),
            shell,
            true,
        ));
        // Sheets of paper on the other side.
        let sheet = v3(10.5 * unit, 0.3 * unit, 14.8 * unit);
        let at = v3(
            -side * (self.body.half.x + sheet.x + reach * draw.range(0.1, 0.3)),
            support.level + sheet.y,
            (back * 0.45).max(-25.0 * unit),
        );
        built.things.push(set(
            Part::new(
                Shape::Block {
                    half: sheet,
                    round: 0.0,
                },
                Material::matte(v3(0.82, 0.82, 0.8)),
            )
            .turned(Rotation::about_y(draw.range(-0.3, 0.3)))
            .at(at),
            false,
        ));
        built.back = (z + 0.1).max(-2.2);
    }
}
