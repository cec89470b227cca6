//! What to do about an error of the libraries, in the words of the command line.

use std::error::Error as Cause;
use std::io::ErrorKind;

use reliad_imaging::Problem;

use crate::message::{Hinted, hint_line};

/// The hint of one cause in an error's chain, where there is something better than its message.
pub fn of<'a>(cause: &'a (dyn Cause + 'static)) -> Option<&'a str> {
    if let Some(hinted) = cause.downcast_ref::<Hinted>() {
        return Some(&hinted.hint);
    }
    if let Some(error) = cause.downcast_ref() {
        return generation(error);
    }
    if let Some(error) = cause.downcast_ref() {
        return dataset(error);
    }
    cause.downcast_ref().and_then(evaluation)
}

/// What is wrong with a product's picture, where that is the error.
pub fn problem(error: &reliad_generation::Error) -> Option<&Problem> {
    match error {
        reliad_generation::Error::Imaging(reliad_imaging::Error::File { problem, .. }) => {
            Some(problem)
        }
        _ => None,
    }
}

/// One line where products of `all` have no title and the judge reads titles; `by` says how titles are given.
pub fn of_titles(untitled: usize, all: usize, by: &str) {
    if untitled > 0 {
        hint_line(&format!(
            "{untitled} of {all} have no title, so the judge reads file names in its place; only a title says how big a product \
             is, and without titles mini's judge lost 11 points of F1: give them by {by}"
        ));
    }
}

fn generation(error: &reliad_generation::Error) -> Option<&'static str> {
    use reliad_generation::Error;
    if let Some(Problem::NoGround) = problem(error) {
        return Some("`reliad generate --cutout` cuts products out of photographs");
    }
    Some(match error {
        Error::Write { source, .. }
            if matches!(
                source.kind(),
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded
            ) =>
        {
            "free some space and run the same command again; it goes on from here"
        }
        Error::Write { .. } => "choose another directory with --out",
        Error::Locked(_) => "wait for it to end, or choose another directory with --out",
        Error::EmptyDirectory(_) => "pictures in directories below it are not looked for",
        Error::MissingPart { part: "rfnet", .. } => {
            "pass --judge DIR or --judge mini to judge the pictures with another model, or --no-judge to keep every picture"
        }
        Error::MissingPart { .. } => {
            "a model is a directory in diffusers layout: tokenizer/, text_encoder/, unet/, vae/, scheduler/ and controlnet/"
        }
        Error::NotFinite { .. } => "a smaller --guidance or --control-scale may help",
        _ => return None,
    })
}

fn dataset(error: &reliad_dataset::Error) -> Option<&'static str> {
    match error {
        reliad_dataset::Error::Empty { .. } => {
            Some("`reliad synth render --out` or `reliad data import` writes such a folder")
        }
        _ => None,
    }
}

fn evaluation(error: &reliad_evaluation::Error) -> Option<&'static str> {
    use reliad_evaluation::Error;
    Some(match error {
        // These say what their cause says and stand in the chain for it.
        Error::Generation(error) => return generation(error),
        Error::Data(error) => return dataset(error),
        Error::NoSaliency(_) => {
            "second copies of products are found by it; train it with `reliad train saliency`"
        }
        Error::OtherRun(_) => {
            "another --work starts afresh; a folder belongs to one seed, size and --sizes"
        }
        Error::UnknownScene(_) => "train it on samples of this world with `reliad train scene`",
        Error::NoEncoder(_) => "run the command with --encoders",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;
    use crate::message::hinted;

    /// What is shown under an error.
    fn shown(error: &anyhow::Error) -> Option<&str> {
        error.chain().find_map(of)
    }

    fn write(kind: ErrorKind) -> reliad_generation::Error {
        reliad_generation::Error::Write {
            path: "out/a.png".into(),
            source: kind.into(),
        }
    }

    #[test]
    fn a_full_disk_and_a_closed_folder_have_hints_of_their_own() {
        let full = write(ErrorKind::StorageFull).into();
        assert!(shown(&full).is_some_and(|hint| hint.contains("same command")));
        let closed = write(ErrorKind::PermissionDenied).into();
        assert_eq!(shown(&closed), Some("choose another directory with --out"));
    }

    #[test]
    fn a_hint_is_found_below_whatever_tells_of_its_error() {
        let judge = || reliad_generation::Error::MissingPart {
            model: "model".to_owned(),
            part: "rfnet",
        };
        let told = anyhow::Error::from(judge()).context("generate");
        assert!(shown(&told).is_some_and(|hint| hint.contains("--no-judge")));
        let measured = reliad_evaluation::Error::Generation(judge()).into();
        assert!(shown(&measured).is_some_and(|hint| hint.contains("--no-judge")));
        let empty = reliad_dataset::Error::Empty {
            path: "data".into(),
        };
        let trained = reliad_training::Error::component("data")(empty);
        let trained = Err::<(), _>(trained).context("training vae");
        let hint = trained
            .as_ref()
            .err()
            .and_then(|error| shown(error))
            .unwrap_or_default();
        assert!(hint.contains("synth render --out"), "{hint}");
        assert_eq!(shown(&hinted("no", "do this")), Some("do this"));
        assert_eq!(shown(&anyhow::anyhow!("no")), None);
    }
}
