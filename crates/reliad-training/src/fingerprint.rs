//! Names of caches: the first 64 bits of the BLAKE3 hash of what made them.

use std::fmt::{self, Write};

use reliad_weights::{ModelDir, Source};

/// The fingerprint of `bytes`.
pub fn fingerprint(bytes: &[u8]) -> u64 {
    first(&blake3::hash(bytes))
}

/// The digests of the files that hold the weights of a component directory, whatever they are called.
///
/// # Errors
/// When there are none, or one can't be read.
pub(crate) fn weights(dir: &ModelDir) -> Result<String, reliad_weights::Error> {
    let files = Source::files_of(dir)?;
    files.iter().map(|file| dir.digest(file)).collect()
}

/// The [`fingerprint`] of text that is written piece by piece and never kept.
#[derive(Debug, Default)]
pub struct Fingerprint(blake3::Hasher);

impl Fingerprint {
    /// The fingerprint of all that was written.
    pub fn finish(&self) -> u64 {
        first(&self.0.finalize())
    }
}

impl Write for Fingerprint {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

fn first(hash: &blake3::Hash) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn pieces_have_the_fingerprint_of_the_whole() {
        let mut pieces = Fingerprint::default();
        write!(pieces, "a{};", 7).unwrap();
        pieces.write_str("b").unwrap();
        assert_eq!(pieces.finish(), fingerprint(b"a7;b"));
        assert_ne!(pieces.finish(), fingerprint(b"a7b;"));
        // BLAKE3 of nothing begins with af1349b9f5f9a1a6.
        assert_eq!(fingerprint(b""), 0xa6a1_f9f5_b949_13af);
    }
}
