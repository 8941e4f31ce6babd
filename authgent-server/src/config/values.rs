//! The layers merged, and single values taken out of them with errors that say where they came from.

use super::error::{ConfigError, Place};
use super::settings::{SETTINGS, Setting, setting};
use config::{Map, Source, Value, ValueKind};
use std::path::{Path, PathBuf};

/// One layer of settings: a file, the variables, or the options of the command line.
#[derive(Clone, Default)]
pub(super) struct Layer(pub(super) Map<String, Value>);

/// Values may be secrets.
impl std::fmt::Debug for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}

/// All layers merged; of a key that is in several, the last one counts.
pub(super) struct Values {
    merged: Map<String, Value>,
    file: Option<PathBuf>,
}

impl Values {
    pub(super) fn merge(file: Option<PathBuf>, layers: [Layer; 3]) -> Self {
        let builder = layers
            .into_iter()
            .fold(config::Config::builder(), config::ConfigBuilder::<config::builder::DefaultState>::add_source);
        // Layers are maps in memory: collecting them cannot fail.
        let merged = builder.build().and_then(|merged| merged.collect()).unwrap_or_default();
        Self { merged, file }
    }

    fn value(&self, key: &str) -> Option<&Value> {
        let (table, name) = match key.split_once('.') {
            Some((outer, inner)) => match &self.merged.get(outer)?.kind {
                ValueKind::Table(table) => (table, inner),
                _ => return None,
            },
            None => (&self.merged, key),
        };
        table.get(name).filter(|value| !matches!(value.kind, ValueKind::Nil))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Where the value of this key was given.
    pub(super) fn place(&self, key: &str) -> Place {
        match self.value(key).and_then(|value| value.origin()) {
            Some(origin) if origin.starts_with("--") => Place::Flag(origin.to_owned()),
            Some(origin) if origin.starts_with("AUTHGENT_") => Place::Variable(origin.to_owned()),
            _ => match &self.file {
                Some(file) => Place::Key { key: key.to_owned(), file: file.clone() },
                None => Place::Variable(setting(key).variable.to_owned()),
            },
        }
    }

    pub(super) fn wrong(&self, key: &str, problem: impl Into<String>) -> ConfigError {
        let place = self.place(key);
        let example = match &place {
            Place::Variable(_) => setting(key).variable_example(),
            Place::Key { .. } => setting(key).key_example(),
            Place::Flag(name) => format!("{name} {}", setting(key).example),
        };
        ConfigError::Wrong { place, problem: problem.into(), example }
    }

    /// A text, where it is given.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, ConfigError> {
        match self.value(key).map(|value| &value.kind) {
            None => Ok(None),
            Some(ValueKind::String(text)) => Ok(Some(text.trim().to_owned())),
            Some(_) => Err(self.wrong(key, "must be a text in quotes")),
        }
    }

    /// `true` or `false`, where the file says one of them.
    pub(super) fn boolean(&self, key: &str) -> Option<bool> {
        match self.value(key).map(|value| &value.kind) {
            Some(ValueKind::Boolean(written)) => Some(*written),
            _ => None,
        }
    }

    /// A text that must be given.
    pub(super) fn required(&self, key: &str) -> Result<String, ConfigError> {
        self.text(key)?.ok_or(ConfigError::Missing { setting: setting(key) })
    }

    /// A text, or the default of the table.
    pub(super) fn text_or_default(&self, key: &str) -> Result<String, ConfigError> {
        Ok(self.text(key)?.unwrap_or_else(|| setting(key).default.to_owned()))
    }

    /// Texts: an array in the file, separated by spaces or commas in a variable; or the default of the table. The one text
    /// `none` is the empty list.
    pub(super) fn list(&self, key: &str) -> Result<Vec<String>, ConfigError> {
        let words = |text: &str| {
            let words = text.split([' ', ',', '\n', '\t']).filter(|word| !word.is_empty());
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        let texts = match self.value(key).map(|value| &value.kind) {
            None => words(setting(key).default),
            Some(ValueKind::String(text)) => words(text),
            Some(ValueKind::Array(values)) => {
                let texts = values.iter().map(|value| match &value.kind {
                    ValueKind::String(text) => Some(text.trim().to_owned()),
                    _ => None,
                });
                texts.collect::<Option<_>>().ok_or_else(|| self.wrong(key, "must be an array of texts"))?
            }
            Some(_) => return Err(self.wrong(key, "must be an array of texts")),
        };
        Ok(if texts == ["none"] { Vec::new() } else { texts })
    }

    /// A whole number within a range, or the default of the table. `unit` continues "must be a number".
    pub(super) fn number<T: TryFrom<i64>>(
        &self,
        key: &str,
        unit: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<T>, ConfigError> {
        let (given, number) = match self.value(key).map(|value| &value.kind) {
            None if setting(key).default.is_empty() => return Ok(None),
            None => (setting(key).default.to_owned(), setting(key).default.parse().ok()),
            Some(ValueKind::I64(number)) => (number.to_string(), Some(*number)),
            Some(ValueKind::String(text)) => (format!("{text:?}"), text.trim().parse().ok()),
            Some(_) => ("this".to_owned(), None),
        };
        let number = number.filter(|number| range.contains(number)).and_then(|number| T::try_from(number).ok());
        number.map(Some).ok_or_else(|| {
            let (least, most) = range.into_inner();
            self.wrong(key, format!("must be a number {unit}from {least} to {most}, and {given} is none"))
        })
    }

    /// A value of some structure: tables in the file, JSON in a variable.
    pub(super) fn structure<T: serde::de::DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let parsed = match &value.kind {
            ValueKind::String(json) => serde_json::from_str(json).map_err(|error| error.to_string()),
            _ => value.clone().try_deserialize().map_err(|error| error.to_string()),
        };
        parsed.map(Some).map_err(|problem| self.wrong(key, format!("cannot be read ({problem})")))
    }
}

/// Refuses a key of the file that does not exist, so that a slip of the pen is not a default that nobody chose.
pub(super) fn check_keys(file: &Path, layer: &Layer) -> Result<(), ConfigError> {
    let mut keys: Vec<String> = Vec::new();
    for (name, value) in &layer.0 {
        match &value.kind {
            ValueKind::Table(table) if SETTINGS.iter().any(|known| known.key.split('.').next() == Some(name)) => {
                keys.extend(table.keys().map(|inner| format!("{name}.{inner}")));
            }
            _ => keys.push(name.clone()),
        }
    }
    keys.sort();
    match keys.into_iter().find(|key| !SETTINGS.iter().any(|known| known.key == key)) {
        None => Ok(()),
        Some(key) => {
            let nearest = super::edit_distance::nearest(&key, SETTINGS.iter().map(|known| known.key));
            let nearest = nearest.unwrap_or_default().to_owned();
            Err(ConfigError::UnknownKey { key, file: file.to_owned(), nearest })
        }
    }
}

/// The variables of the table that are set and not empty, by key.
pub(super) fn of_variables(environment: &std::collections::BTreeMap<String, String>) -> Layer {
    let mut layer = Layer::default();
    for Setting { key, variable, .. } in SETTINGS {
        if let Some(text) = environment.get(*variable).filter(|text| !text.trim().is_empty()) {
            let origin = (*variable).to_owned();
            layer.0.insert((*key).to_owned(), Value::new(Some(&origin), text.clone()));
        }
    }
    layer
}
