import { badRequest } from './errors.ts'
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
    throw badRequest(
      'InvalidRequestContent',
      `The request content was invalid and could not be deserialized: '${reason}'.`,
    )
  }
  const properties = body.properties
  if (!properties || typeof properties !== 'object')
    throw badRequest('InvalidRequestContent', "The required property 'properties' is missing.")
  if (properties.templateLink)
    throw badRequest(
      'InvalidTemplate',
      "The rehearsal's Azure deploys templates sent with the request, not templateLink.",
    )
  if (!properties.template || typeof properties.template !== 'object')
    throw badRequest('InvalidTemplate', "The deployment's template is missing.")
  if (String(properties.mode ?? 'Incremental').toLowerCase() !== 'incremental')
    throw badRequest(
      'InvalidDeploymentMode',
      "The rehearsal's Azure supports only the deployment mode 'Incremental'.",
    )
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
