//! Tests over HTTP: the folders mirror the URLs. Each test starts a server of its own.
//! One binary, so that it is linked once: add files here, not beside it.
#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected has failed")]

mod account;
mod backup;
mod clients;
mod clock;
mod consent;
mod database;
mod doctor;
mod faults;
mod forms;
mod health;
mod idp;
mod key_rotation;
mod languages;
mod layers;
mod links;
mod lockout;
mod login;
mod meanwhile;
mod net;
mod oauth;
mod passkeys;
mod password;
mod replicas;
mod second_factor;
mod start_up;
mod starts;
mod well_known;
