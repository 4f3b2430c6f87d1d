//! The command line: a file for each subcommand.
//!
//! Data goes to standard output, messages to standard error. The exit code is 0 for done or permitted, 1 for failed, 2 for
//! denied, 3 for policies or settings that are not valid.

pub mod audit;
mod check;
mod config;
mod connect;
mod demo;
mod diff;
mod doctor;
mod explain;
mod folder;
mod health;
mod init;
pub mod key;
mod matrix;
mod progress;
mod prove;
mod recorded;
mod replay;
mod schema;
mod serve;
mod settings;
mod shells;
mod stdio;
mod stop;
mod suggest;
mod test;
mod who_can;

use self::audit::activity::ActivityLog;
use crate::administer::{GatewayError, LoadError};
use crate::audit::stats::Screen;
use crate::identity::StopFileError;
use crate::policy::diagnostic::Diagnostics;
use crate::telemetry::{self, Clock as _, SystemClock};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// A policy-enforcing security gateway and audit proxy between AI clients and a Directus MCP endpoint.
#[derive(Debug, Parser)]
#[command(name = "warrener", version, propagate_version = true, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the gateway in front of a Directus
    Serve(Box<serve::ServeArguments>),
    /// Runs the gateway in front of a built-in stand-in for Directus, to see it at work
    Demo(demo::DemoArguments),
    /// Writes settings and policies to start from
    Init(init::InitArguments),
    /// Says what is wrong with the settings and the policies
    Check(check::CheckArguments),
    /// Prints the settings that `serve` would take, with where each comes from, and no secret
    ///
    /// A flag wins over the environment, and that over the file. What is printed is a `warrener.yaml` of the same meaning.
    Config(Box<config::ConfigArguments>),
    /// Runs the tests of the policies
    Test(test::TestArguments),
    /// Tells what one call would do, and what the policies say of it
    Explain(explain::ExplainArguments),
    /// Shows what every role may do, as one table to review
    Matrix(matrix::MatrixArguments),
    /// Decides the calls of a trail again, to see what other policies would have changed
    ///
    /// What the trail keeps of each call is decided by the policies that are given, offline. The text of a request is not needed, and
    /// none is made.
    Replay(replay::ReplayArguments),
    /// Writes the least policy that the calls of a trail need, for one role
    ///
    /// What the trail keeps of each call is decided by the policies that are given, and these are narrowed to what was used: the file on
    /// standard output permits nothing that they do not permit. Nothing is changed by it; review it, and put it in their place.
    Suggest(suggest::SuggestArguments),
    /// Prints the JSON Schemas by which editors check policies, tests and settings
    Schema(schema::SchemaArguments),
    /// Says which roles can do something, by which rule, with a call that shows it
    WhoCan(who_can::WhoCanArguments),
    /// Says whether one role can do something
    Can(who_can::CanArguments),
    /// Proves what the policies can never let happen
    Prove(prove::ProveArguments),
    /// Tells what other policies would change, in words or as a table
    Diff(diff::DiffArguments),
    /// Says how the gateway and the Directus behind it stand, and what to do about it
    ///
    /// It looks with the settings that `serve` would have, and only reads: nothing is changed at Directus, and nothing is written to the
    /// trail.
    Doctor(Box<doctor::DoctorArguments>),
    /// Issues, lists and revokes client keys
    Key(key::KeyArgs),
    /// Refuses calls until they are resumed: all, or those of a role or a client
    ///
    /// A running gateway does so within a second, tells the client's model the reason, and records what it refuses. Calls under way are
    /// finished. It holds over a restart.
    Stop(stop::StopArguments),
    /// Lets calls through again that were stopped
    ///
    /// What was stopped by itself is resumed by itself: all calls, a role, or a client.
    Resume(stop::ResumeArguments),
    /// Says how a client is connected, in the client's own format, or writes it into the client's file
    Connect(Box<connect::ConnectArguments>),
    /// Serves one client over standard input and output, by a gateway elsewhere or by itself
    ///
    /// For clients that start a command instead of opening an address. With `--server` it is a bridge to a gateway, which it shows the
    /// key in `WARRENER_KEY` (or `DIRECTUS_TOKEN`, or `--key-file`). With `--upstream` it is a gateway for this one client: policies,
    /// trail and stops are those of `serve`, and nothing listens.
    Stdio(Box<stdio::StdioArguments>),
    /// Asks the audit trail what was called, by whom, and what came of it
    Audit(Box<audit::AuditArgs>),
    /// Asks a gateway whether it can do its work
    Health(health::HealthArguments),
    /// Prints what a shell completes this command line with
    Completions(shells::CompletionsArguments),
    /// Prints the manual page, or writes those of all commands
    Man(shells::ManArguments),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// Done, or permitted.
    Well,
    /// The call is denied.
    Denied,
    /// A test has failed.
    Failed,
    /// Policies or settings are not valid.
    Invalid,
}

impl Ended {
    fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Failed => 1,
            Self::Denied => 2,
            Self::Invalid => 3,
        }
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    /// The policies, or a schema.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The gateway.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The settings.
    #[error("the settings are not valid")]
    Config(Diagnostics),
    /// Client keys.
    #[error(transparent)]
    Key(#[from] key::KeyCommandError),
    /// The audit trail.
    #[error(transparent)]
    Audit(#[from] audit::AuditError),
    /// The file of stops.
    #[error(transparent)]
    Stops(#[from] StopFileError),
    /// What `init` would have written over.
    #[error("nothing is written, as there already is {files}", files = names(.0))]
    Exists(Vec<PathBuf>),
    /// A file that a command writes.
    #[error("cannot write `{path}`: {cause}", path = path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// A file that a command was given.
    #[error("cannot read `{path}`: {cause}", path = path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// What a command was given is not what it takes.
    #[error("{0}")]
    Input(String),
    /// Two sets of policies cannot be compared.
    #[error(transparent)]
    Compare(Box<CommandError>),
    /// Standard output is gone.
    #[error("the answer cannot be written")]
    Output(#[from] io::Error),
}

/// Runs the command line of this process.
#[expect(clippy::print_stderr, reason = "messages belong on standard error")]
pub fn main() -> ExitCode {
    let parsed = Arguments::command().try_get_matches();
    let parsed = parsed
        .and_then(|matches| Arguments::from_arg_matches(&matches).map(|arguments| (arguments, matches)));
    let (mut arguments, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(stopped) => return shown_by_parser(&stopped),
    };
    let settled = settle(&mut arguments.command, &matches);
    match settled.and_then(|()| run(arguments.command, &mut io::stdout().lock())) {
        Ok(ended) => ExitCode::from(ended.code()),
        // Whoever reads the answer has had enough of it.
        Err(CommandError::Output(cause)) if cause.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprint!("{}", shown(&error));
            let ended = if is_invalid(&error) { Ended::Invalid } else { Ended::Failed };
            ExitCode::from(ended.code())
        }
    }
}

/// Takes the place of trail and key file from the settings where neither the line nor the environment names one, so that commands
/// speak of what `serve` uses.
fn settle(command: &mut Command, matches: &clap::ArgMatches) -> Result<(), CommandError> {
    let unsaid = |name: &str| {
        let source = matches.subcommand().and_then(|(_, matches)| matches.value_source(name));
        source == Some(clap::parser::ValueSource::DefaultValue)
    };
    match command {
        Command::Audit(arguments) => {
            if unsaid("audit") || arguments.needs_settings() {
                arguments.settings = serve::from_file(None)?.audit;
            }
            if unsaid("audit") {
                arguments.audit.clone_from(&arguments.settings.url);
            }
            if let audit::AuditCommand::Show(show) = &mut arguments.command {
                let settings = serve::from_file(None)?;
                show.policies = show.policies.take().or(settings.policies);
                show.activity = settings
                    .upstream
                    .url
                    .zip(settings.audit.activity_token)
                    .map(|(url, token)| ActivityLog { url, token });
            }
        }
        Command::Config(arguments) => {
            if let Some((_, matches)) = matches.subcommand() {
                arguments.note(matches);
            }
        }
        Command::Key(arguments) if unsaid("keys") => arguments.keys = serve::from_file(None)?.keys,
        Command::Key(_)
        | Command::Serve(_)
        | Command::Demo(_)
        | Command::Health(_)
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Init(_)
        | Command::Check(_)
        | Command::Test(_)
        | Command::Explain(_)
        | Command::Matrix(_)
        | Command::Replay(_)
        | Command::Suggest(_)
        | Command::Schema(_)
        | Command::Stop(_)
        | Command::Resume(_)
        | Command::Connect(_)
        | Command::Stdio(_)
        | Command::WhoCan(_)
        | Command::Can(_)
        | Command::Prove(_)
        | Command::Diff(_)
        | Command::Doctor(_) => {}
    }
    Ok(())
}

/// Help was asked for, or the line cannot be read. That is a failure like others: 2 would say that a call is denied.
fn shown_by_parser(stopped: &clap::Error) -> ExitCode {
    // Where this cannot be printed, nothing can.
    let _ = stopped.print();
    ExitCode::from(if stopped.use_stderr() { Ended::Failed.code() } else { Ended::Well.code() })
}

fn run(command: Command, out: &mut dyn Write) -> Result<Ended, CommandError> {
    match command {
        Command::Serve(arguments) => serve::run(&arguments, out),
        Command::Demo(arguments) => demo::run(&arguments, out),
        Command::Init(arguments) => init::run(&arguments, out),
        Command::Check(arguments) => check::run(&arguments, out),
        Command::Config(arguments) => config::run(&arguments, out),
        Command::Test(arguments) => test::run(&arguments, out),
        Command::Explain(arguments) => explain::run(&arguments, out),
        Command::Matrix(arguments) => matrix::run(&arguments, out),
        Command::Replay(arguments) => replay::run(&arguments, SystemClock.now(), out),
        Command::Suggest(arguments) => suggest::run(&arguments, SystemClock.now(), out),
        Command::Schema(arguments) => schema::run(&arguments, out),
        Command::WhoCan(arguments) => who_can::who_can(&arguments, out),
        Command::Can(arguments) => who_can::can(&arguments, out),
        Command::Prove(arguments) => prove::run(&arguments, out),
        Command::Diff(arguments) => diff::run(&arguments, out),
        Command::Doctor(arguments) => doctor::run(&arguments, out),
        Command::Key(arguments) => {
            key::run(arguments, SystemClock.now(), out, &mut io::stderr().lock())?;
            Ok(Ended::Well)
        }
        Command::Stop(arguments) => stop::stop(arguments),
        Command::Resume(arguments) => stop::resume(&arguments),
        Command::Connect(arguments) => connect::run(&arguments, out),
        Command::Stdio(arguments) => stdio::run(&arguments),
        Command::Health(arguments) => health::run(&arguments, out),
        Command::Completions(arguments) => shells::completions(&arguments, out),
        Command::Man(arguments) => shells::man(&arguments, out),
        Command::Audit(arguments) => {
            runtime()?.block_on(audit::run(*arguments, screen(), out, &mut io::stderr().lock()))?;
            Ok(Ended::Well)
        }
    }
}

/// The runtime of the commands that wait for something.
fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

fn names(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", ")
}

/// Whether what is written to standard output should have colours.
fn coloured() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// What standard output is, for what fits itself to a terminal.
fn screen() -> Screen {
    let size = terminal_size::terminal_size_of(io::stdout());
    Screen { width: size.map(|(width, _)| width.0.into()), coloured: coloured() }
}

/// The error with its causes, each once; what is wrong with a file is shown in the file.
fn shown(error: &CommandError) -> String {
    if let Some(diagnostics) = diagnostics(error) {
        let coloured = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
        return diagnostics.render(coloured);
    }
    format!("error: {}\n", telemetry::chain(error))
}

fn diagnostics(error: &CommandError) -> Option<&Diagnostics> {
    match error {
        CommandError::Compare(cause) => diagnostics(cause),
        CommandError::Load(LoadError::Policies(found))
        | CommandError::Gateway(GatewayError::Load(LoadError::Policies(found)))
        | CommandError::Config(found) => Some(found),
        CommandError::Load(_)
        | CommandError::Gateway(_)
        | CommandError::Key(_)
        | CommandError::Audit(_)
        | CommandError::Stops(_)
        | CommandError::Exists(_)
        | CommandError::Write { .. }
        | CommandError::Read { .. }
        | CommandError::Input(_)
        | CommandError::Output(_) => None,
    }
}

/// Whether policies or settings are at fault, rather than the machine or the moment.
fn is_invalid(error: &CommandError) -> bool {
    match error {
        // 1 says that something changes, so whatever keeps it from being told is another number.
        CommandError::Config(_) | CommandError::Compare(_) => true,
        CommandError::Load(load) | CommandError::Gateway(GatewayError::Load(load)) => match load {
            LoadError::Policies(_) | LoadError::Empty(_) | LoadError::Schema { .. } => true,
            LoadError::Read { .. } => false,
        },
        CommandError::Gateway(gateway) => match gateway {
            GatewayError::NoUpstream
            | GatewayError::Embedded(_)
            | GatewayError::Listen(_)
            | GatewayError::Tls(_)
            | GatewayError::Certificates(_)
            | GatewayError::CertificateRole(_)
            | GatewayError::Token(_)
            | GatewayError::Keys(_)
            | GatewayError::Role { .. }
            | GatewayError::MappedRole { .. }
            | GatewayError::NoOwnToken
            | GatewayError::Provider(_)
            | GatewayError::Upstream(_)
            | GatewayError::SigningKey(_)
            | GatewayError::Collector(_)
            | GatewayError::SecondPlace(_) => true,
            GatewayError::Load(_)
            | GatewayError::Trail(_)
            | GatewayError::Feed(_)
            | GatewayError::FeedThread(_)
            | GatewayError::Unavailable(_)
            | GatewayError::Stopped
            | GatewayError::Bind(_)
            | GatewayError::Metrics { .. }
            | GatewayError::HandOver(_)
            | GatewayError::Random(_)
            | GatewayError::Signals(_)
            | GatewayError::Client(_) => false,
        },
        CommandError::Key(_)
        | CommandError::Audit(_)
        | CommandError::Stops(_)
        | CommandError::Exists(_)
        | CommandError::Write { .. }
        | CommandError::Read { .. }
        | CommandError::Input(_)
        | CommandError::Output(_) => false,
    }
}
