//! `metrics` of `warrener.yaml`.

use super::keys::METRICS;
use crate::config::MetricsListen;
use crate::policy::decode::Decoder;
use crate::policy::yaml::Node;

impl MetricsListen {
    /// Why they must not be told there; `None` where they may.
    pub fn problem(&self) -> Option<String> {
        let open = !self.address.ip().is_loopback() && !self.insecure;
        open.then(|| {
            format!(
                "metrics on `{}` would go over the network in cleartext, to whoever asks; listen on 127.0.0.1, or say `insecure: true`",
                self.address
            )
        })
    }
}

impl Decoder<'_> {
    /// Where metrics are told, if anywhere.
    pub(super) fn metrics(&mut self, node: &Node) -> Option<MetricsListen> {
        let object = self.object(node, &METRICS)?;
        let listen = object.required(self, "listen", "write `listen: 127.0.0.1:9090`")?;
        let address = self.address(listen)?;
        let insecure = object.get("insecure").and_then(|node| self.boolean(node)).unwrap_or_default();
        let metrics = MetricsListen { address, insecure };
        if let Some(problem) = metrics.problem() {
            let problem = problem.split(';').next().unwrap_or_default().to_owned();
            self.error("insecure", &listen.span, problem, "listen on 127.0.0.1, or add `insecure: true`");
        }
        Some(metrics)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::policy::diagnostic::Source;

    #[test]
    fn metrics_are_told_on_loopback_unless_it_is_said() {
        for (metrics, expect) in [
            ("{listen: '127.0.0.1:9090'}", Ok(())),
            ("{listen: '[::1]:9090'}", Ok(())),
            ("{listen: '0.0.0.0:9090', insecure: true}", Ok(())),
            ("{listen: '0.0.0.0:9090'}", Err("in cleartext")),
            ("{listen: '10.0.0.1:9090', insecure: false}", Err("in cleartext")),
            ("{insecure: true}", Err("needs `listen`")),
            ("{address: '127.0.0.1:9090'}", Err("called `listen`")),
            ("true", Err("expected `metrics`")),
        ] {
            let source = Source::new("warrener.yaml", format!("version: 1\nmetrics: {metrics}\n"));
            match (Config::from_yaml(&source), expect) {
                (Ok(config), Ok(())) => assert!(config.metrics.is_some(), "{metrics}"),
                (Err(problems), Err(expect)) => {
                    let said = problems.to_string();
                    assert!(said.contains(expect), "{metrics}\n{said}");
                }
                (other, _) => panic!("{metrics}: {other:?}"),
            }
        }
    }
}
