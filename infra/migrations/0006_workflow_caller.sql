-- Who started a workflow's latest run, and from which address. Only adds columns: older releases do not know them.

ALTER TABLE workflows
  ADD COLUMN last_run_by text,
  ADD COLUMN last_run_from text,
  ADD CONSTRAINT workflows_caller_short CHECK (length(last_run_by) <= 100 AND length(last_run_from) <= 100);
