//! `reliad data`: labelled samples in any layout, looked at, divided, prepared and handed on.

mod check;
mod export;
mod import;
mod prepare;
mod split;
mod stat;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use reliad_dataset::Error;

use crate::message::{self, Code};

/// Take over labelled samples, look at them, divide, prepare and hand them on.
///
/// A data set is a folder with `metadata.jsonl`, one sample a line; its pictures may lie in archives and tables.
#[derive(Debug, Args)]
pub struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    Import(import::ImportArgs),
    Stat(stat::StatArgs),
    Check(check::CheckArgs),
    Split(split::SplitArgs),
    Prepare(prepare::PrepareArgs),
    Export(export::ExportArgs),
}

/// Runs the command.
///
/// # Errors
/// What the command couldn't read or write.
pub fn run(arguments: DataArgs) -> Result<Code> {
    match arguments.command {
        DataCommand::Import(arguments) => import::run(arguments),
        DataCommand::Stat(arguments) => stat::run(arguments),
        DataCommand::Check(arguments) => check::run(arguments),
        DataCommand::Split(arguments) => split::run(arguments),
        DataCommand::Prepare(arguments) => prepare::run(arguments),
        DataCommand::Export(arguments) => export::run(arguments),
    }
}

/// The result, or the exit code where Ctrl-C ended the work; `hint` says how it goes on.
fn unless_stopped<T>(result: reliad_dataset::Result<T>, hint: &str) -> Result<Result<T, Code>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Error::Stopped) => {
            message::hint_line(hint);
            Ok(Err(Code::Interrupted))
        }
        Err(error) => bail!(error),
    }
}

/// How many samples a folder's index names.
fn count(dir: &std::path::Path) -> Result<u64> {
    let mut count = 0;
    for record in reliad_dataset::Records::all(dir)? {
        record?;
        count += 1;
    }
    Ok(count)
}
