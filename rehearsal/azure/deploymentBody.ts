import { refuse } from './errors.ts'
import type { Bag } from './json.ts'

/**
 * Reads the body of a deployment. `az deployment group create` sends `template:` as a bare key to keep the
 * text of the template unchanged. ARM accepts that but JSON.parse does not, so the bare key (outside strings)
 * gets quotes.
 */
export function deploymentBody(text: string): Bag {
  let body: Bag
  try {
    body = JSON.parse(quoteBareKey(text))
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

function quoteBareKey(text: string): string {
  let fixed = ''
  let inString = false
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]!
    if (inString && character === '\\') {
      fixed += character + (text[at + 1] ?? '')
      at += 1
      continue
    }
    if (character === '"') inString = !inString
    const bare = !inString && text.startsWith('template:', at) && !/[\w"]/.test(text[at - 1] ?? '')
    if (bare) {
      fixed += '"template":'
      at += 'template:'.length - 1
    } else fixed += character
  }
  return fixed
}
