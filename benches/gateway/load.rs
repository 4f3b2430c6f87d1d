//! The clients: each makes one call after the other on its connection, as fast as it can or at a fixed rate.

use crate::stub;
use crate::wire::Reader;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

/// How one run is made.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) authority: String,
    pub(crate) bearer: String,
    pub(crate) connections: u32,
    pub(crate) seconds: f64,
    /// Calls a second of all connections together; as many as can be where it is left out.
    pub(crate) rate: Option<f64>,
    /// The least length of a good answer, in bytes.
    pub(crate) least: usize,
}

/// What a run has shown. Waits are in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Load {
    pub(crate) calls: u64,
    pub(crate) rate: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

pub(crate) async fn run(plan: &Plan) -> Load {
    let begin = Instant::now() + Duration::from_millis(200);
    let clients: Vec<_> =
        (0..plan.connections).map(|n| tokio::spawn(client(plan.clone(), n, begin))).collect();
    let mut waits = Vec::new();
    for client in clients {
        waits.extend(client.await.unwrap());
    }
    waits.sort_unstable();
    let part = |of: f64| {
        let at = (waits.len() as f64 * of) as usize;
        // Of no call at all there is nothing to tell, which is no number that JSON has.
        waits.get(at.min(waits.len().saturating_sub(1))).map_or(0.0, |wait: &u64| *wait as f64 / 1000.0)
    };
    Load {
        calls: waits.len() as u64,
        rate: waits.len() as f64 / plan.seconds,
        p50: part(0.5),
        p99: part(0.99),
        p999: part(0.999),
    }
}

/// The waits of one client in nanoseconds.
///
/// At a fixed rate a call counts from when it should have begun: one that had to wait for the one before it has waited too.
async fn client(plan: Plan, number: u32, begin: Instant) -> Vec<u64> {
    let stream = TcpStream::connect(&plan.authority).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut reader = Reader::new(stream);
    let request = stub::request(&plan.authority, &plan.bearer);
    let every = plan.rate.map(|rate| Duration::from_secs_f64(f64::from(plan.connections) / rate));
    let end = begin + Duration::from_secs_f64(plan.seconds);
    let mut due = begin + every.unwrap_or_default().mul_f64(f64::from(number) / f64::from(plan.connections));
    let mut waits = Vec::new();
    loop {
        if every.is_some() {
            sleep_until(due).await;
        } else {
            due = Instant::now();
        }
        if due >= end {
            return waits;
        }
        reader.stream().write_all(&request).await.unwrap();
        let reply = reader.message().await.expect("the connection ended");
        assert!(reply.ok && reply.body >= plan.least, "a refusal is no measurement: {}", reader.text());
        if due >= begin {
            waits.push(due.elapsed().as_nanos() as u64);
        }
        due += every.unwrap_or_default();
    }
}
