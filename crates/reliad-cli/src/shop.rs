//! The products that `generate` was asked for, of the command line or of a catalogue's rows, and what of them can't be used.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use burn::tensor::Device;
use reliad_diffusion::Sampling;
use reliad_generation::cut_out::CutOut;
use reliad_generation::order::{Order, Request};
use reliad_generation::painter::ModelPainter;
use reliad_generation::product::{self, ProductFile};
use reliad_generation::report::Unusable;
use reliad_imaging::{Problem, Warnings};
use reliad_weights::ModelDir;

use crate::catalogue::{self, Catalogue, Defaults, Failure};
use crate::message::{self, hinted};
use crate::{embedded, hints};

/// `--cutout` without a value: the saliency network of the model, or else of the judge.
pub const OWN: &str = "own";
/// Rows of a catalogue that fail and are told one by one; the others are counted.
const TOLD: usize = 5;

/// The network of `--cutout`: a file, a directory, or that of the first of `models` that has one.
pub fn open_cut_out(from: &str, models: [Option<&ModelDir>; 2], device: &Device) -> Result<CutOut> {
    let path = Path::new(from);
    if from == OWN {
        let mut models = models.into_iter().flatten();
        let Some(model) = models.find(|model| model.contains("saliency")) else {
            return Err(hinted(
                "--cutout: neither the model nor its judge has saliency/, which finds products",
                "pass --cutout=DIR or --cutout=FILE with the weights of a U2-Net",
            ));
        };
        return Ok(CutOut::of_component(&model.sub("saliency"), device)?);
    }
    if path.is_file() {
        return Ok(CutOut::of_file(path, device)?);
    }
    let dir = embedded::open(from)?;
    let component = match dir.contains("saliency") {
        true => dir.sub("saliency"),
        false => dir,
    };
    Ok(CutOut::of_component(&component, device)?)
}

/// How products are opened.
pub struct Shop {
    /// Cuts products out of photographs, where that is asked for.
    pub cut_out: Option<CutOut>,
    /// Where cut-outs go.
    pub cutouts: PathBuf,
}

/// What was asked for, and what of it can't be used.
#[derive(Default)]
pub struct Given {
    /// What can be painted.
    pub orders: Vec<Order>,
    /// What can't, as the report has it.
    pub unusable: Vec<Unusable>,
    /// Rows of a catalogue that fail.
    pub failures: Vec<Failure>,
    /// Orders whose products have no title.
    pub untitled: usize,
}

impl Shop {
    fn open(&self, path: &Path, title: Option<&str>) -> reliad_generation::Result<ProductFile> {
        let opened = ProductFile::open(path, title);
        match (&self.cut_out, opened) {
            (Some(cut_out), Err(error)) if hints::problem(&error).is_some_and(is_photograph) => {
                cut_out.product(path, title, &self.cutouts)
            }
            (_, opened) => opened,
        }
    }

    /// The products of the command line; each that can't be used has its line on stderr.
    pub fn open_products(
        &self,
        products: &[PathBuf],
        title: Option<&str>,
        request: &Request,
    ) -> Given {
        let mut given = Given::default();
        for (at, path) in product::expand(products).into_iter().enumerate() {
            match path.and_then(|path| self.open(&path, title)) {
                Ok(product) => {
                    given.untitled += usize::from(title.is_none());
                    given.orders.push(Order {
                        product,
                        request: request.clone(),
                        row: None,
                    });
                }
                Err(error) => {
                    message::error_line(&error.to_string());
                    if let Some(hint) = hints::of(&error) {
                        message::hint_line(hint);
                    }
                    let path = products.get(at).cloned().unwrap_or_default();
                    given.unusable.push(Unusable {
                        path,
                        message: error.to_string(),
                    });
                }
            }
        }
        given
    }

    /// What the rows of a catalogue ask for.
    pub fn open_rows(&self, catalogue: &Catalogue, defaults: &Defaults<'_>, quiet: bool) -> Given {
        let mut given = Given::default();
        let kept = catalogue.kept();
        if !kept.is_empty() && !quiet {
            let kept = kept.join(", ");
            eprintln!("columns that decide nothing and are kept in the manifest: {kept}");
        }
        // Several rows may ask for one product; it is read once.
        let mut opened: HashMap<PathBuf, Result<ProductFile, String>> = HashMap::new();
        for entry in catalogue.entries(defaults) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(failure) => {
                    given.failures.push(failure);
                    continue;
                }
            };
            let path = entry.product;
            let product = opened.entry(path.clone()).or_insert_with(|| {
                self.open(&path, None)
                    .map_err(|error| match hints::of(&error) {
                        Some(hint) => format!("{error}; {hint}"),
                        None => error.to_string(),
                    })
            });
            match product {
                Ok(product) => {
                    given.untitled += usize::from(entry.title.is_none());
                    let mut product = product.clone();
                    product.title = entry.title.unwrap_or(product.title);
                    given.orders.push(Order {
                        product,
                        request: entry.request,
                        row: Some(entry.row),
                    });
                }
                Err(reason) => {
                    let product = Some(path.display().to_string());
                    let failure = catalogue.failure(entry.row.row, product, reason.clone());
                    given.failures.push(failure);
                }
            }
        }
        given
    }
}

impl Given {
    /// Tells what is doubtful about the products, in one line a kind.
    pub fn warn(&self) {
        let mut warnings = Warnings::default();
        for Order { product, .. } in &self.orders {
            let path = product
                .photograph
                .as_ref()
                .map_or(&product.path, |photo| &photo.path);
            warnings.add(path, &product.warnings);
        }
        for line in warnings.lines() {
            message::warning_line(&line);
        }
    }

    /// Writes and tells the rows that failed so far.
    pub fn tell(&mut self, catalogue: &Catalogue, out: &Path) -> Result<()> {
        catalogue::write_failures(out, &self.failures)?;
        let told = self.unusable.len();
        for failure in &self.failures[told..] {
            let message = catalogue.line(failure);
            if self.unusable.len() < TOLD {
                message::error_line(&message);
            }
            self.unusable.push(Unusable {
                path: PathBuf::from(&failure.file),
                message,
            });
        }
        let untold = self.unusable.len().saturating_sub(TOLD.max(told));
        if untold > 0 {
            let file = out.join(catalogue::FAILURES);
            message::error_line(&format!(
                "{untold} more rows failed: see {}",
                file.display()
            ));
        }
        Ok(())
    }

    /// Takes out the orders that the model can't be sampled for.
    pub fn check(
        &mut self,
        catalogue: &Catalogue,
        painter: &ModelPainter,
        out: &Path,
    ) -> Result<()> {
        let failures = &mut self.failures;
        let mut known: Vec<(Sampling, Option<String>)> = Vec::new();
        self.orders.retain(|order| {
            let sampling = &order.request.sampling;
            let place = known.iter().position(|(known, _)| known == sampling);
            let place = place.unwrap_or_else(|| {
                let wrong = painter.check(sampling).err().map(|error| error.to_string());
                known.push((sampling.clone(), wrong));
                known.len() - 1
            });
            let (Some(reason), Some(row)) = (&known[place].1, &order.row) else {
                return true;
            };
            let product = Some(order.product.path.display().to_string());
            failures.push(catalogue.failure(row.row, product, reason.clone()));
            false
        });
        self.tell(catalogue, out)
    }
}

/// Whether a picture is a photograph to cut out.
fn is_photograph(problem: &Problem) -> bool {
    matches!(problem, Problem::NoGround)
}
