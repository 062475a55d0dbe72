import { readFileSync } from 'node:fs'

/**
 * A rented server comes without web server and without certbot. This host may have them, and its file system is
 * what the VPS is made from: these are the packages to purge inside first.
 */
const NOT_ON_A_BARE_SERVER = /^(nginx|libnginx-mod-|certbot$|python3-certbot|python3-acme$)/

export interface Bare {
  /** Installed packages to purge: those above, and what cannot stay without them. */
  purge: string[]
  /** dpkg's status file as it reads after that. */
  status: string
}

interface Paragraph {
  text: string
  name: string
  provides: string[]
  /** Each dependency as its alternatives' names. */
  depends: string[][]
}

/** Works out the bare server from dpkg's status file of this host. */
export function bareServer(statusFile = '/var/lib/dpkg/status'): Bare {
  const all = readFileSync(statusFile, 'utf8').split('\n\n').filter(Boolean).map(paragraph)
  const [others, installed] = partition(all, ({ text }) => /^Status: \S+ \S+ installed$/m.test(text))
  const before = names(installed)
  let remaining = installed.filter(({ name }) => !NOT_ON_A_BARE_SERVER.test(name))
  for (;;) {
    const there = names(remaining)
    const broken = (alternatives: string[]) =>
      alternatives.some((name) => before.has(name)) && !alternatives.some((name) => there.has(name))
    const kept = remaining.filter(({ depends }) => !depends.some(broken))
    if (kept.length === remaining.length) break
    remaining = kept
  }
  const kept = new Set(remaining.map(({ name }) => name))
  const rest = others.filter(({ name }) => !NOT_ON_A_BARE_SERVER.test(name))
  return {
    purge: [...new Set(installed.map(({ name }) => name))].filter((name) => !kept.has(name)),
    status: `${[...rest, ...remaining].map(({ text }) => text).join('\n\n')}\n`,
  }
}

function paragraph(text: string): Paragraph {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? ''
  const bareName = (word: string) => word.trim().split(/[\s(:]/)[0]!
  const list = (value: string) => value.split(',').filter((part) => part.trim() !== '')
  return {
    text,
    name: field('Package'),
    provides: list(field('Provides')).map(bareName),
    depends: [...list(field('Pre-Depends')), ...list(field('Depends'))].map((part) =>
      part.split('|').map(bareName),
    ),
  }
}

function names(packages: Paragraph[]): Set<string> {
  return new Set(packages.flatMap(({ name, provides }) => [name, ...provides]))
}

function partition<T>(items: T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter((item) => !test(item)), items.filter(test)]
}
