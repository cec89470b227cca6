//! The `reliad` command: arguments become settings, settings become a command, and this file turns
//! errors into lines and exit codes.

mod arguments;
mod commands;
mod configurations;
mod counter;
mod dashboard;
mod device;
mod embedded;
mod estimate;
mod hints;
mod interrupt;
mod message;
mod progress;
mod workers;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    message::start_log();
    match commands::run(arguments.command) {
        Ok(code) => code.into(),
        Err(error) => {
            message::error(&error);
            message::Code::Unusable.into()
        }
    }
}
