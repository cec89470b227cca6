//! What can go wrong between a file and a module.

use std::path::PathBuf;

/// An error of reading or writing a model directory.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{file}: {source}")]
    Io {
        /// The file, as a person would name it.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The model directory does not exist.
    #[error("{0}: there is no such model directory")]
    NoDirectory(PathBuf),
    /// A component has no weights file under any of the ecosystem's names.
    #[error("{dir}: no weights found; expected one of {expected}")]
    NoWeights {
        /// The component's directory.
        dir: String,
        /// The file names that were tried.
        expected: String,
    },
    /// A JSON file does not parse or lacks a field.
    #[error("{file}: {source}")]
    Json {
        /// The file.
        file: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The weights file itself is damaged or of an unknown format.
    #[error("{file}: not a readable weights file: {reason}")]
    Format {
        /// The file.
        file: String,
        /// What the reader said.
        reason: String,
    },
    /// Adapters that can't be applied as they are.
    #[error("{file}: {reason}")]
    Adapters {
        /// The file.
        file: String,
        /// What isn't understood, and where in it.
        reason: String,
    },
    /// The files of sharded weights are not what their index says.
    #[error("{file}: its files don't fit it:{}", lines(.problems))]
    Shards {
        /// The index.
        file: String,
        /// One sentence for each file or tensor.
        problems: Vec<String>,
    },
    /// The file's tensors are not the module's parameters.
    #[error("{file}: the weights do not fit this configuration{}", describe(.missing, .unused, .mismatched))]
    Mismatch {
        /// The file.
        file: String,
        /// Parameters that the file lacks.
        missing: Vec<String>,
        /// Tensors that no parameter takes.
        unused: Vec<String>,
        /// Tensors of another shape or type, each as a sentence with expected and found.
        mismatched: Vec<String>,
    },
}

impl Error {
    pub(crate) fn io(file: impl ToString) -> impl FnOnce(std::io::Error) -> Self {
        let file = file.to_string();
        move |source| Self::Io { file, source }
    }
}

fn lines(problems: &[String]) -> String {
    problems
        .iter()
        .map(|problem| format!("\n  {problem}"))
        .collect()
}

fn describe(missing: &[String], unused: &[String], mismatched: &[String]) -> String {
    let mut text = String::new();
    for (title, keys) in [
        ("missing", missing),
        ("unused", unused),
        ("wrong shape", mismatched),
    ] {
        if !keys.is_empty() {
            text.push_str(&format!("\n  {title} ({}):", keys.len()));
            for key in keys {
                text.push_str("\n    ");
                text.push_str(key);
            }
        }
    }
    text
}
