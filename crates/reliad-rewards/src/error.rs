//! What can go wrong in this crate, each with the file, field or number it concerns.

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of the rewarding networks.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A model directory, a file or its keys.
    #[error(transparent)]
    Weights(#[from] reliad_weights::Error),
    /// CLIP's text encoder or tokenizer.
    #[error(transparent)]
    Text(#[from] reliad_diffusion::Error),
    /// An image encoder, or a part of BERT.
    #[error(transparent)]
    Network(#[from] reliad_rfnet::Error),
    /// A model directory without an aesthetic reward.
    #[error(
        "{model} has no aesthetic/; put a reward there, or train the stand-in with `reliad train aesthetic`"
    )]
    Absent {
        /// The model directory.
        model: String,
    },
    /// A configuration that isn't what it must be.
    #[error("{file}: {reason}")]
    Config {
        /// The file.
        file: String,
        /// Its field, the value and what works.
        reason: String,
    },
    /// A tokenizer file that can't be used.
    #[error("tokenizer in {dir}: {reason}")]
    Tokenizer {
        /// The directory.
        dir: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Not one prompt for each picture.
    #[error("{prompts} prompts for {pictures} pictures; each needs its own")]
    Count {
        /// How many pictures there are.
        pictures: usize,
        /// How many prompts.
        prompts: usize,
    },
}

impl Error {
    /// One prompt for each picture, or [`Error::Count`].
    pub(crate) fn unless_paired(pictures: usize, prompts: usize) -> Result<()> {
        if pictures == prompts {
            Ok(())
        } else {
            Err(Self::Count { pictures, prompts })
        }
    }
}
