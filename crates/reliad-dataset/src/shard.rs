//! A tar file whose members can be read by their place as soon as it has its name.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use crate::Place;
use crate::error::{Error, Result};
use crate::source::for_each_member;

/// A shard in the making; it takes its name when it is whole.
pub struct ShardWriter {
    path: PathBuf,
    partial: PathBuf,
    tar: tar::Builder<BufWriter<File>>,
}

impl ShardWriter {
    /// Begins a shard.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(path: &Path) -> Result<Self> {
        let partial = path.with_extension("partial");
        let file = File::create(&partial).map_err(Error::io(&partial))?;
        Ok(Self {
            path: path.to_owned(),
            tar: tar::Builder::new(BufWriter::new(file)),
            partial,
        })
    }

    /// Appends a member.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        self.tar
            .append_data(&mut header, name, bytes)
            .map_err(Error::io(&self.partial))
    }

    /// Gives the shard its name.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(self) -> Result<()> {
        let Self { path, partial, tar } = self;
        let file = tar.into_inner().map_err(Error::io(&partial))?;
        let file = file
            .into_inner()
            .map_err(|error| Error::io(&partial)(error.into_error()))?;
        file.sync_all().map_err(Error::io(&partial))?;
        std::fs::rename(&partial, &path).map_err(Error::io(&path))
    }
}

/// The members of a shard, in order: name and place.
///
/// # Errors
/// [`Error::Io`] when it can't be read or is damaged.
pub fn members(path: &Path) -> Result<Vec<(String, Place)>> {
    let mut found = Vec::new();
    for_each_member(path, |name, place| {
        found.push((name.to_owned(), place));
        Ok(())
    })?;
    Ok(found)
}
