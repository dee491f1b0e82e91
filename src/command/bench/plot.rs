//! The plot beside the performance page: every goal as a bar against its must.
//!
//! A bar shows how far the must is reached: full length is met with something to spare, the line is the must itself.
//! So goals that want more and goals that want less stand on one scale.

use super::goals::{Judged, Want};
use anyhow::anyhow;
use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{PathElement, Rectangle, Text};
use plotters::style::{Color, IntoFont, RGBColor, TextStyle, WHITE};

/// Where the bars begin, and how much of the width is theirs; the goals' names stand left of them.
const BARS_X: i32 = 460;
const BARS_WIDTH: i32 = 480;
const WIDTH: i32 = 1_180;

/// Where the figures themselves stand.
const VALUES_X: i32 = BARS_X + BARS_WIDTH + 10;

/// The height of a goal's row, and of what stands above the first and below the last.
const ROW_HEIGHT: i32 = 26;
const BAR_HEIGHT: i32 = 14;
const TOP: i32 = 34;
const BOTTOM: i32 = 12;

/// How far the scale goes, in thousandths of the must. A longer bar is cut.
const SCALE_MAX: u64 = 2_500;

/// The must itself, in thousandths.
const MUST: u64 = 1_000;

/// How many characters of a goal's name there is room for.
const NAME_CHARACTERS: usize = 62;

const FONT: (&str, i32) = ("sans-serif", 16);
const MET: RGBColor = RGBColor(46, 125, 80);
const MISSED: RGBColor = RGBColor(192, 64, 48);
const LINE: RGBColor = RGBColor(60, 60, 60);
const STRETCH: RGBColor = RGBColor(40, 90, 170);
const INK: RGBColor = RGBColor(30, 30, 30);

/// Draws the goals that were measured.
///
/// # Errors
/// The drawing library refuses.
pub(super) fn svg(judged: &[Judged]) -> anyhow::Result<String> {
    let measured: Vec<&Judged> = judged.iter().filter(|judged| judged.measured.is_some()).collect();
    let rows = i32::try_from(measured.len())?;
    let height = TOP + rows * ROW_HEIGHT + BOTTOM;
    let mut text = String::new();
    {
        let size = (u32::try_from(WIDTH)?, u32::try_from(height)?);
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        draw(&area, &measured, height).map_err(|error| anyhow!("the plot cannot be drawn: {error}"))?;
    }
    Ok(text)
}

fn draw<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    measured: &[&Judged],
    height: i32,
) -> Result<(), plotters::drawing::DrawingAreaErrorKind<B::ErrorType>> {
    area.fill(&WHITE)?;
    let ink: TextStyle<'_> = FONT.into_font().color(&INK);
    let must = x_of(MUST);
    area.draw(&Text::new("must", (must - 14, 12), ink.clone()))?;
    area.draw(&Text::new(
        "each bar is how far its goal is reached; blue marks the stretch",
        (8, 12),
        ink.clone(),
    ))?;
    for (row, judged) in (0..).zip(measured) {
        let middle = TOP + row * ROW_HEIGHT + ROW_HEIGHT / 2;
        let (top, bottom) = (middle - BAR_HEIGHT / 2, middle + BAR_HEIGHT / 2);
        let value = judged.measured.unwrap_or_default();
        let color = if judged.is_met() == Some(true) {
            MET
        } else {
            MISSED
        };
        let end = x_of(reached(judged, value));
        area.draw(&Text::new(short(judged.goal), (8, middle - 6), ink.clone()))?;
        area.draw(&Rectangle::new([(BARS_X, top), (end, bottom)], color.filled()))?;
        let bound = judged
            .must
            .map_or_else(String::new, |must| format!(" ({})", judged.bound(must)));
        let shown = judged.unit.show(value) + &bound;
        area.draw(&Text::new(shown, (VALUES_X, middle - 6), ink.clone()))?;
        if let Some(stretch) = judged.stretch {
            let x = x_of(reached(judged, stretch));
            area.draw(&PathElement::new(
                vec![(x, top - 3), (x, bottom + 3)],
                STRETCH.stroke_width(2),
            ))?;
        }
    }
    area.draw(&PathElement::new(
        vec![(must, TOP - 4), (must, height - BOTTOM + 4)],
        LINE.stroke_width(1),
    ))?;
    area.present()
}

/// Returns how far a value reaches a goal's must, in thousandths, up to the end of the scale.
fn reached(judged: &Judged, value: u64) -> u64 {
    let must = judged.must.unwrap_or(0);
    let (part, whole) = match judged.want {
        Want::AtLeast => (value, must),
        Want::AtMost => (must, value),
    };
    let reached = part.saturating_mul(MUST).checked_div(whole).unwrap_or(SCALE_MAX);
    reached.min(SCALE_MAX)
}

fn x_of(thousandths: u64) -> i32 {
    let scaled = i32::try_from(thousandths.min(SCALE_MAX)).unwrap_or(0) * BARS_WIDTH;
    BARS_X + scaled / i32::try_from(SCALE_MAX).unwrap_or(i32::MAX)
}

/// Cuts a name that is longer than there is room for.
fn short(name: &str) -> String {
    if name.chars().count() <= NAME_CHARACTERS {
        return name.to_owned();
    }
    let start: String = name.chars().take(NAME_CHARACTERS - 1).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::bench::goals::Unit;

    fn judged(want: Want, must: u64, measured: Option<u64>) -> Judged {
        Judged {
            goal: "a goal",
            unit: Unit::Count,
            want,
            must: Some(must),
            stretch: None,
            measured,
            range: None,
            rounds: None,
        }
    }

    #[test]
    fn what_is_half_reached_is_half_way_to_the_must() {
        let reached_of = |want, value| reached(&judged(want, 100, None), value);
        assert_eq!(
            [50, 100, 150].map(|value| reached_of(Want::AtLeast, value)),
            [500, 1_000, 1_500]
        );
        assert_eq!(
            [50, 100, 200].map(|value| reached_of(Want::AtMost, value)),
            [2_000, 1_000, 500]
        );
        assert_eq!(
            reached_of(Want::AtMost, 0),
            SCALE_MAX,
            "nothing at all is as little as can be"
        );
    }

    #[test]
    fn met_and_missed_goals_have_their_colors_and_unmeasured_ones_no_bar() {
        let goals = [
            judged(Want::AtLeast, 100, Some(120)),
            judged(Want::AtMost, 100, Some(120)),
            judged(Want::AtMost, 100, None),
        ];
        let svg = svg(&goals).expect("it can be drawn");
        let bars = |color: &str| svg.matches(&format!("fill=\"{color}\"")).count();
        assert_eq!((bars("#2E7D50"), bars("#C04030")), (1, 1), "{svg}");
        assert_eq!(svg.matches("a goal").count(), 2);
    }
}
