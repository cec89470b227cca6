//! The lines of RF1M's `label.txt`, whose columns are not documented.
//!
//! Ours: a picture's name and its label, then title, prompt and product where there are more, parted by tabs, commas, or
//! blanks; [`Fields`](super::Fields) gives them by number, from 1, or a first line by name. What a title can contain
//! parts nothing: where that can't be known, the line is refused.

use std::path::Path;

use super::Fields;
use crate::error::{Error, Result};
use crate::table_text::cells;
use crate::text::TextLines;

/// Our columns.
const COLUMNS: [&str; 5] = ["image", "label", "title", "prompt", "product_id"];
/// Columns up to the title, which is the rest of a line that blanks part.
const TO_TITLE: usize = 3;

/// How the lines of a file are parted.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// Names that the first line gives.
    header: Option<Vec<String>>,
    /// The highest column that somebody told of.
    told: Option<usize>,
    /// The number of columns of lines that commas part without quotes, where all have the same.
    width: Option<usize>,
}

/// What parts a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parting {
    Tabs,
    Commas,
    Blanks,
}

impl Columns {
    /// Reads the file once to see how its lines are parted.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn of(path: &Path, fields: &Fields) -> Result<Self> {
        let told = COLUMNS.iter().filter(|field| fields.tells(field));
        let told = told.flat_map(|field| fields.names(field));
        let mut columns = Self {
            told: told.filter_map(|name| name.parse().ok()).max(),
            ..Self::default()
        };
        let (mut first, mut widths) = (true, Widths::None);
        for line in TextLines::open(path)? {
            let line = line.map_err(Error::io(path))?;
            let Ok(text) = line.text else { continue };
            if text.trim().is_empty() {
                continue;
            }
            if std::mem::take(&mut first) {
                columns.header = header(&text, fields);
            }
            if parting(&text) == Parting::Commas && !text.contains('"') {
                widths.add(text.split(',').count());
            }
        }
        if let Widths::Same(width, 2..) = widths {
            columns.width = Some(width);
        }
        Ok(columns)
    }

    /// Whether the first line that isn't empty names the columns.
    pub fn has_header(&self) -> bool {
        self.header.is_some()
    }

    /// The words of a line by the names of their columns; each has its number, and the name that the header or we give it.
    ///
    /// # Errors
    /// Why they can't be told apart.
    pub fn words(&self, line: &str) -> std::result::Result<Vec<(String, String)>, String> {
        let known = self.header.as_ref().map(Vec::len).or(self.told);
        let mut cells = match parting(line) {
            Parting::Tabs => line.split('\t').map(unquoted).collect(),
            Parting::Commas => self.by_commas(line, known)?,
            Parting::Blanks => by_blanks(line, known.unwrap_or(TO_TITLE).max(TO_TITLE)),
        };
        while cells.last().is_some_and(|cell| cell.trim().is_empty()) {
            cells.pop();
        }
        let most = match (&self.header, self.told) {
            (Some(header), _) => header.len(),
            (None, Some(_)) => usize::MAX,
            (None, None) => COLUMNS.len(),
        };
        if cells.len() > most {
            return Err(format!(
                "too many columns: {} where {most} are known",
                cells.len()
            ));
        }
        let words = cells.into_iter().enumerate().flat_map(|(place, cell)| {
            // A column answers to its number and to what it is called.
            let name = match &self.header {
                Some(header) => Some(header[place].clone()),
                None => COLUMNS.get(place).map(|&name| name.to_owned()),
            };
            let names = [Some((place + 1).to_string()), name];
            let cell = cell.trim().to_owned();
            names
                .into_iter()
                .flatten()
                .map(move |name| (name, cell.clone()))
        });
        Ok(words.collect())
    }

    fn by_commas(
        &self,
        line: &str,
        known: Option<usize>,
    ) -> std::result::Result<Vec<String>, String> {
        let cells = cells(line, b',')?
            .ok_or("quote that isn't closed: double a quote that is part of a title")?;
        // Who quotes titles has no other commas in them, and who told the columns knows.
        if cells.len() <= TO_TITLE || known.is_some() || line.contains('"') {
            return Ok(cells);
        }
        let begins_blank = |cell: &String| cell.starts_with(' ');
        let (before, after) = cells.split_at(TO_TITLE);
        if after.iter().any(begins_blank) && !before[1..].iter().any(begins_blank) {
            // A comma and a blank are prose: the rest of the line is the title.
            let title = cells[TO_TITLE - 1..].join(",");
            return Ok([&cells[..TO_TITLE - 1], &[title]].concat());
        }
        match self.width {
            Some(width) if width == cells.len() => Ok(cells),
            _ => Err(format!(
                "commas that may be part of the title: {} columns; quote the title, part columns with tabs, or tell them \
                 with `--fields title=3`",
                cells.len()
            )),
        }
    }
}

/// How many columns lines have.
enum Widths {
    None,
    /// Of this many lines.
    Same(usize, usize),
    Different,
}

impl Widths {
    fn add(&mut self, width: usize) {
        *self = match *self {
            Self::None => Self::Same(width, 1),
            Self::Same(known, lines) if known == width => Self::Same(known, lines + 1),
            _ => Self::Different,
        };
    }
}

/// What parts a line: a comma only where what comes before it can be a picture's name.
fn parting(line: &str) -> Parting {
    if line.contains('\t') {
        return Parting::Tabs;
    }
    let Some((first, _)) = line.split_once(',') else {
        return Parting::Blanks;
    };
    let first = first.trim();
    let is_name = || {
        let lower = first.to_lowercase();
        let kinds = [".jpg", ".jpeg", ".png", ".webp"];
        let end = kinds
            .iter()
            .find_map(|kind| lower.find(kind).map(|at| at + kind.len()));
        end == Some(lower.len())
    };
    if first.starts_with('"') || !first.contains(char::is_whitespace) || is_name() {
        Parting::Commas
    } else {
        Parting::Blanks
    }
}

/// Up to `count` cells, the last of which is the rest.
fn by_blanks(line: &str, count: usize) -> Vec<String> {
    let mut cells = Vec::new();
    let mut rest = line.trim();
    while cells.len() + 1 < count
        && let Some((cell, after)) = rest.split_once(char::is_whitespace)
    {
        cells.push(unquoted(cell));
        rest = after.trim_start();
    }
    cells.push(unquoted(rest));
    cells
}

/// A cell without the quotes around it.
fn unquoted(cell: &str) -> String {
    let cell = cell.trim();
    let inner = cell
        .strip_prefix('"')
        .and_then(|cell| cell.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.replace("\"\"", "").contains('"') => inner.replace("\"\"", "\""),
        _ => cell.to_owned(),
    }
}

/// The names that a first line gives: if one is a picture's and one the label's, it is no sample.
fn header(line: &str, fields: &Fields) -> Option<Vec<String>> {
    let names: Vec<String> = match parting(line) {
        Parting::Tabs => line.split('\t').map(unquoted).collect(),
        Parting::Commas => line.split(',').map(unquoted).collect(),
        Parting::Blanks => line.split_whitespace().map(unquoted).collect(),
    };
    let has = |field: &str| {
        let known = fields.names(field);
        names
            .iter()
            .any(|name| known.iter().any(|known| known.eq_ignore_ascii_case(name)))
    };
    (has("image") && has("label")).then_some(names)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use proptest::prelude::*;

    use super::*;

    fn columns(text: &str) -> Columns {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("label.txt");
        std::fs::write(&path, text).unwrap();
        Columns::of(&path, &Fields::default()).unwrap()
    }

    fn word(columns: &Columns, line: &str, field: &str) -> std::result::Result<String, String> {
        let words = columns.words(line)?;
        let found = words.into_iter().find(|(name, _)| name == field);
        Ok(found.map(|(_, word)| word).unwrap_or_default())
    }

    fn title(line: &str) -> std::result::Result<String, String> {
        word(&columns(line), line, "title")
    }

    #[test]
    fn the_rest_of_a_line_is_the_title_or_the_line_is_refused() {
        for (line, expected) in [
            ("1.jpg 0 blue mug 9 cm", "blue mug 9 cm"),
            ("1.jpg 0 mug, blue", "mug, blue"),
            ("1.jpg\t0\tmug, blue", "mug, blue"),
            ("1.jpg\t0\t\"5\"\" tablet\"", "5\" tablet"),
            ("1.jpg\t0\t5\" tablet\t", "5\" tablet"),
            ("1.jpg,0,\"Mug, blue, 9 cm\"", "Mug, blue, 9 cm"),
            ("1.jpg,0,Mug, blue, 9 cm", "Mug, blue, 9 cm"),
            ("my mug.jpg,0,Mug", "Mug"),
            ("1.jpg,0,5\" tablet", "5\" tablet"),
            ("1.jpg,0", ""),
        ] {
            assert_eq!(title(line).as_deref(), Ok(expected), "{line}");
        }
        for line in ["1.jpg,0,Mug,blue", "1.jpg,0,\"Mug", "1.jpg\t0\ta\tb\tc\td"] {
            assert!(title(line).is_err(), "{line}");
        }
    }

    #[test]
    fn columns_that_all_lines_have_are_columns() {
        let text = "1.jpg,0,Mug,on grass\n2.jpg,1,Lamp,at sea\n";
        let of_all = columns(text);
        let line = text.lines().next().unwrap();
        assert_eq!(word(&of_all, line, "prompt").unwrap(), "on grass");
        let text = "file_name,prompt,label\n1.jpg,on grass,0\n";
        let named = columns(text);
        assert!(named.has_header());
        assert_eq!(word(&named, "1.jpg,on grass,0", "label").unwrap(), "0");
        assert!(named.words("1.jpg,on grass, green,0").is_err());
    }

    proptest! {
        #[test]
        fn any_line_is_parted_or_refused(line in "[ -~\t,\"一-丁]{0,80}") {
            let columns = Columns::default();
            if let Ok(words) = columns.words(&line) {
                let held: usize = words.iter().map(|(_, word)| word.len()).sum();
                // Each word has two names.
                prop_assert!(held <= 2 * line.len() + 2);
            }
        }
    }
}
