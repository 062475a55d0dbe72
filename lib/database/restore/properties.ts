import type { Query } from '../../shell/command.ts'
import type { Context } from '../../tasks/task.ts'
import { serverQuery } from '../databases.ts'
import { quoteName as name, quoteText as text } from '../sql.ts'

/** The properties of a database itself, which a dump of its content lacks. */
export interface Properties {
  /** From ALTER DATABASE … SET or, with a role, from ALTER ROLE … IN DATABASE … SET. */
  settings: { role: string | null; name: string; value: string }[]
  /** Null for the defaults. `role` null means PUBLIC. The rights of the owner are not included. */
  rights: { role: string | null; privilege: string; grantable: boolean }[] | null
  /** The connection limit; -1 for none. */
  connections: number
}

export async function readProperties({ runner }: Context, database: string): Promise<Properties> {
  const statement = `SELECT d.datconnlimit AS connections,
  (SELECT coalesce(json_agg(json_build_object('role', r.rolname, 'name', split_part(c.each, '=', 1),
      'value', substr(c.each, strpos(c.each, '=') + 1)) ORDER BY r.rolname NULLS FIRST, c.each), '[]')
    FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole CROSS JOIN unnest(s.setconfig) AS c(each)
    WHERE s.setdatabase = d.oid) AS settings,
  CASE WHEN d.datacl IS NOT NULL THEN
    (SELECT coalesce(json_agg(json_build_object('role', r.rolname, 'privilege', a.privilege_type,
        'grantable', a.is_grantable) ORDER BY r.rolname NULLS FIRST, a.privilege_type), '[]')
      FROM aclexplode(d.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee WHERE a.grantee <> d.datdba) END AS rights
FROM pg_database d WHERE d.datname = $1`
  const more = { values: [database], title: `settings and rights of ${database}` }
  const [row] = await runner.query<Properties>(serverQuery('read', statement, more))
  return row ?? { settings: [], rights: null, connections: -1 }
}

/** Sets the properties of a new database with one statement each, so that a refused one does not prevent the others. */
export function propertyQueries(database: string, { settings, rights, connections }: Properties): Query[] {
  const texts = [
    ...settings.map(({ role, name: setting, value }) => {
      const whose = role === null ? 'ALTER DATABASE' : `ALTER ROLE ${name(role)} IN DATABASE`
      return `${whose} ${name(database)} SET ${name(setting)} TO ${formatSetting(setting, value)}`
    }),
    ...(rights ? [`REVOKE ALL ON DATABASE ${name(database)} FROM PUBLIC`] : []),
    ...(rights ?? []).map(({ role, privilege, grantable }) => {
      const whom = role === null ? 'PUBLIC' : name(role)
      return `GRANT ${privilege} ON DATABASE ${name(database)} TO ${whom}${grantable ? ' WITH GRANT OPTION' : ''}`
    }),
    ...(connections === -1 ? [] : [`ALTER DATABASE ${name(database)} CONNECTION LIMIT ${connections}`]),
  ]
  return texts.map((each) => serverQuery('change', each))
}

/** Settings whose items PostgreSQL stores with quotes (GUC_LIST_QUOTE in its source; pg_dump has the same list). */
const lists = [
  ...['local_preload_libraries', 'search_path', 'session_preload_libraries', 'shared_preload_libraries'],
  ...['temp_tablespaces', 'unix_socket_directories'],
]

function formatSetting(setting: string, value: string): string {
  if (!lists.includes(setting.toLowerCase())) return text(value)
  const items = value.match(/"(?:[^"]|"")*"|[^\s,"][^,]*/g) ?? ['']
  return items
    .map((item) => (item.startsWith('"') ? item.slice(1, -1).replaceAll('""', '"') : item.trim()))
    .map(text)
    .join(', ')
}
