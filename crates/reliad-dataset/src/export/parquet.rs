//! Parquet files with Hugging Face's picture columns: `image.bytes`, `image.path` and so on.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use reliad_files::Partial;
use serde_json::json;

use super::{Exported, Samples, Whole};
use crate::Modality;
use crate::error::{Error, Result};

/// Rows that are held at once.
const GROUP: usize = 100;

/// Texts of a row, in the order of the schema after its pictures.
const TEXTS: [&str; 5] = ["title", "prompt", "label", "product_id", "split"];

pub(super) fn write(path: &Path, samples: &mut Samples<'_>) -> Result<Exported> {
    let wrong = |error| Error::layout::<parquet::errors::ParquetError>(path)(error);
    let schema = parse_message_type(&schema()).map_err(wrong)?;
    let properties = WriterProperties::builder()
        // Pictures are compressed already.
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_key_value_metadata(Some(vec![KeyValue::new(
            "huggingface".to_owned(),
            features(),
        )]))
        .build();
    let file = Partial::create(path).map_err(Error::io(path))?;
    let mut writer =
        SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).map_err(wrong)?;
    let mut exported = Exported::default();
    let mut group = Vec::new();
    loop {
        let sample = samples.next().transpose()?;
        let ended = sample.is_none();
        match sample {
            Some(Ok(sample)) => group.push(sample),
            Some(Err(broken)) => exported.broken.push(broken),
            None => {}
        }
        if group.len() == GROUP || (ended && !group.is_empty()) {
            write_group(&mut writer, &group).map_err(wrong)?;
            exported.samples += group.len() as u64;
            group.clear();
        }
        if ended {
            break;
        }
    }
    let file = writer.into_inner().map_err(wrong)?;
    file.finish().map_err(Error::io(path))?;
    Ok(exported)
}

fn schema() -> String {
    let pictures = Modality::ALL.map(|kind| {
        let name = kind.name();
        format!("OPTIONAL group {name} {{ OPTIONAL BYTE_ARRAY bytes; OPTIONAL BYTE_ARRAY path (UTF8); }}")
    });
    let texts = TEXTS.map(|name| format!("OPTIONAL BYTE_ARRAY {name} (UTF8);"));
    format!(
        "message samples {{ {} {} }}",
        pictures.join(" "),
        texts.join(" ")
    )
}

/// What the `datasets` library needs to decode the pictures by itself.
fn features() -> String {
    let mut features = serde_json::Map::new();
    for kind in Modality::ALL {
        features.insert(kind.name().to_owned(), json!({"_type": "Image"}));
    }
    for name in TEXTS {
        features.insert(
            name.to_owned(),
            json!({"dtype": "string", "_type": "Value"}),
        );
    }
    json!({"info": {"features": features}}).to_string()
}

fn write_group(
    writer: &mut SerializedFileWriter<Partial>,
    group: &[Whole],
) -> parquet::errors::Result<()> {
    let mut rows = writer.next_row_group()?;
    let mut column = |values: Vec<Option<Vec<u8>>>, full: i16, empty: i16| {
        let Some(mut writer) = rows.next_column()? else {
            return Ok(());
        };
        let levels: Vec<i16> = values
            .iter()
            .map(|value| if value.is_some() { full } else { empty })
            .collect();
        let present: Vec<ByteArray> = values.into_iter().flatten().map(ByteArray::from).collect();
        writer
            .typed::<ByteArrayType>()
            .write_batch(&present, Some(&levels), None)?;
        writer.close()
    };
    for kind in Modality::ALL {
        let of = |sample: &Whole| {
            let found = sample.pictures.iter().find(|(known, _)| *known == kind);
            found.map(|(_, bytes)| bytes.clone())
        };
        column(group.iter().map(of).collect(), 2, 0)?;
        let name = |sample: &Whole| {
            let bytes = of(sample)?;
            let extension = Whole::extension(kind, &bytes);
            Some(format!("{}.{extension}", sample.key).into_bytes())
        };
        column(group.iter().map(name).collect(), 2, 0)?;
    }
    for field in TEXTS {
        let text = |sample: &Whole| {
            let record = &sample.record;
            let text = match field {
                "title" => record.title.clone(),
                "prompt" => record.prompt.clone(),
                "label" => record
                    .label
                    .map_or_else(String::new, |label| label.slug().to_owned()),
                "product_id" => record.product_id.to_string(),
                _ => record.split().name().to_owned(),
            };
            (!text.is_empty()).then(|| text.into_bytes())
        };
        column(group.iter().map(text).collect(), 1, 0)?;
    }
    rows.close()?;
    Ok(())
}
