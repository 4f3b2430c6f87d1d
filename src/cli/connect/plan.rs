//! All that connects one client: what goes into its file, and what is left to do by hand.

use super::client::{asked, claude_mcp_add};
use super::edit::{Addition, rendered};
use super::{Client, Way, place};
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use url::Url;

/// What the client is to be told.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// The endpoint, with its path.
    pub(super) server: Url,
    /// `None` for what suits the client best.
    pub(super) way: Option<Way>,
    pub(super) name: String,
    pub(super) key_env: String,
    pub(super) key_file: PathBuf,
    pub(super) command: String,
}

/// All that connects one client.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) client: Client,
    way: Way,
    server: Url,
    /// What goes into the client's file, where it has one for this way.
    pub(super) addition: Option<Addition>,
    /// What a shell does the same with.
    command: Option<String>,
    /// What a click does the same with.
    link: Option<String>,
    /// What comes before, such as a key.
    first: Vec<Step>,
    /// What is done in the client itself.
    then: Vec<Step>,
}

/// One thing to do, and what is typed for it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    text: String,
    typed: Vec<String>,
}

impl Plan {
    /// What connects that client.
    ///
    /// # Errors
    /// When it does not know that way, or cannot reach that address.
    pub(super) fn new(client: Client, setting: &Setting) -> Result<Self, String> {
        let ways = client.ways();
        let way = setting.way.or(ways.first().copied()).unwrap_or(Way::Key);
        if !ways.contains(&way) {
            let known: Vec<String> = ways.iter().map(|way| format!("`--auth {}`", way.word())).collect();
            return Err(format!(
                "{} cannot come in by {}: take {}",
                client.title(),
                way.title(),
                known.join(" or ")
            ));
        }
        if client == Client::ChatGpt && setting.server.scheme() != "https" {
            return Err(format!(
                "ChatGPT connects from outside, over https, and cannot reach `{}`: give the gateway's public address with `--server`",
                setting.server
            ));
        }
        let server = client.server(way, setting);
        let addition = client.section().zip(server.clone()).filter(|_| client.has_file_for(way));
        let addition = addition.map(|(section, value)| Addition {
            section,
            name: setting.name.clone(),
            value,
            input: (client == Client::VsCode && way != Way::Oauth).then(|| ("inputs", asked())),
        });
        Ok(Self {
            client,
            way,
            server: setting.server.clone(),
            command: (client == Client::ClaudeCode).then(|| claude_mcp_add(way, setting)),
            link: server.and_then(|server| client.link(way, &setting.name, server)),
            addition,
            first: client.first(way, setting),
            then: client.then(way, setting),
        })
    }

    /// Prints it for a person.
    pub(super) fn show(&self, file: Option<&Path>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} by {}", self.client.title(), self.way.title())?;
        let mut steps = self.first.clone();
        steps.extend(self.in_file(file));
        steps.extend(self.then.iter().cloned());
        show(&steps, out)
    }

    /// Prints what is left to do once the file is written.
    pub(super) fn show_rest(&self, out: &mut dyn Write) -> io::Result<()> {
        let steps: Vec<Step> = self.first.iter().chain(&self.then).cloned().collect();
        show(&steps, out)
    }

    /// It as JSON, for machines.
    pub(super) fn to_value(&self, file: Option<&Path>) -> Value {
        let steps = |steps: &[Step]| -> Vec<Value> {
            steps.iter().map(|step| json!({"text": step.text, "typed": step.typed})).collect()
        };
        json!({
            "client": self.client.key_name(),
            "auth": self.way.word(),
            "server": self.server.as_str(),
            "file": self.path(file).map(|path| path.display().to_string()),
            "configuration": self.addition.as_ref().map(whole),
            "command": self.command,
            "link": self.link,
            "first": steps(&self.first),
            "then": steps(&self.then),
        })
    }

    fn path(&self, file: Option<&Path>) -> Option<PathBuf> {
        self.addition.as_ref()?;
        file.map(Path::to_owned).or_else(|| place::file_of(self.client))
    }

    /// The steps that a file, a command or a link does.
    fn in_file(&self, file: Option<&Path>) -> Vec<Step> {
        let mut steps = Vec::new();
        if let (Some(addition), Some(path)) = (&self.addition, self.path(file)) {
            let text = format!("Put this into {} (`--write` does):", path.display());
            steps.push(Step::typed(text, rendered(&whole(addition), "  ", 0)));
        }
        if let Some(command) = &self.command {
            steps.push(Step::typed("Or have it put there:", command.clone()));
        }
        if let Some(link) = &self.link {
            let text = if self.addition.is_some() { "Or open" } else { "Open" };
            let text = format!("{text} this link, and {} asks before it installs it:", self.client.title());
            steps.push(Step::typed(text, link.clone()));
        }
        steps
    }
}

impl Step {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), typed: Vec::new() }
    }

    pub(super) fn typed(text: impl Into<String>, typed: impl Into<String>) -> Self {
        Self { text: text.into(), typed: typed.into().lines().map(str::to_owned).collect() }
    }
}

fn show(steps: &[Step], out: &mut dyn Write) -> io::Result<()> {
    for (number, step) in steps.iter().enumerate() {
        writeln!(out, "\n{}. {}", number + 1, step.text)?;
        if !step.typed.is_empty() {
            writeln!(out)?;
        }
        step.typed.iter().try_for_each(|line| writeln!(out, "   {line}"))?;
    }
    Ok(())
}

/// The file as it is where nothing else is in it.
fn whole(addition: &Addition) -> Value {
    let servers = json!({ addition.name.as_str(): addition.value });
    let mut whole = Map::new();
    whole.insert(addition.section.to_owned(), servers);
    if let Some((list, input)) = &addition.input {
        whole.insert((*list).to_owned(), json!([input]));
    }
    Value::Object(whole)
}
