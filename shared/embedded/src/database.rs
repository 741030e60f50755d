//! One thread owns the writing connection and commits in groups: many orders share one fsync, and
//! nobody is answered before it.

use crate::OpenError;
use ports::{CommitError, StoreError, Unavailable};
use rusqlite::{Connection, ErrorCode};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

const SCHEMA: i64 = 2;
/// Long enough for the command line, which writes from another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

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

type Job = Box<dyn FnOnce(Result<&Connection, Broken>) -> Ran + Send>;
type Answer = Box<dyn FnOnce(Option<Broken>) + Send>;

/// A job that ran; its caller waits for what becomes of the group.
struct Ran {
    failed: bool,
    answer: Answer,
}

#[derive(Clone)]
pub(crate) struct Database {
    writer: Worker,
    reader: Worker,
}

/// Who works off the jobs of one connection.
#[derive(Clone)]
enum Worker {
    Thread(Sender<Job>),
    /// Whoever asks, one after the other: a database in memory has no disk to wait for.
    Caller(Arc<Mutex<Connection>>),
}

impl Worker {
    fn take(&self, job: Job) -> Result<(), Broken> {
        match self {
            Self::Thread(jobs) => jobs.send(job).map_err(|_| Broken::Gone),
            Self::Caller(connection) => {
                let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                run(&connection, WRITER.begin, vec![job]);
                Ok(())
            }
        }
    }
}

impl Database {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let connection = Connection::open(path).map_err(OpenError::Database)?;
        prepare(&connection)?;
        let writer = start(connection, &WRITER)?;
        let connection = Connection::open(path).map_err(OpenError::Database)?;
        read_only(&connection).map_err(OpenError::Database)?;
        Ok(Self {
            writer,
            reader: start(connection, &READER)?,
        })
    }

    pub(crate) fn in_memory() -> Result<Self, OpenError> {
        let connection = Connection::open_in_memory().map_err(OpenError::Database)?;
        prepare(&connection)?;
        let worker = Worker::Caller(Arc::new(Mutex::new(connection)));
        Ok(Self {
            reader: worker.clone(),
            writer: worker,
        })
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
        ask(&self.writer, work).await
    }

    /// Over one snapshot, which holds every write that was answered before.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Broken> + Send + 'static,
    ) -> Result<T, Broken> {
        ask(&self.reader, work).await
    }
}

async fn ask<T, E>(
    worker: &Worker,
    work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Broken> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    let job: Job = Box::new(move |connection| {
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
    worker.take(job)?;
    answered.await.unwrap_or_else(|_| Err(Broken::Gone.into()))
}

/// How a thread works off its jobs.
struct Manner {
    name: &'static str,
    begin: &'static str,
    /// Jobs in one transaction.
    most: usize,
}

const WRITER: Manner = Manner {
    name: "database-writer",
    begin: "BEGIN IMMEDIATE",
    most: 256,
};
/// A read gains nothing from waiting for others.
const READER: Manner = Manner {
    name: "database-reader",
    begin: "BEGIN",
    most: 1,
};

fn start(connection: Connection, manner: &'static Manner) -> Result<Worker, OpenError> {
    let (sender, jobs) = channel();
    std::thread::Builder::new()
        .name(manner.name.to_owned())
        .spawn(move || serve(&connection, &jobs, manner))
        .map_err(OpenError::Directory)?;
    Ok(Worker::Thread(sender))
}

/// Ends with the last sender.
fn serve(connection: &Connection, jobs: &Receiver<Job>, manner: &Manner) {
    while let Ok(first) = jobs.recv() {
        let group = std::iter::once(first)
            .chain(jobs.try_iter().take(manner.most - 1))
            .collect();
        run(connection, manner.begin, group);
    }
}

fn run(connection: &Connection, begin: &str, group: Vec<Job>) {
    if let Err(error) = connection.execute_batch(begin) {
        let error = Arc::new(error);
        for job in group {
            (job(Err(Broken::Sqlite(error.clone()))).answer)(None);
        }
        return;
    }
    let answers: Vec<Answer> = group.into_iter().map(|job| step(connection, job)).collect();
    let failed = connection.execute_batch("COMMIT").err().map(Arc::new);
    if failed.is_some() {
        abandon(connection);
    }
    for answer in answers {
        answer(failed.clone().map(Broken::Commit));
    }
}

fn step(connection: &Connection, job: Job) -> Answer {
    // Some errors of SQLite, such as a full disk, undo the whole transaction. A savepoint would then
    // start and commit one of its own; the COMMIT that must fail tells everybody instead.
    if connection.is_autocommit() {
        return job(Err(Broken::Lost)).answer;
    }
    if let Err(error) = connection.execute_batch("SAVEPOINT job") {
        return job(Err(error.into())).answer;
    }
    let ran = job(Ok(connection));
    let end = if ran.failed {
        "ROLLBACK TO job; RELEASE job"
    } else {
        "RELEASE job"
    };
    if !connection.is_autocommit() && connection.execute_batch(end).is_err() {
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

fn prepare(connection: &Connection) -> Result<(), OpenError> {
    settings(connection).map_err(OpenError::Database)?;
    let found = create(connection).map_err(OpenError::Database)?;
    if found == SCHEMA {
        Ok(())
    } else {
        Err(OpenError::Schema {
            found,
            known: SCHEMA,
        })
    }
}

fn settings(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn read_only(connection: &Connection) -> rusqlite::Result<()> {
    settings(connection)?;
    connection.pragma_update(None, "query_only", true)
}

/// The schema that is then in place. Two processes may try at once.
fn create(connection: &Connection) -> rusqlite::Result<i64> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let found = match connection.query_row("PRAGMA user_version", [], |row| row.get(0))? {
        0 => {
            connection.execute_batch(include_str!("schema.sql"))?;
            connection.pragma_update(None, "user_version", SCHEMA)?;
            SCHEMA
        }
        other => other,
    };
    connection.execute_batch("COMMIT")?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lost_transaction_answers_nobody_well() {
        let connection = Connection::open_in_memory().unwrap();
        prepare(&connection).unwrap();
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
                ask(&worker, insert("a")),
                ask(&worker, lose),
                ask(&worker, insert("b"))
            )
        };
        let serving = async {
            let group = jobs.try_iter().collect::<Vec<_>>();
            assert_eq!(group.len(), 3);
            run(&connection, WRITER.begin, group);
        };
        let (answers, ()) = tokio::join!(work, serving);
        assert!(answers.0.is_err() && answers.1.is_err() && answers.2.is_err());
        let rows: i64 = connection
            .query_row("SELECT count(*) FROM catalogue", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 0);
    }
}
