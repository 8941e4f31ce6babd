//! `authgent doctor`: what it says of servers that are broken on purpose, of the real ones, and of tokens.

mod faults;
mod login;
mod stack;
mod token;

use authgent_server::clock::SystemClock;
use authgent_server::crypto::random::SystemRandom;
use authgent_server::doctor::{Browser, Options, Report, Severity, Tools, examine};
use authgent_server::net::probe::Probe;
use std::collections::BTreeSet;
use std::sync::Arc;
use url::Url;

/// A browser that nobody looks at.
struct Nobody;

impl Browser for Nobody {
    fn open(&self, _: &str) {}
}

fn tools(browser: impl Browser + 'static) -> Tools {
    Tools {
        probe: Probe::new(None).unwrap(),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        browser: Arc::new(browser),
    }
}

fn options(url: &str) -> Options {
    Options::new(url, Url::parse(url).unwrap())
}

async fn report(url: &str) -> Report {
    examine(&options(url), &tools(Nobody)).await
}

/// The codes of everything that is not as it should be.
fn codes(report: &Report) -> BTreeSet<&'static str> {
    report.findings().filter(|finding| finding.severity > Severity::Ok).map(|finding| finding.code).collect()
}

/// The codes that begin with `-` are taken from the healthy ones, the others added.
fn expected(healthy: &[&'static str], codes: &[&'static str]) -> BTreeSet<&'static str> {
    let removed: Vec<&str> = codes.iter().filter_map(|code| code.strip_prefix('-')).collect();
    let added = codes.iter().copied().filter(|code| !code.starts_with('-'));
    healthy.iter().copied().filter(|code| !removed.contains(code)).chain(added).collect()
}
