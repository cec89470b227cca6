//! WebDataset shards: `key.png`, `key.product.png`, ..., `key.json`.

use std::path::Path;

use serde_json::json;

use super::{Exported, Samples, Whole};
use crate::error::Result;
use crate::shard::ShardWriter;

pub(super) fn write(path: &Path, samples: &mut Samples<'_>) -> Result<Exported> {
    let mut shard = ShardWriter::create(path)?;
    let mut exported = Exported::default();
    for sample in samples {
        match sample? {
            Ok(sample) => {
                let key = &sample.key;
                for (kind, bytes) in &sample.pictures {
                    shard.add(&format!("{key}.{}", Whole::extension(*kind, bytes)), bytes)?;
                }
                let record = &sample.record;
                let texts = json!({
                    "title": record.title,
                    "prompt": record.prompt,
                    "label": record.label,
                    "product_id": record.product_id,
                    "split": record.split(),
                });
                shard.add(&format!("{key}.json"), texts.to_string().as_bytes())?;
                exported.samples += 1;
            }
            Err(broken) => exported.broken.push(broken),
        }
    }
    shard.finish()?;
    Ok(exported)
}
