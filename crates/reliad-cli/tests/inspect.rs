//! `reliad inspect` as a process: verdicts and checks of pictures that some generator left.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod program;

use std::fs;

use image::{Rgb, RgbImage};
use program::{Scene, product};
use serde_json::{Value, json};

/// A scene with `ads/box-0_1.png` (the product as it is), `ads/more/box-1_1.png` (stained) and the products.
fn scene(threshold: f32) -> Scene {
    let scene = Scene::with_products(threshold, 2);
    fs::create_dir_all(scene.path("ads/more")).unwrap();
    for (number, file) in [(0, "ads/box-0_1.png"), (1, "ads/more/box-1_1.png")] {
        let cutout = product(number);
        let mut ad = RgbImage::from_fn(160, 160, |x, y| {
            Rgb([(x % 50) as u8 * 5, 60, (y % 40) as u8 * 6])
        });
        for (x, y, pixel) in cutout.enumerate_pixels() {
            let [r, g, b, alpha] = pixel.0;
            if alpha == 255 {
                let stained = number == 1 && y > 60;
                let color = if stained {
                    [255 - r, 255 - g, 255 - b]
                } else {
                    [r, g, b]
                };
                ad.put_pixel(x + 30, y + 20, Rgb(color));
            }
        }
        ad.save(scene.path(file)).unwrap();
    }
    scene
}

fn results(scene: &Scene) -> Vec<Value> {
    let text = fs::read_to_string(scene.path("inspection/results.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Random networks see growth anywhere.
const ARGUMENTS: [&str; 8] = [
    "inspect",
    "ads",
    "--products",
    "products",
    "--judge",
    "model",
    "--max-grown",
    "1000",
];

#[test]
fn a_stained_product_is_found_though_the_judge_accepts_all() {
    let scene = scene(0.0);
    fs::write(
        scene.path("titles.csv"),
        "name,title\nbox-0,\"A box, 9 cm\"\n",
    )
    .unwrap();
    let with_titles = |more: &[&'static str]| {
        let mut all = ARGUMENTS.to_vec();
        all.extend(["--titles", "titles.csv"]);
        all.extend(more);
        all
    };
    let ran = scene.run(&with_titles(&[])).expect(1);
    assert!(
        ran.out.contains("1 of 2 pictures can be published"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("1 × product altered"), "{}", ran.out);
    let found = results(&scene);
    assert_eq!(found[0]["publishable"], true);
    assert_eq!(found[0]["title"], "A box, 9 cm");
    // The opaque part of the cut-out begins 11 pixels inside; the box is that of everything visible.
    let at: Vec<u64> = found[0]["checks"]["product_box"]
        .as_array()
        .unwrap()
        .iter()
        .map(|side| side.as_u64().unwrap())
        .collect();
    assert!(at[0].abs_diff(40) <= 2 && at[1].abs_diff(30) <= 2, "{at:?}");
    assert_eq!(found[1]["publishable"], false);
    assert!(found[1]["checks"]["altered"].as_f64().unwrap() > 10.0);
    assert_eq!(found[0]["findings"], json!([]));
    assert_eq!(found[1]["findings"][0]["kind"], "altered");
    let reason = found[1]["reasons"][0].as_str().unwrap();
    assert!(reason.starts_with("The product's colours are"), "{reason}");
    let table = fs::read_to_string(scene.path("inspection/results.csv")).unwrap();
    assert_eq!(table.lines().count(), 3);
    let page = fs::read_to_string(scene.path("inspection/report.html")).unwrap();
    assert!(page.contains("colours are") && page.contains("data:image/jpeg;base64,"));

    // Nothing changed: nothing is looked at again, the same lines stand.
    let before = fs::read(scene.path("inspection/results.jsonl")).unwrap();
    scene.run(&with_titles(&[])).expect(1);
    assert_eq!(
        fs::read(scene.path("inspection/results.jsonl")).unwrap(),
        before
    );
    // Other limits, other results; those before are dropped.
    scene.run(&with_titles(&["--max-altered", "200"])).expect(0);
    assert!(
        results(&scene)
            .iter()
            .all(|result| result["publishable"] == true)
    );
    assert_eq!(results(&scene).len(), 2);
}

#[test]
fn a_judge_that_rejects_all_gives_its_reasons_and_bad_files_stop_nothing() {
    let scene = scene(1.0);
    fs::write(scene.path("ads/broken_1.png"), b"no picture").unwrap();
    fs::write(scene.path("products/broken.png"), b"no picture").unwrap();
    RgbImage::new(40, 40)
        .save(scene.path("ads/unknown.png"))
        .unwrap();
    let ran = scene.run(&ARGUMENTS).expect(2);
    assert!(
        ran.out
            .contains("0 of 2 pictures can be published; 2 couldn't be inspected"),
        "{}",
        ran.out
    );
    let errors = ran.errors();
    assert!(errors.iter().any(|error| error.contains("broken_1.png")));
    assert!(
        errors
            .iter()
            .any(|error| error.contains("unknown.png: no cut-out of its name"))
    );
    for result in results(&scene) {
        assert_eq!(result["findings"][0]["kind"], "judged");
        assert!(!result["reasons"][0].as_str().unwrap().is_empty());
    }
}
