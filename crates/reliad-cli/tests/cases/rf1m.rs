//! RF1M's layout, `label.txt` beside pictures and archives: `reliad data import`.

use std::fs;

use crate::case::{CASE, Case};
use crate::imported::{imported, set_aside};
use crate::program::Scene;

const IMPORT: &str = "data import input --out data";
const TITLES: [&str; 3] = ["mug", "lamp", "stool"];

fn label_txt(scene: &Scene, text: impl AsRef<[u8]>) {
    fs::write(scene.path("input/label.txt"), text).unwrap();
}

#[test]
fn lines_are_read_whole_or_refused() {
    Case::hold(&[
        Case {
            name: "parted by blanks",
            input: "rf1m/blanks",
            run: IMPORT,
            then: |scene| {
                assert_eq!(
                    imported(scene, "title"),
                    ["blue mug 9 cm", "red lamp", "stool"]
                );
                assert_eq!(imported(scene, "prompt"), ["-"; 3]);
            },
            ..CASE
        },
        Case {
            name: "quoted",
            input: "rf1m/quoted",
            run: IMPORT,
            then: |scene| {
                assert_eq!(
                    imported(scene, "title"),
                    ["Mug, blue, 9 cm", "red lamp", "stool"]
                );
                assert_eq!(imported(scene, "prompt"), ["-"; 3]);
            },
            ..CASE
        },
        Case {
            name: "commas in a title that isn't quoted",
            input: "rf1m/blanks",
            prepare: |scene| {
                label_txt(
                    scene,
                    "1.jpg,0,Mug,blue\n2.jpg,1,Lamp, red\n3.jpg,0,stool\n",
                )
            },
            run: IMPORT,
            code: 1,
            says: &["1 × commas that may be part of the title"],
            then: |scene| {
                assert_eq!(imported(scene, "title"), ["Lamp, red", "stool"]);
                assert!(set_aside(scene)[0].contains("label.txt, line 1"));
            },
            ..CASE
        },
        Case {
            name: "columns that the first line names",
            input: "rf1m/blanks",
            prepare: |scene| {
                label_txt(
                    scene,
                    "label,file_name,caption\n0,1.jpg,on grass\n2,2.jpg,\n",
                )
            },
            run: IMPORT,
            then: |scene| {
                assert_eq!(imported(scene, "label"), ["available", "size_mismatch"]);
                assert_eq!(imported(scene, "prompt"), ["on grass", "-"]);
            },
            ..CASE
        },
        Case {
            name: "a byte order mark",
            input: "rf1m/bom",
            run: IMPORT,
            then: |scene| assert_eq!(imported(scene, "title"), TITLES),
            ..CASE
        },
        Case {
            name: "GBK",
            input: "rf1m/gbk",
            run: IMPORT,
            says: &["read as GBK"],
            then: |scene| assert_eq!(imported(scene, "title"), ["马克杯 350ml", "台灯", "凳子"]),
            ..CASE
        },
        Case {
            name: "UTF-16, lines that end as on Windows",
            input: "rf1m/bom",
            prepare: |scene| {
                let text = fs::read_to_string(scene.path("input/label.txt")).unwrap();
                let text = text.replace('\n', "\r\n");
                let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
                label_txt(scene, bytes);
            },
            run: IMPORT,
            then: |scene| assert_eq!(imported(scene, "title"), TITLES),
            ..CASE
        },
    ]);
}

#[test]
fn names_find_their_own_pictures() {
    Case::hold(&[
        Case {
            name: "a folder that isn't the picture's",
            input: "rf1m/folder-mismatch",
            run: IMPORT,
            code: 1,
            says: &[
                "set aside: 1 × no picture: ",
                "01/1.jpg (another lies at 00/1.jpg)",
            ],
            then: |scene| assert_eq!(imported(scene, "title"), ["mug"]),
            ..CASE
        },
        Case {
            name: "pictures of one name in two folders",
            input: "rf1m/folder-mismatch",
            prepare: |scene| {
                fs::create_dir(scene.path("input/01")).unwrap();
                fs::copy(scene.path("input/00/2.jpg"), scene.path("input/01/1.JPG")).unwrap();
                label_txt(
                    scene,
                    "00\\1.jpg\t0\tmug\n01/1.jpg\t1\tlamp\n1.jpg\t2\tstool\n",
                );
            },
            run: IMPORT,
            code: 1,
            says: &["1 × several pictures of one name"],
            then: |scene| {
                assert_eq!(imported(scene, "title"), ["mug", "lamp"]);
                assert!(imported(scene, "image")[1].ends_with("01/1.JPG"));
            },
            ..CASE
        },
        Case {
            name: "products within the data",
            input: "rf1m/products-inside",
            run: "data import input --products input/rgba --out data",
            says: &["3 samples as rf1m, 0 set aside; 1 with a product"],
            then: |scene| {
                assert_eq!(imported(scene, "title"), TITLES);
                assert!(imported(scene, "product")[0].ends_with("rgba/1.png"));
            },
            ..CASE
        },
        Case {
            name: "no products",
            input: "rf1m/no-products",
            run: IMPORT,
            then: |scene| {
                assert_eq!(imported(scene, "title"), TITLES);
                assert_eq!(imported(scene, "product"), ["-"; 3]);
            },
            ..CASE
        },
        Case {
            name: "Chinese names in an archive, as Windows writes them",
            input: "rf1m/gbk-zip",
            run: IMPORT,
            then: |scene| assert_eq!(imported(scene, "title"), ["mug", "lamp"]),
            ..CASE
        },
        Case {
            name: "what Macs and other programs leave beside pictures",
            input: "rf1m/bom",
            prepare: |scene| {
                for name in ["00/._1.jpg", "__MACOSX/1.jpg", ".trash/2.jpg"] {
                    let path = scene.path("input").join(name);
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, "Mac OS X").unwrap();
                }
                fs::write(scene.path("input/broken.zip"), "no archive").unwrap();
            },
            run: IMPORT,
            says: &["1 × archive that can't be read", "broken.zip"],
            then: |scene| assert_eq!(imported(scene, "title"), TITLES),
            ..CASE
        },
        #[cfg(unix)]
        Case {
            name: "a circle of links",
            input: "rf1m/bom",
            prepare: |scene| {
                std::os::unix::fs::symlink("..", scene.path("input/00/again")).unwrap();
            },
            run: IMPORT,
            says: &["1 × link that leads back to a folder it lies in"],
            then: |scene| assert_eq!(imported(scene, "title"), TITLES),
            ..CASE
        },
    ]);
}
