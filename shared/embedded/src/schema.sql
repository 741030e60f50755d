-- Times are microseconds since 1970. JSON columns are named body.

-- What this database is and how far it went; exactly one row.
CREATE TABLE installation (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    -- Another one after each restore.
    id TEXT NOT NULL,
    -- Groups of writes.
    commits INTEGER NOT NULL DEFAULT 0,
    -- A server works on it, or was killed.
    serving INTEGER NOT NULL DEFAULT 0,
    -- Made by `waybill backup`, and not served since.
    is_copy INTEGER NOT NULL DEFAULT 0,
    restored_at INTEGER
);
INSERT INTO installation (only, id) VALUES (1, lower(hex(randomblob(16))));

CREATE TABLE events (
    order_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (order_id, sequence)
) WITHOUT ROWID;

CREATE TABLE orders (
    id TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    due INTEGER,
    configuration TEXT, received_at INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX orders_due ON orders (due) WHERE due IS NOT NULL;
CREATE INDEX orders_newest ON orders (received_at, id);

CREATE TABLE cases (
    order_id TEXT NOT NULL REFERENCES orders (id),
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (order_id, number)
) WITHOUT ROWID;

-- Purchase orders that go with a batch and whose outcome is open.
CREATE TABLE batch_entries (
    order_id TEXT NOT NULL REFERENCES orders (id),
    supplier TEXT NOT NULL,
    cut_off INTEGER NOT NULL,
    purchase_order TEXT NOT NULL,
    PRIMARY KEY (order_id, purchase_order)
) WITHOUT ROWID;
CREATE INDEX batch_entries_batch ON batch_entries (supplier, cut_off, purchase_order);

-- Suppliers with a purchase order of the order whose outcome is open.
CREATE TABLE open_suppliers (
    order_id TEXT NOT NULL REFERENCES orders (id),
    supplier TEXT NOT NULL,
    PRIMARY KEY (order_id, supplier)
) WITHOUT ROWID;
CREATE INDEX open_suppliers_supplier ON open_suppliers (supplier, order_id);

CREATE TABLE batches (
    name TEXT PRIMARY KEY NOT NULL,
    supplier TEXT NOT NULL,
    cut_off INTEGER NOT NULL,
    purchase_orders TEXT NOT NULL,
    upload_by INTEGER,
    uploaded TEXT
) WITHOUT ROWID;

CREATE TABLE payloads (
    order_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (order_id, number)
);

CREATE TABLE traces (
    order_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (order_id, number)
);

CREATE TABLE reference_numbers (
    number TEXT PRIMARY KEY NOT NULL,
    order_id TEXT NOT NULL,
    -- '' where it is not known.
    supplier TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;

-- What an order is known by outside, or was: the shop's number, a supplier's own. Several orders may
-- have the same.
CREATE TABLE order_references (
    scope TEXT NOT NULL,
    value TEXT NOT NULL,
    order_id TEXT NOT NULL,
    PRIMARY KEY (scope, value, order_id)
) WITHOUT ROWID;

CREATE TABLE stock (
    supplier TEXT NOT NULL,
    supplier_sku TEXT NOT NULL,
    stock INTEGER NOT NULL,
    available INTEGER NOT NULL,
    as_of INTEGER NOT NULL,
    PRIMARY KEY (supplier, supplier_sku)
) WITHOUT ROWID;

-- In the order of the catalogue.
CREATE TABLE offers (
    id INTEGER PRIMARY KEY,
    sku TEXT NOT NULL,
    supplier TEXT NOT NULL,
    supplier_sku TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX offers_sku ON offers (sku);

CREATE TABLE reservations (
    supplier TEXT NOT NULL,
    supplier_sku TEXT NOT NULL,
    purchase_order TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    sent_at INTEGER,
    PRIMARY KEY (supplier, supplier_sku, purchase_order)
) WITHOUT ROWID;

-- What purchase orders planned for a day come to, in minor units; days are the supplier's own,
-- 2026-11-23.
CREATE TABLE spending (
    supplier TEXT NOT NULL,
    day TEXT NOT NULL,
    currency TEXT NOT NULL,
    spent INTEGER NOT NULL,
    PRIMARY KEY (supplier, day, currency)
) WITHOUT ROWID;

-- The catalogue in place, at most one.
CREATE TABLE catalogue (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    digest TEXT NOT NULL
);

-- Of one kind and cause at most one is open.
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

-- Orders that a supplier refused in a row without saying why, since it last accepted one.
CREATE TABLE refusals (
    supplier TEXT PRIMARY KEY NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;

-- A lane holds the messages that wait for the same supplier; '' those that wait for none.
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    lane TEXT NOT NULL DEFAULT '',
    body TEXT NOT NULL,
    visible_at INTEGER NOT NULL DEFAULT 0,
    receives INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX messages_lane ON messages (queue, lane, id);
-- Of those that were received as often as may be; a queue may be long.
CREATE INDEX messages_spent ON messages (queue, visible_at) WHERE receives >= 5;

-- A dead letter keeps the id of its message.
CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE evidence (
    key TEXT PRIMARY KEY NOT NULL,
    bytes BLOB NOT NULL
);

-- What was ever put, though a supplier may have deleted the file. Published once the staged file
-- is gone.
CREATE TABLE outbox (
    key TEXT PRIMARY KEY NOT NULL,
    staged TEXT NOT NULL
) WITHOUT ROWID;
