//! `reliad models`: what a model directory holds, and what models are trained by.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use reliad_generation::defaults::sampling_of;
use reliad_generation::files;
use reliad_weights::{Component, inspect};

use crate::message::Code;
use crate::{configurations, embedded};

/// Look into model directories, and at what models are trained by.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    Show(ShowArgs),
    Configs(ConfigsArgs),
}

/// Show the components of a model: class, parameters, number formats, size.
#[derive(Debug, Args)]
struct ShowArgs {
    /// Model directory, or `mini` for the embedded one
    #[arg(value_name = "DIR|mini")]
    #[arg(default_value = embedded::MINI)]
    model: String,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// List the training configurations that are compiled into the program, or write them to change them.
#[derive(Debug, Args)]
struct ConfigsArgs {
    /// Folder to write them to, as configs/ in it; files that are there are kept
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the table or the list.
///
/// # Errors
/// When the directory isn't there, a file in it is damaged, or one can't be written.
pub fn run(arguments: ModelsArgs) -> Result<Code> {
    match arguments.command {
        ModelsCommand::Show(arguments) => show(&arguments),
        ModelsCommand::Configs(arguments) => configs(arguments.out.as_deref()),
    }
}

fn configs(out: Option<&Path>) -> Result<Code> {
    for (path, contents) in configurations::all() {
        let path = Path::new(configurations::FOLDER).join(path);
        let Some(out) = out else {
            println!("{}", path.display());
            continue;
        };
        let file = out.join(path);
        if file.exists() {
            let kept = std::fs::read(&file).with_context(|| file.display().to_string())?;
            let how = if kept == contents {
                "the same"
            } else {
                "another, kept"
            };
            println!("{} is there: {how}", file.display());
            continue;
        }
        if let Some(folder) = file.parent() {
            files::prepare_directory(folder)?;
        }
        reliad_files::write(&file, contents).with_context(|| file.display().to_string())?;
        println!("{}", file.display());
    }
    Ok(Code::Complete)
}

fn show(arguments: &ShowArgs) -> Result<Code> {
    let model = embedded::open(&arguments.model)?;
    let components = inspect(&model)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&components)?);
        return Ok(Code::Complete);
    }
    print!("{}", table(&components));
    if let Ok(defaults) = sampling_of(&model) {
        println!(
            "\nsampled at {}x{}, {} steps, {}, rescale {}, control {}",
            defaults.width,
            defaults.height,
            defaults.steps,
            defaults.guidance_words(),
            defaults.guidance_rescale,
            defaults.control_scale
        );
    }
    Ok(Code::Complete)
}

fn table(components: &[Component]) -> String {
    let mut rows = vec![["component", "class", "parameters", "formats", "size"].map(String::from)];
    let (mut parameters, mut bytes) = (0, 0);
    for component in components {
        let formats: Vec<&str> = component.dtypes.keys().map(String::as_str).collect();
        rows.push([
            component.name.clone(),
            component.class.clone(),
            if component.parameters == 0 {
                String::new()
            } else {
                thousands(component.parameters)
            },
            formats.join(", "),
            size(component.bytes),
        ]);
        parameters += component.parameters;
        bytes += component.bytes;
    }
    rows.push([
        "all".into(),
        String::new(),
        thousands(parameters),
        String::new(),
        size(bytes),
    ]);
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths = [0, 1, 2, 3, 4].map(width);
    let mut text = String::new();
    for row in &rows {
        let line = format!(
            "{:<w0$}  {:<w1$}  {:>w2$}  {:<w3$}  {:>w4$}",
            row[0],
            row[1],
            row[2],
            row[3],
            row[4],
            w0 = widths[0],
            w1 = widths[1],
            w2 = widths[2],
            w3 = widths[3],
            w4 = widths[4],
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `1234567` as `1,234,567`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Bytes in the decimal unit that reads best.
fn size(bytes: usize) -> String {
    let bytes = bytes as f64;
    match bytes {
        b if b >= 1e9 => format!("{:.2} GB", b / 1e9),
        b if b >= 1e6 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.1} kB", b / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let grouped: Vec<_> = [7, 123, 1234, 1_234_567].map(thousands).into();
        assert_eq!(grouped, ["7", "123", "1,234", "1,234,567"]);
        assert_eq!(size(1_500), "1.5 kB");
        assert_eq!(size(28_000_000), "28.0 MB");
    }

    #[test]
    fn a_table_ends_with_the_sum() {
        let component = |name: &str, parameters| Component {
            name: name.into(),
            class: "Net".into(),
            parameters,
            dtypes: [("F16".to_owned(), parameters)].into(),
            bytes: 2 * parameters,
        };
        let table = table(&[component("unet", 1_000_000), component("vae", 500)]);
        let last = table.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("all") && last.contains("1,000,500"),
            "{table}"
        );
    }
}
