//! The trail, and whether a gateway is at work.

use super::{Doctor, Finding};
use crate::audit::posture::{Contents, Posture};
use crate::audit::signing::SigningKey;
use crate::telemetry;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

const MIB: u64 = 1024 * 1024;

/// With less than this free, in bytes, a day's calls may not fit.
const LITTLE: u64 = 1024 * MIB;

/// With less than this free, in bytes, calls are about to be refused.
const NOTHING: u64 = 100 * MIB;

/// Where somebody listens is known within this time.
const PATIENCE: Duration = Duration::from_secs(1);

impl Doctor<'_> {
    pub(super) async fn look_at_trail(&mut self) {
        self.look_at_signing_key();
        let posture = match Posture::of(&self.config.audit.url).await {
            Ok(posture) => posture,
            Err(error) => {
                let help = "without a trail no call is forwarded; `warrener audit verify` tells more of a damaged one";
                return self.report.fail(Finding::Trail, telemetry::chain(&error), help);
            }
        };
        let path = posture.path.display().to_string();
        match (posture.is_writable, &posture.contents) {
            (false, _) => {
                let says = format!("this user may not write `{path}` and its folder");
                let help =
                    "run this as the user that the gateway runs as; SQLite writes files beside the trail";
                self.report.fail(Finding::Trail, says, help);
            }
            (true, None) => {
                let says = format!("there is no trail yet; it will be `{path}`");
                self.report.ok(Finding::Trail, says);
            }
            (true, Some(contents)) => {
                let says = format!("the trail `{path}` opens, and has {} entries", contents.entries);
                self.report.ok(Finding::Trail, says);
            }
        }
        self.look_at_disk(&posture);
        self.look_at_gateway(&posture).await;
        if let Some(contents) = posture.contents {
            if let Some(says) = open_to_others(&posture.path, contents.mode) {
                self.report.warn(Finding::TrailMode, says, CHMOD);
            }
            self.look_at_contents(contents, posture.is_held);
        }
    }

    fn look_at_disk(&mut self, posture: &Posture) {
        let Some((free, _)) = posture.room else { return };
        let says = format!("{} MiB are free on the trail's disk", free / MIB);
        let help = "make room, or have old entries pruned: `audit.retention: 90d`; on a full disk no call is forwarded";
        if free < NOTHING {
            self.report.fail(Finding::DiskSpace, says, help);
        } else if free < LITTLE {
            self.report.warn(Finding::DiskSpace, says, help);
        } else {
            self.report.ok(Finding::DiskSpace, says);
        }
    }

    async fn look_at_gateway(&mut self, posture: &Posture) {
        let address = self.config.listen.address;
        let connected = timeout(PATIENCE, TcpStream::connect(address)).await;
        let somebody_listens = connected.is_ok_and(|connected| connected.is_ok());
        match (posture.is_held, somebody_listens) {
            (Some(true), _) => self.report.ok(Finding::Gateway, "a gateway is at work on this trail"),
            (Some(false), true) => {
                let says = format!("something listens on {address}, and no gateway is at work on this trail");
                let help = "a gateway with these settings could not start: end the other one, or give this one another address";
                self.report.warn(Finding::Gateway, says, help);
            }
            (Some(false), false) => {
                self.report.note(
                    Finding::Gateway,
                    "no gateway is at work on this trail",
                    "`warrener serve` starts one",
                );
            }
            (None, _) => {
                self.report.note(
                    Finding::Gateway,
                    "this system does not tell whether a gateway is at work",
                    "",
                );
            }
        }
    }

    fn look_at_contents(&mut self, contents: Contents, is_held: Option<bool>) {
        match (contents.open, is_held) {
            (0, _) => self.report.ok(Finding::OpenCalls, "every call has an outcome"),
            (open, Some(true)) => {
                self.report
                    .ok(Finding::OpenCalls, format!("{open} calls are under way, or were a moment ago"));
            }
            (open, Some(false) | None) => {
                let says = format!("{open} calls of the last run have no outcome: Directus may have acted");
                let help = "they are closed as `unknown` at the next start: `warrener audit query --outcome unknown`";
                self.report.warn(Finding::OpenCalls, says, help);
            }
        }
        let every = self.config.audit.checkpoints.every;
        if self.config.audit.signing_key.is_none() {
            return;
        }
        let age = contents.signed_at.map(|at| self.clock.micros().saturating_sub(at).max(0) / 1_000_000);
        let late = age.is_none_or(|age| u64::try_from(age).is_ok_and(|age| age > 3 * every.as_secs() + 60));
        let says = match age {
            Some(age) => format!("the end of the trail was last signed {age} s ago"),
            None => "the end of the trail was never signed".to_owned(),
        };
        if late && is_held == Some(true) {
            let help =
                "look into the gateway's log: what was recorded since could be cut off without a trace";
            self.report.warn(Finding::Checkpoint, says, help);
        } else {
            self.report.ok(Finding::Checkpoint, says);
        }
    }

    fn look_at_signing_key(&mut self) {
        let Some(path) = &self.config.audit.signing_key else {
            let says = "the end of the trail is not signed: one that is cut short does not show";
            let help = "`warrener key signing` makes a key; name it as `audit.signing_key`";
            return self.report.note(Finding::SigningKey, says, help);
        };
        match SigningKey::read(path) {
            Ok(_) => match open_to_others(path, mode(path)) {
                Some(says) => self.report.warn(Finding::SigningKey, says, CHMOD),
                None => self.report.ok(Finding::SigningKey, "the end of the trail is signed"),
            },
            Err(error) => {
                let help =
                    "name the file that `warrener key signing` made: the gateway does not start without it";
                self.report.fail(Finding::SigningKey, telemetry::chain(&error), help);
            }
        }
    }
}

pub(super) const CHMOD: &str = "`chmod 600` it";

/// The permissions of a file.
pub(super) fn mode(path: &Path) -> u32 {
    fs::metadata(path).map_or(0, |found| found.permissions().mode() & 0o777)
}

/// That others than its owner can read a file; `None` where they cannot.
pub(super) fn open_to_others(path: &Path, mode: u32) -> Option<String> {
    (mode & 0o077 != 0).then(|| format!("others than its owner get at `{}` (mode {mode:o})", path.display()))
}

#[cfg(test)]
mod tests {
    use super::super::{Level, Report};
    use super::*;
    use crate::config::Config;
    use crate::policy::PolicySet;
    use crate::telemetry::SystemClock;

    #[test]
    fn a_disk_is_full_before_there_is_nothing_left() {
        let config = Config::default();
        for (free, level) in [(LITTLE, Level::Ok), (LITTLE - 1, Level::Warn), (NOTHING - 1, Level::Fail)] {
            let policies = PolicySet::built_in().unwrap();
            let mut doctor =
                Doctor { config: &config, clock: &SystemClock, policies, report: Report::default() };
            let room = Some((free, LITTLE));
            let path = "trail.db".into();
            let posture = Posture { path, contents: None, is_writable: true, is_held: None, room };
            doctor.look_at_disk(&posture);
            assert_eq!(doctor.report.worst(), level, "{free}");
        }
    }
}
