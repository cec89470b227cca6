//! RF1M as it was released: pictures in numbered archives or folders, `label.txt`, and for a part of them RGBA
//! products of the same names elsewhere.
//!
//! The columns of `label.txt` are not documented. Ours: a picture's name and its label, then title, prompt and product
//! where there are more, parted by tabs, commas, or blanks; [`Fields`](super::Fields) gives them by number, from 1.

use std::fs::File;
use std::io::{BufRead as _, BufReader};

use super::fields::Values;
use super::listing::Listing;
use super::{Broken, Sink, Source};
use crate::error::{Error, Result};

const COLUMNS: [&str; 5] = ["image", "label", "title", "prompt", "product_id"];

pub(super) fn read(source: &Source, sink: &mut Sink<'_>) -> Result<()> {
    let path = source.path.join("label.txt");
    let file = File::open(&path).map_err(Error::io(&path))?;
    let pictures = Listing::of(&source.path)?;
    let products = match &source.products {
        Some(products) => Some(Listing::of(products)?),
        None => None,
    };
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(Error::io(&path))?;
        if line.trim().is_empty() {
            continue;
        }
        let at = || format!("{}, line {}", path.display(), number + 1);
        sink(record(source, &line, &pictures, products.as_ref(), at))?;
    }
    Ok(())
}

fn record(
    source: &Source,
    line: &str,
    pictures: &Listing,
    products: Option<&Listing>,
    at: impl Fn() -> String,
) -> std::result::Result<crate::Record, Broken> {
    let columns: Vec<&str> = if line.contains('\t') {
        line.split('\t').collect()
    } else if line.contains(',') {
        line.split(',').collect()
    } else {
        line.split_whitespace().collect()
    };
    let broken = |reason: String| Broken {
        sample: at(),
        reason,
    };
    let mut values = Values::default();
    for (place, word) in columns.into_iter().enumerate() {
        // A column answers to its number and to what we take it for.
        let names = [
            Some((place + 1).to_string()),
            COLUMNS.get(place).map(|&name| name.into()),
        ];
        for name in names.into_iter().flatten() {
            values.words.insert(name, word.trim().to_owned());
        }
    }
    let name = source.fields.find("image", &values.words).cloned();
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Err(broken("no picture's name".to_owned()));
    };
    let Some(image) = pictures.find(&name).map_err(broken)? else {
        return Err(broken(format!("no picture {name} in the archives")));
    };
    for field in source.fields.names("image") {
        values.places.insert(field.to_owned(), image.clone());
    }
    if let Some(products) = products
        && let Some(product) = products.find(&name).map_err(broken)?
    {
        values.places.insert("product".to_owned(), product.clone());
    }
    values.record(source, at)
}
