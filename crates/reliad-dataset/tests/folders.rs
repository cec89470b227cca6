//! Folders: importing, exporting and importing again gives the same samples; checks find what was planted.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use image::{Rgb, RgbImage, Rgba, RgbaImage};
use reliad_dataset::{
    Broken, DUPLICATES, Duplicates, Error, Export, Fields, Folder, LabelMap, Layout, Lines,
    METADATA, Modality, Place, ProductBy, QUARANTINE, Record, Records, Shares, Source, Split,
    check, divide, import, quarantine, statistics,
};
use reliad_imaging::Class;

static GO_ON: AtomicBool = AtomicBool::new(false);

/// A picture unlike that of any other number.
fn picture(number: u32) -> RgbImage {
    RgbImage::from_fn(32, 32, |x, y| {
        let hash = blake3::hash(&[number as u8, (x / 8) as u8, (y / 8) as u8]);
        let [r, g, b, ..] = *hash.as_bytes();
        Rgb([r, g, b])
    })
}

fn product(number: u32) -> RgbaImage {
    let picture = picture(number + 100);
    RgbaImage::from_fn(32, 32, |x, y| {
        let Rgb([r, g, b]) = *picture.get_pixel(x, y);
        Rgba([r, g, b, if x < 16 { 255 } else { 0 }])
    })
}

fn record(number: u32) -> Record {
    Record {
        image: Place::from(format!("{number}.png").as_str()),
        product: Some(Place::from(format!("{number}p.png").as_str())),
        depth: None,
        saliency: None,
        title: format!("Stool {number}"),
        prompt: "by the sea".to_owned(),
        label: Some(Class::ALL[number as usize % 6].into()),
        product_id: u64::from(number) + (1 << 63),
        split: None,
        parameters: None,
        others: serde_json::Map::from_iter([("severity".to_owned(), 0.5.into())]),
    }
}

fn write(dir: &Path, records: &[Record]) {
    let mut lines = Lines::create(&dir.join(METADATA)).unwrap();
    for record in records {
        lines.write(record).unwrap();
    }
    lines.finish().unwrap();
}

/// `count` samples, each of its own product.
fn folder(dir: &Path, count: u32) {
    for number in 0..count {
        picture(number)
            .save(dir.join(format!("{number}.png")))
            .unwrap();
        product(number)
            .save(dir.join(format!("{number}p.png")))
            .unwrap();
    }
    write(dir, &(0..count).map(record).collect::<Vec<_>>());
}

fn pixels(folder: &Folder, record: &Record, kind: Modality) -> Vec<u8> {
    folder.picture(record, kind).unwrap().into_bytes()
}

#[test]
fn samples_survive_every_layout() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    folder(&data, 7);
    let original = Folder::open(&data).unwrap();
    for layout in [Layout::Folder, Layout::WebDataset, Layout::Parquet] {
        let out = dir.path().join(layout.name());
        let export = Export {
            layout,
            split: None,
            shard_samples: 3,
        };
        let written = export.write(&data, &out, &|_| {}, &GO_ON).unwrap();
        assert_eq!((written.samples, written.broken.len()), (7, 0));
        assert_eq!(Layout::detect(&out).unwrap(), layout);
        let index = dir.path().join(format!("{}-index", layout.name()));
        let source = Source {
            path: out.clone(),
            layout,
            products: None,
            labels: LabelMap::default(),
            fields: Fields::default(),
            product_by: ProductBy::default(),
            unlabelled: false,
        };
        let imported = import(&[source], &index, &|_| {}, &GO_ON).unwrap();
        assert_eq!((imported.records, imported.broken), (7, 0));
        let again = Folder::open(&index).unwrap();
        for (a, b) in original.records().iter().zip(again.records()) {
            assert_eq!(
                (&a.title, &a.prompt, a.label),
                (&b.title, &b.prompt, b.label)
            );
            assert_eq!((a.product_id, a.split()), (b.product_id, b.split()));
            for kind in [Modality::Image, Modality::Product] {
                assert_eq!(pixels(&original, a, kind), pixels(&again, b, kind));
            }
            assert!(b.depth.is_none());
        }
        // The same export again writes nothing anew; another one is refused.
        let written = export.write(&data, &out, &|_| {}, &GO_ON).unwrap();
        assert_eq!(written.samples, 7);
        let other = Export {
            split: Some(Split::Train),
            ..export
        };
        let refused = other.write(&data, &out, &|_| {}, &GO_ON);
        assert!(matches!(refused, Err(Error::Layout { .. })));
    }
}

#[test]
fn an_index_of_its_own_folder_moves_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let before = dir.path().join("before");
    std::fs::create_dir(&before).unwrap();
    folder(&before, 2);
    let source = Source {
        path: before.clone(),
        layout: Layout::Folder,
        products: None,
        labels: LabelMap::default(),
        fields: Fields::default(),
        product_by: ProductBy::default(),
        unlabelled: false,
    };
    import(&[source], &before, &|_| {}, &GO_ON).unwrap();
    let after = dir.path().join("after");
    std::fs::rename(&before, &after).unwrap();
    let moved = Folder::open(&after).unwrap();
    pixels(&moved, &moved.records()[1], Modality::Product);
}

#[test]
fn several_sources_make_one_index_and_one_listed_twice_counts_twice() {
    let dir = tempfile::tempdir().unwrap();
    let source = |name: &str, count: u32| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        folder(&path, count);
        Source {
            path,
            layout: Layout::Folder,
            products: None,
            labels: LabelMap::default(),
            fields: Fields::default(),
            product_by: ProductBy::default(),
            unlabelled: false,
        }
    };
    let (renders, paintings) = (source("renders", 3), source("paintings", 2));
    let out = dir.path().join("all");
    let sources = [renders, paintings.clone(), paintings];
    let imported = import(&sources, &out, &|_| {}, &GO_ON).unwrap();
    assert_eq!((imported.records, imported.broken), (7, 0));
    let all = Folder::open(&out).unwrap();
    let parts = all.records().iter().map(|record| {
        let name = record.image.to_string();
        ["renders", "paintings"].map(|part| name.contains(part))
    });
    let renders = [true, false];
    let paintings = [false, true];
    assert_eq!(
        parts.collect::<Vec<_>>(),
        [
            renders, renders, renders, paintings, paintings, paintings, paintings
        ]
    );
    pixels(&all, &all.records()[6], Modality::Product);

    // One without a usable sample is no reason to leave it out in silence, and what was written before stays.
    let empty = dir.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    write(&empty, &[]);
    let mut sources = sources;
    sources[1].path = empty.clone();
    let refused = import(&sources, &out, &|_| {}, &GO_ON);
    assert!(matches!(refused, Err(Error::Unusable { path, .. }) if path == empty));
    assert_eq!(Folder::open(&out).unwrap().records().len(), 7);
}

#[test]
fn what_cannot_be_used_is_set_aside_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), 8);
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("1.png"), b"no picture").unwrap();
    std::fs::remove_file(path("2p.png")).unwrap();
    RgbaImage::from_pixel(16, 32, Rgba([9, 9, 9, 0]))
        .save(path("3p.png"))
        .unwrap();
    RgbaImage::from_pixel(32, 32, Rgba([9, 9, 9, 255]))
        .save(path("4p.png"))
        .unwrap();
    RgbaImage::from_pixel(32, 32, Rgba([9, 9, 9, 0]))
        .save(path("5p.png"))
        .unwrap();
    // What importing had set aside stays in the list, though no line of the index names it.
    let mut list = Lines::create(&path(QUARANTINE)).unwrap();
    let imported = Broken {
        sample: "label.txt, line 9".to_owned(),
        reason: "label `x` has no meaning".to_owned(),
    };
    list.write(&imported).unwrap();
    list.finish().unwrap();

    let found = check(dir.path(), 2, &|_| {}, &GO_ON).unwrap();
    assert_eq!((found.samples, found.quarantined), (8, 6));
    assert!(!found.is_clean());
    let list = quarantine(dir.path()).unwrap();
    assert_eq!(list[0], imported);
    let names: Vec<&str> = list[1..]
        .iter()
        .map(|broken| broken.sample.as_str())
        .collect();
    assert_eq!(names, ["1.png", "2.png", "3.png", "4.png", "5.png"]);
    for (broken, reason) in list[1..].iter().zip([
        "image: ",
        "product: ",
        "16x32 pixels, its picture has 32x32",
        "not one transparent pixel",
        "nothing but transparent pixels",
    ]) {
        assert!(broken.reason.contains(reason), "{}", broken.reason);
    }
    // Other commands leave them out; once mended, the next check takes them back.
    assert_eq!(Folder::open(dir.path()).unwrap().records().len(), 3);
    assert_eq!(statistics(dir.path(), &|_| {}, &GO_ON).unwrap().samples, 3);
    folder(dir.path(), 8);
    let found = check(dir.path(), 2, &|_| {}, &GO_ON).unwrap();
    assert_eq!(found.quarantined, 1);
    assert_eq!(Folder::open(dir.path()).unwrap().records().len(), 8);
}

#[test]
fn copies_and_leaks_are_found_and_a_division_heals_them() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), 20);
    let mut records: Vec<Record> = (0..20).map(record).collect();
    for (number, record) in records.iter_mut().enumerate() {
        record.split = Some(if number < 10 {
            Split::Train
        } else {
            Split::Test
        });
    }
    // One picture twice with different labels; one cut-out under two identities in two splits.
    picture(3).save(dir.path().join("4.png")).unwrap();
    product(5).save(dir.path().join("15p.png")).unwrap();
    write(dir.path(), &records);
    let found = check(dir.path(), 2, &|_| {}, &GO_ON).unwrap();
    assert_eq!((found.duplicate_groups, found.duplicates), (1, 1));
    assert_eq!(found.conflicting_labels, 1);
    assert_eq!(found.leaks, 2);
    let text = std::fs::read_to_string(dir.path().join(DUPLICATES)).unwrap();
    let groups: Vec<Duplicates> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let named: HashSet<&str> = groups
        .iter()
        .flat_map(|group| &group.pictures)
        .map(String::as_str)
        .collect();
    assert_eq!(
        named,
        HashSet::from(["3.png", "4.png", "5p.png", "15p.png"])
    );

    let shares = Shares {
        validation: 0.2,
        test: 0.2,
    };
    for seed in 0..12 {
        let counts = divide(dir.path(), shares, seed, false, &GO_ON).unwrap();
        assert_eq!(counts.iter().sum::<u64>(), 20);
        let found = check(dir.path(), 2, &|_| {}, &GO_ON).unwrap();
        assert_eq!(found.leaks, 0, "seed {seed}");
    }
}

#[test]
fn divisions_are_by_product_and_keep_a_released_test_part() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), 1);
    // 600 samples of 300 products, of which the first ten are test already by one of their two samples.
    let records: Vec<Record> = (0..600)
        .map(|number| Record {
            product_id: number / 2,
            split: (number < 20 && number % 2 == 0).then_some(Split::Test),
            ..record(0)
        })
        .collect();
    write(dir.path(), &records);
    let shares = Shares {
        validation: 0.1,
        test: 0.0,
    };
    let [train, validation, test] = divide(dir.path(), shares, 1, true, &GO_ON).unwrap();
    assert_eq!(test, 20);
    assert_eq!(train + validation, 580);
    // 290 products at 10 %: five standard deviations are 26 products.
    assert!(validation.abs_diff(58) < 52, "{validation}");
    let read = |dir: &Path| -> Vec<Record> {
        Records::all(dir)
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    };
    let divided = read(dir.path());
    assert!(
        divided
            .iter()
            .all(|record| record.others["severity"] == 0.5)
    );
    assert!(divided.chunks(2).all(|pair| pair[0].split == pair[1].split));
    // Another seed divides differently; the same one alike.
    divide(dir.path(), shares, 2, true, &GO_ON).unwrap();
    assert_ne!(read(dir.path()), divided);
    divide(dir.path(), shares, 1, true, &GO_ON).unwrap();
    assert_eq!(read(dir.path()), divided);
    assert!(
        Shares {
            validation: 0.5,
            test: 0.5
        }
        .check()
        .is_err()
    );
}

#[test]
fn a_stopped_command_leaves_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), 3);
    let before = std::fs::read(dir.path().join(METADATA)).unwrap();
    let stop = AtomicBool::new(true);
    let divided = divide(dir.path(), Shares::default(), 0, false, &stop);
    assert!(matches!(divided, Err(Error::Stopped)));
    assert!(matches!(
        check(dir.path(), 2, &|_| {}, &stop),
        Err(Error::Stopped)
    ));
    assert_eq!(std::fs::read(dir.path().join(METADATA)).unwrap(), before);
    assert!(!dir.path().join(QUARANTINE).exists());
}
