//! The commands: each file resolves its arguments to settings and runs them.

pub mod bench;
pub mod calibrate;
pub mod data;
pub mod evaluate;
pub mod finetune;
pub mod generate;
pub mod inspect;
pub mod models;
pub mod reference;
pub mod replay;
pub mod synth;
pub mod train;

use anyhow::Result;

use crate::arguments::Command;
use crate::message::Code;

/// Runs a command.
///
/// # Errors
/// What ended it; the caller shows it.
pub fn run(command: Command) -> Result<Code> {
    match command {
        Command::Generate(arguments) => generate::run(*arguments),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Models(arguments) => models::run(arguments),
        Command::Synth(arguments) => synth::run(arguments),
        Command::Data(arguments) => data::run(arguments),
        Command::Train(arguments) => train::run(arguments),
        Command::Finetune(arguments) => finetune::run(*arguments),
        Command::Calibrate(arguments) => calibrate::run(arguments),
        Command::Evaluate(arguments) => evaluate::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Reference(arguments) => reference::run(arguments),
    }
}
