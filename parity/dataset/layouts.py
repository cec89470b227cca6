"""Writes the tiny data sets that reliad-dataset's readers are tested on, with the tools that users have.

    python parity/dataset/layouts.py crates/reliad-dataset/tests/fixtures

Sample i has an 8x8 picture of the colour (20 i, 10 i, 5 i) and label i % 6, so a test can tell which one it got.
"""

import io
import json
import sys
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def png(index, mode="RGB"):
    color = (20 * index, 10 * index, 5 * index)
    image = Image.new(mode, (8, 8), color if mode == "RGB" else (*color, 128))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def parquet(path):
    """Hugging Face's image column, snappy, three row groups of several pages; one empty title and one missing label."""
    rows = range(10)
    image = pa.array(
        [{"bytes": png(i), "path": f"{i}.png"} for i in rows],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    )
    table = pa.table(
        {
            "image": image,
            "product": pa.array([png(i, "RGBA") if i % 2 else None for i in rows], pa.binary()),
            "title": pa.array([None if i == 3 else f"Mug {i}" for i in rows]),
            "label": pa.array([None if i == 7 else i % 6 for i in rows], pa.int64()),
        }
    )
    pq.write_table(table, path, row_group_size=4, data_page_size=256, compression="snappy")


def webdataset(path):
    """Two samples with all members, one whose label has no meaning, one without a picture."""
    def members():
        for i in (1, 2):
            record = {"title": f"Lamp {i}", "prompt": "on oak", "product_id": f"lamp-{i}"}
            yield f"a/{i:03}.png", png(i)
            yield f"a/{i:03}.product.png", png(i, "RGBA")
            yield f"a/{i:03}.json", json.dumps(record).encode()
            yield f"a/{i:03}.cls", str(i).encode()
        yield "a/003.png", png(3)
        yield "a/003.cls", b"9"
        yield "a/004.cls", b"0"

    with tarfile.open(path, "w") as tar:
        for name, data in members():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def rf1m(folder):
    """Archives 1 (zip) and 2 (tar), folder 3; products for two; a label without its picture and one that is none."""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "1.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1/a1.png", png(1))
        archive.writestr("1/a2.png", png(2))
    with tarfile.open(folder / "2.tar", "w") as tar:
        info = tarfile.TarInfo("2/b3.png")
        data = png(3)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    (folder / "3").mkdir(exist_ok=True)
    (folder / "3" / "c4.png").write_bytes(png(4))
    lines = ["a1.png\t0\tRed mug", "a2.png\t1\tRed mug", "b3.png\t3", "c4.png\t5", "d5.png\t0", "a1.png\tgood"]
    (folder / "label.txt").write_text("\n".join(lines) + "\n")


def main(out):
    out.mkdir(parents=True, exist_ok=True)
    parquet(out / "table.parquet")
    webdataset(out / "shard-000000.tar")
    rf1m(out / "rf1m")
    products = out / "rf1m_products"
    products.mkdir(exist_ok=True)
    (products / "a2.png").write_bytes(png(2, "RGBA"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
