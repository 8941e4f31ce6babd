//! `docs/clients.md`, written from the fixtures and from what the player did.

use super::fixture::{Fixture, Registration, Source, Tag, Way, repository};
use super::player::Played;
use super::step::Steps;
use std::fmt::Write as _;
use std::path::PathBuf;

const HEAD: &str = "\
# Clients

<!-- Written from tests/clients and from what the player of the client matrix did. To change it, change the files there and run
     UPDATE_DOCS=1 cargo test -p authgent-tests --test http clients -->

What each MCP client sends, how it becomes a client of this server, and what the tests do with it. A test plays every client
over HTTP against a real server, in every way in which it registers; this page is written from what it did. Where the real
software can be installed, other tests run it as well; the rest is replayed from what is known of it.

";

const TABLE: &str = "
| client | how it registers | what was exercised beside that | real software or replay |
|---|---|---|---|
";

const TAGS: &str = "
Sources are marked: **source** is the client's source code or a specification, **seen** was seen when it ran, **report** is an
issue that somebody filed, **vendor** is the vendor's documentation, **notes** are those of third parties. What is not beyond
doubt is marked as uncertain.
";

/// The path of the page.
#[must_use]
pub fn path() -> PathBuf {
    repository().join("docs/clients.md")
}

/// The text of the page.
#[must_use]
pub fn render(clients: &[(Fixture, Played)]) -> String {
    let mut text = HEAD.to_owned();
    let common = common(clients);
    line(&mut text, &format!("Exercised with every client, in every way:\n{}.", listed(&common)));
    text.push_str(TABLE);
    for (fixture, played) in clients {
        let software = fixture.software.as_ref().map_or("replay", |_| "real software, and replay");
        let row = [
            format!("[{}](#{})", fixture.name, anchor(&fixture.name)),
            ways(fixture),
            listed(&(&played.steps() - &common)),
            software.to_owned(),
        ];
        line(&mut text, &format!("| {} |", row.join(" | ")));
    }
    text.push_str(TAGS);
    for (fixture, played) in clients {
        section(&mut text, fixture, played, &common);
    }
    text
}

/// The ways, each kind once, in the order of preference.
fn ways(fixture: &Fixture) -> String {
    let mut kinds: Vec<&str> = fixture.ways.iter().map(kind).collect();
    kinds.dedup();
    kinds.join(", ")
}

const fn kind(way: &Way) -> &'static str {
    match way.registration {
        Registration::Document { .. } => "document",
        Registration::Dynamic { .. } => "dynamic registration",
        Registration::PreRegistered { .. } => "pre-registered",
    }
}

/// The steps of every way of every client.
fn common(clients: &[(Fixture, Played)]) -> Steps {
    let mut ways = clients.iter().flat_map(|(_, played)| &played.ways);
    let first = ways.next().cloned().unwrap_or_default();
    ways.fold(first, |common, steps| &common & steps)
}

fn listed(steps: &Steps) -> String {
    steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn section(text: &mut String, fixture: &Fixture, played: &Played, common: &Steps) {
    line(text, &format!("\n## {}\n\n{}: {}.\n", fixture.name, fixture.vendor, fixture.surfaces));
    for (way, steps) in fixture.ways.iter().zip(&played.ways) {
        let document = match &way.registration {
            Registration::Document { document } => format!(" `{}`", document.url),
            Registration::Dynamic { .. } | Registration::PreRegistered { .. } => String::new(),
        };
        let presented: Vec<String> =
            way.presented.iter().map(|uri| format!("`{}`", uri.replace("{port}", "PORT"))).collect();
        let method = way.authentication.as_str();
        line(
            text,
            &format!(
                "- **{}**{document}, authenticates with `{method}`, presents {}.",
                kind(way),
                presented.join(", ")
            ),
        );
        line(text, &format!("  Exercised beside what all do: {}.", listed(&(steps - common))));
    }
    text.push_str("\nWhat one has to know:\n\n");
    for quirk in &fixture.quirks {
        line(text, &format!("- {quirk}"));
    }
    text.push_str("\nFrom:\n\n");
    for source in &fixture.sources {
        line(text, &source_line(source));
    }
    if let Some(software) = &fixture.software {
        line(text, &format!("\nThe real software runs too: {software}."));
    }
}

fn source_line(source: &Source) -> String {
    let tag = match source.tag {
        Tag::Source => "source",
        Tag::Verified => "seen",
        Tag::Issue => "report",
        Tag::Documentation => "vendor",
        Tag::ThirdParty => "notes",
    };
    let certain = if source.certain { "" } else { ", uncertain" };
    format!("- {}: {} (**{tag}**{certain})", source.fact, source.source)
}

/// The identifier that a heading has in a book.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|character| match character {
            ' ' => Some('-'),
            character if character.is_alphanumeric() || character == '-' => Some(character),
            _ => None,
        })
        .collect()
}

fn line(text: &mut String, line: &str) {
    // Writing into a String cannot fail.
    let _infallible = writeln!(text, "{line}");
}
