//! RF1M as it was released: pictures in numbered archives or folders, `label.txt`, and for a part of them RGBA
//! products of the same names elsewhere.

use super::fields::Values;
use super::label_txt::Columns;
use super::listing::Listing;
use super::reader::Reader;
use crate::error::{Error, Result};
use crate::text::TextLines;

/// The pictures and products that lines name.
struct Pictures {
    pictures: Listing,
    products: Option<Listing>,
}

pub(super) fn read(reader: &mut Reader<'_, '_>) -> Result<()> {
    let source = reader.source;
    let path = source.path.join("label.txt");
    let columns = Columns::of(&path, &source.fields)?;
    let listed = match reader.surveys() {
        true => None,
        false => Some(Pictures::of(reader)?),
    };
    let lines = TextLines::open(&path)?;
    reader.tell_encoding(&path, lines.legacy());
    let mut is_header = columns.has_header();
    for line in lines {
        let line = line.map_err(Error::io(&path))?;
        let at = || format!("{}, line {}", path.display(), line.number);
        let sample = match line.text {
            Ok(text) if text.trim().is_empty() => continue,
            Ok(_) if std::mem::take(&mut is_header) => continue,
            Ok(text) => columns
                .words(&text)
                .and_then(|words| values(words, reader, listed.as_ref())),
            Err(reason) => Err(reason),
        };
        match sample {
            Ok(values) => reader.sample(values, at)?,
            Err(reason) => reader.broken(at(), reason)?,
        }
    }
    Ok(())
}

impl Pictures {
    fn of(reader: &mut Reader<'_, '_>) -> Result<Self> {
        let source = reader.source;
        let products = source.products.as_deref();
        Ok(Self {
            // Products may lie within; they are no pictures.
            pictures: Listing::of(&source.path, products, reader)?,
            products: products
                .map(|products| Listing::of(products, None, reader))
                .transpose()?,
        })
    }
}

fn values(
    words: Vec<(String, String)>,
    reader: &Reader<'_, '_>,
    listed: Option<&Pictures>,
) -> std::result::Result<Values, String> {
    let fields = &reader.source.fields;
    let mut values = Values {
        words: words.into_iter().collect(),
        ..Values::default()
    };
    let Some(listed) = listed else {
        return Ok(values);
    };
    let name = fields.find("image", &values.words);
    let name = name.filter(|name| !name.is_empty());
    let name = name.ok_or("no picture: its name is missing")?;
    let picture = listed.pictures.find(name)?;
    let product = match &listed.products {
        Some(products) => products.product(picture, &listed.pictures)?,
        None => None,
    };
    values.split = reader.split(&reader.source.path.join(&*picture.path), false);
    for field in fields.names("image") {
        values
            .places
            .insert(field.to_owned(), picture.place.clone());
    }
    if let Some(product) = product {
        values
            .places
            .insert("product".to_owned(), product.place.clone());
    }
    Ok(values)
}
