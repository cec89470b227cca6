//! `reliad synth`: labelled samples of the rendered world.

mod audit;
mod latents;
mod render;
mod world;

use anyhow::Result;
use clap::{Args, Subcommand};
use reliad_synth::{Pool, Scenes, Sizes};

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
    Latents(latents::LatentsArgs),
    Audit(audit::AuditArgs),
}

/// How big products are, wherever samples are rendered.
#[derive(Debug, Args)]
pub struct SizesArg {
    /// How big the products are: as such things usually are, or miniatures and display pieces as well, so that only the
    /// title tells
    #[arg(
        long,
        value_parser = sizes,
        default_value = "any",
        value_name = "usual|any"
    )]
    pub sizes: Sizes,
}

fn sizes(text: &str) -> Result<Sizes, String> {
    match text {
        "usual" => Ok(Sizes::Usual),
        "any" => Ok(Sizes::Any),
        _ => Err("it is neither usual nor any".to_owned()),
    }
}

/// Which scenes products stand in, wherever samples are rendered.
#[derive(Debug, Args)]
pub struct ScenesArg {
    /// Which scenes the products stand in: the rich world's, or five as product photographers build them, whose captions
    /// name every factor
    #[arg(
        long,
        value_parser = scenes,
        default_value = "rich",
        value_name = "rich|studio"
    )]
    pub scenes: Scenes,
}

fn scenes(text: &str) -> Result<Scenes, String> {
    match text {
        "rich" => Ok(Scenes::Rich),
        "studio" => Ok(Scenes::Studio),
        _ => Err("it is neither rich nor studio".to_owned()),
    }
}

/// The pool of this name.
///
/// # Errors
/// Where there is none.
pub fn pool(text: &str) -> Result<Pool, String> {
    Pool::from_slug(text).ok_or_else(|| {
        let names = Pool::ALL.map(Pool::slug);
        format!("it is none of {}", names.join(", "))
    })
}

/// Runs the command.
///
/// # Errors
/// What the command couldn't read or write.
pub fn run(arguments: SynthArgs) -> Result<Code> {
    match arguments.command {
        SynthCommand::Render(arguments) => render::run(arguments),
        SynthCommand::Latents(arguments) => latents::run(arguments),
        SynthCommand::Audit(arguments) => audit::run(arguments),
    }
}
