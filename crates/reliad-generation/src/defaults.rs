//! What a model is best sampled with: `sampling.json` of its directory, else the paper's settings.

use reliad_diffusion::{Sampling, SamplingOverlay};
use reliad_weights::ModelDir;

use crate::error::{Error, Result};

/// The file in a model directory that holds its sampling defaults. Every field of [`Sampling`] may be left out of it.
pub const FILE_NAME: &str = "sampling.json";

/// The settings that `model` is best sampled with: those of its file over the paper's, at 8 times the UNet's `sample_size`.
///
/// # Errors
/// [`Error::Weights`] when `sampling.json` or `unet/config.json` isn't what it should be, [`Error::MissingPart`] without the
/// latter.
pub fn sampling_of(model: &ModelDir) -> Result<Sampling> {
    let overlay: SamplingOverlay = match model.contains(FILE_NAME) {
        true => model.read_json(FILE_NAME)?,
        false => SamplingOverlay::default(),
    };
    if !model.contains("unet/config.json") {
        return Err(Error::MissingPart {
            model: model.display(""),
            part: "unet",
        });
    }
    let unet: serde_json::Value = model.read_json("unet/config.json")?;
    let side = unet["sample_size"]
        .as_u64()
        .and_then(|side| u32::try_from(side).ok());
    let side = side.and_then(|side| side.checked_mul(8));
    let mut base = Sampling::default();
    (base.width, base.height) = (side.unwrap_or(base.width), side.unwrap_or(base.height));
    Ok(overlay.over(base))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

    use std::fs;

    use super::*;

    #[test]
    fn a_file_overrides_the_papers_settings_field_by_field() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("unet")).unwrap();
        fs::write(
            root.path().join("unet/config.json"),
            r#"{"sample_size": 32}"#,
        )
        .unwrap();
        let model = ModelDir::open(root.path()).unwrap();
        let plain = sampling_of(&model).unwrap();
        assert_eq!((plain.width, plain.steps, plain.guidance), (256, 40, 7.5));
        fs::write(
            root.path().join(FILE_NAME),
            r#"{"guidance": 2.5, "height": 128}"#,
        )
        .unwrap();
        let own = sampling_of(&model).unwrap();
        assert_eq!((own.width, own.height, own.guidance), (256, 128, 2.5));
        // Parts that nothing is done in don't make another recipe.
        let parts = r#"{"perturbed_parts": ["up"]}"#;
        fs::write(root.path().join(FILE_NAME), parts).unwrap();
        let mut own = sampling_of(&model).unwrap();
        assert_eq!(own.clone().normalised(), plain);
        own.perturbed_attention = 2.0;
        assert_eq!(own.normalised().perturbed_parts.names(), ["up"]);
        fs::write(root.path().join(FILE_NAME), r#"{"guidence": 2.5}"#).unwrap();
        assert!(sampling_of(&model).is_err());
    }
}
