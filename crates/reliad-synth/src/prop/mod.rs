//! Props: everyday things whose size people know, in centimetres.

mod decor;
mod desk;
mod furniture;
mod nature;
mod paint;
mod soft;
mod table;

use crate::color::{Named, by_name};
use crate::draw::Draw;
use crate::geometry::Model;

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
    /// A tea light, 4 cm.
    TeaLight,
    /// A lemon, 8 cm.
    Lemon,
    /// A vase with a branch, 34 cm.
    Vase,
    /// A small lamp, 35 cm.
    Lamp,
    /// A glass of water, 12 cm.
    Glass,
    /// A soap bar, 8.5 cm.
    Soap,
    /// A seashell, 7.5 cm.
    Shell,
    /// A pebble, 5 cm.
    Pebble,
    /// A notebook with a band, 21 cm.
    Notebook,
    /// A pillar candle, 14 cm.
    Candle,
    /// Three folded towels, 31 cm.
    Towels,
    /// An alarm clock, 11.8 cm.
    Clock,
    /// An open laptop, 33 cm.
    Laptop,
    /// A cushion, 45 cm.
    Cushion,
    /// A chair, 84 cm.
    Chair,
    /// A cabinet, 75 cm.
    Cabinet,
    /// A round side table, 50 cm.
    SideTable,
    /// A tall potted tree, 120 cm.
    Tree,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 23] = [
        Kind::Book,
        Kind::Cup,
        Kind::Pen,
        Kind::Plant,
        Kind::Apple,
        Kind::TeaLight,
        Kind::Lemon,
        Kind::Vase,
        Kind::Lamp,
        Kind::Glass,
        Kind::Soap,
        Kind::Shell,
        Kind::Pebble,
        Kind::Notebook,
        Kind::Candle,
        Kind::Towels,
        Kind::Clock,
        Kind::Laptop,
        Kind::Cushion,
        Kind::Chair,
        Kind::Cabinet,
        Kind::SideTable,
        Kind::Tree,
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
            Kind::Vase => "a vase",
            Kind::Lamp => "a small lamp",
            Kind::Glass => "a glass of water",
            Kind::Soap => "a soap bar",
            Kind::Shell => "a seashell",
            Kind::Pebble => "a pebble",
            Kind::Notebook => "a notebook",
            Kind::Candle => "a candle",
            Kind::Towels => "folded towels",
            Kind::Clock => "an alarm clock",
            Kind::Laptop => "a laptop",
            Kind::Cushion => "a cushion",
            Kind::Chair => "a chair",
            Kind::Cabinet => "a cabinet",
            Kind::SideTable => "a side table",
            Kind::Tree => "a potted tree",
        }
    }

    /// The word in parameters.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Whether its size gives it away when it is made too large (or too small): a large vase or a small candle may just
    /// be one.
    pub fn tells_size(self, too_large: bool) -> bool {
        use Kind::*;
        if too_large {
            !matches!(
                self,
                Plant | Tree | Vase | Shell | Pebble | Lamp | Candle | TeaLight | Glass
            )
        } else {
            matches!(
                self,
                Book | Cup | Pen | Apple | Lemon | Laptop | Chair | Cabinet | SideTable | Cushion
            )
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
            Kind::Vase => 34.0,
            Kind::Lamp => 35.0,
            Kind::Glass => 12.0,
            Kind::Soap => 8.5,
            Kind::Shell => 7.5,
            Kind::Pebble => 5.0,
            Kind::Notebook => 21.0,
            Kind::Candle => 14.0,
            Kind::Towels => 31.0,
            Kind::Clock => 11.8,
            Kind::Laptop => 33.0,
            Kind::Cushion => 45.0,
            Kind::Chair => 84.0,
            Kind::Cabinet => 75.0,
            Kind::SideTable => 50.0,
            Kind::Tree => 120.0,
        }
    }

    /// Whether it stands on floors only.
    pub fn furniture(self) -> bool {
        self.size_cm() > 40.0
    }

    /// A model of its real size: base at y = 0, around x = z = 0.
    pub fn draw(self, draw: &mut Draw) -> Model {
        match self {
            Kind::Book => desk::book(draw),
            Kind::Cup => table::cup(draw),
            Kind::Pen => desk::pen(draw),
            Kind::Plant => nature::plant(draw),
            Kind::Apple => nature::apple(draw),
            Kind::TeaLight => table::tea_light(),
            Kind::Lemon => nature::lemon(draw),
            Kind::Vase => decor::vase(draw),
            Kind::Lamp => decor::lamp(draw),
            Kind::Glass => table::glass(draw),
            Kind::Soap => soft::soap(draw),
            Kind::Shell => nature::shell(draw),
            Kind::Pebble => nature::pebble(draw),
            Kind::Notebook => desk::notebook(draw),
            Kind::Candle => table::candle(draw),
            Kind::Towels => soft::towels(draw),
            Kind::Clock => decor::clock(draw),
            Kind::Laptop => desk::laptop(draw),
            Kind::Cushion => soft::cushion(draw),
            Kind::Chair => furniture::chair(draw),
            Kind::Cabinet => furniture::cabinet(draw),
            Kind::SideTable => furniture::side_table(draw),
            Kind::Tree => nature::tree(draw),
        }
    }
}

/// One of the palette's colours with these names.
fn one_of(draw: &mut Draw, names: &[&str]) -> Named {
    by_name(draw.pick::<&str>(names))
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
