//! How long a run still takes, from what it has taken so far.

use std::time::Duration;

/// Counts of a run, from which the rest is estimated.
#[derive(Clone, Copy, Debug, Default)]
pub struct Estimate {
    /// Pictures wanted.
    pub items: usize,
    /// Pictures found or given up.
    pub ended: usize,
    /// Attempts made at them and at the pictures in work, also by earlier runs.
    pub attempts: usize,
    /// Attempts allowed at one picture.
    pub attempts_allowed: usize,
    /// Attempts painted by this run.
    pub painted: usize,
    /// Seconds that those took.
    pub seconds: f64,
}

impl Estimate {
    /// Seconds still to go, `None` before the first attempt is done. `in_hand` is the part of the
    /// attempt in work that is done, 0 to 1.
    pub fn seconds_left(&self, in_hand: f64) -> Option<f64> {
        if self.painted == 0 {
            return None;
        }
        let per_attempt = self.seconds / self.painted as f64;
        let per_item = if self.ended > 0 {
            self.attempts as f64 / self.ended as f64
        } else {
            // Nothing has ended: half of what is allowed, but no fewer than were needed already.
            (self.attempts as f64 + 1.0).max(self.attempts_allowed as f64 / 2.0)
        };
        let expected = per_item.clamp(1.0, self.attempts_allowed.max(1) as f64);
        let left = (self.items - self.ended.min(self.items)) as f64 * expected - in_hand;
        Some(left.max(0.0) * per_attempt)
    }
}

/// A time for people: `40 s`, `3 min`, `1 h 20 min`.
pub fn for_people(seconds: f64) -> String {
    let seconds = Duration::from_secs_f64(seconds.clamp(0.0, 1e9)).as_secs();
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5400 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_follows_from_attempts_per_picture() {
        let none = Estimate {
            items: 4,
            attempts_allowed: 8,
            ..Estimate::default()
        };
        assert_eq!(none.seconds_left(0.5), None);
        let half = Estimate {
            ended: 2,
            attempts: 6,
            painted: 6,
            seconds: 12.0,
            ..none
        };
        assert_eq!(half.seconds_left(0.0), Some(12.0));
        assert_eq!(half.seconds_left(0.5), Some(11.0));
        let done = Estimate { ended: 4, ..half };
        assert_eq!(done.seconds_left(0.0), Some(0.0));
    }

    #[test]
    fn times_read_well() {
        let read: Vec<_> = [5.4, 89.9, 90.0, 600.0, 5400.0].map(for_people).into();
        assert_eq!(read, ["5 s", "89 s", "2 min", "10 min", "1 h 30 min"]);
    }
}
