//! Puts the layers together: defaults, the file, variables, options of the command line. Each wins over those before it.

use super::branding;
use super::clients;
use super::encryption_key::EncryptionKey;
use super::error::ConfigError;
use super::group_scopes::{GroupTable, group_scopes};
use super::idp::idp;
use super::key_source::KeySource;
use super::log::{LogConfig, LogFormat};
use super::mail::{MailConfig, mail};
use super::resources::{ResourceTable, resources};
use super::settings::{CONFIG_VARIABLE, OF_OTHERS, SETTINGS, setting};
use super::values::{Layer, Values, check_keys, of_variables};
use super::{Config, Loaded};
use crate::crypto::pem::SigningAlgorithm;
use crate::domain::patterns::is_protected;
use crate::domain::{GroupScope, Resource};
use authgent_core::issuer::Issuer;
use config::{FileFormat, Format as _, Value};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// Reads settings. The environment is a parameter, so that tests need not change that of the process.
#[derive(Clone)]
pub struct Loader {
    environment: BTreeMap<String, String>,
    file: Option<PathBuf>,
    flags: Layer,
    fallbacks: Fallbacks,
}

/// What `authgent dev` chooses where nothing is set.
#[derive(Clone, Default)]
struct Fallbacks {
    /// The issuer is this machine at the port.
    local_issuer: bool,
    signing_key: Option<PathBuf>,
    db_dsn: Option<String>,
    host: Option<String>,
    resources: Vec<Resource>,
}

/// What a command needs that works on the database alone.
#[derive(Debug, Clone)]
pub struct Database {
    /// The address of the database.
    pub dsn: SecretString,
    /// One sentence each.
    pub warnings: Vec<String>,
}

/// Where a running server of these settings is found from the same machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its address as it stands in a URL: where it listens, or loopback where it listens at all addresses.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path of the issuer, below which everything is served; often empty.
    pub path: String,
}

impl Loader {
    /// A loader that reads these variables. Those without the prefix `AUTHGENT_` are left aside.
    #[must_use]
    pub fn new(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let environment = environment.into_iter().filter(|(name, _)| name.starts_with("AUTHGENT_")).collect();
        Self { environment, file: None, flags: Layer::default(), fallbacks: Fallbacks::default() }
    }

    /// The file to read; without one, `AUTHGENT_CONFIG` may name it.
    #[must_use]
    pub fn file(mut self, file: Option<&Path>) -> Self {
        self.file = file.map(Path::to_owned);
        self
    }

    /// A value given on the command line, by the key it is for. Wins over everything else.
    #[must_use]
    pub fn flag(mut self, flag: &str, key: &str, value: Option<String>) -> Self {
        if let Some(value) = value {
            self.flags.0.insert(key.to_owned(), Value::new(Some(&flag.to_owned()), value));
        }
        self
    }

    /// What is used where neither file nor variables say otherwise, for a server to try things with: the issuer
    /// `http://localhost:PORT`, the loopback address, and this key, database and resources.
    #[must_use]
    pub fn for_development(mut self, signing_key: PathBuf, db_dsn: String, resources: Vec<Resource>) -> Self {
        self.fallbacks = Fallbacks {
            local_issuer: true,
            signing_key: Some(signing_key),
            db_dsn: Some(db_dsn),
            host: Some("127.0.0.1".into()),
            resources,
        };
        self
    }

    /// The database that is used where none is set.
    #[must_use]
    pub fn database_fallback(mut self, db_dsn: Option<String>) -> Self {
        self.fallbacks.db_dsn = db_dsn;
        self
    }

    /// Everything that a server needs.
    ///
    /// # Errors
    /// [`ConfigError`] on the first thing that is wrong.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let mut loaded = self.load_all().map_err(|error| error.beside(self.unknown_variables()))?;
        loaded.warnings.splice(..0, self.unknown_variables());
        Ok(loaded)
    }

    fn load_all(&self) -> Result<Loaded, ConfigError> {
        let values = self.values()?;
        let port = port(&values)?;
        let config = Config {
            issuer: self.issuer(&values, port)?,
            signing_key: self.signing_key(&values)?,
            signing_alg: values
                .text_or_default("signing_alg")?
                .parse::<SigningAlgorithm>()
                .map_err(|error| values.wrong("signing_alg", error.to_string()))?,
            db_dsn: self.db_dsn(&values)?,
            host: self.host(&values)?,
            port,
            token_ttl: seconds(&values, "token_ttl", 1..=86_400)?,
            refresh_ttl: seconds(&values, "refresh_ttl", 0..=31_536_000)?,
            id_token_ttl: seconds(&values, "id_token_ttl", 1..=86_400)?,
            code_ttl: seconds(&values, "code_ttl", 1..=3600)?,
            refresh_grace: seconds(&values, "refresh_grace", 0..=300)?,
            encryption_key: encryption_key(&values)?,
            key_rotation_days: values.number("key_rotation_days", "of days ", 0..=3650)?.unwrap_or_default(),
            key_publish_ahead: seconds(&values, "key_publish_ahead", 0..=2_592_000)?,
            session_ttl: seconds(&values, "session_ttl", 1..=31_536_000)?,
            client_documents: clients::documents(&values)?,
            registration: clients::registration(&values)?,
            trusted_proxies: clients::trusted_proxies(&values)?,
            sign_in_rate: values.number("sign_in_rate", "of tries ", 0..=1_000_000)?.unwrap_or_default(),
            mail: mail(&values)?,
            group_scopes: of_groups(&values)?,
            account_deletion: clients::on(&values, "account_deletion")?,
            branding: branding::branding(&values)?,
            idp: idp(&values)?,
            resources: self.resources(&values)?,
            log: log(&values)?,
        };
        if config.idp.providers.iter().any(|provider| provider.issuer_text == config.issuer.as_str()) {
            return Err(values.wrong("idp.issuer", "is the issuer of this server itself, where nobody can sign in"));
        }
        let mut warnings = Vec::new();
        warnings.extend(insecure_issuer(&config.issuer));
        Ok(Loaded { config, warnings })
    }

    /// What a command needs that works on the database alone: no issuer and no key have to be set for it.
    ///
    /// # Errors
    /// [`ConfigError`] on the first thing that is wrong.
    pub fn database(&self) -> Result<Database, ConfigError> {
        Ok(Database { dsn: self.db_dsn(&self.values()?)?, warnings: self.unknown_variables() })
    }

    /// The issuer, for commands that make links; where the database is that of `authgent dev`, its issuer.
    ///
    /// # Errors
    /// [`ConfigError`] where it is missing or wrong.
    pub fn public_issuer(&self) -> Result<Issuer, ConfigError> {
        let values = self.values()?;
        let local = self.fallbacks.db_dsn.is_some() && !values.has("db_dsn");
        match values.text("issuer")? {
            None if local => parse_issuer(&values, &format!("http://localhost:{}", port(&values)?)),
            _ => self.issuer(&values, port(&values)?),
        }
    }

    /// Whether people can sign in with a password or a passkey of this server, for commands about those.
    ///
    /// # Errors
    /// [`ConfigError`] on the first thing that is wrong.
    pub fn local_accounts(&self) -> Result<bool, ConfigError> {
        Ok(idp(&self.values()?)?.local_accounts)
    }

    /// How mail goes out, for commands that send some.
    ///
    /// # Errors
    /// [`ConfigError`] on the first thing that is wrong.
    pub fn mail(&self) -> Result<Option<MailConfig>, ConfigError> {
        mail(&self.values()?)
    }

    /// Where a running server of these settings is found. Needs nothing to be set.
    ///
    /// # Errors
    /// [`ConfigError`] on the first thing that is wrong.
    pub fn listener(&self) -> Result<Listener, ConfigError> {
        let values = self.values()?;
        let path = match values.text("issuer")? {
            Some(issuer) => parse_issuer(&values, &issuer)?.path().to_owned(),
            None => String::new(),
        };
        let host = match self.host(&values)?.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) if address.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
            Ok(IpAddr::V6(address)) if address.is_unspecified() => format!("[{}]", Ipv6Addr::LOCALHOST),
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            Ok(IpAddr::V4(_)) | Err(_) => self.host(&values)?,
        };
        Ok(Listener { host, port: port(&values)?, path })
    }

    fn values(&self) -> Result<Values, ConfigError> {
        let variable = self.environment.get(CONFIG_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
        let path = self.file.clone().or(variable);
        let file = path.as_deref().map(read).transpose()?.unwrap_or_default();
        Ok(Values::merge(path, [file, of_variables(&self.environment), self.flags.clone()]))
    }

    fn issuer(&self, values: &Values, port: u16) -> Result<Issuer, ConfigError> {
        match values.text("issuer")? {
            Some(issuer) => parse_issuer(values, &issuer),
            None if !self.fallbacks.local_issuer => Err(ConfigError::Missing { setting: setting("issuer") }),
            None if port == 0 => Err(ConfigError::NoIssuer),
            None => parse_issuer(values, &format!("http://localhost:{port}")),
        }
    }

    fn signing_key(&self, values: &Values) -> Result<KeySource, ConfigError> {
        match (values.text("signing_key")?, values.text("signing_key_data")?) {
            (Some(_), Some(_)) => Err(ConfigError::TwoSigningKeys {
                path: values.place("signing_key"),
                data: values.place("signing_key_data"),
            }),
            (Some(path), None) if path.contains("-----BEGIN") => {
                let problem = "must be the path of the key; the key itself belongs into AUTHGENT_SIGNING_KEY_DATA";
                Err(values.wrong("signing_key", problem))
            }
            (Some(path), None) => Ok(KeySource::File(path.into())),
            (None, Some(pem)) => Ok(KeySource::data(&pem)),
            (None, None) => self.fallbacks.signing_key.clone().map(KeySource::File).ok_or(ConfigError::NoSigningKey),
        }
    }

    fn db_dsn(&self, values: &Values) -> Result<SecretString, ConfigError> {
        match (values.has("db_dsn"), &self.fallbacks.db_dsn) {
            (false, Some(dsn)) => Ok(dsn.clone().into()),
            _ => values.required("db_dsn").map(Into::into),
        }
    }

    fn host(&self, values: &Values) -> Result<String, ConfigError> {
        let host = match (values.has("host"), &self.fallbacks.host) {
            (false, Some(host)) => host.clone(),
            _ => values.text_or_default("host")?,
        };
        // The form of an IPv6 address in a URL.
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
        let is_name = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if is_name || host.parse::<IpAddr>().is_ok() {
            return Ok(host.to_owned());
        }
        Err(values.wrong("host", format!("must be an IP address or a name without a port, and {host:?} is neither")))
    }

    fn resources(&self, values: &Values) -> Result<Vec<Resource>, ConfigError> {
        match values.structure::<Vec<ResourceTable>>("resource")? {
            Some(tables) => resources(tables).map_err(|problem| values.wrong("resource", problem)),
            None => Ok(self.fallbacks.resources.clone()),
        }
    }

    fn unknown_variables(&self) -> Vec<String> {
        let is_known = |name: &str| {
            name == CONFIG_VARIABLE || OF_OTHERS.contains(&name) || SETTINGS.iter().any(|known| known.variable == name)
        };
        let unknown = self.environment.keys().filter(|name| !is_known(name));
        let sentence = |name: &String| {
            let known = SETTINGS.iter().map(|known| known.variable).chain([CONFIG_VARIABLE]);
            let nearest = super::edit_distance::nearest(name, known).unwrap_or_default();
            format!("{name} is no setting of Authgent and has no effect: the nearest that exists is {nearest}")
        };
        unknown.map(sentence).collect()
    }
}

fn of_groups(values: &Values) -> Result<Vec<GroupScope>, ConfigError> {
    let tables = values.structure::<Vec<GroupTable>>("group_scopes")?.unwrap_or_default();
    group_scopes(tables).map_err(|problem| values.wrong("group_scopes", problem))
}

fn encryption_key(values: &Values) -> Result<Option<EncryptionKey>, ConfigError> {
    let Some(text) = values.text("encryption_key")? else { return Ok(None) };
    let key = EncryptionKey::parse(text.trim());
    key.map(Some).ok_or_else(|| values.wrong("encryption_key", "must be 32 bytes in base64"))
}

fn read(file: &Path) -> Result<Layer, ConfigError> {
    let text =
        std::fs::read_to_string(file).map_err(|problem| ConfigError::Unreadable { file: file.to_owned(), problem })?;
    let origin = file.display().to_string();
    let map = FileFormat::Toml.parse(Some(&origin), &text).map_err(|error| ConfigError::Syntax {
        file: file.to_owned(),
        problem: without_the_line(&error.to_string()),
    })?;
    let layer = Layer(map);
    check_keys(file, &layer)?;
    Ok(layer)
}

/// The message of the TOML parser without the line that it quotes, in which a password may stand.
fn without_the_line(message: &str) -> String {
    let quoted = |line: &&str| {
        !line
            .split_once('|')
            .is_some_and(|(number, _)| number.trim().parse::<u32>().is_ok() || number.trim().is_empty())
    };
    message
        .lines()
        .filter(quoted)
        .map(|line| line.trim_start_matches("TOML parse error ").trim())
        .collect::<Vec<_>>()
        .join(": ")
}

fn parse_issuer(values: &Values, issuer: &str) -> Result<Issuer, ConfigError> {
    Issuer::parse(issuer).map_err(|error| values.wrong("issuer", format!("cannot be used ({error})")))
}

fn port(values: &Values) -> Result<u16, ConfigError> {
    Ok(values.number("port", "", 0..=65_535)?.unwrap_or_default())
}

fn seconds(values: &Values, key: &str, range: std::ops::RangeInclusive<i64>) -> Result<u32, ConfigError> {
    Ok(values.number(key, "of seconds ", range)?.unwrap_or_default())
}

fn log(values: &Values) -> Result<LogConfig, ConfigError> {
    let filter = values.text_or_default("log")?;
    crate::telemetry::parse_filter(&filter)
        .map_err(|error| values.wrong("log", format!("is no log filter ({error})")))?;
    let format = values.text_or_default("log_format")?;
    let format = LogFormat::parse(&format)
        .ok_or_else(|| values.wrong("log_format", format!("must be auto, human or json, and {format:?} is none")))?;
    Ok(LogConfig { filter, format })
}

fn insecure_issuer(issuer: &Issuer) -> Option<String> {
    let url = url::Url::parse(issuer.as_str()).ok()?;
    (!is_protected(&url)).then(|| {
        format!(
            "the issuer {issuer} is reached over plain http: passwords and tokens can be read on the way; use https, \
             for example behind a reverse proxy"
        )
    })
}
