//! `reliad synth`: labelled samples of the rendered world.

mod audit;
mod render;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::message::Code;

/// Render labelled samples of products in scenes, and check them.
#[derive(Debug, Args)]
pub struct SynthArgs {
    #[command(subcommand)]
    command: SynthCommand,
}

#[derive(Debug, Subcommand)]
enum SynthCommand {
    Render(render::RenderArgs),
    Audit(audit::AuditArgs),
}

/// Runs the command.
///
/// # Errors
/// What the command couldn't read or write.
pub fn run(arguments: SynthArgs) -> Result<Code> {
    match arguments.command {
        SynthCommand::Render(arguments) => render::run(arguments),
        SynthCommand::Audit(arguments) => audit::run(arguments),
    }
}
