//! Journeys through a real server on a free port, and through the real binary.

mod command;
mod demo;
mod door;
mod guide;
mod sessions;
mod stateless;
mod stdio;
