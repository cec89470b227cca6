//! Digests of large files, computed once: a model of some gigabytes isn't read again at each start only to name it.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};

/// Smaller files are hashed in less time than their record is found in.
const REMEMBERED_FROM: u64 = 1 << 20;
/// A file that was written so shortly ago could be written once more without its time of change telling.
const SETTLED: Duration = Duration::from_secs(2);

/// BLAKE3 of files, with a memory.
///
/// The memory is a folder of small files in the user's cache directory (`$XDG_CACHE_HOME/reliad/digests`, `~/.cache/...`
/// without that variable), one for each file that was hashed, so that processes don't get into each other's way. A record
/// counts as long as the file's path, size, time of change and inode are the same. It may be deleted at any time; without
/// it, where it can't be read or written, or isn't what this version writes, the file is hashed.
#[derive(Debug, Clone)]
pub struct Digests {
    folder: Option<PathBuf>,
}

/// What is remembered of a file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Remembered {
    path: PathBuf,
    state: State,
    blake3: String,
}

/// What can't stay the same when a file is changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct State {
    size: u64,
    /// Nanoseconds since 1970.
    modified: u64,
    /// Unix's time of the last change of contents or name, which programs can't set; 0 elsewhere.
    changed: i64,
    /// 0 where there are none.
    inode: u64,
}

impl Digests {
    /// With the memory of whoever runs the program.
    pub fn of_user() -> Self {
        let cache = etcetera::choose_base_strategy().ok();
        Self {
            folder: cache.map(|dirs| dirs.cache_dir().join("reliad").join("digests")),
        }
    }

    /// With the memory in `folder`, which is made when there is something to remember.
    pub fn remembered_in(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Some(folder.into()),
        }
    }

    /// The digest of the file at `path`, as 64 hexadecimal digits.
    ///
    /// # Errors
    /// When the file can't be read. Whatever is wrong with the memory is no error.
    pub fn file(&self, path: &Path) -> io::Result<String> {
        let path = fs::canonicalize(path)?;
        let before = fs::metadata(&path)?;
        let record = self
            .folder
            .as_ref()
            .filter(|_| before.len() >= REMEMBERED_FROM)
            .map(|folder| folder.join(record_name(&path)));
        let state = State::of(&before);
        if let Some(record) = &record
            && let Some(remembered) = read(record)
            && (&remembered.path, remembered.state) == (&path, state)
        {
            return Ok(remembered.blake3);
        }
        let now = SystemTime::now();
        let blake3 = hash(&path)?;
        let settled = before
            .modified()
            .is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > SETTLED));
        if let Some(record) = &record
            && settled
            && State::of(&fs::metadata(&path)?) == state
        {
            let remembered = Remembered {
                path,
                state,
                blake3,
            };
            if let Ok(json) = serde_json::to_vec(&remembered) {
                // A home that can't be written to only costs the time again.
                let _ = reliad_files::write(record, &json);
            }
            return Ok(remembered.blake3);
        }
        Ok(blake3)
    }
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok();
        let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let (changed, inode) = identity(metadata);
        Self {
            size: metadata.len(),
            modified: modified.map_or(0, |age| age.as_nanos() as u64),
            changed,
            inode,
        }
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (i64, u64) {
    use std::os::unix::fs::MetadataExt;
    let seconds = metadata.ctime().saturating_mul(1_000_000_000);
    let changed = seconds.saturating_add(metadata.ctime_nsec());
    (changed, metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (i64, u64) {
    (0, 0)
}

fn record_name(path: &Path) -> String {
    let name = blake3::hash(path.as_os_str().as_encoded_bytes());
    format!("{}.json", name.to_hex())
}

/// A record; `None` when there is none that is whole.
fn read(record: &Path) -> Option<Remembered> {
    let remembered: Remembered = serde_json::from_slice(&fs::read(record).ok()?).ok()?;
    let digits = remembered.blake3.bytes();
    let whole = digits.len() == 64 && digits.clone().all(|digit| digit.is_ascii_hexdigit());
    whole.then_some(remembered)
}

fn hash(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}
