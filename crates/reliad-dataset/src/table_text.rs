//! Tables as text (CSV), record by record: a record that is wrong costs only itself.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use crate::error::Result;
use crate::text::{Line, TextLines};

/// Lines that a quoted cell may go over; beyond them the quote was never meant to be closed.
const LONGEST_CELL: usize = 100;

/// Bytes that are held of one record, about.
const LONGEST_RECORD: usize = 1 << 20;

/// The records of a file whose first one names the columns.
pub(crate) struct TableText {
    lines: TextLines,
    /// Lines that were read ahead.
    ahead: VecDeque<Line>,
    delimiter: u8,
}

impl TableText {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io).
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            lines: TextLines::open(path)?,
            ahead: VecDeque::new(),
            delimiter: b',',
        })
    }

    /// The encoding of the lines that aren't UTF-8.
    pub fn legacy(&self) -> Option<&'static str> {
        self.lines.legacy()
    }

    /// The names of the columns, in the first record, which also tells what parts cells.
    ///
    /// # Errors
    /// What the system says.
    pub fn header(&mut self) -> io::Result<Vec<String>> {
        let Some(first) = self.line()? else {
            return Ok(Vec::new());
        };
        if let Ok(text) = &first.text {
            let count = |delimiter: &&u8| text.bytes().filter(|byte| byte == *delimiter).count();
            // Spreadsheets part cells with semicolons where the comma parts decimals.
            let most = [b';', b'\t', b','].iter().max_by_key(count);
            self.delimiter = most.copied().unwrap_or(b',');
        }
        self.ahead.push_front(first);
        match self.next() {
            Some(record) => Ok(record?.1.unwrap_or_default()),
            None => Ok(Vec::new()),
        }
    }

    fn line(&mut self) -> io::Result<Option<Line>> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next().transpose(),
        }
    }

    /// The record that begins with this line.
    fn record(
        &mut self,
        first: Line,
    ) -> io::Result<(usize, std::result::Result<Vec<String>, String>)> {
        let number = first.number;
        let mut text = match first.text {
            Ok(text) => text,
            Err(reason) => return Ok((number, Err(reason))),
        };
        let mut taken = Vec::new();
        loop {
            match cells(&text, self.delimiter) {
                Ok(Some(cells)) => return Ok((number, Ok(cells))),
                Ok(None) if taken.len() < LONGEST_CELL && text.len() < LONGEST_RECORD => {}
                Ok(None) => break,
                Err(reason) => return Ok((number, Err(reason))),
            }
            let Some(line) = self.line()? else { break };
            if let Ok(more) = &line.text {
                text.push('\n');
                text.push_str(more);
            }
            let is_text = line.text.is_ok();
            taken.push(line);
            if !is_text {
                break;
            }
        }
        // The lines after it are records of their own.
        for line in taken.into_iter().rev() {
            self.ahead.push_front(line);
        }
        let reason = "quote that isn't closed: double a quote that is part of a text";
        Ok((number, Err(reason.to_owned())))
    }
}

impl Iterator for TableText {
    /// The line in which a record begins, and its cells or why it can't be read.
    type Item = io::Result<(usize, std::result::Result<Vec<String>, String>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = match self.line() {
                Ok(line) => line?,
                Err(error) => return Some(Err(error)),
            };
            if !line.text.as_ref().is_ok_and(|text| text.trim().is_empty()) {
                return Some(self.record(line));
            }
        }
    }
}

/// The cells of a record; `None` where its last quote isn't closed.
///
/// # Errors
/// What the parser says.
pub(crate) fn cells(text: &str, delimiter: u8) -> std::result::Result<Option<Vec<String>>, String> {
    // An open quote would take this line in, too.
    let text = [text, "\nend"].concat();
    let mut records = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes())
        .into_records();
    let first = records.next();
    if records.next().is_none() {
        return Ok(None);
    }
    let first = first.transpose().map_err(|error| error.to_string())?;
    let cells = first.iter().flatten().map(str::to_owned);
    Ok(Some(cells.collect()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use proptest::prelude::*;

    use super::*;

    type Read = Vec<(usize, std::result::Result<Vec<String>, String>)>;

    fn read(bytes: &[u8]) -> (Vec<String>, Read) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metadata.csv");
        std::fs::write(&path, bytes).unwrap();
        let mut table = TableText::open(&path).unwrap();
        let header = table.header().unwrap();
        (header, table.map(|record| record.unwrap()).collect())
    }

    #[test]
    fn records_may_go_over_lines_and_an_open_quote_costs_its_own() {
        let text = "file_name;label;title\r\n0.png;0;\"Mug,\r\nblue\"\r\n\r\n1.png;1;\"Lamp\r\n2.png;2;Stool\r\n";
        let (header, records) = read(text.as_bytes());
        assert_eq!(header, ["file_name", "label", "title"]);
        assert_eq!(records[0].1.as_ref().unwrap()[2], "Mug,\nblue");
        assert_eq!(records[1].0, 5);
        assert!(records[1].1.is_err());
        assert_eq!(records[2].1.as_ref().unwrap()[2], "Stool");
        assert_eq!(records.len(), 3);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_make_records_or_reasons(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let (_, records) = read(&bytes);
            prop_assert!(records.len() <= bytes.len());
        }
    }
}
