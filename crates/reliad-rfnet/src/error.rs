//! What can go wrong in this crate, each with the file, field or shape it concerns.

use thiserror::Error;

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of the judge and of the networks it is made of.
#[derive(Debug, Error)]
pub enum Error {
    /// A model directory, a file or its keys.
    #[error(transparent)]
    Weights(#[from] reliad_weights::Error),
    /// A component that a model directory lacks.
    #[error("{model} has no {component}/; train it with `{command}`")]
    Absent {
        /// The model directory.
        model: String,
        /// The component's directory.
        component: &'static str,
        /// The command that makes one.
        command: &'static str,
    },
    /// Components of a judge that can't work together.
    #[error("{model}: the judge's components don't fit each other:{}", lines(.problems))]
    Misfit {
        /// The model directory.
        model: String,
        /// One sentence for each, with files and values.
        problems: Vec<String>,
    },
    /// A field of a config that this program can't honour.
    #[error("{network}: config field `{field}` is {got}; supported: {supported}")]
    Unsupported {
        /// The network whose config it is.
        network: &'static str,
        /// The field's name in the file.
        field: String,
        /// The value in the file.
        got: String,
        /// The values that work.
        supported: String,
    },
    /// A config that isn't the JSON expected, or that has a field unknown to the network.
    #[error("{network}: config can't be read: {source}")]
    Config {
        /// The network whose config it is.
        network: &'static str,
        /// What the parser says, with the field's name.
        source: serde_json::Error,
    },
    /// A tokenizer file that can't be used.
    #[error("tokenizer in {dir}: {message}")]
    Tokenizer {
        /// The directory.
        dir: String,
        /// What is wrong with it.
        message: String,
    },
    /// A calibration that can't be applied.
    #[error("calibration.json: `{field}` is {got}; expected {expected}")]
    Calibration {
        /// The field.
        field: String,
        /// The value in the file.
        got: String,
        /// What it may be.
        expected: String,
    },
    /// A picture and the product on it differ in size.
    #[error(
        "picture is {picture:?} pixels but the placed product is {product:?}; they must be equal"
    )]
    SizeMismatch {
        /// Width and height of the picture.
        picture: (u32, u32),
        /// Width and height of the product.
        product: (u32, u32),
    },
    /// A sample without something that the judge looks at and has no network to estimate.
    #[error("the judge looks at `{input}`, which the sample lacks; {}", instead(.input))]
    Lacks {
        /// The input's name in the judge's configuration.
        input: &'static str,
    },
    /// A map that can't become a picture.
    #[error(transparent)]
    Picture(#[from] reliad_pictures::Error),
    /// The tensor library couldn't hand data over.
    #[error("tensor data can't be read: {0}")]
    Tensor(String),
}

impl Error {
    /// A config value that isn't supported, named by its field.
    pub fn unsupported(
        network: &'static str,
        field: impl Into<String>,
        got: impl std::fmt::Display,
        supported: impl Into<String>,
    ) -> Self {
        Self::Unsupported {
            network,
            field: field.into(),
            got: got.to_string(),
            supported: supported.into(),
        }
    }
}

/// What to do about an input that a sample lacks.
fn instead(input: &str) -> &'static str {
    match input {
        "product" => "a judge without `inputs.product` needs none",
        _ => "`reliad data prepare` computes it",
    }
}

fn lines(problems: &[String]) -> String {
    problems
        .iter()
        .map(|problem| format!("\n  {problem}"))
        .collect()
}
