//! Products: seventeen families, each with many shapes, colours and printed labels, of known
//! material and real size.

mod backpack;
mod bottle;
mod camera;
mod carton;
mod handbag;
mod headphones;
mod jar;
mod lamp;
mod lipstick;
mod look;
mod make;
mod mug;
mod pool;
mod pot;
mod shoe;
mod speaker;
mod stool;
mod suitcase;
mod tube;
mod vase;

use std::ops::RangeInclusive;

use crate::draw::Draw;
use crate::geometry::{Model, Rotation, Vec3};

pub use pool::{POOL, Pool, UNSEEN};

const DOMAIN: u64 = 0x7072_6f64;
const DOMAIN_SIZE: u64 = 0x7369_7a65;

/// Share of the products whose look doesn't tell their size, where sizes are free.
pub const UNUSUAL: f32 = 0.5;
/// The smallest miniatures are so many times as big as the things that they look like.
pub const LEAST_FACTOR: f32 = 0.25;
/// And the largest display pieces.
pub const LARGEST_FACTOR: f32 = 4.0;
/// Width or height of products in all sizes, whichever is larger, in centimetres: props of known size fit beside all of them.
pub const SIZES_CM: RangeInclusive<f32> = 4.5..=120.0;

/// What kind of thing a product is, with its usual sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Drinks, oils, soaps: 12 to 32 cm.
    Bottle,
    /// Creams and candles: 4 to 10 cm.
    Jar,
    /// Mugs: 8 to 12 cm.
    Mug,
    /// Folded cartons: 7 to 30 cm.
    Carton,
    /// Loudspeakers: 9 to 38 cm.
    Speaker,
    /// Table lamps: 28 to 58 cm.
    Lamp,
    /// Stools: 42 to 60 cm.
    Stool,
    /// Tubes on their caps: 9 to 20 cm.
    Tube,
    /// Cooking pots, kettles and teapots: 8 to 27 cm.
    Pot,
    /// Lipsticks: 7 to 9 cm.
    Lipstick,
    /// Photo cameras: 10 to 16 cm wide.
    Camera,
    /// Suitcases on wheels: 49 to 75 cm.
    Suitcase,
    /// Sneakers: 26 to 31 cm long.
    Shoe,
    /// Headphones: 17 to 20 cm.
    Headphones,
    /// Handbags: 19 to 37 cm.
    Handbag,
    /// Backpacks: 28 to 46 cm.
    Backpack,
    /// Vases: 14 to 36 cm.
    Vase,
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 17] = [
        Family::Bottle,
        Family::Jar,
        Family::Mug,
        Family::Carton,
        Family::Speaker,
        Family::Lamp,
        Family::Stool,
        Family::Tube,
        Family::Pot,
        Family::Lipstick,
        Family::Camera,
        Family::Suitcase,
        Family::Shoe,
        Family::Headphones,
        Family::Handbag,
        Family::Backpack,
        Family::Vase,
    ];

    /// The word in parameters.
    pub fn name(self) -> &'static str {
        match self {
            Family::Bottle => "bottle",
            Family::Jar => "jar",
            Family::Mug => "mug",
            Family::Carton => "carton",
            Family::Speaker => "speaker",
            Family::Lamp => "lamp",
            Family::Stool => "stool",
            Family::Tube => "tube",
            Family::Pot => "pot",
            Family::Lipstick => "lipstick",
            Family::Camera => "camera",
            Family::Suitcase => "suitcase",
            Family::Shoe => "shoe",
            Family::Headphones => "headphones",
            Family::Handbag => "handbag",
            Family::Backpack => "backpack",
            Family::Vase => "vase",
        }
    }
}

/// A product of the pool.
#[derive(Clone, Debug)]
pub struct Product {
    /// Its number in the pool.
    pub id: u64,
    /// Its family.
    pub family: Family,
    /// Its body in centimetres, base at y = 0, front towards +z.
    pub model: Model,
    /// Width, height and depth in centimetres.
    pub size_cm: Vec3,
    /// The catalogue's title, which says how big it is.
    pub title: String,
    /// The title for other sizes.
    titles: look::Title,
    /// The colour of most of it, linear light.
    pub color: Vec3,
    /// The palette's word for that colour.
    pub color_name: &'static str,
    /// The word for what most of it is made of.
    pub material: &'static str,
    /// The largest angle, in radians, by which it may be turned from its front.
    pub turn: f32,
}

impl Product {
    /// Product number `id`, of the pool or unseen; always the same for a number.
    pub fn of(id: u64) -> Product {
        let mut draw = Draw::new(DOMAIN, id, 0);
        let family = Family::ALL[draw.below(Family::ALL.len())];
        Self::draw(id, family, &mut draw)
    }

    /// A product of this family.
    pub fn draw(id: u64, family: Family, draw: &mut Draw) -> Product {
        let made = match family {
            Family::Bottle => bottle::draw(draw),
            Family::Jar => jar::draw(draw),
            Family::Mug => mug::draw(draw),
            Family::Carton => carton::draw(draw),
            Family::Speaker => speaker::draw(draw),
            Family::Lamp => lamp::draw(draw),
            Family::Stool => stool::draw(draw),
            Family::Tube => tube::draw(draw),
            Family::Pot => pot::draw(draw),
            Family::Lipstick => lipstick::draw(draw),
            Family::Camera => camera::draw(draw),
            Family::Suitcase => suitcase::draw(draw),
            Family::Shoe => shoe::draw(draw),
            Family::Headphones => headphones::draw(draw),
            Family::Handbag => handbag::draw(draw),
            Family::Backpack => backpack::draw(draw),
            Family::Vase => vase::draw(draw),
        };
        let (low, high) = made.model.extent();
        // Rounding lifts some bodies a little.
        let model = made.model.placed(Rotation::IDENTITY, Vec3::UP * -low.y);
        Product {
            id,
            family,
            model,
            size_cm: high - low,
            title: made.title.at(1.0),
            titles: made.title,
            color: made.color.linear(),
            color_name: made.color.name,
            material: made.material,
            turn: made.turn,
        }
    }

    /// The same thing in a size that its look doesn't tell, always the same for a number: as it is, or in [`UNUSUAL`] of the
    /// cases [`LEAST_FACTOR`] to [`LARGEST_FACTOR`] times as big, even in the logarithm, within [`SIZES_CM`].
    pub fn in_any_size(mut self) -> Product {
        let mut draw = Draw::new(DOMAIN_SIZE, self.id, 0);
        if !draw.chance(UNUSUAL) {
            return self;
        }
        let largest = self.largest_cm();
        let least = LEAST_FACTOR.max(SIZES_CM.start() / largest);
        let most = LARGEST_FACTOR.min(SIZES_CM.end() / largest);
        let factor = draw.log_range(least, most);
        self.model = self.model.scaled(factor);
        self.size_cm = self.size_cm * factor;
        self.title = self.titles.at(factor);
        self
    }

    /// The largest of width and height in centimetres: what fills the canvas.
    pub fn largest_cm(&self) -> f32 {
        self.size_cm.x.max(self.size_cm.y)
    }
}

/// What a family's `draw` gives.
struct Made {
    model: Model,
    title: look::Title,
    color: crate::color::Named,
    turn: f32,
    material: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_stand_on_the_ground_and_their_titles_state_their_size() {
        for id in 0..POOL + 500 {
            let product = Product::of(id);
            let (low, high) = product.model.extent();
            assert!(low.y.abs() < 0.002, "{}: base at {}", product.title, low.y);
            assert!(
                product.title.len() < 90 && !product.material.is_empty(),
                "{}",
                product.title
            );
            assert!(
                (3.0..=80.0).contains(&product.largest_cm()),
                "{}: {:?}",
                product.title,
                product.size_cm
            );
            let stated = stated_cm(&product);
            assert!(
                (stated - high.y).abs() <= 0.75,
                "{}: {} high",
                product.title,
                high.y
            );
        }
    }

    /// The height that the title states.
    fn stated_cm(product: &Product) -> f32 {
        let words = product.title.split_whitespace();
        let units = words.clone().skip(1);
        words
            .zip(units)
            .find(|(_, unit)| unit.starts_with("cm"))
            .and_then(|(number, _)| number.parse().ok())
            .unwrap_or(0.0)
    }

    #[test]
    fn every_second_product_has_a_size_that_only_its_title_tells() {
        let (mut other, mut smaller) = (0, 0);
        for id in 0..POOL {
            let usual = Product::of(id);
            let any = Product::of(id).in_any_size();
            let factor = any.largest_cm() / usual.largest_cm();
            if factor == 1.0 {
                assert_eq!(any.title, usual.title);
                continue;
            }
            other += 1;
            smaller += usize::from(factor < 1.0);
            let range = LEAST_FACTOR * 0.999..=LARGEST_FACTOR * 1.001;
            assert!(range.contains(&factor), "{}: {factor}", any.title);
            let size = any.largest_cm();
            let range = SIZES_CM.start() * 0.999..=SIZES_CM.end() * 1.001;
            assert!(range.contains(&size), "{}: {size}", any.title);
            // Titles are rounded to whole centimetres where that is within 0.3, or from 10 on.
            let stated = stated_cm(&any);
            let told = stated - stated_cm(&usual) * factor;
            assert!(
                told.abs() < 0.51 + 0.5 * factor,
                "{} of {factor}",
                any.title
            );
            // The same look: one outline, in lengths of its own.
            let outlines = [&usual, &any].map(|p| p.model.scaled(1.0 / p.largest_cm()).outline());
            let pairs = outlines[0].iter().zip(&outlines[1]);
            let apart = pairs.map(|(a, b)| (*a - *b).length()).fold(0.0, f32::max);
            assert!(apart < 1e-4, "{}: {apart}", any.title);
        }
        assert!((900..1100).contains(&other), "{other}");
        let share = smaller as f32 / other as f32;
        assert!((0.35..0.65).contains(&share), "{share} smaller");
    }

    #[test]
    fn every_family_is_in_the_pool_and_identities_differ() {
        let mut titles = std::collections::BTreeSet::new();
        let mut families = std::collections::BTreeSet::new();
        for id in 0..POOL {
            let product = Product::of(id);
            families.insert(product.family);
            titles.insert(product.title);
        }
        assert_eq!(families.len(), Family::ALL.len());
        assert!(titles.len() > 1000, "{}", titles.len());
    }
}
