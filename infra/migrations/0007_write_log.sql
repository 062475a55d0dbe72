-- Who changed what, and from which address: one row for each write of an operator. The application only adds rows.

CREATE TABLE write_log (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at           timestamptz NOT NULL DEFAULT now(),
  -- "operator" with the token; "operator NAME" in a session, and the name is whatever was entered there.
  by           text NOT NULL,
  from_address text,
  method       text NOT NULL,
  path         text NOT NULL,
  -- By name, without a foreign key: the row outlives the workflow.
  workflow     text,
  status       integer NOT NULL,
  CONSTRAINT write_log_short CHECK (
    length(by) <= 100 AND length(from_address) <= 100 AND length(method) <= 20
    AND length(path) <= 200 AND length(workflow) <= 63
  )
);

-- GET /api/workflows/runs
CREATE INDEX write_log_runs ON write_log (at DESC, id DESC) WHERE workflow IS NOT NULL AND status = 202;
