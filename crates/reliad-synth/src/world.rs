//! From (seed, index) to a sample: draws, builds, checks on a preview, renders.

use image::{GrayImage, RgbImage, RgbaImage};
use reliad_imaging::Class;
use serde_json::{Value, json};

use crate::arrange::{Ground, Placed};
use crate::camera::Camera;
use crate::color::{nearest, to_linear};
use crate::draw::Draw;
use crate::failure::{Extension, Failure, Foot, extension};
use crate::geometry::{Rotation, Vec3, v3};
use crate::measure::{Separation, separation};
use crate::product::{Family, POOL, Product};
use crate::prop::Kind;
use crate::render::scene::{Role, Scene, Thing};
use crate::render::{Rendered, render, render_product};
use crate::stage::{self, Choice};
use crate::words::prompt;

const DOMAIN: u64 = 0x7361_6d70;
const PREVIEW: u32 = 48;
const ATTEMPTS: u64 = 240;

/// Available pictures keep at least this median Lab distance along the silhouette.
pub const CLEAR: f32 = 25.0;
/// Camouflaged products have at most this one.
pub const CLOSE: f32 = 11.0;

/// Which labels a world holds.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// Weights of classes 0 to 4.
    pub mix: [f32; 5],
    /// One class for all samples instead of the mix.
    pub class: Option<Class>,
    /// Identities of the products to draw from, each below [`POOL`] and at least one; absent: all.
    pub products: Option<Vec<u64>>,
}

impl Default for World {
    /// Half available, an eighth each failure.
    fn default() -> Self {
        World {
            mix: [4.0, 1.0, 1.0, 1.0, 1.0],
            class: None,
            products: None,
        }
    }
}

/// One sample: layers, exact maps, texts and the label.
pub struct Sample {
    /// The product on the canvas: straight alpha, centred, its larger side 0.55 to 0.78 of the canvas.
    pub product: RgbaImage,
    /// The product over the scene; equals the product's pixels where alpha is 255.
    pub picture: RgbImage,
    /// Inverse depth of the picture's visible surfaces, row by row, 0 (farthest) to 1 (nearest).
    pub depth: Vec<f32>,
    /// Coverage of the product and of what the scene adds to it.
    pub saliency: GrayImage,
    /// The product's catalogue title with its size.
    pub title: String,
    /// The scene's prompt.
    pub prompt: String,
    /// The label.
    pub class: Class,
    /// The product's identity, 0 to [`POOL`]; split by it.
    pub product_id: u64,
    /// Everything that was drawn and measured.
    pub parameters: Value,
}

impl Sample {
    /// The depth as 8-bit grey.
    pub fn depth_image(&self) -> GrayImage {
        let (w, h) = self.picture.dimensions();
        GrayImage::from_fn(w, h, |x, y| {
            image::Luma([(self.depth[(y * w + x) as usize] * 255.0 + 0.5) as u8])
        })
    }
}

/// The sample of the default world. A pure function: the same arguments give the same bytes on one
/// machine, whatever the threads; only pixels depend on `size` (of the square canvas).
pub fn sample(seed: u64, index: u64, size: u32) -> Sample {
    World::default().sample(seed, index, size)
}

/// Titles and prompts of the first `count` samples, without rendering them. A prompt may differ
/// from the sample's own where the preview rejects the first draw; the language is the same.
pub fn corpus(seed: u64, count: u64) -> Vec<(String, String)> {
    let world = World::default();
    (0..count)
        .map(|index| {
            let plan = world.plan(seed, index, 0);
            (plan.product.title, plan.prompt)
        })
        .collect()
}

/// A scene that is ready to be rendered, and how it came about.
struct Plan {
    scene: Scene,
    choice: Choice,
    product: Product,
    class: Class,
    failure: Failure,
    prompt: String,
    /// The stream that the prompt was drawn from, to draw it again when a colour has changed.
    words: Draw,
    named_props: usize,
    share: f32,
    scale: f32,
    level: f32,
    pitch: f32,
    turn: f32,
    kinds: Vec<Kind>,
}

impl World {
    /// The sample of this world; see [`sample`].
    pub fn sample(&self, seed: u64, index: u64, size: u32) -> Sample {
        let mut attempt = 0;
        let (plan, measured, checked) = loop {
            let mut plan = self.plan(seed, index, attempt);
            if attempt + 1 < ATTEMPTS && plan.is_hopeless() {
                attempt += 1;
                continue;
            }
            let preview = plan.preview();
            if let Some(measured) = plan.check(&preview) {
                break (plan, measured, true);
            }
            attempt += 1;
            if attempt == ATTEMPTS {
                let measured = separation(&preview.product, &preview.scene);
                break (plan, measured, false);
            }
        };
        let rendered = render(&plan.scene, size);
        let mut parameters = plan.parameters(&measured);
        parameters["seed"] = json!(seed);
        parameters["index"] = json!(index);
        parameters["attempt"] = json!(attempt);
        parameters["margins_kept"] = json!(checked);
        Sample {
            product: rendered.product,
            picture: rendered.picture,
            depth: rendered.depth,
            saliency: rendered.saliency,
            title: plan.product.title,
            prompt: plan.prompt,
            class: plan.class,
            product_id: plan.product.id,
            parameters,
        }
    }

    /// The identity that 64 random bits choose.
    fn identity(&self, bits: u64) -> u64 {
        match self.products.as_deref() {
            None | Some([]) => bits % POOL,
            Some(some) => some[(bits % some.len() as u64) as usize],
        }
    }

    fn plan(&self, seed: u64, index: u64, attempt: u64) -> Plan {
        // Class, product and framing don't depend on the attempt, so that rejection can't skew them;
        // a product that resists for long is replaced.
        let mut fixed = Draw::new(DOMAIN, seed, index);
        let class = match self.class {
            Some(class) => class,
            None => Class::from_id(fixed.weighted(&self.mix)).unwrap_or(Class::Available),
        };
        let share = fixed.range(0.56, 0.775);
        let camouflage = class == Class::Indistinctiveness && fixed.chance(0.5);
        // Products of several colours can't be camouflaged: others are tried at once.
        for _ in 0..attempt / if camouflage { 1 } else { 12 } {
            fixed.bits();
        }
        let product = Product::of(self.identity(fixed.bits()));
        let mut draw = Draw::new(DOMAIN + 1 + attempt, seed, index);

        let unit = 1.0 / product.largest_cm();
        let turn = draw.range(-product.turn, product.turn);
        let model = product
            .model
            .scaled(unit)
            .placed(Rotation::about_y(turn), Vec3::ZERO);
        let (low, high) = model.extent();
        let model = model.placed(
            Rotation::IDENTITY,
            v3(-(low.x + high.x) * 0.5, 0.0, -(low.z + high.z) * 0.5),
        );
        let size = high - low;
        let half = size * 0.5;
        let large = product.largest_cm() > 38.0;

        let family = stage::Family::ALL[draw.below(4)];
        let mut choice = Choice::draw(&mut draw, family, large, product.color, 30.0);
        let legged = product.family == Family::Stool && model.parts.len() > 3;
        let failure = if camouflage {
            Failure::Camouflage
        } else {
            Failure::draw(&mut draw, class, &choice, share, size, legged)
        };
        if camouflage {
            if choice.family == stage::Family::Garden {
                choice.family = stage::Family::Podium;
                choice.variant = draw.below(3);
                choice.floor = large && choice.family != stage::Family::Podium;
            }
            choice.wall_color = product.color;
            choice.wall = nearest(product.color, true);
        }
        let mut support = choice.support(&mut draw, half);
        let foot = Foot::of(&model, false);
        failure.move_support(&mut draw, &choice, &mut support, size.y, foot);

        let pitch = draw.range(0.09, 0.33);
        let distance = draw.range(3.4, 5.2);
        let target = v3(0.0, size.y * 0.5, 0.0);
        let camera = Camera::framing(target, distance, pitch, &model.outline(), share);
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
        let count = match failure {
            Failure::Scale { .. } => draw.integer(1, 2),
            Failure::Clutter { .. } => draw.integer(2, 3),
            _ => draw.weighted(&[0.3, 0.45, 0.25]),
        };
        let props = ground.props(&mut draw, count, product.largest_cm(), scale);
        let clutter = if let Failure::Clutter { count } = failure {
            ground.clutter(&mut draw, count)
        } else {
            Vec::new()
        };
        let kinds: Vec<Kind> = props.iter().filter_map(|p| p.kind).collect();
        let words = draw.clone();
        let prompt = prompt(&mut draw, &choice, &kinds);

        let mut things = vec![Thing {
            model: model.clone(),
            role: Role::Product,
            casts: true,
        }];
        if let Failure::Extends { part, length } = failure {
            let added = extension(&mut draw, part, length, &model, turn);
            things.push(Thing {
                model: added,
                role: Role::Extension,
                casts: true,
            });
        }
        let named_props = props.len();
        let as_thing = |p: Placed| Thing {
            model: p.model,
            role: Role::Prop,
            casts: true,
        };
        things.extend(props.into_iter().map(as_thing));
        things.extend(clutter.into_iter().map(as_thing));
        things.extend(built.things);
        let scene = Scene {
            things,
            camera,
            light: built.light,
            backdrop: built.backdrop,
            seamless: built.seamless,
            focus: camera.depth(target),
            aperture: draw.range(0.015, 0.055),
            vignette: draw.range(0.05, 0.22),
            shadow_offset: Vec3::ZERO,
            damage: None,
        };
        Plan {
            scene,
            choice,
            product,
            class,
            failure,
            prompt,
            words,
            named_props,
            share,
            scale,
            level: support.level,
            pitch,
            turn,
            kinds,
        }
    }
}

impl Plan {
    /// Whether the product's layer alone shows that no wall can camouflage it.
    fn is_hopeless(&self) -> bool {
        if self.failure != Failure::Camouflage {
            return false;
        }
        let size = PREVIEW * 3 / 4;
        let product = render_product(&self.scene, size);
        separation(&product, &RgbImage::new(size, size)).variety > CLOSE
    }

    /// A small picture; for camouflage, with the background pulled to the product's colour.
    fn preview(&mut self) -> Rendered {
        let mut preview = render(&self.scene, PREVIEW);
        if self.failure == Failure::Camouflage {
            for _ in 0..3 {
                let seen = separation(&preview.product, &preview.scene);
                // A body of several colours can't be matched by one.
                if seen.median <= CLOSE * 0.6 || seen.variety > CLOSE {
                    break;
                }
                let wanted = to_linear(seen.product / 255.0);
                let found = to_linear(seen.behind / 255.0);
                let ratio = |a: f32, b: f32| ((a + 0.004) / (b + 0.004)).clamp(0.4, 2.5);
                let pull = v3(
                    ratio(wanted.x, found.x),
                    ratio(wanted.y, found.y),
                    ratio(wanted.z, found.z),
                );
                let before = self.choice.wall_color;
                self.choice.wall_color = (before * pull).min(Vec3::splat(0.95));
                self.repaint(before);
                preview = render(&self.scene, PREVIEW);
            }
            self.choice.wall = nearest(self.choice.wall_color, true);
            self.prompt = prompt(&mut self.words.clone(), &self.choice, &self.kinds);
        }
        preview
    }

    /// Gives the walls the choice's colour.
    fn repaint(&mut self, before: Vec3) {
        let after = self.choice.wall_color;
        let pull = v3(
            after.x / before.x.max(1e-4),
            after.y / before.y.max(1e-4),
            after.z / before.z.max(1e-4),
        );
        if let crate::render::scene::Backdrop::Gradient { low, high, .. } = &mut self.scene.backdrop
        {
            *low = *low * pull;
            *high = *high * pull;
        }
        // The podium keeps its own material; walls, tiles and paper follow.
        for thing in self.scene.things.iter_mut().filter(|t| t.role == Role::Set) {
            for part in &mut thing.model.parts {
                part.material.repaint(before, after);
            }
        }
    }

    /// Whether the picture keeps every margin of its label; the measured separation if so.
    fn check(&self, preview: &Rendered) -> Option<Separation> {
        let area = (PREVIEW * PREVIEW) as f32;
        let seen = |index: usize| preview.visible[index] as f32 / area;
        let measured = separation(&preview.product, &preview.scene);
        let extensions = usize::from(matches!(self.failure, Failure::Extends { .. }));
        let props = 1 + extensions..1 + extensions + self.named_props;
        let camouflage = self.failure == Failure::Camouflage;
        let clutter = matches!(self.failure, Failure::Clutter { .. });
        if camouflage && (measured.median > CLOSE || measured.upper > CLOSE * 1.6) {
            return None;
        }
        if !camouflage && !clutter && measured.median < CLEAR {
            return None;
        }
        // What the prompt names can be seen.
        if props.clone().take(2).any(|i| seen(i) < 0.004) {
            return None;
        }
        match self.failure {
            Failure::Scale { factor } => {
                let least = if factor > 1.0 { 0.03 } else { 0.007 };
                if self.named_props == 0 || props.clone().map(seen).fold(0.0, f32::max) < least {
                    return None;
                }
            }
            Failure::Clutter { .. } => {
                let things = self
                    .scene
                    .things
                    .iter()
                    .enumerate()
                    .filter(|(_, t)| t.role == Role::Prop);
                let (mut count, mut cover) = (0, 0.0);
                for (index, _) in things {
                    count += usize::from(seen(index) > 0.002);
                    cover += seen(index);
                }
                if count < 9 || cover < 0.12 {
                    return None;
                }
            }
            Failure::Extends { part, .. } => {
                let least = if matches!(part, Extension::Legs | Extension::Handle) {
                    0.004
                } else {
                    0.01
                };
                if seen(1) < least {
                    return None;
                }
            }
            Failure::Floats { gap } => {
                let (_, y) = self
                    .scene
                    .camera
                    .project(v3(0.0, -gap * self.height(), 0.0));
                if y > 0.97 {
                    return None;
                }
            }
            _ => {}
        }
        Some(measured)
    }

    fn height(&self) -> f32 {
        self.product.size_cm.y / self.product.largest_cm()
    }

    fn parameters(&self, measured: &Separation) -> Value {
        let side = format!("{:?}", self.choice.side).to_lowercase();
        let kinds: Vec<String> = self
            .kinds
            .iter()
            .map(|k| format!("{k:?}").to_lowercase())
            .collect();
        json!({
            "product_family": self.product.family.name(),
            "product_cm": [self.product.size_cm.x, self.product.size_cm.y, self.product.size_cm.z],
            "product_color": self.product.color_name,
            "share": self.share,
            "turn": self.turn,
            "pitch": self.pitch,
            "scene_family": self.choice.family.name(),
            "surface": self.choice.surface(),
            "background": self.choice.background(true),
            "light_side": side,
            "light_warmth": self.choice.warmth,
            "window": self.choice.window(),
            "surface_level": self.level / self.height(),
            "props": kinds,
            "prop_scale": self.scale,
            "clutter": self.scene.things.iter().filter(|t| t.role == Role::Prop).count() - self.named_props,
            "failure": self.failure,
            "separation": measured.median,
        })
    }
}
