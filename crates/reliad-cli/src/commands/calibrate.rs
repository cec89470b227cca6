//! `reliad calibrate`: probabilities that mean what they say, and the threshold that a user asks for.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use reliad_dataset::Split;
use reliad_evaluation::judge::calibrate::{Operating, fit, table};
use reliad_evaluation::judge::{Reader, judge_folder};
use reliad_rfnet::calibration::Calibration;
use reliad_training::{Control, Report};

use crate::message::{self, Code, hinted};
use crate::{device, embedded, interrupt};

/// Fit a judge's temperature and thresholds on the validation part, and write its calibration.json.
///
/// Every verdict of the judge is made with it from then on. Without --reject or --keep the threshold of "available" is put
/// where its F1 is largest.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// Folder with metadata.jsonl
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// Model whose judge is calibrated: a directory with rfnet/, and depth/ and saliency/ where the samples have no
    /// maps; or `mini` with --out
    #[arg(long, value_name = "DIR|mini")]
    judge: String,

    /// Reject at least this share of the pictures that can't be published, such as 0.95
    #[arg(long, value_parser = share, conflicts_with = "keep")]
    reject: Option<f64>,

    /// Keep at least this share of the available pictures, such as 0.9
    #[arg(long, value_parser = share)]
    keep: Option<f64>,

    /// Look at every picture twice, the second time as a mirror shows it: steadier, and twice the judge's work but for
    /// depth and saliency
    #[arg(long)]
    mirrored: bool,

    /// File to write [default: rfnet/calibration.json of the judge]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Where to compute: cpu, gpu, cuda, vulkan or metal; `:1` picks the second one
    #[arg(long, default_value = "cpu")]
    device: String,
}

fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "it is no number from 0 to 1".to_owned())
}

/// Calibrates.
///
/// # Errors
/// When the judge or the samples can't be read, the validation part has no available or no other sample, or the file
/// can't be written.
pub fn run(arguments: CalibrateArgs) -> Result<Code> {
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None if arguments.judge == embedded::MINI => {
            return Err(hinted(
                "mini is compiled in: its calibration can't be written there",
                "give a file with --out",
            ));
        }
        None => PathBuf::from(&arguments.judge).join("rfnet/calibration.json"),
    };
    let operating = match (arguments.reject, arguments.keep) {
        (Some(share), _) => Operating::Reject(share),
        (None, Some(share)) => Operating::Keep(share),
        (None, None) => Operating::BestF1,
    };
    let model = embedded::open(&arguments.judge)?;
    let (device, _) = device::open(&arguments.device)?;
    let mut report = |name: &str, report: &Report| eprintln!("{}", report.line(name));
    let mut control = Control {
        on_report: &mut report,
        stop: interrupt::flag()?,
    };
    let parts = [Split::Validation];
    let reader = Reader::load(&model, &device, Some(arguments.mirrored))?;
    let judged = judge_folder(&reader, &arguments.data, &parts, &mut control)?;
    let Some(judgement) = judged else {
        return Ok(Code::Interrupted);
    };
    for line in judgement.told() {
        message::warning_line(&line);
    }
    let judged = &judgement.judged;
    let good = judged.iter().filter(|sample| sample.label == 0).count();
    ensure!(
        good > 0 && good < judged.len(),
        "{}: {good} of {} validation samples are available; both kinds are needed",
        arguments.data.display(),
        judged.len()
    );
    let calibration = Calibration {
        mirrored: arguments.mirrored,
        ..fit(judged, judgement.classes, operating)
    };
    print!("{}", table(judged, judgement.classes, &calibration));
    reliad_weights::write_config(&out, &calibration)?;
    eprintln!(
        "{}: temperature {:.3}",
        out.display(),
        calibration.temperature
    );
    Ok(Code::Complete)
}
