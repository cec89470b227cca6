//! A tar file whose members can be read by their place as soon as it has its name.

use std::path::Path;

use reliad_files::Partial;

use crate::Place;
use crate::error::{Error, Result};
use crate::source::for_each_member;

/// A shard in the making; it takes its name when it is whole.
pub struct ShardWriter {
    tar: tar::Builder<Partial>,
}

impl ShardWriter {
    /// Begins a shard.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(path: &Path) -> Result<Self> {
        let file = Partial::create(path).map_err(Error::io(path))?;
        Ok(Self {
            tar: tar::Builder::new(file),
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
        let added = self.tar.append_data(&mut header, name, bytes);
        added.map_err(Error::io(self.tar.get_ref().path()))
    }

    /// Gives the shard its name.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(self) -> Result<()> {
        let path = self.tar.get_ref().path().to_owned();
        let finished = self.tar.into_inner().and_then(Partial::finish);
        finished.map_err(Error::io(&path))
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
