ALTER TABLE orders ADD COLUMN received_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX orders_newest ON orders (received_at, id);

CREATE TABLE open_suppliers (
    order_id TEXT NOT NULL REFERENCES orders (id),
    supplier TEXT NOT NULL,
    PRIMARY KEY (order_id, supplier)
) WITHOUT ROWID;
CREATE INDEX open_suppliers_supplier ON open_suppliers (supplier, order_id);

CREATE TABLE order_references (
    scope TEXT NOT NULL,
    value TEXT NOT NULL,
    order_id TEXT NOT NULL,
    PRIMARY KEY (scope, value, order_id)
) WITHOUT ROWID;
