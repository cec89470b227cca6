//! The renderer: one scene in, the product's layer and the picture with exact depth out.

mod casters;
pub mod damage;
pub mod layer;
mod mean;
pub mod scene;
pub mod shade;
mod sight;

use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};

use crate::geometry::{Rotation, Vec3};
use crate::texture::smooth;
use layer::Layer;
use scene::{Hit, LARGEST_BLUR, Role, Scene, Thing};
use shade::{shade, tone};
use sight::Sight;

/// The product's role, as bits for [`Scene::trace`].
pub const PRODUCT: u8 = Role::Product as u8;
/// The roles of everything but the product.
pub const BEHIND: u8 = Role::Extension as u8 | Role::Prop as u8 | Role::Set as u8;

/// A rendered scene.
pub struct Rendered {
    /// The product alone, straight alpha, black where it is fully transparent.
    pub product: RgbaImage,
    /// The product over the scene.
    pub picture: RgbImage,
    /// The scene without the product but with its shadow; unlit where it lies deep behind the product.
    pub scene: RgbImage,
    /// Inverse depth of what the picture shows, 0 (farthest) to 1 (nearest).
    pub depth: Vec<f32>,
    /// The product's coverage, and invented extensions'.
    pub saliency: GrayImage,
    /// Number of pixels in which each thing of the scene is seen behind the product.
    pub visible: Vec<u32>,
}

/// Renders all layers of a square picture.
pub fn render(scene: &Scene, size: u32) -> Rendered {
    let n = size as usize;
    let (product, product_image) = product_layer(scene, n);
    let open: Vec<bool> = product_image.pixels().map(|p| p[3] < 255).collect();
    // Blur gathers from as far as its largest disc, and edges and light from 4 pixels on.
    let wanted = dilated(&open, n, (n as f32 * LARGEST_BLUR).ceil() as usize + 4);
    let (behind, mut color) = scene_layer(scene, n, &wanted);
    if scene.wide_open {
        blur::<56>(scene, &behind, &open, &mut color);
    } else {
        blur::<28>(scene, &behind, &open, &mut color);
    }

    let mut picture = RgbImage::new(size, size);
    let mut backing = RgbImage::new(size, size);
    let mut saliency = GrayImage::new(size, size);
    let mut near = Vec::with_capacity(n * n);
    let mut visible = vec![0u32; scene.things.len()];
    for y in 0..n {
        for x in 0..n {
            let i = y * n + x;
            let (u, v) = ((x as f32 + 0.5) / n as f32, (y as f32 + 0.5) / n as f32);
            let corner = ((u - 0.5).powi(2) + (v - 0.5).powi(2)) * 2.0;
            let display = tone(color[i] * (1.0 - scene.vignette * smooth(0.15, 1.0, corner)));
            let Rgba([r, g, b, a]) = *product_image.get_pixel(x as u32, y as u32);
            let cover = f32::from(a) / 255.0;
            let rgb = [display.x, display.y, display.z].map(|c| (c * 255.0 + 0.5) as u8);
            backing.put_pixel(x as u32, y as u32, Rgb(rgb));
            let over = |top: u8, below: u8| {
                (f32::from(top) * cover + f32::from(below) * (1.0 - cover) + 0.5) as u8
            };
            picture.put_pixel(
                x as u32,
                y as u32,
                Rgb([over(r, rgb[0]), over(g, rgb[1]), over(b, rgb[2])]),
            );
            let seen = &behind.seen[i];
            let invented = seen
                .hit
                .is_some_and(|h| scene.things[h.thing].role == Role::Extension);
            saliency.put_pixel(x as u32, y as u32, Luma([if invented { 255 } else { a }]));
            let front = product.seen[i];
            let there = scene.damage.is_none_or(|damage| damage.keeps(u, v));
            let inverse = if front.hit.is_some() && there {
                1.0 / scene.camera.depth(front.point)
            } else if let Some(hit) = seen.hit {
                visible[hit.thing] += 1;
                1.0 / scene.camera.depth(seen.point)
            } else {
                0.0
            };
            near.push(inverse);
        }
    }
    let low = near.iter().copied().fold(f32::INFINITY, f32::min);
    let high = near.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let span = if high > low { high - low } else { 1.0 };
    for value in &mut near {
        *value = (*value - low) / span;
    }
    Rendered {
        product: product_image,
        picture,
        scene: backing,
        depth: near,
        saliency,
        visible,
    }
}

/// Number of pixels in which each thing is seen behind the product, as [`Rendered::visible`] but
/// without any light.
pub fn visible(scene: &Scene, size: u32) -> Vec<u32> {
    let n = size as usize;
    let step = 1.0 / size as f32;
    let product = Sight::new(scene, n, PRODUCT);
    let behind = Sight::new(scene, n, BEHIND);
    let mut count = vec![0; scene.things.len()];
    for y in 0..n {
        for x in 0..n {
            let (u, v) = ((x as f32 + 0.5) * step, (y as f32 + 0.5) * step);
            let d = scene.camera.ray(u, v);
            let there = scene.damage.is_none_or(|damage| damage.keeps(u, v));
            if there && product.trace(x, y, d).is_some() {
                continue;
            }
            if let Some(hit) = behind.trace(x, y, d) {
                count[hit.thing] += 1;
            }
        }
    }
    count
}

/// Renders the product's layer only.
pub fn render_product(scene: &Scene, size: u32) -> RgbaImage {
    product_layer(scene, size as usize).1
}

/// The product's layer and its picture, with what it lacks.
fn product_layer(scene: &Scene, n: usize) -> (Layer, RgbaImage) {
    let sight = Sight::new(scene, n, PRODUCT);
    let layer = Layer::render(scene, &sight, PRODUCT, None);
    let mut image = product_pixels(scene, &sight, &layer);
    if let Some(damage) = &scene.damage {
        damage.apply(&mut image);
    }
    (layer, image)
}

/// Renders what lies behind the product, sharp, in display values 0..1, row by row.
pub fn render_behind(scene: &Scene, size: u32) -> Vec<Vec3> {
    let n = size as usize;
    let (_, color) = scene_layer(scene, n, &vec![true; n * n]);
    color.into_iter().map(tone).collect()
}

/// The layer behind the product and its sharp linear colours. There the product only casts its
/// shadow and its reflection, from where the scene says.
fn scene_layer(scene: &Scene, n: usize, wanted: &[bool]) -> (Layer, Vec<Vec3>) {
    let moved;
    let scene = if scene.shadow_offset == Vec3::ZERO {
        scene
    } else {
        let mut other = scene.clone();
        let product = |thing: &&mut Thing| thing.role == Role::Product;
        for thing in other.things.iter_mut().filter(product) {
            thing.model = thing.model.placed(Rotation::IDENTITY, scene.shadow_offset);
        }
        moved = other;
        &moved
    };
    let sight = Sight::new(scene, n, BEHIND);
    let layer = Layer::render(scene, &sight, PRODUCT | BEHIND, Some(wanted));
    let color = scene_pixels(scene, &sight, &layer, wanted);
    (layer, color)
}

/// Which pixels have a marked one at most `reach` rows and columns away.
fn dilated(marked: &[bool], n: usize, reach: usize) -> Vec<bool> {
    let spread = |source: &[bool], at: &dyn Fn(usize, usize) -> usize| {
        let mut out = vec![false; n * n];
        for line in 0..n {
            // The first place that is not yet filled, so that each is filled once.
            let mut next = 0;
            for place in 0..n {
                if source[at(line, place)] {
                    let end = (place + reach + 1).min(n);
                    for there in next.max(place.saturating_sub(reach))..end {
                        out[at(line, there)] = true;
                    }
                    next = end;
                }
            }
        }
        out
    };
    let rows = spread(marked, &|line, place| line * n + place);
    spread(&rows, &|line, place| place * n + line)
}

fn pixel_color(scene: &Scene, layer: &Layer, x: usize, y: usize) -> Option<Vec3> {
    let seen = &layer.seen[y * layer.size + x];
    let hit = seen.hit?;
    let (u, v) = (
        (x as f32 + 0.5) / layer.size as f32,
        (y as f32 + 0.5) / layer.size as f32,
    );
    let d = scene.camera.ray(u, v);
    Some(shade(
        scene,
        &hit,
        seen.point,
        d,
        (seen.key, seen.open, seen.mirror),
        (u, v),
    ))
}

/// A ray through a place inside pixel `(x, y)`, given in 0..1 of the pixel.
fn sub_hit(
    scene: &Scene,
    sight: &Sight,
    x: usize,
    y: usize,
    at: (f32, f32),
) -> (Option<Hit>, Vec3, (f32, f32)) {
    let (u, v) = (
        (x as f32 + at.0) / sight.size as f32,
        (y as f32 + at.1) / sight.size as f32,
    );
    let d = scene.camera.ray(u, v);
    (sight.trace(x, y, d), d, (u, v))
}

const ROTATED_GRID: [(f32, f32); 4] = [
    (0.375, 0.125),
    (0.875, 0.375),
    (0.625, 0.875),
    (0.125, 0.625),
];

/// Whether the pixel differs enough from a neighbour to need finer sampling.
fn is_edge(layer: &Layer, toned: &[Vec3], x: usize, y: usize) -> bool {
    let n = layer.size;
    let here = y * n + x;
    let own = layer.seen[here].hit.map(|h| (h.thing, h.part));
    let differs = |there: usize| {
        layer.seen[there].hit.map(|h| (h.thing, h.part)) != own
            || (toned[there] - toned[here]).abs().max_component() > 0.07
    };
    (x > 0 && differs(here - 1))
        || (x + 1 < n && differs(here + 1))
        || (y > 0 && differs(here - n))
        || (y + 1 < n && differs(here + n))
}

fn product_pixels(scene: &Scene, sight: &Sight, layer: &Layer) -> RgbaImage {
    let n = layer.size;
    let near = |x: usize| x.saturating_sub(1)..(x + 2).min(n);
    let covered_near = |x: usize, y: usize| -> usize {
        let rows = near(y).map(|y| &layer.seen[y * n..][near(x)]);
        rows.map(|row| row.iter().filter(|pixel| pixel.hit.is_some()).count())
            .sum()
    };
    let fine: [(f32, f32); 16] =
        std::array::from_fn(|i| (((i % 4) as f32 + 0.5) / 4.0, ((i / 4) as f32 + 0.5) / 4.0));
    let toned: Vec<Vec3> = (0..n * n)
        .map(|i| pixel_color(scene, layer, i % n, i / n).map_or(Vec3::ZERO, tone))
        .collect();
    let mut image = RgbaImage::new(n as u32, n as u32);
    for y in 0..n {
        for x in 0..n {
            let grid = match covered_near(x, y) {
                0 => continue,
                9 if is_edge(layer, &toned, x, y) => ROTATED_GRID.as_slice(),
                9 => {
                    put(&mut image, x, y, toned[y * n + x], 255);
                    continue;
                }
                _ => fine.as_slice(),
            };
            let mut sum = Vec3::ZERO;
            let mut covered = 0;
            for &at in grid {
                let (hit, d, canvas) = sub_hit(scene, sight, x, y, at);
                if let Some(hit) = hit {
                    let point = scene.camera.position + d * hit.t;
                    sum += tone(shade(
                        scene,
                        &hit,
                        point,
                        d,
                        layer.light_near(x, y, &hit),
                        canvas,
                    ));
                    covered += 1;
                }
            }
            if covered > 0 {
                let alpha = (covered as f32 / grid.len() as f32 * 255.0 + 0.5) as u8;
                put(&mut image, x, y, sum / covered as f32, alpha);
            }
        }
    }
    image
}

fn put(image: &mut RgbaImage, x: usize, y: usize, color: Vec3, alpha: u8) {
    let [r, g, b] = [color.x, color.y, color.z].map(|c| (c * 255.0 + 0.5) as u8);
    image.put_pixel(x as u32, y as u32, Rgba([r, g, b, alpha]));
}

fn scene_pixels(scene: &Scene, sight: &Sight, layer: &Layer, wanted: &[bool]) -> Vec<Vec3> {
    let n = layer.size;
    let flat: Vec<Vec3> = (0..n * n)
        .map(|i| {
            if !wanted[i] {
                return Vec3::ZERO;
            }
            let (x, y) = (i % n, i / n);
            let behind = || {
                scene
                    .backdrop
                    .color((x as f32 + 0.5) / n as f32, (y as f32 + 0.5) / n as f32)
            };
            pixel_color(scene, layer, x, y).unwrap_or_else(behind)
        })
        .collect();
    let toned: Vec<Vec3> = flat.iter().map(|c| tone(*c)).collect();
    let mut out = flat;
    for y in 0..n {
        for x in 0..n {
            if !wanted[y * n + x] || !is_edge(layer, &toned, x, y) {
                continue;
            }
            let mut sum = Vec3::ZERO;
            for at in ROTATED_GRID {
                let (hit, d, canvas) = sub_hit(scene, sight, x, y, at);
                let color = match hit {
                    Some(hit) => {
                        let point = scene.camera.position + d * hit.t;
                        shade(scene, &hit, point, d, layer.light_near(x, y, &hit), canvas)
                    }
                    None => scene.backdrop.color(canvas.0, canvas.1),
                };
                sum += color.min(Vec3::splat(1.5));
            }
            out[y * n + x] = sum * 0.25;
        }
    }
    out
}

/// Lens blur of the pixels that are `open` to view: a gather over a disc whose size grows with the
/// distance from the focus.
fn blur<const TAPS: usize>(scene: &Scene, layer: &Layer, open: &[bool], color: &mut [Vec3]) {
    let n = layer.size;
    let coc: Vec<f32> = layer
        .seen
        .iter()
        .map(|s| {
            let inverse = if s.hit.is_some() {
                1.0 / scene.camera.depth(s.point)
            } else {
                0.0
            };
            scene.blur_radius(inverse) * n as f32
        })
        .collect();
    let source = color.to_vec();
    // The taps on a disc of radius 1, one array a number: several are computed at once.
    let off: [f32; TAPS] = std::array::from_fn(|i| ((i as f32 + 0.5) / TAPS as f32).sqrt());
    let turn: [(f32, f32); TAPS] = std::array::from_fn(|i| (i as f32 * 2.399_963_2).sin_cos());
    let right: [f32; TAPS] = std::array::from_fn(|i| off[i] * turn[i].1);
    let down: [f32; TAPS] = std::array::from_fn(|i| off[i] * turn[i].0);
    for y in 0..n {
        for x in 0..n {
            let here = y * n + x;
            let radius = coc[here];
            if radius < 0.6 || !open[here] {
                continue;
            }
            let px = right.map(|dx| x as f32 + dx * radius + 0.5);
            let py = down.map(|dy| y as f32 + dy * radius + 0.5);
            // Beyond the canvas a tap has no weight.
            let (mut there, mut circle) = ([here; TAPS], [-1.0; TAPS]);
            for (i, (&px, &py)) in px.iter().zip(&py).enumerate() {
                if px >= 0.0 && py >= 0.0 && px < n as f32 && py < n as f32 {
                    there[i] = py as usize * n + px as usize;
                    circle[i] = coc[there[i]];
                }
            }
            // Sharp neighbours don't bleed into the blur.
            let mut weights = [0.0; TAPS];
            for (weight, (circle, off)) in weights.iter_mut().zip(circle.iter().zip(&off)) {
                *weight = smooth(0.0, 1.0, (circle + 0.5) / (off * radius).max(0.5));
            }
            let mut sum = source[here];
            let mut total = 1.0;
            for (&there, &weight) in there.iter().zip(&weights) {
                sum += source[there] * weight;
                total += weight;
            }
            color[here] = sum / total;
        }
    }
}
