//! The recurrent loop with a painter and a judge made of arithmetic: what is kept, recorded,
//! resumed and reported.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod fake;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use fake::{FakeJudge, FakePainter};
use image::{Rgba, RgbaImage};
use reliad_diffusion::Sampling;
use reliad_generation::manifest::{self, Record};
use reliad_generation::order::{CatalogueRow, Order, Request};
use reliad_generation::product::ProductFile;
use reliad_generation::replay::{Replayed, replay};
use reliad_generation::report::Unusable;
use reliad_generation::run::{Event, Outcome, RunSettings, run};
use reliad_generation::{Error, files};

struct World {
    dir: tempfile::TempDir,
    products: Vec<ProductFile>,
}

impl World {
    fn new(products: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let products = (0..products)
            .map(|number| {
                let path = dir.path().join(format!("red-box-{number}.png"));
                let box_of = |x: u32, y: u32| {
                    let inside = (20..80).contains(&x) && (30..90).contains(&y);
                    Rgba([200, 10 + number as u8, 30, if inside { 255 } else { 0 }])
                };
                RgbaImage::from_fn(100, 120, box_of).save(&path).unwrap();
                ProductFile::open(&path, None).unwrap()
            })
            .collect();
        let world = Self { dir, products };
        files::prepare_directory(&world.out()).unwrap();
        world
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    /// The same request for each product.
    fn orders(&self, request: &Request) -> Vec<Order> {
        let products = self.products.iter();
        products
            .map(|product| Order {
                product: product.clone(),
                request: request.clone(),
                row: None,
            })
            .collect()
    }

    fn settings(&self) -> RunSettings {
        RunSettings {
            attempts: 4,
            batch: 1,
            keep_rejected: false,
            out: self.out(),
            noise: None,
        }
    }

    fn run(&self, settings: &RunSettings, painter: &FakePainter, judge: &FakeJudge) -> Outcome {
        self.run_orders(&self.orders(&request()), settings, painter, judge)
    }

    fn run_orders(
        &self,
        orders: &[Order],
        settings: &RunSettings,
        painter: &FakePainter,
        judge: &FakeJudge,
    ) -> Outcome {
        let stop = AtomicBool::new(false);
        run(
            settings,
            orders,
            &[],
            painter,
            Some(judge),
            &stop,
            &mut |_| {},
        )
        .unwrap()
    }

    fn records(&self) -> Vec<Record> {
        manifest::read(&self.out().join(manifest::FILE_NAME)).unwrap()
    }
}

fn request() -> Request {
    Request {
        prompt: "on a beach".into(),
        negative_prompt: String::new(),
        sampling: Sampling {
            width: 64,
            height: 48,
            ..Sampling::default()
        },
        scale: None,
        seed: 5,
        count: 1,
    }
}

fn pictures(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".png"))
        .collect();
    names.sort();
    names
}

#[test]
fn the_first_available_attempt_is_kept_and_no_rejected_one() {
    let world = World::new(2);
    let painter = FakePainter::new();
    let outcome = world.run(&world.settings(), &painter, &FakeJudge::from_attempt(2));
    let expected = Outcome {
        items: 2,
        found: 2,
        painted: 6,
        ..Outcome::default()
    };
    assert_eq!(outcome, expected);
    let records = world.records();
    assert_eq!(records.len(), 6);
    let kept: Vec<_> = records.iter().filter(|record| record.kept).collect();
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().all(|record| record.recipe.attempt == 2));
    let mut files: Vec<_> = kept
        .iter()
        .filter_map(|record| record.file.clone())
        .collect();
    files.sort();
    assert_eq!(pictures(&world.out()), files);
    let report = fs::read_to_string(world.out().join("report.html")).unwrap();
    assert!(report.contains("found after 3 attempts") && report.contains("data:image/jpeg"));
}

#[test]
fn rejected_pictures_get_a_folder_of_their_own() {
    let world = World::new(1);
    let settings = RunSettings {
        keep_rejected: true,
        attempts: 2,
        ..world.settings()
    };
    let outcome = world.run(&settings, &FakePainter::new(), &FakeJudge::from_attempt(9));
    assert_eq!((outcome.found, outcome.painted), (0, 2));
    assert!(pictures(&world.out()).is_empty());
    assert_eq!(pictures(&world.out().join("rejected")).len(), 2);
}

#[test]
fn the_product_keeps_its_pixels() {
    let world = World::new(1);
    world.run(
        &world.settings(),
        &FakePainter::new(),
        &FakeJudge::from_attempt(0),
    );
    let record = &world.records()[0];
    let picture = image::open(world.out().join(record.file.as_ref().unwrap()))
        .unwrap()
        .to_rgb8();
    assert_eq!(picture.get_pixel(32, 24).0, [200, 10, 30]);
    assert_eq!(picture.get_pixel(0, 0).0[2], 90);
}

#[test]
fn a_second_run_paints_nothing_and_a_lost_picture_is_painted_again() {
    let world = World::new(2);
    let settings = world.settings();
    let orders = world.orders(&Request {
        count: 2,
        ..request()
    });
    let judge = FakeJudge::from_attempt(1);
    world.run_orders(&orders, &settings, &FakePainter::new(), &judge);
    let before = pictures(&world.out());
    assert_eq!(before.len(), 4);

    let painter = FakePainter::new();
    let outcome = world.run_orders(&orders, &settings, &painter, &judge);
    assert_eq!(
        (outcome.found, outcome.resumed, painter.painted.get()),
        (4, 8, 0)
    );

    fs::remove_file(world.out().join(&before[1])).unwrap();
    fs::write(world.out().join(&before[2]), b"half a pict").unwrap();
    let outcome = world.run_orders(&orders, &settings, &painter, &judge);
    assert_eq!((outcome.found, outcome.resumed, outcome.painted), (4, 6, 2));
    assert_eq!(pictures(&world.out()), before);
    assert!(image::open(world.out().join(&before[2])).is_ok());
}

#[test]
fn a_run_stopped_anywhere_ends_with_the_same_files() {
    let whole = World::new(2);
    let judge = FakeJudge::from_attempt(1);
    whole.run(&whole.settings(), &FakePainter::new(), &judge);

    let stopped = World::new(2);
    for stop_after in [1, 3, 5] {
        let stop = AtomicBool::new(false);
        let mut steps = 0;
        let outcome = run(
            &stopped.settings(),
            &stopped.orders(&request()),
            &[],
            &FakePainter::new(),
            Some(&judge),
            &stop,
            &mut |event| {
                if let Event::Step { .. } = event {
                    steps += 1;
                    stop.store(steps >= stop_after, Ordering::Relaxed);
                }
            },
        )
        .unwrap();
        assert!(outcome.interrupted, "{stop_after}: {outcome:?}");
    }
    let outcome = stopped.run(&stopped.settings(), &FakePainter::new(), &judge);
    assert!(!outcome.interrupted);
    assert_eq!(outcome.found, 2);
    assert_eq!(pictures(&stopped.out()), pictures(&whole.out()));
}

#[test]
fn names_depend_neither_on_batch_nor_on_order_nor_on_company() {
    let alone = World::new(1);
    let judge = FakeJudge::from_attempt(1);
    alone.run(&alone.settings(), &FakePainter::new(), &judge);
    let mut company = World::new(3);
    company.products.reverse();
    let settings = RunSettings {
        batch: 2,
        ..company.settings()
    };
    let outcome = company.run(&settings, &FakePainter::new(), &judge);
    assert_eq!((outcome.found, outcome.painted), (3, 6));
    let names = pictures(&company.out());
    assert!(
        pictures(&alone.out())
            .iter()
            .all(|name| names.contains(name)),
        "{names:?}"
    );
}

#[test]
fn another_judge_judges_again() {
    let world = World::new(1);
    world.run(
        &world.settings(),
        &FakePainter::new(),
        &FakeJudge::from_attempt(0),
    );
    let outcome = world.run(
        &world.settings(),
        &FakePainter::new(),
        &FakeJudge::from_attempt(1),
    );
    assert_eq!((outcome.resumed, outcome.painted, outcome.found), (0, 2, 1));
}

#[test]
fn without_a_judge_the_first_attempt_is_kept() {
    let world = World::new(1);
    let stop = AtomicBool::new(false);
    let unusable = [Unusable {
        path: "x.png".into(),
        message: "x.png: is empty".into(),
    }];
    let painter = FakePainter::new();
    let outcome = run(
        &world.settings(),
        &world.orders(&request()),
        &unusable,
        &painter,
        None,
        &stop,
        &mut |_| {},
    )
    .unwrap();
    assert_eq!((outcome.found, outcome.painted), (1, 1));
    assert!(world.records()[0].verdict.is_none());
    let report = fs::read_to_string(world.out().join("report.html")).unwrap();
    assert!(report.contains("Not judged") && report.contains("x.png: is empty"));
}

#[test]
fn a_product_that_changes_or_goes_fails_alone() {
    let world = World::new(3);
    fs::write(&world.products[0].path, b"other").unwrap();
    fs::remove_file(&world.products[2].path).unwrap();
    let outcome = world.run(
        &world.settings(),
        &FakePainter::new(),
        &FakeJudge::from_attempt(0),
    );
    assert_eq!((outcome.found, outcome.failed, outcome.items), (1, 2, 3));
}

#[test]
fn the_same_product_twice_is_made_once() {
    let mut world = World::new(1);
    let copy = world.dir.path().join("red_box_0.png");
    fs::copy(&world.products[0].path, &copy).unwrap();
    world.products.push(ProductFile::open(&copy, None).unwrap());
    let outcome = world.run(
        &world.settings(),
        &FakePainter::new(),
        &FakeJudge::from_attempt(0),
    );
    assert_eq!(outcome.items, 1);
}

#[test]
fn too_few_rows_of_noise_are_told_before_anything_is_painted() {
    let world = World::new(2);
    let noise = reliad_generation::run::NoiseSource {
        path: "noise.safetensors".into(),
        hash: "h".into(),
        rows: 7,
    };
    let settings = RunSettings {
        noise: Some(noise),
        ..world.settings()
    };
    let stop = AtomicBool::new(false);
    let painter = FakePainter::new();
    let result = run(
        &settings,
        &world.orders(&request()),
        &[],
        &painter,
        None,
        &stop,
        &mut |_| {},
    );
    assert!(
        result
            .unwrap_err()
            .to_string()
            .contains("4 attempts each need 8")
    );
    assert_eq!(painter.painted.get(), 0);
}

#[test]
fn replay_says_what_differs() {
    let world = World::new(1);
    let painter = FakePainter::new();
    world.run(&world.settings(), &painter, &FakeJudge::from_attempt(1));
    let record = world.records().pop().unwrap();
    let go = &mut |_, _| ControlFlow::Continue(());
    let product = &world.products[0].path;
    let out = world.dir.path().join("again");
    files::prepare_directory(&out).unwrap();
    assert_eq!(
        replay(&record, &painter, product, Some(&out), go).unwrap(),
        Replayed::Same
    );
    let made = fs::read(out.join(format!("{}.png", record.name))).unwrap();
    assert_eq!(files::hash(&made), record.png_blake3);

    let older = Record {
        reliad: "0.0.1".into(),
        png_blake3: "another".into(),
        ..record.clone()
    };
    let Replayed::Other(lines) = replay(&older, &painter, product, None, go).unwrap() else {
        panic!("the bytes can't be the same")
    };
    assert!(lines[1].contains("recorded 0.0.1"), "{lines:?}");

    let mut changed = FakePainter::new();
    changed
        .identity
        .files
        .insert("unet/model".into(), "other".into());
    fs::write(product, b"other").unwrap();
    let Replayed::NotMade(lines) = replay(&record, &changed, product, None, go).unwrap() else {
        panic!("two files differ")
    };
    assert!(
        lines[0].contains("model file unet/model differs"),
        "{lines:?}"
    );
    assert!(lines[1].contains("product file"), "{lines:?}");
}

#[test]
fn a_full_or_missing_output_stops_the_run_with_a_hint() {
    let world = World::new(1);
    let settings = RunSettings {
        out: world.dir.path().join("nowhere"),
        ..world.settings()
    };
    let stop = AtomicBool::new(false);
    let painter = FakePainter::new();
    let error = run(
        &settings,
        &world.orders(&request()),
        &[],
        &painter,
        None,
        &stop,
        &mut |_| {},
    );
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Write { .. }));
}

#[test]
fn orders_with_wishes_of_their_own_are_made_together_and_apart() {
    let world = World::new(1);
    let wish = |prompt: &str, width: u32, seed: u64| Order {
        request: Request {
            prompt: prompt.into(),
            seed,
            sampling: Sampling {
                width,
                ..request().sampling
            },
            ..request()
        },
        ..world.orders(&request()).remove(0)
    };
    let orders = [
        wish("on a beach", 64, 5),
        wish("on a rock", 96, 5),
        wish("on a rock", 64, 5),
        wish("on a rock", 64, 6),
        wish("on a rock", 96, 5),
    ];
    let settings = RunSettings {
        batch: 3,
        ..world.settings()
    };
    let judge = FakeJudge::from_attempt(0);
    let outcome = world.run_orders(&orders, &settings, &FakePainter::new(), &judge);
    assert_eq!(
        (outcome.items, outcome.found),
        (4, 4),
        "the last is the second"
    );
    let widths = |records: &[Record]| {
        let size = |record: &Record| {
            let file = world.out().join(record.file.as_ref().unwrap());
            let (width, _) = image::image_dimensions(file).unwrap();
            assert_eq!(width, record.recipe.sampling.width);
            (width, record.recipe.seed)
        };
        records.iter().map(size).collect::<Vec<_>>()
    };
    // Those of one size are painted at once, the other one after them.
    assert_eq!(
        widths(&world.records()),
        [(64, 5), (64, 5), (64, 6), (96, 5)]
    );
    let painter = FakePainter::new();
    for record in world.records() {
        let go = &mut |_, _| ControlFlow::Continue(());
        let again = replay(&record, &painter, &world.products[0].path, None, go).unwrap();
        assert_eq!(again, Replayed::Same);
    }
}

#[test]
fn what_the_catalogue_says_beside_is_kept_and_brought_up_to_date() {
    let world = World::new(1);
    let order = |sku: &str| Order {
        row: Some(CatalogueRow {
            file: "/shop/products.csv".into(),
            row: 2,
            columns: [("sku".to_owned(), sku.to_owned())].into(),
        }),
        ..world.orders(&request()).remove(0)
    };
    let (painter, judge) = (FakePainter::new(), FakeJudge::from_attempt(0));
    for sku in ["A-1", "A-1", "A-2"] {
        world.run_orders(&[order(sku)], &world.settings(), &painter, &judge);
        let last = world.records().pop().unwrap().catalogue.unwrap();
        assert_eq!(last.columns["sku"], sku);
    }
    assert_eq!(painter.painted.get(), 1);
    assert_eq!(world.records().len(), 2, "written again once");
    // A run without the catalogue takes nothing away.
    world.run(&world.settings(), &painter, &judge);
    assert_eq!(world.records().len(), 2);
}
