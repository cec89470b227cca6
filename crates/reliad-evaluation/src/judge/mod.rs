//! How well a judge judges: labelled samples judged as `generate` judges its pictures, figures, and a calibration fitted
//! to them.

pub mod calibrate;
mod charts;
mod figures;
mod judging;
mod page;

pub use figures::Figures;
pub use judging::{Judgement, Reader, judge_folder};
pub use page::page;
