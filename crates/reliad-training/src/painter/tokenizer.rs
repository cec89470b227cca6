//! Byte-pair vocabularies from the rendered world's own texts, in the ecosystem's file formats.
//!
//! Both begin with the 256 bytes (CLIP's also with the 256 bytes that end a word), so that any text
//! can be spelled; the merges follow in the order in which they were learned.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{
    Model as _, NormalizerWrapper, PreTokenizerWrapper, Tokenizer, models::TrainerWrapper,
};

use crate::data::world::World;
use crate::error::{Error, Result};
use crate::stage::{Ended, Stage};

/// Settings of the vocabularies (`tokenizer.json` of a training's configuration).
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerTraining {
    /// Learn from the first so many samples of the folder.
    pub texts: usize,
    /// Entries of the prompt vocabulary (CLIP), at least 514.
    pub prompt_vocabulary: usize,
    /// Ids of a prompt, start and end among them.
    pub prompt_length: usize,
    /// Entries of the title vocabulary (RoBERTa), at least 261.
    pub title_vocabulary: usize,
    /// Ids of a title, start and end among them.
    pub title_length: usize,
}

/// Trains both vocabularies on the prompts and titles of the samples to train on; writes `tokenizer/`
/// and the files of the title tokenizer into `rfnet/`.
///
/// # Errors
/// Data that cannot be read, a vocabulary that is too small, or a failing disk.
pub fn train(config: &TokenizerTraining, stage: &Stage) -> Result<Ended> {
    let world = World::open(&stage.data, Some(config.texts))?;
    world.require_prompts()?;
    let (train, _) = world.split();
    let records: Vec<_> = train.iter().map(|&index| &world.records()[index]).collect();
    let prompts: Vec<String> = records.iter().map(|record| record.prompt.clone()).collect();
    let titles: Vec<String> = records.iter().map(|record| record.title.clone()).collect();
    train_clip(
        &prompts,
        config.prompt_vocabulary,
        config.prompt_length,
        &stage.component("tokenizer"),
    )?;
    train_roberta(
        &titles,
        config.title_vocabulary,
        config.title_length,
        &stage.component("rfnet"),
    )?;
    Ok(Ended::Finished(vec![(
        "texts".to_owned(),
        records.len() as f64,
    )]))
}

const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";

/// Trains CLIP's tokenizer on `prompts` and writes it to `dir`.
///
/// # Errors
/// A vocabulary that is too small, texts that cannot be split, or a failing disk.
pub fn train_clip(prompts: &[String], vocabulary: usize, length: usize, dir: &Path) -> Result<()> {
    let parse = Error::component::<serde_json::Error>("CLIP tokenizer");
    let normalizer: NormalizerWrapper =
        serde_json::from_value(reliad_diffusion::normalizer()).map_err(parse)?;
    let parse = Error::component::<serde_json::Error>("CLIP tokenizer");
    let splitter: PreTokenizerWrapper =
        serde_json::from_value(reliad_diffusion::pre_tokenizer()).map_err(parse)?;
    let mut tokenizer = Tokenizer::new(BPE::default());
    tokenizer
        .with_normalizer(Some(normalizer))
        .map_err(Error::component("CLIP tokenizer"))?;
    tokenizer.with_pre_tokenizer(Some(splitter));
    let mut vocab = bytes();
    vocab.extend(bytes().iter().map(|byte| format!("{byte}</w>")));
    let room = room("prompt_vocabulary", vocabulary, vocab.len() + 2)?;
    let merges = merges(tokenizer, prompts, Some("</w>"), room)?;
    vocab.extend(merges.iter().map(|merge| merge.replace(' ', "")));
    vocab.extend([START.to_owned(), END.to_owned()]);
    write(dir, &vocab, &merges)?;
    write_json(
        dir,
        "tokenizer_config.json",
        &json!({
            "tokenizer_class": "CLIPTokenizer", "model_max_length": length, "do_lower_case": true,
            "bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END,
            "add_prefix_space": false, "errors": "replace",
        }),
    )?;
    write_json(
        dir,
        "special_tokens_map.json",
        &json!({"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}),
    )
}

/// Trains RoBERTa's tokenizer on `titles` and writes it to `dir`.
///
/// # Errors
/// As [`train_clip`].
pub fn train_roberta(
    titles: &[String],
    vocabulary: usize,
    length: usize,
    dir: &Path,
) -> Result<()> {
    let mut tokenizer = Tokenizer::new(BPE::default());
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
    let mut vocab: Vec<String> = ["<s>", "<pad>", "</s>", "<unk>"].map(String::from).into();
    vocab.extend(bytes());
    let room = room("title_vocabulary", vocabulary, vocab.len() + 1)?;
    let merges = merges(tokenizer, titles, None, room)?;
    vocab.extend(merges.iter().map(|merge| merge.replace(' ', "")));
    vocab.push("<mask>".to_owned());
    write(dir, &vocab, &merges)?;
    write_json(
        dir,
        "tokenizer_config.json",
        &json!({
            "tokenizer_class": "RobertaTokenizer", "model_max_length": length,
            "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>",
            "cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>",
            "add_prefix_space": false, "errors": "replace",
        }),
    )?;
    write_json(
        dir,
        "special_tokens_map.json",
        &json!({
            "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>",
            "cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>",
        }),
    )
}

/// The 256 bytes as the ecosystem spells them, in order of their code points.
fn bytes() -> Vec<String> {
    let mut bytes: Vec<char> = ByteLevel::alphabet().into_iter().collect();
    bytes.sort_unstable();
    bytes.into_iter().map(String::from).collect()
}

fn room(name: &'static str, vocabulary: usize, taken: usize) -> Result<usize> {
    vocabulary.checked_sub(taken).ok_or_else(|| Error::Setting {
        name,
        reason: format!("{vocabulary} is fewer than the {taken} entries that every text needs"),
    })
}

/// The first `count` merges that byte-pair training learns from `texts`, as lines of `merges.txt`.
fn merges(
    mut tokenizer: Tokenizer,
    texts: &[String],
    word_end: Option<&str>,
    count: usize,
) -> Result<Vec<String>> {
    let alphabet = ByteLevel::alphabet().into_iter().collect();
    let mut trainer = BpeTrainer::builder()
        .show_progress(false)
        .min_frequency(2)
        .initial_alphabet(alphabet)
        .vocab_size(2 * 256 + count);
    if let Some(suffix) = word_end {
        trainer = trainer.end_of_word_suffix(suffix.to_owned());
    }
    let mut trainer = TrainerWrapper::from(trainer.build());
    tokenizer
        .train(&mut trainer, texts.iter())
        .map_err(Error::component("byte-pair training"))?;
    let dir = std::env::temp_dir();
    let prefix = format!("reliad-merges-{}-{count}", std::process::id());
    let files = tokenizer
        .get_model()
        .save(&dir, Some(&prefix))
        .map_err(Error::component("byte-pair training"))?;
    let mut lines = Vec::new();
    for file in files {
        if file.to_string_lossy().ends_with("merges.txt") {
            let text = std::fs::read_to_string(&file).map_err(Error::io(&file))?;
            lines = text
                .lines()
                .filter(|line| !line.starts_with("#version") && !line.is_empty())
                .take(count)
                .map(str::to_owned)
                .collect();
        }
        std::fs::remove_file(&file).map_err(Error::io(&file))?;
    }
    Ok(lines)
}

fn write(dir: &Path, vocab: &[String], merges: &[String]) -> Result<()> {
    let entries: Map<String, Value> = vocab
        .iter()
        .enumerate()
        .map(|(id, token)| (token.clone(), json!(id)))
        .collect();
    write_json(dir, "vocab.json", &Value::Object(entries))?;
    let text = format!("#version: 0.2\n{}\n", merges.join("\n"));
    let file = dir.join("merges.txt");
    reliad_files::write(&file, text.as_bytes()).map_err(Error::io(file))
}

fn write_json(dir: &Path, file: &str, value: &Value) -> Result<()> {
    reliad_weights::write_config(&dir.join(file), value).map_err(Error::component("tokenizer"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;
    use reliad_diffusion::ClipTokenizer;
    use reliad_rfnet::roberta::RobertaTokenizer;
    use reliad_weights::ModelDir;

    fn texts() -> Vec<String> {
        (0..200)
            .map(|i| format!("a marble table by the window, warm light, vase {}", i % 7))
            .collect()
    }

    #[test]
    fn clip_words_become_single_tokens_and_any_text_is_spelled() {
        let dir = tempfile::tempdir().unwrap();
        train_clip(&texts(), 600, 32, dir.path()).unwrap();
        let tokenizer = ClipTokenizer::load(&ModelDir::open(dir.path()).unwrap()).unwrap();
        assert_eq!(tokenizer.max_len(), 32);
        assert!(tokenizer.vocab_size() <= 600);
        let ids = tokenizer.encode("Marble table").unwrap().ids;
        let end = ids[3];
        assert_eq!(ids.len(), 32);
        assert!(ids[4..].iter().all(|&id| id == end), "{ids:?}");
        let odd = tokenizer.encode("caf\u{e9} \u{1f600} #7").unwrap();
        let inner: Vec<_> = odd.ids[1..].iter().take_while(|&&id| id != end).collect();
        assert!(inner.len() > 5, "{odd:?}");
    }

    #[test]
    fn roberta_titles_are_spelled() {
        let dir = tempfile::tempdir().unwrap();
        train_roberta(&texts(), 400, 24, dir.path()).unwrap();
        let tokenizer = RobertaTokenizer::load(&ModelDir::open(dir.path()).unwrap(), 24).unwrap();
        let ids = tokenizer.encode("a marble table").unwrap();
        assert_eq!((ids.len(), ids[0], ids[4]), (5, 0, 2), "{ids:?}");
        assert!(
            tokenizer
                .encode("\u{e9}\u{1f600}")
                .unwrap()
                .iter()
                .all(|&id| id != 3)
        );
    }
}
