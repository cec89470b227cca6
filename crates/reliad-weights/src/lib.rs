//! Files to named tensors, strictly; model directories on disk or embedded.
