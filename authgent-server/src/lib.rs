//! Authgent: an OAuth 2.1 authorization server made for MCP.
//!
//! # Where things are
//!
//! | module | what it holds | may use |
//! |---|---|---|
//! | [`cli`] | one file per subcommand | everything |
//! | [`startup`] | wires the layers: [`startup::Application`] | everything |
//! | [`http`] | the route table, one file per endpoint, pages, errors as responses | `service` |
//! | [`service`] | what each endpoint decides, in order | `domain`, `store`, `crypto`, `mail`, `net` |
//! | [`store`] | sea-orm: entities, migrations, transactions | `domain` |
//! | [`crypto`] | josekit and OpenSSL: keys, signatures, hashes, randomness | `domain` |
//! | [`net`] | reqwest and lettre: what this server asks of others, and which addresses it may ask | `config`, `mail` |
//! | [`mail`] | the words of mails | `domain` |
//! | [`doctor`] | walks the path of a client and says what is wrong | `net`, `crypto` |
//! | [`domain`] | clients, grants, codes, tokens as states | `authgent-core` |
//! | [`config`], [`telemetry`], [`clock`] | settings, logs, time | `authgent-core`, `domain`, `crypto` |
//!
//! `actix_web` appears only in `http` and `startup`, `sea_orm` only in `store`, `josekit` and `openssl` only in `crypto`, `reqwest`
//! and `lettre` only in `net`.

pub mod cli;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod doctor;
pub mod domain;
pub mod http;
pub mod mail;
pub mod net;
pub mod service;
pub mod startup;
pub mod store;
pub mod telemetry;
