//! Pictures of a data set, decoded once and kept in memory as 8-bit planes.

use std::sync::Once;

use burn::tensor::{Device, Tensor};
use image::{GrayImage, RgbaImage};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use reliad_dataset::{Place, Store};
use reliad_imaging::{blocks, resize};
use reliad_pictures::planes_tensor;

use crate::error::{Error, Result};

/// What the planes of a picture hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One plane: a map.
    Gray,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, straight alpha.
    Rgba,
}

impl Layout {
    /// Number of planes.
    pub fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// What a picture's sides may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Alike: others lie over it place by place.
    Square,
    /// Any: its middle is taken.
    Any,
}

/// Whether it has been said that pictures are cut.
static CUT: Once = Once::new();

/// `count` square pictures of one size, channel by channel, 8 bits a value.
#[derive(Debug, Clone)]
pub struct Pictures {
    layout: Layout,
    size: usize,
    bytes: Vec<u8>,
}

impl Pictures {
    /// Decodes the pictures at `places` to `size` pixels a side, colours weighted by alpha: by the mean of blocks
    /// where the side is a multiple of `size`, resampled otherwise. Of one that isn't square the middle is taken where its
    /// place comes with [`Shape::Any`]; one warning a process says so.
    ///
    /// # Errors
    /// One that cannot be read or decoded; [`Error::Data`] for one that isn't square where it must be, or smaller.
    pub fn read(
        store: &Store,
        places: &[(&Place, Shape)],
        layout: Layout,
        size: usize,
    ) -> Result<Self> {
        let length = layout.channels() * size * size;
        let mut bytes = vec![0u8; places.len() * length];
        places
            .par_iter()
            .zip(bytes.par_chunks_mut(length))
            .try_for_each(|(&(place, shape), out)| {
                decode(store, place, shape, layout, size, out)
            })?;
        Ok(Self {
            layout,
            size,
            bytes,
        })
    }

    /// Pictures from planes that are at hand.
    ///
    /// # Panics
    /// When `bytes` is no whole number of pictures.
    pub fn from_bytes(layout: Layout, size: usize, bytes: Vec<u8>) -> Self {
        assert_eq!(bytes.len() % (layout.channels() * size * size), 0);
        Self {
            layout,
            size,
            bytes,
        }
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.stride()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Side in pixels.
    pub fn size(&self) -> usize {
        self.size
    }

    fn stride(&self) -> usize {
        self.layout.channels() * self.size * self.size
    }

    /// Planes of picture `index`, channel by channel.
    pub fn bytes(&self, index: usize) -> &[u8] {
        &self.bytes[index * self.stride()..][..self.stride()]
    }

    /// Picture `index`, of [`Layout::Rgba`].
    ///
    /// # Panics
    /// For pictures of another layout.
    pub fn rgba(&self, index: usize) -> RgbaImage {
        assert_eq!(self.layout, Layout::Rgba);
        let (planes, plane, side) = (self.bytes(index), self.size * self.size, self.size as u32);
        RgbaImage::from_fn(side, side, |x, y| {
            let at = y as usize * self.size + x as usize;
            image::Rgba(std::array::from_fn(|channel| planes[channel * plane + at]))
        })
    }

    /// Half the size, by the mean of 2x2 pixels. For pictures without alpha.
    pub fn halved(&self) -> Self {
        let side = self.size as u32;
        let planes = self.bytes.par_chunks(self.size * self.size);
        let halves = planes.flat_map_iter(|plane| {
            let plane = GrayImage::from_raw(side, side, plane.to_vec()).unwrap_or_default();
            blocks::gray(&plane, 2).into_raw()
        });
        Self {
            layout: self.layout,
            size: self.size / 2,
            bytes: halves.collect(),
        }
    }

    /// The pictures `indices` as `[n, channels, size, size]` in [0, 1].
    pub fn batch(&self, indices: &[usize], device: &Device) -> Tensor<4> {
        let values = indices.iter().flat_map(|&index| self.bytes(index)).copied();
        let shape = [indices.len(), self.layout.channels(), self.size, self.size];
        planes_tensor(values, shape, device)
    }
}

/// A movement of a picture that leaves what it shows as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Movement {
    /// Mirrored left to right.
    pub mirrored: bool,
    /// Pixels to the right.
    pub across: isize,
    /// Pixels down.
    pub down: isize,
}

impl Movement {
    /// One movement for each of `count` pictures, of up to `reach` pixels on each axis; half of them are mirrored.
    pub fn draw(count: usize, reach: u32, rng: &mut ChaCha8Rng) -> Vec<Self> {
        let reach = reach as i32;
        (0..count)
            .map(|_| Self {
                mirrored: rng.random(),
                across: rng.random_range(-reach..=reach) as isize,
                down: rng.random_range(-reach..=reach) as isize,
            })
            .collect()
    }
}

impl Pictures {
    /// As [`batch`](Self::batch), each picture moved; its edge pixels are repeated where nothing comes in.
    pub fn moved(&self, indices: &[usize], moves: &[Movement], device: &Device) -> Tensor<4> {
        let (size, channels) = (self.size, self.layout.channels());
        let last = size as isize - 1;
        let mut values = Vec::with_capacity(indices.len() * self.stride());
        for (&index, movement) in indices.iter().zip(moves) {
            for plane in self.bytes(index).chunks_exact(size * size) {
                for row in 0..size as isize {
                    let row = (row - movement.down).clamp(0, last) as usize;
                    for column in 0..size as isize {
                        let column = (column - movement.across).clamp(0, last);
                        let column = if movement.mirrored {
                            last - column
                        } else {
                            column
                        };
                        values.push(plane[row * size + column as usize]);
                    }
                }
            }
        }
        planes_tensor(values, [indices.len(), channels, size, size], device)
    }
}

fn decode(
    store: &Store,
    place: &Place,
    shape: Shape,
    layout: Layout,
    size: usize,
    out: &mut [u8],
) -> Result<()> {
    let picture = match layout {
        Layout::Gray => store.map(place),
        Layout::Rgb | Layout::Rgba => store.picture(place),
    };
    let picture = picture.map_err(Error::component("data"))?;
    let (width, height) = (picture.width(), picture.height());
    let short = width.min(height);
    let wrong = |reason: String| Error::Data {
        path: store.path(place),
        reason: format!("{width}x{height} pixels; {reason}"),
    };
    if (short as usize) < size {
        return Err(wrong(format!(
            "{size} pixels a side or more are needed: give larger pictures, or a smaller `size` in the configuration"
        )));
    }
    let picture = match shape {
        Shape::Square if width != height => {
            return Err(wrong(
                "pictures that belong to each other must be square: cut them alike, or render the data so".to_owned(),
            ));
        }
        Shape::Any if width != height => {
            CUT.call_once(|| {
                tracing::warn!(
                    "{}: {width}x{height} pixels; of pictures that aren't square the middle is taken",
                    store.path(place).display()
                );
            });
            picture.crop_imm((width - short) / 2, (height - short) / 2, short, short)
        }
        _ => picture,
    };
    let width = short as usize;
    let side = size as u32;
    let factor = width.is_multiple_of(size).then_some((width / size) as u32);
    let pixels = match layout {
        Layout::Gray => {
            let gray = picture.into_luma8();
            factor
                .map_or_else(
                    || resize::gray(&gray, side, side),
                    |factor| blocks::gray(&gray, factor),
                )
                .into_raw()
        }
        Layout::Rgb => {
            let rgb = picture.into_rgb8();
            factor
                .map_or_else(
                    || resize::rgb(&rgb, side, side),
                    |factor| blocks::rgb(&rgb, factor),
                )
                .into_raw()
        }
        Layout::Rgba => {
            let rgba = picture.into_rgba8();
            factor
                .map_or_else(
                    || resize::rgba(&rgba, side, side),
                    |factor| blocks::rgba(&rgba, factor),
                )
                .into_raw()
        }
    };
    for (channel, plane) in out.chunks_exact_mut(size * size).enumerate() {
        let values = pixels.iter().skip(channel).step_by(layout.channels());
        for (out, &value) in plane.iter_mut().zip(values) {
            *out = value;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn files_are_averaged_with_colours_weighted_by_alpha() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.png");
        let mut picture = RgbaImage::new(4, 4);
        picture.put_pixel(0, 0, image::Rgba([200, 100, 50, 255]));
        picture.put_pixel(1, 0, image::Rgba([0, 0, 0, 0]));
        picture.save(&file).unwrap();
        let (store, place) = (Store::new(dir.path()), Place::from("a.png"));
        let pictures = Pictures::read(&store, &[(&place, Shape::Square)], Layout::Rgba, 2).unwrap();
        assert_eq!(pictures.len(), 1);
        let planes = pictures.bytes(0);
        assert_eq!(
            [planes[0], planes[4], planes[8], planes[12]],
            [200, 100, 50, 64]
        );
        assert!(Pictures::read(&store, &[(&place, Shape::Any)], Layout::Rgb, 5).is_err());
        // Rows 0 to 3; the middle of 2 pixels begins at row 1.
        GrayImage::from_fn(2, 4, |_, row| image::Luma([10 * row as u8]))
            .save(&file)
            .unwrap();
        assert!(Pictures::read(&store, &[(&place, Shape::Square)], Layout::Gray, 2).is_err());
        let middle = Pictures::read(&store, &[(&place, Shape::Any)], Layout::Gray, 2).unwrap();
        assert_eq!(middle.bytes(0), [10, 10, 20, 20]);
    }

    #[test]
    fn sizes_that_are_no_multiple_are_resampled_as_pictures_are() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.png");
        let picture =
            image::RgbImage::from_fn(6, 6, |x, y| image::Rgb([(x * 40) as u8, (y * 40) as u8, 9]));
        picture.save(&file).unwrap();
        let (store, place) = (Store::new(dir.path()), Place::from("a.png"));
        let pictures = Pictures::read(&store, &[(&place, Shape::Square)], Layout::Rgb, 4).unwrap();
        let expected = resize::rgb(&picture, 4, 4);
        for (channel, plane) in pictures.bytes(0).chunks(16).enumerate() {
            let expected: Vec<u8> = expected.pixels().map(|pixel| pixel.0[channel]).collect();
            assert_eq!(plane, expected);
        }
    }

    #[test]
    fn movements_mirror_and_shift_with_repeated_edges() {
        let pictures = Pictures::from_bytes(Layout::Gray, 2, vec![0, 51, 102, 255]);
        let moved = |movement| -> Vec<f32> {
            let batch = pictures.moved(&[0], &[movement], &Device::flex());
            batch.into_data().iter::<f32>().collect()
        };
        assert_eq!(moved(Movement::default()), [0.0, 0.2, 0.4, 1.0]);
        let mirrored = Movement {
            mirrored: true,
            ..Movement::default()
        };
        assert_eq!(moved(mirrored), [0.2, 0.0, 1.0, 0.4]);
        let right = Movement {
            across: 1,
            ..Movement::default()
        };
        assert_eq!(moved(right), [0.0, 0.0, 0.4, 0.4]);
        let up = Movement {
            down: -1,
            ..Movement::default()
        };
        assert_eq!(moved(up), [0.4, 1.0, 0.4, 1.0]);
    }

    #[test]
    fn halving_is_the_mean_of_four() {
        let pictures = Pictures::from_bytes(Layout::Gray, 2, vec![0, 10, 20, 30]);
        assert_eq!(pictures.halved().bytes(0), [15]);
        let batch = pictures.batch(&[0, 0], &Device::flex());
        assert_eq!(batch.dims(), [2, 1, 2, 2]);
    }
}
