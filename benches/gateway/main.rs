//! What the gateway costs beside the proxies that people know: calls per second, processor time, waits and memory.
//!
//! ```sh
//! cargo bench --bench gateway                 # two minutes: 1 KB answers at 1 and 32 connections, and whether it stays flat
//! cargo bench --profile dist --bench gateway -- --full # half an hour, what is shipped; writes benches/gateway/RESULTS.md
//! TMPDIR=/var/tmp cargo bench --bench gateway # on the disk that counts
//! benches/gateway/trained --full              # the same with a program that is trained for these loads first, and one that is not
//! cargo bench --bench gateway -- --real 127.0.0.1:8055 TOKEN # in front of a Directus that tests/directus/start has started
//! ```
//!
//! A stand-in for Directus answers every call with the same bytes as fast as it can. In front of it stand, one after another and in the
//! same run: nothing, nginx, nginx with `limit_req` and an access log, `HAProxy` (where they are installed), a bare hyper proxy, the same
//! with a JSON parse and with durable rows in SQLite, and Warrener with everything on. The proxy has a processor of its own (`taskset`),
//! clients and stand-in share another one. All take turns three times; figures are medians. At a fixed rate a call counts from when it
//! was due, so that a stall is not left out.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench that cannot go on ends, and its figures are for people"
)]

mod floor;
mod load;
mod marks;
mod report;
mod stub;
mod subjects;
mod wire;

use load::{Load, Plan};
use report::{Row, Run, chart, table};
use std::fmt::Write as _;
use std::path::Path;
use subjects::{OTHERS, Running, Subject, installed, pinned, stub, trained};

const REPETITIONS: usize = 3;

/// What the stand-in takes, as it takes any.
const TOKEN: &str = "token";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["stub", bytes] => alone().block_on(stub::serve(bytes.parse().unwrap())),
        ["floor", upstream, work, folder] => {
            let work = match work {
                "bare" => floor::Work::Nothing,
                "json" => floor::Work::Json,
                "one-row" => floor::Work::Rows(1),
                _ => floor::Work::Rows(2),
            };
            alone().block_on(floor::serve(upstream.to_owned(), work, Path::new(folder)));
        }
        ["load", authority, bearer, connections, seconds, rate, least] => {
            let plan = Plan {
                authority: authority.to_owned(),
                bearer: bearer.to_owned(),
                connections: connections.parse().unwrap(),
                seconds: seconds.parse().unwrap(),
                rate: rate.parse().ok(),
                least: least.parse().unwrap(),
            };
            println!("{}", serde_json::to_string(&alone().block_on(load::run(&plan))).unwrap());
        }
        ["--full"] => full(),
        ["--train"] => train(),
        ["--real", authority, token] => real(authority, token),
        _ => short(),
    }
}

fn alone() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// How one load is put on every subject in turn.
#[derive(Clone, Copy)]
struct Turn {
    bytes: usize,
    connections: u32,
    seconds: f64,
    rate: Option<f64>,
}

fn short() {
    let turn = Turn { bytes: 1000, connections: 32, seconds: 1.5, rate: None };
    println!("1 KB answers, 32 connections\n\n{}", table(&rows(&there(&Subject::ALL), turn), "direct"));
    let few = [Subject::Direct, Subject::Nginx, Subject::TwoRows, Subject::Durable];
    let one = Turn { connections: 1, ..turn };
    println!("1 KB answers, 1 connection\n\n{}", table(&rows(&there(&few), one), "direct"));
    flat(turn).hold();
}

/// What a compiler learns from: the gateway under the loads that are measured, for a few seconds each.
fn train() {
    for (subject, bytes, connections) in [
        (Subject::Durable, 1000, 32),
        (Subject::Durable, 1000, 1),
        (Subject::Watched, 1000, 8),
        (Subject::Durable, 64_000, 8),
        (Subject::Durable, 1_000_000, 2),
    ] {
        let turn = Turn { bytes, connections, seconds: 5.0, rate: None };
        let stub = stub(turn.bytes);
        let load = load(&subject.start(&stub.authority, TOKEN), turn);
        println!("{}: {} calls of {bytes} bytes", subject.name(), load.calls);
    }
}

/// In front of a real Directus that holds what `tests/directus/seed.py` makes, and takes the token.
fn real(authority: &str, token: &str) {
    let beside = [Subject::Direct, Subject::Nginx, Subject::TwoRows, Subject::Durable];
    for connections in [1, 8] {
        let turn = Turn { bytes: 100, connections, seconds: 10.0, rate: None };
        let rows = rows_before(authority, token, &there(&beside), turn);
        println!("A real Directus, connections: {connections}\n\n{}", table(&rows, "direct"));
    }
}

fn full() {
    let mut measured: Vec<(Turn, Vec<Row>)> = Vec::new();
    let mut parts = String::new();
    let mut put = |title: &str, turn: Turn, parts: &mut String| {
        let rows = rows(&there(&Subject::ALL), turn);
        let part = format!("## {title}\n\n{}\n", table(&rows, "direct"));
        println!("{part}");
        parts.push_str(&part);
        measured.push((turn, rows));
    };
    for (bytes, size) in [(1000, "1 KB"), (64_000, "64 KB"), (1_000_000, "1 MB")] {
        for connections in [1, 8, 32, 128] {
            let turn = Turn { bytes, connections, seconds: 1.0, rate: None };
            put(&format!("{size} answers, {connections} connections"), turn, &mut parts);
        }
    }
    for rate in [1000.0, 4000.0] {
        let turn = Turn { bytes: 1000, connections: 32, seconds: 3.0, rate: Some(rate) };
        put(&format!("1 KB answers at {rate} calls a second, 32 connections"), turn, &mut parts);
    }
    let turn = Turn { bytes: 1000, connections: 32, seconds: 4.0, rate: None };
    let flat = flat(turn);
    writeln!(parts, "## Rules and keys of others\n\n{}", flat.table).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/gateway");
    if let Some((_, rows)) = measured.iter().find(|(turn, _)| (turn.bytes, turn.connections) == (1000, 32)) {
        let picture = chart(rows, "Calls per second: 1 KB answers, 32 connections");
        std::fs::write(folder.join("calls.svg"), picture).unwrap();
    }
    let marks = marks::marks(&measured, [flat.rules, flat.keys]);
    println!("{marks}");
    let day = jiff::Zoned::now().date();
    let text = format!(
        "{HEAD}\nThese are of {day}, of {}.\n\n![Calls per second](calls.svg)\n\n{marks}{}\n",
        measured_program(),
        parts.trim_end()
    );
    std::fs::write(folder.join("RESULTS.md"), text).unwrap();
    flat.hold();
}

/// How the gateway and the bare proxies were built: their folder is called as the profile is.
fn measured_program() -> String {
    let program = std::env::current_exe().unwrap();
    let folder = program.ancestors().nth(2).and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let built = format!("programs built with the profile `{folder}`");
    if trained().is_none() {
        return built;
    }
    format!(
        "{built}; where nothing else is said, the gateway is one that was trained for these loads, which the bare proxies were not"
    )
}

const HEAD: &str = "# The gateway beside other proxies

`benches/gateway/trained --full` writes all of this. Two processors: the proxy has one of them, clients and the stand-in for Directus the
other. A call is a `tools/call` of 400 bytes. Figures are medians of three turns, `± %` is half of what lies between the least and the most;
compare what stands in one table. CPU is the proxy's own, MiB the most memory that it had. `two durable rows` is what a proxy with a record
of intent and outcome costs at least. What the profile says of what is missed stands in [RESULTS.md](../RESULTS.md) of all benches.
";

/// Those whose programs are installed.
fn there(subjects: &[Subject]) -> Vec<Subject> {
    let is_there = |subject: &&Subject| match subject.needs() {
        Some(program) if !installed(program) => {
            println!("left out, since `{program}` is not installed: {}", subject.name());
            false
        }
        Some(_) => true,
        None => **subject != Subject::Untrained || trained().is_some(),
    };
    subjects.iter().filter(is_there).copied().collect()
}

/// All subjects under one load, in turn.
fn rows(subjects: &[Subject], turn: Turn) -> Vec<Row> {
    let stub = stub(turn.bytes);
    rows_before(&stub.authority, TOKEN, subjects, turn)
}

/// The same in front of what listens there.
fn rows_before(authority: &str, token: &str, subjects: &[Subject], turn: Turn) -> Vec<Row> {
    let mut rows: Vec<Row> =
        subjects.iter().map(|subject| Row { name: subject.name(), runs: Vec::new() }).collect();
    for _ in 0..REPETITIONS {
        for (subject, row) in subjects.iter().zip(&mut rows) {
            row.runs.push(run(&subject.start(authority, token), turn));
        }
    }
    rows
}

fn run(running: &Running, turn: Turn) -> Run {
    // Whatever is made at the first call is not what a call costs.
    let _ = load(running, Turn { seconds: 0.5, rate: None, ..turn });
    let before = running.cost();
    let load = load(running, turn);
    assert!(load.calls > 0, "no call came back within {} s", turn.seconds);
    let after = running.cost();
    let (cpu, mib) = match (before, after) {
        (Some(before), Some(after)) => ((after.cpu - before.cpu) * 1e6 / load.calls as f64, after.mib),
        (None, _) | (_, None) => (0.0, 0.0),
    };
    Run { load, cpu, mib }
}

fn load(running: &Running, turn: Turn) -> Load {
    let rate = turn.rate.map_or("all".to_owned(), |rate| rate.to_string());
    let least = (turn.bytes / 2).to_string();
    let output = pinned(OTHERS, &std::env::current_exe().unwrap())
        .args(["load", &running.authority, &running.bearer, &turn.connections.to_string()])
        .args([&turn.seconds.to_string(), &rate, &least])
        .stderr(std::process::Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "the clients of {} ended", running.authority);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a call costs with many rules of other roles, and with many keys of other clients, beside what it costs with few.
struct Flat {
    rules: f64,
    keys: f64,
    table: String,
}

impl Flat {
    /// This one may fail.
    fn hold(&self) {
        assert!(self.rules < 1.25 && self.keys < 1.25, "the cost of a call is not flat");
    }
}

fn flat(turn: Turn) -> Flat {
    let crowds = [(10, 10), (10_000, 10), (10, 100_000)];
    let subjects = crowds.map(|(rules, keys)| Subject::Crowded { rules, keys });
    let rows = rows(&subjects, turn);
    let [few, rules, keys] =
        [0, 1, 2].map(|at| rows.get(at).map_or(f64::NAN, |row| row.median(|run| run.cpu)));
    let table = table(&rows, &subjects.first().map(|subject| subject.name()).unwrap_or_default());
    let flat = Flat { rules: rules / few, keys: keys / few, table };
    println!("{}\nCPU of the first: {:.2} with rules, {:.2} with keys", flat.table, flat.rules, flat.keys);
    flat
}
