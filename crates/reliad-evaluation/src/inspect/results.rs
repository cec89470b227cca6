//! `results.jsonl`, which grows as pictures are inspected, and what is made of it at the end.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use reliad_files::Partial;

use super::finding::Finding;
use super::inspected::{Failed, Inspected};
use crate::error::{Error, Result};
use crate::progress::{Event, Watch};

/// Results of this and earlier runs.
pub struct Results {
    dir: PathBuf,
    file: File,
    /// Keys of the file's lines, and whether a picture of this run has them.
    keys: HashMap<String, bool>,
    failed: u64,
}

/// Counts over all pictures of the run.
#[derive(Debug, Default)]
pub struct Summary {
    /// Pictures inspected.
    pub pictures: u64,
    /// Those that can be published.
    pub publishable: u64,
    /// Pictures that couldn't be inspected.
    pub failed: u64,
    /// Verdicts of the judge, by their label, and how often.
    pub verdicts: BTreeMap<String, u64>,
    /// Pictures in which the product is altered or wasn't found.
    pub altered: u64,
    /// Pictures in which something has grown onto the product.
    pub grown: u64,
    /// Pictures whose edge cuts the product.
    pub cut: u64,
}

impl Results {
    /// Opens the results in `dir`, which is made where it isn't there. A line that was cut off by a kill is dropped; one
    /// that only lacks its line break gets it.
    ///
    /// # Errors
    /// When the folder or file can't be read or written.
    pub fn open(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
        let path = dir.join("results.jsonl");
        let mut keys = HashMap::new();
        let mut whole = 0;
        let mut unended = false;
        if let Ok(file) = File::open(&path) {
            let mut reader = BufReader::new(file);
            let mut line = String::new();
            while reader.read_line(&mut line).map_err(Error::io(&path))? > 0 {
                let result = serde_json::from_str::<Inspected>(&line);
                unended = !line.ends_with('\n');
                if unended && result.is_err() {
                    unended = false;
                    break;
                }
                if let Ok(result) = result {
                    keys.insert(result.key, false);
                }
                whole += line.len() as u64;
                line.clear();
            }
        }
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(Error::io(&path))?;
        file.set_len(whole).map_err(Error::io(&path))?;
        if unended {
            file.write_all(b"\n").map_err(Error::io(&path))?;
        }
        Ok(Self {
            dir: dir.to_owned(),
            file,
            keys,
            failed: 0,
        })
    }

    /// Whether there is a result under this key.
    pub fn knows(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// The result under this key belongs to this run.
    pub fn keep(&mut self, key: String) {
        self.keys.insert(key, true);
    }

    /// Appends a result.
    ///
    /// # Errors
    /// A failing disk.
    pub fn add(&mut self, result: &Inspected) -> Result<()> {
        let path = self.dir.join("results.jsonl");
        let mut line = serde_json::to_vec(result).map_err(Error::json(&path))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(Error::io(&path))?;
        self.keys.insert(result.key.clone(), true);
        Ok(())
    }

    /// Tells of a picture that couldn't be inspected.
    pub fn fail(&mut self, failed: &Failed, watch: &Watch<'_>) {
        self.failed += 1;
        let picture = match failed.picture.is_empty() {
            true => String::new(),
            false => format!("{}: ", failed.picture),
        };
        watch.tell(Event::Failed(format!("{picture}{}", failed.reason)));
    }

    /// Drops what belongs to no picture of this run, and writes `results.csv`.
    ///
    /// # Errors
    /// A failing disk.
    pub fn finish(self) -> Result<Summary> {
        let path = self.dir.join("results.jsonl");
        let table = self.dir.join("results.csv");
        let mut lines = Partial::create(&path).map_err(Error::io(&path))?;
        let mut csv = csv::Writer::from_path(&table).map_err(Error::table(&table))?;
        csv.write_record([
            "picture",
            "publishable",
            "verdict",
            "probability_available",
            "altered",
            "grown",
            "cut_off",
            "reasons",
            "title",
            "product",
        ])
        .map_err(Error::table(&table))?;
        let mut summary = Summary {
            failed: self.failed,
            ..Summary::default()
        };
        for result in read(&self.dir)? {
            let result = result?;
            if self.keys.get(&result.key) != Some(&true) {
                continue;
            }
            serde_json::to_writer(&mut lines, &result).map_err(Error::json(&path))?;
            lines.write_all(b"\n").map_err(Error::io(&path))?;
            csv.write_record(row(&result))
                .map_err(Error::table(&table))?;
            summary.count(&result);
        }
        csv.flush().map_err(Error::io(&table))?;
        lines.finish().map_err(Error::io(&path))?;
        Ok(summary)
    }
}

/// The results in a folder, one by one; lines that are none, such as another version's, are left out.
///
/// # Errors
/// A file that can't be read.
pub fn read(dir: &Path) -> Result<impl Iterator<Item = Result<Inspected>>> {
    let path = dir.join("results.jsonl");
    let file = File::open(&path).map_err(Error::io(&path))?;
    Ok(BufReader::new(file).lines().filter_map(move |line| {
        let line = line.map_err(Error::io(&path));
        line.map(|line| serde_json::from_str(&line).ok())
            .transpose()
    }))
}

fn row(result: &Inspected) -> [String; 10] {
    let number = |value: f32| format!("{value:.3}");
    let available = result.verdict.probabilities.first();
    [
        result.picture.clone(),
        result.publishable().to_string(),
        result.verdict.slug().to_owned(),
        available.map_or(String::new(), |class| number(class.probability)),
        number(result.checks.altered),
        result.checks.grown.map_or(String::new(), number),
        number(result.checks.cut_off),
        result.reasons().join(" "),
        result.title.clone(),
        result.product.clone(),
    ]
}

impl Summary {
    fn count(&mut self, result: &Inspected) {
        self.pictures += 1;
        self.publishable += u64::from(result.publishable());
        *self
            .verdicts
            .entry(result.verdict.label().to_owned())
            .or_default() += 1;
        let found = |is: fn(&Finding) -> bool| u64::from(result.findings.iter().any(is));
        self.altered +=
            found(|finding| matches!(finding, Finding::Altered { .. } | Finding::NotFound));
        self.grown += found(|finding| matches!(finding, Finding::Grown { .. }));
        self.cut += found(|finding| matches!(finding, Finding::CutOff { .. }));
    }

    /// The checks that found something: what, and how often.
    pub fn findings(&self) -> [(&'static str, u64); 3] {
        [
            ("product altered", self.altered),
            ("something grown", self.grown),
            ("cut off", self.cut),
        ]
    }

    /// Lines for people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} of {} pictures can be published",
            self.publishable, self.pictures
        );
        if self.failed > 0 {
            text += &format!("; {} couldn't be inspected", self.failed);
        }
        text.push('\n');
        for (verdict, count) in &self.verdicts {
            text += &format!("  {count} × {verdict}\n");
        }
        for (what, count) in self.findings().into_iter().filter(|(_, count)| *count > 0) {
            text += &format!("  {count} × {what}\n");
        }
        text
    }
}
