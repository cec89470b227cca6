//! The studio: its margins and failures, and captions that name every factor.

use std::collections::{BTreeMap, BTreeSet};

use reliad_synth::{SceneFamily, Scenes, World, mirrored};

use super::{known, label_follows, samples};

fn studio() -> World {
    World {
        scenes: Scenes::Studio,
        ..World::default()
    }
}

#[test]
fn a_studio_keeps_its_margins_and_fails_in_half_of_the_pictures_in_all_four_ways() {
    let all = samples(&studio(), 11, 400);
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut families = BTreeSet::new();
    for sample in &all {
        *kinds.entry(label_follows(sample)).or_default() += 1;
        families.insert(known(sample)["scene_family"].to_string());
    }
    let named: BTreeSet<String> = SceneFamily::STUDIO
        .map(|family| format!("\"{}\"", family.name()))
        .into();
    assert_eq!(families, named);
    // Half of 400, and an eighth or a sixteenth of the kinds: four standard errors.
    assert!((160..=240).contains(&kinds["none"]), "{kinds:?}");
    assert!((25..=75).contains(&kinds["scale"]), "{kinds:?}");
    assert!((25..=75).contains(&kinds["extends"]), "{kinds:?}");
    for kind in ["floats", "detached", "camouflage", "clutter"] {
        assert!(kinds[kind] >= 6, "{kinds:?}");
    }
    assert_eq!(kinds.len(), 7, "{kinds:?}");
}

#[test]
fn a_studios_caption_names_every_factor_and_never_the_label() {
    let mut props = 0;
    for sample in samples(&studio(), 12, 60) {
        let (caption, known) = (&sample.prompt, known(&sample));
        let clauses: Vec<&str> = caption.split(", ").collect();
        let says = |words: &str| {
            assert!(
                clauses.iter().any(|clause| clause.contains(words)),
                "{words}: {caption}"
            );
        };
        let text = |key: &str| known[key].as_str().unwrap_or_default();
        says(text("main_color"));
        says(if text("scene_family") == "cloth" {
            "draped"
        } else {
            text("surface")
        });
        says(
            ["cool", "neutral", "warm"][(known["light_warmth"].as_i64().unwrap_or(9) + 1) as usize],
        );
        says(if known["light_hard"] == true {
            "hard light"
        } else {
            "soft light"
        });
        says(match text("light_side") {
            "left" => "light from the left",
            "right" => "light from the right",
            _ => "light from above",
        });
        let ends = text("ground_ends");
        let told = clauses
            .iter()
            .filter(|clause| clause.starts_with("ground ending"))
            .count();
        assert_eq!(told, usize::from(!ends.is_empty()), "{caption}");
        says(ends);
        let spots = known["prop_spots"].as_array().map_or(0, Vec::len);
        let placed = clauses
            .iter()
            .filter(|clause| clause.contains(" it on the "))
            .count();
        assert_eq!(spots, placed, "{caption}");
        assert!(spots <= 2);
        props += spots;
        for word in [
            "float", "gap", "shadow", "clutter", "large", "handle", "wrong",
        ] {
            assert!(!caption.contains(word), "{caption}");
        }
        assert_eq!(mirrored(&mirrored(caption)), *caption);
    }
    assert!(props > 20);
}
