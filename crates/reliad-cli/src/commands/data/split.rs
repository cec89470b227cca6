//! `reliad data split`: training, validation and test part, by product.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use reliad_dataset::{Shares, divide};

use super::unless_stopped;
use crate::interrupt;
use crate::message::Code;

/// Divide a data set into train, validation and test by product, and write each sample's part into metadata.jsonl.
///
/// Products that duplicates.jsonl says look the same stay together: run `reliad data check` first.
#[derive(Debug, Args)]
pub(super) struct SplitArgs {
    /// Folder with metadata.jsonl
    #[arg(value_name = "DIR")]
    data: PathBuf,

    /// Share of the products for choices and calibration
    #[arg(long, default_value_t = Shares::default().validation)]
    validation: f64,

    /// Share of the products for reports
    #[arg(long, default_value_t = Shares::default().test)]
    test: f64,

    /// Another seed divides differently
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Leave what is test already, as in a data set released with a test part
    #[arg(long)]
    keep_test: bool,
}

/// Divides.
///
/// # Errors
/// Shares that leave nothing to train on, or an index that can't be read or written.
pub(super) fn run(arguments: SplitArgs) -> Result<Code> {
    let shares = Shares {
        validation: arguments.validation,
        test: arguments.test,
    };
    if let Err(reason) = shares.check() {
        bail!(reason);
    }
    let counts = divide(
        &arguments.data,
        shares,
        arguments.seed,
        arguments.keep_test,
        interrupt::flag()?,
    );
    match unless_stopped(counts, "nothing was changed; run the command again")? {
        Ok([train, validation, test]) => {
            println!("samples: {train} train, {validation} validation, {test} test");
            Ok(Code::Complete)
        }
        Err(code) => Ok(code),
    }
}
