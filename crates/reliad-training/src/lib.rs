//! Training of every network, with checkpoints that survive a kill.
