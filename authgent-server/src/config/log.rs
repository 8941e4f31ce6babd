//! What is logged, and how.

/// The filter that is used where none is set: our own events, and of libraries only what is wrong. rmcp and the
/// database driver would otherwise write a line for every request.
pub const DEFAULT_FILTER: &str = "info,actix_server=warn,rmcp=warn,sea_orm_migration=warn,sqlx=warn";

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// Directives of `tracing_subscriber::EnvFilter`, such as `info,authgent_server=debug`.
    pub filter: String,
    /// The form.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { filter: DEFAULT_FILTER.to_owned(), format: LogFormat::Auto }
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// The format of that name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "human" => Some(Self::Human),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}
