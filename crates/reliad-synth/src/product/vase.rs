//! Vases: open turned bodies.

use super::make::Make;
use super::{Made, look};
use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Shape, fillets};
use crate::material::{Material, Pattern};

pub(super) fn draw(draw: &mut Draw) -> Made {
    let height = draw.log_range(14.0, 36.0);
    let r = height * draw.range(0.18, 0.36);
    let foot = r * draw.range(0.5, 0.85);
    let belly = draw.range(0.25, 0.6);
    let neck = r * draw.range(0.3, 0.7);
    let neck_at = draw.range(belly + 0.2, 0.9);
    let lip = neck * draw.range(1.0, 1.5);
    let wall = neck * 0.12;
    let make = if draw.chance(0.4) {
        Make::glass(draw)
    } else {
        Make::ceramic(draw)
    };
    let color = look::color(draw);
    let accent = look::apart(draw, color, 25.0);
    let main = look::vary(draw, color.linear());
    let mut profile = if draw.chance(0.2) {
        // A plain cylinder or cone.
        fillets(
            &[(0.0, 0.0), (foot * 1.1, 0.0), (lip.max(foot), height)],
            r * 0.1,
        )
    } else {
        fillets(
            &[
                (0.0, 0.0),
                (foot, 0.0),
                (r, height * belly),
                (neck, height * neck_at),
                (lip, height),
            ],
            r * draw.range(0.5, 0.95),
        )
    };
    let top = profile.last().map_or(lip, |p| p.0);
    let floor = height * 0.95;
    let reach = |y: f32| {
        let next = profile.iter().position(|p| p.1 >= y).unwrap_or(1).max(1);
        let (a, b) = (profile[next - 1], profile[next]);
        a.0 + (b.0 - a.0) * (y - a.1) / (b.1 - a.1).max(1e-4)
    };
    let inner = reach(floor).min(top) - wall;
    profile.extend([(top - wall, height), (inner, floor), (0.0, floor)]);
    let (material, words) = if make.material == "ceramic" && draw.chance(0.35) {
        let at = height * draw.range(0.25, 0.5);
        let (low, high, words) = (
            accent.linear(),
            main,
            format!("with a {} base", accent.name),
        );
        (make.over(Pattern::TwoTone { low, high, at }), words)
    } else {
        (make.paint(main), String::new())
    };
    let hollow = Lathe::drum(inner.max(wall), floor, floor + height * 0.012, 0.0);
    let parts = vec![
        Part::new(Shape::Turned(Lathe::new(&profile)), material),
        // Little light reaches the inside.
        Part::new(Shape::Turned(hollow), Material::matte(main * 0.25)),
    ];
    let noun = make.of(draw.pick::<&str>(&["vase", "flower vase", "table vase"]));
    let title = look::title(draw, make.finish, color.name, &noun, &words, height);
    Made {
        model: Model::new(parts),
        title,
        color,
        turn: 0.5,
        material: make.material,
    }
}
