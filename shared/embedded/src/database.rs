//! One thread owns the writing connection and commits in groups: many orders share one fsync, and
//! nobody is answered before it. Whoever reads does it himself, on one of a few connections: a read
//! takes less time than to hand it over.

mod health;
mod migration;
mod readers;
mod schema;

use crate::access::{for_owner, narrow_file};
use crate::marks::Marks;
use crate::{OpenError, installation};
pub(crate) use health::Fault;
use health::Health;
pub(crate) use migration::migrate;
use ports::{CommitError, StoreError, Unavailable};
use readers::Readers;
use rusqlite::{Connection, ErrorCode};
pub(crate) use schema::{FORM, Form, form_in_head};
use schema::{prepare, writer_settings};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Why the database gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("SQLite refused")]
    Sqlite(#[source] Arc<rusqlite::Error>),
    /// Everything in the group is in doubt.
    #[error("the commit failed")]
    Commit(#[source] Arc<rusqlite::Error>),
    #[error("the transaction was lost")]
    Lost,
    #[error("the database thread is gone")]
    Gone,
    /// Never quotes what is stored: it may be personal.
    #[error("{0}")]
    Unreadable(String),
    #[error("a value has no JSON form")]
    Unwritable(#[source] serde_json::Error),
}

impl From<rusqlite::Error> for Broken {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

impl From<Broken> for Unavailable {
    fn from(broken: Broken) -> Self {
        Self::because("the database did not answer", broken)
    }
}

impl From<Broken> for StoreError {
    fn from(broken: Broken) -> Self {
        if let Broken::Unreadable(what) = broken {
            Self::Corrupt(what)
        } else {
            Self::Unavailable(broken.into())
        }
    }
}

impl From<Broken> for CommitError {
    fn from(broken: Broken) -> Self {
        if broken.is_busy() {
            Self::Busy
        } else {
            Self::Unavailable(broken.into())
        }
    }
}

impl Broken {
    /// Nothing was done; another process writes.
    fn is_busy(&self) -> bool {
        let busy = [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked];
        matches!(self, Self::Sqlite(error) if error.sqlite_error_code().is_some_and(|code| busy.contains(&code)))
    }
}

/// Of a writer whose groups are counted.
struct Writer {
    connection: Connection,
    /// `None` where nothing lies on disk.
    marks: Option<Marks>,
    health: Arc<Health>,
}

type Work = Box<dyn FnOnce(Result<&Connection, Broken>) -> Ran + Send>;
type Answer = Box<dyn FnOnce(Option<Broken>) + Send>;

/// What goes with a job that fails half way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Undo {
    Job,
    Group,
}

struct Job {
    undo: Undo,
    work: Work,
}

/// A job that ran; its caller waits for what becomes of the group.
struct Ran {
    failed: bool,
    answer: Answer,
}

#[derive(Clone)]
pub(crate) struct Database {
    writer: Worker,
    /// In memory there is but one connection, the writer's.
    readers: Option<Arc<Readers>>,
    counts: Arc<Counts>,
    health: Arc<Health>,
}

/// What was done since it was opened. Each transaction is one fsync.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) transactions: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) reads: AtomicU64,
}

/// Who works off the jobs of one connection.
#[derive(Clone)]
enum Worker {
    Thread(Sender<Job>),
    /// Whoever asks, one after the other: a database in memory has no disk to wait for.
    Caller(Arc<Mutex<Writer>>),
}

impl Worker {
    fn take(&self, job: Job) -> Result<(), Broken> {
        match self {
            Self::Thread(jobs) => jobs.send(job).map_err(|_| Broken::Gone),
            Self::Caller(writer) => {
                let writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                writer.run(vec![job]);
                Ok(())
            }
        }
    }
}

impl Database {
    /// The connection that writes, not yet at work, and whether the database is of an older form.
    pub(crate) fn connect(path: &Path) -> Result<(Connection, Form), OpenError> {
        create_private(path).map_err(OpenError::Directory)?;
        let connection = Connection::open(path).map_err(OpenError::Database)?;
        let form = prepare(&connection)?;
        writer_settings(&connection).map_err(OpenError::Database)?;
        Ok((connection, form))
    }

    pub(crate) fn start(
        path: &Path,
        connection: Connection,
        marks: Marks,
    ) -> Result<Self, OpenError> {
        let counts = Arc::new(Counts::default());
        let health = Arc::new(Health::default());
        let writer = Writer {
            connection,
            marks: Some(marks),
            health: health.clone(),
        };
        let readers = Readers::open(path).map_err(OpenError::Database)?;
        Ok(Self {
            writer: start(writer, counts.clone())?,
            readers: Some(Arc::new(readers)),
            counts,
            health,
        })
    }

    pub(crate) fn in_memory() -> Result<Self, OpenError> {
        let connection = Connection::open_in_memory().map_err(OpenError::Database)?;
        prepare(&connection)?;
        let health = Arc::new(Health::default());
        let writer = Writer {
            connection,
            marks: None,
            health: health.clone(),
        };
        Ok(Self {
            readers: None,
            writer: Worker::Caller(Arc::new(Mutex::new(writer))),
            counts: Arc::default(),
            health,
        })
    }

    /// As [`Database::write`], for work that is refused before it changes anything or not at all: it
    /// needs no savepoint, which is a copy of every page that it changes. Where it fails all the
    /// same, nothing of its group is committed.
    pub(crate) async fn write_at_once<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Broken> + Send + 'static,
    {
        self.counts.writes.fetch_add(1, Ordering::Relaxed);
        ask(&self.writer, Undo::Group, work).await
    }

    /// Durable when it returns; an error of `work` undoes `work` alone.
    pub(crate) async fn write<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Broken> + Send + 'static,
    {
        self.counts.writes.fetch_add(1, Ordering::Relaxed);
        ask(&self.writer, Undo::Job, work).await
    }

    /// Over one snapshot, which holds every write that was answered before.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Broken> + Send + 'static,
    ) -> Result<T, Broken> {
        self.counts.reads.fetch_add(1, Ordering::Relaxed);
        let read = match &self.readers {
            Some(readers) => readers.read(work),
            None => ask(&self.writer, Undo::Job, work).await,
        };
        if let Err(broken) = &read {
            self.health.saw(broken);
        }
        read
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }
}

/// `SQLite` gives what it makes beside the database the modes of the database.
fn create_private(path: &Path) -> std::io::Result<()> {
    match for_owner().write(true).create_new(true).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for beside in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(beside);
        match narrow_file(Path::new(&name)) {
            // It is another user's, who let this one in.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            narrowed => narrowed?,
        }
    }
    Ok(())
}

async fn ask<T, E>(
    worker: &Worker,
    undo: Undo,
    work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Broken> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    let work: Work = Box::new(move |connection| {
        let result = match connection {
            Ok(connection) => work(connection),
            Err(broken) => Err(E::from(broken)),
        };
        let failed = result.is_err();
        let answer: Answer = Box::new(move |broken| {
            // A caller that stopped waiting needs no answer.
            let _ = answer.send(broken.map_or(result, |broken| Err(E::from(broken))));
        });
        Ran { failed, answer }
    });
    worker.take(Job { undo, work })?;
    answered.await.unwrap_or_else(|_| Err(Broken::Gone.into()))
}

/// Jobs in one transaction.
const MOST: usize = 256;

fn start(writer: Writer, counts: Arc<Counts>) -> Result<Worker, OpenError> {
    let (sender, jobs) = channel();
    std::thread::Builder::new()
        .name("database-writer".to_owned())
        .spawn(move || serve(&writer, &jobs, &counts))
        .map_err(OpenError::Directory)?;
    Ok(Worker::Thread(sender))
}

/// Ends with the last sender.
fn serve(writer: &Writer, jobs: &Receiver<Job>, counts: &Counts) {
    while let Ok(first) = jobs.recv() {
        let group = std::iter::once(first)
            .chain(jobs.try_iter().take(MOST - 1))
            .collect();
        counts.transactions.fetch_add(1, Ordering::Relaxed);
        writer.run(group);
    }
}

impl Writer {
    fn run(&self, group: Vec<Job>) {
        let connection = &self.connection;
        if let Err(error) = step_of(connection, "BEGIN IMMEDIATE") {
            let error = Arc::new(error);
            self.health.saw(&Broken::Sqlite(error.clone()));
            for job in group {
                ((job.work)(Err(Broken::Sqlite(error.clone()))).answer)(None);
            }
            return;
        }
        let before = connection.total_changes();
        let answers: Vec<Answer> = group.into_iter().map(|job| step(connection, job)).collect();
        let changed = connection.total_changes() != before;
        match self.commit(changed) {
            Ok(()) => self.health.wrote(),
            Err(error) => {
                abandon(connection);
                let error = Arc::new(error);
                self.health.saw(&Broken::Commit(error.clone()));
                for answer in answers {
                    answer(Some(Broken::Commit(error.clone())));
                }
                return;
            }
        }
        for answer in answers {
            answer(None);
        }
    }

    /// Counts the group with it, and marks that it is durable before anybody is answered. A
    /// transaction that `SQLite` undid counts nothing, and its COMMIT fails.
    fn commit(&self, changed: bool) -> rusqlite::Result<()> {
        let connection = &self.connection;
        let marks = self.marks.as_ref();
        let marks = marks.filter(|_| changed && !connection.is_autocommit());
        let counted = match marks {
            Some(marks) => Some((marks, installation::count(connection)?)),
            None => None,
        };
        step_of(connection, "COMMIT")?;
        if let Some((marks, mark)) = counted {
            marks.write(&mark);
        }
        Ok(())
    }
}

/// Of a transaction; parsed once.
fn step_of(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

fn step(connection: &Connection, job: Job) -> Answer {
    // Some errors of SQLite, such as a full disk, undo the whole transaction. A savepoint would then
    // start and commit one of its own; the COMMIT that must fail tells everybody instead.
    if connection.is_autocommit() {
        return (job.work)(Err(Broken::Lost)).answer;
    }
    match job.undo {
        Undo::Job => in_savepoint(connection, job.work),
        Undo::Group => {
            let before = connection.total_changes();
            let ran = (job.work)(Ok(connection));
            if ran.failed && connection.total_changes() != before {
                abandon(connection);
            }
            ran.answer
        }
    }
}

fn in_savepoint(connection: &Connection, work: Work) -> Answer {
    if let Err(error) = step_of(connection, "SAVEPOINT job") {
        return work(Err(error.into())).answer;
    }
    let ran = work(Ok(connection));
    let end = || {
        if ran.failed {
            step_of(connection, "ROLLBACK TO job")?;
        }
        step_of(connection, "RELEASE job")
    };
    if !connection.is_autocommit() && end().is_err() {
        // Half a job must never be committed.
        abandon(connection);
    }
    ran.answer
}

fn abandon(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "the transaction could not be rolled back");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> Writer {
        let connection = Connection::open_in_memory().unwrap();
        prepare(&connection).unwrap();
        Writer {
            connection,
            marks: None,
            health: Arc::default(),
        }
    }

    #[tokio::test]
    async fn a_lost_transaction_answers_nobody_well() {
        let writer = writer();
        let (sender, jobs) = channel();
        let worker = Worker::Thread(sender);
        let insert = |digest: &'static str| {
            move |connection: &Connection| {
                let sql = "INSERT INTO catalogue (only, digest) VALUES (1, ?1)";
                Ok::<_, Broken>(connection.execute(sql, [digest])?)
            }
        };
        // As SQLite itself does it on a full disk.
        let lose = |connection: &Connection| Ok::<_, Broken>(connection.execute_batch("ROLLBACK")?);
        let work = async {
            tokio::join!(
                ask(&worker, Undo::Job, insert("a")),
                ask(&worker, Undo::Job, lose),
                ask(&worker, Undo::Job, insert("b"))
            )
        };
        let serving = async {
            let group = jobs.try_iter().collect::<Vec<_>>();
            assert_eq!(group.len(), 3);
            writer.run(group);
        };
        let (answers, ()) = tokio::join!(work, serving);
        assert!(answers.0.is_err() && answers.1.is_err() && answers.2.is_err());
        let rows: i64 = writer
            .connection
            .query_row("SELECT count(*) FROM catalogue", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 0);
    }

    /// Without a savepoint half of it cannot be undone alone.
    #[tokio::test]
    async fn a_job_that_fails_half_way_takes_its_group_with_it() {
        let writer = writer();
        let (sender, jobs) = channel();
        let worker = Worker::Thread(sender);
        let place = |digest: &'static str, fails: bool| {
            move |connection: &Connection| {
                if digest == "refused" {
                    return Err(Broken::Gone);
                }
                let sql = "INSERT OR REPLACE INTO catalogue (only, digest) VALUES (1, ?1)";
                let placed = connection.execute(sql, [digest])?;
                if fails { Err(Broken::Gone) } else { Ok(placed) }
            }
        };
        let mut rows = Vec::new();
        for half in ["refused", "half"] {
            let work = async {
                tokio::join!(
                    ask(&worker, Undo::Job, place("a", false)),
                    ask(&worker, Undo::Group, place(half, true)),
                )
            };
            let serving = async { writer.run(jobs.try_iter().collect()) };
            let ((other, failing), ()) = tokio::join!(work, serving);
            assert!(failing.is_err());
            let count = "SELECT count(*) FROM catalogue";
            let count: i64 = writer
                .connection
                .query_row(count, [], |row| row.get(0))
                .unwrap();
            rows.push((other.is_ok(), count));
            let forget = "DELETE FROM catalogue";
            writer.connection.execute(forget, []).unwrap();
        }
        assert_eq!(rows, [(true, 1), (false, 0)], "answered well, and stored");
    }
}
