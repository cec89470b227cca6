//! Where weights come from: named tensors of a file or a component, known by name, type and shape, and read one at a time.
//!
//! A format of files is one module here with a function that gives [`Entries`]; nothing else of this crate knows formats.

mod component;
mod pickle;
mod safetensors;
mod sharded;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::{DType, Shape, TensorData};

use crate::file_bytes::FileBytes;
use crate::{Error, ModelDir};

pub(crate) use component::is_pickle;

/// The type of a tensor's numbers, by the name that it has in `.safetensors` files.
pub type Dtype = ::safetensors::Dtype;

/// Named tensors, none of which is read before it is asked for. Cheap to clone.
///
/// On disk, `.safetensors` files are mapped: opening one reads its header, and a tensor's bytes are copied out when they
/// are asked for. What happens when such a file changes meanwhile stands in `docs/architecture.md`.
#[derive(Debug, Clone)]
pub struct Source {
    file: String,
    entries: BTreeMap<String, Entry>,
    notes: BTreeMap<String, String>,
}

/// One tensor of a [`Source`].
#[derive(Clone)]
pub struct Entry {
    /// The type of its numbers.
    pub dtype: Dtype,
    /// Its shape, in the file's layout.
    pub shape: Vec<usize>,
    read: Reading,
}

/// Produces the little-endian bytes of one tensor, or says why not.
type Reading = Arc<dyn Fn() -> Result<Vec<u8>, String> + Send + Sync>;

/// What a format makes of a file: the tensors, and what its writer noted beside them.
#[derive(Default)]
struct Entries {
    tensors: BTreeMap<String, Entry>,
    notes: BTreeMap<String, String>,
}

impl Source {
    /// Opens one file: `.safetensors`, the index (`.index.json`) of a sharded one, or a PyTorch `.pth` / `.pt` / `.bin`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`] for a damaged file, [`Error::Shards`] for an index that its files don't fit.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = path.display().to_string();
        let ends_with = |end: &str| path.to_string_lossy().ends_with(end);
        let entries = if ends_with(".safetensors") {
            let bytes = FileBytes::map(path).map_err(Error::io(&file))?;
            safetensors::entries(bytes, &file)?
        } else if ends_with(".json") {
            let dir = ModelDir::Disk(path.parent().unwrap_or(Path::new("")).to_owned());
            let index = std::fs::read(path).map_err(Error::io(&file))?;
            sharded::entries(&index, &file, &dir)?
        } else {
            pickle::entries(path, &file)?
        };
        Ok(Self::new(file, entries))
    }

    /// Opens one file of a model directory. Of embedded ones `.safetensors` files and their indexes can be read.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn of_file(dir: &ModelDir, name: &str) -> Result<Self, Error> {
        let (dir, name) = dir.place(name);
        if let ModelDir::Disk(path) = dir {
            return Self::open(&path.join(name));
        }
        let file = dir.display(name);
        let bytes = dir.read(name)?;
        let entries = if name.ends_with(".json") {
            sharded::entries(&bytes, &file, dir)?
        } else {
            safetensors::entries(FileBytes::AtHand(bytes), &file)?
        };
        Ok(Self::new(file, entries))
    }

    /// The tensors of a `.safetensors` file at hand, which messages call `file`.
    ///
    /// # Errors
    /// [`Error::Format`] when it is damaged.
    pub fn from_bytes(bytes: impl Into<Cow<'static, [u8]>>, file: &str) -> Result<Self, Error> {
        let entries = safetensors::entries(FileBytes::AtHand(bytes.into()), file)?;
        Ok(Self::new(file.to_owned(), entries))
    }

    fn new(file: String, entries: Entries) -> Self {
        Self {
            file,
            entries: entries.tensors,
            notes: entries.notes,
        }
    }

    /// The file, as messages name it; of a sharded one its index.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// All tensors by name, in the order of their names.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = (&str, &Entry)> {
        self.entries
            .iter()
            .map(|(name, entry)| (name.as_str(), entry))
    }

    /// The tensor `name`, where there is one.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// What the file's writer noted under `key`, such as `format`.
    pub fn note(&self, key: &str) -> Option<&str> {
        self.notes.get(key).map(String::as_str)
    }

    /// The tensors whose names begin with the segments `prefix` (`"model.diffusion_model"`), by what follows: a component
    /// of a file that holds several.
    #[must_use]
    pub fn under(&self, prefix: &str) -> Self {
        let below = |name: &str| Some(name.strip_prefix(prefix)?.strip_prefix('.')?.to_owned());
        let entries = self.entries.iter();
        Self {
            file: self.file.clone(),
            entries: entries
                .filter_map(|(name, entry)| Some((below(name)?, entry.clone())))
                .collect(),
            notes: self.notes.clone(),
        }
    }

    /// The numbers of the tensor `name`.
    ///
    /// # Errors
    /// [`Error::Format`] when there is none, its type isn't supported, or it can't be read.
    pub fn read(&self, name: &str) -> Result<TensorData, Error> {
        let entry = self
            .get(name)
            .ok_or_else(|| self.damaged(format!("it has no tensor {name}")))?;
        entry
            .data()
            .map_err(|reason| self.damaged(format!("tensor {name}: {reason}")))
    }

    /// An error of this file.
    pub(crate) fn damaged(&self, reason: String) -> Error {
        Error::Format {
            file: self.file.clone(),
            reason,
        }
    }
}

impl Entry {
    /// Number of parameters.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// The type among Burn's; `None` for those that no module of ours can take.
    pub(crate) fn burn_dtype(&self) -> Option<DType> {
        Some(match self.dtype {
            Dtype::F64 => DType::F64,
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            Dtype::I64 => DType::I64,
            Dtype::I32 => DType::I32,
            Dtype::I16 => DType::I16,
            Dtype::I8 => DType::I8,
            Dtype::U8 => DType::U8,
            _ => return None,
        })
    }

    /// The numbers, or why they can't be had.
    pub(crate) fn data(&self) -> Result<TensorData, String> {
        let dtype = self
            .burn_dtype()
            .ok_or_else(|| format!("the type {:?} isn't supported", self.dtype))?;
        let bytes = (self.read)()?;
        let shape = Shape::from(self.shape.clone());
        let expected = self.count() * dtype.size();
        if bytes.len() != expected {
            return Err(format!(
                "{} bytes instead of {expected} for the shape {:?}",
                bytes.len(),
                self.shape
            ));
        }
        Ok(TensorData::from_bytes_vec(bytes, shape, dtype))
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.dtype, self.shape)
    }
}
