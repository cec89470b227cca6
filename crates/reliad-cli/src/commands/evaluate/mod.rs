//! `reliad evaluate`: how well a trained network does on samples that it never saw.

mod detectors;
mod painter;
mod rfnet;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::message::Code;

/// Measure a trained network on samples that it never saw.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    #[command(subcommand)]
    command: EvaluateCommand,
}

#[derive(Debug, Subcommand)]
enum EvaluateCommand {
    Rfnet(rfnet::RfnetArgs),
    Painter(painter::PainterArgs),
    Detectors(detectors::DetectorsArgs),
}

/// Measures and prints.
///
/// # Errors
/// What ended the measurement; the caller shows it.
pub fn run(arguments: EvaluateArgs) -> Result<Code> {
    match arguments.command {
        EvaluateCommand::Rfnet(arguments) => rfnet::run(arguments),
        EvaluateCommand::Painter(arguments) => painter::run(arguments),
        EvaluateCommand::Detectors(arguments) => detectors::run(arguments),
    }
}
