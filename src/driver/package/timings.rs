//! `--timings`: a page that shows which module was worked on when, and what it waited for. It needs nothing but a browser.

use std::fmt::Write;
use std::time::Duration;

use super::execute::{Built, Done, UnitTimes};
use super::plan::Plan;
use super::progress::seconds;

/// The style of the page, for light and for dark surroundings.
const STYLE: &str = include_str!("timings.css");

/// The page for a build.
pub fn page(package: &str, profile: &str, plan: &Plan, built: &Built, jobs: usize) -> String {
    let total = built.took.as_secs_f64().max(1e-6);
    let mut order: Vec<usize> = (0..plan.units.len()).collect();
    order.retain(|&number| built.times[number].start.is_some());
    order.sort_by_key(|&number| (built.times[number].start, number));
    let counts = |wanted: Done| {
        let done = built
            .times
            .iter()
            .filter(|times| times.done == Some(wanted));
        done.count()
    };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{0}: build timings</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
        escape(package)
    );
    let facts = [
        ("profile", profile.to_owned()),
        ("total", seconds(built.took)),
        ("jobs", jobs.to_string()),
        ("modules", plan.units.len().to_string()),
        ("compiled", counts(Done::Compiled).to_string()),
        ("relinked", counts(Done::Relinked).to_string()),
        ("up to date", counts(Done::Fresh).to_string()),
    ];
    page.push_str("<dl>\n");
    for (name, value) in facts {
        let _ = writeln!(
            page,
            "<div><dt>{name}</dt><dd>{}</dd></div>",
            escape(&value)
        );
    }
    page.push_str("</dl>\n<h2>Pipeline</h2>\n<p class=\"key\"><i class=\"front\"></i>up to the module file <i class=\"code\"></i>code <i class=\"wait\"></i>waiting for archives <i class=\"link\"></i>linking <i class=\"fresh\"></i>up to date</p>\n");
    page.push_str("<div class=\"chart\">\n");
    axis(&mut page, total);
    for &number in &order {
        row(&mut page, plan, number, &built.times[number], total);
    }
    page.push_str("</div>\n<h2>Modules at work</h2>\n");
    page.push_str(&concurrency(built, total, jobs));
    page.push_str("<h2>Modules</h2>\n<table>\n<tr><th>module</th><th>kind</th><th>what</th><th>start</th><th>module file</th><th>total</th></tr>\n");
    order.sort_by_key(|&number| std::cmp::Reverse(took(&built.times[number])));
    for &number in &order {
        let (unit, times) = (&plan.units[number], &built.times[number]);
        let metadata = match (times.start, times.metadata) {
            (Some(start), Some(metadata)) => seconds(metadata.saturating_sub(start)),
            _ => "–".to_owned(),
        };
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{metadata}</td><td>{}</td></tr>",
            escape(&unit.name),
            unit.kind.word(),
            what(times),
            seconds(times.start.unwrap_or_default()),
            seconds(took(times))
        );
    }
    page.push_str("</table>\n</body>\n</html>\n");
    page
}

fn what(times: &UnitTimes) -> &'static str {
    match times.done {
        Some(Done::Compiled) => "compiled",
        Some(Done::Relinked) => "relinked",
        Some(Done::Fresh) => "up to date",
        None => "failed",
    }
}

fn took(times: &UnitTimes) -> Duration {
    let (start, end) = (
        times.start.unwrap_or_default(),
        times.end.unwrap_or_default(),
    );
    end.saturating_sub(start)
}

fn axis(page: &mut String, total: f64) {
    // Steps of 1, 2 or 5 times a power of ten, about eight of them.
    let rough = total / 8.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|&step| step >= rough)
        .unwrap_or(rough);
    page.push_str("<div class=\"axis\">\n");
    let mut at = 0.0;
    while at <= total {
        let label = seconds(Duration::from_secs_f64(at));
        let left = at / total * 100.0;
        let _ = writeln!(page, "<span style=\"left:{left:.2}%\">{label}</span>");
        at += step;
    }
    page.push_str("</div>\n");
}

/// A line of the chart: the module's name, and a bar in pieces.
fn row(page: &mut String, plan: &Plan, number: usize, times: &UnitTimes, total: f64) {
    let unit = &plan.units[number];
    let _ = write!(
        page,
        "<div class=\"row\"><b>{}</b><div class=\"bars\">",
        escape(&unit.name)
    );
    let (Some(start), Some(end)) = (times.start, times.end) else {
        page.push_str("</div></div>\n");
        return;
    };
    let mut pieces: Vec<(&str, Duration, Duration)> = Vec::new();
    if times.done == Some(Done::Fresh) {
        pieces.push(("fresh", start, end));
    } else {
        let mut at = start;
        let mut piece = |class, until: Option<Duration>| {
            if let Some(until) = until.filter(|&until| until > at) {
                pieces.push((class, at, until));
                at = until;
            }
        };
        piece("front", times.metadata);
        let before = if times.metadata.is_some() {
            "code"
        } else {
            "front"
        };
        piece(before, times.wait);
        piece("wait", times.resume);
        let last = match (times.resume, times.metadata, unit.metadata.is_some()) {
            (Some(_), ..) => "link",
            (None, None, true) => "front",
            _ => "code",
        };
        piece(last, Some(end));
    }
    for (class, from, to) in pieces {
        let left = from.as_secs_f64() / total * 100.0;
        let width = (to - from).as_secs_f64() / total * 100.0;
        let title = format!("{}: {} {}", unit.name, class, seconds(to - from));
        let _ = write!(
            page,
            "<i class=\"{class}\" style=\"left:{left:.3}%;width:{width:.3}%\" title=\"{}\"></i>",
            escape(&title)
        );
    }
    let left = end.as_secs_f64() / total * 100.0;
    let label = seconds(end.saturating_sub(start));
    let _ = writeln!(
        page,
        "<em style=\"left:{left:.3}%\">{label}</em></div></div>"
    );
}

/// How many modules were worked on at each moment.
fn concurrency(built: &Built, total: f64, jobs: usize) -> String {
    let mut steps: Vec<(Duration, i32)> = Vec::new();
    for times in &built.times {
        let (Some(start), Some(end)) = (times.start, times.end) else {
            continue;
        };
        steps.push((start, 1));
        steps.push((end, -1));
        if let Some(wait) = times.wait {
            steps.push((wait, -1));
            steps.push((times.resume.unwrap_or(end), 1));
        }
    }
    steps.sort();
    let top = jobs.max(1) as f64;
    let (mut points, mut level) = (String::from("0,100"), 0);
    for (at, change) in steps {
        let x = at.as_secs_f64() / total * 1000.0;
        let y = |level: i32| 100.0 - f64::from(level) / top * 100.0;
        let _ = write!(points, " {x:.1},{:.1}", y(level));
        level += change;
        let _ = write!(points, " {x:.1},{:.1}", y(level));
    }
    points.push_str(" 1000,100");
    format!(
        "<svg viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\"><polygon points=\"{points}\"/></svg>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
