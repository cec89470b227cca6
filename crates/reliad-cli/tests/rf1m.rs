//! From RF1M's archives to a trained, calibrated judge, as docs/rf1m.md goes, on a tiny look-alike.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod look_alike;
mod program;

use std::fs;

use look_alike::{PICTURES, WITH_PRODUCT, train};
use program::Scene;
use serde_json::Value;

fn lines(scene: &Scene) -> Vec<Value> {
    let text = fs::read_to_string(scene.path("data/metadata.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn from_the_archives_to_a_judge() {
    let scene = Scene::empty();
    look_alike::prepared(&scene, true);
    let prepare = [
        "data", "prepare", "data", "--model", "judge", "--size", "32",
    ];
    scene.run(&prepare).expect(0);
    let records = lines(&scene);
    assert_eq!(records.len(), PICTURES as usize);
    assert!(records.iter().all(|record| record["depth_by"].is_string()));
    let parts = |wanted: &[&str], with_product: bool| {
        let is = |record: &&Value| wanted.contains(&record["split"].as_str().unwrap());
        let has = |record: &&Value| !with_product || record["product"].is_string();
        records.iter().filter(is).filter(has).count()
    };
    assert_eq!(
        parts(&["train", "validation", "test"], true),
        PICTURES.div_ceil(WITH_PRODUCT) as usize
    );
    let text = ["train", "text", "--data", "data", "--out", "judge"];
    let text = [&text[..], &["--steps", "2", "--config", "text.json"]].concat();
    scene.run(&text).expect(0);

    // With the maps kept, nothing has to be estimated again.
    let away = |scene: &Scene, back: bool| {
        for map in ["depth", "saliency"] {
            let (here, there) = (format!("judge/{map}"), format!("away-{map}"));
            let (from, to) = if back { (there, here) } else { (here, there) };
            fs::rename(scene.path(&from), scene.path(&to)).unwrap();
        }
    };
    away(&scene, false);
    let ran = scene.run(&train("rfnet.json")).expect(0);
    let learned = ["train", "validation"];
    let without = parts(&learned, false) - parts(&learned, true);
    let told = format!(
        "{without} of {} samples are left out: they have no product picture",
        parts(&learned, false)
    );
    assert_eq!(ran.err.matches(&told).count(), 1, "{}", ran.err);
    assert_eq!(ran.err.matches("warning: ").count(), 1, "{}", ran.err);
    let made = format!(
        "views: {} to make in judge/.training/views/",
        parts(&["train"], true)
    );
    assert!(
        ran.err.contains(&made) && ran.err.contains(" free"),
        "{}",
        ran.err
    );
    let card = fs::read_to_string(scene.path("judge/rfnet/README.md")).unwrap();
    assert!(card.contains(&told), "{card}");

    let ran = scene
        .run(&["calibrate", "--judge", "judge", "--data", "data"])
        .expect(0);
    assert_eq!(ran.err.matches("warning:").count(), 1, "{}", ran.err);
    let evaluate = ["evaluate", "rfnet", "--data", "data", "--judge", "judge"];
    let ran = scene
        .run(&[&evaluate[..], &["--json", "judge.json"]].concat())
        .expect(0);
    let figures: Value =
        serde_json::from_slice(&fs::read(scene.path("judge.json")).unwrap()).unwrap();
    assert_eq!(figures["samples"], parts(&["test"], true));
    let told = figures["notes"][0].as_str().unwrap();
    assert!(
        ran.err.contains(told) && told.contains("no product picture"),
        "{told}"
    );

    // Finished pictures have no maps: the judge looks through its networks.
    away(&scene, true);
    fs::create_dir(scene.path("ads")).unwrap();
    fs::copy(scene.path("rf1m/00/0000.jpg"), scene.path("ads/0000.jpg")).unwrap();
    let ran = scene.run(&["inspect", "ads", "--products", "rgba", "--judge", "judge"]);
    assert!(matches!(ran.code, Some(0 | 1)), "{}{}", ran.out, ran.err);
    assert!(scene.path("inspection/report.html").exists());
}

#[test]
fn samples_that_come_later_add_shards_and_rename_none() {
    let scene = Scene::empty();
    look_alike::prepared(&scene, false);
    let index = fs::read_to_string(scene.path("data/metadata.jsonl")).unwrap();
    let (first, last) = index.split_at(index.match_indices('\n').nth(99).unwrap().0 + 1);
    fs::write(scene.path("data/metadata.jsonl"), first).unwrap();
    scene.run(&train("without-product.json")).expect(0);
    let contents = |scene: &Scene| {
        let mut files: Vec<_> = look_alike::shards(scene)
            .into_iter()
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = contents(&scene);
    // The new ones stand first, so that every other has another number than before.
    fs::write(scene.path("data/metadata.jsonl"), format!("{last}{first}")).unwrap();
    fs::remove_dir_all(scene.path("judge/.training/rfnet")).unwrap();
    let ran = scene.run(&train("without-product.json")).expect(0);
    let after = contents(&scene);
    assert!(!before.is_empty() && after.len() > before.len());
    assert!(before.iter().all(|file| after.contains(file)));
    let made: usize = ran
        .err
        .lines()
        .filter_map(|line| {
            line.strip_prefix("views: ")?
                .split(" to make")
                .next()?
                .parse::<usize>()
                .ok()
        })
        .sum();
    let learned = last
        .lines()
        .filter(|line| !line.contains(r#""split":"test""#));
    assert_eq!(made, learned.count(), "{}", ran.err);
}
