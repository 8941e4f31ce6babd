//! What is wrong with the settings.

use super::settings::Setting;
use std::fmt;
use std::path::PathBuf;

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A variable, by its name.
    Variable(String),
    /// A key of the file.
    Key {
        /// The key, with a dot before a nested name.
        key: String,
        /// The file.
        file: PathBuf,
    },
    /// An option of the command line.
    Flag(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
            Self::Key { key, file } => write!(f, "{key} in {}", file.display()),
        }
    }
}

/// Why the settings cannot be used. Each is one sentence for the operator; none holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {} cannot be read: {problem}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        problem: std::io::Error,
    },
    /// The file is not TOML. The line itself is not shown, because a password may stand in it.
    #[error("the configuration file {} is not TOML: {problem}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// Where and what.
        problem: String,
    },
    /// The file has a key that does not exist.
    #[error("{key} in {} is no setting of Authgent: the nearest that exists is {nearest}", file.display())]
    UnknownKey {
        /// The key.
        key: String,
        /// The file.
        file: PathBuf,
        /// The nearest key that exists.
        nearest: String,
    },
    /// A value that must be given is not.
    #[error("{} is missing ({}): for example {}", setting.variable, setting.meaning, setting.variable_example())]
    Missing {
        /// The setting.
        setting: &'static Setting,
    },
    /// There is no signing key.
    #[error(
        "AUTHGENT_SIGNING_KEY is missing (the path of the private key that signs tokens): for example \
         AUTHGENT_SIGNING_KEY=signing-key.pem, made by `authgent key generate --out signing-key.pem`"
    )]
    NoSigningKey,
    /// The signing key is given twice.
    #[error("{path} and {data} are both set: keep one of them, since only one key signs")]
    TwoSigningKeys {
        /// Where the path is given.
        path: Place,
        /// Where the key itself is given.
        data: Place,
    },
    /// A value is not what it must be.
    #[error("{place} {problem}: for example {example}")]
    Wrong {
        /// Where.
        place: Place,
        /// What is wrong, continuing "NAME …".
        problem: String,
        /// A value that would do, with its name.
        example: String,
    },
    /// Something is wrong, perhaps because a variable has another name than was meant.
    #[error("{error}\n{}", notes.join("\n"))]
    Beside {
        /// What is wrong.
        error: Box<Self>,
        /// A sentence about each variable that is no setting.
        notes: Vec<String>,
    },
    /// `authgent dev` must know its own address.
    #[error("with port 0 nobody knows the issuer beforehand: set AUTHGENT_ISSUER, or choose a port")]
    NoIssuer,
}

impl ConfigError {
    /// The same with notes, where there are some.
    pub(super) fn beside(self, notes: Vec<String>) -> Self {
        if notes.is_empty() { self } else { Self::Beside { error: Box::new(self), notes } }
    }
}
