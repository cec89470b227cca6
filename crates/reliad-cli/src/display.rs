//! How a training shows itself: curves on a terminal, plain lines elsewhere.

use ratatui::backend::CrosstermBackend;
use reliad_training::Report;

use crate::dashboard::Dashboard;

/// Shows the reports of a training.
pub struct Display {
    dashboard: Option<Dashboard<CrosstermBackend<std::io::Stderr>>>,
}

impl Display {
    /// Takes the terminal over, unless there is none or plain lines are asked for.
    pub fn new(plain: bool) -> Self {
        Self {
            dashboard: (!plain).then(Dashboard::open).flatten(),
        }
    }

    /// Shows a report of the training `name`.
    pub fn show(&mut self, name: &str, report: &Report) {
        match &mut self.dashboard {
            Some(dashboard) => dashboard.show(name, report),
            None => eprintln!("{}", report.line(name)),
        }
    }

    /// Gives the terminal back.
    pub fn finish(&mut self) {
        if let Some(dashboard) = &mut self.dashboard {
            dashboard.finish();
        }
    }
}
