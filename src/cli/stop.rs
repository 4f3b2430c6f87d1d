//! `warrener stop` and `warrener resume`: calls are refused with a reason, until they are not.

use super::{CommandError, Ended, serve};
use crate::identity::{KeyFile, Stop, StopFile, Whom};
use crate::telemetry::{Clock as _, SystemClock};
use clap::Args;
use jiff::Timestamp;
use std::io::{self, Write};
use std::path::PathBuf;

/// What is stopped.
#[derive(Args, Debug)]
pub(super) struct StopArguments {
    /// Why, for the client's model and for the trail
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    whom: WhomArguments,
}

/// What is resumed.
#[derive(Args, Debug)]
pub(super) struct ResumeArguments {
    #[command(flatten)]
    whom: WhomArguments,
}

#[derive(Args, Debug)]
struct WhomArguments {
    /// Only the calls of that role
    #[arg(long, value_name = "ROLE", conflicts_with = "client")]
    role: Option<String>,
    /// Only the calls of that client
    #[arg(long, value_name = "NAME")]
    client: Option<String>,
    /// The file of stops, as `serve` names it when it starts; that of the settings, or `warrener.stop.yaml` beside the keys, where it
    /// is left out
    #[arg(long, value_name = "FILE", env = "WARRENER_STOPS")]
    stops: Option<PathBuf>,
    /// The file of client keys; that of the settings where it is left out
    #[arg(long, value_name = "FILE", env = "WARRENER_KEYS")]
    keys: Option<PathBuf>,
    /// The settings; `warrener.yaml` in the working folder where there is one
    #[arg(long, value_name = "FILE", env = "WARRENER_CONFIG")]
    config: Option<PathBuf>,
}

/// Where the files are.
struct Place {
    stops: PathBuf,
    keys: PathBuf,
}

pub(super) fn stop(arguments: StopArguments) -> Result<Ended, CommandError> {
    let (place, whom) = (arguments.whom.place()?, arguments.whom.whom());
    let now = SystemClock.now();
    let since = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let unknown = place.is_unknown(&whom);
    let file = StopFile::stop(&place.stops, Stop { whom: whom.clone(), since, reason: arguments.reason })?;
    let mut messages = io::stderr().lock();
    place.say(&file, &mut messages)?;
    if unknown {
        let keys = place.keys.display();
        writeln!(messages, "No key in `{keys}` is of {}: this stops nobody now.", bare(&whom))?;
    }
    Ok(Ended::Well)
}

pub(super) fn resume(arguments: &ResumeArguments) -> Result<Ended, CommandError> {
    let place = arguments.whom.place()?;
    let file = StopFile::resume(&place.stops, &arguments.whom.whom())?;
    place.say(&file, &mut io::stderr().lock())?;
    Ok(Ended::Well)
}

impl WhomArguments {
    fn whom(&self) -> Whom {
        let role = self.role.clone().map(Whom::Role);
        role.or(self.client.clone().map(Whom::Client)).unwrap_or(Whom::All)
    }

    fn place(&self) -> Result<Place, CommandError> {
        let mut config = serve::from_file(self.config.as_deref())?;
        config.keys = self.keys.clone().unwrap_or(config.keys);
        config.stops = self.stops.clone().or(config.stops);
        Ok(Place { stops: config.stops(), keys: config.keys })
    }
}

impl Place {
    /// Whether no key is of whom is stopped, so that the name is probably not spelled so. Where the keys cannot be read, nobody knows.
    fn is_unknown(&self, whom: &Whom) -> bool {
        let Ok(keys) = KeyFile::read(&self.keys) else { return false };
        match whom {
            Whom::All => false,
            Whom::Role(role) => !keys.keys().iter().any(|key| key.role == *role),
            Whom::Client(name) => !keys.keys().iter().any(|key| key.name == *name),
        }
    }

    /// What is stopped now, one a line, and where a gateway has to look to know.
    fn say(&self, file: &StopFile, messages: &mut dyn Write) -> io::Result<()> {
        for stop in file.stops() {
            writeln!(messages, "stopped: {} ({})", stop.whom, stop.reason)?;
        }
        if file.stops().is_empty() {
            writeln!(messages, "Nothing is stopped.")?;
        }
        let path = std::path::absolute(&self.stops)?;
        writeln!(messages, "A gateway that reads `{}` goes by it within a second.", path.display())
    }
}

fn bare(whom: &Whom) -> String {
    match whom {
        Whom::All => "anybody".to_owned(),
        Whom::Role(role) => format!("the role `{role}`"),
        Whom::Client(name) => format!("the client `{name}`"),
    }
}
