//! Pictures as people have them: dust, colours, orientation, white on white.

use std::fs;

use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::case::{CASE, Case};
use crate::program::{Scene, copy_dir, fixture, pictures_in, write_judge};

const RED: [u8; 3] = [200, 40, 30];

/// A painter and no judge.
fn painter(scene: &Scene) {
    copy_dir(
        &fixture("reliad-diffusion", "inpaint"),
        &scene.path("model"),
    );
}

/// Pictures of reliad-imaging's tests, into the scene's directory `in`.
fn bring(scene: &Scene, names: &[&str]) {
    fs::create_dir_all(scene.path("in")).unwrap();
    for name in names {
        let from = fixture("reliad-imaging", name);
        fs::copy(from, scene.path("in").join(name)).unwrap();
    }
}

/// The one picture that was painted.
fn painted(scene: &Scene) -> RgbImage {
    let pictures = pictures_in(&scene.path("out"));
    assert_eq!(pictures.len(), 1, "{:?}", pictures.len());
    assert!(pictures[0].1.windows(4).any(|chunk| chunk == b"sRGB"));
    image::load_from_memory(&pictures[0].1).unwrap().to_rgb8()
}

fn is_near(Rgb(got): &Rgb<u8>, wanted: [u8; 3], most: u8) -> bool {
    (0..3).all(|at| got[at].abs_diff(wanted[at]) <= most)
}

/// Left, top, width and height of what is red in the picture.
fn red_box(picture: &RgbImage) -> [u32; 4] {
    let places = || {
        picture
            .enumerate_pixels()
            .filter(|(_, _, pixel)| is_near(pixel, RED, 2))
            .map(|(x, y, _)| (x, y))
    };
    let (left, right) = (
        places().map(|at| at.0).min().unwrap(),
        places().map(|at| at.0).max().unwrap(),
    );
    let (top, bottom) = (
        places().map(|at| at.1).min().unwrap(),
        places().map(|at| at.1).max().unwrap(),
    );
    [left, top, right - left + 1, bottom - top + 1]
}

#[track_caller]
fn shows_red(scene: &Scene) {
    let picture = painted(scene);
    let pixel = picture.get_pixel(picture.width() / 2, picture.height() / 2);
    assert!(is_near(pixel, RED, 2), "{pixel:?}");
}

/// `generate` of the case's input.
const OWN: &str = "generate input.png --model model --no-judge --prompt table --size 128x128 --steps 1 --scale 0.7";
/// `generate` of pictures that were brought.
const BROUGHT: &str =
    "generate in --model model --no-judge --prompt table --size 64x64 --steps 1 --scale 0.7";

#[test]
fn products() {
    Case::hold(&[
        Case {
            name: "two specks of dust in the corners",
            input: "pictures/faint-alpha.png",
            prepare: painter,
            run: OWN,
            says: &[
                "input.png: faint pixels",
                "2 that don't touch it are left out",
            ],
            then: |scene| {
                // 100 x 220 of the file, the lower part of it blue: 0.7 of 128 rows are 90.
                let [left, top, width, _] = red_box(&painted(scene));
                assert!(
                    left.abs_diff(43) <= 1 && width.abs_diff(41) <= 2,
                    "{left} {width}"
                );
                assert!(top.abs_diff(19) <= 1, "{top}");
            },
            ..CASE
        },
        Case {
            name: "Adobe RGB",
            input: "pictures/adobe-rgb.png",
            prepare: painter,
            run: OWN,
            silent_of: &["warning"],
            then: shows_red,
            ..CASE
        },
        Case {
            name: "a white box on white",
            input: "pictures/white-on-white.png",
            prepare: painter,
            run: OWN,
            says: &["input.png: ", "nearly as white as its ground and were kept"],
            then: |scene| {
                // The box's own white, at the canvas's middle height beside the label.
                let picture = painted(scene);
                let own = picture
                    .pixels()
                    .filter(|pixel| is_near(pixel, [247, 247, 246], 1))
                    .count();
                assert!(own > 1000, "{own}");
            },
            ..CASE
        },
        Case {
            name: "Display P3",
            prepare: |scene| {
                painter(scene);
                bring(scene, &["display-p3.png"]);
            },
            run: BROUGHT,
            silent_of: &["warning"],
            then: shows_red,
            ..CASE
        },
        Case {
            name: "Display P3 by code points",
            prepare: |scene| {
                painter(scene);
                bring(scene, &["code-points.png"]);
            },
            run: BROUGHT,
            silent_of: &["warning"],
            then: shows_red,
            ..CASE
        },
        Case {
            name: "ProPhoto of 16 bits",
            prepare: |scene| {
                painter(scene);
                bring(scene, &["prophoto-16.png"]);
            },
            run: BROUGHT,
            silent_of: &["warning"],
            then: shows_red,
            ..CASE
        },
        Case {
            name: "printing inks with their profile",
            prepare: |scene| {
                painter(scene);
                bring(scene, &["cmyk-profile.jpg"]);
            },
            run: BROUGHT,
            silent_of: &["warning"],
            then: |scene| {
                let picture = painted(scene);
                let pixel = picture.get_pixel(32, 32);
                assert!(is_near(pixel, [200, 48, 35], 6), "{pixel:?}");
            },
            ..CASE
        },
        Case {
            name: "printing inks without",
            prepare: |scene| {
                painter(scene);
                bring(scene, &["cmyk.jpg"]);
            },
            run: BROUGHT,
            code: 2,
            says: &["cmyk.jpg: is a CMYK JPEG without a usable colour profile: convert it"],
            ..CASE
        },
        Case {
            name: "broken profiles, in one line",
            prepare: |scene| {
                painter(scene);
                bring(
                    scene,
                    &[
                        "damaged-profile.png",
                        "noise-profile.png",
                        "wrong-profile.png",
                    ],
                );
            },
            run: BROUGHT,
            says: &[
                "damaged-profile.png: its colour profile can't be used (it is damaged): colours are taken as sRGB",
                "(and 2 other pictures like it)",
            ],
            then: |scene| assert_eq!(pictures_in(&scene.path("out")).len(), 3),
            ..CASE
        },
        Case {
            name: "trimmed to the product, without a ground",
            prepare: |scene| {
                painter(scene);
                fs::create_dir(scene.path("in")).unwrap();
                let trimmed = RgbImage::from_pixel(90, 90, Rgb(RED));
                trimmed.save(scene.path("in/trimmed.png")).unwrap();
            },
            run: BROUGHT,
            code: 2,
            says: &[
                "trimmed.png: has no transparency and no white ground",
                "cut the product out",
            ],
            ..CASE
        },
    ]);
}

/// The verdicts of `inspect`, by the pictures' names.
fn verdicts(scene: &Scene) -> Vec<(String, Value)> {
    let lines = fs::read_to_string(scene.path("inspection/results.jsonl")).unwrap();
    let mut found: Vec<_> = lines
        .lines()
        .map(|line| {
            let result: Value = serde_json::from_str(line).unwrap();
            (result["picture"].as_str().unwrap().to_owned(), result)
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[test]
fn turned_by_exif() {
    Case::hold(&[
        Case {
            name: "inspect judges what people see",
            prepare: |scene| {
                painter(scene);
                write_judge(&scene.path("model"), 0.0);
                fs::create_dir(scene.path("ads")).unwrap();
                let ours = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("tests/cases/fixtures/pictures");
                for name in ["exif.jpg", "exif-upright.jpg"] {
                    fs::copy(ours.join(name), scene.path("ads").join(name)).unwrap();
                }
                fs::copy(ours.join("exif-upright.jpg"), scene.path("exif.jpg")).unwrap();
            },
            run: "inspect ads --products exif.jpg --judge model --max-grown 1000",
            then: |scene| {
                let found = verdicts(scene);
                let [(_, upright), (_, turned)] = &found[..] else {
                    panic!("{}", found.len())
                };
                assert_eq!(upright["findings"], turned["findings"]);
                assert_eq!(upright["verdict"]["class"], turned["verdict"]["class"]);
                // Blocks of JPEG lie the other way in the turned one.
                let place = |result: &Value, side: usize| {
                    result["checks"]["product_box"][side].as_u64().unwrap()
                };
                for side in 0..4 {
                    assert!(place(upright, side).abs_diff(place(turned, side)) <= 1);
                }
            },
            ..CASE
        },
        Case {
            name: "data check finds all eight, and WebP, as copies",
            prepare: |scene| {
                let names: Vec<String> = (1..=8)
                    .map(|orientation| format!("orientation-{orientation}.jpg"))
                    .chain([
                        "orientation-6.webp".to_owned(),
                        "orientation-6.png".to_owned(),
                    ])
                    .collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                bring(scene, &names);
                let lines: Vec<String> = names
                    .iter()
                    .map(|name| {
                        format!(r#"{{"image": "{name}", "title": "box", "label": "available", "product_id": 1}}"#)
                    })
                    .collect();
                fs::write(scene.path("in/metadata.jsonl"), lines.join("\n")).unwrap();
            },
            run: "data check in",
            says: &[
                "10 samples looked at, 0 in quarantine",
                "9 copies in 1 groups",
            ],
            ..CASE
        },
        Case {
            name: "data check finds the turned copy of the table",
            prepare: |scene| {
                let ours = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("tests/cases/fixtures/pictures");
                fs::create_dir(scene.path("in")).unwrap();
                for name in ["exif.jpg", "exif-upright.jpg"] {
                    fs::copy(ours.join(name), scene.path("in").join(name)).unwrap();
                }
                fs::write(
                    scene.path("in/metadata.jsonl"),
                    r#"{"image": "exif.jpg", "title": "box", "label": "available", "product_id": 1}
{"image": "exif-upright.jpg", "title": "box", "label": "available", "product_id": 1}
"#,
                )
                .unwrap();
            },
            run: "data check in",
            says: &["1 copies in 1 groups"],
            ..CASE
        },
        Case {
            name: "data stat counts sizes as seen",
            prepare: |scene| {
                bring(scene, &["turned.jpg"]);
                fs::write(
                    scene.path("in/metadata.jsonl"),
                    r#"{"image": "turned.jpg", "title": "bottle", "label": "available", "product_id": 1}"#,
                )
                .unwrap();
            },
            run: "data stat in",
            says: &["96x64"],
            ..CASE
        },
    ]);
}
