//! Whether the views fit the disk, asked before they are made.

use std::path::Path;

use crate::error::{Error, Result};

/// Views that are still to be made, and how many bytes one of them takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Need {
    /// How many views.
    pub views: u64,
    /// Bytes of each.
    pub each: u64,
}

impl Need {
    pub(super) fn bytes(self) -> u64 {
        self.views.saturating_mul(self.each)
    }
}

/// Bytes that whoever runs the program may still write below `folder`.
///
/// # Errors
/// A folder that isn't there.
pub(super) fn free(folder: &Path) -> Result<u64> {
    fs4::available_space(folder).map_err(Error::io(folder))
}

/// Refuses what doesn't fit.
///
/// # Errors
/// [`Error::Room`], with the figures.
pub(super) fn check(folder: &Path, need: Need, free: u64) -> Result<()> {
    if need.bytes() <= free {
        return Ok(());
    }
    Err(Error::Room {
        path: folder.to_owned(),
        views: need.views,
        each: size(need.each),
        needed: size(need.bytes()),
        free: size(free),
    })
}

/// Bytes for people, in powers of 1,000.
pub(super) fn size(bytes: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 999.5 && unit + 1 < units.len() {
        (value, unit) = (value / 1000.0, unit + 1);
    }
    let digits = if value < 9.95 && unit > 0 { 1 } else { 0 };
    format!("{value:.digits$} {}", units[unit])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_figures() {
        let need = Need {
            views: 1_000_000,
            each: 300_000,
        };
        let folder = Path::new("judge/.training/views");
        check(folder, need, 300_000_000_000).unwrap();
        let said = check(folder, need, 299_999_999_999)
            .unwrap_err()
            .to_string();
        for figure in ["judge/.training/views", "1000000 views", "300 kB", "300 GB"] {
            assert!(said.contains(figure), "{figure}: {said}");
        }
        let dir = tempfile::tempdir().unwrap();
        assert!(free(dir.path()).unwrap() > 0);
        assert!(free(&dir.path().join("nowhere")).is_err());
    }

    #[test]
    fn sizes_are_told_in_thousands() {
        for (bytes, told) in [
            (7, "7 bytes"),
            (999, "999 bytes"),
            (1_180_000, "1.2 MB"),
            (999_600, "1.0 MB"),
            (61_000_000_000, "61 GB"),
            (1_250_000_000_000, "1.2 TB"),
        ] {
            assert_eq!(size(bytes), told);
        }
    }
}
