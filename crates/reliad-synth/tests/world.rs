//! The world as its users see it: repeatable, labelled by its parameters, exact where it says so.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use reliad_imaging::Class;
use reliad_synth::{
    CLEAR, CLOSE, MAX_SCALE, MIN_EXTENSION, MIN_GAP, MIN_OVERHANG, MIN_SCALE, MIN_SINK, POOL,
    Sample, World, corpus, sample,
};

const SIZE: u32 = 48;

fn samples(world: &World, seed: u64, count: u64) -> Vec<Sample> {
    (0..count)
        .into_par_iter()
        .map(|index| world.sample(seed, index, SIZE))
        .collect()
}

fn number(sample: &Sample, path: &str) -> f32 {
    sample
        .parameters
        .pointer(path)
        .and_then(|v| v.as_f64())
        .unwrap_or(f64::NAN) as f32
}

#[test]
fn a_sample_is_the_same_on_every_run_and_thread() {
    let one = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .expect("a pool of one thread");
    let many = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .expect("a pool of two threads");
    let world = World::default();
    let alone = one.install(|| samples(&world, 5, 12));
    let shared = many.install(|| samples(&world, 5, 12));
    for (index, (a, b)) in alone.iter().zip(&shared).enumerate() {
        assert_eq!(a.picture, b.picture, "sample {index}");
        assert_eq!(a.product, b.product, "sample {index}");
        assert_eq!(a.depth, b.depth, "sample {index}");
        assert_eq!(a.saliency, b.saliency, "sample {index}");
        assert_eq!(a.parameters, b.parameters, "sample {index}");
        let own = sample(5, index as u64, SIZE);
        assert_eq!(
            (&a.title, &a.prompt, a.class),
            (&own.title, &own.prompt, own.class)
        );
    }
    assert_ne!(
        alone[0].picture,
        sample(6, 0, SIZE).picture,
        "another seed is another picture"
    );
}

#[test]
fn size_changes_pixels_only() {
    for index in 0..4 {
        let (small, large) = (sample(2, index, 32), sample(2, index, 96));
        assert_eq!(small.parameters, large.parameters);
        assert_eq!(small.prompt, large.prompt);
    }
}

#[test]
fn labels_follow_from_the_parameters_with_their_margins() {
    let all = samples(&World::default(), 11, 320);
    let mut classes: BTreeMap<Class, usize> = BTreeMap::new();
    for sample in &all {
        *classes.entry(sample.class).or_default() += 1;
        assert_eq!(
            sample.parameters["margins_kept"], true,
            "{}",
            sample.parameters
        );
        let kind = sample.parameters["failure"]["kind"].as_str().unwrap_or("");
        let expected = match kind {
            "none" => Class::Available,
            "floats" | "sinks" | "hangs" => Class::SpaceMismatch,
            "scale" => Class::SizeMismatch,
            "clutter" | "camouflage" => Class::Indistinctiveness,
            "extends" => Class::ShapeHallucination,
            other => panic!("unknown failure {other}"),
        };
        assert_eq!(sample.class, expected);
        let level = number(sample, "/surface_level");
        let scale = number(sample, "/prop_scale");
        match kind {
            "floats" => {
                assert!(number(sample, "/failure/gap") >= MIN_GAP && level <= -MIN_GAP * 0.999)
            }
            "sinks" => {
                assert!(number(sample, "/failure/depth") >= MIN_SINK && level >= MIN_SINK * 0.999)
            }
            "hangs" => assert!(number(sample, "/failure/share") >= MIN_OVERHANG && level == 0.0),
            "scale" => assert!(!(MAX_SCALE..MIN_SCALE).contains(&scale) && level == 0.0),
            "extends" => assert!(number(sample, "/failure/length") >= MIN_EXTENSION),
            _ => assert_eq!(level, 0.0),
        }
        if kind != "scale" {
            assert_eq!(scale, 1.0);
        }
        let separation = number(sample, "/separation");
        match kind {
            "camouflage" => assert!(separation <= CLOSE),
            "clutter" => assert!(number(sample, "/clutter") >= 6.0),
            _ => assert!(separation >= CLEAR && number(sample, "/clutter") == 0.0),
        }
    }
    let share = |class| classes.get(&class).copied().unwrap_or(0) as f32 / all.len() as f32;
    assert!((0.4..0.6).contains(&share(Class::Available)), "{classes:?}");
    for class in [
        Class::SpaceMismatch,
        Class::SizeMismatch,
        Class::Indistinctiveness,
        Class::ShapeHallucination,
    ] {
        assert!((0.07..0.19).contains(&share(class)), "{classes:?}");
    }
}

#[test]
fn a_class_can_be_asked_for() {
    for class in Class::ALL.into_iter().take(5) {
        let world = World {
            class: Some(class),
            ..World::default()
        };
        for sample in samples(&world, 3, 12) {
            assert_eq!(sample.class, class);
            assert_eq!(
                sample.parameters["margins_kept"], true,
                "{}",
                sample.parameters
            );
        }
    }
}

#[test]
fn the_product_is_centred_fills_its_share_and_is_pasted_intact() {
    for sample in samples(&World::default(), 21, 60) {
        let (mut left, mut right, mut top, mut bottom) = (SIZE, 0, SIZE, 0);
        for (x, y, pixel) in sample.product.enumerate_pixels() {
            if pixel[3] == 255 {
                assert_eq!(&pixel.0[..3], &sample.picture.get_pixel(x, y).0);
            }
            if pixel[3] > 0 {
                (left, right) = (left.min(x), right.max(x));
                (top, bottom) = (top.min(y), bottom.max(y));
            }
            if pixel[3] > 20 {
                assert!(sample.saliency.get_pixel(x, y)[0] >= pixel[3]);
            }
        }
        let (w, h) = (right + 1 - left, bottom + 1 - top);
        let share = w.max(h) as f32 / SIZE as f32;
        assert!((0.5..=0.84).contains(&share), "{share}: {}", sample.title);
        let off = (left + right) as f32 * 0.5 - (SIZE - 1) as f32 * 0.5;
        let down = (top + bottom) as f32 * 0.5 - (SIZE - 1) as f32 * 0.5;
        assert!(
            off.abs() <= 1.5 && down.abs() <= 1.5,
            "{off} {down}: {}",
            sample.title
        );
    }
}

#[test]
fn saliency_is_the_product_and_what_is_added_to_it() {
    for sample in samples(&World::default(), 31, 80) {
        let covered = sample.product.pixels().filter(|p| p[3] >= 128).count();
        let salient = sample.saliency.pixels().filter(|p| p[0] >= 128).count();
        if sample.class == Class::ShapeHallucination {
            assert!(salient > covered, "{}", sample.parameters);
        } else {
            assert_eq!(salient, covered);
        }
    }
}

#[test]
fn depth_spans_its_range_and_the_product_is_nearer_than_what_is_behind_it() {
    for sample in samples(&World::default(), 41, 60) {
        let low = sample.depth.iter().copied().fold(f32::INFINITY, f32::min);
        let high = sample.depth.iter().copied().fold(0.0, f32::max);
        assert_eq!((low, high), (0.0, 1.0));
        // Row by row, walls and backdrops at the top are farther than the product's middle.
        let top = sample.depth[..SIZE as usize]
            .iter()
            .copied()
            .fold(0.0, f32::max);
        let middle = sample.depth[(SIZE * SIZE / 2 + SIZE / 2) as usize];
        let inside = sample.product.get_pixel(SIZE / 2, SIZE / 2)[3] == 255;
        if inside
            && sample.parameters["props"]
                .as_array()
                .is_some_and(Vec::is_empty)
            && sample.class == Class::Available
        {
            assert!(middle > top, "{middle} {top}: {}", sample.parameters);
        }
    }
}

#[test]
fn texts_are_drawn_without_rendering_and_state_size_surface_and_light() {
    let texts = corpus(9, 400);
    assert_eq!(texts, corpus(9, 400));
    let mut words = BTreeSet::new();
    for (title, prompt) in &texts {
        assert!(title.contains(" cm"), "{title}");
        assert!(
            ["from the ", "from above", "from behind"]
                .iter()
                .any(|s| prompt.contains(s)),
            "{prompt}"
        );
        assert!(prompt.split_whitespace().count() <= 32, "{prompt}");
        assert!(
            [
                "table",
                "floor",
                "counter",
                "podium",
                "grass",
                "stone",
                "deck",
                "shelf",
                "paper",
                "cloth",
                "fabric",
                "sand",
                "rock",
                "ledge",
                "sideboard",
                "desk"
            ]
            .iter()
            .any(|s| prompt.contains(s)),
            "{prompt}"
        );
        for text in [title, prompt] {
            words.extend(
                text.split(|c: char| !c.is_alphabetic())
                    .map(str::to_lowercase),
            );
        }
    }
    // Small enough for a tokenizer of the texts alone: 11 scene families, 23 props, the titles.
    assert!(words.len() < 420, "{}", words.len());
    for leak in [
        "float", "sink", "hang", "clutter", "huge", "tiny", "wrong", "stand", "leg",
    ] {
        assert!(
            !texts.iter().any(|(_, prompt)| prompt.contains(leak)),
            "{leak}"
        );
    }
}

#[test]
fn products_come_back_under_the_same_identity() {
    let all = samples(&World::default(), 51, 40);
    assert!(all.iter().all(|s| s.product_id < POOL));
    let texts: BTreeMap<u64, &str> = all
        .iter()
        .map(|s| (s.product_id, s.title.as_str()))
        .collect();
    for sample in &all {
        assert_eq!(texts[&sample.product_id], sample.title);
    }
}

#[test]
fn only_the_products_asked_for_come() {
    let some = vec![3, 900, 1999];
    let world = World {
        products: Some(some.clone()),
        ..World::default()
    };
    let found: BTreeSet<u64> = samples(&world, 61, 30)
        .iter()
        .map(|sample| sample.product_id)
        .collect();
    assert_eq!(found, BTreeSet::from_iter(some));
}
