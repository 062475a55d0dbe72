import { createHmac, timingSafeEqual } from 'node:crypto'
import { ArmError } from './errors.ts'
import { type Call, ok, type Reply } from './http.ts'
import type { Bag } from './json.ts'
import type { World } from './world.ts'

const lifetimeSeconds = 86_399

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const sign = (key: Buffer, text: string): string => createHmac('sha256', key).update(text).digest('base64url')

/** A JSON Web Token signed for this run of the emulator. */
export function issueToken(world: World, audience: string, claims: Bag = {}): string {
  const now = Math.floor(Date.now() / 1000)
  const text = `${encode({ typ: 'JWT', alg: 'HS256' })}.${encode({
    aud: audience,
    iss: `https://sts.windows.net/${world.subscription.tenant}/`,
    iat: now,
    nbf: now,
    exp: now + lifetimeSeconds,
    tid: world.subscription.tenant,
    appid: world.servicePrincipal.id,
    oid: world.servicePrincipal.id,
    idtyp: 'app',
    ...claims,
  })}`
  return `${text}.${sign(world.tokenKey, text)}`
}

/** The claims of a token issued for the audience, or undefined when forged, expired or for something else. */
export function tokenClaims(world: World, token: string, audience: string): Bag | undefined {
  const [head, body, signature] = token.split('.')
  if (!head || !body || !signature) return undefined
  const wanted = Buffer.from(sign(world.tokenKey, `${head}.${body}`))
  const given = Buffer.from(signature)
  if (wanted.length !== given.length || !timingSafeEqual(wanted, given)) return undefined
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Bag
  return claims.aud === audience && claims.exp * 1000 > Date.now() ? claims : undefined
}

/** Refuses a request without a valid token for ARM, with ARM's message. */
export function requireLogin(world: World, call: Call): void {
  const refuse = (code: string, message: string): never => {
    const authenticate = `Bearer authorization_uri="https://login.microsoftonline.com/${world.subscription.tenant}", error="invalid_token", error_description="${message}"`
    throw new ArmError(401, code, message, [], { 'WWW-Authenticate': authenticate })
  }
  const [scheme, token] = (call.headers.authorization ?? '').split(' ')
  if (scheme !== 'Bearer' || !token)
    refuse('AuthenticationFailed', "Authentication failed. The 'Authorization' header is missing.")
  else if (world.faults.has('token-expired') || !tokenClaims(world, token, 'management'))
    refuse('ExpiredAuthenticationToken', 'The access token expiry UTC time is earlier than current UTC time.')
}

/** A refusal of the sign-in; its number is in the words. */
const refused = (status: number, error: string, words: string): Reply => ({
  status,
  body: { error, error_description: words, error_codes: [Number(/\d+/.exec(words)?.[0])] },
})

const host = 'login.microsoftonline.com'

function openidConfiguration(tenant: string): Bag {
  const base = `https://${host}/${tenant}`
  return {
    issuer: `${base}/v2.0`,
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    token_endpoint: `${base}/oauth2/v2.0/token`,
    device_authorization_endpoint: `${base}/oauth2/v2.0/devicecode`,
    ...{ tenant_region_scope: 'EU', cloud_instance_name: 'microsoftonline.com' },
  }
}

function discovery(tenant: string): Bag {
  const aliases = [host, 'login.windows.net', 'login.microsoft.com', 'sts.windows.net']
  return {
    tenant_discovery_endpoint: `https://${host}/${tenant}/v2.0/.well-known/openid-configuration`,
    metadata: [{ preferred_network: host, preferred_cache: 'login.windows.net', aliases }],
  }
}

/** login.microsoftonline.com: discovery and the client credentials grant (RFC 6749, section 4.4). */
export function login(world: World, call: Call): Reply {
  const { tenant } = world.subscription
  const { id, secret } = world.servicePrincipal
  if (call.path.endsWith('/discovery/instance')) return ok(discovery(tenant))
  const named = call.path.split('/')[1] ?? ''
  if (![tenant, 'organizations', 'common'].includes(named.toLowerCase()))
    return refused(400, 'invalid_tenant', `AADSTS90002: Tenant '${named}' not found. Check the tenant ID.`)
  if (call.path.endsWith('/.well-known/openid-configuration')) return ok(openidConfiguration(named))
  if (!/\/oauth2\/(v2\.0\/)?token$/.test(call.path) || call.method !== 'POST')
    return refused(400, 'invalid_request', `AADSTS900144: The rehearsal has no sign-in at ${call.path}.`)
  const form = new URLSearchParams(call.body.toString())
  const client = form.get('client_id')
  if (form.get('grant_type') !== 'client_credentials') {
    const words = 'The rehearsal signs in with a service principal only: az login --service-principal.'
    return refused(400, 'unauthorized_client', `AADSTS700030: ${words}`)
  }
  if (client !== id) {
    const words = `Application with identifier '${client}' was not found in the directory '${tenant}'.`
    return refused(400, 'unauthorized_client', `AADSTS700016: ${words}`)
  }
  if (form.get('client_secret') !== secret) {
    const words =
      'Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not ' +
      `the client secret ID, for a secret added to app '${id}'.`
    return refused(401, 'invalid_client', `AADSTS7000215: ${words}`)
  }
  const scope = `${form.get('scope') ?? ''}${form.get('resource') ?? ''}`
  const access_token = issueToken(world, /graph\./.test(scope) ? 'graph' : 'management')
  const lifetime = { expires_in: lifetimeSeconds, ext_expires_in: lifetimeSeconds }
  return ok({ token_type: 'Bearer', ...lifetime, access_token })
}
