//! `reliad reference`: docs/cli.md, made from the help texts.

use anyhow::Result;
use clap::{Args, Command};

use crate::arguments;
use crate::message::Code;

/// Print docs/cli.md.
#[derive(Debug, Args)]
pub struct ReferenceArgs {}

/// Prints the reference of all commands as Markdown.
///
/// # Errors
/// None; the signature is that of all commands.
pub fn run(_arguments: ReferenceArgs) -> Result<Code> {
    print!("{}", reference());
    Ok(Code::Complete)
}

fn reference() -> String {
    let mut root = arguments::command().term_width(100).max_term_width(100);
    root.build();
    let mut text = String::from(
        "# The `reliad` command\n\n\
         Generated from the help texts by `cargo xtask generate`; don't edit.\n\
         Every option can also be given by the environment variable named beside it.\n",
    );
    section(&mut text, &mut root, "reliad");
    text
}

fn section(text: &mut String, command: &mut Command, path: &str) {
    let help = command.render_long_help().to_string();
    text.push_str(&format!("\n## `{path}`\n\n```text\n"));
    for line in help.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str("```\n");
    let names: Vec<String> = command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
        .map(|sub| sub.get_name().to_owned())
        .collect();
    for name in names {
        if let Some(sub) = command.find_subcommand_mut(&name) {
            section(text, sub, &format!("{path} {name}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_a_long_form_and_an_environment_name() {
        fn check(command: &Command) {
            for argument in command.get_arguments() {
                let id = argument.get_id();
                if argument.is_positional() || id == "help" || id == "version" {
                    continue;
                }
                let place = format!("{} {id}", command.get_name());
                assert!(argument.get_long().is_some(), "{place} has no long form");
                let name = argument
                    .get_env()
                    .and_then(|name| name.to_str())
                    .unwrap_or_default();
                assert!(
                    name.starts_with("RELIAD_"),
                    "{place} has no environment name"
                );
                assert!(argument.get_help().is_some(), "{place} has no help");
            }
            command.get_subcommands().for_each(check);
        }
        check(&arguments::command());
    }
}
