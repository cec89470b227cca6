//! Prompts of training: dropped as a whole or clause by clause, so that guidance works and no clause
//! hangs on its neighbours.

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use reliad_diffusion::ClipTokenizer;

use crate::error::{Error, Result};

/// `prompt` as a step sees it: empty with probability `whole`, else each clause between commas
/// left out with probability `clause`.
pub fn with_dropout(prompt: &str, whole: f64, clause: f64, rng: &mut ChaCha8Rng) -> String {
    // One number a decision, drawn in any case: the stream must not depend on the texts' fate.
    let empty = rng.random::<f64>() < whole;
    let kept: Vec<&str> = prompt
        .split(',')
        .map(str::trim)
        .filter(|_| rng.random::<f64>() >= clause)
        .collect();
    if empty {
        String::new()
    } else {
        kept.join(", ")
    }
}

/// Ids of prompts, `[n, length]`.
///
/// # Errors
/// A prompt that the vocabulary cannot spell.
pub fn ids(
    tokenizer: &ClipTokenizer,
    prompts: &[String],
    device: &Device,
) -> Result<Tensor<2, Int>> {
    let mut ids = Vec::with_capacity(prompts.len() * tokenizer.max_len());
    for prompt in prompts {
        let tokens = tokenizer
            .encode(prompt)
            .map_err(Error::component("tokenizer"))?;
        ids.extend(tokens.ids);
    }
    Ok(Tensor::from_data(
        TensorData::new(ids, [prompts.len(), tokenizer.max_len()]),
        device,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn clauses_and_captions_drop_at_their_rates() {
        let mut rng = random::generator(1, "prompts", 0);
        let (mut empty, mut clauses) = (0, 0);
        for _ in 0..4000 {
            let text = with_dropout("a, b, c, d", 0.1, 0.07, &mut rng);
            if text.is_empty() {
                empty += 1;
            } else {
                clauses += text.split(", ").count();
            }
        }
        assert!((320..480).contains(&empty), "{empty}");
        let share = clauses as f64 / (4.0 * f64::from(4000 - empty));
        assert!((share - 0.93).abs() < 0.01, "{share}");
    }

    #[test]
    fn nothing_is_dropped_at_rate_zero() {
        let mut rng = random::generator(1, "prompts", 0);
        assert_eq!(
            with_dropout("a table,  warm light", 0.0, 0.0, &mut rng),
            "a table, warm light"
        );
    }
}
