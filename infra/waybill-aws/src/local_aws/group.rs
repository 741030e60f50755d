//! A program and whatever it starts: they end together.

use std::process::{Command, Stdio};

/// Ended, as far as it still runs, when it is dropped.
pub(super) struct Group(u32);

impl Group {
    /// Of the process that was started as the leader of a group of its own.
    pub(super) fn led_by(id: u32) -> Self {
        Self(id)
    }

    /// Asks the leader alone to end, and in order.
    pub(super) fn ask(&self) {
        kill(&["-TERM", &self.0.to_string()]);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        kill(&["-KILL", "--", &format!("-{}", self.0)]);
    }
}

/// What is meant may have ended by itself.
pub(super) fn kill(arguments: &[&str]) {
    let mut kill = Command::new("kill");
    drop(kill.args(arguments).stderr(Stdio::null()).status());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt as _;
    use std::time::{Duration, Instant};

    fn runs(id: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat"));
        // A zombie has ended, and waits for whoever took it over.
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[test]
    fn what_a_program_started_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let child = folder.path().join("child");
        let script = format!("sleep 60 & echo $! > {}; wait", child.display());
        let mut leader = Command::new("sh")
            .args(["-c", &script])
            // Else whoever reads what this test says would wait for the child, too.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let group = Group::led_by(leader.id());
        let began = Instant::now();
        let child = loop {
            assert!(began.elapsed() < Duration::from_secs(10));
            let id = std::fs::read_to_string(&child).unwrap_or_default();
            if id.ends_with('\n') {
                break id.trim().to_owned();
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        assert!(runs(&child));
        drop(group);
        leader.wait().unwrap();
        while runs(&child) {
            assert!(began.elapsed() < Duration::from_secs(10), "{child} runs on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
