//! `cargo xtask`: the checks that keep main green, and the files that are generated.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

/// Generated references: the file, and the arguments of `reliad` that print it.
const REFERENCES: [(&str, &[&str]); 1] = [("docs/cli.md", &["reference"])];

const USAGE: &str = "usage: cargo xtask <command>

  test       format, lints, docs, tests, generated references: everything that must pass
  generate   write the generated references anew
";

fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1).as_deref() {
        Some("test") => test(),
        Some("generate") => references(true),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn test() -> Result<()> {
    step("format", cargo(&["fmt", "--all", "--check"]))?;
    step(
        "lints",
        cargo(&[
            "clippy",
            "--release",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    step(
        "docs",
        cargo(&["doc", "--release", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    step("tests", cargo(&["test", "--release", "--workspace"]))?;
    println!("== references");
    references(false)
}

/// Compares the generated files with what the program prints now, or writes them.
fn references(write: bool) -> Result<()> {
    for (file, arguments) in REFERENCES {
        let mut run = vec![
            "run",
            "--release",
            "--quiet",
            "--package",
            "reliad-cli",
            "--",
        ];
        run.extend(arguments);
        let output = cargo(&run).output().context("cargo could not be started")?;
        if !output.status.success() {
            bail!(
                "`reliad {}` failed:\n{}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let path = root().join(file);
        if write {
            std::fs::write(&path, &output.stdout).with_context(|| file.to_owned())?;
        } else if std::fs::read(&path).unwrap_or_default() != output.stdout {
            bail!("{file} is out of date; run `cargo xtask generate` and commit it");
        }
    }
    Ok(())
}

/// The workspace that cargo runs this in, also when it was compiled in another one.
fn root() -> PathBuf {
    let crate_dir = std::env::var_os("CARGO_MANIFEST_DIR");
    crate_dir
        .map_or(PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from)
        .join("..")
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

fn step(name: &str, mut command: impl std::borrow::BorrowMut<Command>) -> Result<()> {
    println!("== {name}");
    let status = command
        .borrow_mut()
        .status()
        .with_context(|| format!("{name}: cargo could not be started"))?;
    if !status.success() {
        bail!("{name} failed");
    }
    Ok(())
}
