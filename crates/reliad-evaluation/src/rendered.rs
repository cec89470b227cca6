//! Samples of the rendered world for a measurement, rendered into its folder of work.

use reliad_diffusion::{Sampling, SamplingOverlay};
use reliad_synth::{RenderConfig, render_folder};

use crate::error::{Error, Result};
use crate::progress::Watch;

/// Renders the samples that are missing. Returns whether all are there; `false` when the caller asked to stop.
///
/// # Errors
/// A folder of another run, one that can't be written, or an unusable size.
pub fn render(config: &RenderConfig, watch: &Watch<'_>) -> Result<bool> {
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

/// How rendered products are painted: `overlay` over the model's own settings. They stand on squares; a model whose own canvas
/// isn't one paints squares of its width.
///
/// # Errors
/// A setting out of its range, or a canvas that is no square.
pub(crate) fn sampling(overlay: &SamplingOverlay, own: Sampling) -> Result<Sampling> {
    let mut sampling = overlay.over(own).normalised();
    if overlay.width.is_none() && overlay.height.is_none() {
        sampling.height = sampling.width;
    }
    if sampling.width != sampling.height {
        return Err(Error::Setting {
            name: "size",
            reason: format!(
                "rendered products stand on square canvases, not on {}x{}",
                sampling.width, sampling.height
            ),
        });
    }
    sampling.check().map_err(reliad_generation::Error::from)?;
    Ok(sampling)
}
