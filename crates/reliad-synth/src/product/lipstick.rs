//! Lipsticks: a case, a collar and a slanted bullet.

use super::make::{Make, trim};
use super::{Made, look};
use crate::color::by_name;
use crate::draw::Draw;
use crate::geometry::{Lathe, Loft, Model, Part, Section, Shape, fillets, v3};
use crate::material::Material;

pub(super) fn draw(draw: &mut Draw) -> Made {
    let height = draw.range(7.0, 9.0);
    let r = height * draw.range(0.13, 0.17);
    let case = height * draw.range(0.36, 0.5);
    let collar = height * draw.range(0.14, 0.22);
    let make = if draw.chance(0.45) {
        Make::metal(draw)
    } else {
        Make::plastic(draw)
    };
    let color = look::color(draw);
    let main = look::vary(draw, color.linear());
    let shade = by_name(draw.pick::<&str>(&["red", "coral", "blush pink", "plum", "terracotta"]));
    let square = draw.chance(0.4);
    let body = if square {
        Part::new(
            Shape::Block {
                half: v3(r, case * 0.5, r),
                round: r * draw.range(0.06, 0.25),
            },
            make.paint(main),
        )
        .at(v3(0.0, case * 0.5, 0.0))
    } else {
        let foot = r * draw.range(1.0, 1.12);
        let profile = fillets(
            &[(0.0, 0.0), (foot, 0.0), (r, case), (0.0, case)],
            r * draw.range(0.08, 0.3),
        );
        Part::new(Shape::Turned(Lathe::new(&profile)), make.paint(main))
    };
    let (ring, ring_word) = trim(draw);
    let neck = r * draw.range(0.78, 0.88);
    let thin = neck * draw.range(0.78, 0.88);
    let low = case + collar;
    let tip = height - low;
    let lean = thin * draw.range(0.35, 0.5);
    let bullet = Loft::new(
        &[
            Section::new(low * 0.98, thin, thin),
            Section::new(low + tip * 0.42, thin, thin),
            Section::new(low + tip * 0.68, thin * 0.96, thin * 0.8).around(0.0, -lean * 0.4),
            Section::new(low + tip * 0.88, thin * 0.72, thin * 0.5).around(0.0, -lean * 0.95),
            Section::new(low + tip * 0.97, thin * 0.42, thin * 0.26).around(0.0, -lean * 1.2),
            Section::new(height, thin * 0.08, thin * 0.08).around(0.0, -lean * 1.3),
        ],
        0.0,
    );
    let mut parts = vec![
        body,
        Part::new(
            Shape::Turned(Lathe::drum(neck, case * 0.98, low, neck * 0.06)),
            ring.clone(),
        ),
        Part::new(
            Shape::Loft(bullet),
            Material::glossy(shade.linear(), draw.range(0.25, 0.5)),
        ),
    ];
    if draw.chance(0.45) {
        let at = case * draw.range(0.8, 0.92);
        let band = height * 0.012;
        parts.push(if square {
            let half = v3(r * 1.012, band, r * 1.012);
            Part::new(Shape::Block { half, round: 0.0 }, ring).at(v3(0.0, at, 0.0))
        } else {
            Part::new(
                Shape::Turned(Lathe::drum(r * 1.04, at - band, at + band, 0.0)),
                ring,
            )
        });
    }
    let words = match draw.below(3) {
        0 => format!("with a {ring_word} collar"),
        1 => format!("in a {} shade", shade.name),
        _ => String::new(),
    };
    let noun = *draw.pick(&["lipstick", "lipstick case", "lip balm stick"]);
    let title = look::title(draw, make.finish, color.name, noun, &words, height);
    Made {
        model: Model::new(parts),
        title,
        color,
        turn: 0.8,
        material: make.material,
    }
}
