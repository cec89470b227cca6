//! Whether a judge's components fit each other: asked of its configuration and tokenizer, before any weights are read.

use reliad_weights::ModelDir;

use crate::detector::DetectorConfig;
use crate::error::{Error, Result};
use crate::roberta::RobertaTokenizer;

/// Reads the configuration and the tokenizer of the judge in `model` and checks that they, and the networks that the judge
/// looks through, are there and fit. The tokenizer is `None` where titles aren't read.
///
/// # Errors
/// A file that is missing or can't be read, an unsupported field, or [`Error::Misfit`] with all that doesn't fit, each with
/// its files and values.
pub(crate) fn check(model: &ModelDir) -> Result<(DetectorConfig, Option<RobertaTokenizer>)> {
    fitting(model, true)
}

/// The same of a judge that needn't have networks for its maps.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_reading(
    model: &ModelDir,
) -> Result<(DetectorConfig, Option<RobertaTokenizer>)> {
    fitting(model, false)
}

fn fitting(
    model: &ModelDir,
    estimates: bool,
) -> Result<(DetectorConfig, Option<RobertaTokenizer>)> {
    let rfnet = model.sub("rfnet");
    let config = DetectorConfig::from_json(&reliad_weights::read_config(&rfnet, "config.json")?)?;
    let file = rfnet.display("config.json");
    let mut problems = Vec::new();
    let inputs = config.inputs();
    for (component, input) in [("depth", inputs.depth), ("saliency", inputs.saliency)] {
        let network = model.sub(component).display("config.json");
        if estimates && input && !model.contains(&format!("{component}/config.json")) {
            problems.push(format!(
                "{file} has `inputs.{component}` = true, but {network} is missing"
            ));
        }
    }
    let mut tokenizer = None;
    if let Some((text, tokens)) = config.text_encoder() {
        let read = RobertaTokenizer::load(&rfnet, tokens)?;
        let vocabulary = format!("the tokenizer in {}", rfnet.display(""));
        let (entries, rows) = (read.vocab_size(), text.vocab_size);
        if entries > rows {
            problems.push(format!(
                "{vocabulary} has {entries} entries, but in {file} text_encoder.vocab_size is {rows}; it must not be smaller"
            ));
        }
        let (pad, expected) = (read.pad_id() as usize, text.pad_token_id);
        if pad != expected {
            problems.push(format!(
                "{vocabulary} has <pad> as {pad}, but in {file} text_encoder.pad_token_id is {expected}; they must be equal"
            ));
        }
        tokenizer = Some(read);
    }
    if problems.is_empty() {
        return Ok((config, tokenizer));
    }
    Err(Error::Misfit {
        model: model.display(""),
        problems,
    })
}
