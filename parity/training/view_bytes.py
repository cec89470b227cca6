"""Bytes of a judge's view as training keeps it, for the photographs given on the command line (needs `zstandard`).

Each becomes a JPEG of 512 pixels and quality 90, as a data set of generated pictures has it, then a view of 384 pixels. The product is
its middle on white. The maps stand for what networks see: depth is the blurred picture over a ramp, saliency a soft ellipse.
"""

import io
import sys

import numpy as np
import zstandard
from PIL import Image, ImageFilter

SIZE = 384


def pack(planes, colors):
    """The bytes of `[n, SIZE, SIZE]` planes, the first `3 * colors` of which are red, green, blue."""
    planes = planes.astype(np.int16)
    for color in range(colors):
        red, green, blue = planes[3 * color : 3 * color + 3]
        red -= green
        blue -= green
    left = np.diff(planes, axis=2, prepend=0) & 255
    return len(zstandard.ZstdCompressor(level=1).compress(left.astype(np.uint8).tobytes()))


def channels(picture):
    return np.asarray(picture).transpose(2, 0, 1)


down, across = np.mgrid[0:SIZE, 0:SIZE] / SIZE - 0.5
inside = np.clip(12 * (0.35 - np.hypot(down, across * 1.3)), 0, 1)
rows = []
for path in sys.argv[1:]:
    picture = Image.open(path).convert("RGB")
    side = min(picture.size)
    left = (picture.width - side) // 2
    picture = picture.crop((left, 0, left + side, side)).resize((512, 512), Image.LANCZOS)
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=90)
    seen = Image.open(jpeg).convert("RGB").resize((SIZE, SIZE), Image.LANCZOS)
    generated = channels(seen)
    product = np.rint(generated * inside + 255 * (1 - inside))
    blurred = np.asarray(seen.convert("L").filter(ImageFilter.GaussianBlur(6)))
    depth = np.rint(blurred / 2 + 127 * (down + 0.5))[None]
    saliency = np.rint(255 * inside)[None]
    rows.append(
        [
            pack(product, 1),
            pack(generated, 1),
            pack(depth, 0),
            pack(saliency, 0),
            pack(np.concatenate([product, generated, depth, saliency]), 2),
            pack(np.concatenate([generated, depth, saliency]), 1),
        ]
    )
names = ["product", "picture", "depth", "saliency", "view", "view without product"]
for name, kilobytes in zip(names, np.mean(rows, axis=0) / 1000, strict=True):
    print(f"{name}: {kilobytes:.0f} kB")
