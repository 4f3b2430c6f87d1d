//! `warrener config`: the settings as `serve` would take them.

use super::serve::ServeArguments;
use super::settings::TOKEN;
use super::{CommandError, Ended};
use crate::administer::GatewayError;
use crate::config::{Config, EnvValue, Origin, Secret, effective};
use crate::identity::read_secret;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use secrecy::{ExposeSecret, SecretString};
use std::io::Write;

/// Which setting a flag of `serve` says something of. What is not here is no setting.
const SETTINGS: [(&str, &str); 12] = [
    ("listen", "listen.address"),
    ("insecure", "listen.insecure"),
    ("upstream", "upstream.url"),
    ("token_env", "upstream.token_env"),
    ("token_file", "upstream.token_file"),
    ("schema_token_env", "upstream.schema_token_env"),
    ("policies", "policies"),
    ("schema", "schema.file"),
    ("audit", "audit.url"),
    ("feed", "audit.feed"),
    ("keys", "keys"),
    ("stops", "stops"),
];

/// The flags of `serve`, which say the same here.
#[derive(Args, Debug)]
pub(super) struct ConfigArguments {
    #[command(flatten)]
    serve: ServeArguments,
    /// What flags and environment say.
    #[arg(skip)]
    said: Vec<(&'static str, Origin)>,
}

impl ConfigArguments {
    /// Notes what was said by flags, and what by the environment.
    pub(super) fn note(&mut self, matches: &ArgMatches) {
        self.said = SETTINGS
            .into_iter()
            .filter_map(|(flag, path)| {
                let source = matches.value_source(flag)?;
                let origin = if source == ValueSource::CommandLine {
                    Origin::Flag(format!("--{}", flag.replace('_', "-")))
                } else if source == ValueSource::EnvVariable {
                    Origin::Environment(format!("WARRENER_{}", flag.to_ascii_uppercase()))
                } else {
                    return None;
                };
                Some((path, origin))
            })
            .collect();
    }
}

pub(super) fn run(arguments: &ConfigArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let (config, mut origins) = arguments.serve.config_and_origins()?;
    if config.upstream.token == Some(Secret::Env(TOKEN.to_owned())) && !origins.knows("upstream.token_env") {
        origins.say("upstream.token_env", Origin::Environment(TOKEN.to_owned()));
    }
    for (path, origin) in &arguments.said {
        origins.say(path, origin.clone());
    }
    let secrets = secrets(&config);
    let secrets: Vec<&str> = secrets.iter().map(ExposeSecret::expose_secret).collect();
    out.write_all(effective(&config, &origins, &secrets).as_bytes())?;
    match config.listen.problem() {
        Some(problem) => Err(GatewayError::Listen(problem).into()),
        None => Ok(Ended::Well),
    }
}

/// Every secret that can be had here, so that none of them is shown, wherever it was written.
fn secrets(config: &Config) -> Vec<SecretString> {
    let named = [&config.upstream.token, &config.upstream.schema_token, &config.audit.activity_token];
    let certified = config.identity.certificates.iter().filter_map(|certified| certified.token.as_ref());
    let jwt = config.identity.jwt.iter().flat_map(|jwt| {
        let mapped = jwt.roles.values().filter_map(|mapped| mapped.token.as_ref());
        mapped.chain(&jwt.token)
    });
    let local = config.upstream.local.iter().flat_map(|local| &local.env);
    let local = local.filter_map(|(_, value)| match value {
        EnvValue::Secret(secret) => Some(secret),
        EnvValue::Text(_) => None,
    });
    let usual = [TOKEN, "WARRENER_KEY"].map(|name| Secret::Env(name.to_owned()));
    let places = named.into_iter().flatten().chain(certified).chain(jwt).chain(local).chain(&usual);
    places.filter_map(|secret| read_secret(secret).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Command;

    #[test]
    fn every_flag_of_a_setting_is_known_with_its_variable() {
        let command = ConfigArguments::augment_args(Command::new("config"));
        let flags: Vec<_> = command
            .get_arguments()
            .filter(|flag| !["config", "role"].contains(&flag.get_id().as_str()))
            .collect();
        assert_eq!(flags.len(), SETTINGS.len());
        for flag in flags {
            let id = flag.get_id().as_str();
            assert!(SETTINGS.iter().any(|(known, _)| *known == id), "{id}");
            let variable = format!("WARRENER_{}", id.to_ascii_uppercase());
            assert!(flag.get_env().is_none_or(|name| *name == *variable), "{id}");
            assert_eq!(flag.get_long(), Some(id.replace('_', "-").as_str()));
        }
    }
}
