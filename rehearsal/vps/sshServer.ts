import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MachineOptions } from '../machine.ts'
import { collect, runOrThrow } from '../processes.ts'

type Files = NonNullable<MachineOptions['files']>

/** Host keys of the types that a fresh Debian server has. */
const KEYS: Record<string, string[]> = {
  ed25519: ['-t', 'ed25519'],
  ecdsa: ['-t', 'ecdsa', '-b', '256'],
  rsa: ['-t', 'rsa', '-b', '2048'],
}

/** Debian's configuration of sshd, with logins by key only and without PAM. */
const CONFIGURATION = `PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
PubkeyAuthentication yes
UsePAM no
UseDNS no
PrintMotd no
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
`

/**
 * OpenSSH 9.8 and newer refuse an address for a while after failed logins (sshd_config(5), on by default). In the
 * rehearsal, one address stands for every operator and every test, so one operator's wrong key must not lock out the
 * others.
 */
const NO_PENALTIES = 'PerSourcePenalties no\n'

/**
 * Whether a line of `ssh -V` such as `OpenSSH_10.0p2 Debian-7, OpenSSL 3.5.1` names a release that has these penalties.
 */
export function knowsPenalties(version: string): boolean {
  const [, major = '0', minor = '0'] = /^OpenSSH_(\d+)\.(\d+)/.exec(version) ?? []
  return Number(major) > 9 || (Number(major) === 9 && Number(minor) >= 8)
}

export interface SshServer {
  files: Files
  /** Lines for known_hosts without the leading address: `ssh-ed25519 AAAA…`. */
  publicKeys: string[]
}

/**
 * Creates new host keys below `folder` and the files of an ssh server that lets root log in with `authorizedKey`.
 * @param root the file system that contains the server
 */
export async function sshServer(folder: string, authorizedKey: string, root: string): Promise<SshServer> {
  if (!/^(ssh|ecdsa|sk)-\S+ \S+/m.test(authorizedKey))
    throw new Error(
      'The VPS needs a public ssh key in the form of an authorized_keys line (ssh-ed25519 AAAA…).',
    )
  const { stderr: version } = await collect(spawn('chroot', [root, 'ssh', '-V']))
  const configuration = knowsPenalties(version) ? CONFIGURATION + NO_PENALTIES : CONFIGURATION
  const files: Files = {
    '/etc/ssh/sshd_config': { text: configuration },
    '/etc/ssh/ssh_config': { text: 'Host *\n    SendEnv LANG LC_*\n' },
    '/root/.ssh/authorized_keys': { text: `${authorizedKey.trim()}\n`, mode: 0o600 },
  }
  const publicKeys = await Promise.all(
    Object.entries(KEYS).map(async ([type, options]) => {
      const file = join(folder, `ssh_host_${type}_key`)
      await runOrThrow(['ssh-keygen', '-q', '-N', '', '-C', 'vps', '-f', file, ...options])
      const publicKey = readFileSync(`${file}.pub`, 'utf8')
      files[`/etc/ssh/ssh_host_${type}_key`] = { text: readFileSync(file, 'utf8'), mode: 0o600 }
      files[`/etc/ssh/ssh_host_${type}_key.pub`] = { text: publicKey }
      return publicKey.split(' ').slice(0, 2).join(' ')
    }),
  )
  return { files, publicKeys }
}
