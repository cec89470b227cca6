//! `reliad evaluate`: how well a trained network does on samples that it never saw.

mod availability;
mod detectors;
mod painter;
mod paper;
mod rfnet;

use anyhow::Result;
use clap::{Args, Subcommand};
use reliad_dataset::Split;

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
    Availability(Box<availability::AvailabilityArgs>),
    Detectors(detectors::DetectorsArgs),
    Paper(Box<paper::PaperArgs>),
}

fn split(name: &str) -> Result<Split, String> {
    Split::from_name(name).ok_or_else(|| "it is none of train, validation and test".to_owned())
}

/// Measures and prints.
///
/// # Errors
/// What ended the measurement; the caller shows it.
pub fn run(arguments: EvaluateArgs) -> Result<Code> {
    match arguments.command {
        EvaluateCommand::Rfnet(arguments) => rfnet::run(arguments),
        EvaluateCommand::Painter(arguments) => painter::run(arguments),
        EvaluateCommand::Availability(arguments) => availability::run(*arguments),
        EvaluateCommand::Detectors(arguments) => detectors::run(arguments),
        EvaluateCommand::Paper(arguments) => paper::run(*arguments),
    }
}
