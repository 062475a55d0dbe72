/** How a key begins that belongs into a file: PEM, OpenSSH (also in base64), PuTTY, a public key, a known_hosts line. */
const beginnings =
  /-----BEGIN |PRIVATE KEY-----|PuTTY-User-Key-File|b3BlbnNzaC1rZXkt|LS0tLS1CRUdJTi|(^|\s)(ssh-(rsa|dss|ed25519)|ecdsa-sha2-\S+|sk-(ssh|ecdsa)-\S+)\s+AAAA/

/** The middle of a key without its head: no folder has a name like that. */
const base64 = /^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9+/=]{64,}$/
/** Names of files are shorter between their slashes; a blob has few slashes. */
const longPart = /[^/]{32,}/

/** Does a text look like a key itself, where the path of its file is wanted? Several lines are no path either. */
export const isKeyMaterial = (text: string): boolean =>
  beginnings.test(text) ||
  /[\r\n]/.test(text) ||
  (!/^[/~.]/.test(text) && base64.test(text) && longPart.test(text))
