//! A run that is killed, interrupted or out of space goes on where it was.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod program;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use program::{Ran, Scene, generate_arguments};

#[test]
fn a_killed_run_goes_on_and_ends_as_if_nothing_had_happened() {
    let whole = Scene::with_products(0.0, 4);
    whole.generate(&["products"]).expect(0);

    let killed = Scene::with_products(0.0, 4);
    let mut command = killed.command(&generate_arguments(&["products"]));
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut first)
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let finished = fs::read(killed.path(first.trim())).unwrap();
    assert!(
        image::load_from_memory(&finished).is_ok(),
        "finished pictures stay valid"
    );

    // A kill may also tear the manifest's last line.
    let manifest = killed.path("out/manifest.jsonl");
    let mut bytes = fs::read(&manifest).unwrap();
    bytes.extend_from_slice(b"{\"reliad\":\"0.1");
    fs::write(&manifest, bytes).unwrap();

    let ran = killed.generate(&["products"]).expect(0);
    assert!(ran.err.contains("from before"), "{}", ran.err);
    assert_eq!(
        ran.out.lines().count(),
        4,
        "found ones are listed again:\n{}",
        ran.out
    );
    assert!(killed.pictures() == whole.pictures());
    let ran = killed.generate(&["products"]).expect(0);
    assert!(
        ran.err.contains("after 0 attempts, 4 from before"),
        "{}",
        ran.err
    );
    let leftovers = fs::read_dir(killed.path("out"))
        .unwrap()
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .ends_with(".tmp")
        })
        .count();
    assert_eq!(leftovers, 0);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_cleanly_and_says_how_to_go_on() {
    let scene = Scene::with_products(0.0, 3);
    let arguments = generate_arguments(&["products", "-n", "40", "--steps", "4"]);
    let mut child = scene
        .command(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    // The pipe is read to its end, or the program would meet a closed one.
    let rest = stdout.lines().count();
    let ran = Ran::of(child.wait_with_output().unwrap()).expect(130);
    assert!(
        ran.hints().contains("the same command goes on from here"),
        "{}",
        ran.err
    );
    let pictures = scene.pictures();
    assert_eq!(pictures.len(), rest + 1);
    assert!(pictures.len() < 120, "it was stopped");
    assert!(
        pictures
            .iter()
            .all(|(_, bytes)| image::load_from_memory(bytes).is_ok())
    );
    assert!(scene.path("out/report.html").exists());
}

#[cfg(unix)]
#[test]
fn a_full_disk_stops_the_run_and_leaves_nothing_half_written() {
    let scene = Scene::with_products(0.0, 1);
    // A limit of the size of files stands in for a full disk: it needs no mount. 4 kB hold no
    // picture of 64 x 64.
    let reliad = env!("CARGO_BIN_EXE_reliad");
    let arguments = generate_arguments(&["products"]);
    let limited = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh", reliad])
        .args(&arguments)
        .current_dir(scene.path(""))
        .output()
        .unwrap();
    let ran = Ran::of(limited).expect(2);
    assert!(
        ran.errors()[0].starts_with("can't write out/"),
        "{}",
        ran.err
    );
    assert!(scene.pictures().is_empty());
    scene.generate(&["products"]).expect(0);
    assert_eq!(scene.pictures().len(), 1);
}

#[test]
fn two_runs_into_one_directory_do_not_mix() {
    let scene = Scene::with_products(0.0, 1);
    fs::create_dir(scene.path("out")).unwrap();
    let other = reliad_generation::manifest::Manifest::open(&scene.path("out")).unwrap();
    let ran = scene.generate(&["products"]).expect(2);
    assert!(
        ran.errors()[0].contains("another reliad is writing to out"),
        "{}",
        ran.err
    );
    drop(other);
    scene.generate(&["products"]).expect(0);
}
