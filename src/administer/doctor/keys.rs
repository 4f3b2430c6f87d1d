//! Client keys, and what is stopped.

use super::trail::{CHMOD, mode, open_to_others};
use super::{Doctor, Finding, listed};
use crate::identity::{KeyFile, StopFile, Whom};
use crate::telemetry;
use jiff::{Timestamp, ToSpan as _};

impl Doctor<'_> {
    pub(super) fn look_at_keys(&mut self) {
        let path = &self.config.keys;
        let file = match KeyFile::read(path) {
            Ok(file) => file,
            Err(error) => {
                let help = "mend the file, or move it away and issue keys anew";
                return self.report.fail(Finding::Keys, telemetry::chain(&error), help);
            }
        };
        if let Some(says) = open_to_others(path, mode(path)) {
            self.report.warn(Finding::KeyMode, says, CHMOD);
        }
        let roles = file.keys().iter().filter(|key| self.policies.role(&key.role).is_none());
        for key in roles.collect::<Vec<_>>() {
            let says =
                format!("the key `{}` is of the role `{}`, for which there is no policy", key.name, key.role);
            let help =
                "write that policy, or issue the key anew with another role: the gateway does not start so";
            self.report.fail(Finding::KeyRole, says, help);
        }
        let now = self.clock.now();
        let soon = now.checked_add(168.hours()).unwrap_or(Timestamp::MAX);
        let before = |time: Timestamp| {
            let due = file.keys().iter().filter(|key| key.expires.is_some_and(|expires| expires <= time));
            due.map(|key| key.name.as_str()).collect::<Vec<_>>()
        };
        let expired = before(now);
        let expiring: Vec<&str> = before(soon).into_iter().filter(|name| !expired.contains(name)).collect();
        let help = "`warrener key revoke NAME`, and `warrener key new NAME` where the client still is one";
        if !expired.is_empty() {
            self.report.note(Finding::KeyExpiry, format!("expired: {}", listed(&expired)), help);
        }
        if !expiring.is_empty() {
            let says = format!("expiring within 7 days: {}", listed(&expiring));
            self.report.warn(Finding::KeyExpiry, says, help);
        }
        match file.keys().len() - expired.len() {
            0 => {
                let help = "`warrener key new NAME --role ROLE` issues one; `serve` makes the first one where there is no file";
                self.report.note(Finding::Keys, "there is no key that lets a client in", help);
            }
            1 => self.report.ok(Finding::Keys, "1 key lets a client in"),
            more => self.report.ok(Finding::Keys, format!("{more} keys let clients in")),
        }
    }

    pub(super) fn look_at_stops(&mut self) {
        let stops = match StopFile::read(&self.config.stops()) {
            Ok(file) => file.unwrap_or_default(),
            Err(error) => {
                let help = "mend the file, or remove it and stop again what is to be stopped: until then every call is refused";
                return self.report.fail(Finding::Stops, telemetry::chain(&error), help);
            }
        };
        for stop in stops.stops() {
            let whose = match &stop.whom {
                Whom::All => "all calls are".to_owned(),
                Whom::Role(role) => format!("calls of the role `{role}` are"),
                Whom::Client(name) => format!("calls of the client `{name}` are"),
            };
            let says = format!("{whose} stopped since {}: {}", stop.since, stop.reason);
            self.report.warn(Finding::Stops, says, "`warrener resume` lets them through again");
        }
        if stops.stops().is_empty() {
            self.report.ok(Finding::Stops, "nothing is stopped");
        }
    }
}
