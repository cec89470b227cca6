//! Why a tensor can't become a picture.

/// A tensor that can't become a picture.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The device couldn't hand its values over.
    #[error("tensor data can't be read: {0}")]
    Unread(String),
    /// It has another number of channels.
    #[error("a tensor of {found} channels can't become a picture of {expected}")]
    Channels {
        /// Channels of the picture.
        expected: usize,
        /// Channels of the tensor.
        found: usize,
    },
}
