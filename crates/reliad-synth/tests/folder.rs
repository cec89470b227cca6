//! Rendering to a folder: complete, resumable, the same at any thread count.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use reliad_synth::{Error, RenderConfig, Scenes, Sizes, World, render_folder};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn config(out: &Path, count: u64) -> RenderConfig {
    RenderConfig {
        count,
        seed: 4,
        size: 24,
        world: World::default(),
        out: out.to_path_buf(),
    }
}

fn lines(out: &Path) -> std::io::Result<Vec<String>> {
    Ok(fs::read_to_string(out.join("metadata.jsonl"))?
        .lines()
        .map(str::to_string)
        .collect())
}

#[test]
fn a_cut_off_folder_is_completed_to_the_same_bytes() -> Outcome {
    let (whole, cut) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let go = AtomicBool::new(false);
    render_folder(&config(whole.path(), 7), &|_| {}, &go)?;
    render_folder(&config(cut.path(), 3), &|_| {}, &go)?;
    // As if killed within a line.
    let path = cut.path().join("metadata.jsonl");
    let text = fs::read_to_string(&path)?;
    fs::write(&path, &text[..text.len() - 40])?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    pool.install(|| {
        render_folder(
            &config(cut.path(), 7),
            &|p| assert!(p.done >= 2 && p.found == 2),
            &go,
        )
    })?;
    let (mut a, mut b) = (lines(whole.path())?, lines(cut.path())?);
    a.sort();
    b.sort();
    assert_eq!(a, b);
    for folder in ["images", "products", "depth", "saliency"] {
        for index in 0..7 {
            let name = format!("{folder}/{index:08}.png");
            assert_eq!(
                fs::read(whole.path().join(&name))?,
                fs::read(cut.path().join(&name))?,
                "{name}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_cancelled_run_says_so_and_goes_on() -> Outcome {
    let dir = tempfile::tempdir()?;
    let stop = AtomicBool::new(false);
    let result = render_folder(
        &config(dir.path(), 6),
        &|p| {
            if p.done >= 2 {
                stop.store(true, Ordering::Relaxed);
            }
        },
        &stop,
    );
    assert!(
        matches!(result, Err(Error::Cancelled { count: 6, .. })),
        "{result:?}"
    );
    assert!(lines(dir.path())?.len() < 6);
    render_folder(&config(dir.path(), 6), &|_| {}, &AtomicBool::new(false))?;
    assert_eq!(lines(dir.path())?.len(), 6);
    Ok(())
}

#[test]
fn other_settings_are_refused() -> Outcome {
    let dir = tempfile::tempdir()?;
    let go = AtomicBool::new(false);
    render_folder(&config(dir.path(), 1), &|_| {}, &go)?;
    let other = RenderConfig {
        seed: 5,
        ..config(dir.path(), 1)
    };
    let refusal = |config: &RenderConfig| match render_folder(config, &|_| {}, &go) {
        Err(Error::OtherRun { found, wanted, .. }) => (found, wanted),
        other => (format!("{other:?}"), String::new()),
    };
    assert_eq!(refusal(&other), ("seed: 4".into(), "seed: 5".into()));
    // Only what differs is said, and a long list in short.
    let mut split = config(dir.path(), 1);
    split.world.products = Some((7..300).collect());
    let expected = ("products: all".into(), "products: 293 from 7 to 299".into());
    assert_eq!(refusal(&split), expected);
    // A folder that doesn't tell is of the time before there was a choice.
    let settings = dir.path().join("world.json");
    let text = fs::read_to_string(&settings)?;
    fs::write(&settings, text.replace(r#","sizes":"any""#, ""))?;
    let expected = (r#"sizes: "usual""#.into(), r#"sizes: "any""#.into());
    assert_eq!(refusal(&config(dir.path(), 1)), expected);
    let mut usual = config(dir.path(), 1);
    usual.world.sizes = Sizes::Usual;
    render_folder(&usual, &|_| {}, &go)?;
    let tiny = RenderConfig {
        size: 2,
        ..config(dir.path(), 1)
    };
    assert!(matches!(
        render_folder(&tiny, &|_| {}, &go),
        Err(Error::Setting(_))
    ));
    Ok(())
}

#[test]
fn a_folder_of_rich_scenes_takes_no_studio_and_says_nothing_of_it() -> Outcome {
    let out = tempfile::tempdir()?;
    let go = AtomicBool::new(false);
    render_folder(&config(out.path(), 1), &|_| {}, &go)?;
    // As it was before there was a choice.
    let told = fs::read_to_string(out.path().join("world.json"))?;
    assert!(!told.contains("scenes"), "{told}");
    let studio = RenderConfig {
        world: World {
            scenes: Scenes::Studio,
            ..World::default()
        },
        ..config(out.path(), 1)
    };
    let refused = render_folder(&studio, &|_| {}, &go);
    assert!(
        matches!(refused, Err(Error::OtherRun { .. })),
        "{refused:?}"
    );
    Ok(())
}
