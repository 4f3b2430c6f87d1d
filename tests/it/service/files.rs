//! The files that an operator installs: each is what it says, as far as can be told without installing it.

use crate::support::process::checkout;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn text(path: &str) -> String {
    fs::read_to_string(checkout(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn ran(program: &str, words: &[&str]) -> Option<Output> {
    Command::new(program).args(words).output().ok()
}

fn warrener(words: &[&str]) -> Output {
    let output =
        Command::new(env!("CARGO_BIN_EXE_warrener")).args(words).env_remove("WARRENER_CONFIG").output();
    output.unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr[..]].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// The names of all commands, from the help.
fn commands() -> Vec<String> {
    let help = said(&warrener(&["--help"]));
    let lines =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned));
    names.filter(|name| !name.is_empty() && name != "help").collect()
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    // Where systemd is not installed there is nobody to ask.
    if ran("systemd-analyze", &["--version"]).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["warrener.service", "warrener.socket"] {
        // The program is not installed here; the one under test stands in its place.
        let unit = text(&format!("examples/systemd/{name}"));
        let unit = unit.replace("/usr/bin/warrener", env!("CARGO_BIN_EXE_warrener"));
        let unit = unit.replace("Documentation=man:warrener(1)\n", "");
        fs::write(folder.path().join(name), unit).unwrap();
    }
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (service, socket) = (path("warrener.service"), path("warrener.socket"));
    let verified = ran("systemd-analyze", &["verify", "--man=no", &service, &socket]).unwrap();
    let complaints = said(&verified);
    let complaints: Vec<_> = complaints.lines().filter(|line| line.contains("warrener")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    let scored =
        ran("systemd-analyze", &["security", "--offline=true", "--no-pager", "--threshold=15", &service]);
    let scored = scored.unwrap();
    assert!(scored.status.success(), "{}", said(&scored));
}

#[test]
fn the_allocator_takes_the_setting_that_the_unit_and_the_image_give_it() {
    let setting = "MIMALLOC_PURGE_DELAY=0";
    for path in ["examples/systemd/warrener.service", "examples/Dockerfile"] {
        assert!(text(path).contains(setting), "{path}");
    }
    let (name, value) = setting.split_once('=').unwrap();
    let mut version = Command::new(env!("CARGO_BIN_EXE_warrener"));
    let told = version.arg("--version").env(name, value).env("MIMALLOC_VERBOSE", "1").output().unwrap();
    let told = said(&told);
    assert!(told.contains("purge_delay': 0"), "{told}");
}

#[test]
fn shells_read_the_completions() {
    let commands = commands();
    assert!(commands.len() > 20, "{commands:?}");
    for shell in ["bash", "zsh", "fish"] {
        let script = warrener(&["completions", shell]);
        assert!(script.status.success());
        let words = said(&script);
        for command in &commands {
            assert!(words.contains(command.as_str()), "{shell}: {command}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script");
        fs::write(&path, &script.stdout).unwrap();
        if let Some(read) = ran(shell, &["-n", path.to_str().unwrap()]) {
            assert!(read.status.success(), "{shell}: {}", said(&read));
        }
    }
    assert_eq!(warrener(&["completions", "cobol"]).status.code(), Some(1));
}

#[test]
fn there_is_a_page_of_the_manual_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let written = warrener(&["man", folder.path().to_str().unwrap()]);
    assert!(written.status.success(), "{}", said(&written));
    let names: BTreeSet<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for command in commands() {
        assert!(names.contains(&format!("warrener-{command}.1")), "{command} is not in {names:?}");
    }
    for name in &names {
        let path = folder.path().join(name);
        assert!(fs::read_to_string(&path).unwrap().contains(".TH "), "{name}");
        if let Some(read) = ran("man", &["--warnings", "-l", path.to_str().unwrap()]) {
            let shown = said(&read);
            assert!(read.status.success() && shown.to_lowercase().contains("warrener"), "{name}: {shown}");
        }
    }
    assert!(said(&warrener(&["man"])).contains(".TH warrener"));
}

#[test]
fn the_image_is_made_of_what_is_there() {
    let dockerfile = text("examples/Dockerfile");
    let lines: Vec<&str> = dockerfile.lines().filter(|line| !line.starts_with('#')).collect();
    let ignored = text(".dockerignore");
    for line in
        lines.iter().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--from"))
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        for source in &words[..words.len() - 1] {
            assert!(checkout(source).exists(), "{source} is not there");
            assert!(!ignored.lines().any(|line| line == *source), "{source} is not sent to the builder");
        }
    }
    // What is built in has to be copied: everything that `include_str!` names, and what Cargo.toml names.
    for folder in ["src", "policies", "migrations", "benches", "examples", "tests"] {
        assert!(lines.iter().any(|line| *line == format!("COPY {folder} ./{folder}")), "{folder}");
    }
    let last = dockerfile.rsplit("FROM ").next().unwrap();
    for line in ["USER 65532:65532", "HEALTHCHECK", r#"ENTRYPOINT ["/usr/bin/warrener"]"#] {
        assert!(last.contains(line), "{line}");
    }
    for words in [&["health", "--alive", "--help"][..], &["serve", "--insecure", "--help"]] {
        assert!(warrener(words).status.success(), "{words:?}");
    }
}

#[test]
fn the_composition_publishes_the_gateway_alone() {
    let compose: Value = serde_saphyr::from_str(&text("examples/compose/compose.yaml")).unwrap();
    let (directus, gateway) = (&compose["services"]["directus"], &compose["services"]["warrener"]);
    assert!(directus["ports"].is_null() && directus["networks"] == serde_json::json!(["behind"]));
    assert_eq!(compose["networks"]["behind"]["internal"], true);
    assert_eq!(gateway["ports"], serde_json::json!(["127.0.0.1:8080:8080"]));
    assert_eq!(gateway["depends_on"]["directus"]["condition"], "service_healthy");
    assert!(directus["healthcheck"]["test"].is_array());
    assert_eq!(gateway["read_only"], true);
    let dockerfile = checkout("examples/compose").join(gateway["build"]["context"].as_str().unwrap());
    assert!(dockerfile.join(gateway["build"]["dockerfile"].as_str().unwrap()).is_file());
    // Secrets are files, and each that is used is there.
    for service in [directus, gateway] {
        for (name, value) in service["environment"].as_object().unwrap() {
            let is_secret = ["SECRET", "PASSWORD", "TOKEN"].iter().any(|word| name.contains(word));
            assert!(!is_secret || value.as_str().unwrap().starts_with("/run/secrets/"), "{name}");
        }
        for secret in service["secrets"].as_array().unwrap() {
            assert!(compose["secrets"][secret.as_str().unwrap()]["file"].is_string(), "{secret}");
        }
    }
}

#[test]
fn the_package_is_made_of_what_is_there() {
    let manifest = text("Cargo.toml");
    let assets = manifest.split("\nassets = [\n").nth(1).unwrap().split("\n]").next().unwrap();
    let sources: Vec<&str> = assets.lines().filter_map(|line| line.split('"').nth(1)).collect();
    assert!(sources.len() > 8, "{sources:?}");
    let made = [
        "target/dist/warrener",
        "target/package/man/*.1",
        "target/package/warrener.bash",
        "target/package/_warrener",
        "target/package/warrener.fish",
    ];
    for source in sources {
        if made.contains(&source) {
            assert!(
                source == made[0]
                    || text("README.md").contains(Path::new(source).parent().unwrap().to_str().unwrap())
            );
        } else if let Some(folder) = source.strip_suffix("/*.yaml") {
            assert!(fs::read_dir(checkout(folder)).unwrap().count() > 0, "{source}");
        } else {
            assert!(checkout(source).is_file(), "{source}");
        }
    }
}
