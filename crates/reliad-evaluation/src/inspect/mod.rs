//! Pictures from any generator, judged and checked against their products' cut-outs.

mod finding;
mod inputs;
mod inspected;
mod look;
mod page;
mod results;

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use reliad_generation::assess::{Assess, ModelJudge};
use reliad_imaging::Warnings;

use self::look::{Prepared, prepare};
use self::results::Results;
use crate::error::{Error, Result};
use crate::progress::{Event, Watch};

pub use finding::Finding;
pub use inputs::{Products, Titles};
pub use inspected::{Checks, Failed, Inspected};
pub use look::Limits;
pub use results::Summary;

/// Pictures that are decoded and compared with their products together.
const TOGETHER: usize = 8;

/// What is inspected, and where results go.
#[derive(Clone, Copy)]
pub struct Inspection<'a> {
    /// Pictures, or folders of them.
    pub pictures: &'a [PathBuf],
    /// Their cut-outs.
    pub products: &'a Products,
    /// Their titles.
    pub titles: &'a Titles,
    /// What the checks let pass.
    pub limits: Limits,
    /// Folder for `results.jsonl`, `results.csv` and `report.html`.
    pub out: &'a Path,
}

impl Inspection<'_> {
    /// How many of the pictures have no title but their product's name, and of how many. Pictures without a product count
    /// for neither.
    pub fn untitled(&self) -> (usize, usize) {
        let pictures = inputs::pictures(self.pictures).into_iter().flatten();
        let titled = pictures.filter_map(|picture| {
            let product = self.products.of(&picture).ok()?;
            Some(self.titles.find(&picture, product).is_some())
        });
        titled.fold((0, 0), |(untitled, all), titled| {
            (untitled + usize::from(!titled), all + 1)
        })
    }

    /// Inspects what an earlier run hasn't and writes the results. `None` when the caller asked to stop; the same call
    /// goes on from there.
    ///
    /// # Errors
    /// When there is no picture, or the results can't be written. A picture that can't be inspected is told of and
    /// counted.
    pub fn run(&self, judge: &ModelJudge, watch: &Watch<'_>) -> Result<Option<Summary>> {
        let mut results = Results::open(self.out)?;
        let pictures = inputs::pictures(self.pictures);
        if pictures.is_empty() {
            return Err(Error::NoPictures);
        }
        let mut warnings = Warnings::default();
        let count = watch.count("inspected", pictures.len() as u64);
        for batch in pictures.chunks(TOGETHER) {
            if watch.stopped() {
                return Ok(None);
            }
            let prepared: Vec<_> = batch
                .par_iter()
                .map(|picture| {
                    let picture = picture.as_ref().map_err(|error| Failed {
                        picture: String::new(),
                        reason: error.to_string(),
                    })?;
                    prepare(
                        picture,
                        self.products,
                        self.titles,
                        judge.identity(),
                        &self.limits,
                        &results,
                    )
                })
                .collect();
            for prepared in prepared {
                let known = match prepared {
                    Ok(Prepared::Known(key)) => {
                        results.keep(key);
                        true
                    }
                    Ok(Prepared::New(new)) => {
                        warnings.join(&new.warnings);
                        match new.finish(judge, &self.limits) {
                            Ok(result) => results.add(&result)?,
                            Err(failed) => results.fail(&failed, watch),
                        }
                        false
                    }
                    Err(failed) => {
                        results.fail(&failed, watch);
                        false
                    }
                };
                count.advance(known);
            }
        }
        count.end();
        for line in warnings.lines() {
            watch.tell(Event::Warning(line));
        }
        let summary = results.finish()?;
        page::write(self.out, &summary, judge.identity())?;
        Ok(Some(summary))
    }
}
