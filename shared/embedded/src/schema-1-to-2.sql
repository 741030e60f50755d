-- Incidents can be closed, and opened again after that.

ALTER TABLE incidents RENAME TO incidents_1;

CREATE TABLE incidents (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    cause TEXT NOT NULL,
    detail TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    closed_by TEXT,
    closed_why TEXT
);
CREATE UNIQUE INDEX incidents_open ON incidents (kind, cause) WHERE closed_at IS NULL;

-- Kinds were written with underscores.
INSERT INTO incidents (kind, cause, detail, opened_at)
SELECT replace(kind, '_', '-'), cause, detail, opened_at FROM incidents_1 ORDER BY opened_at, cause;

DROP TABLE incidents_1;
