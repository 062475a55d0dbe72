import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import type { Azure } from '../azure/client.ts'
import { tagLogin } from '../azure/containers/spec.ts'
import { isOwnGroup } from '../azure/resources/containerGroups.ts'
import { getApplicationLogin, getApplicationRole } from '../config/applicationLogin.ts'
import { type Config, formatKeyFile } from '../config/config.ts'
import type { Query } from '../shell/command.ts'
import { type Ahead, type Context, type Difference, ok, type Task } from '../tasks/task.ts'
import { OpsError } from '../util/errors.ts'
import { isRefusedLogin } from './connect.ts'
import { readMigrations } from './migrations.ts'
import { quoteName, quoteText } from './sql.ts'

const rightsFile = '0008_application_role.sql'

/**
 * Creates the role if necessary and grants what is missing; changes nothing else.
 * @param database where it runs, if not in the configured database
 */
export function rightsQuery(config: Config, database?: string): Query {
  const role = getApplicationRole(config)
  const { sql } = readMigrations().find(({ name }) => name === rightsFile)!
  return {
    // One transaction: PostgreSQL runs the statements of one message so.
    text: `SELECT set_config('dominion.role', ${quoteText(role)}, true);\n${sql}`,
    effect: 'change',
    database,
    title: `rights of ${role} (${rightsFile})`,
  }
}

/**
 * The form in which PostgreSQL stores a password (SCRAM-SHA-256, RFC 5803), so that the password itself reaches neither
 * the server nor its log.
 */
export function createVerifier(password: string, salt = randomBytes(16), iterations = 4096): string {
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest()
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64')
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${hmac('Server Key').toString('base64')}`
}

/** The comment of a role whose password is this tool's to set. */
const mark = 'codex-dominion application role'

async function loginQuery({ config, runner }: Context): Promise<Query> {
  const { user, password } = await getApplicationLogin(config, runner)
  return {
    text: `ALTER ROLE ${quoteName(user)} LOGIN PASSWORD ${quoteText(createVerifier(password))};
COMMENT ON ROLE ${quoteName(user)} IS ${quoteText(mark)}`,
    effect: 'change',
    title: `ALTER ROLE ${quoteName(user)} LOGIN PASSWORD '***'`,
  }
}

/** What is wrong with the role for a login as this role, which sees its own rights. */
const ownRights = `SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls OR rolreplication AS strong,
  ARRAY(SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
    AND relowner = (SELECT relowner FROM pg_class WHERE oid = to_regclass('public.schema_migrations'))
    AND relname <> 'schema_migrations'
    AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
      AND (relname = 'write_log' OR has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))) ORDER BY 1) AS lacking
FROM pg_roles WHERE rolname = current_user`

/** As the administrator: whether there is such a role that is not ours. */
const foreign = `SELECT rolsuper OR rolcreatedb OR rolcreaterole OR EXISTS (SELECT FROM pg_class WHERE relowner = r.oid)
  OR rolcanlogin AND shobj_description(r.oid, 'pg_authid') IS DISTINCT FROM ${quoteText(mark)} AS foreign
FROM pg_roles r WHERE rolname = $1`

/** The rights that the role lacks, or `login` if it does not accept the password. */
async function findLacking({ runner, config }: Context): Promise<'login' | string[]> {
  const role = getApplicationRole(config)
  try {
    const query: Query = { text: ownRights, effect: 'read', as: 'application', title: `rights of ${role}` }
    const [row] = await runner.query<{ strong: boolean; lacking: string[] }>(query)
    if (row!.strong) throw notOurs(role)
    return row!.lacking
  } catch (thrown) {
    if (!isRefusedLogin(thrown as Error)) throw thrown
  }
  const query: Query = { text: foreign, values: [role], effect: 'read', title: `role ${role}` }
  const [row] = await runner.query<{ foreign: boolean }>(query)
  if (row?.foreign) throw notOurs(role)
  return 'login'
}

const notOurs = (role: string) =>
  new OpsError({
    what: `The database server already has a role ${role} of somebody else: it has another password, owns tables, or may manage roles or databases`,
    next: `Rename it (ALTER ROLE ${quoteName(role)} RENAME TO …), or set another POSTGRES_DATABASE in ${formatKeyFile('POSTGRES_DATABASE')}.`,
  })

export interface RoleOptions {
  azure: Azure
  after: readonly (Task | undefined)[]
  /** The tasks that create the database and its tables, where the same list has them. */
  database?: Task
  tables?: Task
}

/**
 * Gives the application its own login, which may only read and write rows. A run that does not manage the database queries it
 * only until a container uses the login, so that a release and a rollback need no access to the database.
 */
export function applicationRoleTask(context: Context, { azure, after, database, tables }: RoleOptions): Task {
  const { config } = context
  const role = getApplicationRole(config)

  async function describe(lacking: 'login' | string[]): Promise<Difference> {
    if (lacking.length === 0) return ok(`${role} reads and writes rows, and nothing else`)
    const isNew = lacking === 'login'
    return {
      state: isNew ? 'create' : 'change',
      what: isNew
        ? `${role}, which may only read and write rows, gets its password`
        : `${role} gets its rights on ${lacking.join(', ')}`,
      effects: [rightsQuery(config), ...(isNew ? [await loginQuery(context)] : [])],
    }
  }

  return {
    id: 'application-role',
    title: 'Application’s database role',
    part: 'azure',
    after: [...after, database, tables],
    async inspect(ahead: Ahead) {
      if (ahead.isUnknown(database) || ahead.isUnknown(tables)) {
        const effects = [rightsQuery(config), await loginQuery(context)]
        return { state: 'unknown', why: 'could not determine whether the database exists', effects }
      }
      if (ahead.willChange(database)) return describe('login')
      if (!database && (await isInUse(context, azure))) return ok(`the containers log in as ${role}`)
      return describe(await findLacking(context))
    },
    async afterAll() {
      const lacking = await findLacking(context)
      if (lacking.length === 0) return undefined
      const said = lacking === 'login' ? 'the server refuses the login' : `no rights on ${lacking.join(', ')}`
      throw new OpsError({ what: `${role} cannot be used by the application`, said })
    },
  }
}

/** Whether a container was created with this login, password included. */
async function isInUse({ config, runner }: Context, azure: Azure): Promise<boolean> {
  const tag = tagLogin(config, await getApplicationLogin(config, runner))
  return (await azure.groups()).some(({ name, tags }) => isOwnGroup(name) && tags?.login === tag)
}
