//! Schedulers as models have them, by the class that their file names.

use std::fs;

use crate::case::{CASE, Case};
use crate::program::{Scene, copy_dir, fixture, pictures_in, product};

const RUN: &str =
    "generate products --model model --no-judge --size 64x64 --steps 4 --guidance 2 --prompt table";

/// A model with the input's scheduler, and a product.
fn painter(scene: &Scene) {
    copy_dir(
        &fixture("reliad-diffusion", "inpaint"),
        &scene.path("model"),
    );
    let file = "scheduler_config.json";
    fs::copy(
        scene.path("input").join(file),
        scene.path("model/scheduler").join(file),
    )
    .unwrap();
    fs::create_dir(scene.path("products")).unwrap();
    product(0).save(scene.path("products/box-0.png")).unwrap();
}

/// One picture, and another than DDIM's: what each class makes of a run is held against diffusers in
/// `reliad-diffusion/tests/scheduler.rs`.
fn own_picture(scene: &Scene) {
    let arguments = RUN.split(' ').chain(["--sampler", "ddim", "--out", "ddim"]);
    scene.run(&arguments.collect::<Vec<_>>()).expect(0);
    let ddim = pictures_in(&scene.path("ddim"));
    let own = scene.pictures();
    assert_eq!((own.len(), ddim.len()), (1, 1));
    assert!(own[0].1 != ddim[0].1, "as DDIM");
}

#[test]
fn the_class_of_the_file_samples() {
    Case::hold(&[
        Case {
            name: "Euler",
            input: "schedulers/EulerDiscreteScheduler",
            prepare: painter,
            run: RUN,
            then: own_picture,
            ..CASE
        },
        Case {
            name: "DPM-Solver++ with the first lambda of minus infinity",
            input: "schedulers/DPMSolverMultistepScheduler",
            prepare: painter,
            run: RUN,
            then: own_picture,
            ..CASE
        },
        Case {
            name: "LCM",
            input: "schedulers/LCMScheduler",
            prepare: painter,
            run: RUN,
            then: own_picture,
            ..CASE
        },
        Case {
            name: "PNDM",
            input: "schedulers/PNDMScheduler",
            prepare: painter,
            run: RUN,
            then: own_picture,
            ..CASE
        },
    ]);
}
