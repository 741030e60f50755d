//! What a process used, read from `/proc`, hence known on Linux only.

/// Up to a moment.
#[derive(Clone, Copy)]
pub struct Usage {
    pub user_micros: u64,
    pub system_micros: u64,
    /// The most it ever held.
    pub resident_kib: u64,
    pub disk_bytes: u64,
}

/// Of the clock in which `/proc` counts CPU time: a hundredth of a second on every Linux.
const TICK_MICROS: u64 = 10_000;

impl Usage {
    pub fn of(process: u32) -> Option<Self> {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{process}/{name}")).ok();
        let stat = read("stat")?;
        // The name of the program, in brackets, may hold anything.
        let after_name = stat.rsplit_once(')')?.1;
        let mut fields = after_name.split_whitespace().skip(11);
        let mut micros = || Some(fields.next()?.parse::<u64>().ok()? * TICK_MICROS);
        Some(Self {
            user_micros: micros()?,
            system_micros: micros()?,
            resident_kib: field(&read("status")?, "VmHWM:")?,
            disk_bytes: field(&read("io")?, "write_bytes:")?,
        })
    }

    /// Memory is no difference: it is the most of all.
    pub fn since(self, before: Self) -> Self {
        Self {
            user_micros: self.user_micros.saturating_sub(before.user_micros),
            system_micros: self.system_micros.saturating_sub(before.system_micros),
            disk_bytes: self.disk_bytes.saturating_sub(before.disk_bytes),
            ..self
        }
    }
}

/// Nanoseconds of CPU, exactly, where [`Usage`] knows hundredths of a second; without what threads had
/// that ended.
pub fn cpu_nanos(process: u32) -> Option<u64> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let nanos = threads.map(|thread| {
        let schedstat = std::fs::read_to_string(thread.ok()?.path().join("schedstat"));
        on_cpu(&schedstat.ok()?)
    });
    nanos.sum()
}

/// `ON_CPU WAITED SLICES`, as the kernel writes it of a thread.
fn on_cpu(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
}

fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_tells_its_time_on_the_cpu_first() {
        assert_eq!(on_cpu("117365 2561420 2\n"), Some(117_365));
        assert_eq!(on_cpu(""), None);
    }

    #[test]
    fn what_a_process_used_is_told_while_it_lives() {
        let mut busy = std::process::Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn()
            .unwrap();
        let id = busy.id();
        let (hundredths, nanos) = loop {
            let used = Usage::of(id).unwrap();
            let micros = used.user_micros + used.system_micros;
            if micros >= 50_000 {
                break (micros, cpu_nanos(id).unwrap());
            }
        };
        busy.kill().unwrap();
        busy.wait().unwrap();
        // Two roundings at most.
        assert!(nanos / 1000 + 2 * TICK_MICROS >= hundredths, "{nanos}");
        assert_eq!(cpu_nanos(id), None);
    }
}
