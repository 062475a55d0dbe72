import { formatKeyFile, type Limits } from '../../config/config.ts'
import { unknownError } from '../../util/errors.ts'
import { formatBytes } from '../../util/format.ts'
import { worstVerdict } from '../../util/verdict.ts'
import { vps } from '../../vps/remote/vps.ts'
import { inspectServer } from '../../vps/serverState.ts'
import { byLimits, byLowLimits, type Check, combine, type Result } from '../check.ts'

/** A full disk stops nginx's logs, certbot and every release. */
const about = {
  title: 'Disk of the VPS',
  needs: 'ssh',
  advice: () =>
    `Free some space there: run journalctl --vacuum-size=200M or apt-get clean, or lower KEEP_RELEASES in ${formatKeyFile('KEEP_RELEASES')}.`,
} as const

export const disk: Check = {
  id: 'disk',
  tags: ['health'],
  ...about,
  async run({ context: { config, runner, server } }) {
    const { stdout, stderr } = await runner.run(
      // GNU df: sizes in bytes. The folder of the site may be on a separate disk, or not exist yet.
      vps(server).sudo({ accept: [0, 1], timeoutMs: 20_000 })`
        df -B1 --output=target,used,avail,iused,iavail -- / ${config.ionos.webRoot}`,
    )
    return judgeDisks(readDisks(stdout, stderr), config.health.diskPercent)
  },
}

/** Free bytes that a deploy needs. */
const roomForDeploy = { warning: 1e9, critical: 200e6 }

export const diskForDeploy: Check = {
  id: 'vps-disk',
  tags: ['doctor', 'vps'],
  ...about,
  async run({ context }) {
    const { freeBytes } = await inspectServer(context)
    return { verdict: byLowLimits(freeBytes, roomForDeploy), detail: `${formatBytes(freeBytes)} left` }
  },
}

export interface Disk {
  mountedOn: string
  /** The used percentage as df computes it, without the space reserved for root. */
  percent: number
  /** Undefined when the file system has no fixed number of inodes. */
  inodesPercent: number | undefined
  freeBytes: number
}

/** Parses df's lines. Throws (exit 3) when there are none. */
export function readDisks(stdout: string, stderr = ''): Disk[] {
  const rows = stdout.trim().split('\n').slice(1)
  const disks = rows.flatMap((row): Disk[] => {
    const [, mountedOn, ...texts] = /^(.*\S)\s+(\d+)\s+(\d+)\s+(\d+|-)\s+(\d+|-)$/.exec(row) ?? []
    if (mountedOn === undefined) return []
    const [used, free, inodesUsed, inodesFree] = texts.map(Number) as [number, number, number, number]
    const inodes = inodesUsed + inodesFree
    const inodesPercent = inodes > 0 ? share(inodesUsed, inodes) : undefined
    return [{ mountedOn, percent: share(used, used + free), inodesPercent, freeBytes: free }]
  })
  if (disks.length > 0)
    return disks.filter((disk, at) => disks.findIndex((each) => each.mountedOn === disk.mountedOn) === at)
  const said = `${stderr}\n${stdout}`.trim().slice(0, 500)
  throw unknownError('The VPS does not report how full its disk is', said)
}

const share = (used: number, all: number): number => (all === 0 ? 100 : Math.round((used / all) * 1000) / 10)

export function judgeDisks(disks: readonly Disk[], limits: Limits): Result {
  const judged = disks.map(({ mountedOn, percent, inodesPercent = 0, freeBytes }) => {
    const space = `${percent} % used, ${(freeBytes / 1e9).toFixed(1)} GB left`
    const parts = [
      { verdict: byLimits(percent, limits), detail: space },
      { verdict: byLimits(inodesPercent, limits), detail: `${inodesPercent} % of the inodes used` },
    ]
    const wrong = parts.filter(({ verdict }) => verdict !== 'OK')
    const shown = wrong.length > 0 ? wrong.map(({ detail }) => detail) : [space]
    return { verdict: worstVerdict(parts), detail: `${mountedOn} ${shown.join(', ')}` }
  })
  const most = Math.max(...disks.map(({ percent }) => percent))
  const mostInodes = Math.max(...disks.map(({ inodesPercent = 0 }) => inodesPercent))
  return {
    ...combine(judged),
    figures: [
      { name: 'disk', value: most, unit: '%', limits },
      { name: 'disk_inodes', value: mostInodes, unit: '%', limits },
    ],
  }
}
