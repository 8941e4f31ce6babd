//! Logs, through tracing-subscriber. They go to standard error, so that standard output stays what a command prints.

use crate::config::{LogConfig, LogFormat};
use std::io::IsTerminal as _;
use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Begins to log. Where something logs already (several servers in one test), that stays as it is.
pub fn init(config: &LogConfig) {
    let terminal = std::io::stderr().is_terminal();
    let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // An error says that a subscriber is there already.
    let _ = Dispatch::new(subscriber(config, terminal, colours, std::io::stderr)).try_init();
}

/// The filter that these directives make.
///
/// # Errors
/// [`ParseError`] on the first directive that is none.
pub fn parse_filter(directives: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(directives)
}

fn is_json(format: LogFormat, terminal: bool) -> bool {
    match format {
        LogFormat::Auto => !terminal,
        LogFormat::Human => false,
        LogFormat::Json => true,
    }
}

/// Boxed, because the two forms are two types.
fn subscriber<W>(
    config: &LogConfig,
    terminal: bool,
    colours: bool,
    writer: W,
) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // The configuration was checked when it was read; a filter made in code falls back to the default.
    let filter = parse_filter(&config.filter).unwrap_or_else(|_| EnvFilter::new(crate::config::DEFAULT_FILTER));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    if is_json(config.format, terminal) {
        Box::new(builder.json().flatten_event(true).with_span_list(false).finish())
    } else {
        Box::new(builder.compact().with_ansi(colours).finish())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    /// What is logged.
    #[derive(Clone, Default)]
    pub(crate) struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Buffer {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, terminal: bool, colours: bool) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let config = LogConfig { filter: "info".into(), format };
        let subscriber = subscriber(&config, terminal, colours, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("request", request.id = 7).entered();
            tracing::info!(client.id = "c", "issued");
            tracing::debug!("unseen");
        });
        buffer.text()
    }

    #[test]
    fn json_where_nobody_looks() {
        let text = logged(LogFormat::Auto, false, false);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["level"], &line["message"]), (&"INFO".into(), &"issued".into()));
        assert_eq!((&line["client.id"], &line["span"]["request.id"]), (&"c".into(), &7.into()));
        assert_eq!(logged(LogFormat::Json, true, true).lines().count(), 1);
    }

    #[test]
    fn words_on_a_terminal() {
        let text = logged(LogFormat::Auto, true, false);
        assert!(text.contains("INFO") && text.contains("issued") && !text.contains('{') && !text.contains('\u{1b}'));
        assert!(logged(LogFormat::Human, false, true).contains('\u{1b}'));
    }

    #[test]
    fn a_wrong_directive_is_refused_and_twice_is_no_harm() {
        assert!(parse_filter("info,rmcp=warn").is_ok() && parse_filter(crate::config::DEFAULT_FILTER).is_ok());
        assert!(parse_filter("info,rmcp=loud").is_err());
        init(&LogConfig { filter: "off".into(), format: LogFormat::Auto });
        init(&LogConfig { filter: "off".into(), format: LogFormat::Auto });
    }
}
