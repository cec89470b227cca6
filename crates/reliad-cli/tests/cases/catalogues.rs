//! Catalogues of products: `generate --catalogue`, and the titles and cut-outs that `inspect` is given.

use std::fs;
use std::path::Path;

use image::{DynamicImage, Rgb, RgbImage, imageops};
use reliad_generation::manifest::Record;
use serde_json::Value;

use crate::case::{CASE, Case};
use crate::program::{Ran, Scene, copy_dir, fixture, product, write_judge};

/// A model of random weights whose judge accepts everything, and two products in `products/`.
fn shop(scene: &Scene) {
    let model = scene.path("model");
    copy_dir(&fixture("reliad-diffusion", "inpaint"), &model);
    write_judge(&model, 0.0);
    fs::create_dir_all(scene.path("products")).unwrap();
    for number in 0..2 {
        let file = format!("products/box-{number}.png");
        product(number).save(scene.path(&file)).unwrap();
    }
}

/// The shop with a catalogue.
fn shop_with(scene: &Scene, file: &str, text: &[u8]) {
    shop(scene);
    fs::write(scene.path(file), text).unwrap();
}

fn failures(scene: &Scene) -> Vec<Value> {
    let text = fs::read_to_string(scene.path("out/failures.jsonl")).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn titles(scene: &Scene) -> Vec<String> {
    scene
        .records()
        .into_iter()
        .map(|record| record.title)
        .collect()
}

/// A product in front of a wall, on a table: opaque and without white.
fn photograph(scene: &Scene, file: &str) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/products");
    let product = image::open(examples.join("mug.png")).unwrap();
    let product = product.resize(230, 230, imageops::FilterType::Triangle);
    let mut picture = RgbImage::from_fn(420, 330, |_, y| match y < 240 {
        true => Rgb([196, 204, 190]),
        false => Rgb([150, 112, 78]),
    })
    .into();
    let left = i64::from((420 - product.width()) / 2);
    imageops::overlay::<DynamicImage, _>(&mut picture, &product, left, 60);
    let picture = picture.into_rgb8();
    picture.save(scene.path(file)).unwrap();
}

const ROWS: &str = "sku,product,title,prompt,seed,count,scale,Guidance,size
A-1,products/box-0.png,\"A box, 9 cm\",on a table,7,2,0.5,3,48x64
A-2,products/box-1.png,,,,,,,
A-3,missing.png,,on a table,,,,,
A-4,products/box-0.png,A box,on a table,seven,,,,
A-5,products/box-0.png,A box,on a table,,0,,,
A-6,products/box-0.png,A box, in a garden,,,,,
";

#[test]
fn rows_decide_what_the_flags_leave_open() {
    Case::hold(&[
        Case {
            name: "rows with settings of their own, and rows that fail",
            prepare: |scene| shop_with(scene, "products.csv", ROWS.as_bytes()),
            run: "generate --catalogue products.csv --prompt room --title Box --model model --size 64x64 --steps 2 \
                  --guidance 2 --seed 3",
            code: 2,
            says: &[
                "products.csv, line 4: missing.png: no such file",
                "line 5: seed is `seven`, which isn't a whole number",
                "line 6: count is 0",
                "kept in the manifest: sku",
                "4 of 4 pictures available",
            ],
            then: |scene| {
                let told = failures(scene);
                assert_eq!(told.len(), 3);
                assert_eq!((&told[0]["row"], &told[1]["row"]), (&4.into(), &5.into()));
                assert_eq!(told[0]["file"], "products.csv");
                assert!(told[1]["reason"].as_str().unwrap().starts_with("seed is"));
                let records = scene.records();
                let told = |record: &Record| {
                    let (of, sampling) = (&record.recipe, &record.recipe.sampling);
                    let row = record.catalogue.as_ref().unwrap();
                    (
                        row.columns["sku"].clone(),
                        of.prompt.clone(),
                        record.title.clone(),
                        (of.seed, of.scale == 0.5, sampling.guidance),
                        (sampling.width, sampling.height),
                    )
                };
                let row = |sku: &str, prompt: &str, title: &str, numbers, size| {
                    (
                        sku.to_owned(),
                        prompt.to_owned(),
                        title.to_owned(),
                        numbers,
                        size,
                    )
                };
                let first = row("A-1", "on a table", "A box, 9 cm", (7, true, 3.0), (48, 64));
                let expected = [
                    first.clone(),
                    first,
                    row("A-2", "room", "Box", (3, false, 2.0), (64, 64)),
                    row("A-6", "in a garden", "A box", (3, false, 2.0), (64, 64)),
                ];
                assert_eq!(records.iter().map(told).collect::<Vec<_>>(), expected);
                let again = scene.run(&["replay", "out"]).expect(0);
                assert!(
                    again.err.contains("4 of 4 pictures made again"),
                    "{}",
                    again.err
                );
                // A mended catalogue makes what is missing, and no more.
                let mended = ROWS.replace("missing", "products/box-1");
                fs::write(scene.path("products.csv"), mended.replace("seven", "8")).unwrap();
                let ran = scene.run(&[
                    "generate",
                    "--catalogue",
                    "products.csv",
                    "--prompt",
                    "room",
                    "--title",
                    "Box",
                    "--model",
                    "model",
                    "--size",
                    "64x64",
                    "--steps",
                    "2",
                    "--guidance",
                    "2",
                    "--seed",
                    "3",
                ]);
                assert!(
                    ran.expect(2)
                        .err
                        .contains("6 of 6 pictures available after 2 attempts, 4 from before")
                );
                assert_eq!(failures(scene).len(), 1);
            },
            ..CASE
        },
        Case {
            name: "a catalogue as a spreadsheet of another country writes it, in a folder of its own",
            prepare: |scene| {
                shop(scene);
                fs::create_dir(scene.path("shop")).unwrap();
                let text = "\u{feff}File;Negative Prompt;Prompt\r\n../products/box-0.png;a cup;on a table\r\n;;\r\n";
                fs::write(scene.path("shop/products.csv"), text).unwrap();
            },
            run: "generate --catalogue shop/products.csv --model model --size 64x64 --steps 1",
            then: |scene| {
                assert_eq!(scene.records()[0].recipe.negative_prompt, "a cup");
                assert!(!scene.path("out/failures.jsonl").exists());
            },
            ..CASE
        },
        Case {
            name: "a line a row, with lists as a model's sampling.json has them",
            prepare: |scene| {
                let text = r#"{"file": "products/box-0.png", "prompt": "on a table", "canny": [50, 90], "sku": 7, "steps": 2}
{"file": "products/box-1.png", "prompt": "on a table", "sampler": "fastest"}
{"file": "products/box-1.png"}
{"file": 
"#;
                shop_with(scene, "products.jsonl", text.as_bytes());
            },
            run: "generate --catalogue products.jsonl --model model --size 64x64 --steps 1",
            code: 2,
            says: &[
                "line 2: sampler is `fastest`",
                "line 3: it has no prompt",
                "line 4: it is no JSON object",
            ],
            then: |scene| {
                let record = scene.records().remove(0);
                assert_eq!(record.recipe.sampling.canny, [50.0, 90.0]);
                assert_eq!(record.recipe.sampling.steps, 2);
                assert_eq!(record.catalogue.unwrap().columns["sku"], "7");
            },
            ..CASE
        },
        Case {
            name: "a parquet file as pandas writes it: whole numbers with gaps are fractions",
            input: "catalogues/products.parquet",
            prepare: shop,
            run: "generate --catalogue input.parquet --model model --size 64x64 --steps 1",
            code: 2,
            says: &["input.parquet, row 3: missing.png"],
            then: |scene| {
                let seeds = scene
                    .records()
                    .iter()
                    .map(|record| record.recipe.seed)
                    .collect::<Vec<_>>();
                assert_eq!(seeds, [5, 0]);
                assert_eq!(titles(scene), ["A box, 9 cm", "box 1"]);
            },
            ..CASE
        },
        Case {
            name: "an eta that the model's sampler doesn't heed stops its row only",
            prepare: |scene| {
                let text = "file,prompt,eta,sampler\nproducts/box-0.png,x,0.5,euler\nproducts/box-1.png,x,,\n";
                shop_with(scene, "products.csv", text.as_bytes());
            },
            run: "generate --catalogue products.csv --model model --size 64x64 --steps 1",
            code: 2,
            says: &["line 2: ", "eta changes nothing"],
            then: |scene| assert_eq!(scene.records().len(), 1),
            ..CASE
        },
        Case {
            name: "a catalogue that names no product",
            prepare: |scene| shop_with(scene, "products.csv", b"picture,prompt\na.png,x\n"),
            run: "generate --catalogue products.csv --model model",
            code: 2,
            says: &[
                "products.csv: no column names the products",
                "`picture`",
                "`product`",
            ],
            ..CASE
        },
        Case {
            name: "a catalogue of which every row fails",
            prepare: |scene| {
                shop_with(
                    scene,
                    "products.csv",
                    b"file,prompt\na.png,x\nb.png,x\nc.png,x\nd.png,x\ne.png,x\nf.png,x\ng.png,x\n",
                )
            },
            run: "generate --catalogue products.csv --model model",
            code: 2,
            says: &[
                "line 2: a.png",
                "2 more rows failed: see out/failures.jsonl",
            ],
            silent_of: &["line 8"],
            then: |scene| assert_eq!(failures(scene).len(), 7),
            ..CASE
        },
        Case {
            name: "the catalogue of the examples",
            input: "../../../../../examples/products",
            prepare: shop,
            run: "generate --catalogue input/products.csv --model model --size 64x64 --steps 1",
            silent_of: &["have no title"],
            then: |scene| {
                assert_eq!(titles(scene).len(), 8);
                assert!(titles(scene)[2].contains("8.4 cm tall"));
            },
            ..CASE
        },
    ]);
}

#[test]
fn products_without_titles_and_with_odd_names() {
    Case::hold(&[
        Case {
            name: "products without a title, told once",
            prepare: shop,
            run: "generate products --prompt x --model model --size 64x64 --steps 1",
            says: &["2 of 2 have no title", "11 points of F1", "--title"],
            ..CASE
        },
        Case {
            name: "no hint without a judge",
            prepare: shop,
            run: "generate products --prompt x --model model --size 64x64 --steps 1 --no-judge",
            silent_of: &["have no title"],
            ..CASE
        },
        #[cfg(target_os = "linux")]
        Case {
            name: "a name with bytes that aren't UTF-8 stops only itself",
            prepare: |scene| {
                use std::os::unix::ffi::OsStrExt as _;
                shop(scene);
                let name = std::ffi::OsStr::from_bytes(b"caf\xe9.png");
                let from = scene.path("products/box-0.png");
                fs::copy(from, scene.path("products").join(name)).unwrap();
            },
            run: "generate products --prompt x --model model --size 64x64 --steps 1",
            code: 2,
            says: &["bytes that aren't UTF-8", "2 of 2 pictures available"],
            ..CASE
        },
    ]);
}

#[test]
fn photographs_are_cut_out_where_that_is_asked_for() {
    let prepare = |scene: &Scene| {
        shop(scene);
        fs::create_dir(scene.path("photographs")).unwrap();
        photograph(scene, "photographs/my-mug.png");
    };
    Case::hold(&[
        Case {
            name: "a photograph without --cutout",
            prepare,
            run: "generate photographs --prompt x --model model",
            code: 2,
            says: &["no transparency and no white ground", "--cutout"],
            ..CASE
        },
        Case {
            name: "a photograph among cut-outs",
            prepare,
            run: "generate --cutout=mini photographs products --prompt x --model model --size 64x64 --steps 1",
            then: |scene| {
                let records = scene.records();
                assert_eq!(records.len(), 3);
                let of = |record: &Record| record.photograph.clone();
                let from = of(&records[0]).unwrap();
                assert!(from.path.ends_with("photographs/my-mug.png"));
                assert!(of(&records[1]).is_none());
                assert_eq!(records[0].title, "my mug");
                // The wall is gone, and the mug is there.
                let cut = image::open(&records[0].product_path).unwrap().into_rgba8();
                assert_eq!(cut.dimensions(), (420, 330));
                for (x, y) in [(5, 5), (415, 5), (5, 325), (415, 325)] {
                    assert_eq!(cut.get_pixel(x, y).0[3], 0, "{x}, {y}");
                }
                assert_eq!(cut.get_pixel(210, 180).0[3], 255);
                let report = fs::read_to_string(scene.path("out/report.html")).unwrap();
                assert!(report.contains("class=\"alpha\"") && report.contains("Cut out of"));
                scene.run(&["replay", "out"]).expect(0);
            },
            ..CASE
        },
        Case {
            name: "weights of a U2-Net of another size, as a file",
            prepare: |scene| {
                shop(scene);
                photograph(scene, "mug.png");
                let weights = "model/saliency/model.safetensors";
                fs::copy(scene.path(weights), scene.path("u2net.safetensors")).unwrap();
                fs::remove_dir_all(scene.path("model/saliency")).unwrap();
            },
            run: "generate --cutout=u2net.safetensors mug.png --prompt x --model model --size 64x64 --steps 1 --no-judge",
            // Random weights find what they find; what counts is that they are read and used.
            code: 0,
            ..CASE
        },
        Case {
            name: "a file that holds no U2-Net",
            prepare,
            run: "generate --cutout=model/unet/diffusion_pytorch_model.safetensors photographs --prompt x --model model",
            code: 2,
            says: &[
                "U2-Net",
                "stage1.rebnconvin.conv_s1.weight of model/unet/diffusion_pytorch_model.safetensors",
            ],
            ..CASE
        },
        Case {
            name: "no network to cut out with",
            prepare: |scene| {
                shop(scene);
                fs::remove_dir_all(scene.path("model/saliency")).unwrap();
            },
            run: "generate --cutout products --prompt x --model model --no-judge",
            code: 2,
            says: &["has saliency/", "--cutout=DIR"],
            ..CASE
        },
        Case {
            name: "inspect says what to do about a product with a background",
            prepare,
            run: "inspect photographs --products photographs --judge model",
            code: 2,
            says: &["no white ground", "`reliad generate --cutout`"],
            ..CASE
        },
    ]);
}

#[test]
fn titles_find_their_pictures() {
    Case::hold(&[
        Case {
            name: "the catalogue of the examples serves inspect, too",
            input: "../../../../../examples/products",
            prepare: shop,
            run: "inspect input --products input --titles input/products.csv --judge model --max-grown 1000",
            says: &["8 of 8 pictures can be published"],
            silent_of: &["have no title", "fit no picture"],
            then: |scene| {
                let text = fs::read_to_string(scene.path("inspection/results.jsonl")).unwrap();
                assert!(text.contains("Teal bookshelf speaker with coral drivers, 34 cm tall"));
            },
            ..CASE
        },
        Case {
            name: "names with a point in them, and rows that fit no picture",
            prepare: |scene| {
                shop(scene);
                fs::create_dir(scene.path("ads")).unwrap();
                for name in ["cola_1.png", "cola_1.5l.png"] {
                    let from = scene.path("products/box-0.png");
                    fs::copy(&from, scene.path("products").join(name)).unwrap();
                    fs::copy(&from, scene.path("ads").join(name)).unwrap();
                }
                let text =
                    "name,title\ncola_1.5l,A large cola\ncola_1,A small cola\nfanta,A lemonade\n";
                fs::write(scene.path("titles.csv"), text).unwrap();
            },
            run: "inspect ads --products products --titles titles.csv --judge model --max-grown 1000",
            says: &["titles.csv: 1 of 3 names fit no picture: `fanta` (line 4)"],
            then: |scene| {
                let text = fs::read_to_string(scene.path("inspection/results.jsonl")).unwrap();
                let told: Vec<_> = text
                    .lines()
                    .map(|line| {
                        let line: Value = serde_json::from_str(line).unwrap();
                        line["title"].as_str().unwrap().to_owned()
                    })
                    .collect();
                assert_eq!(told, ["A large cola", "A small cola"]);
            },
            ..CASE
        },
        Case {
            name: "inspect without titles says what that costs",
            prepare: |scene| {
                shop(scene);
                copy_dir(&scene.path("products"), &scene.path("ads"));
            },
            run: "inspect ads --products products --judge model --max-grown 1000",
            says: &["2 of 2 have no title", "--titles"],
            ..CASE
        },
    ]);
}

#[test]
fn variables_of_flags_say_yes_or_no() {
    let scene = Scene::with_products(0.0, 1);
    let run = |value: &str, more: &[&str]| {
        let arguments = [
            "generate", "products", "--prompt", "x", "--model", "model", "--size", "64x64",
            "--steps", "1",
        ];
        let out = format!("out-{value}");
        let mut command = scene.command(&arguments);
        command.args(["--out", &out]).args(more);
        command.env("RELIAD_GENERATE_NO_JUDGE", value);
        Ran::of(command.output().unwrap())
    };
    for value in ["1", "yes", "TRUE"] {
        assert!(
            run(value, &[]).expect(0).err.contains("not judged"),
            "{value}"
        );
    }
    for value in ["0", "no", "False"] {
        let ran = run(value, &["--judge", "model"]).expect(0);
        assert!(ran.err.contains("available"), "{value}: {}", ran.err);
    }
    for value in ["2", "maybe", ""] {
        let ran = run(value, &[]).expect(2);
        let told = "the variable RELIAD_GENERATE_NO_JUDGE takes 1, yes, true for yes, and 0, no, false for no";
        assert!(ran.err.contains(told), "{value}: {}", ran.err);
    }
}

#[test]
fn a_manifest_that_an_editor_left_without_its_last_line_break_loses_nothing() {
    let scene = Scene::with_products(0.0, 2);
    scene.generate(&["products"]).expect(0);
    let path = scene.path("out/manifest.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.trim_end()).unwrap();
    let ran = scene.generate(&["products"]).expect(0);
    assert!(
        ran.err.contains("after 0 attempts, 2 from before"),
        "{}",
        ran.err
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}
