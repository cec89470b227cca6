//! Compressed tar archives: their members can't be read in place, so that they are unpacked once.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use reliad_files::Partial;

use crate::error::{Error, Result};

/// Where archives are unpacked, in the index's folder.
const UNPACKED: &str = ".unpacked";

/// The archive itself where its members can be read in place; otherwise a tar archive below `index` that holds the same,
/// made unless an earlier call has.
///
/// # Errors
/// [`Error::Io`] when it can't be read or written; [`Error::Layout`] without a folder.
pub(super) fn readable(path: &Path, index: Option<&Path>) -> Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.to_lowercase().ends_with(".tar") {
        return Ok(path.to_owned());
    }
    let Some(folder) = index.map(|index| index.join(UNPACKED)) else {
        return Err(Error::layout(path)(
            "it is compressed; unpack it to a tar archive",
        ));
    };
    let full = std::path::absolute(path).map_err(Error::io(path))?;
    let file = File::open(path).map_err(Error::io(path))?;
    let known = file.metadata().map_err(Error::io(path))?;
    let changed = known.modified().map_err(Error::io(path))?;
    // Another archive of that name, or another content, is unpacked to another file.
    let key = blake3::hash(format!("{full:?} {} {changed:?}", known.len()).as_bytes()).to_hex();
    let stem = name.split('.').next().unwrap_or_default();
    let out = folder.join(format!("{stem}-{}.tar", &key[..16]));
    if !out.exists() {
        reliad_files::prepare_directory(&folder).map_err(Error::io(&folder))?;
        let mut tar = Partial::create(&out).map_err(Error::io(&out))?;
        let mut members = MultiGzDecoder::new(BufReader::new(file));
        std::io::copy(&mut members, &mut tar).map_err(Error::io(path))?;
        tar.finish().map_err(Error::io(&out))?;
    }
    Ok(out)
}
