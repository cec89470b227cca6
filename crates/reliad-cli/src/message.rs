//! What the user reads on stderr: one line for an error, one for the hint; and the exit codes.

use std::fmt;
use std::io::IsTerminal;
use std::process::ExitCode;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::hints;

/// What the process's exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Everything that was wanted is there.
    Complete,
    /// Some picture has no available drawing, or a replayed one differs.
    Missing,
    /// Wrong usage, or input that can't be read or output that can't be written.
    Unusable,
    /// Stopped by Ctrl-C or a signal.
    Interrupted,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        ExitCode::from(match code {
            Code::Complete => 0,
            Code::Missing => 1,
            Code::Unusable => 2,
            Code::Interrupted => 130,
        })
    }
}

/// An error with a line that tells the user what to do.
#[derive(Debug)]
pub struct Hinted {
    message: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Hinted {}

/// An error with a hint.
pub fn hinted(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    Hinted {
        message: message.into(),
        hint: hint.into(),
    }
    .into()
}

/// Writes the error and its hint.
pub fn error(error: &anyhow::Error) {
    error_line(&told_once(error.chain().map(ToString::to_string)));
    let hint = error.chain().find_map(hints::of);
    if let Some(hint) = hint {
        hint_line(hint);
    }
}

/// A chain of causes in one line, without those that the cause before already tells.
fn told_once(causes: impl Iterator<Item = String>) -> String {
    let mut before = String::new();
    let mut told = Vec::new();
    for cause in causes {
        if told.is_empty() || !before.contains(&cause) {
            told.push(cause.clone());
        }
        before = cause;
    }
    told.join(": ")
}

/// One line that says what went wrong.
pub fn error_line(text: &str) {
    labelled("error", "1;31", text);
}

/// One line that says what to do.
pub fn hint_line(text: &str) {
    labelled("hint", "1;36", text);
}

/// One line that says what stops nothing but should be known.
pub fn warning_line(text: &str) {
    labelled("warning", "1;33", text);
}

fn labelled(label: &str, color: &str, text: &str) {
    let text = one_line(text);
    if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        eprintln!("\x1b[{color}m{label}\x1b[0m: {text}");
    } else {
        eprintln!("{label}: {text}");
    }
}

/// Control characters of file names and messages must not reach the terminal; the line breaks of
/// lists may.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() && c != '\n' {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

/// The variable that says what is logged; the only one that stands for no option.
pub const LOG: &str = "RELIAD_LOG";

/// What is shown when it isn't set: warnings, and what a training says of its data.
const SHOWN: &str = "warn,reliad_training=info";

/// Shows `tracing` events as the variable [`LOG`] asks for; without it, as all other messages are.
pub fn start_log() {
    let asked = EnvFilter::try_from_env(LOG);
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match asked {
        Ok(filter) => log.with_env_filter(filter).init(),
        Err(_) => log
            .with_env_filter(EnvFilter::new(SHOWN))
            .event_format(Message)
            .init(),
    }
}

/// An event as a line for people: without time, and without the place in the program.
struct Message;

impl<S, N> FormatEvent<S, N> for Message
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        match *event.metadata().level() {
            Level::ERROR => writer.write_str("error: ")?,
            Level::WARN => writer.write_str("warning: ")?,
            _ => {}
        }
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_is_told_already_is_not_told_again() {
        let line = |causes: &[&str]| told_once(causes.iter().map(ToString::to_string));
        assert_eq!(
            line(&["training rfnet", "a.json: no object", "no object"]),
            "training rfnet: a.json: no object"
        );
        assert_eq!(line(&["replay", "disk full"]), "replay: disk full");
    }
}
