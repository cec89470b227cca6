//! `reliad evaluate availability` as a process: figures of several ControlNets, going on after a stop, sheets for people and
//! what they save, and what is said of what can't be compared.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod program;

use std::fs;

use program::{
    Scene, rendered_names, write_judge, write_scene_network, write_threshold, write_tuned,
};
use serde_json::{Value, json};

const PHRASES: &str =
    r#"{"size_mismatch": {"prompt": ["true to scale"], "negative_prompt": ["toys"]}}"#;

/// A scene with a tuned ControlNet and phrases beside its model, whose judge accepts every picture from `threshold` on, and
/// with another judge that accepts none.
fn scene(threshold: f32) -> Scene {
    let scene = Scene::new(threshold);
    fs::write(scene.path("model/sampling.json"), r#"{"steps": 2}"#).unwrap();
    write_tuned(&scene, "rfft/controlnet", 3.0);
    fs::create_dir(scene.path("words")).unwrap();
    fs::write(scene.path("words/phrases.json"), PHRASES).unwrap();
    fs::create_dir(scene.path("held-out")).unwrap();
    write_judge(&scene.path("held-out"), 1.0);
    scene
}

fn arguments<'a>(controlnets: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["evaluate", "availability", "--controlnets", controlnets];
    all.extend(["--model", "model", "--judge", "model", "--seed", "5"]);
    all.extend(["--json", "a.json"]);
    for (name, value) in [("--count", "3"), ("--size", "64x64")] {
        if !more.contains(&name) {
            all.extend([name, value]);
        }
    }
    all.extend(more);
    all
}

fn figures(scene: &Scene) -> Value {
    serde_json::from_slice(&fs::read(scene.path("a.json")).unwrap()).unwrap()
}

/// What stands between `before` and the next quotation mark, wherever that is.
fn all_after<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    text.split(before)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[test]
fn controlnets_are_measured_on_the_same_items_and_by_people() {
    let scene = scene(0.0);
    let (all, more) = (
        "base=original,rfft=rfft,words=words",
        ["--held-out", "held-out", "--attempts", "2", "--varied", "2"],
    );
    write_scene_network(&scene.path("model"), &["no such colour".into()]);
    let ran = scene.run(&arguments(all, &more)).expect(2);
    assert!(ran.err.contains("has never seen"), "{}", ran.err);
    let colors = rendered_names(&scene, "a.work", "main_color");
    write_scene_network(&scene.path("model"), &colors);

    let written = [
        &more[..],
        &[
            "--html",
            "a.html",
            "--label-sheet",
            "labels.html",
            "--compare",
            "base:rfft",
            "--sheet",
            "pairs.html",
        ],
    ]
    .concat();
    let ran = scene.run(&arguments(all, &written)).expect(0);
    assert!(
        ran.out.contains("| rfft | availability | 1.000 |"),
        "{}",
        ran.out
    );
    let found = figures(&scene);
    let of = &found["controlnets"];
    let names: Vec<&String> = of.as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 3);
    for name in names {
        let of = &of[name];
        // This judge accepts everything, and the other nothing.
        assert_eq!(of["availability"]["value"], 1.0, "{of}");
        assert_eq!(of["availability_held_out"]["value"], 0.0);
        assert_eq!(of["published_held_out"]["n"], 3);
        assert_eq!(of["available_within"][1]["value"], 1.0);
        assert_eq!(of["pictures_per_available"]["value"], 1.0);
        assert_eq!(of["failure_shares"]["size_mismatch"]["value"], 0.0);
        assert_eq!(of["time"]["pictures"], 3);
        assert_eq!(of["time"]["this_run"], 3);
        assert!(of["seconds_per_available"]["value"].as_f64().unwrap() > 0.0);
        for (figure, n) in [("diversity", 2), ("variety", 3), ("prompt_agreement", 3)] {
            let figure = &of[figure];
            assert_eq!(figure["n"], n, "{figure}");
            let [low, value, high] =
                ["low", "value", "high"].map(|key| figure[key].as_f64().unwrap());
            assert!(low <= value + 1e-9 && value <= high + 1e-9, "{figure}");
        }
    }
    assert_eq!(of["words"]["kind"], "phrases");
    assert_eq!(of["words"]["digest"], of["base"]["digest"]);
    assert_ne!(of["rfft"]["digest"], of["base"]["digest"]);
    let variety = |name: &str| of[name]["variety"]["value"].as_f64().unwrap();
    let more_variety = found["differences"]["rfft"]["variety"]["value"]
        .as_f64()
        .unwrap();
    assert!((variety("rfft") - variety("base") - more_variety).abs() < 1e-9);
    assert_eq!(found["differences"]["words"]["availability"]["value"], 0.0);
    let page = fs::read_to_string(scene.path("a.html")).unwrap();
    assert!(page.contains("data:image/jpeg;base64,") && page.contains("held-out: not available"));
    assert!(
        !page.contains("://"),
        "it opens without a server or a network"
    );

    // Sheets are blind; what is said of their pictures counts for whoever painted them.
    let sheet = fs::read_to_string(scene.path("labels.html")).unwrap();
    assert!(!sheet.contains("rfft") && !sheet.contains("base\""));
    let pictures = all_after(&sheet, "data-key=\"");
    assert_eq!(pictures.len(), 9);
    let labels: String = pictures
        .iter()
        .map(|id| format!("{id},available\n"))
        .collect();
    fs::write(scene.path("one.csv"), labels).unwrap();
    fs::write(
        scene.path("other.csv"),
        format!("{},size_mismatch\n", pictures[0]),
    )
    .unwrap();
    let sheet = fs::read_to_string(scene.path("pairs.html")).unwrap();
    let pairs = all_after(&sheet, "data-key=\"");
    assert_eq!(pairs.len(), 3);
    // A person who always prefers the picture that isn't the first painter's, and one who sees no difference.
    let said = |choice: &dyn Fn(&str) -> &'static str| -> Value {
        let pairs: serde_json::Map<String, Value> = pairs
            .iter()
            .map(|pair| ((*pair).to_owned(), choice(pair).into()))
            .collect();
        json!({ "pairs": pairs })
    };
    let left = said(&|_| "left").to_string();
    let right = said(&|_| "right").to_string();
    let equal = said(&|_| "equal").to_string();
    for (file, text) in [
        ("left.json", left),
        ("right.json", right),
        ("equal.json", equal),
    ] {
        fs::write(scene.path(file), text).unwrap();
    }
    let people = [
        &more[..],
        &[
            "--labels",
            "one.csv,other.csv",
            "--labelled",
            "labelled",
            "--compare",
            "base:rfft",
            "--answers",
            "left.json,right.json,equal.json",
        ],
    ]
    .concat();
    let ran = scene.run(&arguments(all, &people)).expect(0);
    assert!(ran.err.contains("3 found from before"), "{}", ran.err);
    assert!(
        ran.out
            .contains("3 people, 9 answers: rfft is preferred to base in 0.500"),
        "{}",
        ran.out
    );
    // What a judge can learn from: all but the picture that has two labels.
    assert!(
        ran.err.contains("labelled holds 8 labelled pictures"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("didn't agree on 1 more"), "{}", ran.err);
    let index = fs::read_to_string(scene.path("labelled/metadata.jsonl")).unwrap();
    let samples: Vec<Value> = index
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(samples.len(), 8);
    for sample in &samples {
        assert_eq!(sample["label"], "available");
        assert!(!sample["image"].as_str().unwrap().contains(pictures[0]));
        for part in ["image", "product"] {
            let file = format!("labelled/{}", sample[part].as_str().unwrap());
            assert!(scene.path(&file).is_file(), "{file}");
        }
    }
    let with_people = figures(&scene);
    let comparison = &with_people["comparison"];
    assert_eq!(comparison["neither"]["value"].as_f64().unwrap(), 1.0 / 3.0);
    assert_eq!(comparison["win_rate"]["n"], 9);
    let counts: Vec<u64> = with_people["controlnets"]
        .as_object()
        .unwrap()
        .values()
        .map(|of| of["availability_people"]["n"].as_u64().unwrap())
        .collect();
    assert_eq!(counts.iter().sum::<u64>(), 10, "one picture has two labels");
    assert!(
        with_people["controlnets"]["rfft"]["held_out_agrees_with_people"]["value"].as_f64()
            < Some(0.5)
    );
    // Nothing was painted again, and what was measured before is the same.
    assert_eq!(with_people["controlnets"]["rfft"]["time"]["this_run"], 0);
    for name in ["base", "rfft", "words"] {
        for key in ["availability", "diversity", "variety", "prompt_agreement"] {
            assert_eq!(
                with_people["controlnets"][name][key], of[name][key],
                "{name} {key}"
            );
        }
    }

    // What people said in another comparison of the same pictures counts here too; of other pictures nothing does.
    let ran = scene.run(&arguments(
        "tuned=rfft,first=original",
        &["--attempts", "1", "--labels", "one.csv"],
    ));
    let ran = ran.expect(0);
    assert!(
        ran.out.contains("| tuned | availability_people | 1.000 |"),
        "{}",
        ran.out
    );
    fs::write(scene.path("one.csv"), "0123456789ab,available\n").unwrap();
    let ran = scene
        .run(&arguments(
            all,
            &[&more[..], &["--labels", "one.csv"]].concat(),
        ))
        .expect(2);
    assert!(
        ran.err.contains("one.csv: none of its 1 entries"),
        "{}",
        ran.err
    );
}

#[test]
fn what_is_rejected_is_drawn_again_with_other_noise_and_gone_on_with_after_a_stop() {
    let scene = scene(1.0);
    let more = ["--attempts", "3", "--varied", "0", "--count", "2"];
    let ran = scene.run(&arguments("base=original", &more)).expect(0);
    // The embedded scene network isn't this judge's.
    assert!(ran.err.contains("no scene/"), "{}", ran.err);
    let of = &figures(&scene)["controlnets"]["base"];
    assert_eq!(of["availability"]["value"], 0.0);
    assert_eq!(of["pictures_per_available"], Value::Null);
    assert_eq!(of["available_within"].as_array().unwrap().len(), 3);
    assert_eq!(of["diversity"], Value::Null);
    let painted = scene.path("a.work/painted");
    let pictures = program::pictures_in(&painted);
    assert_eq!(pictures.len(), 6);
    let distinct: std::collections::BTreeSet<&Vec<u8>> =
        pictures.iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(distinct.len(), 6, "every attempt has its own noise");

    // What was lost alone is painted again, equal.
    fs::remove_file(painted.join(&pictures[4].0)).unwrap();
    let ran = scene.run(&arguments("base=original", &more)).expect(0);
    assert!(
        ran.err.contains("painted 2 of 2, 1 found from before"),
        "{}",
        ran.err
    );
    assert_eq!(program::pictures_in(&painted), pictures);
    // A judge that accepts everything finds them all at once.
    write_threshold(&scene.path("model"), 0.0);
    scene.run(&arguments("base=original", &more)).expect(0);
    assert_eq!(
        figures(&scene)["controlnets"]["base"]["pictures_per_available"]["value"],
        1.0
    );
    assert_eq!(program::pictures_in(&painted).len(), 6);
}

#[test]
fn products_come_from_a_folder_or_from_some_scene_families() {
    let scene = scene(0.0);
    let from = [
        "synth", "render", "--count", "4", "--seed", "1", "--size", "64", "--out", "data",
    ];
    scene.run(&from).expect(0);
    let more = [
        "--data",
        "data",
        "--split",
        "train,validation,test",
        "--count",
        "2",
        "--scene",
        "mini",
    ];
    let ran = scene.run(&arguments("base=original", &more)).expect(0);
    assert!(
        ran.out.contains("| base | prompt_agreement | "),
        "{}",
        ran.out
    );
    assert!(!scene.path("a.work/rendered").exists());
    let settings = &figures(&scene)["settings"];
    assert_eq!(settings["products"], "data, train, validation, test");

    let more = [
        "--families",
        "podium,beach",
        "--count",
        "2",
        "--attempts",
        "1",
        "--work",
        "w",
    ];
    scene.run(&arguments("base=original", &more)).expect(0);
    let prompts = fs::read_to_string(scene.path("w/rendered/metadata.jsonl")).unwrap();
    assert!(prompts.lines().count() >= 2);
    let more = ["--families", "moon"];
    let ran = scene.run(&arguments("base=original", &more)).expect(2);
    assert!(
        ran.err.contains("there is no moon; there are window"),
        "{}",
        ran.err
    );
}

#[test]
fn what_can_not_be_compared_is_told_before_anything_is_painted() {
    let scene = scene(0.0);
    fs::create_dir(scene.path("empty")).unwrap();
    for (controlnets, more, told) in [
        ("rfft", &[][..], "it isn't NAME=DIR"),
        ("a b=rfft", &[], "is no name"),
        ("a=nowhere", &[], "nowhere: there is no such directory"),
        ("a=empty", &[], "it is no ControlNet and no tuned directory"),
        ("a=rfft,a=original", &[], "two are called a"),
        ("a=rfft", &["--compare", "a:b"], "there is no b among"),
        ("a=rfft", &["--compare", "a"], "it isn't NAME:NAME"),
        ("a=rfft", &["--sheet", "s.html"], "--compare"),
        ("a=rfft", &["--varied", "9"], "9 of 3 products"),
        ("a=rfft", &["--labels", "none.csv"], "none.csv"),
        ("a=rfft", &["--count", "0"], "--count is 0"),
        ("a=rfft", &["--held-out", "rfft"], "has no rfnet/"),
        ("a=rfft", &["--size", "64x72"], "square"),
    ] {
        let ran = scene.run(&arguments(controlnets, more)).expect(2);
        assert!(
            ran.err.contains(told),
            "{controlnets} {more:?}: {}",
            ran.err
        );
        assert!(
            !scene.path("a.work/painted").exists(),
            "{controlnets} {more:?}"
        );
    }
}
