//! The command line: which commands there are, and the environment variables that stand for their options.

use std::collections::BTreeSet;

use clap::builder::styling::{AnsiColor, Style, Styles};
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{
    bench, calibrate, data, evaluate, finetune, generate, inspect, models, reference, replay,
    synth, train,
};
use crate::message::LOG;

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
    Generate(Box<generate::GenerateArgs>),
    Replay(replay::ReplayArgs),
    Inspect(inspect::InspectArgs),
    Models(models::ModelsArgs),
    Synth(synth::SynthArgs),
    Data(data::DataArgs),
    Train(train::TrainArgs),
    Finetune(Box<finetune::FinetuneArgs>),
    Calibrate(calibrate::CalibrateArgs),
    Evaluate(evaluate::EvaluateArgs),
    Bench(bench::BenchArgs),
    #[command(hide = true)]
    Reference(reference::ReferenceArgs),
}

/// What all variables begin with.
const PREFIX: &str = "RELIAD";

/// What a variable of a flag may say.
const YES: [&str; 3] = ["1", "yes", "true"];
const NO: [&str; 3] = ["0", "no", "false"];

/// The arguments that this program was started with; it ends here when they can't be understood, or ask for help.
pub fn parse() -> Arguments {
    // A variable that says no is as good as none: clap would take it for the flag where options exclude each other.
    let says_no = |variable: &str| {
        let value = std::env::var(variable);
        value.is_ok_and(|value| switch(&value) == Some(false))
    };
    let mut command = with_variables(Arguments::command(), PREFIX, &says_no);
    let matches = command.get_matches_mut();
    Arguments::from_arg_matches(&matches)
        .map_err(|error| error.format(&mut command))
        .unwrap_or_else(|error| error.exit())
}

/// The command line, each option with a variable of its own command: `RELIAD_GENERATE_STEPS` is `--steps` of `generate`.
pub fn command() -> clap::Command {
    with_variables(Arguments::command(), PREFIX, &|_| false)
}

/// The command with variables for its options, but for flags whose variable is to be passed over.
fn with_variables(
    command: clap::Command,
    prefix: &str,
    pass_over: &dyn Fn(&str) -> bool,
) -> clap::Command {
    let command = command.mut_args(|argument| {
        let Some(long) = argument.get_long() else {
            return argument;
        };
        let variable = joined(prefix, long);
        let argument = match argument.get_action() {
            ArgAction::SetTrue if pass_over(&variable) => return argument,
            ArgAction::SetTrue => {
                let of = variable.clone();
                argument.value_parser(move |text: &str| {
                    let (yes, no) = (YES.join(", "), NO.join(", "));
                    switch(text).ok_or_else(|| {
                        format!("the variable {of} takes {yes} for yes, and {no} for no")
                    })
                })
            }
            _ => argument,
        };
        argument.env(variable).hide_env_values(true)
    });
    command.mut_subcommands(|sub| {
        let prefix = joined(prefix, sub.get_name());
        with_variables(sub, &prefix, pass_over)
    })
}

/// What the value of a flag's variable means.
fn switch(value: &str) -> Option<bool> {
    let value = value.trim().to_lowercase();
    if YES.contains(&value.as_str()) || value == "on" {
        return Some(true);
    }
    (NO.contains(&value.as_str()) || value == "off").then_some(false)
}

fn joined(prefix: &str, name: &str) -> String {
    format!("{prefix}_{}", name.replace('-', "_").to_uppercase())
}

/// A line for each variable of `set` that looks like ours and that nothing reads.
pub fn unread(set: impl Iterator<Item = String>) -> Vec<String> {
    let mut known = BTreeSet::from([LOG.to_owned()]);
    collect(&command(), &mut known);
    let ours = set.filter(|name| name.starts_with(PREFIX) && !known.contains(name));
    ours.map(|name| {
        let ending = name.trim_start_matches(PREFIX);
        let meant = known.iter().filter(|known| known.ends_with(ending));
        let mut meant: Vec<&str> = meant.map(String::as_str).collect();
        // Those of the commands that are used most have the shortest names.
        meant.sort_by_key(|name| name.matches('_').count());
        meant.truncate(4);
        let hint = match meant.is_empty() {
            true => "each option's help names its variable".to_owned(),
            false => format!("did you mean {}?", meant.join(" or ")),
        };
        format!("nothing reads the variable {name}; {hint}")
    })
    .collect()
}

fn collect(command: &clap::Command, known: &mut BTreeSet<String>) {
    let variables = command.get_arguments().filter_map(clap::Arg::get_env);
    known.extend(variables.map(|variable| variable.to_string_lossy().into_owned()));
    for sub in command.get_subcommands() {
        collect(sub, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn a_variable_belongs_to_one_option() {
        fn all(command: &clap::Command, found: &mut Vec<String>) {
            let variables = command.get_arguments().filter_map(clap::Arg::get_env);
            found.extend(variables.map(|variable| variable.to_string_lossy().into_owned()));
            command.get_subcommands().for_each(|sub| all(sub, found));
        }
        let mut found = Vec::new();
        all(&command(), &mut found);
        let distinct: BTreeSet<_> = found.iter().collect();
        assert_eq!(distinct.len(), found.len());
        for name in [
            "RELIAD_GENERATE_STEPS",
            "RELIAD_GENERATE_ETA",
            "RELIAD_GENERATE_SAMPLER",
        ] {
            assert!(distinct.contains(&name.to_owned()), "{name}");
        }
    }

    #[test]
    fn variables_that_nothing_reads_are_told() {
        let set = [
            "RELIAD_STEPS",
            "RELIAD_LOG",
            "RELIAD_GENERATE_SEED",
            "HOME",
            "RELIAD_NONSENSE",
        ];
        let lines = unread(set.map(str::to_owned).into_iter());
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("RELIAD_STEPS") && lines[0].contains("RELIAD_GENERATE_STEPS"));
        assert!(lines[1].contains("RELIAD_NONSENSE") && lines[1].contains("help"));
    }
}
