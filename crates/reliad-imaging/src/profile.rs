//! Colours by their ICC profile (or the code points of a PNG) into sRGB, with `moxcms`.
//!
//! A picture whose profile changes no colour by more than one level stays as it is, bit for bit: most pictures carry
//! sRGB itself. 16 bits a channel are converted in 16 bits. The intent is perceptual, without black point compensation.

use std::sync::Arc;

use image::{DynamicImage, ImageBuffer, RgbImage};
use moxcms::{
    CicpColorPrimaries, CicpProfile, CmsError, ColorProfile, DataColorSpace, Layout,
    MatrixCoefficients, TransferCharacteristics, TransformExecutor, TransformOptions,
};

/// Pixels converted together.
const TOGETHER: usize = 4096;

/// A profile that was understood.
pub(crate) struct Profile(ColorProfile);

impl Profile {
    /// Reads an ICC profile.
    pub(crate) fn read(icc: &[u8]) -> Result<Self, String> {
        let profile = ColorProfile::new_from_slice(icc).map_err(told)?;
        match profile.color_space {
            DataColorSpace::Rgb | DataColorSpace::Gray | DataColorSpace::Cmyk => Ok(Self(profile)),
            other => Err(format!("it is one of {other:?} colours")),
        }
    }

    /// Reads the content of a PNG's `cICP` chunk: primaries, transfer, matrix, range.
    ///
    /// Source: ITU-T H.273, tables 2 and 3.
    pub(crate) fn from_code_points(content: &[u8]) -> Result<Self, String> {
        let &[primaries, transfer, 0, 1] = content else {
            return Err("its code points are none of RGB".to_owned());
        };
        let transfer_characteristics = TransferCharacteristics::try_from(transfer).map_err(told)?;
        if matches!(
            transfer_characteristics,
            TransferCharacteristics::Smpte2084 | TransferCharacteristics::Hlg
        ) {
            return Err("it is HDR".to_owned());
        }
        Ok(Self(ColorProfile::new_from_cicp(CicpProfile {
            color_primaries: CicpColorPrimaries::try_from(primaries).map_err(told)?,
            transfer_characteristics,
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: true,
        })))
    }

    /// The picture in sRGB, with its own depth and alpha; `None` where the profile changes nothing.
    pub(crate) fn apply(&self, picture: &DynamicImage) -> Result<Option<DynamicImage>, String> {
        let color = picture.color();
        let is_grey = self.0.color_space == DataColorSpace::Gray;
        if is_grey && color.has_color() {
            return Err("it is for grey pictures, and this one has colours".to_owned());
        }
        if self.0.color_space == DataColorSpace::Cmyk {
            return Err("it is for printing inks, and this picture has none".to_owned());
        }
        let is_deep = color.bytes_per_pixel() > color.channel_count();
        let size = (picture.width(), picture.height());
        // Grey under a profile of colours is made colours first.
        Ok(match (is_deep, color.has_alpha(), is_grey) {
            (false, false, true) => self.rgb(picture.to_luma8().as_raw(), size)?,
            (false, false, false) => self.rgb(picture.to_rgb8().as_raw(), size)?,
            (false, true, true) => self.rgba(picture.to_luma_alpha8().as_raw(), size)?,
            (false, true, false) => self.rgba(picture.to_rgba8().as_raw(), size)?,
            (true, false, true) => self.rgb(picture.to_luma16().as_raw(), size)?,
            (true, false, false) => self.rgb(picture.to_rgb16().as_raw(), size)?,
            (true, true, true) => self.rgba(picture.to_luma_alpha16().as_raw(), size)?,
            (true, true, false) => self.rgba(picture.to_rgba16().as_raw(), size)?,
        })
    }

    /// A picture in sRGB from its inks, four bytes a pixel, 255 for all of an ink.
    pub(crate) fn of_inks(&self, inks: &[u8], size: (u32, u32)) -> Result<RgbImage, String> {
        if self.0.color_space != DataColorSpace::Cmyk {
            return Err("it is none of printing inks".to_owned());
        }
        // Inks are laid out as RGBA is.
        let transform = u8::transform(&self.0, Layout::Rgba, Layout::Rgb).map_err(told)?;
        let samples = convert(inks, (4, 3), &*transform)?;
        ImageBuffer::from_raw(size.0, size.1, samples).ok_or_else(lost)
    }

    fn rgb<T: Sample>(
        &self,
        samples: &[T],
        size: (u32, u32),
    ) -> Result<Option<DynamicImage>, String>
    where
        DynamicImage: From<ImageBuffer<image::Rgb<T>, Vec<T>>>,
        image::Rgb<T>: image::Pixel<Subpixel = T>,
    {
        let layouts = match self.0.color_space {
            DataColorSpace::Gray => [(Layout::Gray, 1), (Layout::Rgb, 3)],
            _ => [(Layout::Rgb, 3), (Layout::Rgb, 3)],
        };
        self.converted(samples, layouts)?
            .map(|samples| {
                let picture = ImageBuffer::<image::Rgb<T>, _>::from_raw(size.0, size.1, samples);
                picture.map(DynamicImage::from).ok_or_else(lost)
            })
            .transpose()
    }

    fn rgba<T: Sample>(
        &self,
        samples: &[T],
        size: (u32, u32),
    ) -> Result<Option<DynamicImage>, String>
    where
        DynamicImage: From<ImageBuffer<image::Rgba<T>, Vec<T>>>,
        image::Rgba<T>: image::Pixel<Subpixel = T>,
    {
        let layouts = match self.0.color_space {
            DataColorSpace::Gray => [(Layout::GrayAlpha, 2), (Layout::Rgba, 4)],
            _ => [(Layout::Rgba, 4), (Layout::Rgba, 4)],
        };
        self.converted(samples, layouts)?
            .map(|samples| {
                let picture = ImageBuffer::<image::Rgba<T>, _>::from_raw(size.0, size.1, samples);
                picture.map(DynamicImage::from).ok_or_else(lost)
            })
            .transpose()
    }

    /// The samples in sRGB; `None` where no colour would change by more than one level of 255.
    fn converted<T: Sample>(
        &self,
        samples: &[T],
        [(from, channels), (to, channels_after)]: [(Layout, usize); 2],
    ) -> Result<Option<Vec<T>>, String> {
        let transform = T::transform(&self.0, from, to).map_err(told)?;
        let (probes, wanted) = probes::<T>(channels, channels_after);
        let got = convert(&probes, (channels, channels_after), &*transform)?;
        let is_srgb = got
            .iter()
            .zip(&wanted)
            .all(|(got, wanted)| got.levels_from(*wanted) <= 1);
        if is_srgb {
            return Ok(None);
        }
        convert(samples, (channels, channels_after), &*transform).map(Some)
    }
}

/// One channel of a pixel, 8 or 16 bits.
trait Sample: Copy + Default + image::Primitive {
    /// The conversion of a profile's colours to sRGB.
    fn transform(
        profile: &ColorProfile,
        from: Layout,
        to: Layout,
    ) -> Result<Arc<dyn TransformExecutor<Self> + Send + Sync>, CmsError>;
    /// The sample of a level of 255.
    fn of_level(level: u8) -> Self;
    /// How far two samples are apart, in levels of 255.
    fn levels_from(self, other: Self) -> u16;
}

impl Sample for u8 {
    fn transform(
        profile: &ColorProfile,
        from: Layout,
        to: Layout,
    ) -> Result<Arc<dyn TransformExecutor<Self> + Send + Sync>, CmsError> {
        profile.create_transform_8bit(from, &ColorProfile::new_srgb(), to, options())
    }

    fn of_level(level: u8) -> Self {
        level
    }

    fn levels_from(self, other: Self) -> u16 {
        self.abs_diff(other).into()
    }
}

impl Sample for u16 {
    fn transform(
        profile: &ColorProfile,
        from: Layout,
        to: Layout,
    ) -> Result<Arc<dyn TransformExecutor<Self> + Send + Sync>, CmsError> {
        profile.create_transform_16bit(from, &ColorProfile::new_srgb(), to, options())
    }

    fn of_level(level: u8) -> Self {
        u16::from(level) * 257
    }

    fn levels_from(self, other: Self) -> u16 {
        self.abs_diff(other).div_ceil(257)
    }
}

fn options() -> TransformOptions {
    TransformOptions {
        prefer_fixed_point: false,
        ..TransformOptions::default()
    }
}

/// Colours that span the cube (greys for grey pictures), and what sRGB would make of them: the same.
fn probes<T: Sample>(channels: usize, channels_after: usize) -> (Vec<T>, Vec<T>) {
    const LEVELS: [u8; 9] = [0, 16, 48, 80, 120, 160, 200, 228, 255];
    let opaque = T::of_level(255);
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let mut probe = |[red, green, blue]: [u8; 3]| {
        let colour = [red, green, blue].map(T::of_level);
        let pixel = |channels: usize| match channels {
            1 => vec![colour[0]],
            2 => vec![colour[0], opaque],
            3 => colour.to_vec(),
            _ => vec![colour[0], colour[1], colour[2], opaque],
        };
        before.extend(pixel(channels));
        after.extend(pixel(channels_after));
    };
    if channels < 3 {
        (0..=255).for_each(|level| probe([level; 3]));
    } else {
        for red in LEVELS {
            for green in LEVELS {
                LEVELS
                    .into_iter()
                    .for_each(|blue| probe([red, green, blue]));
            }
        }
    }
    (before, after)
}

/// All pixels converted, some thousand at a time.
fn convert<T: Sample>(
    samples: &[T],
    (channels, channels_after): (usize, usize),
    transform: &dyn TransformExecutor<T>,
) -> Result<Vec<T>, String> {
    let mut converted = vec![T::default(); samples.len() / channels * channels_after];
    let parts = samples.chunks(TOGETHER * channels);
    for (from, to) in parts.zip(converted.chunks_mut(TOGETHER * channels_after)) {
        transform.transform(from, to).map_err(told)?;
    }
    Ok(converted)
}

fn told(error: CmsError) -> String {
    error.to_string().trim_end_matches('.').to_lowercase()
}

fn lost() -> String {
    "its picture has no pixels".to_owned()
}
