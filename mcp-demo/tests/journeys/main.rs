//! Journeys through a real server on a free port, and through the real binary.

#![expect(clippy::unwrap_used, reason = "tests")]

mod command;
mod demo;
mod door;
mod guide;
mod sessions;
mod stateless;
mod stdio;
