/** az reports a lost connection with the messages of its Python libraries; they are kept in the transcript. */
const silences: readonly [RegExp, string][] = [
  [
    /ProxyError|Cannot connect to proxy|Tunnel connection failed/i,
    'the proxy (HTTPS_PROXY) does not answer, or blocks the connection',
  ],
  [
    /Name or service not known|getaddrinfo|Temporary failure in name resolution|NameResolutionError/i,
    'its name does not resolve',
  ],
  [/timed out|Timeout/i, 'it did not answer in time'],
  [/refused/i, 'it refused the connection'],
  [/reset|aborted/i, 'the connection was cut'],
]

/** Why there was no answer, and from which host. */
export function describeSilence(output: string): string {
  const [host] = /[\w.-]+\.(?:azure\.com|microsoftonline\.com|azurecr\.io|windows\.net)/.exec(output) ?? []
  const why = silences.find(([when]) => when.test(output))?.[1] ?? 'there is no connection'
  return host ? `${host}: ${why}` : why
}
