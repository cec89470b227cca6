//! What to do about an error of the libraries, in the words of the command line.

use std::error::Error as Cause;

use crate::message::Hinted;

/// The hint of one cause in an error's chain, where there is something better than its message.
pub fn of(cause: &(dyn Cause + 'static)) -> Option<String> {
    if let Some(hinted) = cause.downcast_ref::<Hinted>() {
        return Some(hinted.hint.clone());
    }
    if let Some(error) = cause.downcast_ref::<reliad_generation::Error>() {
        return error.hint();
    }
    cause
        .downcast_ref::<reliad_evaluation::Error>()
        .and_then(evaluation)
}

fn evaluation(error: &reliad_evaluation::Error) -> Option<String> {
    use reliad_evaluation::Error;
    let hint = match error {
        // A transparent error's cause isn't in the chain.
        Error::Generation(error) => return error.hint(),
        Error::NoSaliency(_) => {
            "second copies of products are found by it; train it with `reliad train saliency`"
        }
        Error::OtherRun(_) => {
            "another --work starts afresh; a folder belongs to one seed, size and --sizes"
        }
        Error::UnknownScene(_) => "train it on samples of this world with `reliad train scene`",
        Error::NoEncoder(_) => "run the command with --encoders",
        _ => return None,
    };
    Some(hint.to_owned())
}
