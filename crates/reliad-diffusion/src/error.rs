//! What can go wrong between a model directory and a picture.

/// An error of building, loading or running a diffusion model.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A component's configuration asks for something that is not supported or makes no sense.
    #[error("the configuration of {class} is not supported:{}", lines(.problems))]
    Config {
        /// The class that the configuration describes, such as `UNet2DConditionModel`.
        class: &'static str,
        /// One sentence per field, each naming the field and its value.
        problems: Vec<String>,
    },
    /// The vocabulary, merges or settings of a tokenizer cannot be used.
    #[error("{file}: not a usable CLIP tokenizer: {reason}")]
    Tokenizer {
        /// The file, as a person would name it.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A model directory lacks components that painting needs.
    #[error("{dir}: not a whole painter; missing: {missing}")]
    Incomplete {
        /// The model directory.
        dir: String,
        /// The component directories that were not found.
        missing: String,
    },
    /// A setting of sampling is outside its range.
    #[error("{name} is {got}; it must be {expected}")]
    Setting {
        /// The setting, as the command line names it.
        name: &'static str,
        /// Its value.
        got: String,
        /// What it may be.
        expected: String,
    },
    /// Components that can't work together.
    #[error("{model}: its components don't fit each other:{}", lines(.problems))]
    Misfit {
        /// The model directory.
        model: String,
        /// One sentence for each, with files and values.
        problems: Vec<String>,
    },
    /// Noise that was handed in has another shape than the picture needs.
    #[error("the noise `{name}` has the shape {found:?}, but {expected:?} is needed")]
    Noise {
        /// Which tensor.
        name: &'static str,
        /// The shape that the run needs.
        expected: [usize; 4],
        /// The shape that was given; all zero when it was left out.
        found: [usize; 4],
    },
    /// A canvas that can't be painted.
    #[error(transparent)]
    Imaging(#[from] reliad_imaging::Error),
    /// A file of the model directory is missing, damaged or does not fit.
    #[error(transparent)]
    Weights(#[from] reliad_weights::Error),
}

fn lines(problems: &[String]) -> String {
    problems
        .iter()
        .map(|problem| format!("\n  {problem}"))
        .collect()
}
