//! `warrener completions` and `warrener man`: what shells and `man` know of the command line, generated from it.

use super::{Arguments, CommandError, Ended};
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

/// For which shell.
#[derive(Args, Debug)]
pub(super) struct CompletionsArguments {
    /// The shell that completes
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Where to.
#[derive(Args, Debug)]
pub(super) struct ManArguments {
    /// A folder for the pages of all commands, made where it is not there; without one, the page of `warrener` goes to standard output
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn completions(
    arguments: &CompletionsArguments,
    out: &mut dyn Write,
) -> Result<Ended, CommandError> {
    // Into memory first: the generator has no other answer to a reader that has gone than a panic.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "warrener", &mut script);
    out.write_all(&script)?;
    Ok(Ended::Well)
}

pub(super) fn man(arguments: &ManArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let command = Arguments::command();
    let Some(folder) = &arguments.dir else {
        Man::new(command).render(out)?;
        return Ok(Ended::Well);
    };
    let written = fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder));
    written.map_err(|cause| CommandError::Write { path: folder.clone(), cause })?;
    writeln!(out, "wrote {}", folder.join("warrener.1").display())?;
    Ok(Ended::Well)
}
