//! Samples of the rendered world for a measurement, rendered into its folder of work.

use reliad_synth::{RenderConfig, render_folder};

use crate::error::{Error, Result};
use crate::progress::Watch;

/// Renders the samples that are missing. Returns whether all are there; `false` when the caller asked to stop.
///
/// # Errors
/// A folder of another run, one that can't be written, or an unusable size.
pub(crate) fn render(config: &RenderConfig, watch: &Watch<'_>) -> Result<bool> {
    let count = watch.count("rendered", config.count);
    let rendered = render_folder(
        config,
        &|progress| count.reach(progress.done, progress.found),
        watch.stop,
    );
    match rendered {
        Ok(()) => {
            count.end();
            Ok(true)
        }
        Err(reliad_synth::Error::Cancelled { .. }) => Ok(false),
        Err(error @ reliad_synth::Error::OtherRun { .. }) => Err(Error::OtherRun(error)),
        Err(error) => Err(Error::Render(error)),
    }
}
