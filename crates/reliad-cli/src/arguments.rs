//! The command line: which commands there are.

use clap::builder::styling::{AnsiColor, Style, Styles};
use clap::{Parser, Subcommand};

use crate::commands::{
    bench, calibrate, data, evaluate, generate, inspect, models, reference, replay, synth, train,
};

const STYLES: Styles = Styles::styled()
    .header(Style::new().bold())
    .usage(Style::new().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// Turns product cut-outs into advertising pictures that can be published.
///
/// A product is placed on a canvas, a scene is painted around it, and a judge decides whether the
/// picture can be published; if not, it is drawn again.
#[derive(Debug, Parser)]
#[command(name = "reliad", version, styles = STYLES, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 everything wanted is there; 1 some picture has no available \
    drawing; 2 wrong usage or unusable input or output, while the other inputs still ran; \
    130 stopped by Ctrl-C."
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

/// One command each.
#[derive(Debug, Subcommand)]
pub enum Command {
    Generate(generate::GenerateArgs),
    Replay(replay::ReplayArgs),
    Inspect(inspect::InspectArgs),
    Models(models::ModelsArgs),
    Synth(synth::SynthArgs),
    Data(data::DataArgs),
    Train(train::TrainArgs),
    Calibrate(calibrate::CalibrateArgs),
    Evaluate(evaluate::EvaluateArgs),
    Bench(bench::BenchArgs),
    #[command(hide = true)]
    Reference(reference::ReferenceArgs),
}
