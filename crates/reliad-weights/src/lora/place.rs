//! Where in a module a traversal is.

/// Names from the root to the present place, in files' sense: variants of enums are none of theirs.
#[derive(Default)]
pub(super) struct Place(Vec<Option<String>>);

impl Place {
    pub(super) fn enter(&mut self, name: &str, container: &str) {
        let counts = !container.starts_with("Enum:");
        self.0.push(counts.then(|| name.to_owned()));
    }

    pub(super) fn exit(&mut self) {
        self.0.pop();
    }

    /// Names with dots between.
    pub(super) fn path(&self) -> String {
        let names: Vec<&str> = self.0.iter().flatten().map(String::as_str).collect();
        names.join(".")
    }
}
