//! A case, and how it is held to what is right.

use std::path::Path;

use crate::program::{Ran, Scene, copy_dir};

/// One input as people have it. Begin a row with [`CASE`] and name what differs.
pub struct Case {
    /// What is wrong with the input, in a few words.
    pub name: &'static str,
    /// A directory or file below `fixtures/`; it becomes the scene's `input` (a file keeps its extension).
    pub input: &'static str,
    /// Writes what no fixture holds.
    pub prepare: fn(&Scene),
    /// The program's arguments, parted by blanks.
    pub run: &'static str,
    /// Its exit code.
    pub code: i32,
    /// What stdout and stderr say between them.
    pub says: &'static [&'static str],
    /// What neither says.
    pub silent_of: &'static [&'static str],
    /// What must be true of the files afterwards.
    pub then: fn(&Scene),
}

pub const CASE: Case = Case {
    name: "",
    input: "",
    prepare: |_| {},
    run: "",
    code: 0,
    says: &[],
    silent_of: &[],
    then: |_| {},
};

impl Case {
    /// Every row of a table, all failures told at once.
    pub fn hold(cases: &[Self]) {
        let failed: Vec<_> = cases
            .iter()
            .filter(|case| std::panic::catch_unwind(|| case.check()).is_err())
            .map(|case| case.name)
            .collect();
        assert!(failed.is_empty(), "failed: {failed:#?}");
    }

    fn check(&self) {
        let scene = Scene::empty();
        if !self.input.is_empty() {
            let from = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/cases/fixtures")
                .join(self.input);
            if from.is_dir() {
                copy_dir(&from, &scene.path("input"));
            } else {
                let name = Path::new("input").with_extension(from.extension().unwrap_or_default());
                std::fs::copy(&from, scene.path(&name.to_string_lossy())).unwrap();
            }
        }
        (self.prepare)(&scene);
        let arguments: Vec<_> = self.run.split_whitespace().collect();
        let Ran { code, out, err } = scene.run(&arguments);
        let said = format!(
            "{}: reliad {}\nstdout:\n{out}\nstderr:\n{err}",
            self.name, self.run
        );
        assert_eq!(code, Some(self.code), "{said}");
        for expected in self.says {
            assert!(
                out.contains(expected) || err.contains(expected),
                "not said: {expected:?}\n{said}"
            );
        }
        for unwanted in self.silent_of {
            assert!(
                !out.contains(unwanted) && !err.contains(unwanted),
                "said: {unwanted:?}\n{said}"
            );
        }
        (self.then)(&scene);
    }
}
