//! `warrener config`, as an operator runs it.

use std::process::{Command, Output};

const SECRET: &str = "hunter2-and-more";

fn config(
    folder: &std::path::Path,
    words: &[&str],
    variables: &[(&str, &str)],
) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_warrener"));
    command.arg("config").args(words).current_dir(folder).env_clear().envs(variables.iter().copied());
    let Output { status, stdout, stderr } = command.output().unwrap();
    let [out, said] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (status.code(), out, said)
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = "version: 1\nkeys: file.yaml\nstops: file.yaml\naudit: {url: 'sqlite://${PLACE}/trail.db'}\n";
    std::fs::write(folder.path().join("warrener.yaml"), file).unwrap();
    let words = ["--keys", "flag.yaml"];
    let variables = [
        ("WARRENER_KEYS", "environment.yaml"),
        ("WARRENER_STOPS", "environment.yaml"),
        ("PLACE", "/srv"),
        ("DIRECTUS_TOKEN", SECRET),
    ];
    let (code, out, said) = config(folder.path(), &words, &variables);
    assert_eq!(code, Some(0), "{said}");
    for line in [
        "keys: \"flag.yaml\"  # flag --keys\n",
        "stops: \"environment.yaml\"  # environment WARRENER_STOPS\n",
        "  url: \"sqlite:///srv/trail.db\"  # warrener.yaml:4\n",
        "  token_env: \"DIRECTUS_TOKEN\"  # environment DIRECTUS_TOKEN, ********\n",
        "  address: \"127.0.0.1:8080\"  # default\n",
    ] {
        assert!(out.contains(line), "{line}{out}");
    }
    // What is printed is a file of the same meaning.
    std::fs::write(folder.path().join("again.yaml"), &out).unwrap();
    let (code, again, said) =
        config(folder.path(), &["--config", "again.yaml"], &[("DIRECTUS_TOKEN", SECRET)]);
    assert_eq!(code, Some(0), "{said}");
    let values = |text: &str| {
        text.lines().map(|line| line.split("  # ").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values(&again), values(&out));
    let (code, out, said) = config(folder.path(), &words, &[]);
    assert_eq!((code, out.as_str()), (Some(3), ""));
    assert!(
        said.contains("the environment variable `PLACE` is not set") && said.contains("warrener.yaml:4"),
        "{said}"
    );
}

/// A secret where it does not belong, as people do.
#[test]
fn no_secret_gets_out() {
    let token = folder_with(SECRET);
    let path = token.path().join("token").display().to_string();
    let with_secret = |text: &str| text.replace("SECRET", SECRET);
    for (file, words, variables) in [
        ("", &["--feed", "SECRET.jsonl"][..], &[("DIRECTUS_TOKEN", SECRET)][..]),
        ("", &["--upstream", "https://me:SECRET@cms.example.com/?access_token=SECRET"], &[]),
        ("", &["--token-env", "SECRET"], &[]),
        ("keys: SECRET\n", &["--token-file", &path], &[]),
        ("identity: {refuse: ['SECRET']}\n", &[], &[("DIRECTUS_TOKEN", SECRET)]),
        ("upstream: {url: 'https://a', command: x, args: [--password, SECRET, --token=SECRET]}\n", &[], &[]),
        ("upstream: {url: 'https://a', command: x, env: {P: 'http://me:SECRET@proxy'}}\n", &[], &[]),
        ("upstream: {url: 'https://a', command: x, env: {P: '${DSN}'}}\n", &[], &[("DSN", SECRET)]),
        ("upstream: {url: '${CMS}'}\n", &[], &[("CMS", "https://me:SECRET@cms.example.com")]),
        (
            "keys: SECRET\nidentity: {jwt: {issuer: 'https://a', audience: a, role_claim: r, roles: {a: b}, token_env: T}}\n",
            &[],
            &[("T", SECRET)],
        ),
        (
            "keys: SECRET\nidentity: {jwt: {issuer: 'https://a', audience: a, role_claim: r, roles: {a: {role: b, token_env: T}}}}\n",
            &[],
            &[("T", SECRET)],
        ),
        (
            "keys: SECRET\nupstream: {url: 'https://a', command: x, env: {A_TOKEN: {env: T}}}\n",
            &[],
            &[("T", SECRET)],
        ),
        ("keys: ${DIRECTUS_TOKEN}\n", &[], &[("DIRECTUS_TOKEN", SECRET)]),
        ("keys: ${MY_PASSWORD}\n", &[], &[("MY_PASSWORD", SECRET)]),
        ("upstream: {token_env: '${DIRECTUS_TOKEN}'}\n", &[], &[("DIRECTUS_TOKEN", SECRET)]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("warrener.yaml"), with_secret(&format!("version: 1\n{file}")))
            .unwrap();
        let words: Vec<String> = words.iter().map(|word| with_secret(word)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let variables: Vec<(&str, String)> =
            variables.iter().map(|(name, value)| (*name, with_secret(value))).collect();
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (_, out, said) = config(folder.path(), &words, &variables);
        assert!(!out.is_empty() || !said.is_empty());
        assert!(!out.contains(SECRET) && !said.contains(SECRET), "{file} {words:?}\n{out}{said}");
    }
}

fn folder_with(secret: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), format!("{secret}\n")).unwrap();
    folder
}
