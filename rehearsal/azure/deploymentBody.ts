import { refuse } from './errors.ts'
import type { Call } from './http.ts'
import type { Bag } from './json.ts'

/**
 * Reads the body of a deployment. `az deployment group create` sends `template:` as a bare key to keep the
 * text of the template unchanged. ARM accepts that but JSON.parse does not, so the bare key (outside strings)
 * gets quotes.
 */
export function deploymentBody(call: Call): Bag {
  let body: Bag
  try {
    body = JSON.parse(quoteBareKey(call.body.toString('utf8')))
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/ in JSON.*|, "[\s\S]*/, '') : ''
    throw refuse('deploymentBody', { reason })
  }
  const properties = body.properties
  if (!properties || typeof properties !== 'object') throw refuse('propertiesMissing')
  if (properties.templateLink) throw refuse('templateLink')
  if (!properties.template || typeof properties.template !== 'object') throw refuse('templateMissing')
  if (String(properties.mode ?? 'Incremental').toLowerCase() !== 'incremental') throw refuse('deploymentMode')
  return properties
}

const quoteBareKey = (text: string): string =>
  text.replaceAll(/("(?:[^"\\]|\\.)*")|\btemplate:/gs, (_found, string) => string ?? '"template":')
