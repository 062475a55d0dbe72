import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { home } from './helpers.ts'

const schemas = path.join(home, 'node_modules', '@cyclonedx', 'cyclonedx-library', 'res', 'schema')
const readSchema = (name: string) =>
  JSON.parse(readFileSync(path.join(schemas, `${name}.SNAPSHOT.schema.json`), 'utf8')) as object

export interface Bom {
  specVersion: string
  metadata: { component: { name: string; version: string; type: string } }
  components: { name: string; version: string; purl: string; properties?: { name: string }[] }[]
}

/** What CycloneDX's own schema of the version that the text names says against it. */
export function findBomFaults(text: string): string[] {
  const { specVersion } = JSON.parse(text) as Bom
  // strict: false, because the schemas use keywords of other tools. The formats are those that ajv-formats lacks.
  const ajv = new Ajv({
    strict: false,
    allErrors: true,
    formats: { 'iri-reference': true, 'idn-email': true },
  })
  addFormats.default(ajv)
  for (const name of ['spdx', 'jsf-0.82'])
    ajv.addSchema(readSchema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`)
  const validate = ajv.compile(readSchema(`bom-${specVersion}`))
  if (validate(JSON.parse(text))) return []
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
}
