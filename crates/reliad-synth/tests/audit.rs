//! The world passes its own audit, and a folder the same one.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use reliad_synth::audit::{Audit, audit_folder, audit_world, html};
use reliad_synth::{Error, RenderConfig, World, render_folder};

/// How far above guessing the product and its title may tell the label: products that leave no room
/// for a failure are replaced, which skews the classes a little.
const SKEW: f64 = 0.05;

/// The audit of a folder that nobody cancels.
fn audited(folder: &Path) -> Result<Audit, Error> {
    let audit = audit_folder(folder, &|_, _| (), &AtomicBool::new(false))?;
    Ok(audit.expect("nobody cancels"))
}

#[test]
fn labels_and_maps_hold_and_neither_product_nor_title_tells_the_label() {
    let audit = audit_world(
        &World::default(),
        17,
        360,
        48,
        &|_| (),
        &AtomicBool::new(false),
    )
    .expect("nobody cancels");
    assert!(
        audit.label_violations.is_empty(),
        "{:?}",
        audit.label_violations
    );
    assert!(
        audit.map_violations.is_empty(),
        "{:?}",
        audit.map_violations
    );
    for name in [
        "product file size",
        "product colour",
        "title words",
        "product parameters",
    ] {
        let probe = audit
            .probes
            .iter()
            .find(|probe| probe.name == name)
            .expect("every probe runs");
        assert!(probe.interval[0] <= probe.chance + SKEW, "{probe:?}");
        assert!((probe.chance - 0.2).abs() < 1e-9);
    }
    // Kept margins and an undamaged source are what the default world promises.
    assert_eq!(audit.constant, ["margins_kept", "spoilt"]);
    for path in ["failure.gap", "severity", "pitch", "light_side", "props"] {
        let spread = audit.parameters.iter().find(|s| s.path == path);
        let spread = spread.expect("the parameter is counted");
        assert!(
            spread.groups[0].name == "all" && spread.groups[0].count > 9,
            "{path}"
        );
    }
    let page = html(&audit);
    assert!(page.contains("failure.gap") && page.contains("prompt words"));
    assert!(
        !page.contains("http"),
        "the page needs nothing from elsewhere"
    );
}

#[test]
fn a_folder_is_audited_and_a_wrong_label_is_found() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let config = RenderConfig {
        count: 12,
        seed: 4,
        size: 32,
        world: World {
            mix: [3.0, 1.0, 1.0, 1.0, 1.0, 1.0],
            ..World::default()
        },
        out: dir.path().to_path_buf(),
    };
    render_folder(&config, &|_| {}, &AtomicBool::new(false))?;
    let audit = audited(dir.path())?;
    assert_eq!((audit.count, audit.size), (12, 32));
    assert!(
        audit.label_violations.is_empty(),
        "{:?}",
        audit.label_violations
    );
    assert!(
        audit.map_violations.is_empty(),
        "{:?}",
        audit.map_violations
    );
    let path = dir.path().join("metadata.jsonl");
    let text = std::fs::read_to_string(&path)?;
    let wrong = text.replace("\"label\":\"available\"", "\"label\":\"size_mismatch\"");
    assert!(wrong != text, "one of the samples is available");
    std::fs::write(&path, wrong)?;
    assert!(!audited(dir.path())?.label_violations.is_empty());
    Ok(())
}

#[test]
fn a_folder_without_samples_or_with_a_lost_picture_is_refused()
-> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let config = RenderConfig {
        count: 0,
        seed: 4,
        size: 32,
        world: World::default(),
        out: dir.path().to_path_buf(),
    };
    let go = AtomicBool::new(false);
    render_folder(&config, &|_| {}, &go)?;
    assert!(matches!(audited(dir.path()), Err(Error::Unreadable { .. })));
    render_folder(&RenderConfig { count: 1, ..config }, &|_| {}, &go)?;
    std::fs::remove_file(dir.path().join("depth/00000000.png"))?;
    assert!(matches!(audited(dir.path()), Err(Error::Io { .. })));
    Ok(())
}
