import { expect, test } from 'vitest'
import { knowsPenalties } from '../../rehearsal/vps/ssh-server.ts'

test.each([
  ['OpenSSH_9.2p1 Debian-2+deb12u7, OpenSSL 3.0.17 1 Jul 2025', false],
  ['OpenSSH_9.7p1, OpenSSL 3.2.1', false],
  ['OpenSSH_9.8p1, OpenSSL 3.3.1', true],
  ['OpenSSH_10.0p2 Debian-7+deb13u4, OpenSSL 3.5.9 29 Sep 2026', true],
  ['', false],
])('%s: penalties for failed logins %s', (version, known) => {
  expect(knowsPenalties(version)).toBe(known)
})
