import ssh2 from 'ssh2'

/**
 * A new ed25519 key pair in OpenSSH's format. ssh2 1.17 occasionally writes a private key that it cannot read back (13
 * of 3,000 tried): such a key is discarded.
 */
export function createSshKey(): { private: string; public: string } {
  for (;;) {
    const key = ssh2.utils.generateKeyPairSync('ed25519')
    if (!(ssh2.utils.parseKey(key.private) instanceof Error)) return key
  }
}
