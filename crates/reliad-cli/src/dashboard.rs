//! A training on a terminal: how far it is, and its curves as they grow.

use std::io::{IsTerminal as _, Stderr};

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::symbols::line::THICK_HORIZONTAL;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, LineGauge, Widget as _};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use reliad_training::Report;

/// Rows of the dashboard at the foot of the terminal.
const ROWS: u16 = 14;
/// Columns below which a panel has no room for a curve.
const PANEL: u16 = 38;

/// Curves of the running stage below the lines that scroll.
pub struct Dashboard<B: Backend> {
    terminal: Terminal<B>,
    stage: String,
    last: Report,
    curves: Vec<Curve>,
}

/// One figure over the steps.
struct Curve {
    name: String,
    points: Vec<(f64, f64)>,
}

impl Dashboard<CrosstermBackend<Stderr>> {
    /// A dashboard at the foot of the terminal; none where standard output and error aren't one, or where it doesn't say
    /// where its cursor is.
    pub fn open() -> Option<Self> {
        if !(std::io::stdout().is_terminal() && std::io::stderr().is_terminal()) {
            return None;
        }
        Self::on(CrosstermBackend::new(std::io::stderr()))
    }
}

impl<B: Backend> Dashboard<B> {
    fn on(backend: B) -> Option<Self> {
        let options = TerminalOptions {
            viewport: Viewport::Inline(ROWS),
        };
        Some(Self {
            terminal: Terminal::with_options(backend, options).ok()?,
            stage: String::new(),
            last: Report::default(),
            curves: Vec::new(),
        })
    }

    /// Takes a report in. Held-out figures also stay as a line above. A terminal that fails is passed over: the training
    /// matters more.
    pub fn show(&mut self, stage: &str, report: &Report) {
        if self.stage != stage {
            stage.clone_into(&mut self.stage);
            self.curves.clear();
        }
        let loss = report.loss.map(|loss| ("loss", loss));
        let held_out = report
            .figures
            .iter()
            .filter(|_| report.loss.is_none())
            .map(|(name, value)| (name.as_str(), *value));
        for (name, value) in loss.into_iter().chain(held_out) {
            if value.is_finite() {
                self.add(name, (report.step as f64, value));
            }
        }
        if report.loss.is_none() && !report.figures.is_empty() {
            let width = self.terminal.get_frame().area().width;
            let rows = rows(&report.line(stage), width);
            let _ = self.terminal.insert_before(rows.len() as u16, |buffer| {
                Text::from(rows).render(buffer.area, buffer);
            });
        } else {
            self.last = report.clone();
        }
        let (stage, last, curves) = (&self.stage, &self.last, &self.curves);
        let _ = self.terminal.draw(|frame| draw(frame, stage, last, curves));
    }

    fn add(&mut self, name: &str, point: (f64, f64)) {
        match self.curves.iter_mut().find(|curve| curve.name == name) {
            Some(curve) => curve.points.push(point),
            None => self.curves.push(Curve {
                name: name.to_owned(),
                points: vec![point],
            }),
        }
    }

    /// Takes the dashboard away; lines may follow.
    pub fn finish(&mut self) {
        let _ = self.terminal.clear();
        let top = self.terminal.get_frame().area().as_position();
        let _ = self.terminal.set_cursor_position(top);
    }
}

fn draw(frame: &mut Frame<'_>, stage: &str, last: &Report, curves: &[Curve]) {
    let [head, foot, panels] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Min(0),
    ])
    .areas(frame.area());
    frame.render_widget(
        LineGauge::default()
            .label(format!("{stage} {:5.1} %", 100.0 * last.progress))
            .filled_style(Style::new().fg(Color::Cyan))
            .filled_symbol(THICK_HORIZONTAL)
            .ratio(last.progress.clamp(0.0, 1.0)),
        head,
    );
    frame.render_widget(Text::from(rows(&last.line(stage), foot.width)), foot);
    let shown = curves.len().min(usize::from((panels.width / PANEL).max(1)));
    let places = Layout::horizontal(vec![Constraint::Fill(1); shown]).split(panels);
    for (curve, area) in curves.iter().zip(places.iter()) {
        panel(frame, curve, *area);
    }
    // A process that ends at once must not leave the terminal without its cursor.
    frame.set_cursor_position(Position::new(
        frame.area().x,
        frame.area().bottom().saturating_sub(1),
    ));
}

/// A line of text as a terminal of that many columns shows it: over as many rows as it takes.
fn rows(line: &str, columns: u16) -> Vec<Line<'static>> {
    let characters: Vec<char> = line.chars().collect();
    characters
        .chunks(usize::from(columns).max(1))
        .map(|row| Line::raw(row.iter().collect::<String>()))
        .collect()
}

fn panel(frame: &mut Frame<'_>, curve: &Curve, area: Rect) {
    let last = curve.points.last().map_or(0.0, |point| point.1);
    let steps = curve.points.last().map_or(1.0, |point| point.0).max(1.0);
    let (low, high) = range(&curve.points);
    let dataset = Dataset::default()
        .marker(Marker::Braille)
        .graph_type(GraphType::Line)
        .style(Style::new().fg(Color::Cyan))
        .data(&curve.points);
    frame.render_widget(
        Chart::new(vec![dataset])
            .block(Block::bordered().title(format!(" {} {last:.4} ", curve.name)))
            .x_axis(
                Axis::default()
                    .bounds([0.0, steps])
                    .labels(["0".to_owned(), format!("{steps}")]),
            )
            .y_axis(
                Axis::default()
                    .bounds([low, high])
                    .labels([format!("{low:.3}"), format!("{high:.3}")]),
            ),
        area,
    );
}

/// What the vertical axis spans: all but the first tenth of the points, whose fall would flatten the rest.
fn range(points: &[(f64, f64)]) -> (f64, f64) {
    let settled = &points[points.len() / 10..];
    let values = settled.iter().map(|point| point.1);
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    if high > low {
        (low, high)
    } else {
        (low - 0.5, low + 0.5)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use ratatui::backend::TestBackend;

    use super::*;

    fn report(step: u64, loss: Option<f64>, figures: &[(&str, f64)]) -> Report {
        Report {
            step,
            progress: step as f64 / 100.0,
            elapsed_seconds: step as f64,
            loss,
            figures: figures
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value))
                .collect(),
            ..Report::default()
        }
    }

    fn screen(dashboard: &Dashboard<TestBackend>) -> String {
        dashboard.terminal.backend().to_string()
    }

    #[test]
    fn curves_fill_the_width_and_held_out_figures_stay_above() {
        let mut dashboard = Dashboard::on(TestBackend::new(120, 20)).unwrap();
        for step in 1..=50 {
            dashboard.show("painter", &report(step, Some(1.0 / step as f64), &[]));
        }
        dashboard.show("painter", &report(50, None, &[("early_loss", 0.25)]));
        let shown = screen(&dashboard);
        for part in [
            "painter  50.0 %",
            " loss 0.0200 ",
            " early_loss 0.2500 ",
            "painter step 50 ",
        ] {
            assert!(shown.contains(part), "{part} is missing in\n{shown}");
        }
        assert!(
            shown.contains('⠉') || shown.contains('⡇') || shown.contains('⠒'),
            "{shown}"
        );
    }

    #[test]
    fn figures_that_are_wider_than_the_terminal_go_on_in_the_next_row() {
        let mut dashboard = Dashboard::on(TestBackend::new(40, 20)).unwrap();
        let figures = [("accuracy", 0.9115), ("f1", 0.9398), ("last", 0.1234)];
        dashboard.show("rfnet", &report(50, None, &figures));
        let shown = screen(&dashboard).replace(['"', '\n'], "");
        assert!(shown.contains("0.1234"), "{shown}");
        assert!(
            shown.contains("accuracy 0.9115  f1 0.9398  last 0.1234"),
            "{shown}"
        );
    }

    #[test]
    fn a_narrow_or_broken_figure_does_no_harm() {
        let mut dashboard = Dashboard::on(TestBackend::new(20, 4)).unwrap();
        dashboard.show("vae", &report(0, Some(f64::NAN), &[]));
        dashboard.show("vae", &report(0, Some(2.0), &[("norm", 1.0)]));
        dashboard.show("vae", &report(1, None, &[("psnr", f64::INFINITY)]));
        assert!(screen(&dashboard).contains("vae"));
        dashboard.finish();
        assert!(!screen(&dashboard).contains("vae   0.0"));
    }
}
