"""Goldens of reliad-imaging: cv2.Canny, cv2.dilate and Pillow's Image.paste on made pictures.

Run from the repository's root, with the packages of parity/requirements.txt:
    python parity/imaging/canny.py
Each picture `canny_<name>.png` gets `canny_<name>_edges.png` (thresholds 100/200 on RGB);
`mask_alpha.png` gets `mask_<k>.png`; `paste_*.png` are product, scene and result.
The comparison is exact: all three are integer arithmetic.
"""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

OUT = Path("crates/reliad-imaging/tests/fixtures")


def save(name: str, array: np.ndarray) -> None:
    Image.fromarray(array).save(OUT / f"{name}.png", optimize=True)


def shapes() -> np.ndarray:
    """Coloured discs, boxes and lines on black, antialiased and not, some cut by the border."""
    picture = np.zeros((120, 167, 3), np.uint8)
    cv2.circle(picture, (50, 60), 37, (200, 30, 40), -1, cv2.LINE_AA)
    cv2.circle(picture, (160, 10), 30, (30, 200, 140), -1)
    cv2.rectangle(picture, (80, 40), (130, 100), (40, 60, 220), -1)
    cv2.ellipse(picture, (100, 70), (40, 12), 30, 0, 360, (220, 220, 40), -1, cv2.LINE_AA)
    for i in range(9):
        cv2.line(picture, (0, 14 * i), (60, 119 - 9 * i), (25 * i, 120, 255 - 28 * i), 1, cv2.LINE_AA)
    return picture


def gradients() -> np.ndarray:
    """Ramps whose magnitudes run through both thresholds, in every direction and channel."""
    y, x = np.mgrid[0:96, 0:131].astype(np.float64)
    angle = np.arctan2(y - 48, x - 65)
    radius = np.hypot(y - 48, x - 65)
    rings = 127 + 127 * np.sin(radius * radius / 90)
    rays = 127 + 127 * np.sin(angle * 16)
    ramp = (x * x / 70) % 256
    return np.stack([rings, rays, ramp], -1).astype(np.uint8)


def noise(rng: np.random.Generator) -> np.ndarray:
    """Noise, blurred more from left to right: ties, short edges and long hysteresis chains."""
    raw = rng.integers(0, 256, (90, 60, 3), np.uint8)
    soft = cv2.normalize(cv2.GaussianBlur(raw, (0, 0), 1.5), None, 0, 255, cv2.NORM_MINMAX)
    few = (rng.integers(0, 3, (90, 60, 3)) * 60).astype(np.uint8)
    return np.concatenate([raw, soft, few], 1)


def text() -> np.ndarray:
    """Coloured text on a coloured ground."""
    picture = np.full((100, 220, 3), (90, 140, 60), np.uint8)
    for i, font in enumerate([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX]):
        colour = [(250, 40, 90), (20, 20, 200), (255, 255, 255)][i]
        cv2.putText(picture, "Reliad 512", (6, 30 + 30 * i), font, 1.0, colour, 1 + i % 2, cv2.LINE_AA)
    return picture


def steps() -> np.ndarray:
    """One vertical step per band; 25 and 50 high give magnitudes of exactly 100 and 200."""
    picture = np.zeros((48, 16, 3), np.uint8)
    for band, height in enumerate([25, 90, 26, 50, 24, 51]):
        picture[8 * band : 8 * band + 8, 8:, 1] = height
    return picture


def product(rng: np.random.Generator) -> np.ndarray:
    """A shaded, labelled bottle over black, as a placed product is."""
    y, x = np.mgrid[0:256, 0:192].astype(np.float64)
    half = np.where(y < 90, 18, np.minimum(50, 18 + (y - 90) * 1.1))
    inside = np.clip(half - np.abs(x - 96) + 0.5, 0, 1) * ((y > 30) & (y < 232))
    light = 0.35 + 0.65 * np.cos((x - 80) / 70)
    body = np.stack([light * 60, light * 130, light * 190], -1)
    label = (y > 140) & (y < 195)
    body[label] = np.stack([light * 235, light * 225, light * 205], -1)[label]
    body += rng.normal(0, 3, body.shape)
    picture = (np.clip(body, 0, 255) * inside[..., None]).astype(np.uint8)
    cv2.putText(picture, "OAT", (66, 178), cv2.FONT_HERSHEY_DUPLEX, 1.0, (150, 30, 30), 2, cv2.LINE_AA)
    return picture


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    rng = np.random.default_rng(20240801)
    pictures = {
        "shapes": shapes(),
        "gradients": gradients(),
        "noise": noise(rng),
        "text": text(),
        "product": product(rng),
        "steps": steps(),
        # Sums of 25: magnitudes that equal a threshold or their neighbour's.
        "ties": rng.integers(0, 4, (80, 80, 3), np.uint8) * 25,
        "row": rng.integers(0, 256, (1, 40, 3), np.uint8),
        "column": rng.integers(0, 256, (40, 1, 3), np.uint8),
        "tiny": rng.integers(0, 256, (3, 2, 3), np.uint8),
    }
    for name, picture in pictures.items():
        edges = cv2.Canny(picture, 100, 200)
        print(f"{name}: {picture.shape}, {int((edges > 0).sum())} edge pixels")
        save(f"canny_{name}", picture)
        save(f"canny_{name}_edges", edges)

    alpha = np.zeros((72, 101), np.uint8)
    cv2.ellipse(alpha, (55, 34), (34, 25), 20, 0, 360, 255, -1, cv2.LINE_AA)
    cv2.rectangle(alpha, (0, 0), (40, 30), 255, -1)
    alpha[40:44, 60:63] = 90
    alpha = cv2.GaussianBlur(alpha, (0, 0), 0.8)
    save("mask_alpha", alpha)
    for kernel in (20, 7, 64):
        save(f"mask_{kernel}", cv2.dilate(255 - alpha, np.ones((kernel, kernel))))

    over = rng.integers(0, 256, (64, 64, 4), np.uint8)
    over[:16, :, 3] = 0
    over[-16:, :, 3] = 255
    under = rng.integers(0, 256, (64, 64, 3), np.uint8)
    pasted = Image.fromarray(under)
    pasted.paste(Image.fromarray(over[..., :3]), mask=Image.fromarray(over[..., 3]))
    save("paste_product", over)
    save("paste_scene", under)
    save("paste_result", np.asarray(pasted))


if __name__ == "__main__":
    main()
