//! `reliad evaluate painter` as a process: figures, page, going on after a stop, and what is said when a part is missing.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod program;

use std::fs;

use program::{Scene, rendered_names, write_scene_network};
use serde_json::Value;

const WORK: &str = "figures.work";

#[test]
fn a_painter_is_measured_on_products_that_no_training_saw() {
    let scene = Scene::new(0.0);
    fs::write(scene.path("model/sampling.json"), r#"{"steps": 2}"#).unwrap();
    let arguments = [
        "evaluate",
        "painter",
        "--model",
        "model",
        "--judge",
        "model",
        "--seed",
        "5",
        "--count",
        "4",
        "--size",
        "64x64",
        "--guidance",
        "1.5",
        "--json",
        "figures.json",
        "--html",
        "page.html",
        "--contact-sheet",
        "sheet.png",
    ];
    let ran = scene.run(&arguments).expect(2);
    let said = format!("{} {}", ran.err, ran.hints());
    assert!(
        said.contains("no scene/") && said.contains("`reliad train scene`"),
        "{said}"
    );

    // A network that was trained on another world.
    write_scene_network(&scene.path("model"), &["no such colour".into()]);
    let ran = scene.run(&arguments).expect(2);
    assert!(ran.err.contains("has never seen"), "{}", ran.err);
    write_scene_network(
        &scene.path("model"),
        &rendered_names(&scene, WORK, "main_color"),
    );

    let oblong = arguments.map(|argument| {
        if argument == "64x64" {
            "64x72"
        } else {
            argument
        }
    });
    let ran = scene.run(&oblong).expect(2);
    assert!(ran.err.contains("square"), "{}", ran.err);
    let unknown = arguments.map(|argument| match argument {
        "sheet.png" => "sheet.tga",
        argument => argument,
    });
    let ran = scene.run(&unknown).expect(2);
    assert!(ran.err.contains("sheet.tga: name it"), "{}", ran.err);

    let ran = scene.run(&arguments).expect(0);
    assert!(ran.out.contains("| prompt_agreement | "), "{}", ran.out);
    // 4 own, 2 with exchanged prompts, 2 more of one, 1 with and 1 without the ControlNet.
    assert!(ran.err.contains("painted 10 of 10"), "{}", ran.err);
    let figures: Value =
        serde_json::from_slice(&fs::read(scene.path("figures.json")).unwrap()).unwrap();
    assert_eq!(figures["settings"]["sampling"]["guidance"], 1.5);
    // Four pictures in a row, each with its strip.
    let sheet = image::open(scene.path("sheet.png")).unwrap();
    assert_eq!((sheet.width(), sheet.height()), (4 * 64, 64 + 8));
    for (name, n) in [
        ("prompt_agreement", 4),
        ("prompt_agreement_swapped", 2),
        ("prompt_agreement_rendered", 4),
        ("scene_agreement", 4),
        ("availability", 4),
        ("distance", 2),
        ("distance_floor", 2),
        ("diversity", 1),
        ("edge_recall", 1),
        ("edge_recall_uncontrolled", 1),
        ("second_copy_share", 4),
    ] {
        let figure = &figures[name];
        assert_eq!(figure["n"], n, "{name}: {figure}");
        let [low, value, high] = ["low", "value", "high"].map(|key| figure[key].as_f64().unwrap());
        assert!(
            low <= value + 1e-9 && value <= high + 1e-9,
            "{name}: {figure}"
        );
    }
    assert_eq!(
        figures["availability"]["value"], 1.0,
        "this judge accepts everything"
    );
    assert_eq!(figures["failure_shares"]["size_mismatch"]["value"], 0.0);
    assert_eq!(figures["settings"]["count"], 4);
    assert_eq!(figures["settings"]["sampling"]["steps"], 2);
    let page = fs::read_to_string(scene.path("page.html")).unwrap();
    assert!(page.contains("data:image/jpeg;base64,") && page.contains("no person has looked"));
    assert!(
        !page.contains("://"),
        "it opens without a server or a network"
    );

    // The same again paints nothing and finds the same; a lost painting alone is painted again, equal.
    let painted = program::pictures_in(&scene.path("figures.work/painted"));
    assert_eq!(painted.len(), 10);
    fs::remove_file(scene.path("figures.work/painted").join(&painted[3].0)).unwrap();
    let ran = scene.run(&arguments).expect(0);
    assert!(
        ran.err.contains("painted 10 of 10, 9 found from before"),
        "{}",
        ran.err
    );
    assert_eq!(
        program::pictures_in(&scene.path("figures.work/painted")),
        painted
    );
    let again: Value =
        serde_json::from_slice(&fs::read(scene.path("figures.json")).unwrap()).unwrap();
    assert_eq!(again, figures);
}
