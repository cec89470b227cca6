//! `reliad data check`: every picture is decoded; copies and leaks are told.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use reliad_dataset::{DUPLICATES, Findings, LARGEST_DISTANCE, QUARANTINE, check};

use super::{count, unless_stopped};
use crate::counter::Counter;
use crate::interrupt;
use crate::message::{self, Code};

/// Look at every sample: broken ones go to quarantine.jsonl, copies to duplicates.jsonl, leaks between splits are told.
///
/// What is in quarantine is left out by every other command. Exits with 1 when something needs a person's eye: broken
/// samples, copies with different labels, or products that look the same in several splits.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Folder with metadata.jsonl
    #[arg(value_name = "DIR")]
    data: PathBuf,

    /// Bits of 64 in which the hashes of two copies may differ, 0 to 3
    #[arg(
        long,
        default_value_t = 2,
        value_parser = clap::value_parser!(u32).range(0..=i64::from(LARGEST_DISTANCE))
    )]
    distance: u32,

    /// Also write what was found to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Checks.
///
/// # Errors
/// When the index can't be read or a list can't be written.
pub(super) fn run(arguments: CheckArgs) -> Result<Code> {
    let counter = Counter::new("looked at", count(&arguments.data)?);
    let found = check(
        &arguments.data,
        arguments.distance,
        &|done| counter.reach(done, 0),
        interrupt::flag()?,
    );
    counter.clear();
    let found = match unless_stopped(found, "nothing was changed; run the command again")? {
        Ok(found) => found,
        Err(code) => return Ok(code),
    };
    print!("{}", text(&found));
    if let Some(file) = &arguments.json {
        reliad_weights::write_config(file, &found)?;
    }
    let lists: Vec<String> = [
        (QUARANTINE, found.quarantined),
        (DUPLICATES, found.duplicate_groups + found.leaks),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(file, _)| arguments.data.join(file).display().to_string())
    .collect();
    if !lists.is_empty() {
        message::hint_line(&format!("see {}", lists.join(" and ")));
    }
    if found.leaks > 0 {
        message::hint_line("`reliad data split` keeps products that look the same together");
    }
    Ok(match found.is_clean() {
        true => Code::Complete,
        false => Code::Missing,
    })
}

fn text(found: &Findings) -> String {
    let mut text = format!(
        "{} samples looked at, {} in quarantine\n",
        found.samples, found.quarantined
    );
    for (reason, count) in &found.reasons {
        text += &format!("  {count} × {reason}\n");
    }
    if found.unusable_profiles > 0 {
        text += &format!(
            "{} have a colour profile that can't be used; their colours are taken as sRGB\n",
            found.unusable_profiles
        );
    }
    text + &format!(
        "{} copies in {} groups, {} of them with different labels\n{} products leak between splits\n",
        found.duplicates, found.duplicate_groups, found.conflicting_labels, found.leaks
    )
}
