//! What becomes of the samples that a layout's reader finds: first their labels are surveyed, then they become records.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::fields::Values;
use super::meaning::Seen;
use super::{Broken, Sink, Source};
use crate::error::{Error, Result};
use crate::label;
use crate::tally::Tally;
use crate::{LabelMap, Record, Split};

/// What surrounds a source that is read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Surroundings<'a> {
    /// Whether it is one of several, whose own names tell splits, too.
    pub among_others: bool,
    /// Where the index is written, and below it what archives hold whose members can't be read in place.
    pub out: Option<&'a Path>,
    /// Set to end the reading with [`Error::Stopped`].
    pub stop: Option<&'a AtomicBool>,
}

/// How the labels of a source are understood.
#[derive(Debug, Clone)]
pub(crate) struct Meaning {
    labels: LabelMap,
    /// Whether samples without a label are taken.
    unlabelled: bool,
    /// What should be known of that.
    pub notice: Option<String>,
}

/// What should be known of a source beside its samples.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Things that were passed over, by kind.
    pub passed: Tally,
    /// Samples of each split that file names tell, in the order of [`Split::ALL`].
    pub named_splits: [u64; 3],
}

/// Takes what a layout's reader finds.
pub(super) struct Reader<'a, 's> {
    pub source: &'a Source,
    pub around: Surroundings<'a>,
    task: Task<'a, 's>,
    told: Told,
    /// Names of the classes, where a file beside the data tells them.
    classes: Option<Vec<String>>,
}

enum Task<'a, 's> {
    Survey(Seen),
    Read(&'a Meaning, &'a mut Sink<'s>),
}

impl Source {
    /// What the labels mean, by all of them. Nothing else is read.
    ///
    /// # Errors
    /// [`Error::Labels`] where there is more than one meaning or none; a folder or file that can't be opened at all.
    pub(crate) fn meaning(&self, around: Surroundings<'_>) -> Result<Meaning> {
        let mut reader = Reader::new(self, around, Task::Survey(Seen::default()));
        reader.run()?;
        let Task::Survey(seen) = reader.task else {
            return Ok(Meaning {
                labels: self.labels.clone(),
                unlabelled: self.unlabelled,
                notice: None,
            });
        };
        let refused = |reason: String| Error::Labels {
            path: self.path.clone(),
            reason,
        };
        let names = self.fields.names("label").join(", ");
        if seen.is_empty()
            && !self.unlabelled
            && (self.fields.tells("label") || self.labels.is_told())
        {
            return Err(refused(format!(
                "no sample has a label ({names}); there are the fields {}",
                seen.fields()
            )));
        }
        let notice = seen.is_empty().then(|| {
            format!(
                "{}: no sample has a label ({names}): all are taken without, for painters to learn from. `--fields \
                 label=NAME` says which field holds labels; there are {}",
                self.path.display(),
                seen.fields()
            )
        });
        Ok(Meaning {
            labels: seen.meaning(&self.labels).map_err(refused)?,
            unlabelled: self.unlabelled || seen.is_empty(),
            notice,
        })
    }

    /// Hands every sample to `sink`.
    ///
    /// # Errors
    /// As [`read`](Source::read).
    pub(crate) fn read_as(
        &self,
        meaning: &Meaning,
        around: Surroundings<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<Told> {
        let mut reader = Reader::new(self, around, Task::Read(meaning, sink));
        reader.run()?;
        Ok(reader.told)
    }
}

impl<'a, 's> Reader<'a, 's> {
    fn new(source: &'a Source, around: Surroundings<'a>, task: Task<'a, 's>) -> Self {
        Self {
            source,
            around,
            task,
            told: Told::default(),
            classes: super::classes::beside(&source.path, &source.fields.names("label")),
        }
    }

    /// Whether only labels are wanted.
    pub fn surveys(&self) -> bool {
        matches!(self.task, Task::Survey(_))
    }

    /// Takes a sample; `at` says where it lies when it has no picture.
    pub fn sample(&mut self, mut values: Values, at: impl FnOnce() -> String) -> Result<()> {
        if self
            .around
            .stop
            .is_some_and(|stop| stop.load(Ordering::Relaxed))
        {
            return Err(Error::Stopped);
        }
        let fields = &self.source.fields;
        let classes = values.classes.take();
        let classes = classes.as_deref().or(self.classes.as_deref());
        let label = fields.find("label", &values.words);
        let label = label
            .and_then(|written| label::word(written))
            .and_then(|word| named(word, classes, &self.source.labels));
        match &mut self.task {
            Task::Survey(seen) => {
                let names = values.words.keys().chain(values.places.keys());
                names.for_each(|name| seen.add_field(name));
                if let Some(label) = label {
                    seen.add(label);
                }
                Ok(())
            }
            Task::Read(meaning, sink) => {
                let hint = values.split;
                let record = values.record(self.source, at).and_then(|(record, at)| {
                    let label = understood(label, meaning, fields.names("label"));
                    let by_name = record.split.is_none().then_some(hint).flatten();
                    if let Some(split) = by_name {
                        self.told.named_splits[split as usize] += 1;
                    }
                    match label {
                        Ok(label) => Ok(Record {
                            label,
                            split: record.split.or(hint),
                            ..record
                        }),
                        Err(reason) => Err(Broken { sample: at, reason }),
                    }
                });
                sink(record)
            }
        }
    }

    /// Takes what can't become a sample.
    pub fn broken(&mut self, sample: String, reason: String) -> Result<()> {
        match &mut self.task {
            Task::Survey(_) => Ok(()),
            Task::Read(_, sink) => sink(Err(Broken { sample, reason })),
        }
    }

    /// Tells of something that is passed over and is no sample.
    pub fn pass(&mut self, kind: &str, example: impl FnOnce() -> String) {
        self.told.passed.add(kind, example);
    }

    /// Tells that a text file isn't UTF-8, and as what it is read.
    pub fn tell_encoding(&mut self, path: &Path, encoding: Option<&str>) {
        if let Some(encoding) = encoding {
            let kind = format!(
                "text that isn't UTF-8 and is read as {encoding} (save it as UTF-8 if titles look wrong)"
            );
            self.pass(&kind, || path.display().to_string());
        }
    }

    /// The split that the name of a file of the source tells: of the file itself if `whole`, and of its folders.
    pub fn split(&self, file: &Path, whole: bool) -> Option<Split> {
        let source = &self.source.path;
        let relative = file.strip_prefix(source).unwrap_or(file);
        let inner = match relative.as_os_str().is_empty() {
            // The source is that file.
            true => return Split::in_name(&name(source)),
            false => relative.ancestors(),
        };
        let inner = inner
            .skip(usize::from(!whole))
            .find_map(|path| Split::in_name(&name(path)));
        inner.or_else(|| {
            let own = self.around.among_others.then(|| name(source));
            own.and_then(|own| Split::from_name(&own))
        })
    }
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// A label's word by the names of the classes, whose numbers the words are; -1 is Hugging Face's mark of no label.
fn named(word: String, classes: Option<&[String]>, told: &LabelMap) -> Option<String> {
    let (Some(classes), None) = (classes, told.told(&word)) else {
        return Some(word);
    };
    match word.parse::<i64>() {
        Ok(-1) => None,
        Ok(number) => {
            let name = usize::try_from(number).ok().and_then(|at| classes.get(at));
            Some(match name {
                Some(name) => label::word(name)?,
                None => format!("{word}, which is none of the {} classes", classes.len()),
            })
        }
        Err(_) => Some(word),
    }
}

fn understood(
    word: Option<String>,
    meaning: &Meaning,
    names: Vec<&str>,
) -> std::result::Result<Option<crate::Label>, String> {
    match word {
        None if meaning.unlabelled => Ok(None),
        None => Err(format!("no label: {} is empty", names.join(", "))),
        Some(word) => match meaning.labels.get(&word) {
            Some(label) => Ok(Some(label)),
            None => Err(format!(
                "label without meaning (`--labels` tells it): `{word}`"
            )),
        },
    }
}
