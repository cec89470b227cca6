//! The scene families: their names, surfaces, colours, and which products they suit.

use crate::draw::Draw;
use crate::world::Scenes;

/// What kind of scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// A wooden table before a painted wall with a window.
    Window,
    /// A polished marble counter (or floor) before a painted wall.
    Marble,
    /// A shelf board on a painted wall, another board above it.
    Shelf,
    /// A round podium before a seamless gradient.
    Podium,
    /// A seamless sheet of coloured paper.
    Studio,
    /// Folds of coloured cloth, under and behind.
    Drape,
    /// Grass, a stone or a deck in a garden with discs of blurred light.
    Garden,
    /// Sand or a flat rock before water and sky.
    Beach,
    /// A ledge before large tiles.
    Bathroom,
    /// A painted wall with framed pictures, over a floor with a skirting board or a sideboard.
    Room,
    /// A desk with a blurred monitor and papers.
    Desk,
    /// Of the studio: a table before a plain wall.
    Table,
    /// Of the studio: a round podium before a gradient.
    Plinth,
    /// Of the studio: a polished counter with its front edge in sight, before a plain wall.
    Counter,
    /// Of the studio: cloth in wide folds, under and behind.
    Cloth,
    /// Of the studio: a lawn before discs of blurred light.
    Lawn,
}

impl Family {
    /// Those of the rich world.
    pub const ALL: [Family; 11] = [
        Family::Window,
        Family::Marble,
        Family::Shelf,
        Family::Podium,
        Family::Studio,
        Family::Drape,
        Family::Garden,
        Family::Beach,
        Family::Bathroom,
        Family::Room,
        Family::Desk,
    ];

    /// Those of the studio.
    pub const STUDIO: [Family; 5] = [
        Family::Table,
        Family::Plinth,
        Family::Counter,
        Family::Cloth,
        Family::Lawn,
    ];

    /// A studio's family; camouflage needs a colour to `repaint`.
    pub fn draw_studio(draw: &mut Draw, repaint: bool) -> Family {
        let weights = Family::STUDIO.map(|f| match (repaint, f) {
            (true, Family::Lawn) => 0.0,
            (true, Family::Plinth | Family::Cloth) => 3.0,
            _ => 1.0,
        });
        Family::STUDIO[draw.weighted(&weights)]
    }

    /// A family of the rich world for a product; `large` ones need a floor, and camouflage needs a colour to `repaint`.
    pub fn draw(draw: &mut Draw, large: bool, repaint: bool) -> Family {
        let weights = Family::ALL.map(|f| {
            let all_around = matches!(f, Family::Podium | Family::Studio | Family::Drape);
            match (large && !f.has_floor(), repaint) {
                (true, _) => 0.0,
                // What large products can't have comes the more often with small ones.
                (false, false) if !f.has_floor() => 1.6,
                (false, false) => 1.0,
                (false, true) if !f.can_take_color() => 0.0,
                // Where the colour is in the surface too, camouflage mostly succeeds; elsewhere a
                // redraw follows more often than not.
                (false, true) if all_around => 3.0,
                (false, true) => 1.0,
            }
        });
        Family::ALL[draw.weighted(&weights)]
    }

    /// Those of a world.
    pub fn of(scenes: Scenes) -> &'static [Family] {
        match scenes {
            Scenes::Rich => &Family::ALL,
            Scenes::Studio => &Family::STUDIO,
        }
    }

    /// The word in parameters.
    pub fn name(self) -> &'static str {
        match self {
            Family::Window => "window",
            Family::Marble => "marble",
            Family::Shelf => "shelf",
            Family::Podium => "podium",
            Family::Studio => "studio",
            Family::Drape => "drape",
            Family::Garden => "garden",
            Family::Beach => "beach",
            Family::Bathroom => "bathroom",
            Family::Room => "room",
            Family::Desk => "desk",
            Family::Table => "table",
            Family::Plinth => "plinth",
            Family::Counter => "counter",
            Family::Cloth => "cloth",
            Family::Lawn => "lawn",
        }
    }

    /// Whether it is one of the studio's.
    pub fn is_studio(self) -> bool {
        Family::STUDIO.contains(&self)
    }

    /// Whether furniture and other large products can stand in it.
    pub fn has_floor(self) -> bool {
        !matches!(
            self,
            Family::Window | Family::Shelf | Family::Bathroom | Family::Desk
        )
    }

    /// Whether its main colour is paint, paper, tiles or cloth, which comes in any colour.
    pub fn can_take_color(self) -> bool {
        !self.outdoors()
    }

    /// Whether the support is a round podium.
    pub fn is_round(self) -> bool {
        matches!(self, Family::Podium | Family::Plinth)
    }

    /// Whether it lies under the sky.
    pub fn outdoors(self) -> bool {
        matches!(self, Family::Garden | Family::Beach | Family::Lawn)
    }

    /// Names of the main colours it comes in; none: every wall colour.
    pub fn colors(self) -> &'static [&'static str] {
        match self {
            Family::Garden => &["forest green", "mustard yellow", "blush pink", "lavender"],
            Family::Beach => &["sky blue", "teal", "blush pink", "lavender"],
            Family::Lawn => &["forest green", "mustard yellow", "blush pink", "lavender"],
            _ => &[],
        }
    }

    /// The surfaces in words, with the article; `floor` is under large products.
    pub fn surfaces(self, floor: bool) -> &'static [&'static str] {
        match (self, floor) {
            (Family::Window, _) => &[
                "a light oak table",
                "a dark walnut table",
                "a pine wooden table",
            ],
            (Family::Marble, false) => &[
                "a white marble counter",
                "a grey marble counter",
                "a black marble counter",
            ],
            (Family::Marble, true) => &[
                "a white marble floor",
                "a grey marble floor",
                "a black marble floor",
            ],
            (Family::Shelf, _) => &["a white shelf", "an oak shelf", "a walnut shelf"],
            (Family::Podium, _) => &[
                "a round white podium",
                "a round beige podium",
                "a round stone podium",
                "a round wooden podium",
            ],
            (Family::Studio, _) => &["seamless paper", "a glossy studio floor"],
            (Family::Drape, _) => &["draped cloth", "soft folded fabric"],
            (Family::Garden, _) => &["green grass", "a flat stone", "a wooden deck"],
            (Family::Beach, _) => &["fine sand", "a flat rock on the sand"],
            (Family::Bathroom, _) => &[
                "a white ceramic ledge",
                "a tiled ledge",
                "a grey stone ledge",
            ],
            (Family::Room, false) => &[
                "a white sideboard",
                "an oak sideboard",
                "a walnut sideboard",
            ],
            (Family::Room, true) => &[
                "a light oak floor",
                "a dark walnut floor",
                "a grey carpet floor",
            ],
            (Family::Desk, _) => &["a white desk", "an oak desk", "a dark grey desk"],
            (Family::Table, false) => &["a white table", "an oak table", "a walnut table"],
            (Family::Table, true) => &["a white floor", "an oak floor", "a walnut floor"],
            (Family::Plinth, _) => &["a round white podium", "a round oak podium"],
            (Family::Counter, _) => &[
                "a polished white counter",
                "a polished grey counter",
                "a polished black counter",
            ],
            (Family::Cloth, _) => &["draped cloth"],
            (Family::Lawn, _) => &["a green lawn"],
        }
    }

    /// Camera pitches that show what the family lives of, in radians.
    pub fn pitches(self) -> (f32, f32) {
        match self {
            // The horizon stays in the picture.
            Family::Beach => (0.04, 0.13),
            Family::Garden => (0.05, 0.24),
            Family::Window | Family::Desk => (0.06, 0.21),
            Family::Shelf => (0.05, 0.22),
            Family::Room => (0.07, 0.3),
            Family::Marble | Family::Bathroom => (0.08, 0.34),
            Family::Podium | Family::Studio | Family::Drape => (0.08, 0.42),
            Family::Table | Family::Counter => (0.1, 0.28),
            Family::Plinth | Family::Cloth => (0.12, 0.32),
            Family::Lawn => (0.08, 0.2),
        }
    }
}
