//! Text files line by line, in the encodings that people save them in.
//!
//! UTF-8 and UTF-16 are told by their first bytes. In other files each line that isn't UTF-8 is read in the one encoding
//! that fits all such lines best; a line that doesn't fit costs only itself.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, SeekFrom};
use std::path::Path;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::Encoding;

use crate::error::{Error, Result};

/// Longest line that is read, in bytes; what is longer is no line of a data set.
const LONGEST_LINE: usize = 1 << 20;
/// First bytes that tell the encoding.
const HEAD: usize = 4096;
/// Bytes that aren't UTF-8 from which the encoding is guessed; more of them tell no more.
const SAMPLE: usize = 1 << 20;

/// A line, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// From 1.
    pub number: usize,
    /// Its text, or why it can't be read.
    pub text: std::result::Result<String, String>,
}

/// The lines of a text file. What is held is one line.
pub(crate) struct TextLines<R = BufReader<File>> {
    reader: R,
    units: Units,
    legacy: Option<&'static Encoding>,
    number: usize,
}

/// What the bytes of a file are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Units {
    /// Bytes; lines end with this one.
    Bytes(u8),
    LittleEndian,
    BigEndian,
}

impl TextLines {
    /// Opens a file and finds out its encoding.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path))?;
        Self::of(BufReader::new(file)).map_err(Error::io(path))
    }
}

impl<R: BufRead + io::Seek> TextLines<R> {
    fn of(mut reader: R) -> io::Result<Self> {
        let mut head = Vec::with_capacity(HEAD);
        reader.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
        let (units, start) = sniff(&head);
        reader.seek(SeekFrom::Start(start))?;
        let mut lines = Self {
            reader,
            units,
            legacy: None,
            number: 0,
        };
        if matches!(units, Units::Bytes(_)) {
            lines.legacy = lines.guess()?;
            lines.reader.seek(SeekFrom::Start(start))?;
        }
        Ok(lines)
    }

    /// The encoding of the lines that aren't UTF-8, where there are any.
    fn guess(&mut self) -> io::Result<Option<&'static Encoding>> {
        let (mut sample, mut line) = (Vec::new(), Vec::new());
        while sample.len() < SAMPLE && self.next_bytes(&mut line)?.is_some() {
            if std::str::from_utf8(&line).is_err() {
                sample.append(&mut line);
                sample.push(b'\n');
            }
        }
        Ok((!sample.is_empty()).then(|| legacy(&sample)))
    }
}

impl<R: BufRead> TextLines<R> {
    /// The encoding in which lines that aren't UTF-8 are read; `None` where all are.
    pub fn legacy(&self) -> Option<&'static str> {
        self.legacy.map(Encoding::name)
    }

    /// Reads a line into `line`; `false` where it was too long for that, `None` at the end.
    fn next_bytes(&mut self, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
        line.clear();
        let end = match self.units {
            Units::Bytes(end) => end,
            Units::LittleEndian | Units::BigEndian => return self.next_units(line),
        };
        let limit = LONGEST_LINE as u64 + 1;
        if self.reader.by_ref().take(limit).read_until(end, line)? == 0 {
            return Ok(None);
        }
        if line.last() == Some(&end) {
            line.pop();
        } else if line.len() > LONGEST_LINE {
            self.reader.skip_until(end)?;
            return Ok(Some(false));
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(true))
    }

    fn next_units(&mut self, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
        let (mut any, mut fits) = (false, true);
        let mut unit = Vec::with_capacity(2);
        loop {
            unit.clear();
            self.reader.by_ref().take(2).read_to_end(&mut unit)?;
            if unit.is_empty() && !any {
                return Ok(None);
            }
            any = true;
            if unit.is_empty() || self.unit(&unit) == Some(u16::from(b'\n')) {
                return Ok(Some(fits));
            }
            fits &= line.len() + unit.len() <= LONGEST_LINE;
            if fits {
                line.append(&mut unit);
            }
        }
    }

    /// A code unit of two bytes; `None` where a file of an odd length ends.
    fn unit(&self, bytes: &[u8]) -> Option<u16> {
        let pair: [u8; 2] = bytes.try_into().ok()?;
        Some(match self.units {
            Units::BigEndian => u16::from_be_bytes(pair),
            _ => u16::from_le_bytes(pair),
        })
    }

    fn text(&self, line: Vec<u8>) -> std::result::Result<String, String> {
        if !matches!(self.units, Units::Bytes(_)) {
            let units: Option<Vec<u16>> = line.chunks(2).map(|pair| self.unit(pair)).collect();
            let text = units.and_then(|units| String::from_utf16(&units).ok());
            return text
                .map(|text| text.trim_end_matches('\r').to_owned())
                .ok_or_else(|| "unreadable text: it isn't UTF-16".to_owned());
        }
        String::from_utf8(line).or_else(|error| {
            let encoding = self.legacy.unwrap_or(encoding_rs::GBK);
            decode_as(encoding, error.as_bytes())
        })
    }
}

impl<R: BufRead> Iterator for TextLines<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        let read = match self.next_bytes(&mut line) {
            Ok(read) => read?,
            Err(error) => return Some(Err(error)),
        };
        self.number += 1;
        let text = match read {
            true => self.text(line),
            false => Err(format!(
                "unreadable text: the line is longer than {LONGEST_LINE} bytes"
            )),
        };
        Some(Ok(Line {
            number: self.number,
            text,
        }))
    }
}

/// A short text, such as a member of a shard, in whatever encoding it is.
///
/// # Errors
/// Why it can't be read.
pub(crate) fn decode(bytes: &[u8]) -> std::result::Result<String, String> {
    let (units, start) = sniff(&bytes[..bytes.len().min(HEAD)]);
    let bytes = &bytes[start as usize..];
    let utf_16 = match units {
        Units::Bytes(_) => {
            return match std::str::from_utf8(bytes) {
                Ok(text) => Ok(text.to_owned()),
                Err(_) => decode_as(legacy(bytes), bytes),
            };
        }
        Units::LittleEndian => encoding_rs::UTF_16LE,
        Units::BigEndian => encoding_rs::UTF_16BE,
    };
    decode_as(utf_16, bytes)
}

fn decode_as(encoding: &'static Encoding, bytes: &[u8]) -> std::result::Result<String, String> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    text.map(|text| text.into_owned()).ok_or_else(|| {
        format!(
            "unreadable text: it is neither UTF-8 nor {}",
            encoding.name()
        )
    })
}

/// The encoding that text which isn't UTF-8 most likely has.
pub(crate) fn legacy(sample: &[u8]) -> &'static Encoding {
    let guess = guess(sample);
    if !guess.is_single_byte() {
        return guess;
    }
    // A single broken line speaks against all encodings in which not every byte is a letter.
    let is_gbk = |line: &&[u8]| decode_as(encoding_rs::GBK, line).is_ok();
    let lines = sample.split(|&byte| byte == b'\n');
    let lines: Vec<&[u8]> = lines.filter(|line| !line.is_ascii()).collect();
    let gbk: Vec<&[u8]> = lines.iter().copied().filter(is_gbk).collect();
    match 2 * gbk.len() > lines.len() {
        true => self::guess(&gbk.join(&b'\n')),
        false => guess,
    }
}

fn guess(sample: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, true);
    // Of a few characters nothing can be told but where such files mostly come from.
    detector.guess(Some(b"cn"), Utf8Detection::Deny)
}

/// What a file counts in, by its first bytes, and where its text begins.
fn sniff(head: &[u8]) -> (Units, u64) {
    match head {
        [0xEF, 0xBB, 0xBF, ..] => return (bytes(head), 3),
        [0xFF, 0xFE, ..] => return (Units::LittleEndian, 2),
        [0xFE, 0xFF, ..] => return (Units::BigEndian, 2),
        _ => {}
    }
    // Text has no zero byte but as the upper half of an ASCII character, of which these files have many.
    let zeros = |odd: usize| {
        head.iter()
            .skip(odd)
            .step_by(2)
            .filter(|&&b| b == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let units = if odd > 3 * even && odd > 0 {
        Units::LittleEndian
    } else if even > 3 * odd {
        Units::BigEndian
    } else {
        bytes(head)
    };
    (units, 0)
}

fn bytes(head: &[u8]) -> Units {
    // Spreadsheets of old Macs end lines with a carriage return alone.
    let has = |byte: u8| head.contains(&byte);
    Units::Bytes(if has(b'\r') && !has(b'\n') && !head.ends_with(b"\r") {
        b'\r'
    } else {
        b'\n'
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn lines(bytes: &[u8]) -> Vec<std::result::Result<String, String>> {
        let lines = TextLines::of(Cursor::new(bytes.to_vec())).unwrap();
        lines.map(|line| line.unwrap().text).collect()
    }

    fn texts(bytes: &[u8]) -> Vec<String> {
        lines(bytes).into_iter().map(|line| line.unwrap()).collect()
    }

    const TEXT: &str = "1.jpg\t0\t马克杯 350ml\r\n2.jpg\t1\t台灯\r\n3.jpg\t2\t凳子";

    fn expected() -> Vec<String> {
        TEXT.lines().map(str::to_owned).collect()
    }

    #[test]
    fn every_encoding_gives_the_same_lines() {
        let with_bom = ["\u{feff}", TEXT].concat();
        let utf_16 = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(bytes).collect()
        };
        let (gbk, ..) = encoding_rs::GBK.encode(TEXT);
        for (name, bytes) in [
            ("UTF-8", TEXT.as_bytes().to_vec()),
            ("UTF-8, BOM", with_bom.as_bytes().to_vec()),
            ("UTF-16LE", utf_16(TEXT, u16::to_le_bytes)),
            ("UTF-16BE", utf_16(TEXT, u16::to_be_bytes)),
            ("UTF-16LE, BOM", utf_16(&with_bom, u16::to_le_bytes)),
            ("UTF-16BE, BOM", utf_16(&with_bom, u16::to_be_bytes)),
            ("GBK", gbk.into_owned()),
            ("carriage returns", TEXT.replace("\r\n", "\r").into_bytes()),
        ] {
            assert_eq!(texts(&bytes), expected(), "{name}");
            assert_eq!(
                decode(&bytes).unwrap().lines().count(),
                if name.starts_with("car") { 1 } else { 3 },
                "{name}"
            );
        }
    }

    #[test]
    fn one_gbk_word_is_enough_and_one_bad_line_costs_itself() {
        let gbk = |text: &str| encoding_rs::GBK.encode(text).0.into_owned();
        assert_eq!(texts(&gbk("a 马克杯\nb\n")), ["a 马克杯", "b"]);
        let mut bytes = gbk("马克杯\n台灯\n");
        bytes.extend(b"c \xff\xff\nd");
        let read = lines(&bytes);
        assert_eq!(read[1].as_deref(), Ok("台灯"));
        assert!(read[2].is_err() && read[3].is_ok(), "{read:?}");
        let western = encoding_rs::WINDOWS_1252
            .encode("café noir\nthé vert\nverre à vin")
            .0;
        assert_eq!(texts(&western), ["café noir", "thé vert", "verre à vin"]);
    }

    #[test]
    fn a_line_without_end_is_not_held() {
        let mut bytes = vec![b'x'; LONGEST_LINE + 2];
        bytes.extend(b"\nnext");
        let read = lines(&bytes);
        assert!(read[0].is_err());
        assert_eq!(read[1].as_deref(), Ok("next"));
        let wide: Vec<u8> = bytes.iter().flat_map(|&byte| [byte, 0]).collect();
        let read = lines(&wide);
        assert!(read[0].is_err());
        assert_eq!(read[1].as_deref(), Ok("next"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_their_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let read = lines(&bytes);
            prop_assert!(read.len() <= bytes.len());
            let _ = decode(&bytes);
        }
    }
}
