//! What a run says while it works, and what it made.

use crate::error::Error;
use crate::manifest::Record;
use crate::order::Order;
use crate::paint::Drawing;

/// What happens in a run, for whoever shows it.
#[derive(Debug)]
pub enum Event<'a> {
    /// The run knows its work.
    Began {
        /// Pictures wanted.
        items: usize,
    },
    /// Something the user should know that stops nothing.
    Warning(String),
    /// A denoising step is done.
    Step {
        /// Steps done on the pictures in work.
        done: usize,
        /// Steps they take.
        steps: usize,
        /// The pictures in work.
        drawings: &'a [Drawing],
    },
    /// An attempt is judged and saved, or was found finished.
    Attempt {
        /// The attempt.
        record: &'a Record,
        /// Whether an earlier run made it.
        resumed: bool,
    },
    /// A picture is found, or all its attempts are used up.
    Item {
        /// The order.
        order: &'a Order,
        /// Which picture of it, from 0.
        picture: u32,
        /// Whether one attempt was kept.
        found: bool,
    },
    /// The product of an order couldn't be read any more.
    Failed {
        /// The order.
        order: &'a Order,
        /// Why.
        error: &'a Error,
    },
}

/// What a run made.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Pictures wanted.
    pub items: usize,
    /// Pictures found.
    pub found: usize,
    /// Pictures whose product couldn't be read.
    pub failed: usize,
    /// Attempts painted by this run.
    pub painted: usize,
    /// Attempts an earlier run had finished.
    pub resumed: usize,
    /// Whether it was stopped.
    pub interrupted: bool,
}
