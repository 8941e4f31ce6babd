//! The harness of Authgent's tests over HTTP: a real server on a real database, a person with a browser, and a client whose
//! every parameter can be changed. One test binary, `tests/http`, whose folders mirror the URLs.

pub mod authenticator;
pub mod broken;
pub mod browser;
pub mod certificates;
/// The time of a test, which moves when the test says so.
pub mod clock;
pub mod documents;
pub mod flow;
pub mod html;
pub mod journey;
pub mod matrix;
pub mod postgres;
pub mod preload;
pub mod server;
pub mod sign_in;
pub mod smtp;
pub mod stack;
pub mod upstream;
