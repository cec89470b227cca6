"""Product pictures in kinds that our own encoders don't write, for the tests of reliad-imaging.

Run from the repository's root, with the packages of parity/requirements.txt:
    python parity/imaging/files.py
"""

import struct
import zlib
from pathlib import Path

from PIL import Image, ImageDraw

OUT = Path("crates/reliad-imaging/tests/fixtures")


def bottle(mode: str, ground) -> Image.Image:
    """A green bottle, taller than wide, drawn at four times the size and scaled down."""
    picture = Image.new(mode, (4 * 64, 4 * 96), ground)
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((4 * 16, 4 * 34, 4 * 48, 4 * 88), 24, fill=(20, 120, 60))
    draw.rectangle((4 * 26, 4 * 10, 4 * 38, 4 * 36), fill=(20, 120, 60))
    return picture.resize((64, 96), Image.Resampling.BOX)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    on_white = bottle("RGB", (255, 255, 255))
    on_white.convert("CMYK").save(OUT / "cmyk.jpg", quality=80)
    on_white.save(OUT / "progressive.jpg", quality=85, progressive=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    on_white.save(OUT / "turned.jpg", quality=85, exif=exif)
    bottle("RGBA", (0, 0, 0, 0)).save(OUT / "lossy.webp", quality=80)
    on_white.convert("P", palette=Image.Palette.ADAPTIVE).save(OUT / "palette.gif")
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0)
    (OUT / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


if __name__ == "__main__":
    main()
