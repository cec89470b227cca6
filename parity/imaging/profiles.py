"""Product pictures in colours other than sRGB, and turned by EXIF, for the tests of reliad-imaging and reliad-cli.

Profiles are written here: three primaries with a gamma, a grey with a gamma, and inks as a table. Each picture shows a box
of sRGB (200, 40, 30) with a band of (30, 60, 200), and says so in other numbers. What Little CMS makes of the inks is printed.

Run from the repository's root, with the packages of parity/requirements.txt:
    python parity/imaging/profiles.py
"""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

OUT = Path("crates/reliad-imaging/tests/fixtures")
RED, BLUE, GREY = (200, 40, 30), (30, 60, 200), 90
D50 = np.array([0.9642, 1.0, 0.8249])
D65 = (0.3127, 0.3290)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
# Primaries and white in x, y; gamma.
SPACES = {
    "adobe-rgb": ([(0.64, 0.33), (0.21, 0.71), (0.15, 0.06)], D65, 2.19921875),
    "display-p3": ([(0.68, 0.32), (0.265, 0.69), (0.15, 0.06)], D65, 2.2),
    "prophoto": ([(0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)], (0.3457, 0.3585), 1.8),
}
SRGB = ([(0.64, 0.33), (0.30, 0.60), (0.15, 0.06)], D65)


def xyz(x: float, y: float) -> np.ndarray:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def to_d50(primaries, white) -> np.ndarray:
    """Linear RGB to XYZ, adapted to D50 by Bradford's matrix."""
    columns = np.stack([xyz(*p) for p in primaries], axis=1)
    columns = columns * np.linalg.solve(columns, xyz(*white))
    scale = (BRADFORD @ D50) / (BRADFORD @ xyz(*white))
    return np.linalg.inv(BRADFORD) @ np.diag(scale) @ BRADFORD @ columns


def linear(srgb) -> np.ndarray:
    v = np.asarray(srgb, float) / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def s15(values) -> bytes:
    return b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def icc(space: bytes, device: bytes, pcs: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    tags = [(b"desc", b"desc" + struct.pack(">II", 0, 5) + b"ours\0" + b"\0" * 79)] + tags
    table, body, at = b"", b"", 132 + 12 * len(tags)
    for name, data in tags:
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"\0" * 4, 0x02100000, device, space, pcs)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + s15(D50) + b"\0" * 48
    return head + struct.pack(">I", len(tags)) + table + body


def curve(gamma: float) -> bytes:
    return b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256))


def matrix_profile(name: str) -> bytes:
    primaries, white, gamma = SPACES[name]
    matrix = to_d50(primaries, white)
    tags = [(b"wtpt", b"XYZ \0\0\0\0" + s15(D50))]
    for channel, letter in enumerate(b"rgb"):
        tags.append((bytes([letter]) + b"XYZ", b"XYZ \0\0\0\0" + s15(matrix[:, channel])))
        tags.append((bytes([letter]) + b"TRC", curve(gamma)))
    return icc(b"RGB ", b"mntr", b"XYZ ", tags)


def in_space(name: str, srgb) -> np.ndarray:
    """The same colour in another space, 0 to 1."""
    primaries, white, gamma = SPACES[name]
    light = np.linalg.solve(to_d50(primaries, white), to_d50(*SRGB) @ linear(srgb))
    return np.clip(light, 0, 1) ** (1 / gamma)


def grey_profile(gamma: float) -> bytes:
    return icc(b"GRAY", b"mntr", b"XYZ ", [(b"wtpt", b"XYZ \0\0\0\0" + s15(D50)), (b"kTRC", curve(gamma))])


def ink_profile(grid: int = 5) -> bytes:
    """Ideal inks: each takes its part of a channel of sRGB, black of all."""
    steps = np.linspace(0, 1, grid)
    c, m, y, k = np.meshgrid(steps, steps, steps, steps, indexing="ij")
    light = linear(255 * np.stack([(1 - ink) * (1 - k) for ink in (c, m, y)], axis=-1))
    ratio = light @ to_d50(*SRGB).T / D50
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    l = 116 * f[..., 1] - 16
    a, b = 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])
    lab = np.stack([l * 2.55, a + 128, b + 128], axis=-1).round().clip(0, 255).astype(np.uint8)
    ramp = bytes(range(256))
    table = b"mft1" + struct.pack(">IBBBB", 0, 4, 3, grid, 0) + s15(np.eye(3).ravel())
    table += ramp * 4 + lab.tobytes() + ramp * 3
    return icc(b"CMYK", b"prtr", b"Lab ", [(b"wtpt", b"XYZ \0\0\0\0" + s15(D50)), (b"A2B0", table)])


def box(colour, band, ground, depth=np.uint8) -> np.ndarray:
    """A box of 60 x 80 with a band, in a picture of 120 x 120."""
    picture = np.empty((120, 120, len(ground)), depth)
    picture[:] = ground
    picture[20:100, 30:90] = colour
    picture[80:90, 30:90] = band
    return picture


def write_png(name: str, pixels: np.ndarray, color: int, profile: bytes | None, other: tuple[bytes, bytes] | None = None) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape[:2]
    depth = 8 * pixels.dtype.itemsize
    rows = pixels.astype(f">u{pixels.dtype.itemsize}").reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    if profile is not None:
        data += chunk(b"iCCP", b"ours\0\0" + zlib.compress(profile, 9))
    if other is not None:
        data += chunk(*other)
    data += chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")
    (OUT / name).write_bytes(data)


def rgba(name: str, most: int) -> list[list[int]]:
    return [[*np.round(in_space(name, colour) * most).astype(int), most] for colour in (RED, BLUE)]


def main() -> None:
    clear = [0, 0, 0, 0]
    write_png("display-p3.png", box(*rgba("display-p3", 255), clear), 6, matrix_profile("display-p3"))
    write_png("prophoto-16.png", box(*rgba("prophoto", 65535), clear, np.uint16), 6, matrix_profile("prophoto"))
    # The same as Display P3 by code points: primaries 12, the transfer of sRGB.
    primaries = SPACES["display-p3"][:2]
    p3 = [np.linalg.solve(to_d50(*primaries), to_d50(*SRGB) @ linear(colour)) for colour in (RED, BLUE)]
    p3 = [np.where(v <= 0.0031308, 12.92 * v, 1.055 * v ** (1 / 2.4) - 0.055) for v in p3]
    p3 = [[*np.round(255 * v).astype(int), 255] for v in p3]
    write_png("code-points.png", box(*p3, clear), 6, None, (b"cICP", bytes([12, 13, 0, 1])))
    # A grey of gamma 1: its 8-bit value is the light.
    grey = round(255 * float(linear(GREY)))
    write_png("grey-profile.png", box([grey, 255], [grey, 255], [0, 0]), 4, grey_profile(1.0))
    # A profile that says it is for grey on a picture of colours, and one of noise.
    red = [[*RED, 255], [*BLUE, 255]]
    write_png("wrong-profile.png", box(*red, clear), 6, grey_profile(1.0))
    write_png("noise-profile.png", box(*red, clear), 6, bytes(range(256)) * 2)
    write_png("damaged-profile.png", box(*red, clear), 6, None, (b"iCCP", b"ours\0\0" + b"no zlib at all"))
    # sRGB itself, as most files carry it.
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(box(*red, clear)).save(OUT / "srgb-profile.png", icc_profile=srgb)

    sheet = np.zeros((120, 120, 4), np.uint8)
    sheet[20:100, 30:90] = [*(255 - np.array(RED)), 0]
    sheet[80:90, 30:90] = [*(255 - np.array(BLUE)), 0]
    inks = Image.fromarray(sheet, "CMYK")
    profile = ink_profile()
    inks.save(OUT / "cmyk-profile.jpg", quality=95, icc_profile=profile, subsampling=0)
    intent = ImageCms.Intent.PERCEPTUAL
    stored = Image.open(OUT / "cmyk-profile.jpg")
    seen = ImageCms.profileToProfile(
        stored, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), intent, "RGB"
    )
    print("inks:", [seen.getpixel(at) for at in ((60, 50), (60, 85), (5, 5))])

    upright = Image.fromarray(box(RED, BLUE, (255, 255, 255)))
    back = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    # A mark in one corner, so that no two orientations look alike.
    upright.paste((20, 20, 20), (30, 20, 50, 30))
    for orientation, steps in back.items():
        stored = upright
        for step in steps:
            stored = stored.transpose(step)
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored.save(OUT / f"orientation-{orientation}.jpg", quality=90, exif=exif)
        if orientation == 6:
            stored.save(OUT / "orientation-6.webp", lossless=True, exif=exif)
            stored.save(OUT / "orientation-6.png", exif=exif)


if __name__ == "__main__":
    main()
