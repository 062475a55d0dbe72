-- The application's own role: it reads and writes rows, owns nothing, and cannot change tables, roles or databases. To the log of
-- writes it only adds rows.
-- It can log in only after the tool has given it a password. The tool also runs this file after a restore, and where a right
-- is missing, so it may run repeatedly; the setting names the role where the database has a temporary name.

DO $$
DECLARE
  app text := coalesce(nullif(current_setting('dominion.role', true), ''), left(current_database(), 59) || '_app');
  relation record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = app) THEN
    EXECUTE format('CREATE ROLE %I NOLOGIN', app);
  END IF;
  -- PUBLIC usually has these two rights already, and a right on the database itself is one more thing to restore.
  IF NOT has_database_privilege(app, current_database(), 'CONNECT') THEN
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), app);
  END IF;
  IF NOT has_schema_privilege(app, 'public', 'USAGE') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', app);
  END IF;
  -- PostgreSQL 14 lets everybody create tables.
  IF has_schema_privilege(app, 'public', 'CREATE') THEN
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
  END IF;
  -- Relations of somebody else are not ours to grant.
  FOR relation IN
    SELECT oid::regclass AS name, CASE WHEN relkind = 'S' THEN 'SELECT, USAGE ON SEQUENCE'
        WHEN relname = 'write_log' THEN 'SELECT, INSERT ON TABLE' ELSE 'SELECT, INSERT, UPDATE, DELETE ON TABLE' END AS rights
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
      AND relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user) AND relname <> 'schema_migrations'
  LOOP
    EXECUTE format('GRANT %s %s TO %I', relation.rights, relation.name, app);
  END LOOP;
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', app);
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, USAGE ON SEQUENCES TO %I', app);
END
$$;
