//! A drawn scene, ready to be rendered.
//!
//! What a label must not move is drawn from a stream of its own and kept through redraws: product,
//! pose, framing, scene family, the light's side and warmth, number of props. Only the rest is drawn
//! again when a margin is missed, but for the exceptions that the constants below and [`Fixed`] make.

use reliad_imaging::Class;

use super::{Scenes, Sizes, World};
use crate::arrange::{Ground, Placed};
use crate::camera::Camera;
use crate::color::nearest;
use crate::draw::Draw;
use crate::failure::{Failure, Foot, Wish, extension, spoil};
use crate::geometry::{Model, Rotation, Vec3, v3};
use crate::product::{Family, POOL, Product};
use crate::prop::Kind;
use crate::render::scene::{Role, Scene, Thing};
use crate::stage::{self, Body, Choice, Side};
use crate::words::{Told, caption, prompt};

const DOMAIN: u64 = 0x7361_6d70;
const DOMAIN_SCENE: u64 = 0x7363_656e;

/// Attempts with one product; one that resists for longer is replaced.
const PATIENCE: u64 = 16;
/// Attempts to clutter one family of scenes.
const FAMILY_ATTEMPTS: u64 = 8;
/// Attempts that insist on camouflage; products that no wall can match get clutter instead.
const CAMOUFLAGE_ATTEMPTS: u64 = 12;
/// The same in a studio, with three products: camouflage is as frequent there as clutter.
const STUDIO_CAMOUFLAGE_ATTEMPTS: u64 = 3 * PATIENCE;
/// Attempts with one kind of failure.
const KIND_ATTEMPTS: u64 = 8;
/// Attempts that insist on room for all the props that were drawn.
const PROP_ATTEMPTS: u64 = 6;

/// A scene that is ready to be rendered, and how it came about.
pub struct Plan {
    pub(crate) scene: Scene,
    pub(super) choice: Choice,
    pub(super) product: Product,
    pub(super) class: Class,
    pub(super) failure: Failure,
    pub(super) prompt: String,
    /// The stream that the prompt was drawn from, to draw it again when a colour has changed.
    pub(super) words: Draw,
    pub(super) named_props: usize,
    /// The least number of props that the draw has to have found room for.
    pub(super) least_props: usize,
    pub(super) share: f32,
    pub(super) scale: f32,
    pub(super) level: f32,
    pub(super) pitch: f32,
    pub(super) turn: f32,
    pub(super) kinds: Vec<Kind>,
    /// The named props of a studio, as its caption names them.
    pub(super) told: Vec<Told>,
    /// Height of the ground's far edge in the picture, 0..1 from the top, where a caption names it.
    pub(super) horizon: Option<f32>,
}

impl Plan {
    /// The words for the scene as it stands.
    pub(super) fn words(
        draw: &mut Draw,
        choice: &Choice,
        props: &[Kind],
        told: &[Told],
        horizon: Option<f32>,
    ) -> String {
        if choice.family.is_studio() {
            caption(draw, choice, told, horizon)
        } else {
            prompt(draw, choice, props)
        }
    }
}

/// What stays through redraws.
struct Fixed {
    class: Class,
    share: f32,
    /// Where the pose lies between its extremes, -1..1.
    turn: f32,
    /// Where the camera's pitch lies between the scene family's extremes, 0..1.
    pitch: f32,
    family: stage::Family,
    side: Side,
    warmth: i32,
    hard: Option<bool>,
    props: usize,
    kind: f32,
    camouflage: bool,
    product: Product,
}

impl Fixed {
    fn draw(world: &World, seed: u64, index: u64, attempt: u64) -> Fixed {
        let mut draw = Draw::new(DOMAIN, seed, index);
        let weighted = Class::from_id(draw.weighted(&world.mix)).unwrap_or(Class::Available);
        let class = world.class.unwrap_or(weighted);
        let share = draw.range(0.56, 0.775);
        let turn = draw.range(-1.0, 1.0);
        let pitch = draw.unit();
        let warmth = draw.integer(0, 2) as i32 - 1;
        let props = draw.weighted(match world.scenes {
            Scenes::Rich => &[0.08, 0.56, 0.36],
            Scenes::Studio => &[0.3, 0.42, 0.28],
        });
        let kind = draw.unit();
        let wished = draw.chance(0.85);
        for _ in 0..attempt / PATIENCE {
            draw.bits();
        }
        let usual = Product::of(world.identity(draw.bits()));
        let product = match world.sizes {
            Sizes::Usual => usual,
            Sizes::Any => usual.in_any_size(),
        };
        let indistinct = class == Class::Indistinctiveness;
        let insists = match world.scenes {
            Scenes::Rich => attempt < CAMOUFLAGE_ATTEMPTS,
            Scenes::Studio => attempt < STUDIO_CAMOUFLAGE_ATTEMPTS,
        };
        let camouflage = indistinct && wished && insists;
        let large = product.largest_cm() > Body::LARGE_CM;
        let mut of_scene = Draw::new(DOMAIN_SCENE, seed, index);
        let family_of = |draw: &mut Draw, camouflage: bool| match world.scenes {
            Scenes::Rich => stage::Family::draw(draw, large, camouflage),
            Scenes::Studio => stage::Family::draw_studio(draw, camouflage),
        };
        let mut family = family_of(&mut of_scene, camouflage);
        if indistinct && !camouflage {
            // A podium has no room for clutter.
            let mut other = Draw::new(DOMAIN_SCENE + 1, seed, index);
            for _ in 0..attempt / FAMILY_ATTEMPTS {
                family = family_of(&mut other, false);
            }
            while family.is_round() {
                family = family_of(&mut other, false);
            }
        }
        let side = *of_scene.pick(Side::of(family));
        let hard = family.is_studio().then(|| of_scene.chance(0.5));
        Fixed {
            class,
            share,
            turn,
            pitch,
            family,
            side,
            warmth,
            hard,
            // A wrong size is only seen against something.
            props: props.max(usize::from(class == Class::SizeMismatch)),
            // A kind that a product has no room for gives way before the product does.
            kind: (kind + 0.5 * (attempt / KIND_ATTEMPTS) as f32).fract(),
            camouflage,
            product,
        }
    }
}

/// The product in product lengths, turned and centred on its base.
fn posed(product: &Product, turn: f32) -> Model {
    let model = product
        .model
        .scaled(1.0 / product.largest_cm())
        .placed(Rotation::about_y(turn), Vec3::ZERO);
    let (low, high) = model.extent();
    let middle = v3(-(low.x + high.x) * 0.5, 0.0, -(low.z + high.z) * 0.5);
    model.placed(Rotation::IDENTITY, middle)
}

impl World {
    /// The identity that 64 random bits choose.
    fn identity(&self, bits: u64) -> u64 {
        match self.products.as_deref() {
            None | Some([]) => bits % POOL,
            Some(some) => some[(bits % some.len() as u64) as usize],
        }
    }

    /// Draws attempt number `attempt` at a sample.
    pub(super) fn plan(&self, seed: u64, index: u64, attempt: u64) -> Plan {
        let fixed = Fixed::draw(self, seed, index, attempt);
        let mut draw = Draw::new(DOMAIN + 1 + attempt, seed, index);
        let product = fixed.product;
        let turn = fixed.turn * product.turn;
        let model = posed(&product, turn);
        let (low, high) = model.extent();
        let size = high - low;
        let half = size * 0.5;
        let body = Body {
            cm: product.largest_cm(),
            half,
        };
        let mut choice = Choice::draw(&mut draw, fixed.family, body, product.color, 30.0);
        (choice.side, choice.warmth, choice.hard) = (fixed.side, fixed.warmth, fixed.hard);
        let (low, high) = fixed.family.pitches();
        choice.view.pitch = low + (high - low) * fixed.pitch;
        let wish = Wish {
            class: fixed.class,
            kind: fixed.kind,
            camouflage: fixed.camouflage,
            share: fixed.share,
            size,
            legged: product.family == Family::Stool && model.parts.len() > 3,
        };
        let mut failure = Failure::draw(&mut draw, &wish, &choice);
        if failure == Failure::Camouflage {
            choice.wall_color = product.color;
            choice.wall = nearest(product.color, !choice.family.is_studio());
        }
        let mut support = choice.support(&mut draw, half);
        let foot = Foot::of(&model, false);
        failure.move_support(&mut draw, &choice, &mut support, size.y, foot);

        let stage::View {
            pitch,
            distance,
            aperture,
        } = choice.view;
        let target = v3(0.0, size.y * 0.5, 0.0);
        let outline = model.outline();
        let mut camera = Camera::framing(target, distance, pitch, &outline, fixed.share);
        let mut damage = None;
        if fixed.class == Class::Unsuitable
            && let Some(spoilt) = spoil(&mut draw, fixed.kind, &model, &camera, fixed.share)
        {
            damage = Some(spoilt.damage);
            camera = spoilt.camera;
            failure = spoilt.failure;
        }
        let built = choice.build(&support);

        let mut ground = Ground {
            choice: &choice,
            support: &support,
            built: &built,
            camera: &camera,
            half,
            taken: Vec::new(),
        };
        let scale = if let Failure::Scale { factor } = failure {
            factor
        } else {
            1.0
        };
        let (count, cm) = (fixed.props, product.largest_cm());
        let props = match self.scenes {
            Scenes::Rich => ground.props(&mut draw, count, cm, scale),
            Scenes::Studio => ground.spots(&mut draw, count, cm, scale),
        };
        let clutter = if let Failure::Clutter { count } = failure {
            ground.clutter(&mut draw, count)
        } else {
            Vec::new()
        };
        let kinds: Vec<Kind> = props.iter().filter_map(|p| p.kind).collect();
        let told: Vec<Told> = props
            .iter()
            .filter_map(|prop| {
                Some(Told {
                    kind: prop.kind?,
                    color: prop.color,
                    spot: prop.spot?,
                })
            })
            .collect();
        let horizon = built
            .ends
            .map(|z| camera.project(v3(0.0, built.ground, z)).1);
        let words = draw.clone();
        let prompt = Plan::words(&mut draw, &choice, &kinds, &told, horizon);

        let thing = |model: Model, role: Role| Thing {
            model,
            role,
            casts: true,
        };
        let mut things = vec![thing(model.clone(), Role::Product)];
        if let Failure::Extends { part, length } = failure {
            let added = extension(&mut draw, part, length, &model, turn);
            things.push(thing(added, Role::Extension));
        }
        let named_props = props.len();
        let standing = props.into_iter().chain(clutter);
        things.extend(standing.map(|p: Placed| thing(p.model, Role::Prop)));
        things.extend(built.things);
        let scene = Scene {
            things,
            camera,
            light: built.light,
            backdrop: built.backdrop,
            seamless: built.seamless,
            focus: camera.depth(target),
            aperture,
            wide_open: choice.family.is_studio(),
            vignette: draw.range(0.05, 0.22),
            shadow_offset: failure.shadow_offset(&mut draw, built.light.direction, size.y, foot),
            damage,
        };
        Plan {
            scene,
            choice,
            product,
            class: fixed.class,
            failure,
            prompt,
            words,
            named_props,
            least_props: if attempt < PROP_ATTEMPTS {
                fixed.props
            } else {
                usize::from(fixed.class == Class::SizeMismatch)
            },
            share: fixed.share,
            scale,
            level: support.level,
            pitch,
            turn,
            kinds,
            told,
            horizon,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn props_of_a_studio_stand_where_their_captions_say() {
        let world = World {
            scenes: Scenes::Studio,
            ..World::default()
        };
        let (mut left, mut right) = (0, 0);
        for index in 0..120 {
            let plan = world.plan(3, index, 0);
            let props = plan.scene.things.iter().filter(|t| t.role == Role::Prop);
            for (thing, told) in props.zip(&plan.told) {
                let (low, high) = thing.model.extent();
                let middle = (low + high) * 0.5;
                let across = plan.scene.camera.project(middle).0;
                assert_eq!(across > 0.5, told.spot.right, "{}", plan.prompt);
                assert_eq!(middle.z < -0.5, told.spot.behind, "{}", plan.prompt);
                left += usize::from(!told.spot.right);
                right += usize::from(told.spot.right);
            }
        }
        assert!(left > 30 && right > 30, "{left} {right}");
    }
}
