import type { Secret } from '../config/secret.ts'
import type { Alert, Channel } from './alert.ts'
import { addressOf, post } from './post.ts'

/** A channel that takes one POST of JSON at a secret address. */
export const jsonChannel = (
  name: Channel['name'],
  title: string,
  address: Secret,
  bodyOf: (alert: Alert) => object,
): Channel => ({
  name,
  title,
  key: address.key,
  file: address.file,
  async deliver(runner, alert) {
    const body = JSON.stringify(bodyOf(alert))
    await post(runner, await addressOf(address, runner), body, 'application/json', address.key)
    return undefined
  },
})
