//! The `reliad` command: arguments become settings, settings become a command, and this file turns
//! errors into lines and exit codes.

mod arguments;
mod catalogue;
mod commands;
mod configurations;
mod counter;
mod dashboard;
mod device;
mod display;
mod embedded;
mod estimate;
mod hints;
mod interrupt;
mod message;
mod progress;
mod sampling;
mod shop;
mod workers;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    reliad_kernels::allocator::keep_freed_memory();
    let arguments = arguments::parse();
    message::start_log();
    let set = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    for line in arguments::unread(set) {
        message::warning_line(&line);
    }
    match commands::run(arguments.command) {
        Ok(code) => code.into(),
        Err(error) => {
            message::error(&error);
            message::Code::Unusable.into()
        }
    }
}
