//! `telemetry` of `warrener.yaml`.

use super::keys::TELEMETRY;
use crate::config::Telemetry;
use crate::policy::decode::Decoder;
use crate::policy::yaml::{Node, Shape};

/// What part of the traces is kept where nothing else is said.
const SAMPLE: f64 = 0.1;

impl Decoder<'_> {
    /// Where traces go, if anywhere.
    pub(super) fn telemetry(&mut self, node: &Node) -> Option<Telemetry> {
        let object = self.object(node, &TELEMETRY)?;
        let otlp = object.required(self, "otlp", "write `otlp: http://127.0.0.1:4318`")?;
        let text = self.text(otlp)?;
        let plain = |url: &url::Url| {
            matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        let Some(url) = url::Url::parse(text).ok().filter(plain) else {
            let help = "write scheme and host, without user, query or fragment: `http://127.0.0.1:4318`";
            self.error("url", &otlp.span, format!("`{text}` is not the address of a collector"), help);
            return None;
        };
        let sample = object.get("sample").and_then(|node| self.ratio(node)).unwrap_or(SAMPLE);
        Some(Telemetry { otlp: url, sample })
    }

    /// A number from 0 to 1.
    fn ratio(&mut self, node: &Node) -> Option<f64> {
        let number = match &node.shape {
            Shape::Number(number) => number.as_f64().filter(|number| (0.0..=1.0).contains(number)),
            Shape::Null
            | Shape::Bool(_)
            | Shape::Text { .. }
            | Shape::List(_)
            | Shape::Map(_)
            | Shape::Broken => None,
        };
        if number.is_none() {
            let help = "write 1 for all of them, 0.1 for one in ten";
            self.error("sample", &node.span, "`sample` is not a number from 0 to 1", help);
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::policy::diagnostic::Source;

    #[test]
    fn a_collector_and_a_part() {
        for (telemetry, expect) in [
            ("{otlp: 'http://127.0.0.1:4318'}", Ok(0.1)),
            ("{otlp: 'https://otel.example.com/v1/traces', sample: 1}", Ok(1.0)),
            ("{otlp: 'http://[::1]:4318', sample: 0.25}", Ok(0.25)),
            ("{otlp: 'http://a', sample: 0}", Ok(0.0)),
            ("{otlp: 'http://a', sample: 1.5}", Err("from 0 to 1")),
            ("{otlp: 'http://a', sample: -1}", Err("from 0 to 1")),
            ("{otlp: 'http://a', sample: some}", Err("from 0 to 1")),
            ("{otlp: '127.0.0.1:4318'}", Err("is not the address of a collector")),
            ("{otlp: 'http://user:word@a'}", Err("is not the address of a collector")),
            ("{otlp: 'grpc://a'}", Err("is not the address of a collector")),
            ("{sample: 1}", Err("needs `otlp`")),
            ("{endpoint: 'http://a'}", Err("called `otlp`")),
        ] {
            let source = Source::new("warrener.yaml", format!("version: 1\ntelemetry: {telemetry}\n"));
            match (Config::from_yaml(&source), expect) {
                (Ok(config), Ok(sample)) => {
                    let read = config.telemetry.unwrap().sample;
                    assert!((read - sample).abs() < f64::EPSILON, "{telemetry}");
                }
                (Err(problems), Err(expect)) => {
                    let said = problems.to_string();
                    assert!(said.contains(expect), "{telemetry}\n{said}");
                }
                (other, _) => panic!("{telemetry}: {other:?}"),
            }
        }
    }
}
