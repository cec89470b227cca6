//! Files that are whole or absent: written under a temporary name, then renamed.

use std::fs;
use std::io::Write;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use crate::error::{Error, Result};

const TEMPORARY_PREFIX: &str = ".reliad-";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Writes `bytes` to `path` so that a reader, or a kill, never sees half of them.
///
/// # Errors
/// [`Error::Write`] when the file can't be written; nothing stays behind then.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(
        "{TEMPORARY_PREFIX}{name}.{}{TEMPORARY_SUFFIX}",
        std::process::id()
    ));
    let written = fs::File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.flush()))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        // The write's own error is the one to tell; the temporary file may not even exist.
        let _ = fs::remove_file(&temporary);
        Error::Write {
            path: path.to_path_buf(),
            source,
        }
    })
}

/// Creates `directory` and shows that files can be written in it, before any work starts.
///
/// Also removes what a killed run left under a temporary name.
///
/// # Errors
/// [`Error::Write`] when the directory can't be created or written to.
pub fn prepare_directory(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).map_err(Error::write(directory))?;
    for entry in fs::read_dir(directory)
        .map_err(Error::read(directory))?
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX) {
            let _ = fs::remove_file(entry.path());
        }
    }
    let probe = directory.join(format!(
        "{TEMPORARY_PREFIX}probe.{}{TEMPORARY_SUFFIX}",
        std::process::id()
    ));
    fs::write(&probe, b"probe")
        .and_then(|()| fs::remove_file(&probe))
        .map_err(Error::write(directory))
}

/// The picture as PNG bytes: the same pixels give the same bytes with the same reliad version.
///
/// # Errors
/// [`Error::Encode`] when the picture has no pixels.
pub fn encode_png(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive)
        .write_image(
            picture.as_raw(),
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )?;
    Ok(bytes)
}

/// The picture as JPEG bytes of quality 86, for small views in reports.
///
/// # Errors
/// [`Error::Encode`] when the picture has no pixels.
pub fn encode_jpeg(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 86).encode_image(picture)?;
    Ok(bytes)
}

/// BLAKE3 of the bytes, as 64 hexadecimal digits.
pub fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// BLAKE3 of the file, as 64 hexadecimal digits.
///
/// # Errors
/// [`Error::Read`] when the file can't be read.
pub fn hash_file(path: &Path) -> Result<String> {
    let file = fs::File::open(path).map_err(Error::read(path))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(Error::read(path))?;
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

    use super::*;

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("taken");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("inside"), b"x").unwrap();
        assert!(matches!(
            write_atomic(&target, b"bytes"),
            Err(Error::Write { .. })
        ));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_prepared_directory_has_lost_its_temporary_files() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".reliad-a.png.77.tmp"), b"half").unwrap();
        fs::write(dir.path().join("a.png"), b"whole").unwrap();
        prepare_directory(dir.path()).unwrap();
        let names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["a.png"]);
    }

    #[test]
    fn a_file_in_the_way_of_the_directory_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, b"x").unwrap();
        assert!(matches!(prepare_directory(&path), Err(Error::Write { .. })));
    }

    #[test]
    fn png_bytes_are_repeatable_and_lossless() {
        let picture = RgbImage::from_fn(17, 9, |x, y| image::Rgb([x as u8 * 3, y as u8 * 7, 200]));
        let bytes = encode_png(&picture).unwrap();
        assert_eq!(bytes, encode_png(&picture).unwrap());
        assert_eq!(image::load_from_memory(&bytes).unwrap().to_rgb8(), picture);
    }
}
