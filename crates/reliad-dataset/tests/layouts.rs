//! Data sets written by pyarrow, tarfile and zipfile (`parity/dataset/layouts.py`) are read sample by sample.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use reliad_dataset::{
    Broken, Error, Fields, Label, LabelMap, Layout, Modality, Place, ProductBy, Record, Source,
    Split, Store, product_of_text,
};
use reliad_imaging::Class;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn source(path: PathBuf, layout: Layout) -> Source {
    Source {
        path,
        layout,
        products: None,
        labels: LabelMap::default(),
        fields: Fields::default(),
        product_by: ProductBy::default(),
        unlabelled: false,
    }
}

fn read(source: &Source) -> (Vec<Record>, Vec<Broken>) {
    let (mut records, mut broken) = (Vec::new(), Vec::new());
    source
        .read(&mut |sample| {
            match sample {
                Ok(record) => records.push(record),
                Err(reason) => broken.push(reason),
            }
            Ok(())
        })
        .unwrap();
    (records, broken)
}

/// The number of the sample whose picture this is: its red is 20 times that.
fn number(place: &Place) -> u8 {
    let picture = Store::default().picture(place).unwrap().into_rgb8();
    assert_eq!(picture.dimensions(), (8, 8));
    let [red, green, blue] = picture.get_pixel(7, 7).0;
    assert_eq!((green, blue), (red / 2, red / 4));
    red / 20
}

#[test]
fn parquet_cells_are_read_in_any_order() {
    let table = fixture("table.parquet");
    let (records, broken) = read(&source(table, Layout::Parquet));
    assert_eq!(records.len(), 9);
    assert_eq!(broken.len(), 1);
    assert!(broken[0].sample.ends_with("#image.bytes@7"));
    assert!(
        broken[0].reason.contains("no label"),
        "{}",
        broken[0].reason
    );
    let numbers = [0u8, 1, 2, 3, 4, 5, 6, 8, 9];
    // From the last to the first: every read finds its own row group and page.
    for (record, expected) in records.iter().zip(numbers).rev() {
        assert_eq!(number(&record.image), expected);
        let label = Class::from_id(usize::from(expected % 6)).unwrap();
        assert_eq!(record.label, Some(Label::Class(label)));
        let title = match expected {
            3 => String::new(),
            number => format!("Mug {number}"),
        };
        assert_eq!(record.title, title);
    }
    let product = records[1].place(Modality::Product).unwrap();
    assert_eq!(number(product), 1);
    // The picture's own name stands in for a title that is missing.
    assert_eq!(records[3].product_id, product_of_text("3"));
    assert_eq!(records[1].product_id, product_of_text("Mug 1"));
}

#[test]
fn a_page_without_its_dictionary_costs_the_file_alone() {
    // Found by fuzzing: the parquet library panics on it.
    let path = fixture("no_dictionary.parquet");
    let error = reliad_dataset::Rows::read(&path).unwrap_err().to_string();
    assert!(error.contains("no_dictionary.parquet"), "{error}");
    assert!(error.contains("dict"), "{error}");
    let (records, broken) = read(&source(path, Layout::Parquet));
    assert_eq!((records.len(), broken.len()), (0, 1));
}

#[test]
fn members_of_a_shard_are_read_by_their_bytes() {
    let (records, broken) = read(&source(fixture("shard-000000.tar"), Layout::WebDataset));
    assert_eq!(records.len(), 2);
    for (record, expected) in records.iter().zip([1, 2]) {
        assert!(matches!(record.image, Place::Bytes { .. }));
        assert_eq!(number(&record.image), expected);
        assert_eq!(number(record.product.as_ref().unwrap()), expected);
        assert_eq!(record.title, format!("Lamp {expected}"));
        assert_eq!(record.prompt, "on oak");
        assert_eq!(
            record.product_id,
            product_of_text(&format!("lamp-{expected}"))
        );
    }
    let reasons: Vec<&str> = broken.iter().map(|broken| broken.reason.as_str()).collect();
    assert_eq!(reasons.len(), 2);
    assert!(reasons[0].contains("label without meaning") && reasons[0].ends_with("`9`"));
    assert!(reasons[1].contains("no picture"));
}

#[test]
fn a_shard_that_breaks_off_gives_what_it_has() {
    let whole = std::fs::read(fixture("shard-000000.tar")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    // A member is a block of 512 bytes and one of data: this is in the data of the second sample's second.
    std::fs::write(dir.path().join("cut.tar"), &whole[..512 * 11 + 50]).unwrap();
    // Without a 0 in what is left, numbers may begin at 1.
    let cut = source(dir.path().to_owned(), Layout::WebDataset);
    assert!(matches!(
        cut.read(&mut |_| Ok(())),
        Err(Error::Labels { .. })
    ));
    let cut = Source {
        labels: LabelMap::parse("from-0").unwrap(),
        ..cut
    };
    let (records, broken) = read(&cut);
    assert_eq!(records.len(), 1);
    assert_eq!(number(&records[0].image), 1);
    assert_eq!(broken.len(), 1);
    assert!(broken[0].sample.ends_with("cut.tar"));
}

#[test]
fn rf1m_is_found_in_archives_and_folders() {
    let mut rf1m = source(fixture("rf1m"), Layout::Rf1m);
    rf1m.products = Some(fixture("rf1m_products"));
    assert_eq!(Layout::detect(&rf1m.path).unwrap(), Layout::Rf1m);
    let (records, broken) = read(&rf1m);
    let numbers: Vec<u8> = records.iter().map(|record| number(&record.image)).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert!(matches!(records[0].image, Place::Zip { .. }));
    assert!(matches!(records[2].image, Place::Bytes { .. }));
    assert!(matches!(records[3].image, Place::File(_)));
    let labels: Vec<&str> = records
        .iter()
        .map(|record| record.label.unwrap().slug())
        .collect();
    assert_eq!(
        labels,
        [
            "available",
            "space_mismatch",
            "indistinctiveness",
            "unsuitable"
        ]
    );
    // Products are there for a part only.
    let products: Vec<bool> = records
        .iter()
        .map(|record| record.product.is_some())
        .collect();
    assert_eq!(products, [false, true, false, false]);
    // Two pictures of one title show one product: splits never part them.
    assert_eq!(records[0].product_id, records[1].product_id);
    assert_eq!(broken.len(), 2);
    assert_eq!(broken[0].reason, "no picture: d5.png");
    assert!(broken[1].reason.ends_with("`good`"));
}

#[cfg(unix)]
#[test]
fn linked_folders_are_followed_but_not_in_circles() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let pictures = dir.path().join("pictures");
    std::fs::create_dir_all(pictures.join("more")).unwrap();
    let mut rf1m = source(fixture("rf1m"), Layout::Rf1m);
    rf1m.products = Some(pictures.clone());
    symlink(fixture("rf1m_products"), pictures.join("linked")).unwrap();
    symlink("nowhere.png", pictures.join("gone.png")).unwrap();
    let (records, _) = read(&rf1m);
    assert!(records[1].product.is_some());
    symlink(&pictures, pictures.join("more/again")).unwrap();
    let (again, _) = read(&rf1m);
    assert_eq!(again, records);
}

#[test]
fn columns_and_labels_are_as_told() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(fixture("rf1m/3/c4.png"), dir.path().join("x.png")).unwrap();
    std::fs::write(dir.path().join("label.txt"), "bad,x.png,A stool\n").unwrap();
    let told = Source {
        labels: LabelMap::parse("good=available,bad=unavailable").unwrap(),
        fields: Fields::parse("image=2,label=1").unwrap(),
        product_by: ProductBy::Name,
        ..source(dir.path().to_owned(), Layout::Rf1m)
    };
    let (records, broken) = read(&told);
    assert!(broken.is_empty(), "{broken:?}");
    assert_eq!(records[0].label, Some(Label::Unavailable));
    assert_eq!(records[0].title, "A stool");
    assert_eq!(records[0].product_id, product_of_text("x"));
    assert_eq!(number(&records[0].image), 4);
}

#[test]
fn hugging_faces_image_folders_are_read() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(fixture("rf1m/3/c4.png"), dir.path().join("x.png")).unwrap();
    let lines = [
        r#"{"file_name": "x.png", "caption": "A stool", "label": 2, "split": "test"}"#,
        r#"{"file_name": "x.png", "label": 2"#,
        r#"{"caption": "nothing to see", "label": 0}"#,
    ];
    std::fs::write(dir.path().join("metadata.jsonl"), lines.join("\n")).unwrap();
    assert_eq!(Layout::detect(dir.path()).unwrap(), Layout::Folder);
    let (records, broken) = read(&source(dir.path().to_owned(), Layout::Folder));
    assert_eq!(number(&records[0].image), 4);
    assert_eq!(records[0].label, Some(Label::Class(Class::SizeMismatch)));
    assert_eq!(records[0].prompt, "A stool");
    assert_eq!(records[0].split(), Split::Test);
    assert_eq!(records.len(), 1);
    assert!(broken[0].sample.ends_with("line 2"));
    assert!(broken[1].reason.contains("no picture"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn indices_of_any_bytes_cost_only_their_lines(
        // Pieces that indices are made of, and bytes of any kind between them.
        pieces in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..12),
                prop::sample::select(vec![
                    &b"x.png"[..], b"0", b"\t", b",", b" ", b"\"", b"\n", b"\r\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\xcc\xa8",
                    b"file_name", b"label", b"{\"file_name\": \"x.png\", \"label\": 0}", b"{\"label\": [", b"NaN", b"a/x.png",
                ])
                .prop_map(<[u8]>::to_vec),
            ],
            0..40,
        )
    ) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(fixture("rf1m/3/c4.png"), dir.path().join("x.png")).unwrap();
        let bytes = pieces.concat();
        for (name, layout) in [
            ("label.txt", Layout::Rf1m),
            ("metadata.csv", Layout::Folder),
            ("metadata.jsonl", Layout::Folder),
        ] {
            std::fs::write(dir.path().join(name), &bytes).unwrap();
            let mut samples = 0;
            let read = source(dir.path().to_owned(), layout).read(&mut |_| {
                samples += 1;
                Ok(())
            });
            // Labels that mean nothing are the one reason to refuse an index as a whole.
            prop_assert!(matches!(read, Ok(()) | Err(Error::Labels { .. })), "{read:?}");
            prop_assert!(samples <= bytes.len());
        }
    }
}
