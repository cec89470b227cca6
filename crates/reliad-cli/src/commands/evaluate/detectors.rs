//! `reliad evaluate detectors`: the paper's two tables of detectors, trained and measured on one's own data.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use reliad_generation::report::escape;
use reliad_training::detectors::{Comparison, Row, Score, compare, tables};
use reliad_training::{Budget, Control, Report, Stage};
use serde::Serialize;
use serde_json::Value;

use crate::configurations;
use crate::message::Code;
use crate::page::{self, put};
use crate::{device, interrupt};

/// Train and measure RFNet, its rivals on the picture alone, and RFNet without each input, with several seeds.
///
/// All are trained with the same samples, steps and recipe as CONFIGS/rfnet.json says for RFNet, and measured on the test part. The
/// rivals' networks are those of CONFIGS/rivals. Image encoders are pretrained as CONFIGS/encoder.json says, each architecture
/// once. What is measured stays in MODEL/.training/detectors: the same command run again goes on where it was stopped.
#[derive(Debug, Args)]
pub struct DetectorsArgs {
    /// Folder of samples with a train, a validation and a test part
    #[arg(long, env = "RELIAD_DATA", hide_env_values = true, value_name = "DIR")]
    data: PathBuf,

    /// Folder of samples whose test part is measured instead of that of DATA
    #[arg(long, env = "RELIAD_TEST", hide_env_values = true, value_name = "DIR")]
    test: Option<PathBuf>,

    /// Model directory with depth/, saliency/, the vocabulary in rfnet/, and a painter when views are repainted
    #[arg(long, env = "RELIAD_MODEL", hide_env_values = true, value_name = "DIR")]
    model: PathBuf,

    /// Folder with rfnet.json, encoder.json and rivals/*.json
    #[arg(
        long,
        env = "RELIAD_CONFIGS",
        hide_env_values = true,
        value_name = "DIR",
        default_value = "configs/mini-detectors"
    )]
    configs: PathBuf,

    /// Only these rows, several with commas: rfnet, a rival's name, without-INPUT, two-classes
    #[arg(
        long,
        env = "RELIAD_ONLY",
        hide_env_values = true,
        value_name = "NAME",
        value_delimiter = ','
    )]
    only: Vec<String>,

    /// Trainings of each detector, with the seeds 1, 2, ...
    #[arg(
        long,
        env = "RELIAD_SEEDS",
        hide_env_values = true,
        value_name = "N",
        default_value_t = 3,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    seeds: u64,

    /// Steps of each training
    #[arg(
        long,
        env = "RELIAD_STEPS",
        hide_env_values = true,
        value_name = "N",
        default_value_t = 2000,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    steps: u64,

    /// Only compute what the networks look at and pretrain the encoders, for workers to begin with
    #[arg(long, env = "RELIAD_ENCODERS", hide_env_values = true)]
    encoders: bool,

    /// This worker's part of the trainings, such as 2/8: the second of eight. Workers share MODEL; a run with --encoders comes
    /// first, and one without either shows all scores in the end
    #[arg(
        long,
        env = "RELIAD_PART",
        hide_env_values = true,
        value_parser = crate::workers::part,
        default_value = "1/1",
        conflicts_with = "encoders"
    )]
    part: (usize, usize),

    /// Also write the scores to this file
    #[arg(
        long,
        env = "RELIAD_JSON_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    json: Option<PathBuf>,

    /// Page to write
    #[arg(
        long,
        env = "RELIAD_HTML_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    html: Option<PathBuf>,

    /// Where to compute: cpu, gpu, cuda, vulkan or metal; `:1` picks the second one
    #[arg(
        long,
        env = "RELIAD_DEVICE",
        hide_env_values = true,
        default_value = "cpu"
    )]
    device: String,
}

impl DetectorsArgs {
    fn tested(&self) -> &Path {
        self.test.as_ref().unwrap_or(&self.data)
    }
}

/// The paper's F1 and AP in percent (2408.00418, its tables of detectors and of inputs), where it has the row.
const PAPER: [(&str, Option<f64>, f64); 11] = [
    ("rfnet", Some(85.83), 87.58),
    ("resnet50", Some(74.26), 77.29),
    ("resnext50", Some(77.30), 79.62),
    ("hrnet", Some(73.01), 73.07),
    ("vit", Some(76.93), 79.31),
    ("without-product", None, 81.17),
    ("without-generated", None, 82.06),
    ("without-depth", None, 85.31),
    ("without-saliency", None, 83.91),
    ("without-caption", None, 84.53),
    ("two-classes", None, 82.06),
];

#[derive(Debug, Serialize)]
struct Figures<'a> {
    reliad: &'a str,
    data: String,
    /// Folder whose test part was measured.
    test: String,
    steps: u64,
    rows: &'a [Row],
}

/// Trains, measures and prints.
///
/// # Errors
/// Data, a configuration or a component that cannot be used, or a disk that cannot be written.
pub fn run(arguments: DetectorsArgs) -> Result<Code> {
    let (device, _) = device::open(&arguments.device)?;
    let rfnet: Value = configurations::read(&arguments.configs.join("rfnet.json"))?;
    let mut detectors = tables(&rfnet, rivals(&arguments.configs.join("rivals"))?)?;
    let base = detectors[0].config.clone();
    let encoder = arguments.configs.join("encoder.json");
    let encoder = base
        .pretrained
        .encoder_stage
        .then(|| configurations::read(&encoder))
        .transpose()?;
    if !arguments.only.is_empty() {
        let names: Vec<String> = detectors.iter().map(|d| d.name.clone()).collect();
        if let Some(unknown) = arguments.only.iter().find(|name| !names.contains(name)) {
            bail!(
                "there is no row `{unknown}`; there are {}",
                names.join(", ")
            );
        }
        detectors.retain(|detector| arguments.only.contains(&detector.name));
    }
    let stage = Stage {
        data: arguments.data.clone(),
        out: arguments.model.clone(),
        budget: Budget::Steps(arguments.steps),
        seed: 1,
        device,
        helpers: Vec::new(),
        warm_start: false,
    };
    let seeds: Vec<u64> = match arguments.encoders {
        true => Vec::new(),
        false => (1..=arguments.seeds).collect(),
    };
    let mut report = |name: &str, report: &Report| eprintln!("{}", report.line(name));
    let mut control = Control {
        on_report: &mut report,
        stop: interrupt::flag()?,
    };
    let comparison = Comparison {
        rfnet: &base,
        encoder: encoder.as_ref(),
        detectors: &detectors,
        seeds: &seeds,
        test: arguments.test.as_deref(),
        part: arguments.part,
    };
    let Some(rows) = compare(comparison, &stage, &mut control)? else {
        eprintln!("stopped; the same command goes on from here");
        return Ok(Code::Interrupted);
    };
    if arguments.encoders {
        eprintln!("the encoders are there; workers may begin (--part 1/8 and so on)");
        return Ok(Code::Complete);
    }
    let measured: usize = rows.iter().map(|row| row.scores.len()).sum();
    let wanted = rows.len() * seeds.len();
    if measured < wanted {
        eprintln!(
            "{measured} of {wanted} trainings are measured; the others are left to other workers"
        );
    }
    let rows: Vec<Row> = rows
        .into_iter()
        .filter(|row| !row.scores.is_empty())
        .collect();
    print!("{}", text(&rows));
    if let Some(file) = &arguments.json {
        let figures = Figures {
            reliad: env!("CARGO_PKG_VERSION"),
            data: arguments.data.display().to_string(),
            test: arguments.tested().display().to_string(),
            steps: arguments.steps,
            rows: &rows,
        };
        reliad_weights::write_config(file, &figures)?;
    }
    if let Some(file) = &arguments.html {
        let html = html(&rows, &arguments);
        reliad_weights::write_atomically(file, html.as_bytes())?;
    }
    Ok(Code::Complete)
}

/// Name and network of every file in `dir`, by name; none without the folder.
fn rivals(dir: &Path) -> Result<Vec<(String, Value)>> {
    let mut rivals = Vec::new();
    for path in configurations::files(dir)? {
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
            rivals.push((name.to_owned(), configurations::read(&path)?));
        }
    }
    Ok(rivals)
}

fn paper(name: &str) -> Option<(Option<f64>, f64)> {
    let row = PAPER.iter().find(|(known, ..)| *known == name)?;
    Some((row.1, row.2))
}

/// `mean ± spread` in percent.
fn percent((mean, spread): (f64, Option<f64>)) -> String {
    match spread {
        Some(spread) => format!("{:.1} ± {:.1}", 100.0 * mean, 100.0 * spread),
        None => format!("{:.1}", 100.0 * mean),
    }
}

type Column = (&'static str, fn(&Score) -> f64);

const COLUMNS: [Column; 4] = [
    ("precision", |score| score.precision),
    ("recall", |score| score.recall),
    ("F1", |score| score.f1),
    ("AP", |score| score.ap),
];

/// The rows as a Markdown table; percent, mean and sample standard deviation over the seeds.
fn text(rows: &[Row]) -> String {
    let mut text = String::from("| detector |");
    for (name, _) in COLUMNS {
        text += &format!(" {name} |");
    }
    text += " paper: F1 | AP |\n|---|---|---|---|---|---|---|\n";
    for row in rows {
        text += &format!("| {} |", row.name);
        for (_, figure) in COLUMNS {
            text += &format!(" {} |", percent(row.mean(figure)));
        }
        let number =
            |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value}"));
        let (f1, ap) = paper(&row.name).map_or((None, None), |(f1, ap)| (f1, Some(ap)));
        text += &format!(" {} | {} |\n", number(f1), number(ap));
    }
    text
}

fn html(rows: &[Row], arguments: &DetectorsArgs) -> String {
    let note = format!(
        "{} · {} steps · {} seeds · {} test samples · reliad {}",
        escape(&arguments.tested().display().to_string()),
        arguments.steps,
        arguments.seeds,
        rows.first()
            .and_then(|row| row.scores.first())
            .map_or(0, |score| score.samples),
        env!("CARGO_PKG_VERSION")
    );
    let mut html = page::begin("Detectors", &note);
    html.push_str(
        "<section class=\"panel\"><h2>AP of available</h2><p class=\"soft\">A mark is a seed, the bar their mean; trained \
         alike, measured on products that no training saw. The paper's figures are of other data and full size.</p>\
         <table class=\"figures\">",
    );
    for row in rows {
        let (ap, f1) = (row.mean(|score| score.ap), row.mean(|score| score.f1));
        put(
            &mut html,
            format_args!(
                "<tr><td>{}</td><td><div class=\"interval\"><i style=\"left:0%;width:{:.1}%\"></i>",
                escape(&row.name),
                100.0 * ap.0
            ),
        );
        for score in &row.scores {
            put(
                &mut html,
                format_args!("<u style=\"left:{:.1}%\"></u>", 100.0 * score.ap),
            );
        }
        let paper = match paper(&row.name) {
            Some((Some(f1), ap)) => format!("paper: AP {ap}, F1 {f1}"),
            Some((None, ap)) => format!("paper: AP {ap}"),
            None => String::new(),
        };
        put(
            &mut html,
            format_args!(
                "</div></td><td class=\"number\"><b>{}</b></td><td class=\"number soft\">F1 {}</td>\
                 <td class=\"number soft\">{paper}</td></tr>",
                percent(ap),
                percent(f1),
            ),
        );
    }
    html.push_str("</table></section>\n");
    page::end(html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_mean_spread_and_the_papers_figures() {
        let score = |seed, f1, ap| Score {
            seed,
            precision: 0.5,
            recall: 0.25,
            f1,
            ap,
            accuracy: 0.0,
            samples: 10,
            steps: 1,
            minutes: 0.0,
        };
        let rows = [
            Row {
                name: "vit".to_owned(),
                scores: vec![score(1, 0.70, 0.6), score(2, 0.72, 0.8)],
            },
            Row {
                name: "other".to_owned(),
                scores: vec![score(1, 0.5, 0.5)],
            },
        ];
        let text = text(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[2],
            "| vit | 50.0 ± 0.0 | 25.0 ± 0.0 | 71.0 ± 1.4 | 70.0 ± 14.1 | 76.93 | 79.31 |"
        );
        assert_eq!(lines[3], "| other | 50.0 | 25.0 | 50.0 | 50.0 | – | – |");
    }
}
