//! What the environment says: the variable of each option, and those that are in nobody's way.

use super::{ARGUMENT, Arguments, ENV_PREFIX, Fault, Sources};
use figment::providers::Env;
use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};
use std::env;
use std::ffi::OsStr;

/// Variables that start like options but are none: they speak to the command line, the clients, the tests and the
/// build. Exported, they are in nobody's way.
pub const ENV_NO_OPTIONS: [&str; 17] = [
    "config",
    "url",
    "token",
    "shared",
    "crash_cycles",
    "crash_seed",
    "histories",
    "disk_seed",
    "disk_seeds",
    "flips",
    "overload_seconds",
    "sim_seed",
    "sim_seeds",
    "sim_trace",
    "model_seed",
    "model_carts",
    "pgo_counts",
];

/// Names the environment variable of an option.
pub(super) fn variable(option: &str) -> String {
    format!("environment variable {ENV_PREFIX}{}", option.to_uppercase())
}

/// Finds the variables and arguments that are no text: every option is read as one.
pub(super) fn no_texts(arguments: &Arguments) -> Vec<Fault> {
    let fault = |option: String, source: String, value: &OsStr| {
        let message = format!("{value:?} is not UTF-8; choose one that is");
        value.to_str().is_none().then_some(Fault {
            option,
            source,
            message,
        })
    };
    let variables = env::vars_os().filter_map(|(name, value)| {
        let option = name.to_str()?.strip_prefix(ENV_PREFIX)?.to_lowercase();
        let is_one = !ENV_NO_OPTIONS.contains(&option.as_str());
        let source = variable(&option);
        is_one.then(|| fault(option, source, &value)).flatten()
    });
    let data = arguments.data.iter();
    let data = data.filter_map(|data| fault("data".to_owned(), ARGUMENT.to_owned(), data.as_os_str()));
    variables.chain(data).collect()
}

/// The environment's variables. That of an option that is a text is the text itself; every other is read as a value.
pub(super) struct Variables(pub(super) Env);

impl Provider for Variables {
    fn metadata(&self) -> Metadata {
        self.0.metadata()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let options: Dict = Sources::defaults().figment.extract()?;
        let mut data = self.0.data()?;
        for (option, text) in self.0.iter() {
            let option = option.as_str();
            if matches!(options.get(option), Some(Value::String(..))) {
                let read = data.entry(Profile::Default).or_default();
                read.insert(option.to_owned(), Value::from(text));
            }
        }
        Ok(data)
    }
}
